"""Checks of arguments that all parts of the package share; it imports none of them."""

import math

import numpy as np


def check_integer(name, value, low=1, high=2**31 - 1):
    """Returns an integer from `low` to `high`.

    Raises:
        ValueError: If it is none.
    """
    whole = hasattr(value, "__index__") and np.ndim(value) == 0 and not isinstance(value, bool)
    if not (whole and low <= value.__index__() <= high):
        limit = "" if high in (2**31 - 1, math.inf) else f" and at most {high}"
        if whole and value.__index__() > high:
            limit = f" and at most {high}"
        raise ValueError(
            f"`{name}` must be an integer of at least {low}{limit}. Received: {value!r}."
        )
    return value.__index__()


def check_number(name, value, low=-math.inf, high=math.inf):
    """Returns a finite number from `low` to `high`.

    Raises:
        ValueError: If it is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not (math.isfinite(number) and low <= number <= high):
        limits = "" if low == -math.inf else f" of at least {low:g}"
        limits += "" if high == math.inf else f" and at most {high:g}"
        raise ValueError(f"`{name}` must be a number{limits}. Received: {value!r}.")
    return number


def check_threshold(threshold):
    """Returns a number in 0..1."""
    return check_number("threshold", threshold, low=0.0, high=1.0)


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


def check_heatmaps(heatmaps):
    """Returns heatmaps `(batch, h, w)` as float64, or raises.

    What is not finite, as after a training that diverged, becomes 0.
    """
    heatmaps = np.asarray(heatmaps, "float64")
    if heatmaps.ndim != 3:
        hint = " A single heatmap needs a batch axis: pass `heatmap[None]`."
        raise ValueError(
            f"Heatmaps must have the shape (batch, h, w). Received: {heatmaps.shape}."
            + (hint if heatmaps.ndim == 2 else "")
        )
    return np.nan_to_num(heatmaps, nan=0.0, posinf=0.0, neginf=0.0)


def check_pair(first, second):
    """Returns two stacks of heatmaps as float64, or raises if they differ in shape."""
    a, b = check_heatmaps(first), check_heatmaps(second)
    if a.shape != b.shape:
        raise ValueError(f"Both maps must have one shape. Received: {a.shape} and {b.shape}.")
    return a, b


def check_pictures(pictures):
    """Returns pictures `(batch, height, width, 3)`, uint8, or raises."""
    pictures = np.asarray(pictures)
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8:
        raise ValueError(
            "Pictures must be RGB, (batch, height, width, 3), uint8. Received: shape "
            f"{pictures.shape}, dtype {pictures.dtype}. `kc.visualization.to_rgb` makes them of "
            "the images that a model takes."
        )
    return pictures
