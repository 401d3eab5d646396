"""XGrad-CAM."""

from keras import ops

from kerascam.explainers.features import GradientCAM, sum_over_positions, weighted


class XGradCAM(GradientCAM):
    """Channels of a layer, each weighed by the mean gradient where the channel is strong.

    `sum_k w_k A_k` with `w_k = sum_ij g_ij A_k(i, j) / sum_ij A_k(i, j)`. Signed: its sum is that
    of features times gradient, the part of the score that the layer accounts for. For features
    after a ReLU: where those before one nearly cancel in a channel, its weight has no meaning.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = XGradCAM(model, layer="conv5")
        >>> explain(images, targets=[3, 7]).heatmaps.shape
        (2, 4, 4)

    Reference:
        Fu et al. 2020, Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of
        CNNs, section 3.
    """

    def combine(self, features, gradient):
        """Weights are means by the features; a channel without features has none."""
        weights = ops.divide_no_nan(
            sum_over_positions(gradient * features), sum_over_positions(features)
        )
        return weighted(features, weights)
