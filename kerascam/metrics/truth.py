"""Where the objects are: true boxes and masks as users have them."""

import copy
from typing import Any

import numpy as np

from kerascam._checks import check_image_size


class Truth:
    """True boxes or masks of a batch of images.

    Args:
        truth: Masks `(batch, height, width)`, bool; or boxes `(batch, 4)`, `(batch, num, 4)` or a
            list of arrays `(num, 4)`, `xyxy` in pixels. Boxes of which all four numbers are -1 fill
            up the rows of images with fewer boxes.
        image_size: `(height, width)` of the images. Needed for boxes.
        inclusive: Whether a box's second corner is the last pixel of the object, as in the files of
            ILSVRC and PASCAL VOC, not the one just outside, as Keras has it.

    Attributes:
        size: `(height, width)`.
        masks: `(batch, height, width)`, bool; boxes filled.
        boxes: For each image `(num, 4)`, float64, the second corner just outside; the tight box of
            a mask.

    Raises:
        TypeError: If masks are no booleans.
        ValueError: If boxes are in the wrong order or outside the image, or a shape is wrong.
    """

    def __init__(self, truth, image_size=None, inclusive=False):
        self.size: Any = None if image_size is None else check_image_size(image_size)
        array = None if _is_ragged(truth) else np.asarray(truth)
        if array is not None and array.ndim == 2 and array.size == 0:
            array = array.reshape(len(array), 0, 4)  # Images without a box.
        if array is not None and array.dtype == bool:
            self._take_masks(array)
        elif array is not None and (array.ndim not in (2, 3) or array.shape[-1] != 4):
            kind = TypeError if array.ndim == 3 else ValueError
            raise kind(
                "The truth must be masks (batch, height, width), bool, or boxes (batch, 4) or "
                f"(batch, num, 4). Received: shape {array.shape}, dtype {array.dtype}. Pass masks "
                "as `masks > 0`."
            )
        else:
            self._take_boxes(truth if array is None else array, inclusive)

    def __len__(self):
        return len(self.boxes)

    def take(self, indices):
        """The truth of some of the images.

        Args:
            indices: Of the images.
        """
        part = copy.copy(self)
        part.masks, part.boxes = self.masks[indices], [self.boxes[index] for index in indices]
        return part

    def _take_masks(self, masks):
        if masks.ndim != 3 or (self.size is not None and masks.shape[1:] != self.size):
            size = "height, width" if self.size is None else "{}, {}".format(*self.size)
            raise ValueError(
                f"Masks must have the shape (batch, {size}), the size of the images. Received: "
                f"{masks.shape}."
            )
        self.size, self.masks = masks.shape[1:], masks
        self.boxes = []
        for mask in masks:
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if len(rows):
                box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
                self.boxes.append(np.array([box], "float64"))
            else:
                self.boxes.append(np.zeros((0, 4)))

    def _take_boxes(self, truth, inclusive):
        if self.size is None:
            raise ValueError(
                "Boxes need the size of their images. Pass `image_size=(height, width)`."
            )
        self.boxes = [_check_boxes(boxes, self.size, inclusive) for boxes in truth]
        self.masks = np.zeros((len(self.boxes), *self.size), "bool")
        for mask, boxes in zip(self.masks, self.boxes, strict=True):
            # A pixel belongs to a box that covers its centre.
            for x0, y0, x1, y1 in np.ceil(boxes - 0.5).astype(int):
                mask[y0:y1, x0:x1] = True


def _is_ragged(truth):
    return isinstance(truth, (list, tuple)) and len({np.shape(item) for item in truth}) > 1


def _check_boxes(boxes, size, inclusive):
    """Boxes of one image with the second corner just outside, without those that fill up."""
    boxes = np.asarray(boxes, "float64")
    boxes = boxes.reshape(-1, 4) if boxes.ndim == 1 or boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"The boxes of an image must have the shape (num, 4). Received: {boxes.shape}."
        )
    boxes = boxes[~(boxes == -1).all(axis=1)]
    if inclusive:
        boxes[:, 2:] += 1
    height, width = size
    if not np.isfinite(boxes).all() or (boxes[:, :2] >= boxes[:, 2:]).any():
        raise ValueError(
            "Boxes must be (left, top, right, bottom) with left < right and top < bottom"
            f"{' + 1' if inclusive else ''}. Received: {boxes.tolist()}. For (left, top, width, "
            "height) use `keras.utils.bounding_boxes.convert_format`."
        )
    if (boxes < 0).any() or (boxes > [width, height, width, height]).any():
        raise ValueError(
            f"Boxes must lie in their image of {width} x {height} pixels. Received: "
            f"{boxes.tolist()}. Are they pixels, and is `image_size` (height, width)?"
        )
    rows, columns = np.ceil(boxes[:, 1::2] - 0.5), np.ceil(boxes[:, ::2] - 0.5)
    if (rows[:, 0] >= rows[:, 1]).any() or (columns[:, 0] >= columns[:, 1]).any():
        raise ValueError(
            f"Boxes must cover a pixel. Received: {boxes.tolist()}. Are they shares of the image? "
            "Multiply them by its width and height."
        )
    return boxes
