"""An image made of its pixels."""

from keras import ops

from kerascam.class_model.parameterization import Parameterization


class Pixels(Parameterization):
    """The ascent changes the pixels themselves, from the mean image on.

    Args:
        decorrelated: Whether the channels are the uncorrelated colours of natural images, see
            `Fourier`.
        bounded: Whether a sigmoid keeps images between black and white.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
        ... )
        >>> find = kerascam.ClassModel(model, parameterization=Pixels(bounded=True))
        >>> find(3, steps=2, verbose=0).images.shape
        (1, 32, 32, 3)

    Reference:
        Simonyan et al. 2013, Deep Inside Convolutional Networks, section 2.
    """

    def shape(self, frame):
        """One number for each channel of each pixel."""
        return (*frame.size, frame.channels)

    def start(self, frame, noise):
        """The mean image."""
        return ops.zeros_like(noise)

    def disturb(self, params, frame, noise):
        """A hundredth of the range, for what is not bounded in the model's units."""
        spread = 1.0 if self.bounded else frame.spread
        return params + 0.01 * spread * noise

    def canvas(self, params, frame):
        """The parameters."""
        return params

    def from_canvas(self, canvas, frame):
        """The canvas."""
        return canvas
