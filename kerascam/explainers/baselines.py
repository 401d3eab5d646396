"""What stands for "nothing to see": the baseline that an image is compared with."""

from typing import Any

import numpy as np
from keras import ops

from kerascam._checks import check_number
from kerascam.explainers.interpolation import blur

_SHARE = 0.1  # Of the shorter side: shapes and textures are gone.
_RISE_SIGMA = _RISE_RADIUS = 5  # A kernel of 11 x 11.


class Baseline:
    """A number, an image, or each image blurred.

    Args:
        value: A number; an array that fits the images, such as `(height, width, channels)` or
            `(channels,)`; `"blurred"`, a Gaussian blur with a tenth of the shorter side as standard
            deviation; or `"rise"`, the weaker blur of RISE's insertion metric, with a kernel of
            11 x 11 pixels and a deviation of 5.
        images: The images, or their symbolic tensor. An array with an image for each is taken where
            their number is known.

    Raises:
        ValueError: If it is something else, or does not fit.
    """

    def __init__(self, value, images):
        self._blur = value if isinstance(value, str) and value in ("blurred", "rise") else None
        self._value: Any = None
        if self._blur:
            return
        if isinstance(value, (str, bytes)) or value is None:
            raise ValueError(
                '`baseline` must be a number, an image or one of "blurred" and "rise". Received: '
                f"baseline={value!r}."
            )
        self._value = np.asarray(check_number("baseline", value) if np.ndim(value) == 0 else value)
        self._value = self._value.astype("float32")
        if not np.isfinite(self._value).all():
            raise ValueError("`baseline` must be finite. Received: values that are not.")
        number = len(images) if isinstance(images, np.ndarray) else 1
        shape = (number, *images.shape[1:])
        fits = self._value.ndim <= len(shape) and all(
            have == 1 or want in (None, have)
            for want, have in zip(shape[::-1], self._value.shape[::-1], strict=False)
        )
        if not fits:
            raise ValueError(
                f"`baseline` must fit images of shape {tuple(shape[1:])}. Received: shape "
                f"{self._value.shape}."
            )

    @property
    def value(self):
        """What stands for all images, an array; `None` where each is blurred."""
        return self._value

    def of(self, images):
        """The baseline of each image, float32, of their shape."""
        images = ops.cast(images, "float32")
        if self._blur == "rise":
            return blur(images, _RISE_SIGMA, _RISE_RADIUS)
        if self._blur == "blurred":
            shortest, *others = (ops.cast(n, "float32") for n in ops.shape(images)[1:-1])
            for size in others:
                shortest = ops.minimum(shortest, size)
            return blur(images, _SHARE * shortest)
        return ops.broadcast_to(ops.convert_to_tensor(self._value), ops.shape(images))
