"""A model as a flat list of operations, nested models inlined."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from kerascam.backend import keras_internals
from kerascam.graph.identity import Cast
from kerascam.graph.opaque import inference_mode, kept_losses, original, signature, tapped


@dataclasses.dataclass(frozen=True)
class Step:
    """One call of one operation, in static single assignment form.

    Attributes:
        path: Name of the operation, after the names of the nested models it stands in; empty for
            the whole model where it is a single step.
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
        operation = original(self.operation)
        return f"'{self.path or operation.name}' ({type(operation).__name__})"


class Graph:
    """The operations of a model, in an order that can be run.

    Every tensor of the model has a slot, a number. Each call of a nested model has slots of its
    own, so that a backbone may be called twice. Nothing is cloned: the steps hold the user's
    layers, and running them adds no nodes to these.

    A model whose `call` is Python code is a single step, as is such a model inside another.

    Args:
        model: A built `keras.Model`: Functional, Sequential or subclassed.

    Attributes:
        steps: The `Step`s.
        calls: Path, layer and output slots of each call of a layer or nested model.
        inputs: Slots of the model's inputs.
        outputs: Slots of the model's outputs.
        input_names: Names of the inputs, the keys where `model.predict` takes a dictionary.
        output_names: Names of the outputs.
        tensors: For each slot, the symbolic tensor with its shape and dtype.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If the model is not built yet.
    """

    def __init__(self, model):
        self.steps: list[Step] = []
        self.calls: list[tuple[str, Any, tuple[int, ...]]] = []
        self.tensors: list[keras.KerasTensor] = []
        _check_model(model)
        function = _function(model)
        inputs, outputs = signature(model) if function is None else (function.inputs, None)
        flat = keras.tree.flatten(inputs)
        slots = {id(tensor): self._new_slot(tensor) for tensor in flat}
        self.inputs = tuple(slots.values())
        struct = keras_internals.inputs_structure(model) if function is not None else inputs
        keys = {id(value): key for key, value in struct.items()} if isinstance(struct, dict) else {}
        self.input_names = [keys.get(id(tensor), tensor.name) for tensor in flat]
        struct = keras_internals.outputs_structure(model) if function is not None else outputs
        # Keras flattens a dictionary in the order of its sorted keys.
        self.output_names = sorted(struct) if isinstance(struct, dict) else []
        if function is not None:
            self.outputs = self._inline(function, slots, path=())
            self.output_names = self.output_names or list(getattr(model, "output_names", []))
        else:
            self.outputs = tuple(map(self._new_slot, keras.tree.flatten(outputs)))
            arguments = StructuredArgument(inputs)
            self.steps.append(Step("", model, arguments, slots, self.outputs))
            self.calls.append((model.name, model, self.outputs))

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

    def call(self, step: Step):
        """A function that calls the operation of a step, and symbolic tensors to call it on."""
        specs = {tensor: self.tensors[slot] for tensor, slot in step.inputs.items()}

        def function(*tensors):
            args, kwargs = step.arguments.fill_in(dict(zip(specs, tensors, strict=True)))
            return step.operation(*args, **{**kwargs, **inference_mode(step.operation)})

        return function, list(specs.values())

    def replace(self, old: Step, operation: Callable) -> Step:
        """Puts another operation in the place of that of a step; returns the new step."""
        new = dataclasses.replace(old, operation=operation)
        self.steps[self.steps.index(old)] = new
        return new

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
        argument = StructuredArgument(outer)
        self.steps.append(Step(step_path, Cast(inner.dtype), argument, {id(outer): slot}, (cast,)))
        return cast

    def _inline(self, function, slots, path):
        """Appends the steps of a function whose inputs stand in `slots`; returns its outputs."""
        for node in keras_internals.nodes_in_order(function):
            inner_path = (*path, node.operation.name)
            nested = _nested_function(node)
            if nested is not None:
                scope = {
                    id(inner): self._cast(slots[id(outer)], inner, inner_path)
                    for inner, outer in zip(nested.inputs, _nested_arguments(node), strict=True)
                }
                outputs = self._inline(nested, scope, inner_path)
                slots.update(zip(map(id, node.outputs), outputs, strict=True))
                self.calls.append(("/".join(inner_path), node.operation, outputs))
                continue
            inputs = {id(tensor): slots[id(tensor)] for tensor in node.arguments.keras_tensors}
            slots.update((id(tensor), self._new_slot(tensor)) for tensor in node.outputs)
            outputs = tuple(slots[id(tensor)] for tensor in node.outputs)
            name = "/".join(inner_path)
            self.steps.append(Step(name, node.operation, node.arguments, inputs, outputs))
            self.calls.append((name, node.operation, outputs))
        return tuple(slots[id(tensor)] for tensor in function.outputs)


@dataclasses.dataclass
class Taps:
    """Functions that tensors pass through while steps run, each to what goes on in its stead.

    Attributes:
        slots: A function for some slots.
        calls: Pairs of a layer inside Python code and a function, by the outputs of its step.
    """

    slots: dict[int, Callable] = dataclasses.field(default_factory=dict)
    calls: dict[tuple[int, ...], list] = dataclasses.field(default_factory=dict)


def run(steps: Sequence[Step], values: dict[int, Any], taps: Taps | None = None) -> dict[int, Any]:
    """Runs steps in inference mode.

    Args:
        steps: Steps in order, see `Graph.between`.
        values: Tensor of each slot that the steps read and do not make.
        taps: What tensors pass through.

    Returns:
        Tensors of all slots.
    """
    values = dict(values)
    taps = taps or Taps()
    # In a stateless scope a layer can leave nothing behind in the user's model: no loss of an
    # activity regulariser, no statistic, no step of a random seed.
    with keras.StatelessScope(), kept_losses(step.operation for step in steps):
        for step in steps:
            tensors = {tensor: values[slot] for tensor, slot in step.inputs.items()}
            args, kwargs = step.arguments.fill_in(tensors)
            with tapped(taps.calls.get(step.outputs, ())):
                outputs = step.operation(*args, **{**kwargs, **inference_mode(step.operation)})
            for slot, tensor in zip(step.outputs, keras.tree.flatten(outputs), strict=True):
                values[slot] = taps.slots[slot](tensor) if slot in taps.slots else tensor
    return values


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
    struct = keras_internals.inputs_structure(node.operation)
    if isinstance(struct, dict):
        return [given[key] for key in sorted(struct) if key in given]
    return [given[inner.name] for inner in node.operation.inputs if inner.name in given]


@dataclasses.dataclass(frozen=True)
class StructuredArgument:
    """The argument of a call that no node of Keras describes.

    Attributes:
        structure: Symbolic tensors: one, or nested in lists and dictionaries.
    """

    structure: Any

    def fill_in(self, tensors):
        """Positional and keyword arguments with tensors put in by `id`."""
        filled = keras.tree.map_structure(lambda tensor: tensors[id(tensor)], self.structure)
        return (filled,), {}


def _check_model(model):
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a Keras model. Received: "
            f"{type(model).__name__}. To read a file, use `keras.models.load_model`."
        )
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(
            f"The Sequential model '{model.name}' is not built: its shapes are not known. Begin it "
            "with `keras.Input(shape)`, or call it once on a batch of images."
        )
