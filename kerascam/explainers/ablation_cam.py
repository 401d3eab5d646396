"""Ablation-CAM."""

from keras import ops
from typing_extensions import Unpack

from kerascam.explainers import samples
from kerascam.explainers.features import FeatureExplainer, weighted
from kerascam.explainers.predictor import PredictorArguments


class AblationCAM(FeatureExplainer):
    """Channels of a layer, each weighed by how much the score falls without it.

    `ReLU(sum_k w_k A_k)` with `w_k = (y - y_k) / |y|`, where `y_k` is the score with channel k set
    to zero. The paper divides by `y`, which would turn the map upside down where the score is
    negative. Only the layers after the explained one are computed for each channel.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> AblationCAM(model)(images, verbose=0).heatmaps.shape
        (2, 4, 4)

    Reference:
        Desai and Ramaswamy 2020, Ablation-CAM: Visual Explanations for Deep Convolutional Network
        via Gradient-free Localization, section 3.
    """

    _is_rectified = True

    def __init__(self, model, *, layer=None, **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, layer=layer, **kwargs)
        self._trunk, self._head = self._network.cut(self._place)

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        features, rest = self._trunk(inputs)
        scores = self._head(features, rest)
        target = target.fixed(scores)
        score = target(scores)
        channels = features.shape[-1]

        def add(drops, indices):
            left_out = ops.one_hot(indices, channels, dtype=features.dtype)
            kept = ops.reshape(1 - left_out, (-1, *[1] * (len(features.shape) - 1), channels))
            ablated = features * kept
            times = ops.shape(ablated)[0]
            repeated = [samples.repeat(tensor, times) for tensor in rest]
            without = target.repeated(times)(self._head(samples.flatten(ablated), repeated))
            drop = score - samples.unflatten(without, ablated)
            return drops + ops.matmul(ops.transpose(drop), ops.cast(left_out, "float32"))

        zeros = ops.zeros((ops.shape(score)[0], channels), "float32")
        drops = self._fold(add, zeros, channels, inputs)
        weights = ops.divide_no_nan(drops, ops.abs(score)[:, None])
        weights = ops.reshape(weights, (-1, *[1] * (len(features.shape) - 2), channels))
        return ops.relu(weighted(ops.cast(features, "float32"), weights)), scores
