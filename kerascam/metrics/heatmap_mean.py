"""What the metrics share that are means over images."""

import abc

import keras
import numpy as np

from kerascam._checks import check_heatmaps, check_image_size
from kerascam.metrics.truth import Truth
from kerascam.visualization import resize


class HeatmapMean(keras.metrics.Mean, abc.ABC):
    """Mean over images of a number that compares a heatmap with the truth.

    It is updated batch by batch, with NumPy, so outside compiled functions: it is no metric for
    `model.compile`, where heatmaps are not known.

    Args:
        image_size: `(height, width)` of the images in pixels. Needed for boxes; masks must have
            this size, if it is given.
        inclusive: Whether the second corner of true boxes is the last pixel of the object, as in
            the files of ILSVRC and PASCAL VOC, not the one just outside, as Keras has it.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.
    """

    def __init__(self, image_size=None, *, inclusive=False, name=None, dtype="float64"):
        super().__init__(name=name, dtype=dtype)
        self.image_size = None if image_size is None else check_image_size(image_size)
        self.inclusive = bool(inclusive)

    @abc.abstractmethod
    def values(self, truth, y_pred):
        """The number of each image; the one function that a metric implements.

        Args:
            truth: A `Truth`.
            y_pred: As in `update_state`.

        Returns:
            `(batch,)`.
        """

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: Masks `(batch, height, width)`, bool; or boxes `xyxy` in pixels, `(batch, 4)`,
                `(batch, num, 4)` (filled up with -1) or a list of arrays `(num, 4)`.
            y_pred: Raw heatmaps `(batch, h, w)`. What is not finite counts as 0.
            sample_weight: Weight of each image, `(batch,)`.

        Raises:
            TypeError: If masks are no booleans.
            ValueError: If boxes are in the wrong order or outside the image, or a shape is wrong.
        """
        truth = Truth(y_true, self.image_size, self.inclusive)
        weights = check_weights(truth, sample_weight)
        values = self.values(truth, check_count(truth, y_pred))
        return super().update_state(values, weights)

    def get_config(self):
        """What the metric is built of."""
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "inclusive": self.inclusive,
        }


def check_count(truth, y_pred):
    """Predictions as an array, if there is one for each image."""
    y_pred = np.asarray(y_pred)
    if y_pred.ndim == 0 or len(y_pred) != len(truth):
        raise ValueError(
            "There must be one heatmap for each image. Received: heatmaps of shape "
            f"{y_pred.shape} for the truth of {len(truth)} images."
        )
    return y_pred


def check_weights(truth, sample_weight):
    """Weight of each image, `(batch,)`, float64."""
    weights = np.asarray(1.0 if sample_weight is None else sample_weight, "float64")
    if weights.ndim and weights.shape != (len(truth),):
        raise ValueError(
            f"`sample_weight` must have the shape (batch,), here ({len(truth)},). Received: "
            f"{weights.shape}."
        )
    return np.broadcast_to(weights, len(truth))


def resize_to_truth(truth, heatmaps):
    """Heatmaps at the size of the images, `(batch, height, width)`."""
    return resize(check_heatmaps(heatmaps), truth.size)
