"""How well a box around the marked region fits the object."""

import keras
import numpy as np

from kerascam import localization
from kerascam._checks import check_number
from kerascam.explainers.targets import check_targets
from kerascam.graph.classes import predicted_classes
from kerascam.metrics.heatmap_mean import HeatmapMean
from kerascam.metrics.overlap import best_iou

_INCLUSIVE = "wsolevaluation"  # The convention whose boxes end with their last pixel.


@keras.saving.register_keras_serializable(package="kerascam")
class BoxIoU(HeatmapMean):
    """Mean overlap of the box around the marked region with the best of the true boxes, 0 to 1.

    Intersection over union; 0 for a map that marks nothing and for an image without a true box.
    For boxes of whole pixels it is the same number as with the convention of ILSVRC, which counts
    the last pixel in.

    Args:
        image_size: `(height, width)` of the images in pixels.
        threshold: See `kerascam.localization.boxes`.
        convention: See `kerascam.localization.boxes`.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> metric = BoxIoU(image_size=(1, 4))
        >>> metric.update_state([[0, 0, 3, 1]], [[[1.0, 1.0, 0.0, 0.0]]])
        >>> round(float(metric.result()), 4)
        0.6667

    Reference:
        Zhou et al. 2016, section 3.2; Russakovsky et al. 2015, ImageNet Large Scale Visual
        Recognition Challenge, section 4.2.
    """

    def __init__(
        self,
        image_size,
        *,
        threshold=None,
        convention="paper",
        inclusive=False,
        name=None,
        dtype="float64",
    ):
        super().__init__(image_size, inclusive=inclusive, name=name, dtype=dtype)
        self.threshold = threshold
        self.convention = convention
        localization.boxes(np.zeros((1, 1, 1)), (1, 1), threshold, convention=convention)

    def values(self, truth, y_pred):
        """Overlap of each image, `(batch,)`; `y_pred` are heatmaps, or boxes `(batch, 4)`."""
        if y_pred.ndim == 2 and y_pred.shape[1] == 4:
            return best_iou(y_pred, truth.boxes)
        boxes = localization.boxes(y_pred, truth.size, self.threshold, convention=self.convention)
        if self.convention != _INCLUSIVE:
            return best_iou(boxes, truth.boxes)
        return best_iou(boxes, [some - [0, 0, 1, 1] for some in truth.boxes], inclusive=True)

    def get_config(self):
        """What the metric is built of."""
        return {
            **super().get_config(),
            "threshold": self.threshold,
            "convention": self.convention,
        }


@keras.saving.register_keras_serializable(package="kerascam")
class GTKnownLocalization(BoxIoU):
    """Share of images whose box overlaps a true one by at least a half, class given.

    The heatmaps are those of the true class. `y_pred` may also be boxes `(batch, 4)`.

    Args:
        image_size: See `BoxIoU`.
        iou_threshold: Least overlap of a hit, 0 to 1.
        threshold: See `kerascam.localization.boxes`.
        convention: See `kerascam.localization.boxes`.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> metric = GTKnownLocalization(image_size=(1, 4))
        >>> metric.update_state([[0, 0, 3, 1], [2, 0, 4, 1]], [[[1.0, 1.0, 0.0, 0.0]]] * 2)
        >>> float(metric.result())
        0.5

    Reference:
        Russakovsky et al. 2015, section 4.2; Choe et al. 2020, section 3.
    """

    def __init__(
        self,
        image_size,
        *,
        iou_threshold=0.5,
        threshold=None,
        convention="paper",
        inclusive=False,
        name=None,
        dtype="float64",
    ):
        super().__init__(
            image_size,
            threshold=threshold,
            convention=convention,
            inclusive=inclusive,
            name=name,
            dtype=dtype,
        )
        self.iou_threshold = check_number("iou_threshold", iou_threshold, 0.0, 1.0)

    def values(self, truth, y_pred):
        """1 for each hit, `(batch,)`."""
        overlaps = super().values(truth, y_pred)
        return ((overlaps >= self.iou_threshold) & (overlaps > 0)).astype("float64")

    def get_config(self):
        """What the metric is built of."""
        return {**super().get_config(), "iou_threshold": self.iou_threshold}


@keras.saving.register_keras_serializable(package="kerascam")
class Top1Localization(GTKnownLocalization):
    """Share of images that are classified rightly and whose box is a hit.

    One minus ILSVRC's localisation error for a single guess.

    Args:
        image_size: See `BoxIoU`.
        iou_threshold: See `GTKnownLocalization`.
        threshold: See `kerascam.localization.boxes`.
        convention: See `kerascam.localization.boxes`.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> metric = Top1Localization(image_size=(1, 4))
        >>> heatmaps = [[[1.0, 1.0, 0.0, 0.0]]] * 2
        >>> scores = [[3.0, 1.0], [1.0, 3.0]]
        >>> metric.update_state([[0, 0, 2, 1]] * 2, heatmaps, labels=[0, 0], scores=scores)
        >>> float(metric.result())
        0.5

    Reference:
        Russakovsky et al. 2015, section 4.2; Zhou et al. 2016, table 2.
    """

    def update_state(self, y_true, y_pred, sample_weight=None, labels=None, scores=None):
        """Adds a batch.

        Args:
            y_true: Masks or boxes, see `EnergyPointingGame`.
            y_pred: Raw heatmaps of the predicted classes `(batch, h, w)`, or boxes `(batch, 4)`.
            sample_weight: Weight of each image, `(batch,)`.
            labels: True class of each image, `(batch,)`.
            scores: Scores or probabilities `(batch, classes)`; with a single one, class 1 is
                predicted where it is positive, so pass the score before the sigmoid.

        Raises:
            TypeError: If masks are no booleans, or labels no integers.
            ValueError: If boxes or a shape are wrong, or labels or scores are missing.
        """
        if labels is None or scores is None:
            raise ValueError(
                "`Top1Localization` needs `labels` and `scores` of each image. Received: "
                f"labels={labels!r}, scores={scores!r}."
            )
        scores = np.asarray(scores, "float64")
        if scores.ndim != 2 or len(scores) != len(np.atleast_1d(labels)):
            raise ValueError(
                "`scores` must have the shape (batch, classes). Received: "
                f"{scores.shape} for {len(np.atleast_1d(labels))} labels."
            )
        labels = check_targets(np.atleast_1d(labels), len(scores), scores.shape[1], "labels")
        self._right = predicted_classes(scores) == labels
        return super().update_state(y_true, y_pred, sample_weight)

    def values(self, truth, y_pred):
        """1 for each hit whose class is right, `(batch,)`."""
        hits = super().values(truth, y_pred)
        if len(hits) != len(self._right):
            raise ValueError(
                f"There must be one label for each image. Received: {len(self._right)} for "
                f"{len(hits)} images."
            )
        return hits * self._right
