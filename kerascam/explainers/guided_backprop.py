"""Guided backpropagation."""

from kerascam.explainers.rectified import RectifiedExplainer


class GuidedBackprop(RectifiedExplainer):
    """Gradient that passes a ReLU only where it is open and the gradient is positive.

    `g * 1(x > 0) * 1(g > 0)` at every ReLU. Sharp pictures of what excites the network, which
    depend little on the class and the upper layers (Adebayo et al. 2018): good for comparison
    with the literature, not to find out why a class was chosen.

    Args:
        model: See `Explainer`.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`; and at the first call if the network has no ReLU.

    Example:
        >>> GuidedBackprop(model)(images).heatmaps.shape
        (2, 64, 64)

    Reference:
        Springenberg et al. 2014, Striving for Simplicity: The All Convolutional Net, section 3.4.
    """

    rule = "guided"
