"""Eigen-CAM."""

from keras import ops

from kerascam.explainers.features import FeatureExplainer


class EigenCAM(FeatureExplainer):
    """Features of a layer along their first principal direction.

    The features `A`, positions by channels, are projected on their first right singular vector;
    they are not centred, as in the paper. It needs no gradient and **shows no class**: the target
    has no influence. The sign of a singular vector is arbitrary; it is chosen so that the value of
    largest size is positive.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = EigenCAM(model, layer="conv5")
        >>> explain(images).heatmaps.shape
        (2, 4, 4)

    Reference:
        Muhammad and Yeasin 2020, Eigen-CAM: Class Activation Map using Principal Components,
        section 3.
    """

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        features, scores = self._network.features_and_scores(inputs, self._place)
        shape = ops.shape(features)
        flat = ops.reshape(features, (shape[0], -1, shape[-1]))
        # A v = u s: the first left singular vector times the first singular value.
        left, singular, _ = ops.svd(flat, full_matrices=False)
        projected = left[:, :, 0] * singular[:, :1]
        highest = ops.max(projected, axis=1, keepdims=True)
        lowest = ops.min(projected, axis=1, keepdims=True)
        projected = ops.where(highest >= -lowest, projected, -projected)
        return ops.reshape(projected, shape[:-1]), scores
