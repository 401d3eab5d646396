"""Connected components of a mask."""

import cv2
import numpy as np

_LEFT_TOP, _SIZE = slice(0, 2), slice(2, 4)


def components(mask):
    """Connected components, pixels that touch at a corner included, the largest first.

    Args:
        mask: `(height, width)`, bool.

    Returns:
        The number of the component of each pixel, `(height, width)`, 0 where there is none; the
        numbers of the components from the largest to the smallest (of equal ones the first from the
        top); and their tight boxes `(num, 4)`, int32, `xyxy`, the second corner just outside.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype("uint8"), connectivity=8)
    found = stats[1:]  # The first is the background.
    areas = found[:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")
    if len(np.unique(areas)) < len(areas):  # Their numbers do not go from the top down.
        first = np.unique(labels, return_index=True)[1][-len(areas) :]
        order = np.lexsort((first, -areas))
    corners = found[order][:, _LEFT_TOP]
    boxes = np.concatenate([corners, corners + found[order][:, _SIZE]], axis=1)
    return labels, order + 1, boxes.astype("int32")


def largest(mask):
    """The largest component, `(height, width)`, bool, and its box; zeros where there is none."""
    labels, order, boxes = components(mask)
    if len(order) == 0:
        return np.zeros_like(mask, "bool"), np.zeros(4, "int32")
    return labels == order[0], boxes[0]
