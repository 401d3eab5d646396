"""Colours for heatmaps."""

import cv2
import numpy as np

from kerascam._checks import check_heatmaps

COLORMAPS = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "inferno": cv2.COLORMAP_INFERNO,
    "turbo": cv2.COLORMAP_TURBO,
    "jet": cv2.COLORMAP_JET,
    "diverging": cv2.COLORMAP_TWILIGHT_SHIFTED,
}
"""Names of the colour maps. `"diverging"` is for signed maps: blue, white at zero, red."""

# The map for signed values is cyclic, both its ends are black: only the middle part is used.
_DIVERGING_PART = 0.6


def colorize(heatmaps, colormap="turbo", value_range=None):
    """Colours heatmaps.

    Args:
        heatmaps: Raw maps `(batch, h, w)`.
        colormap: One of `COLORMAPS`.
        value_range: `(low, high)`, the values of the first and the last colour, shared by all maps.
            Default: for each map from 0 to its maximum, or for `"diverging"` from minus to plus
            its largest absolute value.

    Returns:
        RGB pictures `(batch, h, w, 3)`, uint8. A map without positive values has the first colour
        throughout (for `"diverging"`, a map of zeros has the middle one).

    Raises:
        ValueError: If the colour map is unknown, or the range is empty.

    Example:
        >>> colorize([[[0.0, 1.0]]], "viridis").tolist()
        [[[[68, 1, 84], [253, 231, 37]]]]
    """
    heatmaps = check_heatmaps(heatmaps)
    if colormap not in COLORMAPS:
        raise ValueError(
            f"`colormap` must be one of {sorted(COLORMAPS)}. Received: colormap={colormap!r}."
        )
    signed = colormap == "diverging"
    if value_range is None:
        largest = np.max(np.abs(heatmaps) if signed else heatmaps, axis=(1, 2), keepdims=True)
        high = np.maximum(largest, 0)
        low = -high if signed else np.zeros_like(high)
    else:
        low, high = np.asarray(value_range, "float64")
        if not low < high:
            raise ValueError(
                "`value_range` must be (low, high) with low < high. Received: "
                f"value_range={value_range!r}."
            )
    width = np.broadcast_to(high - low, heatmaps.shape)
    middle = np.full(heatmaps.shape, 0.5 if signed else 0.0)
    unit = np.divide(heatmaps - low, width, out=middle, where=width > 0)
    unit = np.clip(unit, 0, 1)
    if signed:
        unit = 0.5 + _DIVERGING_PART * (unit - 0.5)
    levels = np.rint(255 * unit).astype("uint8")
    flat = cv2.applyColorMap(levels.reshape(-1, 1), COLORMAPS[colormap])
    return flat[..., ::-1].reshape(*heatmaps.shape, 3)
