"""The score of each class, before softmax or sigmoid."""

import dataclasses

import keras

from kerascam.backend import INVERTIBLE
from kerascam.graph.identity import keeps_values, unchanged
from kerascam.graph.opaque import (
    WithoutActivation,
    is_python_code,
    original,
    run_symbolically,
)
from kerascam.graph.operations import Graph

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
    activation, linear = _ending(graph, step, slot)
    if activation in INVERTIBLE:
        graph.replace(step, linear)
        return output, activation
    if activation == "linear":
        activation, step = _hidden_activation(graph, step)
    if activation == "linear":
        return output, activation
    name = step.path or original(step.operation).name
    raise ValueError(
        f"The score before the last activation can't be found: the network ends in {step} with "
        f"{activation}, and only a last softmax, sigmoid or log_softmax can be taken off. Pass "
        "`score=` and the name of the layer whose output is the score "
        f"(`score={name!r}` to take this one as it is)."
    )


def _ending(graph, step, slot):
    """The activation that a step ends in, and the step's operation without it."""
    if not is_python_code(step.operation):
        return _activation_name(step.operation), _linear(step.operation)
    linear = WithoutActivation(step.operation, step.outputs.index(slot))
    run_symbolically(*graph.call(dataclasses.replace(step, operation=linear)), step.operation)
    return linear.activation, linear


def _hidden_activation(graph, step):
    """Finds probabilities that only functions without weights follow, such as an average.

    Returns:
        The activation and its step; `"linear"` if a layer with weights, or a linear one, comes
        first on all ways.
    """
    waiting, seen = [step], set()
    while waiting:
        step = waiting.pop()
        if step.outputs in seen:
            continue
        seen.add(step.outputs)
        activation, _ = _ending(graph, step, step.outputs[0])
        if activation.split(" ")[0] in INVERTIBLE:
            return activation.split(" ")[0] + " and operations after it", step
        if not getattr(step.operation, "weights", None):
            producers = [graph.producer(slot) for slot in step.inputs.values()]
            waiting += [producer for producer in producers if producer is not None]
    return "linear", step


def _activation_name(operation):
    """Name of the activation that one of Keras's own layers ends in; `"linear"` if it has none."""
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if isinstance(operation, keras.layers.Layer):
        activation = getattr(operation, "activation", None)
        if activation is None:
            own = type(operation).__name__ in ("ReLU", "LeakyReLU", "PReLU", "ELU")
            return type(operation).__name__ if own else "linear"
        name = getattr(activation, "__name__", str(activation))
        if getattr(activation, "__module__", "").partition(".")[0] in ("keras", "tensorflow"):
            return _ALIASES.get(name, name)
        return f"the function {name}"
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
