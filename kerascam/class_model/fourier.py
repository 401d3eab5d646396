"""An image made of its frequencies."""

import numpy as np
from keras import ops

from kerascam._checks import check_number
from kerascam.class_model.parameterization import Parameterization


class Fourier(Parameterization):
    """The ascent changes the image's spectrum, low frequencies more than high ones.

    A step along the gradient then changes the picture at all scales, where a step on pixels changes
    mostly the finest one, and makes noise.

    Args:
        decay: Frequencies are scaled by `1 / f**decay`.
        deviation: Standard deviation of the spectrum to begin with. With 0.01 that of the canvas is
            0.017 to 0.02 for images of 64 to 224 pixels.
        decorrelated: Whether the channels are the uncorrelated colours of natural images; for
            images with three channels.
        bounded: Whether a sigmoid keeps images between black and white.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
        ... )
        >>> find = kerascam.ClassModel(model, parameterization=Fourier(decorrelated=False))
        >>> find(3, steps=2, verbose=0).images.shape
        (1, 32, 32, 3)

    Reference:
        Olah et al. 2017, Feature Visualization, section "Preconditioning and parameterization", and
        the defaults of their library Lucid.
    """

    def __init__(self, decay=1.0, deviation=0.01, decorrelated=True, bounded=True):
        super().__init__(decorrelated, bounded)
        self.decay = check_number("decay", decay)
        self.deviation = check_number("deviation", deviation, low=0)

    def shape(self, frame):
        """Real and imaginary part of half the spectrum of each channel."""
        height, width = frame.size
        return (frame.channels, height, width // 2 + 1, 2)

    def start(self, frame, noise):
        """A random spectrum."""
        return self.deviation * noise

    def canvas(self, params, frame):
        """The inverse transform of the scaled spectrum."""
        scaled = params * self._scale(frame)
        return inverse_transform(scaled[..., 0], scaled[..., 1], frame.size[1])

    def from_canvas(self, canvas, frame):
        """The spectrum of a canvas."""
        return ops.stack(transform(canvas), axis=-1) / self._scale(frame)

    def _scale(self, frame):
        height, width = frame.size
        scale = np.sqrt(height * width) / frequencies(frame.size) ** self.decay
        return (scale[..., None] / 4).astype("float32")


def frequencies(size):
    """Length of each frequency of half the spectrum, `(height, width // 2 + 1)`.

    In cycles in a pixel, the lowest one for the constant part too.
    """
    height, width = size
    lengths = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    return np.maximum(lengths, 1 / max(size))


def transform(canvas):
    """Half the spectrum of a canvas `(batch, height, width, channels)`, as `numpy.fft.rfft2`.

    Returns:
        Real and imaginary part, `(batch, channels, height, width // 2 + 1)`.
    """
    rows = ops.rfft(ops.moveaxis(canvas, -1, 1))
    columns = ops.fft(tuple(ops.swapaxes(part, 2, 3) for part in rows))
    return tuple(ops.swapaxes(part, 2, 3) for part in columns)


def inverse_transform(real, imaginary, width):
    """Canvas of half a spectrum, as `numpy.fft.irfft2`.

    Args:
        real: Real part, `(batch, channels, height, width // 2 + 1)`.
        imaginary: Imaginary part, likewise.
        width: Width of the canvas.

    Returns:
        `(batch, height, width, channels)`.
    """
    # An inverse transform is a transform of the conjugate.
    columns = ops.fft((ops.swapaxes(real, 2, 3), -ops.swapaxes(imaginary, 2, 3)))
    height = real.shape[2]
    real, imaginary = (ops.swapaxes(part, 2, 3) / height for part in columns)
    return ops.moveaxis(ops.irfft((real, -imaginary), fft_length=width), 1, -1)
