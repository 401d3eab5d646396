"""Heatmaps in TensorBoard, while a network trains."""

from typing import Any

import keras
import numpy as np

from kerascam import visualization
from kerascam.callbacks.class_names import check_class_names
from kerascam.callbacks.probes import batch_shape, take_probes
from kerascam.callbacks.summary_callback import SummaryCallback
from kerascam.explainers import CAM, Explainer
from kerascam.explainers.targets import check_targets

_WHITE, _GREEN, _RED = (255, 255, 255), (120, 230, 120), (255, 130, 120)


class HeatmapLogger(SummaryCallback):
    """Shows in TensorBoard where a network looks, epoch by epoch.

    For each image it writes one tag with three pictures: the image, the heatmap over the image and
    the heatmap alone, with the true class, the predicted class and its probability below; and the
    lowest and highest raw value of the heatmap as numbers. The same images are shown each time.

    The heatmaps are computed by a function that is compiled once for the whole training; those of
    `kerascam.CAM` in one forward pass of all images. All arguments are checked when training
    begins, and heatmaps are computed once for it; what fails later never ends the training.

    Args:
        log_dir: TensorBoard's log directory, the same as that of `keras.callbacks.TensorBoard`.
            Events go to its run `kerascam`.
        images: Images as `model.fit` takes them, `(num, height, width, channels)`;
            `(images, labels)`; or a `tf.data.Dataset` of either, batched or not. A list or
            dictionary of arrays for a model with several inputs, of which the first image is
            shown.
        labels: Class of each image, `(num,)`, integers.
        explainer: A class such as `kerascam.CAM`, or a function from the model to an
            `kerascam.Explainer`, such as `functools.partial(kerascam.CAM, output="species")`.
        targets: Which class is explained: `"label"` (the predicted one where there are no labels),
            `"predicted"`, or a target as `kerascam.Explainer` takes it.
        class_names: Names of the classes in their order, or a dictionary from index to name.
            Default: their indices.
        to_rgb: How to show the images, see `kerascam.visualization.to_rgb`. Default: guessed.
        update_freq: `"epoch"`, or a number of batches.
        max_images: Number of images to show, the first ones.
        image_format: `"png"` or `"jpeg"`, which is five times smaller.
        colormap: One of `kerascam.visualization.COLORMAPS`.
        alpha: Share of the heatmap in the overlay, 0 to 1.
        scale: Which raw values have the lowest and highest colour: `"image"` (0 and the maximum of
            each heatmap), `"shared"` (0 and the maximum of all), or `(low, high)`, which stays the
            same throughout the training.
        on_error: `"warn"` (a warning, and the callback is switched off), or `"raise"`.
        name: Name of the tags' group. Default: name of the explainer's class, such as `cam`.

    Raises:
        OSError: When training begins, if `log_dir` can't be written.
        TypeError: When training begins, if images or labels have a wrong type.
        ValueError: When training begins, if anything else is wrong: the network does not end as
            the explainer needs, a label does not exist, labels and images differ in number.

    Example:
        >>> data = kerascam.datasets.shapes(8, classes=("circle", "square"))
        >>> model = kerascam.models.cam_classifier(
        ...     keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(8, 3, 2)]), 2
        ... )
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> logger = HeatmapLogger(log_dir, data.images, data.labels, class_names=data.class_names)
        >>> history = model.fit(data.images, data.labels, verbose=0, callbacks=[logger])

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization.
    """

    def __init__(
        self,
        log_dir,
        images,
        labels=None,
        *,
        explainer=CAM,
        targets="label",
        class_names=None,
        to_rgb=None,
        update_freq="epoch",
        max_images=8,
        image_format="png",
        colormap="turbo",
        alpha=0.5,
        scale="image",
        on_error="warn",
        name=None,
    ):
        super().__init__(log_dir, update_freq, on_error)
        if isinstance(explainer, Explainer) or not callable(explainer):
            raise ValueError(
                "`explainer` must be a class such as `kc.CAM`, or a function from the model to an "
                f"explainer. Received: {type(explainer).__name__}. An explainer that was built "
                "already can't follow a model into training: pass its class."
            )
        if isinstance(max_images, bool) or not isinstance(max_images, int) or max_images < 1:
            raise ValueError(
                f"`max_images` must be a positive integer. Received: max_images={max_images!r}."
            )
        if isinstance(scale, str) and scale not in ("image", "shared"):
            raise ValueError(
                f'`scale` must be "image", "shared" or (low, high). Received: scale={scale!r}.'
            )
        if isinstance(targets, str) and targets not in ("label", "predicted"):
            raise ValueError(
                '`targets` must be "label", "predicted", class indices or a function. Received: '
                f"targets={targets!r}."
            )
        self.images = images
        self.labels = labels
        self.explainer = explainer
        self.targets = targets
        self.class_names = class_names
        self.to_rgb = to_rgb
        self.max_images = max_images
        self.image_format = image_format
        self.colormap = colormap
        self.alpha = alpha
        self.scale = scale
        self.name = name

    def build(self):
        """Builds the explainer and draws everything once."""
        if isinstance(self.model, keras.Sequential) and not self.model.built:
            shape = batch_shape(self.images)
            if shape is not None:
                self.model.build(shape)  # As `fit` is about to do.
        self._explain = self.explainer(self.model)
        self._inputs, self._labels = take_probes(
            self.images, self.labels, self.max_images, self._explain
        )
        num_images, num_classes = len(self._inputs[0]), self._explain.num_classes
        self._names = check_class_names(self.class_names, max(num_classes, 2))
        self._targets = self._choose_targets()
        shown = next((array for array in self._inputs if array.ndim == 4), self._inputs[0])
        self._pictures = visualization.enlarge(visualization.to_rgb(shown, self.to_rgb))
        captions = [["input", self._true_line(index)] for index in range(num_images)]
        self._encoded_inputs = self._encode(self._pictures, captions)
        self._draw()
        return self.name or type(self._explain).__name__.lower()

    def write(self, writer):
        """Writes pictures and numbers of one step."""
        heatmaps, samples = self._draw()
        for index, (heatmap, pictures) in enumerate(zip(heatmaps, samples, strict=True)):
            writer.images(f"{self._group}/image_{index}", pictures, *self._picture_size)
            writer.scalar(f"{self._group}_min/image_{index}", heatmap.min())
            writer.scalar(f"{self._group}_max/image_{index}", heatmap.max())

    def _draw(self):
        """Raw heatmaps, and for each image its encoded pictures."""
        inputs = self._inputs if len(self._inputs) > 1 else self._inputs[0]
        heatmaps, targets, scores = self._explain(inputs, self._targets, verbose=0)
        probabilities = self._explain.probabilities(scores)
        if probabilities.shape[-1] == 1:
            probabilities = np.concatenate([1 - probabilities, probabilities], axis=-1)
        predicted = probabilities.argmax(axis=-1)
        value_range = self._value_range(heatmaps)
        shown = heatmaps
        if self._explain.has_offset and value_range is None:
            shown = heatmaps - heatmaps.min(axis=(1, 2), keepdims=True)
        resized = visualization.resize(shown, self._pictures.shape[1:3])
        colored = visualization.colorize(resized, self.colormap, value_range)
        overlays = visualization.blend(self._pictures, colored, self.alpha)
        overlay_lines, heatmap_lines = [], []
        for index, (heatmap, guess) in enumerate(zip(heatmaps, predicted, strict=True)):
            share = 100 * probabilities[index, guess]
            overlay_lines.append(
                [self._true_line(index), f"predicted: {self._names[guess]} {share:.0f} %"]
            )
            explained = "target" if targets is None else self._names[targets[index]]
            heatmap_lines.append(
                [f"map of: {explained}", f"{heatmap.min():.3g} to {heatmap.max():.3g}"]
            )
        colors: Any = _WHITE
        if self._labels is not None:
            colors = [_GREEN if right else _RED for right in predicted == self._labels]
        samples = zip(
            self._encoded_inputs,
            self._encode(overlays, overlay_lines, colors),
            self._encode(colored, heatmap_lines),
            strict=True,
        )
        return heatmaps, list(samples)

    def _encode(self, pictures, lines, colors=_WHITE):
        labelled = visualization.add_labels(pictures, lines, colors)
        self._picture_size = labelled.shape[1:3]
        return [visualization.encode(picture, self.image_format) for picture in labelled]

    def _true_line(self, index):
        return "" if self._labels is None else f"true: {self._names[self._labels[index]]}"

    def _choose_targets(self):
        if isinstance(self.targets, str):
            return self._labels if self.targets == "label" else None
        if self.targets is None or callable(self.targets):
            return self.targets
        targets = np.asarray(self.targets)
        if targets.ndim:
            targets = targets[: self.max_images]
        return check_targets(targets, len(self._inputs[0]), self._explain.num_classes)

    def _value_range(self, heatmaps):
        if isinstance(self.scale, str):
            if self.scale == "image":
                return None
            signed = self.colormap == "diverging"
            high = float(np.max(np.abs(heatmaps) if signed else heatmaps))
            return (-high if signed else 0.0, high) if high > 0 else None
        return self.scale
