"""Does the maximum of a heatmap fall on the object?"""

import keras
import numpy as np

from kerascam._checks import check_image_size, check_integer, check_number
from kerascam.explainers.targets import check_targets
from kerascam.metrics.heatmap_mean import check_count, check_weights, resize_to_truth
from kerascam.metrics.truth import Truth


@keras.saving.register_keras_serializable(package="kerascam")
class PointingGame(keras.metrics.Metric):
    """Share of images whose heatmap has its maximum on the object, or close to it.

    A hit is a maximum less than `tolerance` pixels away from a pixel of the object. Of equal
    maxima the first counts, in the order of rows. A map that is the same everywhere points at
    nothing, and an empty mask is never hit.

    Args:
        image_size: See `EnergyPointingGame`.
        tolerance: Radius in pixels of the images. With 0 the maximum must be on the object.
        num_classes: If given, the share is taken for each class and averaged over the classes that
            came, as in the paper; `update_state` then needs labels.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> masks = np.zeros((2, 32, 32), "bool")
        >>> masks[:, 20:, 20:] = True
        >>> heatmaps = np.zeros((2, 32, 32))
        >>> heatmaps[0, 25, 25] = heatmaps[1, 2, 2] = 1
        >>> metric = PointingGame()
        >>> metric.update_state(masks, heatmaps)
        >>> float(metric.result())
        0.5

    Reference:
        Zhang et al. 2016, Top-down Neural Attention by Excitation Backprop, section 4.1 (15 px); as
        TorchRay counts it.
    """

    def __init__(
        self,
        image_size=None,
        *,
        tolerance=15,
        num_classes=None,
        inclusive=False,
        name=None,
        dtype="float64",
    ):
        super().__init__(name=name, dtype=dtype)
        self.image_size = None if image_size is None else check_image_size(image_size)
        self.tolerance = check_number("tolerance", tolerance, low=0)
        self.num_classes = (
            None if num_classes is None else check_integer("num_classes", num_classes, 2)
        )
        self.inclusive = bool(inclusive)
        shape = (self.num_classes or 1,)
        self.hits = self.add_weight(shape, "zeros", dtype=dtype, name="hits")
        self.total = self.add_weight(shape, "zeros", dtype=dtype, name="total")

    def update_state(self, y_true, y_pred, sample_weight=None, labels=None):
        """Adds a batch.

        Args:
            y_true: Masks or boxes, see `EnergyPointingGame`.
            y_pred: Raw heatmaps `(batch, h, w)`.
            sample_weight: Weight of each image, `(batch,)`; 0 leaves an image out, such as those
                that PASCAL VOC calls difficult.
            labels: Class of each image, `(batch,)`, where `num_classes` is given.

        Raises:
            TypeError: If masks are no booleans, or labels no integers.
            ValueError: If boxes are wrong, a shape is, or labels are missing.
        """
        truth = Truth(y_true, self.image_size, self.inclusive)
        heatmaps = resize_to_truth(truth, check_count(truth, y_pred))
        hits = points_at(heatmaps, truth.masks, self.tolerance).astype("float64")
        weights = check_weights(truth, sample_weight)
        classes = np.zeros(len(hits), int)
        if self.num_classes is not None:
            if labels is None:
                raise ValueError(
                    "A `PointingGame` with `num_classes` averages over classes. Pass `labels`, the "
                    "class of each image."
                )
            classes = check_targets(labels, len(hits), self.num_classes, "labels")
        count = self.num_classes or 1
        self.hits.assign_add(np.bincount(classes, hits * weights, count))
        self.total.assign_add(np.bincount(classes, weights, count))

    def result(self):
        """Share of hits, 0 to 1; 0 before the first image."""
        hits, total = (keras.ops.convert_to_numpy(v) for v in (self.hits, self.total))
        came = total > 0
        return keras.ops.convert_to_tensor(
            np.mean(hits[came] / total[came]) if came.any() else 0.0, self.dtype
        )

    def get_config(self):
        """What the metric is built of."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "tolerance": self.tolerance,
            "num_classes": self.num_classes,
            "inclusive": self.inclusive,
        }


def points_at(heatmaps, masks, tolerance):
    """Whether each map's maximum is less than `tolerance` away from its mask, `(batch,)`.

    Args:
        heatmaps: `(batch, height, width)`.
        masks: `(batch, height, width)`, bool.
        tolerance: In pixels; the pixel itself always counts.
    """
    flat = heatmaps.reshape(len(heatmaps), int(np.prod(heatmaps.shape[1:])))
    rows, columns = np.unravel_index(flat.argmax(axis=1), heatmaps.shape[1:])
    points = flat.max(axis=1) > flat.min(axis=1)
    radius = max(tolerance, 0.5)
    hits = np.zeros(len(heatmaps), "bool")
    for index in np.flatnonzero(points):
        y, x = np.nonzero(masks[index])
        distance = (y - rows[index]) ** 2 + (x - columns[index]) ** 2
        hits[index] = (distance < radius**2).any()
    return hits
