"""Checks that the functions on pictures share."""

import numpy as np


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
