"""The score of each class, before softmax or sigmoid."""

import keras

from kerascam.graph.identity import keeps_values, unchanged
from kerascam.graph.opaque import WithoutActivation, run_symbolically
from kerascam.graph.operations import Graph

_STRIPPED = ("softmax", "sigmoid", "log_softmax")
# TensorFlow's own functions have other names than those of Keras.
_ALIASES = {"softmax_v2": "softmax", "log_softmax_v2": "log_softmax"}


def without_activation(graph: Graph, output: int) -> tuple[int, str]:
    """Takes the last softmax or sigmoid out of a graph.

    The user's layers stay as they are: a layer with a fused activation is replaced in the graph by
    a shallow copy that shares its variables and has a linear activation. In a model that is Python
    code the last operation that computes the output is looked at.

    Args:
        graph: Graph of the model, changed in place.
        output: Slot of the output.

    Returns:
        The slot of the score, and the activation that made it probabilities: `"softmax"`,
        `"sigmoid"`, `"log_softmax"` or `"linear"`.

    Raises:
        ValueError: If the network ends in an activation that is none of these.
    """
    slot = output
    step = graph.producer(slot)
    while step is not None and keeps_values(step.operation):
        slot = next(iter(step.inputs.values()))
        step = graph.producer(slot)
    if step is None:
        return output, "linear"
    if isinstance(step.operation, keras.Model):
        linear = WithoutActivation(step.operation, step.outputs.index(slot))
        step = graph.replace(step, linear)
        run_symbolically(*graph.call(step), linear.model)
        activation = linear.activation
    else:
        activation = _activation_name(step.operation)
        if activation in _STRIPPED:
            graph.replace(step, _linear(step.operation))
    if activation in (*_STRIPPED, "linear"):
        return output, activation
    raise ValueError(
        f"The score before the last activation can't be found: the network ends in {step} with "
        f"{activation}, and only softmax, sigmoid and log_softmax can be taken off. Pass "
        "`score=` and the name of the layer whose output is the score "
        f"(`score={step.path!r}` to take this one as it is)."
    )


def _activation_name(operation):
    """Name of the activation that an operation ends in; `"linear"` if it has none."""
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if isinstance(operation, keras.layers.Layer):
        activation = getattr(operation, "activation", None)
        if activation is None:
            own = type(operation).__name__ in ("ReLU", "LeakyReLU", "PReLU", "ELU")
            return type(operation).__name__ if own else "linear"
        name = getattr(activation, "__name__", str(activation))
        return _ALIASES.get(name, name)
    # `keras.ops` and `keras.activations` called on symbolic tensors.
    name = type(operation).__name__
    snake = {"LogSoftmax": "log_softmax"}.get(name, name.lower())
    return snake if hasattr(keras.activations, snake) else "linear"


def _linear(operation):
    """The operation without its activation; the user's own is left alone."""
    if not isinstance(operation, keras.layers.Layer) or isinstance(
        operation, (keras.layers.Activation, keras.layers.Softmax)
    ):
        return unchanged
    # Not `copy.copy`: Keras copies a layer by saving and loading it, variables and all.
    linear = object.__new__(type(operation))
    vars(linear).update(vars(operation), activation=keras.activations.linear)
    return linear
