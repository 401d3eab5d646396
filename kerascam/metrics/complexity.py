"""How concentrated a heatmap is."""

import numpy as np

from kerascam._checks import check_heatmaps


def gini(heatmaps):
    """Gini index of the absolute values of each map: 0 if all are equal, near 1 for one point.

    It depends on the resolution, so compare maps of one size, best at the method's own.

    Args:
        heatmaps: `(batch, h, w)`.

    Returns:
        `(batch,)`, 0 to `1 - 1/(h w)`. A map of zeros gives 0.

    Raises:
        ValueError: If the shape is wrong.

    Example:
        >>> gini([[[0.0, 0.0, 0.0, 1.0]]]).tolist()
        [0.75]

    Reference:
        Chalasani et al. 2020, Concise Explanations of Neural Networks using Adversarial Training,
        section 5.
    """
    values = np.sort(_flat(heatmaps), axis=1)
    size = values.shape[1]
    total = values.sum(axis=1)
    weighted = (values * (2 * np.arange(1, size + 1) - size - 1)).sum(axis=1)
    return np.divide(weighted, size * total, out=np.zeros_like(total), where=total > 0)


def entropy(heatmaps, normalized=True):
    """Entropy of the absolute values of each map, taken as a distribution.

    It depends on the resolution, so compare maps of one size, best at the method's own.

    Args:
        heatmaps: `(batch, h, w)`.
        normalized: Whether to divide by `log(h w)`, the entropy of a uniform map.

    Returns:
        `(batch,)`, 0 for one point, and 1 (or `log(h w)`) for a uniform map or one of zeros.

    Raises:
        ValueError: If the shape is wrong.

    Example:
        >>> entropy([[[1.0, 1.0, 0.0, 0.0]]]).tolist()
        [0.5]

    Reference:
        Bhatt et al. 2020, Evaluating and Aggregating Feature-based Model Explanations, section 3.3.
    """
    values = _flat(heatmaps)
    size = values.shape[1]
    total = values.sum(axis=1, keepdims=True)
    shares = np.divide(values, total, out=np.full_like(values, 1 / size), where=total > 0)
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    found = (shares * logarithms).sum(axis=1)
    return np.abs(found) / (np.log(size) if normalized and size > 1 else 1.0)


def _flat(heatmaps):
    heatmaps = check_heatmaps(heatmaps)
    values = np.abs(heatmaps).reshape(len(heatmaps), int(np.prod(heatmaps.shape[1:])))
    # By the largest first, as sums of very large values overflow.
    largest = values.max(axis=1, keepdims=True)
    return np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
