"""Localisation at the best threshold."""

import keras
import numpy as np

from kerascam._checks import check_heatmaps, check_image_size, check_integer, check_number
from kerascam.localization.boxes import resize_cubic
from kerascam.localization.contours import boxes_at_all, to_gray
from kerascam.metrics.heatmap_mean import check_count, check_weights
from kerascam.metrics.overlap import iou
from kerascam.metrics.truth import Truth
from kerascam.visualization import normalize


@keras.saving.register_keras_serializable(package="kerascam")
class MaxBoxAccuracy(keras.metrics.Metric):
    """Share of images whose box overlaps a true one, at the threshold that suits all images best.

    As in the evaluation code of Choe et al.: the map of the true class is resized by cubic
    interpolation, scaled to 0..1 by its minimum and maximum and to 8 bits; at each threshold boxes
    are drawn around contours, and an image counts if one of them overlaps a true box enough. The
    number of these images is taken for each threshold, and the best threshold for each overlap.
    Since it is chosen on the same images, compare only numbers that were found so. A map that is
    the same everywhere and an image without an object are never a hit.

    Args:
        image_size: `(height, width)` of the images in pixels.
        version: 2: overlaps of 0.3, 0.5 and 0.7, each with its own best threshold, are averaged,
            and the boxes of all contours count (those of holes included). 1: overlap of 0.5, and
            the box of the contour with the largest polygon.
        iou_thresholds: Other overlaps than those of the version.
        num_thresholds: Thresholds `0, 1/n, 2/n, ...` of the maximum.
        normalization: `"minmax"`, or `"max"`, as the CAM paper has it.
        evaluation_size: `(height, width)` at which boxes are drawn, such as `(224, 224)` in the
            paper; true boxes are scaled to it and rounded down. Default: `image_size`.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> metric = MaxBoxAccuracy(image_size=(8, 8))
        >>> heatmaps = np.zeros((1, 8, 8))
        >>> heatmaps[0, 1:5, 2:6] = 1
        >>> metric.update_state([[2, 1, 6, 5]], heatmaps)
        >>> round(float(metric.result()), 4)
        0.6667

    Reference:
        Choe et al. 2020, Evaluating Weakly Supervised Object Localization Methods Right, section
        3.3, and 2022, section 4.1 (version 2). The same as their code but for 0..1 instead of
        percent, to the last digit.
    """

    def __init__(
        self,
        image_size,
        *,
        version=2,
        iou_thresholds=None,
        num_thresholds=1000,
        normalization="minmax",
        evaluation_size=None,
        inclusive=False,
        name=None,
        dtype="float64",
    ):
        super().__init__(name=name, dtype=dtype)
        self.image_size = check_image_size(image_size)
        if version not in (1, 2):
            raise ValueError(f"`version` must be 1 or 2. Received: version={version!r}.")
        if normalization not in ("minmax", "max"):
            raise ValueError(
                '`normalization` must be "minmax" or "max". Received: '
                f"normalization={normalization!r}."
            )
        self.version = version
        if iou_thresholds is None:
            iou_thresholds = (0.3, 0.5, 0.7) if version == 2 else (0.5,)
        self.iou_thresholds = tuple(
            check_number("iou_thresholds", share, 0.0, 1.0)
            for share in np.atleast_1d(np.asarray(iou_thresholds, object))
        )
        if not self.iou_thresholds:
            raise ValueError("`iou_thresholds` must hold at least one number. Received: none.")
        self.num_thresholds = check_integer("num_thresholds", num_thresholds)
        self.normalization = normalization
        self.evaluation_size = check_image_size(
            self.image_size if evaluation_size is None else evaluation_size
        )
        self.inclusive = bool(inclusive)
        self.thresholds = equal_steps(self.num_thresholds)
        shape = (len(self.iou_thresholds), self.num_thresholds)
        self.hits = self.add_weight(shape, "zeros", dtype=dtype, name="hits")
        self.total = self.add_weight((), "zeros", dtype=dtype, name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: Boxes or masks, see `EnergyPointingGame`; of a mask its tight box.
            y_pred: Raw heatmaps of the true class, `(batch, h, w)`.
            sample_weight: Weight of each image, `(batch,)`.

        Raises:
            TypeError: If masks are no booleans.
            ValueError: If boxes are in the wrong order or outside the image, or a shape is wrong.
        """
        truth = Truth(y_true, self.image_size, self.inclusive)
        heatmaps = check_heatmaps(check_count(truth, y_pred))
        weights = check_weights(truth, sample_weight)
        hits = np.zeros(self.hits.shape)
        overlaps = overlaps_at_all(
            heatmaps,
            truth,
            self.thresholds,
            self.evaluation_size,
            largest=self.version == 1,
            normalization=self.normalization,
        )
        for overlap, weight in zip(overlaps, weights, strict=True):
            enough = overlap >= np.array(self.iou_thresholds)[:, None]
            hits += weight * (enough & (overlap > 0))
        self.hits.assign_add(hits)
        self.total.assign_add(weights.sum())

    def accuracies(self):
        """Share of images at each overlap and threshold, `(overlaps, thresholds)`."""
        hits, total = (keras.ops.convert_to_numpy(v) for v in (self.hits, self.total))
        return hits / total if total > 0 else np.zeros_like(hits)

    def result(self):
        """The metric, 0 to 1; 0 before the first image."""
        best = self.accuracies().max(axis=1).mean()
        return keras.ops.convert_to_tensor(best, self.dtype)

    def get_config(self):
        """What the metric is built of."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "version": self.version,
            "iou_thresholds": self.iou_thresholds,
            "num_thresholds": self.num_thresholds,
            "normalization": self.normalization,
            "evaluation_size": self.evaluation_size,
            "inclusive": self.inclusive,
        }


def equal_steps(number):
    """Thresholds `0, 1/n, 2/n, ...`, as the reference has them."""
    return np.arange(0, 1, 1 / number)[:number]


def overlaps_at_all(heatmaps, truth, thresholds, size, *, largest, normalization="minmax"):
    """Best overlap of the boxes at each threshold with the true ones.

    Args:
        heatmaps: `(batch, h, w)`, finite.
        truth: The `Truth`.
        thresholds: Ascending shares of the maximum.
        size: `(height, width)` at which boxes are drawn.
        largest: Whether only the largest contour counts.
        normalization: See `MaxBoxAccuracy`.

    Returns:
        `(batch, thresholds)`, 0 to 1.
    """
    overlaps = np.zeros((len(heatmaps), len(thresholds)))
    old, new = (np.tile(lengths[::-1], 2) for lengths in (truth.size, size))
    maps = normalize(resize_cubic(heatmaps, size), normalization)
    for overlap, map_, boxes in zip(overlaps, maps, truth.boxes, strict=True):
        # A map without any contour has a box of zeros in the reference, which a true box in the
        # corner would overlap.
        if not len(boxes) or not map_.any():
            continue
        found, begins, counts = boxes_at_all(to_gray(map_), thresholds, largest)
        last_pixels = np.floor((boxes - [0, 0, 1, 1]) * new / old)
        best = iou(found, last_pixels, inclusive=True).max(axis=1)
        overlap[:] = np.repeat(np.maximum.reduceat(best, begins), counts)
    return overlaps
