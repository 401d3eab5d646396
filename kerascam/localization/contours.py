"""Boxes around contours, as the evaluation code of Choe et al. 2020 has them."""

import itertools

import cv2
import numpy as np

_NOTHING = (0, 0, 0, 0)


def to_gray(heatmap):
    """A map from 0 to 1 as 8-bit brightness, rounded down."""
    return (255 * heatmap).astype("uint8")


def contour_boxes(image, threshold):
    """Boxes around all contours of what is brighter than a threshold, those of holes included.

    Args:
        image: `(height, width)`, uint8.
        threshold: Share of the image's maximum.

    Returns:
        Boxes `(num, 4)`, int32, that of the largest polygon first. The second corner is one beyond
        the last pixel and still in the image. Where nothing is brighter one box of zeros.
    """
    contours = _contours(image, int(threshold * int(image.max())))
    # The sort keeps the order of equal ones, so that the first of them comes first.
    contours = sorted(contours, key=cv2.contourArea, reverse=True)
    return _to_boxes([cv2.boundingRect(contour) for contour in contours] or [_NOTHING], image.shape)


def boxes_at_all(image, thresholds, largest=False):
    """`contour_boxes` at many thresholds, in a fraction of the time.

    An 8-bit image has few different levels, and each is looked at once, in the part of the image
    that was brighter than the level before.

    Args:
        image: `(height, width)`, uint8.
        thresholds: Shares of the maximum, ascending.
        largest: Whether to keep only the box of the largest polygon at each threshold.

    Returns:
        All boxes, `(num, 4)`, int32; for each different level the index of its first box; and how
        many thresholds have this level.
    """
    highest = int(image.max())
    left = top = 0
    part = image
    rectangles: list[tuple[int, int, int, int]] = []
    begins, counts = [], []
    for level, same in itertools.groupby(int(threshold * highest) for threshold in thresholds):
        begins.append(len(rectangles))
        counts.append(sum(1 for _ in same))
        contours = _contours(part, level)
        if not contours:
            rectangles.append(_NOTHING)
            continue
        found = [cv2.boundingRect(contour) for contour in contours]
        x0, y0 = min(x for x, _, _, _ in found), min(y for _, y, _, _ in found)
        x1, y1 = max(x + w for x, _, w, _ in found), max(y + h for _, y, _, h in found)
        if largest:
            found = [cv2.boundingRect(max(contours, key=cv2.contourArea))]
        rectangles += [(left + x, top + y, w, h) for x, y, w, h in found]
        left, top, part = left + x0, top + y0, part[y0:y1, x0:x1]
    return _to_boxes(rectangles, image.shape), begins, counts


def _contours(image, level):
    _, binary = cv2.threshold(image, level, 255, cv2.THRESH_BINARY)
    return cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]


def _to_boxes(rectangles, shape):
    """`xyxy` of rectangles given by corner and size, each corner within the image."""
    boxes = np.array(rectangles, "int32")
    boxes[:, 2:] += boxes[:, :2]
    height, width = shape
    return np.minimum(boxes, np.array([width, height, width - 1, height - 1], "int32"))
