"""Grad-CAM++."""

from keras import ops

from kerascam.explainers.features import GradientCAM, sum_over_positions, weighted


class GradCAMPlusPlus(GradientCAM):
    """Channels of a layer, weighed by positive gradients, less where the channel is strong overall.

    `ReLU(sum_k w_k A_k)` with `w_k = sum_ij alpha_ij relu(g_ij)`, `g = dS/dA_k` and
    `alpha_ij = g_ij^2 / (2 g_ij^2 + g_ij^3 sum_ab A_ab)`, the paper's equation 19 for the
    exponential of the score; its factor `exp(S)`, the same for all channels, is left out. Other
    packages normalise alpha over the positions or take means for sums, and differ. For features
    after a ReLU, for which the paper derives it.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = GradCAMPlusPlus(model, layer="conv5")
        >>> explain(images, targets=[3, 7]).heatmaps.shape
        (2, 4, 4)

    Reference:
        Chattopadhay et al. 2018, Grad-CAM++: Improved Visual Explanations for Deep Convolutional
        Networks, section 3.
    """

    _is_rectified = True

    def combine(self, features, gradient):
        """Weights by equation 19, `g^2` cancelled: gradients of 1e-14 have no third power."""
        alpha = ops.divide_no_nan(
            ops.ones_like(gradient), 2 + gradient * sum_over_positions(features)
        )
        weights = sum_over_positions(alpha * ops.relu(gradient))
        return ops.relu(weighted(features, weights))
