"""LayerCAM."""

from keras import ops
from typing_extensions import Unpack

from kerascam.explainers.explainer import Explainer
from kerascam.explainers.features import features_and_gradients, find_place, weighted
from kerascam.explainers.interpolation import resize
from kerascam.explainers.predictor import PredictorArguments

_GAMMA = 2.0  # The paper's factor for the maps of shallow layers.


class LayerCAM(Explainer):
    """Features times positive gradient, position by position; of one layer or several.

    `ReLU(sum_k relu(g_k(i, j)) A_k(i, j))`. It also works for early layers, whose maps are finer.
    The maps of several layers are fused as in the paper: each is divided by its maximum, those of
    all but the deepest layer go through `tanh(2 M)`, and the largest value counts. They have the
    resolution of the finest layer then, and values from 0 to 1.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`; or a list of layers, shallow to deep.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = LayerCAM(model, layer=["conv3", "conv4", "conv5"])
        >>> explain(images).heatmaps.shape
        (2, 16, 16)

    Reference:
        Jiang et al. 2021, LayerCAM: Exploring Hierarchical Class Activation Maps for Localization,
        section 3.
    """

    _is_rectified = True

    def __init__(self, model, *, layer=None, **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, **kwargs)
        layers = list(layer) if isinstance(layer, (list, tuple)) else [layer]
        self._places = [find_place(self._network, layer) for layer in layers]
        if not layers or len(set(self.layers)) != len(layers):
            raise ValueError(f"`layer` must name each layer once. Received: {layer!r}.")

    @property
    def layers(self):
        """Paths of the layers."""
        return [place.path for place in self._places]

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        pairs, scores = features_and_gradients(self._network, inputs, self._places, target)
        maps = [ops.relu(weighted(features, ops.relu(gradient))) for features, gradient in pairs]
        return maps[0] if len(maps) == 1 else _fused(maps), scores


def _fused(maps):
    axes = tuple(range(1, len(maps[0].shape)))
    size = [0] * len(axes)
    for heatmap in maps:
        size = [ops.maximum(a, b) for a, b in zip(size, ops.shape(heatmap)[1:], strict=True)]
    fused = ops.convert_to_tensor(0.0)
    for index, heatmap in enumerate(maps):
        heatmap = ops.divide_no_nan(heatmap, ops.max(heatmap, axis=axes, keepdims=True))
        if index < len(maps) - 1:
            heatmap = ops.tanh(_GAMMA * heatmap)
        fused = ops.maximum(fused, resize(heatmap, size))
    return fused
