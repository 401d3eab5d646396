"""What the methods share that weigh the features of a layer."""

import abc

from keras import ops
from typing_extensions import Unpack

from kerascam.backend import gradients
from kerascam.explainers.explainer import Explainer
from kerascam.explainers.pixels import explained_image
from kerascam.explainers.predictor import PredictorArguments
from kerascam.graph import is_spatial


class FeatureExplainer(Explainer):
    """Explains by the features of a layer, at its resolution.

    Args:
        model: See `Explainer`.
        layer: Name of the layer, or the layer; inside nested models and blocks its plain name where
            only one layer has it, else its path such as `"backbone/conv5"`. Default: the last
            layer with a spatial output.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: If `layer` is neither a name nor a layer.
        ValueError: If there is no such layer (the nearest names are listed), if it has no spatial
            output, or if the score does not depend on it.
    """

    def __init__(self, model, *, layer=None, **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, **kwargs)
        self._place = find_place(self._network, layer)

    @property
    def layer(self):
        """Path of the layer whose features are weighed."""
        return self._place.path


class GradientCAM(FeatureExplainer):
    """Explains by the features of a layer and the gradient of the score with respect to them.

    Only the layers after it are differentiated.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        **kwargs: See `Explainer`.
    """

    @abc.abstractmethod
    def combine(self, features, gradient):
        """Computes heatmaps; the one function of a method.

        Args:
            features: `(batch, height, width, channels)`, float32.
            gradient: Gradient of each image's score with respect to them, same shape.

        Returns:
            Heatmaps `(batch, height, width)`.
        """

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        [(features, gradient)], scores = features_and_gradients(
            self._network, inputs, [self._place], target
        )
        return self.combine(features, gradient), scores


def features_and_gradients(network, inputs, places, target):
    """Features of some layers, the gradients with respect to them, and the scores.

    Args:
        network: The `Network`.
        inputs: Inputs of one batch.
        places: The layers.
        target: See `Explainer.explain`.

    Returns:
        A list of pairs in the order of `places`, float32, and scores `(batch, classes)`.
    """
    order = []

    def score(watch):
        def tap(place):
            def marked(features):
                order.append(place)
                return watch(features)

            return marked

        scores = network.scores(inputs, {place: tap(place) for place in places})
        return target(scores), scores

    found, features, scores = gradients(score, network.gradient_scale)
    pairs = {
        place: (ops.cast(feature, "float32"), gradient)
        for place, feature, gradient in zip(order, features, found, strict=True)
    }
    return [pairs[place] for place in places], scores


def find_place(network, layer, like_images=False):
    """Finds a layer with a spatial output that leads to the score; see `FeatureExplainer`.

    Args:
        network: The `Network`.
        layer: What the user passed.
        like_images: Whether the output must have as many axes as the images.
    """
    if layer is None:
        return _last_spatial(network)
    place = network.places.find(layer)
    rank = len(explained_image(network).shape) if like_images else None
    if not is_spatial(place.output, rank):
        also = " and the axes of the images" if like_images else ""
        raise ValueError(
            "`layer` must have a spatial output (batch, ..., channels) with more than one "
            f"position{also}. Received: '{place.path}' with shape {tuple(place.output.shape)}. The "
            f"last with one is '{_last_spatial(network).path}'."
        )
    network.places.check_leads_to_score(place)
    return place


def _last_spatial(network):
    rank = 0 if network.image is None else len(network.inputs[network.image].shape)
    return network.places.last_spatial(rank)


def sum_over_positions(tensor):
    """Sum over the spatial axes of `(batch, ..., channels)`, which stay with length one."""
    return ops.sum(tensor, axis=tuple(range(1, len(tensor.shape) - 1)), keepdims=True)


def weighted(features, weights):
    """Sum over the channels of features times weights."""
    return ops.sum(features * weights, axis=-1)
