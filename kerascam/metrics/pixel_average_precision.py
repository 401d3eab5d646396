"""Precision and recall of a heatmap's pixels."""

import keras
import numpy as np

from kerascam._checks import check_heatmaps, check_image_size, check_integer
from kerascam.localization.boxes import resize_cubic
from kerascam.metrics.heatmap_mean import check_count, check_weights
from kerascam.metrics.max_box_accuracy import equal_steps
from kerascam.metrics.truth import Truth
from kerascam.visualization import normalize


@keras.saving.register_keras_serializable(package="kerascam")
class PixelAveragePrecision(keras.metrics.Metric):
    """Average precision of all pixels of all images, object against background (PxAP).

    Maps of the true class are resized by cubic interpolation and scaled to 0..1 by their minimum
    and maximum; a constant one becomes zeros. Pixels of all images are pooled before precision and
    recall are taken. By chance it is the share of pixels that belong to objects.

    Args:
        image_size: See `EnergyPointingGame`.
        num_thresholds: Number of bins between 0 and 1.
        evaluation_size: `(height, width)` at which pixels are compared, such as `(224, 224)` in the
            paper; masks are resized to it by their nearest pixels. Default: that of the masks.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong; in `result`, if no pixel belongs to an object.

    Example:
        >>> metric = PixelAveragePrecision()
        >>> metric.update_state([[[True, False, False, True]]], [[[0.9, 0.5, 0.0, 1.0]]])
        >>> float(metric.result())
        1.0

    Reference:
        Choe et al. 2020, Evaluating Weakly Supervised Object Localization Methods Right, section
        3.3. The same as their code but for 0..1 instead of percent.
    """

    def __init__(
        self,
        image_size=None,
        *,
        num_thresholds=1000,
        evaluation_size=None,
        inclusive=False,
        name=None,
        dtype="float64",
    ):
        super().__init__(name=name, dtype=dtype)
        self.image_size = None if image_size is None else check_image_size(image_size)
        self.num_thresholds = check_integer("num_thresholds", num_thresholds)
        self.evaluation_size = (
            None if evaluation_size is None else check_image_size(evaluation_size)
        )
        self.inclusive = bool(inclusive)
        self._edges = np.append(
            equal_steps(self.num_thresholds), [1.0, 2.0]
        )  # What is 1 has a bin of its own.
        shape = (self.num_thresholds + 1,)
        self.positives = self.add_weight(shape, "zeros", dtype=dtype, name="positives")
        self.negatives = self.add_weight(shape, "zeros", dtype=dtype, name="negatives")

    def update_state(self, y_true, y_pred, sample_weight=None, ignore=None):
        """Adds a batch.

        Args:
            y_true: Masks, or boxes that are taken for masks, see `EnergyPointingGame`.
            y_pred: Raw heatmaps `(batch, h, w)`.
            sample_weight: Weight of each image's pixels, `(batch,)`.
            ignore: Pixels to leave out where they do not belong to the object, such as regions
                that were not annotated: `(batch, height, width)`, bool.

        Raises:
            TypeError: If masks are no booleans.
            ValueError: If boxes are wrong, or a shape is.
        """
        truth = Truth(y_true, self.image_size, self.inclusive)
        heatmaps = check_heatmaps(check_count(truth, y_pred))
        ignored = np.zeros_like(truth.masks)
        if ignore is not None:
            ignored = Truth(np.asarray(ignore), truth.size).masks
            if len(ignored) != len(truth):
                raise ValueError(
                    "`ignore` must have a mask for each image. Received: "
                    f"{len(ignored)} for {len(truth)} images."
                )
        weights = check_weights(truth, sample_weight)
        positives, negatives = (np.zeros(len(self._edges) - 1) for _ in range(2))
        size = self.evaluation_size or truth.size
        rows, columns = (
            np.arange(new) * old // new for new, old in zip(size, truth.size, strict=True)
        )
        nearest = np.ix_(rows, columns)
        maps = normalize(resize_cubic(heatmaps, size), "minmax")
        for map_, mask, unknown, weight in zip(maps, truth.masks, ignored, weights, strict=True):
            mask, unknown = mask[nearest], unknown[nearest]
            positives += weight * np.histogram(map_[mask], self._edges)[0]
            negatives += weight * np.histogram(map_[~mask & ~unknown], self._edges)[0]
        self.positives.assign_add(positives)
        self.negatives.assign_add(negatives)

    def result(self):
        """The average precision, 0 to 1."""
        # Of all pixels from the highest bin down.
        hits, misses = (
            keras.ops.convert_to_numpy(variable)[::-1].cumsum()
            for variable in (self.positives, self.negatives)
        )
        if hits[-1] == 0:
            raise ValueError(
                "`PixelAveragePrecision` needs at least one pixel that belongs to an object. "
                "Received: none in all images so far."
            )
        marked = hits + misses
        precision = np.divide(hits, marked, out=np.zeros_like(hits), where=marked > 0)
        recall = np.diff(hits / hits[-1], prepend=0.0)
        return keras.ops.convert_to_tensor((precision * recall).sum(), self.dtype)

    def get_config(self):
        """What the metric is built of."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "num_thresholds": self.num_thresholds,
            "evaluation_size": self.evaluation_size,
            "inclusive": self.inclusive,
        }
