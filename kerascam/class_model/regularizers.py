"""What keeps an image small or smooth."""

import abc

from keras import ops

from kerascam._checks import check_integer, check_number
from kerascam.explainers.interpolation import blur


class Regularizer(abc.ABC):
    """Takes something off the objective of each image, or changes the image every few steps."""

    every = None
    """After how many steps `change` is called; `None` for never."""

    relative = False
    """Whether it counts in units of each score's `|dS/dI| * range * sqrt(n)` at the start, which
    is what the score gains where each of the n values changes by the range along the gradient."""

    @abc.abstractmethod
    def __call__(self, deviations, frame):
        """What is taken off the objective, `(batch,)`.

        Args:
            deviations: Images minus the mean image, `(batch, height, width, channels)`, in the
                model's units.
            frame: The `Frame`.
        """

    def change(self, images, frame):
        """The images after a change."""
        return images


class PNorm(Regularizer):
    """`weight * sum |I|**p`, the p-th power of the p-norm of an image minus the mean image.

    Args:
        weight: Not negative.
        p: At least 1. A high power, such as 6, keeps pixels from becoming extreme.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> keras.ops.convert_to_numpy(PNorm(0.5, p=6)(np.full((1, 1, 1, 2), 2.0), None)).tolist()
        [64.0]

    Reference:
        Mahendran & Vedaldi 2015, Understanding deep image representations by inverting them,
        section 2.1.
    """

    def __init__(self, weight, p=6):
        self.weight = check_number("weight", weight, low=0)
        self.p = check_number("p", p, low=1)

    def __call__(self, deviations, frame):
        """See the class."""
        powers = ops.abs(deviations) if self.p == 1 else ops.abs(deviations) ** self.p
        return self.weight * ops.sum(powers, axis=(1, 2, 3))


class L1(PNorm):
    """`weight * sum |I|`: as few pixels as possible differ from the mean image.

    Args:
        weight: Not negative.

    Example:
        >>> keras.ops.convert_to_numpy(L1(0.5)(np.full((1, 1, 1, 2), -2.0), None)).tolist()
        [2.0]
    """

    def __init__(self, weight):
        super().__init__(weight, p=1)


class L2(Regularizer):
    """`weight * sum I**2`, the paper's penalty, which `ClassModel(penalty=...)` is too.

    Args:
        weight: Not negative.

    Example:
        >>> keras.ops.convert_to_numpy(L2(0.5)(np.full((1, 1, 1, 2), 2.0), None)).tolist()
        [4.0]

    Reference:
        Simonyan et al. 2013, Deep Inside Convolutional Networks, equation 1.
    """

    def __init__(self, weight):
        self.weight = check_number("weight", weight, low=0)

    def __call__(self, deviations, frame):
        """See the class."""
        return self.weight * ops.sum(ops.square(deviations), axis=(1, 2, 3))


class TotalVariation(Regularizer):
    """Mean difference of neighbouring pixels, as a share of the range from black to white.

    It does not grow with the number of pixels, as a sum would.

    Args:
        weight: Not negative.
        relative: Whether the weight is in units of what the score gains where the image changes by
            the range along the gradient, `|dS/dI| * range * sqrt(n)` at the start, so that it does
            not matter how large scores are.

    Example:
        >>> frame = kerascam.class_model.Frame((1, 2), 1, np.zeros(1), np.full(1, 2.0))
        >>> stripes = np.array([[[[0.0], [1.0]]]])
        >>> keras.ops.convert_to_numpy(TotalVariation(8)(stripes, frame)).tolist()
        [2.0]
    """

    def __init__(self, weight, relative=False):
        self.weight = check_number("weight", weight, low=0)
        self.relative = relative

    def __call__(self, deviations, frame):
        """See the class."""
        shares = deviations / frame.spread
        down = ops.abs(shares[:, 1:] - shares[:, :-1])
        across = ops.abs(shares[:, :, 1:] - shares[:, :, :-1])
        total = ops.sum(down, axis=(1, 2, 3)) + ops.sum(across, axis=(1, 2, 3))
        return self.weight * total / (frame.size[0] * frame.size[1] * frame.channels)


class BlurEvery(Regularizer):
    """A Gaussian blur of the image every few steps, which takes high frequencies away.

    Args:
        steps: After how many steps, 4 to 10 in the paper.
        sigma: Standard deviation in pixels.

    Example:
        >>> spot = np.array([[[[0.0], [0.0], [1.0], [0.0], [0.0]]]], "float32")
        >>> blurred = keras.ops.convert_to_numpy(BlurEvery(sigma=0.5).change(spot, None))
        >>> [round(value, 2) for value in blurred.ravel().tolist()]
        [0.0, 0.11, 0.79, 0.11, 0.0]

    Reference:
        Yosinski et al. 2015, Understanding Neural Networks Through Deep Visualization, section 3.
    """

    def __init__(self, steps=4, sigma=1.0):
        self.every = check_integer("steps", steps)
        self.sigma = check_number("sigma", sigma, low=0)

    def __call__(self, deviations, frame):
        """Nothing."""
        return ops.zeros(ops.shape(deviations)[0])

    def change(self, images, frame):
        """The images, blurred."""
        return blur(images, self.sigma)
