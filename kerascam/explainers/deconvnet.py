"""The gradient of a deconvolutional network."""

from kerascam.explainers.rectified import RectifiedExplainer


class Deconvnet(RectifiedExplainer):
    """Gradient that passes a ReLU only where it is positive itself.

    `g * 1(g > 0)` at every ReLU; apart from that a deconvolutional network is the gradient
    (Simonyan et al. 2013, section 4). It depends little on the class, as `GuidedBackprop`.

    Args:
        model: See `Explainer`.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`; and at the first call if the network has no ReLU.

    Example:
        >>> Deconvnet(model)(images).heatmaps.shape
        (2, 64, 64)

    Reference:
        Zeiler and Fergus 2013, Visualizing and Understanding Convolutional Networks, section 2.1.
    """

    rule = "deconvnet"
