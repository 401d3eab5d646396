"""The region that a heatmap marks."""

import numpy as np

from kerascam._checks import check_heatmaps, check_image_size, check_threshold
from kerascam.localization.components import largest
from kerascam.visualization import resize


def masks(heatmaps, image_size, threshold=0.2, *, components="largest"):
    """Marks where a heatmap is above a share of its maximum.

    Args:
        heatmaps: Raw maps `(batch, h, w)`.
        image_size: `(height, width)` of the images; the maps are resized to it bilinearly.
        threshold: Share of each map's maximum, 0 to 1. The CAM paper has 0.2, Grad-CAM 0.15.
        components: `"largest"` keeps the largest connected component, `"all"` all of them.

    Returns:
        `(batch, height, width)`, bool. A map without a positive value marks nothing.

    Raises:
        ValueError: If a shape or an argument is wrong.

    Example:
        >>> masks([[[0.1, 0.0, 1.0, 0.3]]], (1, 4)).astype(int).tolist()
        [[[0, 0, 1, 1]]]

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 3.2.
    """
    if components not in ("largest", "all"):
        raise ValueError(
            f'`components` must be "largest" or "all". Received: components={components!r}.'
        )
    size, threshold = check_image_size(image_size), check_threshold(threshold)
    above = [above_share(heatmap, threshold) for heatmap in resize(check_heatmaps(heatmaps), size)]
    if components == "largest":
        above = [largest(mask)[0] for mask in above]
    return np.array(above, "bool").reshape(-1, *size)


def above_share(heatmap, threshold):
    """Where a map is above a share of its maximum, if that is positive."""
    highest = heatmap.max()
    return (heatmap > threshold * highest) & (highest > 0)
