"""Photographs that scikit-image comes with, and what is known of them."""

import pathlib

import cv2
import numpy as np
import skimage.data

SIZE = 224
# Class, its probability by EfficientNetLite0, and a box drawn by hand around the bowl of the cup,
# the legs of the tripod, the moped and the face of the cat.
PHOTOGRAPHS = {
    "coffee": (967, 0.94, (45, 12, 178, 115)),
    "camera": (872, 0.95, (98, 98, 190, 222)),
    "motorcycle_left": (665, 0.71, (0, 40, 215, 188)),
    "chelsea": (285, 0.40, (10, 6, 200, 196)),
}


def photographs():
    """RGB `(4, 224, 224, 3)` in 0..255, float32: the square in the middle, shrunk by area."""
    images = []
    for name in PHOTOGRAPHS:
        picture = cv2.imread(str(pathlib.Path(skimage.data.__path__[0]) / f"{name}.png"))[..., ::-1]
        height, width = picture.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = picture[top : top + side, left : left + side]
        images.append(cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
    return np.stack(images).astype("float32")
