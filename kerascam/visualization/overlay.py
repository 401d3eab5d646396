"""A heatmap over its image."""

import cv2
import numpy as np

from kerascam._checks import check_heatmaps, check_pictures
from kerascam.visualization.colormaps import colorize
from kerascam.visualization.resize import resize


def overlay(pictures, heatmaps, colormap="turbo", alpha=0.5, value_range=None):
    """Lays coloured heatmaps over their pictures.

    The maps are resized bilinearly to the pictures and coloured by `colorize`, in this order.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8, see `to_rgb`.
        heatmaps: Raw maps `(batch, h, w)`.
        colormap: See `colorize`.
        alpha: Share of the heatmap, 0 to 1.
        value_range: See `colorize`.

    Returns:
        RGB pictures `(batch, height, width, 3)`, uint8.

    Raises:
        ValueError: If there is not one heatmap for each picture, or `alpha` is out of range.

    Example:
        >>> overlay(np.zeros((1, 64, 64, 3), "uint8"), np.ones((1, 8, 8))).shape
        (1, 64, 64, 3)
    """
    pictures, heatmaps = check_pictures(pictures), check_heatmaps(heatmaps)
    if len(pictures) != len(heatmaps):
        raise ValueError(
            "There must be one heatmap for each picture. Received: "
            f"{len(heatmaps)} heatmaps for {len(pictures)} pictures."
        )
    colors = colorize(resize(heatmaps, pictures.shape[1:3]), colormap, value_range)
    return blend(pictures, colors, alpha)


def blend(pictures, colors, alpha=0.5):
    """Mixes pictures with coloured heatmaps of the same size.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8.
        colors: Coloured heatmaps of the same shape, see `colorize`.
        alpha: Share of the heatmaps, 0 to 1.

    Returns:
        RGB pictures `(batch, height, width, 3)`, uint8.

    Raises:
        ValueError: If `alpha` is out of range.

    Example:
        >>> black, white = np.full((2, 1, 1, 1, 3), [[[[[0]]]], [[[[255]]]]], "uint8")
        >>> blend(black, white, alpha=0.2).tolist()
        [[[[51, 51, 51]]]]
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must lie in 0..1. Received: alpha={alpha!r}.")
    return np.stack(
        [
            cv2.addWeighted(color, alpha, picture, 1 - alpha, 0)
            for color, picture in zip(colors, pictures, strict=True)
        ]
    )
