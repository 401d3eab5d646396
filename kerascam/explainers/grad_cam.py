"""Grad-CAM."""

from keras import ops

from kerascam.explainers.features import GradientCAM, weighted


class GradCAM(GradientCAM):
    """Channels of a layer, each weighed by its mean gradient; what lowers the score is cut off.

    `ReLU(sum_k alpha_k A_k)` with `alpha_k = mean_ij dS/dA_k(i, j)`. On a network with global
    average pooling it is `ReLU` of the class activation map, divided by the number of positions.
    Averaging the gradient can mark places that the network did not use: see `HiResCAM`.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = GradCAM(model, layer="conv5")
        >>> explain(images, targets=[3, 7]).heatmaps.shape
        (2, 4, 4)

    Reference:
        Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks, section 3.
    """

    _is_rectified = True

    def combine(self, features, gradient):
        """Weights are means over all positions."""
        return grad_cam(features, gradient)


def grad_cam(features, gradient):
    """Grad-CAM of features and gradients `(batch, ..., channels)`: `(batch, ...)`."""
    weights = ops.mean(gradient, axis=tuple(range(1, len(gradient.shape) - 1)), keepdims=True)
    return ops.relu(weighted(features, weights))
