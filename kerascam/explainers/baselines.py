"""What stands for "nothing to see": the baseline that an image is compared with."""

import numpy as np
from keras import ops

from kerascam._checks import check_number
from kerascam.explainers.interpolation import blur

_BLUR = 0.1  # Standard deviation as a share of the shorter side: shapes and textures are gone.


class Baseline:
    """A number, an image, or each image blurred.

    Args:
        value: A number; an array that fits the images of the network, such as `(height, width,
            channels)` or `(channels,)`; or `"blurred"`, a Gaussian blur with a tenth of the shorter
            side as standard deviation.
        spec: Symbolic tensor of the images.

    Raises:
        ValueError: If it is something else, or does not fit.
    """

    def __init__(self, value, spec):
        self._blurred = isinstance(value, str) and value == "blurred"
        if self._blurred:
            return
        if isinstance(value, (str, bytes)) or value is None:
            raise ValueError(
                f'`baseline` must be a number, an image or "blurred". Received: baseline={value!r}.'
            )
        self._value = np.asarray(check_number("baseline", value) if np.ndim(value) == 0 else value)
        self._value = self._value.astype("float32")
        if not np.isfinite(self._value).all():
            raise ValueError("`baseline` must be finite. Received: values that are not.")
        shape = spec.shape[1:]
        fits = self._value.ndim <= len(shape) and all(
            have == 1 or want in (None, have)
            for want, have in zip(shape[::-1], self._value.shape[::-1], strict=False)
        )
        if not fits:
            raise ValueError(
                f"`baseline` must fit images of shape {tuple(shape)}. Received: shape "
                f"{self._value.shape}."
            )

    def of(self, images):
        """The baseline of each image, float32, of their shape."""
        images = ops.cast(images, "float32")
        if self._blurred:
            return blur(images, _BLUR)
        return ops.broadcast_to(ops.convert_to_tensor(self._value), ops.shape(images))
