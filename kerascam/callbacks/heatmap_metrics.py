"""Numbers of heatmaps in the logs, while a network trains."""

import math

from kerascam._checks import check_integer, check_number, check_threshold
from kerascam.callbacks.order import check_order, check_prefix
from kerascam.callbacks.probes import (
    Probes,
    build_sequential,
    check_explainer,
    take_probes,
    take_truth,
)
from kerascam.callbacks.summary_callback import SummaryCallback
from kerascam.explainers import CAM
from kerascam.graph.classes import predicted_classes
from kerascam.metrics.training import TrainingSignals

_MOST_OF_A_DATASET = 64
_TOLERANCE = 15 / 224  # The pointing game's 15 pixels, for images of any size.


class HeatmapMetrics(SummaryCallback):
    """Measures at each epoch where a network looks, and puts it into the logs.

    What is measured stands beside loss and accuracy in `History`, the progress bar and
    `CSVLogger`, and `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau` can act on it. List
    this callback before them, and pass them a `mode`. The same images are measured each time, with
    the maps of their true classes:

    - `cam_drift`: how much maps changed since the last time (at first: since before training), see
      `kerascam.metrics.drift`; `cam_drift_same`: the same for images whose predicted class did not
      change, 1 where there is none;
    - `cam_focus`: Gini index of the positive part, 0 (even) to 1 (one point); `cam_area`: share of
      the map above 20 % of its maximum; `cam_border`: share of the positive part in the outermost
      ring, by chance 28 of 64 for maps of 8 x 8;
    - `cam_max`, `cam_mean`: means of the maps' maxima and of all their values, not scaled, NaN for
      a network that diverged; `cam_dead`: share of maps without a positive value, or the same
      everywhere;
    - `cam_class_sensitivity`: one minus the cosine of the maps of the true class and of its
      strongest rival; `cam_shift_ambiguity`: share of the head's weights that all classes have in
      common (`CAM` alone, see `kerascam.CAM.shift_ambiguity`);

    and with `boxes` or `masks`

    - `cam_enrichment`: how many times more of the map lies on the object than by chance;
      `cam_background`: share of the positive part beside the object, 1 for a dead map;
      `cam_pointing`: share of maps with their maximum on the object, or close to it;
    - `cam_box_iou`: mean overlap of the box of the 20 % rule with the true one;
      `cam_best_box_iou`: mean overlap of the best of all boxes at the threshold that suits all
      images best;
      `cam_max_box_accuracy`: `kerascam.metrics.MaxBoxAccuracy`, version 2.

    Images without an object are left out of the latter.

    For a network that ends in global pooling it takes one forward pass, for other explainers two
    explanations. A `HeatmapLogger` that is listed after it, and shows the first of the same images
    by the same explainer, takes the maps from here. Small drift does not mean that a network is
    right, and maps become stronger and more focused in any training: the numbers that tell are
    those that know the object. They rise and fall by chance, too, so `EarlyStopping` needs patience
    with them. Arguments are checked when training begins; what fails later never ends the training,
    and the numbers are missing from then on.

    Args:
        images: See `HeatmapLogger`. All of them are measured at each epoch, so pass a few hundred
            at most. A data set must not be shuffled where there are boxes or masks.
        labels: Class of each image, `(num,)`, integers.
        boxes: True boxes, `xyxy` in pixels, the second corner just outside: `(num, 4)`,
            `(num, boxes, 4)` filled up with -1, or a list of arrays `(boxes, 4)`.
        masks: True masks `(num, height, width)`, bool, instead of boxes or for the numbers that
            look at pixels; then boxes are for those that look at boxes.
        explainer: See `HeatmapLogger`. Its maps must have two axes.
        prefix: What the names begin with, before an underscore.
        log_dir: TensorBoard's log directory, to have the numbers there, too, as
            `<prefix>_metrics/<name>` in its run `kerascam`. `None` writes nothing.
        every: Measure once in so many epochs, at the first of them; NaN in between, so that the
            columns of `CSVLogger` stay. Keras counts NaN as no improvement.
        max_images: Number of images to take, the first ones. Default: all of an array, and 64 of a
            `tf.data.Dataset`.
        threshold: Share of the maximum for `area` and `box_iou`.
        tolerance: Of `pointing` in pixels. Default: 15 for images whose longer side is 224, and in
            proportion.
        num_thresholds: Number of thresholds for `best_box_iou` and `max_box_accuracy`. Few, so
            that it takes no time; `kerascam.metrics.MaxBoxAccuracy` has 1000.
        on_error: `"warn"` (a warning, and the callback is switched off), or `"raise"`.

    Raises:
        OSError: When training begins, if `log_dir` can't be written.
        TypeError: When training begins, if images, labels or masks have a wrong type.
        ValueError: When training begins, if anything else is wrong: labels are missing, boxes are
            outside the images, the network does not end as the explainer needs, a callback that
            acts on one of the numbers has no `mode`.

    Example:
        >>> data = kerascam.datasets.shapes(8, classes=("circle", "square"))
        >>> model = kerascam.models.cam_classifier(
        ...     keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(8, 3, 2)]), 2
        ... )
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> measure = HeatmapMetrics(data.images, data.labels, boxes=data.boxes)
        >>> stop = keras.callbacks.EarlyStopping("cam_enrichment", mode="max", patience=7)
        >>> history = model.fit(data.images, data.labels, verbose=0, callbacks=[measure, stop])
        >>> len(history.history["cam_enrichment"])
        1

    Reference:
        Explanation drift of 2601.11625 (2026); Choe et al. 2020, Evaluating Weakly Supervised
        Object Localization Methods Right; Wang et al. 2020, Score-CAM, section 4.3.
    """

    runs_everywhere = True

    def __init__(
        self,
        images,
        labels=None,
        boxes=None,
        masks=None,
        *,
        explainer=CAM,
        prefix="cam",
        log_dir=None,
        every=1,
        max_images=None,
        threshold=0.2,
        tolerance=None,
        num_thresholds=20,
        on_error="warn",
    ):
        super().__init__(log_dir, "epoch", on_error)
        check_explainer(explainer)
        if not isinstance(prefix, str) or not prefix:
            raise ValueError(f"`prefix` must be a name. Received: prefix={prefix!r}.")
        self.images = images
        self.labels = labels
        self.boxes = boxes
        self.masks = masks
        self.explainer = explainer
        self.prefix = prefix
        self.every = check_integer("every", every)
        self.max_images = None if max_images is None else check_integer("max_images", max_images)
        self.threshold = check_threshold(threshold)
        self.tolerance = None if tolerance is None else check_number("tolerance", tolerance, 0)
        self.num_thresholds = check_integer("num_thresholds", num_thresholds)
        self._names: list[str] = []
        self._values: dict[str, float] = {}
        self._in_paths: set[str] = set()
        self._epochs, self._measures = 0, True

    def build(self):
        """Builds the explainer and measures once, which is what the first drift refers to."""
        build_sequential(self.model, self.images)
        explain = self.explainer(self.model)
        is_dataset = hasattr(self.images, "element_spec")
        most = self.max_images or (_MOST_OF_A_DATASET if is_dataset else None)
        inputs, labels = take_probes(self.images, self.labels, most, explain)
        if labels is None:
            raise ValueError(
                "`labels` must hold the class of each image, so that the same maps are compared "
                "at every epoch. Received: none."
            )
        self._probes = Probes(self.model, self.explainer, explain, inputs, labels)
        explanation, pair = self._probes.explanation_and_pair()
        if explanation.heatmaps.ndim != 3:
            raise ValueError(
                "`HeatmapMetrics` measures maps (batch, h, w). Received: maps of shape "
                f"{explanation.heatmaps.shape} from `explainer`."
            )
        image = next(array for array in inputs if array.ndim == 4)
        size = image.shape[1:3]
        tolerance = _TOLERANCE * max(size) if self.tolerance is None else self.tolerance
        self._signals = TrainingSignals(
            take_truth(self.boxes, self.masks, self.images, explain, len(image), size),
            threshold=self.threshold,
            tolerance=tolerance,
            num_thresholds=self.num_thresholds,
        )
        self._names = list(self._measure(explanation, pair))
        return f"{self.prefix}_metrics"

    def on_train_begin(self, logs=None):
        """Checks everything, also the other callbacks that act on the numbers."""
        check_prefix(self)
        super().on_train_begin(logs)
        self._in_paths = check_order(self, self._names, self.every)
        self._probes.share()
        self._epochs, self._measures = 0, True

    def on_epoch_end(self, epoch, logs=None):
        """Puts the numbers into the logs."""
        self._values = dict.fromkeys(self._names if self._measures else self._in_paths, math.nan)
        if self._measures and self._epochs % self.every == 0:
            try:
                self._values = self._measure(*self._probes.explanation_and_pair())
            except Exception as error:
                self._report(error, "measures no more in this training, which goes on")
                # Without its number a callback does nothing; NaN would be no improvement to it.
                self._values = dict.fromkeys(self._in_paths, math.nan)
                self._measures = False
            if self._writer is not None and self._measures:
                super().on_epoch_end(epoch, logs)
        self._epochs += 1
        if logs is not None:
            logs.update(self._values)

    def on_train_end(self, logs=None):
        """Lets go of the event file and of what was measured last."""
        super().on_train_end(logs)
        self._probes.forget()

    def write(self, writer):
        """Writes the numbers to TensorBoard."""
        for name, value in self._values.items():
            if math.isfinite(value):
                writer.scalar(f"{self._group}/{name.removeprefix(self.prefix + '_')}", value)

    def _measure(self, explanation, pair):
        predicted = predicted_classes(explanation.scores)
        explain = self._probes.explain
        ambiguity = explain.shift_ambiguity() if isinstance(explain, CAM) else None
        found = self._signals.update(explanation.heatmaps, predicted, pair, ambiguity)
        return {f"{self.prefix}_{name}": value for name, value in found.items()}
