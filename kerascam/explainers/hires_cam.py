"""HiResCAM."""

from kerascam.explainers.features import GradientCAM, weighted


class HiResCAM(GradientCAM):
    """Features times gradient, position by position.

    `sum_k g_k(i, j) A_k(i, j)` without averaging. Signed. For a network that ends in one linear
    layer after the explained one, flat or pooled, its sum is the score without the bias: a
    positive place raised the score, and a place that the network did not use is zero.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = HiResCAM(model, layer="conv5")
        >>> explain(images, targets=[3, 7]).heatmaps.shape
        (2, 4, 4)

    Reference:
        Draelos and Carin 2020, Use HiResCAM instead of Grad-CAM for faithful explanations of
        convolutional neural networks, section 3.
    """

    def combine(self, features, gradient):
        """Every position has weights of its own."""
        return weighted(features, gradient)
