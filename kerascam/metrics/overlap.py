"""Overlap of boxes."""

import numpy as np


def iou(first, second, inclusive=False):
    """Intersection over union of each box of the first list with each of the second.

    Args:
        first: `(n, 4)`, `xyxy`.
        second: `(m, 4)`.
        inclusive: Whether the second corners are the last pixels of the boxes.

    Returns:
        `(n, m)`, float64; 0 where a box has no area.
    """
    a, b = np.asarray(first, "float64")[:, None], np.asarray(second, "float64")[None]
    one = 1.0 if inclusive else 0.0
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low + one, 0, None).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2] + one).prod(axis=-1) for box in (a, b)]
    union = areas[0] + areas[1] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def best_iou(boxes, truths, inclusive=False):
    """Best overlap of each image's box with any of its true ones, `(batch,)`.

    Args:
        boxes: One for each image, `(batch, 4)`; zeros stand for no box.
        truths: For each image true boxes `(num, 4)`.
        inclusive: See `iou`.
    """
    best = np.zeros(len(boxes))
    for index, (box, truth) in enumerate(zip(boxes, truths, strict=True)):
        if len(truth) and np.any(box):
            best[index] = iou(box[None], truth, inclusive).max()
    return best
