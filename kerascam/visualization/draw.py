"""Boxes and masks in pictures."""

import cv2
import numpy as np

from kerascam._checks import check_integer, check_pictures


def draw_boxes(pictures, boxes, color=(255, 255, 255), thickness=None):
    """Draws boxes into pictures.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8.
        boxes: `xyxy` in pixels of the pictures, the second corner just outside, `(batch, 4)`,
            `(batch, num, 4)`, or for each picture an array `(num, 4)`. Boxes without an area, such
            as zeros, are left out.
        color: RGB of the lines.
        thickness: Of the lines in pixels, drawn inside the box. Default: a hundredth of the
            picture's longer side.

    Returns:
        New RGB pictures `(batch, height, width, 3)`, uint8.

    Raises:
        ValueError: If there are not boxes for each picture, or a shape is wrong.

    Example:
        >>> draw_boxes(np.zeros((1, 4, 4, 3), "uint8"), [[0, 0, 3, 3]])[0, ..., 0].tolist()
        [[255, 255, 255, 0], [255, 0, 255, 0], [255, 255, 255, 0], [0, 0, 0, 0]]
    """
    pictures = check_pictures(pictures).copy()
    if len(boxes) != len(pictures):
        raise ValueError(
            f"There must be boxes for each picture. Received: {len(boxes)} for {len(pictures)} "
            "pictures."
        )
    if thickness is None:
        thickness = max(1, round(max(pictures.shape[1:3]) / 100))
    thickness, color = check_integer("thickness", thickness), [int(value) for value in color]
    for picture, some in zip(pictures, boxes, strict=True):
        some = np.asarray(some, "float64")
        if some.ndim not in (1, 2) or (some.size and some.shape[-1] != 4):
            raise ValueError(
                "The boxes of a picture must have the shape (4,) or (num, 4). Received: "
                f"{some.shape}."
            )
        for x0, y0, x1, y1 in np.rint(np.nan_to_num(some.reshape(-1, 4))).astype(int).tolist():
            if x0 >= x1 or y0 >= y1:
                continue
            for inset in range(min(thickness, (x1 - x0 + 1) // 2, (y1 - y0 + 1) // 2)):
                first, last = (x0 + inset, y0 + inset), (x1 - 1 - inset, y1 - 1 - inset)
                cv2.rectangle(picture, first, last, color, 1)
    return pictures


def draw_masks(pictures, masks, color=(120, 230, 120), alpha=0.5):
    """Lays masks over pictures, with a line around them.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8.
        masks: `(batch, height, width)`, bool, of the same size.
        color: RGB of the masks.
        alpha: Share of the colour inside, 0 to 1.

    Returns:
        New RGB pictures `(batch, height, width, 3)`, uint8.

    Raises:
        ValueError: If there is not one mask for each picture, of its size, or `alpha` is out of
            range.

    Example:
        >>> picture = np.zeros((1, 5, 5, 3), "uint8")
        >>> mask = np.zeros((1, 5, 5), "bool")
        >>> mask[0, 1:4, 1:4] = True
        >>> draw_masks(picture, mask, color=(200, 0, 0))[0, 2, :, 0].tolist()
        [0, 200, 100, 200, 0]
    """
    pictures, masks = check_pictures(pictures), np.asarray(masks)
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must lie in 0..1. Received: alpha={alpha!r}.")
    if masks.shape != pictures.shape[:3] or masks.dtype != bool:
        raise ValueError(
            f"Masks must have the shape of the pictures {pictures.shape[:3]}, bool. Received: "
            f"shape {masks.shape}, dtype {masks.dtype}."
        )
    drawn = pictures.copy()
    for picture, mask in zip(drawn, masks, strict=True):
        mixed = (1 - alpha) * picture[mask] + alpha * np.asarray(color, "float64")
        picture[mask] = np.rint(mixed).astype("uint8")
        outlines = cv2.findContours(mask.astype("uint8"), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(picture, outlines, -1, [int(value) for value in color], 1)
    return drawn
