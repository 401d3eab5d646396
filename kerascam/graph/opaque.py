"""Looking into layers and models that are Python code, not a graph."""

import contextlib
import dataclasses
import inspect
import threading
from typing import Any

import keras

from kerascam.backend import (
    ancestors,
    before_activation,
    inline_functions,
    keras_internals,
    trace,
)

# The outputs of layers can pass through functions of one thread at a time.
_LOCK = threading.RLock()


@dataclasses.dataclass(frozen=True)
class InnerCall:
    """One call of a layer inside another layer or model.

    Attributes:
        path: Names of the layers that it stands in, and its own.
        layer: The layer.
        number: Which of its calls this is, from 0.
        output: Symbolic tensor with shape and dtype of the output.
        leads_to: Indices of the outputs of the outer layer that are computed from it.
    """

    path: str
    layer: Any
    number: int
    output: Any
    leads_to: tuple[int, ...]


class WithoutActivation:
    """Stands in for a layer or model that is Python code: one of its outputs is the score.

    Args:
        layer: The layer or model.
        index: Index of the output among all of them.

    Attributes:
        layer: The layer or model.
        activation: Name of the activation that was found, after a first call.
    """

    def __init__(self, layer, index):
        self.layer = layer
        self.activation = None
        self._index = index

    def __call__(self, *args, **kwargs):
        """All outputs, in a list. Only while a function is traced."""
        outputs = self.layer(*args, **{**kwargs, **inference_mode(self.layer)})
        outputs = keras.tree.flatten(outputs)
        outputs[self._index], self.activation = before_activation(outputs[self._index])
        return outputs


def original(operation):
    """The user's layer where something else stands in for it."""
    return operation.layer if isinstance(operation, WithoutActivation) else operation


def is_python_code(operation):
    """Whether what a layer does is decided by code that is not one of Keras's own layers."""
    operation = original(operation)
    if isinstance(operation, (keras.Model, keras.layers.Lambda, keras.layers.Wrapper)):
        return True
    known = type(operation).__module__.partition(".")[0] in ("keras", "kerascam")
    return isinstance(operation, keras.layers.Layer) and not known


def inference_mode(operation):
    """The argument that puts an operation into inference mode, if it takes one."""
    if isinstance(operation, keras.Model):
        return {"training": False}
    if not isinstance(operation, keras.layers.Layer):
        return {}
    takes_it = "training" in inspect.signature(operation.call).parameters
    return {"training": False} if takes_it else {}


@contextlib.contextmanager
def kept_losses(operations):
    """Keeps the losses that layers hold from their last call, which Keras drops at the next."""
    kept = []
    for operation in map(original, operations):
        if isinstance(operation, keras.layers.Layer):
            for layer in keras_internals.all_layers(operation):
                losses = keras_internals.losses_of_last_call(layer)
                kept.append((losses, losses[:]))
    try:
        yield
    finally:
        for losses, before in kept:
            losses[:] = before


def signature(model):
    """Symbolic inputs and outputs of a model that is Python code.

    Sizes other than batch and channels are `None` if the model also takes other images.

    Args:
        model: A subclassed `keras.Model`.

    Returns:
        Inputs and outputs, each a symbolic tensor or nested in lists and dictionaries.

    Raises:
        ValueError: If the model was never called, so that its shapes are not known.
    """
    built = _built_inputs(model)
    try:
        outputs = _outputs(model, built)
    except Exception as error:
        shapes = [tuple(spec.shape) for spec in keras.tree.flatten(built)]
        raise ValueError(
            f"The subclassed model '{model.name}' can't be run on inputs of shape {shapes}, which "
            "it was built with. kerascam passes all inputs in the first argument of `call`; it "
            f"said: {type(error).__name__}: {error}"
        ) from error
    free = _resized(built, lambda size: None)
    try:
        _outputs(model, _resized(built, lambda size: size and 2 * size))
        _outputs(model, free)
    except Exception:  # It takes one size only.
        return built, outputs
    return free, outputs


def inner_layers(operation, path) -> list[tuple[str, Any]]:
    """Paths and layers of all layers inside a layer, at any depth."""
    found: list[tuple[str, Any]] = []
    operation = original(operation)
    if isinstance(operation, keras.layers.Layer):
        for layer in keras_internals.direct_layers(operation):
            inner_path = f"{path}/{layer.name}" if path else layer.name
            found += [(inner_path, layer), *inner_layers(layer, inner_path)]
    return found


def inner_calls(operation, path, function, inputs) -> list[InnerCall]:
    """The calls of layers inside a layer, in the order in which they end.

    Args:
        operation: A layer or model.
        path: Its path, empty for the user's model itself.
        function: Calls it on tensors.
        inputs: Symbolic tensors to call it on.
    """
    seen: list[tuple[str, Any, int, Any]] = []
    calls: list[InnerCall] = []
    numbers: dict[int, int] = {}

    def record(layer, layer_path):
        def tap(output):
            number = numbers.get(id(layer), -1) + 1
            numbers[id(layer)] = number
            if keras.ops.is_tensor(output):
                seen.append((layer_path, layer, number, output))
            return output

        return tap

    def call(*tensors):
        outputs = keras.tree.flatten(function(*tensors))
        computed_from = [ancestors(output) for output in outputs]
        for layer_path, layer, number, output in seen:
            which = tuple(i for i, leads in enumerate(computed_from) if leads(output))
            calls.append(InnerCall(layer_path, layer, number, _spec(output), which))
        return outputs

    layers = {id(layer): (layer, where) for where, layer in inner_layers(operation, path)}
    with tapped([(layer, record(layer, where)) for layer, where in layers.values()]):
        run_symbolically(call, inputs, operation)
    return calls


def run_symbolically(function, inputs, *operations):
    """Calls a function once on symbolic tensors; returns shapes and dtypes of what it returns.

    Args:
        function: The function.
        inputs: Symbolic tensors.
        *operations: The user's layers or models that it calls.
    """
    outputs = []

    def call(*tensors):
        with keras.StatelessScope(), kept_losses(operations):
            outputs.append(keras.tree.map_structure(_spec, function(*tensors)))

    with _LOCK, inline_functions():
        trace(call, *inputs)
    return outputs[0]


@contextlib.contextmanager
def inlined():
    """While it is open, functions of TensorFlow run as Python code, in one thread at a time."""
    with _LOCK, inline_functions():
        yield


@contextlib.contextmanager
def tapped(taps):
    """While it is open, the outputs of layers pass through functions.

    Python code offers no other way to see them. It is open only while a function is traced; after
    that, also after an error, the layers are as they were.

    Args:
        taps: Pairs of a layer and a function from its output to what goes on in its place.
    """

    def through(call, tap):
        return lambda *args, **kwargs: tap(call(*args, **kwargs))

    changed = []
    with _LOCK if taps else contextlib.nullcontext():
        try:
            for layer, tap in taps:
                attributes = vars(layer)  # Keras would track what is set in the usual way.
                changed.append((attributes, attributes.get("call")))
                attributes["call"] = through(layer.call, tap)
            yield
        finally:
            for attributes, own_call in reversed(changed):
                if own_call is None:
                    del attributes["call"]
                else:
                    attributes["call"] = own_call


def _built_inputs(model):
    """Symbolic inputs in the structure that the model takes, as it was built."""
    known = keras_internals.inputs_structure(model)
    if known is not None:
        return known
    shapes = keras_internals.build_shapes(model)
    if not shapes:
        raise ValueError(
            f"The subclassed model '{model.name}' was never called, so the shape of its images is "
            "not known. Call it once on a batch of them."
        )
    if len(shapes) > 1:
        raise ValueError(
            f"The subclassed model '{model.name}' was called with several inputs, {list(shapes)}. "
            "kerascam needs all its inputs in the first argument of `call`, as a list or a "
            "dictionary."
        )
    dtype = model.input_dtype
    dtype = keras.config.floatx() if "float" in dtype else dtype  # Not that of mixed precision.
    count = 0

    def walk(part, name):
        nonlocal count
        if isinstance(part, dict):
            return {key: walk(value, str(key)) for key, value in part.items()}
        if not all(size is None or isinstance(size, int) for size in part):
            return [walk(value, None) for value in part]
        count += 1
        return keras.KerasTensor((None, *part[1:]), dtype=dtype, name=name or f"input_{count}")

    return walk(next(iter(shapes.values())), None)


def _resized(structure, resize):
    """The same inputs with other sizes of everything but batch and channels."""
    return keras.tree.map_structure(
        lambda spec: keras.KerasTensor(
            (None, *map(resize, spec.shape[1:-1]), spec.shape[-1]), dtype=spec.dtype, name=spec.name
        ),
        structure,
    )


def _outputs(model, structure):
    def call(*tensors):
        return model(keras.tree.pack_sequence_as(structure, tensors), training=False)

    return run_symbolically(call, keras.tree.flatten(structure), model)


def _spec(tensor):
    return keras.KerasTensor(tensor.shape, keras.backend.standardize_dtype(tensor.dtype))
