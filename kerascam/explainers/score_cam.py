"""Score-CAM."""

from keras import ops
from typing_extensions import Unpack

from kerascam._checks import check_integer
from kerascam.explainers import samples
from kerascam.explainers.features import FeatureExplainer, find_place, weighted
from kerascam.explainers.interpolation import resize
from kerascam.explainers.predictor import ScoreArguments


class ScoreCAM(FeatureExplainer):
    """Channels of a layer, each weighed by the score of the image seen through it.

    Each channel, enlarged to the image and scaled to 0..1, masks the image. The probabilities of
    the class for the masked images go through a softmax over the channels and are the weights:
    `ReLU(sum_k alpha_k A_k)`. A channel that is the same everywhere has no weight. It needs one
    forward pass for each channel.

    Args:
        model: See `Explainer`.
        layer: See `FeatureExplainer`.
        max_channels: Number of channels to use, those that vary most over each image, as in
            Faster-Score-CAM. Default: all.
        batch_size: Number of masked images, of all images together, to compute at once. Few by
            default, as the memory grows with it; 16 is about a quarter faster on a CPU.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `FeatureExplainer`.
        ValueError: See `FeatureExplainer`.

    Example:
        >>> explain = ScoreCAM(model, max_channels=16)
        >>> explain(images, verbose=0).heatmaps.shape
        (2, 4, 4)

    Reference:
        Wang et al. 2020, Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural
        Networks, section 3.
    """

    _is_rectified = True

    def __init__(
        self,
        model,
        *,
        layer=None,
        max_channels=None,
        batch_size=4,
        **kwargs: Unpack[ScoreArguments],
    ):
        super().__init__(model, layer=layer, batch_size=batch_size, **kwargs)
        self._place = find_place(self._network, layer, like_images=True)
        self.max_channels = (
            None if max_channels is None else check_integer("max_channels", max_channels)
        )

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        features, scores = self._network.features_and_scores(inputs, self._place)
        target = target.fixed(scores)
        if self.max_channels is not None and self.max_channels < features.shape[-1]:
            features = _most_varied(features, self.max_channels)
        channels = features.shape[-1]
        image = self._network.image
        size = ops.shape(inputs[image])[1:-1]

        def add(confidences, indices):
            masks = resize(_first(ops.take(features, indices, axis=-1)), size)
            masks = ops.expand_dims(_unit_range(masks), -1)
            images = ops.cast(inputs[image], "float32")
            masked = images * ops.reshape(masks, (-1, ops.shape(images)[0], *ops.shape(masks)[1:]))
            replaced = samples.replace(inputs, image, masked)
            repeated = target.repeated(ops.shape(masked)[0])
            confidence = repeated.confidence(self._network, self._network.scores(replaced))
            confidence = samples.unflatten(confidence, masked)
            chosen = ops.one_hot(indices, channels, dtype="float32")
            return confidences + ops.matmul(ops.transpose(confidence), chosen)

        zeros = ops.zeros((ops.shape(scores)[0], channels), "float32")
        confidences = self._fold(add, zeros, channels, inputs)
        axes = tuple(range(1, len(features.shape) - 1))
        varies = ops.max(features, axis=axes) > ops.min(features, axis=axes)
        weights = ops.softmax(ops.where(varies, confidences, -1e9), axis=-1)
        weights = ops.where(varies, weights, 0.0)
        weights = ops.reshape(weights, (-1, *[1] * len(axes), channels))
        return ops.relu(weighted(features, weights)), scores


def _first(features):
    """`(batch, ..., channels)` as maps `(channels * batch, ...)`."""
    return samples.flatten(ops.moveaxis(features, -1, 0))


def _unit_range(maps):
    """Scales each map to 0..1; one that is the same everywhere becomes zero."""
    axes = tuple(range(1, len(maps.shape)))
    lowest = ops.min(maps, axis=axes, keepdims=True)
    highest = ops.max(maps, axis=axes, keepdims=True)
    return ops.divide_no_nan(maps - lowest, highest - lowest)


def _most_varied(features, count):
    """The channels of each image with the largest variance, `(batch, ..., count)`."""
    shape = ops.shape(features)
    axes = tuple(range(1, len(features.shape) - 1))
    _, chosen = ops.top_k(ops.var(features, axis=axes), count)
    flat = ops.reshape(features, (shape[0], -1, features.shape[-1]))
    kept = ops.take_along_axis(flat, ops.expand_dims(chosen, 1), axis=-1)
    return ops.reshape(kept, (*shape[:-1], count))
