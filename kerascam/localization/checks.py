"""Checks that localisation shares."""

import numpy as np

from kerascam.explainers.checks import check_integer, check_number
from kerascam.visualization.check import check_heatmaps

__all__ = ["check_heatmaps", "check_image_size", "check_pair", "check_threshold"]


def check_image_size(image_size):
    """Returns `(height, width)`, two positive integers.

    Raises:
        ValueError: If it is anything else.
    """
    if np.ndim(image_size) != 1 or len(image_size) != 2:
        raise ValueError(
            "`image_size` must be (height, width) in pixels. Received: "
            f"image_size={image_size!r}. Of an array of images it is `images.shape[1:3]`."
        )
    height, width = (check_integer("image_size", size) for size in image_size)
    return height, width


def check_threshold(threshold):
    """Returns a number in 0..1."""
    return check_number("threshold", threshold, low=0.0, high=1.0)


def check_pair(first, second):
    """Returns two stacks of heatmaps as float64, or raises if they differ in shape."""
    a, b = check_heatmaps(first), check_heatmaps(second)
    if a.shape != b.shape:
        raise ValueError(f"Both maps must have one shape. Received: {a.shape} and {b.shape}.")
    return a, b
