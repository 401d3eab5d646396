"""Recognising a network that ends in global pooling and one linear layer."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from kerascam.graph.operations import Graph, Step
from kerascam.graph.scores import unchanged
from kerascam.layers import CAMHead, GlobalSumPooling2D

_POOLING_LAYERS = {
    keras.layers.GlobalAveragePooling1D: "average",
    keras.layers.GlobalAveragePooling2D: "average",
    keras.layers.GlobalAveragePooling3D: "average",
    GlobalSumPooling2D: "sum",
    keras.layers.GlobalMaxPooling1D: "max",
    keras.layers.GlobalMaxPooling2D: "max",
    keras.layers.GlobalMaxPooling3D: "max",
}
# Ordinary pooling is global where its window covers the whole map.
_WINDOW_LAYERS = {
    keras.layers.AveragePooling1D: "average",
    keras.layers.AveragePooling2D: "average",
    keras.layers.AveragePooling3D: "average",
    keras.layers.MaxPooling1D: "max",
    keras.layers.MaxPooling2D: "max",
    keras.layers.MaxPooling3D: "max",
}
_POOLING_OPS = {"Mean": "average", "Sum": "sum", "Max": "max"}  # `keras.ops.mean` and so on.
_RESHAPING_OPS = ("Reshape", "Squeeze", "Identity")
_IDENTITIES = (
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.Identity,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


@dataclasses.dataclass(frozen=True)
class GapHead:
    """A head that pools features over all positions and weighs the pooled channels.

    Attributes:
        features: Slot of the features `(batch, ..., channels)` that are pooled.
        pooling: `"average"`, `"sum"` or `"max"`.
        linear: The layer with the weights, or `None` if each channel is a class.
        normalizations: `BatchNormalization` layers between pooling and weights.
    """

    features: int
    pooling: str
    linear: Any
    normalizations: tuple[Any, ...]

    def kernel(self):
        """Weights `(channels, classes)` in float32, or `None` if each channel is a class.

        Read anew at each call. A batch normalisation is folded in.
        """
        if self.linear is None:
            return None
        kernel = ops.cast(self.linear.kernel, "float32")
        kernel = ops.reshape(kernel, kernel.shape[-2:])
        for layer in self.normalizations:
            scale = ops.rsqrt(ops.cast(layer.moving_variance, "float32") + layer.epsilon)
            if layer.scale:
                scale *= ops.cast(layer.gamma, "float32")
            kernel *= ops.expand_dims(scale, 1)
        return kernel


def find_gap_head(graph: Graph, score: int) -> GapHead:
    """Finds the pooled features and their weights, from the score backwards.

    Args:
        graph: Graph of the model, ending in the score.
        score: Slot of the score, see `without_activation`.

    Returns:
        The `GapHead`.

    Raises:
        ValueError: If anything else stands between pooling and score; the message names it.
    """
    linear = None
    normalizations: list[keras.layers.Layer] = []
    slot = score
    while (step := graph.producer(slot)) is not None:
        source = next(iter(step.inputs.values()), None)
        if len(step.inputs) != 1 or source is None:
            raise _refusal(step, "joins several tensors")
        operation, before = step.operation, graph.tensors[source]
        if isinstance(operation, CAMHead):
            if linear is not None or normalizations:
                raise _refusal(step, "is followed by another layer with weights")
            return GapHead(source, operation.pooling, operation, ())
        pooling = _global_pooling(step, before)
        if pooling is not None:
            if linear is None and normalizations:
                raise _refusal(step, "is followed by a normalisation, but by no linear layer")
            return GapHead(source, pooling, linear, tuple(normalizations))
        if _is_linear(operation):
            if linear is not None:
                raise _refusal(step, "is a second layer with weights after the pooling")
            if not _is_pooled(before):
                raise _refusal(step, "reads features that were not pooled")
            linear = operation
        elif isinstance(operation, keras.layers.BatchNormalization):
            if linear is None:
                raise _refusal(step, "normalises the scores")
            normalizations.append(operation)
        elif not _passes(operation):
            raise _refusal(step, "is neither linear nor global pooling")
        elif not _is_pooled(before) and before.shape[1:] != graph.tensors[slot].shape[1:]:
            raise _refusal(step, "reads features that were not pooled")
        slot = source
    raise ValueError(
        "`CAM` needs a network that ends in global pooling and one linear layer, and this one has "
        "neither. " + _INSTEAD
    )


_INSTEAD = (
    "Use `kc.GradCAM` or `kc.HiResCAM`, which explain any network, or end the network in "
    "`kc.layers.CAMHead` (see `kc.models.cam_classifier`)."
)


def _refusal(step: Step, reason: str) -> ValueError:
    activation = getattr(step.operation, "activation", None)
    fused = getattr(activation, "__name__", "linear")
    with_activation = "" if fused == "linear" else f" with activation '{fused}'"
    return ValueError(
        "`CAM` needs a network that ends in global pooling and one linear layer. Here "
        f"{step}{with_activation} stands in the way: it {reason}. " + _INSTEAD
    )


def _is_pooled(tensor):
    """Whether only the channels are left: one number for each."""
    return all(size == 1 for size in tensor.shape[1:-1])


def _global_pooling(step, before):
    """Kind of global pooling that a step does, or `None`."""
    operation, rank = step.operation, len(before.shape)
    if rank < 3:
        return None
    if getattr(operation, "data_format", "channels_last") == "channels_first":
        raise _refusal(step, "has its channels first, and kerascam needs them last")
    for kinds in (_POOLING_LAYERS, _WINDOW_LAYERS):
        for layer, pooling in kinds.items():
            if isinstance(operation, layer) and (
                kinds is _POOLING_LAYERS or tuple(operation.pool_size) == before.shape[1:-1]
            ):
                return pooling
    if isinstance(operation, keras.layers.Layer):
        return None
    axis = getattr(operation, "axis", None)
    axes = [axis] if isinstance(axis, int) else list(axis or ())
    if sorted(a % rank for a in axes) != list(range(1, rank - 1)):
        return None
    return _POOLING_OPS.get(type(operation).__name__)


def _is_linear(operation):
    if getattr(operation, "activation", None) is not keras.activations.linear:
        return False
    if isinstance(operation, keras.layers.Dense):
        return True
    return (
        isinstance(operation, _CONVOLUTIONS)
        and math.prod(operation.kernel_size) == 1
        and operation.groups == 1
    )


def _passes(operation):
    """Whether an operation changes no value in inference mode, at most the shape."""
    if operation is unchanged:
        return True
    if isinstance(operation, keras.layers.Layer):
        if isinstance(operation, keras.layers.Activation):
            return operation.activation is keras.activations.linear
        return isinstance(operation, (*_IDENTITIES, keras.layers.Flatten, keras.layers.Reshape))
    return type(operation).__name__ in _RESHAPING_OPS
