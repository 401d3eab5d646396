"""How an image is made of the numbers that the ascent changes."""

import abc
import dataclasses

import numpy as np
from keras import ops

# Colours of natural images without correlation, as Lucid has them: a column for each direction,
# divided by the length of the longest.
COLORS = np.array([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]])
COLORS = COLORS / np.linalg.norm(COLORS, axis=0).max()
_EDGE = 1e-3  # Images are kept so far, as a share of the range, from black and white.
_MEAN_EDGE = 0.05  # The mean image further, or the ascent could not move its black parts.


@dataclasses.dataclass(frozen=True)
class Frame:
    """What is known of an image before it is made.

    Attributes:
        size: `(height, width)`.
        channels: Number of channels.
        black: What the model takes for black, float32, `(channels,)`.
        white: What it takes for white, likewise.
        mean: Image that counts as nothing, float32, `(height, width, channels)`; `None` for the
            zero image, or medium grey where images are bounded.
    """

    size: tuple[int, int]
    channels: int
    black: np.ndarray
    white: np.ndarray
    mean: np.ndarray | None = None

    @property
    def spread(self):
        """White minus black, `(channels,)`."""
        return self.white - self.black

    @property
    def grey(self):
        """The middle of the range, `(channels,)`."""
        return (self.black + self.white) / 2


class Parameterization(abc.ABC):
    """Makes images of parameters: a canvas, then colours, then the model's values.

    Args:
        decorrelated: Whether the channels of the canvas are the uncorrelated colours of natural
            images, for images with three channels (Olah et al. 2017, Feature Visualization).
        bounded: Whether a sigmoid keeps images between black and white. Without it the canvas is
            added to the mean image in the model's units.
    """

    def __init__(self, decorrelated=False, bounded=False):
        self.decorrelated = decorrelated
        self.bounded = bounded

    has_inverse = True
    """Whether there are parameters of any image."""

    def check(self, frame):  # noqa: B027 - most have nothing to check
        """Raises a `ValueError` if it is not for images of this frame."""

    @abc.abstractmethod
    def shape(self, frame):
        """Shape of the parameters of one image."""

    @abc.abstractmethod
    def start(self, frame, noise):
        """Parameters to begin with.

        Args:
            frame: The `Frame`.
            noise: Standard normal numbers `(batch, *shape)`.
        """

    @abc.abstractmethod
    def canvas(self, params, frame):
        """Canvas `(batch, height, width, channels)` of parameters, a tensor."""

    @abc.abstractmethod
    def from_canvas(self, canvas, frame):
        """Parameters of a canvas, the inverse of `canvas`; not called without `has_inverse`."""

    def disturb(self, params, frame, noise):
        """Parameters moved away from a point without a gradient by a little noise."""
        return params + 0.01 * noise

    def center(self, frame):
        """The image that counts as nothing, broadcastable to an image."""
        if frame.mean is not None:
            return frame.mean
        return frame.grey if self.bounded else np.zeros(frame.channels, "float32")

    def images(self, params, frame):
        """Images `(batch, height, width, channels)` as the model takes them, a tensor."""
        canvas = self.canvas(params, frame)
        if self._has_colors(frame):
            canvas = ops.matmul(canvas, COLORS.T.astype("float32"))
        if not self.bounded:
            return self.center(frame) + canvas
        return frame.black + frame.spread * ops.sigmoid(self._logits(frame) + canvas)

    def from_images(self, images, frame):
        """Parameters of images, the inverse of `images`; values beyond the range are clipped.

        Args:
            images: `(batch, height, width, channels)`, an array or a tensor.
            frame: The `Frame`.
        """
        images = ops.convert_to_tensor(images, "float32")
        if self.bounded:
            share = ops.clip((images - frame.black) / frame.spread, _EDGE, 1 - _EDGE)
            canvas = ops.log(share / (1 - share)) - self._logits(frame)
        else:
            canvas = images - self.center(frame)
        if self._has_colors(frame):
            canvas = ops.matmul(canvas, np.linalg.inv(COLORS.T).astype("float32"))
        return self.from_canvas(canvas, frame)

    def _has_colors(self, frame):
        return self.decorrelated and frame.channels == 3

    def _logits(self, frame):
        """Where the sigmoid gives the mean image."""
        share = (self.center(frame) - frame.black) / frame.spread
        share = np.clip(share, _MEAN_EDGE, 1 - _MEAN_EDGE)
        return np.log(share / (1 - share)).astype("float32")
