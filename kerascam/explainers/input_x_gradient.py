"""Gradient times input."""

from typing_extensions import Unpack

from kerascam.explainers.pixels import PixelExplainer
from kerascam.explainers.predictor import PredictorArguments


class InputXGradient(PixelExplainer):
    """Each pixel times the gradient of the score with respect to it.

    Signed. The values add up to the score where the network is positively homogeneous (ReLU, max
    and average pooling, no biases). They are zero where the image is zero, so they depend on which
    colour the preprocessing makes zero.

    Args:
        model: See `Explainer`.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`.

    Example:
        >>> InputXGradient(model)(images).heatmaps.shape
        (2, 64, 64)

    Reference:
        Shrikumar et al. 2016, Not Just a Black Box: Learning Important Features Through
        Propagating Activation Differences, section 3.
    """

    def __init__(self, model, *, channels="sum", **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, channels=channels, **kwargs)

    def attribute(self, inputs, target):
        """Input times gradient."""
        gradient, scores = self._gradient(inputs, target)
        return self._images(inputs) * gradient, scores
