"""Drawn shapes among clutter."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from kerascam._checks import check_integer

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
"""Names of the shapes that can be drawn."""

_POLYGONS = {
    "square": np.array([[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]]),
    "triangle": np.array([[0.0, -1.0], [0.95, 0.75], [-0.95, 0.75]]),
    "cross": np.array(
        [
            *([-0.33, -1], [0.33, -1], [0.33, -0.33], [1, -0.33], [1, 0.33], [0.33, 0.33]),
            *([0.33, 1], [-0.33, 1], [-0.33, 0.33], [-1, 0.33], [-1, -0.33], [-0.33, -0.33]),
        ]
    ),
    "star": np.array(
        [
            (np.sin(np.pi * k / 5) * (1, 0.42)[k % 2], -np.cos(np.pi * k / 5) * (1, 0.42)[k % 2])
            for k in range(10)
        ]
    ),
}
_SUBPIXEL_BITS = 4
_ATTEMPTS = 50


class Shapes(NamedTuple):
    """A data set of drawn shapes.

    Attributes:
        images: RGB `(num, size, size, 3)`, float32 in 0..1.
        labels: Index of the class, `(num,)`, int32.
        boxes: Tight box of each object, `(num, num_objects, 4)`, int32, `xyxy` in pixels; the
            second corner lies just outside.
        masks: Pixels of the objects, `(num, size, size)`, bool.
        class_names: Name of each class.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    class_names: tuple[str, ...]


def shapes(
    num,
    image_size=64,
    classes=("circle", "square", "triangle", "star"),
    seed=0,
    *,
    num_objects=1,
    object_size=(0.3, 0.5),
    num_distractors=2,
    clutter=5,
    noise=0.03,
):
    """Draws images with textured shapes of one class, among clutter and distractors.

    Each image has `num_objects` shapes of its class at random places, in random sizes, rotations,
    colours and textures; distractors, which are sectors of ellipses and of no class; lines as
    clutter; a smooth background and noise. Only the outline tells the class. The same
    arguments give the same images, and image `i` does not depend on `num`.

    Args:
        num: Number of images.
        image_size: Height and width in pixels, at least 16.
        classes: Names out of `SHAPES`; the label is the index in this list.
        seed: Seed, a non-negative integer.
        num_objects: Shapes in each image, all of its class, without overlap where there is room.
        object_size: Range of a shape's width, as share of the image.
        num_distractors: Objects of no class in each image.
        clutter: Lines in each image.
        noise: Standard deviation of the pixel noise.

    Returns:
        A `Shapes` tuple.

    Raises:
        ValueError: If a class is unknown, or a number is out of range.

    Example:
        >>> data = shapes(4, image_size=32, classes=("circle", "square"))
        >>> data.images.shape, data.boxes.shape, data.masks.dtype
        ((4, 32, 32, 3), (4, 1, 4), dtype('bool'))
    """
    unknown = [name for name in classes if name not in SHAPES]
    if unknown or len(set(classes)) != len(classes) or not classes:
        raise ValueError(
            f"`classes` must be different names out of {SHAPES}. Received: {tuple(classes)}."
        )
    for name, value, least in [
        ("num", num, 1),
        ("image_size", image_size, 16),
        ("num_objects", num_objects, 1),
        ("num_distractors", num_distractors, 0),
        ("clutter", clutter, 0),
        ("seed", seed, 0),
    ]:
        check_integer(name, value, low=least, high=math.inf)
    if not 0 < object_size[0] <= object_size[1] <= 0.9:
        raise ValueError(
            "`object_size` must be a range (low, high) within 0..0.9. Received: "
            f"object_size={object_size!r}."
        )
    images = np.empty((num, image_size, image_size, 3), "float32")
    labels = np.empty(num, "int32")
    boxes = np.empty((num, num_objects, 4), "int32")
    masks = np.empty((num, image_size, image_size), "bool")
    for index in range(num):
        rng = np.random.default_rng([seed, index])
        labels[index] = rng.integers(len(classes))
        canvas = _background(rng, image_size, clutter)
        places = _places(rng, num_objects + num_distractors, image_size, object_size)
        for place in places[num_objects:]:
            _paint(rng, canvas, _distractor(rng, image_size, *place))
        object_masks = [
            _shape(rng, classes[labels[index]], image_size, *place)
            for place in places[:num_objects]
        ]
        for mask in object_masks:
            _paint(rng, canvas, mask)
        canvas += rng.normal(scale=noise, size=canvas.shape).astype("float32")
        images[index] = np.clip(canvas, 0, 1)
        masks[index] = np.any(object_masks, axis=0)
        boxes[index] = [_box(mask) for mask in object_masks]
    return Shapes(images, labels, boxes, masks, tuple(classes))


def _background(rng, size, clutter):
    """Smooth colours and lines."""
    coarse = rng.uniform(0.3, 0.7, size=(3, 3, 3)).astype("float32")
    canvas = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    for _ in range(clutter):
        start, end = rng.integers(0, size, size=(2, 2))
        color = rng.uniform(size=3)
        cv2.line(canvas, start.tolist(), end.tolist(), color.tolist(), 1, cv2.LINE_AA)
    return canvas


def _places(rng, number, size, object_size):
    """Centres and radii, apart from each other where there is room."""
    places: list[tuple[np.ndarray, float]] = []
    for _ in range(number):
        for _ in range(_ATTEMPTS):
            radius = 0.5 * size * rng.uniform(*object_size)
            center = rng.uniform(radius, size - radius, size=2)
            if all(np.hypot(*(center - other)) > radius + r for other, r in places):
                break
        places.append((center, radius))
    return places


def _shape(rng, name, size, center, radius):
    """Mask of one shape, rotated at random."""
    mask = np.zeros((size, size), "uint8")
    if name in ("circle", "ring"):
        _disc(mask, center, radius, 1)
        if name == "ring":
            _disc(mask, center, 0.6 * radius, 0)
    else:
        angle = rng.uniform(0, 2 * np.pi)
        rotation = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        _polygon(mask, _POLYGONS[name] @ np.array(rotation) * radius + center)
    return mask.astype("bool")


def _distractor(rng, size, center, radius):
    """Mask of a sector of a thin ellipse, which no shape is."""
    mask = np.zeros((size, size), "uint8")
    axes = (int(radius), max(1, int(0.35 * radius)))
    start = rng.uniform(0, 360)
    cv2.ellipse(
        mask,
        center.astype(int).tolist(),
        axes,
        rng.uniform(0, 180),
        start,
        start + rng.uniform(90, 220),
        1,
        -1,
    )
    return mask.astype("bool")


def _disc(mask, center, radius, value):
    fixed = np.rint(np.array([*center, radius]) * 2**_SUBPIXEL_BITS).astype(int).tolist()
    cv2.circle(mask, fixed[:2], fixed[2], value, -1, shift=_SUBPIXEL_BITS)


def _polygon(mask, corners):
    fixed = np.rint(corners * 2**_SUBPIXEL_BITS).astype("int32")
    cv2.fillPoly(mask, [fixed], 1, shift=_SUBPIXEL_BITS)


def _paint(rng, canvas, mask):
    """Fills a mask with two colours in stripes."""
    first = rng.uniform(size=3)
    second = first + rng.uniform(-0.35, 0.35, size=3)
    frequency = rng.uniform(0.4, 1.5)
    direction = rng.uniform(0, np.pi)
    rows, columns = np.nonzero(mask)
    wave = np.sin(frequency * (np.cos(direction) * columns + np.sin(direction) * rows))
    share = (0.5 + 0.5 * wave)[:, None]
    canvas[rows, columns] = share * first + (1 - share) * second


def _box(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
