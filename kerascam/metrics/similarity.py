"""Structural similarity of heatmaps."""

import numpy as np

from kerascam._checks import check_pair
from kerascam.visualization import normalize

_WINDOW = 7
_C1, _C2 = 0.01**2, 0.03**2


def ssim(first, second):
    """Structural similarity of two maps of each image, each scaled to 0..1 before.

    Means, variances and covariance are taken in windows of 7 x 7 cells, or of the whole map where
    it is smaller.

    Args:
        first: Maps `(batch, h, w)`.
        second: Maps of the same shape.

    Returns:
        `(batch,)`, -1 to 1; 1 for equal maps.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> maps = np.random.default_rng(0).uniform(size=(2, 8, 8))
        >>> ssim(maps, 3 * maps + 1).round(6).tolist()
        [1.0, 1.0]

    Reference:
        Wang et al. 2004, Image Quality Assessment: From Error Visibility to Structural Similarity,
        section III-B, with the constants 0.01 and 0.03.
    """
    a, b = (normalize(maps, "minmax") for maps in check_pair(first, second))
    windows = [min(_WINDOW, size) for size in a.shape[1:]]

    def views(maps):
        return np.lib.stride_tricks.sliding_window_view(maps, windows, axis=(1, 2))

    u, v = views(a), views(b)
    axes = (-2, -1)
    mean_u, mean_v = u.mean(axis=axes), v.mean(axis=axes)
    count = windows[0] * windows[1]
    unbiased = count / max(count - 1, 1)
    variance_u, variance_v = unbiased * u.var(axis=axes), unbiased * v.var(axis=axes)
    covariance = unbiased * ((u * v).mean(axis=axes) - mean_u * mean_v)
    likeness = (2 * mean_u * mean_v + _C1) * (2 * covariance + _C2)
    scale = (mean_u**2 + mean_v**2 + _C1) * (variance_u + variance_v + _C2)
    return (likeness / scale).mean(axis=(1, 2))
