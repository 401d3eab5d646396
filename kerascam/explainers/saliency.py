"""Image-specific class saliency."""

from kerascam.explainers.pixels import PixelExplainer


class Saliency(PixelExplainer):
    """Largest absolute gradient of the score over the channels of each pixel.

    `M_ij = max_c |dS/dI(i, j, c)|`: which pixels need to be changed the least to change the score
    of the class the most, to first order. One forward and one backward pass.

    Args:
        model: See `Explainer`.
        channels: See `PixelExplainer`; `"max_abs"` is the paper's.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`.

    Example:
        >>> heatmaps, targets, scores = Saliency(model)(images)
        >>> heatmaps.shape
        (2, 64, 64)

    Reference:
        Simonyan et al. 2013, Deep Inside Convolutional Networks, section 3.
    """

    def attribute(self, inputs, target):
        """The gradient."""
        return self._gradient(inputs, target)
