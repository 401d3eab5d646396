"""An image made of the phases of its frequencies."""

import math

import numpy as np
from keras import ops

from kerascam.class_model.fourier import frequencies, inverse_transform
from kerascam.class_model.parameterization import COLORS, Parameterization


class FixedMagnitude(Parameterization):
    """The ascent changes phases only: how strong each frequency is stays as in natural images.

    So it can't put its strength into the high frequencies that networks react to and people do
    not. Images are bounded. An optimizer with large steps suits it, such as
    `keras.optimizers.Nadam(1.0)`.

    Args:
        images: Images `(num, height, width, channels)` of the size of the class model, as the model
            takes them, whose mean spectrum is kept. Default: the spectrum `1 / f` of natural
            images, the same in all channels.
        decorrelated: Whether the channels are the uncorrelated colours of natural images; for
            images with three channels.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
        ... )
        >>> find = kerascam.ClassModel(
        ...     model, parameterization=FixedMagnitude(), optimizer=keras.optimizers.Nadam(1.0)
        ... )
        >>> find(3, steps=2, verbose=0).images.shape
        (1, 32, 32, 3)

    Reference:
        Fel et al. 2023, Unlocking Feature Visualization for Deeper Networks with MAgnitude
        Constrained Optimization, section 3.
    """

    def __init__(self, images=None, decorrelated=True):
        super().__init__(decorrelated, bounded=True)
        self._images = images

    has_inverse = False

    def check(self, frame):
        """Checks the size of the images."""
        self.magnitude(frame)

    def shape(self, frame):
        """A phase for each frequency of half the spectrum of each channel."""
        height, width = frame.size
        return (frame.channels, height, width // 2 + 1)

    def start(self, frame, noise):
        """Random phases; `canvas` gives them their scale."""
        return noise

    def canvas(self, params, frame):
        """The inverse transform of the phases and the fixed magnitudes, standardised."""
        axes = (1, 2, 3)
        phase = (params - ops.mean(params, axis=axes, keepdims=True)) / (
            ops.std(params, axis=axes, keepdims=True) + 1e-5
        )
        magnitude = self.magnitude(frame)
        canvas = inverse_transform(
            magnitude * ops.cos(phase), magnitude * ops.sin(phase), frame.size[1]
        )
        centered = canvas - ops.mean(canvas, axis=axes, keepdims=True)
        return centered / (ops.std(canvas, axis=axes, keepdims=True) + 1e-5)

    def from_canvas(self, canvas, frame):
        """None: a picture has magnitudes of its own."""
        raise ValueError("A picture has magnitudes of its own.")

    def magnitude(self, frame):
        """The magnitudes, `(channels, height, width // 2 + 1)`, float32."""
        if self._images is None:
            spectrum = 1 / frequencies(frame.size)
            scale = math.sqrt(frame.size[0] * frame.size[1])
            return np.broadcast_to(scale * spectrum, self.shape(frame)).astype("float32")
        images = np.asarray(self._images, "float64")
        if images.ndim != 4 or images.shape[1:] != (*frame.size, frame.channels):
            raise ValueError(
                "`images` must have the size of the class model, "
                f"(num, {frame.size[0]}, {frame.size[1]}, {frame.channels}). Received: "
                f"{images.shape}."
            )
        share = (images - frame.black) / frame.spread
        if self._has_colors(frame):
            share = share @ np.linalg.inv(COLORS.T)
        return np.abs(np.fft.rfft2(np.moveaxis(share, -1, 1))).mean(axis=0).astype("float32")
