"""The boxes of the code that was released with the CAM paper."""

import cv2
import numpy as np

THRESHOLDS = 20 / 255, 100 / 255, 110 / 255
_INNER = 10  # Of 255: what is closer to the border of a region is taken off.
_MARGIN = 5  # Pixels at the right and lower border of the image that no box reaches.


def released_boxes(image, thresholds):
    """Boxes of the regions above several thresholds, without those that overlap, by area.

    Args:
        image: `(height, width)`, uint8.
        thresholds: Shares of 255.

    Returns:
        Boxes `(num, 4)`, `xyxy`, the largest first.
    """
    boxes = np.concatenate([_boxes_above(image, 255 * threshold) for threshold in thresholds])
    boxes = boxes[np.argsort(-_areas(boxes), kind="stable")].tolist()
    first = 0
    while first < len(boxes):
        other = first + 1
        while other < len(boxes):
            if _overlap(boxes[first], boxes[other]):
                del boxes[other]
            other += 1  # After one was taken out, the next is passed over.
        first += 1
    return np.array(boxes).reshape(-1, 4)


def _boxes_above(image, level):
    binary = (image > level).astype("uint8")
    distance = cv2.distanceTransform(binary, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    highest = distance.max()
    if not 0 < highest < np.inf:  # Without any background there is no distance to it.
        inner = binary
    else:
        inner = (np.rint(distance * (255 / highest)) > _INNER).astype("uint8")
    contours = cv2.findContours(inner, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)[0]
    height, width = image.shape
    boxes = np.array([cv2.boundingRect(contour) for contour in contours]).reshape(-1, 4)
    corners = np.minimum(boxes[:, :2], [width - _MARGIN, height - _MARGIN])
    sizes = np.minimum(boxes[:, 2:], [width - _MARGIN, height - _MARGIN] - corners)
    return np.concatenate([corners, corners + sizes], axis=1)[(sizes > 0).all(axis=1)]


def _areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _overlap(first, second):
    """Whether two boxes share more than half of the larger one."""
    pair = np.array([first, second])
    shared = np.clip(pair[:, 2:].min(axis=0) - pair[:, :2].max(axis=0), 0, None).prod()
    return shared > 0.5 * _areas(pair).max()
