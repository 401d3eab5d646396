"""A model as a flat list of operations, nested models inlined."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from kerascam.graph.identity import Cast


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of one operation, in static single assignment form.

    Attributes:
        path: Name of the operation, after the names of the nested models it stands in.
        operation: The user's layer or operation, or a stand-in for it.
        arguments: What it was called with; symbolic tensors stand for the values of slots.
        inputs: Slot of each symbolic tensor among the arguments, by the tensor's `id`.
        outputs: Slots of its outputs.
    """

    path: str
    operation: Callable
    arguments: Any
    inputs: dict[int, int]
    outputs: tuple[int, ...]

    def __str__(self):
        return f"'{self.path}' ({type(self.operation).__name__})"


class Graph:
    """The operations of a Functional or Sequential model, in an order that can be run.

    Every tensor of the model has a slot, a number. Each call of a nested model has slots of its
    own, so that a backbone may be called twice. Nothing is cloned: the steps hold the user's
    layers, and running them adds no nodes to these.

    Args:
        model: A built `keras.Model`, Functional or Sequential.

    Attributes:
        steps: The `Step`s.
        inputs: Slots of the model's inputs.
        outputs: Slots of the model's outputs.
        tensors: For each slot, the symbolic tensor with its shape and dtype.

    Raises:
        ValueError: If the model has no graph: subclassed, or not built yet.
    """

    def __init__(self, model):
        self.steps: list[Step] = []
        self.tensors: list[keras.KerasTensor] = []
        function = _function(model)
        if function is None:
            raise ValueError(_no_graph_message(model))
        slots = {id(tensor): self._new_slot(tensor) for tensor in function.inputs}
        self.inputs = tuple(slots.values())
        self.outputs = self._inline(function, slots, path=())

    def producer(self, slot) -> Step | None:
        """The step whose output `slot` is, or `None` for an input."""
        return next((step for step in self.steps if slot in step.outputs), None)

    def between(self, given: Iterable[int], wanted: Iterable[int]) -> list[Step]:
        """The steps that lead from the slots `given` to the slots `wanted`, and no others."""
        needed, given = set(wanted), set(given)
        steps = []
        for step in reversed(self.steps):
            if not given.issuperset(step.outputs) and needed.intersection(step.outputs):
                steps.append(step)
                needed.update(slot for slot in step.inputs.values() if slot not in given)
        return steps[::-1]

    def replace(self, old: Step, operation: Callable) -> None:
        """Puts another operation in the place of that of a step."""
        self.steps[self.steps.index(old)] = dataclasses.replace(old, operation=operation)

    def _new_slot(self, tensor):
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _cast(self, slot, inner, path):
        """Slot of a value as a nested model's input: it casts what has another dtype."""
        outer = self.tensors[slot]
        if outer.dtype == inner.dtype:
            return slot
        cast = self._new_slot(keras.KerasTensor(outer.shape, dtype=inner.dtype))
        step_path = "/".join((*path, inner.name))
        argument = _OneArgument(id(outer))
        self.steps.append(Step(step_path, Cast(inner.dtype), argument, {id(outer): slot}, (cast,)))
        return cast

    def _inline(self, function, slots, path):
        """Appends the steps of a function whose inputs stand in `slots`; returns its outputs."""
        by_depth = function._nodes_by_depth
        for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
            if node.is_input or not node.operation:
                continue
            inner_path = (*path, node.operation.name)
            nested = _nested_function(node)
            if nested is not None:
                scope = {
                    id(inner): self._cast(slots[id(outer)], inner, inner_path)
                    for inner, outer in zip(nested.inputs, _nested_arguments(node), strict=True)
                }
                outputs = self._inline(nested, scope, inner_path)
                slots.update(zip(map(id, node.outputs), outputs, strict=True))
                continue
            inputs = {id(tensor): slots[id(tensor)] for tensor in node.arguments.keras_tensors}
            slots.update((id(tensor), self._new_slot(tensor)) for tensor in node.outputs)
            outputs = tuple(slots[id(tensor)] for tensor in node.outputs)
            self.steps.append(
                Step("/".join(inner_path), node.operation, node.arguments, inputs, outputs)
            )
        return tuple(slots[id(tensor)] for tensor in function.outputs)


def run(steps: Sequence[Step], values: dict[int, Any]) -> dict[int, Any]:
    """Runs steps in inference mode.

    Args:
        steps: Steps in order, see `Graph.between`.
        values: Tensor of each slot that the steps read and do not make.

    Returns:
        Tensors of all slots.
    """
    values = dict(values)
    # In a stateless scope a layer can leave nothing behind in the user's model: no loss of an
    # activity regulariser, no statistic, no step of a random seed.
    with keras.StatelessScope():
        for step in steps:
            tensors = {tensor: values[slot] for tensor, slot in step.inputs.items()}
            args, kwargs = step.arguments.fill_in(tensors)
            if _takes_training(step.operation):
                kwargs = {**kwargs, "training": False}
            outputs = step.operation(*args, **kwargs)
            values.update(zip(step.outputs, keras.tree.flatten(outputs), strict=True))
    return values


def _takes_training(operation):
    if not isinstance(operation, keras.layers.Layer):
        return False
    return "training" in inspect.signature(operation.call).parameters


def _function(model):
    """The model's graph as a `keras.Function`, or `None` where it has none to read."""
    if not isinstance(model, (keras.Sequential, keras.Function)):
        return None
    if not type(model).call.__module__.startswith("keras."):
        return None  # The user's own `call` decides what happens, not the graph.
    if isinstance(model, keras.Function):
        return model
    try:
        return keras.Function(model.inputs, model.outputs)
    except (AttributeError, ValueError):  # A Sequential that was never built.
        return None


def _nested_function(node):
    """The graph of the nested model that a node calls, if it can be inlined."""
    function = _function(node.operation)
    if function is None:
        return None
    given = _nested_arguments(node)
    fits = len(function.inputs) == len(given) and all(
        len(inner.shape) == len(outer.shape)
        for inner, outer in zip(function.inputs, given, strict=True)
    )
    return function if fits else None


def _nested_arguments(node):
    """What a nested model is called with, in the order of its inputs."""
    tensors = node.arguments.keras_tensors
    given = node.arguments.args[0] if node.arguments.args else None
    if not isinstance(given, dict):
        return tensors
    # By name, as Keras does, unless the model's inputs are such a dictionary themselves.
    struct = getattr(node.operation, "_inputs_struct", None)
    if isinstance(struct, dict):
        return [given[key] for key in sorted(struct) if key in given]
    return [given[inner.name] for inner in node.operation.inputs if inner.name in given]


@dataclasses.dataclass(frozen=True)
class _OneArgument:
    """Arguments of a step that no layer of the user's made."""

    tensor: int

    def fill_in(self, tensors):
        return (tensors[self.tensor],), {}


def _no_graph_message(model):
    if not isinstance(model, keras.Model):
        return (
            "`model` must be a Keras model. Received: "
            f"{type(model).__name__}. To read a file, use `keras.models.load_model`."
        )
    if isinstance(model, keras.Sequential):
        return (
            f"The Sequential model '{model.name}' is not built: its shapes are not known. Begin it "
            "with `keras.Input(shape)`, or call it once on a batch of images."
        )
    return (
        f"The model '{model.name}' is subclassed (its `call` is Python code), so its layers can't "
        "be read as a graph. Build it with the functional API, "
        "`keras.Model(inputs, outputs)`."
    )
