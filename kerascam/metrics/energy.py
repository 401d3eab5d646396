"""How much of a heatmap lies on the object?"""

import keras
import numpy as np

from kerascam.metrics.heatmap_mean import HeatmapMean, resize_to_truth


@keras.saving.register_keras_serializable(package="kerascam")
class EnergyPointingGame(HeatmapMean):
    """Mean share of a heatmap's positive part that lies on the object, 0 to 1.

    Maps are resized bilinearly to the images, and what is negative, evidence against the class, is
    left out. A map without a positive value and an empty mask have no share: 0. By chance it is the
    share of the image that the object covers, see `Enrichment`.

    Args:
        image_size: `(height, width)` of the images in pixels. Needed for boxes; masks must have
            this size, if it is given.
        inclusive: Whether the second corner of true boxes is the last pixel of the object, as in
            the files of ILSVRC and PASCAL VOC, not the one just outside, as Keras has it.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> metric = EnergyPointingGame(image_size=(1, 4))
        >>> metric.update_state([[1, 0, 3, 1]], [[[1.0, 2.0, 1.0, -9.0]]])
        >>> float(metric.result())
        0.75

    Reference:
        Wang et al. 2020, Score-CAM, section 4.3 (there for objects that cover less than half of
        their image).
    """

    def values(self, truth, y_pred):
        """Share of each image, `(batch,)`."""
        return energy_inside(resize_to_truth(truth, y_pred), truth.masks)


@keras.saving.register_keras_serializable(package="kerascam")
class Enrichment(HeatmapMean):
    """How many times more of a heatmap lies on the object than of a uniform map.

    Mean over images of the share in `EnergyPointingGame` divided by the share of the image that the
    object covers: 1 for a map that does not care where the object is, less for one that looks
    elsewhere. An empty mask gives 0.

    Args:
        image_size: See `EnergyPointingGame`.
        inclusive: See `EnergyPointingGame`.
        name: Name of the metric.
        dtype: Of the sums.

    Raises:
        ValueError: If an argument is wrong.

    Example:
        >>> metric = Enrichment(image_size=(1, 4))
        >>> metric.update_state([[0, 0, 1, 1]], [[[2.0, 1.0, 1.0, 0.0]]])
        >>> float(metric.result())
        2.0

    Reference:
        Wang et al. 2020, Score-CAM, section 4.3, relative to chance.
    """

    def values(self, truth, y_pred):
        """Enrichment of each image, `(batch,)`."""
        return enrichment(resize_to_truth(truth, y_pred), truth.masks)


def energy_inside(heatmaps, masks):
    """Share of each map's positive part inside its mask, `(batch,)`; 0 where there is none.

    Args:
        heatmaps: `(batch, height, width)`.
        masks: `(batch, height, width)`, bool.
    """
    positive = np.maximum(heatmaps, 0)
    total = positive.sum(axis=(1, 2))
    inside = positive.sum(axis=(1, 2), where=masks)
    return np.divide(inside, total, out=np.zeros_like(total), where=total > 0)


def enrichment(heatmaps, masks):
    """`energy_inside` divided by the share of the image that the mask covers, `(batch,)`."""
    shares = masks.mean(axis=(1, 2))
    inside = energy_inside(heatmaps, masks)
    return np.divide(inside, shares, out=np.zeros_like(inside), where=shares > 0)
