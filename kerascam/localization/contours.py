"""Boxes around contours, as the evaluation code of Choe et al. 2020 has them."""

import itertools

import cv2
import numpy as np

NO_CONTOUR = np.zeros((1, 4), "int32"), np.zeros(1)


def to_gray(heatmap):
    """A map from 0 to 1 as 8-bit brightness, rounded down."""
    return (255 * heatmap).astype("uint8")


def contour_boxes(image, level):
    """Boxes around all contours of what is brighter than a level, those of holes included.

    Args:
        image: `(height, width)`, uint8.
        level: Brightness that a pixel must exceed, an integer.

    Returns:
        Boxes `(num, 4)`, int32, whose second corner is one beyond the last pixel and still in the
        image; and the area of each contour's polygon, `(num,)`. Where nothing is brighter one box
        of zeros.
    """
    boxes, areas = _contours(image, level)
    return (np.minimum(boxes, _last_corner(image)), areas) if len(boxes) else NO_CONTOUR


def boxes_at_all(image, thresholds):
    """`contour_boxes` at many thresholds, in a fraction of the time.

    An 8-bit image has few different levels, and each is looked at once, in the part of the image
    that was brighter than the level before.

    Args:
        image: `(height, width)`, uint8.
        thresholds: Shares of the maximum, ascending.

    Yields:
        How many thresholds have these boxes, the boxes and the areas.
    """
    highest = int(image.max())
    corner, part = np.zeros(2, int), image
    levels = (int(threshold * highest) for threshold in thresholds)
    for level, same in itertools.groupby(levels):
        boxes, areas = _contours(part, level)
        number = len(list(same))
        if not len(boxes):
            yield number, *NO_CONTOUR
            continue
        (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        yield number, np.minimum(boxes + np.tile(corner, 2), _last_corner(image)), areas
        corner = corner + np.array([left, top])
        part = part[top:bottom, left:right]


def _contours(image, level):
    _, binary = cv2.threshold(image, level, 255, cv2.THRESH_BINARY)
    contours = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
    if not contours:
        return np.zeros((0, 4), int), np.zeros(0)
    boxes = np.array([cv2.boundingRect(contour) for contour in contours])
    boxes[:, 2:] += boxes[:, :2]
    return boxes, np.array([cv2.contourArea(contour) for contour in contours])


def _last_corner(image):
    height, width = image.shape
    return np.array([width, height, width - 1, height - 1])
