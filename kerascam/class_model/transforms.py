"""Random changes of an image that must not change what the network sees in it."""

import abc
import itertools
import math

import numpy as np
from keras import ops

from kerascam._checks import check_integer, check_number
from kerascam.explainers.interpolation import blur


class Transform(abc.ABC):
    """A random change of each image, inside the compiled loop."""

    num_random = 1
    """How many random numbers it needs for an image."""

    @abc.abstractmethod
    def __call__(self, images, random, fill):
        """The changed images.

        Args:
            images: `(batch, height, width, channels)`.
            random: `(batch, num_random)`, uniform in [0, 1).
            fill: Colour beyond the image's border, broadcastable to it.
        """


class Geometry(Transform):
    """Moves the pixels. Neighbouring ones are put together and done by one interpolation."""

    @abc.abstractmethod
    def matrix(self, random, size):
        """From a place in the result to its place in the image, `(batch, 3, 3)`.

        Places are `(x, y, 1)` in pixels from the image's centre.

        Args:
            random: `(batch, num_random)`, uniform in [0, 1).
            size: `(height, width)`.
        """

    def __call__(self, images, random, fill):
        """The moved images."""
        return _warp(images, self.matrix(random, images.shape[1:3]), fill)


class Jitter(Geometry):
    """Shifts by a random number of whole pixels, up to so many in each direction.

    Args:
        pixels: The largest shift.

    Example:
        >>> shifted = Jitter(1)(np.ones((1, 3, 3, 1), "float32"), np.zeros((1, 2)), 0.0)
        >>> keras.ops.convert_to_numpy(shifted)[0, ..., 0].tolist()
        [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]
    """

    num_random = 2

    def __init__(self, pixels):
        self.pixels = check_integer("pixels", pixels, low=0)

    def matrix(self, random, size):
        """A shift."""
        shift = ops.floor(random * (2 * self.pixels + 1)) - self.pixels
        return _matrix(1.0, 0.0, 1.0, shift[:, 0], shift[:, 1])


class Pad(Geometry):
    """Shows the image smaller, with so many pixels of the fill colour around it.

    So shifts and turns bring in the border instead of cutting the image off.

    Args:
        pixels: Width of the border, in pixels of the image.

    Example:
        >>> padded = Pad(1)(np.ones((1, 4, 4, 1), "float32"), np.zeros((1, 0)), 0.0)
        >>> keras.ops.convert_to_numpy(padded)[0, 1].round(2).ravel().tolist()
        [0.25, 1.0, 1.0, 0.25]
    """

    num_random = 0

    def __init__(self, pixels):
        self.pixels = check_integer("pixels", pixels, low=0)

    def matrix(self, random, size):
        """A larger view."""
        height, width = ((length + 2 * self.pixels) / length for length in size)
        ones = ops.ones(ops.shape(random)[0])
        return _matrix(width * ones, 0.0, height, 0.0, 0.0)


class Scale(Geometry):
    """Magnifies by a random factor.

    Args:
        low: Smallest factor.
        high: Largest factor.

    Example:
        >>> larger = Scale(2, 2)(np.eye(2, dtype="float32")[None, ..., None], np.ones((1, 1)), 0.0)
        >>> keras.ops.convert_to_numpy(larger)[0, ..., 0].tolist()
        [[0.625, 0.375], [0.375, 0.625]]
    """

    def __init__(self, low=0.9, high=1.1):
        self.low = check_number("low", low, low=1e-3)
        self.high = check_number("high", high, low=self.low)

    def matrix(self, random, size):
        """A smaller or larger view."""
        inverse = 1 / (self.low + (self.high - self.low) * random[:, 0])
        return _matrix(inverse, 0.0, inverse, 0.0, 0.0)


class Rotate(Geometry):
    """Turns by a random angle.

    Args:
        degrees: The largest angle, to either side.

    Example:
        >>> square = np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]], "float32")
        >>> turned = Rotate(90)(square, np.ones((1, 1), "float32"), 0.0)
        >>> keras.ops.convert_to_numpy(turned)[0, ..., 0].round(3).tolist()
        [[3.0, 1.0], [4.0, 2.0]]
    """

    def __init__(self, degrees=10.0):
        self.degrees = check_number("degrees", degrees, low=0, high=180)

    def matrix(self, random, size):
        """A turned view."""
        angle = (2 * random[:, 0] - 1) * math.radians(self.degrees)
        return _matrix(ops.cos(angle), ops.sin(angle), ops.cos(angle), 0.0, 0.0)


class Flip(Geometry):
    """Mirrors half of the images, left to right.

    Example:
        >>> mirrored = Flip()(np.array([[[[1.0], [2.0]]]], "float32"), np.zeros((1, 1)), 0.0)
        >>> keras.ops.convert_to_numpy(mirrored).ravel().tolist()
        [2.0, 1.0]
    """

    def matrix(self, random, size):
        """A mirrored view."""
        return _matrix(ops.where(random[:, 0] < 0.5, -1.0, 1.0), 0.0, 1.0, 0.0, 0.0)


class Blur(Transform):
    """Mixes each image with a blurred copy of it, by a random share.

    Args:
        sigma: Standard deviation of the copy's Gaussian blur, in pixels.

    Example:
        >>> blurred = Blur(1.0)(np.ones((1, 8, 8, 3), "float32"), np.ones((1, 1), "float32"), 0.0)
        >>> float(keras.ops.max(keras.ops.abs(blurred - 1))) < 1e-6
        True
    """

    def __init__(self, sigma=1.0):
        self.sigma = check_number("sigma", sigma, low=0)

    def __call__(self, images, random, fill):
        """The blurred images."""
        share = ops.reshape(random, (-1, 1, 1, 1))
        return images + share * (blur(images, self.sigma) - images)


def num_random(transforms):
    """How many random numbers a list of transforms needs for an image."""
    return sum(transform.num_random for transform in transforms)


def apply(transforms, images, random, fill):
    """Applies transforms one after the other.

    Args:
        transforms: The `Transform`s.
        images: `(batch, height, width, channels)`.
        random: `(batch, num_random(transforms))`, uniform in [0, 1).
        fill: See `Transform`.
    """
    used = 0
    for moves, group in itertools.groupby(transforms, lambda item: isinstance(item, Geometry)):
        matrix = None
        for transform in group:
            drawn = random[:, used : used + transform.num_random]
            used += transform.num_random
            if not moves:
                images = transform(images, drawn, fill)
                continue
            # The last one is the first that a place in the result goes through.
            new = transform.matrix(drawn, images.shape[1:3])
            matrix = new if matrix is None else ops.matmul(matrix, new)
        if moves:
            images = _warp(images, matrix, fill)
    return images


def _matrix(xx, xy, yy, x, y):
    """Rows `(xx, xy, x)`, `(-xy, yy, y)`, `(0, 0, 1)` for a batch; at least one has its length."""
    zero = sum(0.0 * value for value in (xx, xy, yy, x, y))
    entries = [xx, xy, x, -xy, yy, y, 0.0, 0.0, 1.0]
    matrix = ops.stack([ops.cast(zero + entry, "float32") for entry in entries], axis=-1)
    return ops.reshape(matrix, (-1, 3, 3))


def _warp(images, matrix, fill):
    """Bilinear interpolation at the places that a matrix leads to.

    Backwards TensorFlow moves the gradient by the inverse matrix. Divided by the determinant that
    is the exact gradient for shifts and mirrors, and a close one for turns and scales.
    """
    height, width = images.shape[1:3]
    middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]], "float32")
    from_corner = ops.matmul(ops.matmul(middle, matrix), np.linalg.inv(middle).astype("float32"))
    rows = ops.reshape(from_corner, (-1, 9))[:, :8]
    # Relative to the colour beyond the border, which is one number for all channels here.
    moved = ops.image.affine_transform(
        images - fill, rows, fill_mode="constant", fill_value=0.0, data_format="channels_last"
    )
    determinant = matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
    share = ops.reshape(1 / ops.abs(determinant), (-1, 1, 1, 1))
    return share * moved + ops.stop_gradient((1 - share) * moved) + fill
