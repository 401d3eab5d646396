"""Changing the size of pictures and heatmaps."""

import cv2
import numpy as np

from kerascam._checks import check_heatmaps, check_pictures


def resize(heatmaps, size):
    """Resizes heatmaps bilinearly, pixel centres kept in place.

    Args:
        heatmaps: `(batch, h, w)`.
        size: `(height, width)`.

    Returns:
        `(batch, height, width)`, float64.

    Example:
        >>> resize([[[0.0, 1.0]]], (1, 4)).tolist()
        [[[0.0, 0.25, 0.75, 1.0]]]
    """
    height, width = size
    heatmaps = check_heatmaps(heatmaps)
    resized = np.empty((len(heatmaps), height, width))
    for new, heatmap in zip(resized, heatmaps, strict=True):
        new[:] = cv2.resize(heatmap, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized


def enlarge(pictures, min_size=224):
    """Enlarges small pictures by a whole factor, each pixel to a square.

    TensorBoard shows pictures 350 px wide, however small they are.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8.
        min_size: The longer side has at least so many pixels afterwards.

    Returns:
        RGB `(batch, factor * height, factor * width, 3)`, uint8.

    Example:
        >>> enlarge(np.zeros((1, 28, 20, 3), "uint8")).shape
        (1, 224, 160, 3)
    """
    pictures = check_pictures(pictures)
    factor = max(1, -(-min_size // max(pictures.shape[1:3])))
    return pictures.repeat(factor, axis=1).repeat(factor, axis=2)
