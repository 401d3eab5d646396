"""Scaling raw heatmaps."""

import numpy as np

from kerascam._checks import check_heatmaps


def normalize(heatmaps, method="max", percentile=99.0):
    """Scales each heatmap by itself, however small its values are.

    Args:
        heatmaps: Raw maps `(batch, h, w)`.
        method: `"max"`: negative values become 0, then division by the maximum (the paper's scale
            for boxes). `"sum"`: negative values become 0, then division by the sum, so that the
            map is a distribution (Simonyan's saliency map `M = w / sum w`). `"minmax"`: the lowest
            value becomes 0 and the highest 1, also where all are negative. `"percentile"`: as
            `"max"`, with the given percentile for the maximum and what exceeds it clipped
            (SmoothGrad, section 3.1).
        percentile: For `"percentile"`, 0 to 100.

    Returns:
        Maps `(batch, h, w)`, float64, in 0..1. A map with nothing to scale (all zero or negative;
        for `"minmax"` constant) gives zeros, never NaN.

    Raises:
        ValueError: If the method or the shape is wrong.

    Example:
        >>> normalize([[[-1e-8, 1e-8, 2e-8]]]).tolist()
        [[[0.0, 0.5, 1.0]]]

    Reference:
        Zhou et al. 2016, section 4.1; Simonyan et al. 2013, section 3.2; Smilkov et al. 2017,
        SmoothGrad, section 3.1.
    """
    heatmaps = check_heatmaps(heatmaps)
    if method == "minmax":
        shifted = heatmaps - _over_positions(np.min, heatmaps)
    else:
        shifted = np.maximum(heatmaps, 0)
    if method in ("max", "minmax"):
        scale = _over_positions(np.max, shifted)
    elif method == "sum":
        scale = _over_positions(np.sum, shifted)
    elif method == "percentile":
        if not 0 <= percentile <= 100:
            raise ValueError(
                f"`percentile` must lie in 0..100. Received: percentile={percentile!r}."
            )
        scale = np.percentile(shifted, percentile, axis=(1, 2), keepdims=True)
        # So few positive values that the percentile is 0: the maximum still shows them.
        scale = np.where(scale > 0, scale, _over_positions(np.max, shifted))
    else:
        raise ValueError(
            f'`method` must be "max", "sum", "minmax" or "percentile". Received: method={method!r}.'
        )
    scaled = np.divide(shifted, scale, out=np.zeros_like(shifted), where=scale > 0)
    return np.minimum(scaled, 1)


def _over_positions(function, heatmaps):
    return function(heatmaps, axis=(1, 2), keepdims=True)
