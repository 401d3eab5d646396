"""Heatmaps in TensorBoard, while a network trains."""

from typing import Any

import numpy as np

from kerascam import visualization
from kerascam._checks import check_integer
from kerascam.callbacks.class_names import check_class_names
from kerascam.callbacks.probes import (
    Probes,
    build_sequential,
    check_explainer,
    take_probes,
    take_truth,
)
from kerascam.callbacks.summary_callback import SummaryCallback
from kerascam.explainers import CAM
from kerascam.explainers.targets import check_targets
from kerascam.graph.classes import num_classes
from kerascam.metrics.energy import energy_inside

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
        max_images: Number of images to show.
        select: Which images are shown: `"first"`, the same ones each time; `"worst"`, at each step
            anew those with the least share of the map on the object, or with the highest loss
            where neither `boxes` nor `masks` are given; or a function from an
            `kerascam.Explanation` and labels to a number for each image, `(num,)`, of which the
            highest are shown. Then the tags are `worst_0` (the worst), `worst_1` and so on, or
            `selected_0`, and the image's number stands below.
        boxes: True boxes, see `HeatmapMetrics`; they are drawn over the images.
        masks: True masks, see `HeatmapMetrics`.
        max_candidates: Number of images to choose from, the first ones, where `select` chooses.
        image_format: `"png"` or `"jpeg"`, which is five times smaller.
        colormap: One of `kerascam.visualization.COLORMAPS`.
        alpha: Share of the heatmap in the overlay, 0 to 1.
        scale: Which raw values have the lowest and highest colour: `"image"` (0 and the maximum of
            each heatmap), `"shared"` (0 and the maximum of all shown), or `(low, high)`, which
            stays the same throughout the training.
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
        select="first",
        boxes=None,
        masks=None,
        max_candidates=256,
        image_format="png",
        colormap="turbo",
        alpha=0.5,
        scale="image",
        on_error="warn",
        name=None,
    ):
        super().__init__(log_dir, update_freq, on_error)
        check_explainer(explainer)
        max_images = check_integer("max_images", max_images)
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
        if not callable(select) and select not in ("first", "worst"):
            raise ValueError(
                f'`select` must be "first", "worst" or a function. Received: select={select!r}.'
            )
        self.max_images = max_images
        self.select = select
        self.boxes = boxes
        self.masks = masks
        self.max_candidates = max(max_images, check_integer("max_candidates", max_candidates))
        self.image_format = image_format
        self.colormap = colormap
        self.alpha = alpha
        self.scale = scale
        self.name = name

    def build(self):
        """Builds the explainer and draws everything once."""
        self._kept = None
        build_sequential(self.model, self.images)
        self._explain = self.explainer(self.model)
        most = self.max_images if self.select == "first" else self.max_candidates
        inputs, self._labels = take_probes(self.images, self.labels, most, self._explain)
        number = len(inputs[0])
        self._names = check_class_names(self.class_names, num_classes(self._explain.num_classes))
        targets = self._choose_targets(number, most)
        self._probes = Probes(self.model, self.explainer, self._explain, inputs, targets)
        shown = next((array for array in inputs if array.ndim == 4), inputs[0])
        self._rgb = visualization.to_rgb(shown, self.to_rgb)
        size = self._rgb.shape[1:3]
        self._truth = take_truth(self.boxes, self.masks, self.images, self._explain, number, size)
        if self.select == "worst" and self._truth is None and self._labels is None:
            raise ValueError(
                '`select="worst"` needs labels, or `boxes` or `masks`. Received: none of them.'
            )
        self._tag = {"first": "image", "worst": "worst"}.get(self.select, "selected")
        self._draw()
        return self.name or type(self._explain).__name__.lower()

    def write(self, writer):
        """Writes pictures and numbers of one step."""
        heatmaps, samples = self._draw()
        for index, (heatmap, pictures) in enumerate(zip(heatmaps, samples, strict=True)):
            tag = f"{self._tag}_{index}"
            writer.images(f"{self._group}/{tag}", pictures, *self._picture_size)
            writer.scalar(f"{self._group}_min/{tag}", heatmap.min())
            writer.scalar(f"{self._group}_max/{tag}", heatmap.max())

    def _draw(self):
        """Raw heatmaps of the images to show, and for each its encoded pictures."""
        explanation = self._probes.explanation()
        probabilities = self._explain.class_probabilities(explanation.scores)
        chosen = self._choose(explanation, probabilities)
        predicted = probabilities.argmax(axis=-1)
        heatmaps, targets = explanation.heatmaps[chosen], explanation.targets
        value_range = self._value_range(heatmaps)
        shown = heatmaps
        if self._explain.has_offset and value_range is None:
            shown = heatmaps - heatmaps.min(axis=(1, 2), keepdims=True)
        inputs, pictures = self._inputs_of(chosen)
        resized = visualization.resize(shown, pictures.shape[1:3])
        colored = visualization.colorize(resized, self.colormap, value_range)
        overlays = self._with_boxes(visualization.blend(pictures, colored, self.alpha), chosen)
        overlay_lines, heatmap_lines = [], []
        for index, heatmap in zip(chosen, heatmaps, strict=True):
            guess = predicted[index]
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
            right = (predicted == self._labels)[chosen]
            colors = [_GREEN if hit else _RED for hit in right]
        samples = zip(
            inputs,
            self._encode(overlays, overlay_lines, colors),
            self._encode(colored, heatmap_lines),
            strict=True,
        )
        return heatmaps, list(samples)

    def _choose(self, explanation, probabilities):
        """Indices of the images to show."""
        number = len(probabilities)
        if self.select == "first":
            return np.arange(number)
        if callable(self.select):
            badness = np.asarray(self.select(explanation, self._labels), "float64")
            if badness.shape != (number,):
                raise ValueError(
                    "`select` must return one number for each image. Received: shape "
                    f"{badness.shape} for {number} images."
                )
        elif self._truth is None:
            badness = -probabilities[np.arange(number), self._labels]  # The order of the loss.
        else:
            resized = visualization.resize(explanation.heatmaps, self._truth.size)
            badness = -energy_inside(resized, self._truth.masks)
            badness[~self._truth.masks.any(axis=(1, 2))] = -np.inf  # There is nothing to look at.
        badness = np.where(np.isnan(badness), np.inf, badness)
        return np.argsort(-badness, kind="stable")[: self.max_images]

    def _inputs_of(self, chosen):
        """Encoded inputs and enlarged pictures of some images."""
        if self.select == "first" and self._kept is not None:
            return self._kept
        pictures = visualization.enlarge(self._rgb[chosen])
        first = "input" if self.select == "first" else "image {}"
        lines = [[first.format(index), self._true_line(index)] for index in chosen]
        encoded = self._encode(self._with_boxes(pictures, chosen), lines)
        if self.select == "first":
            self._kept = encoded, pictures
        return encoded, pictures

    def _with_boxes(self, pictures, chosen):
        if self._truth is None or self.boxes is None:
            return pictures
        factor = pictures.shape[1] / self._truth.size[0]
        return visualization.draw_boxes(
            pictures, [factor * self._truth.boxes[index] for index in chosen]
        )

    def _encode(self, pictures, lines, colors=_WHITE):
        labelled = visualization.add_labels(pictures, lines, colors)
        self._picture_size = labelled.shape[1:3]
        return [visualization.encode(picture, self.image_format) for picture in labelled]

    def _true_line(self, index):
        return "" if self._labels is None else f"true: {self._names[self._labels[index]]}"

    def _choose_targets(self, number, most):
        if isinstance(self.targets, str):
            return self._labels if self.targets == "label" else None
        if self.targets is None or callable(self.targets):
            return self.targets
        targets = np.asarray(self.targets)
        if targets.ndim:
            targets = targets[:most]
        return check_targets(targets, number, self._explain.num_classes)

    def _value_range(self, heatmaps):
        if isinstance(self.scale, str):
            if self.scale == "image":
                return None
            signed = self.colormap == "diverging"
            high = float(np.max(np.abs(heatmaps) if signed else heatmaps))
            return (-high if signed else 0.0, high) if high > 0 else None
        return self.scale
