"""Recognising a network that ends in global pooling and one linear layer."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascam.graph.identity import keeps_values
from kerascam.graph.opaque import WithoutActivation
from kerascam.graph.operations import Graph, Step, run
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
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_NUMPY_POOLING: dict[str, Any] = {"average": np.mean, "sum": np.sum, "max": np.max}
_TOLERANCE = 0.02  # Rounding under mixed_bfloat16; anything that is not linear is far off.
_INSTEAD = (
    "Use `kc.GradCAM` or `kc.HiResCAM`, which explain any network, or end the network in "
    "`kc.layers.CAMHead` (see `kc.models.cam_classifier`)."
)


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
    """Finds the pooled features and their weights, and tries them on random features.

    What is found by the kinds of the layers is tried because a layer may not do what its kind
    promises: a subclass with a `call` of its own, quantised weights.

    Args:
        graph: Graph of the model, ending in the score.
        score: Slot of the score, see `without_activation`.

    Returns:
        The `GapHead`.

    Raises:
        ValueError: If anything else stands between pooling and score; the message names it.
    """
    head = _walk(graph, score)
    _try(graph, score, head)
    return head


def _walk(graph, score):
    """The head by the kinds of the layers, from the score backwards."""
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
            if operation.activation is not keras.activations.linear:
                raise _refusal(step, "is not linear")
            return GapHead(source, operation.pooling, operation, ())
        pooling = _global_pooling(step, before)
        if pooling is not None:
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
        elif isinstance(operation, (keras.Model, WithoutActivation)):
            raise _refusal(step, "is Python code, which can't be read")
        elif not keeps_values(operation):
            raise _refusal(step, "is neither linear nor global pooling")
        elif not (_is_pooled(before) and _is_pooled(graph.tensors[slot])):
            raise _refusal(step, "reads features that were not pooled")
        slot = source
    raise ValueError(
        "`CAM` needs a network that ends in global pooling and one linear layer, and this one has "
        "neither. " + _INSTEAD
    )


def _try(graph, score, head):
    """Compares the scores of random features with pooling times weights."""
    shape = [size or 3 for size in graph.tensors[head.features].shape[1:]]
    features = np.random.default_rng(0).uniform(size=(2, *shape)).astype("float32")
    features[0] = 0  # The scores of no features at all are the bias.
    values = run(graph.between([head.features], [score]), {head.features: features})
    scores = ops.reshape(ops.cast(values[score], "float32"), (2, -1))
    axes = tuple(range(1, len(shape)))
    pooled = _NUMPY_POOLING[head.pooling](features, axis=axes)
    kernel = head.kernel()
    expected = pooled if kernel is None else pooled @ ops.convert_to_numpy(kernel)
    scores = ops.convert_to_numpy(scores)
    error = np.abs(scores[1] - scores[0] - expected[1]).max()
    if error > _TOLERANCE * (np.abs(expected).max() + np.abs(scores).max()):
        weights = "none" if head.linear is None else type(head.linear).__name__
        raise ValueError(
            "`CAM` found global pooling and one linear layer at the end, but the scores are not "
            f"the pooled features times the weights ({weights}): a layer has a `call` of "
            "its own, or its weights are quantised. " + _INSTEAD
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
