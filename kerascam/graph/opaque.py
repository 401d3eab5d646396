"""Looking into layers and models that are Python code, not a graph."""

import contextlib
import dataclasses
import inspect
from typing import Any

import keras

from kerascam.autodiff import before_activation, inline_functions, trace


@dataclasses.dataclass(frozen=True)
class InnerCall:
    """One call of a layer inside another layer or model.

    Attributes:
        path: Names of the layers that it stands in, and its own.
        layer: The layer.
        number: Which of its calls this is, from 0.
        output: Symbolic tensor with shape and dtype of the output.
    """

    path: str
    layer: Any
    number: int
    output: Any


class WithoutActivation:
    """Stands in for a model that is Python code: one of its outputs is before the activation.

    Args:
        model: The model.
        index: Index of the output among all of the model.

    Attributes:
        model: The model.
        activation: Name of the activation that was found, after a first call.
    """

    def __init__(self, model, index):
        self.model = model
        self.activation = None
        self._index = index

    def __call__(self, *args, **kwargs):
        """All outputs of the model, in a list. Only while a function is traced."""
        outputs = keras.tree.flatten(self.model(*args, **kwargs, training=False))
        outputs[self._index], self.activation = before_activation(outputs[self._index])
        return outputs


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
    for operation in operations:
        operation = getattr(operation, "model", operation)
        if isinstance(operation, keras.layers.Layer):
            kept += [(layer._losses, layer._losses[:]) for layer in operation._flatten_layers()]
    try:
        yield
    finally:
        for losses, before in kept:
            losses[:] = before


def signature(model):
    """Symbolic inputs and outputs of a model that is Python code.

    Sizes other than batch and channels are `None` if the model also takes images twice as large.

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
        raise ValueError(
            f"The subclassed model '{model.name}' can't be run on {_described(built)}, the shape "
            "that it was built with. Call it once on a batch of images, all its inputs in the "
            "first argument of `call`."
        ) from error
    try:
        _outputs(model, _resized(built, lambda size: size and 2 * size))
    except Exception:  # It takes one size only.
        return built, outputs
    return _resized(built, lambda size: None), outputs


def inner_layers(operation, path) -> dict[str, Any]:
    """All layers inside a layer, at any depth, by their paths."""
    found: dict[str, Any] = {}
    if isinstance(operation, WithoutActivation):
        operation = operation.model
    if isinstance(operation, keras.layers.Layer):
        for layer in operation._flatten_layers(include_self=False, recursive=False):
            inner_path = f"{path}/{layer.name}" if path else layer.name
            found[inner_path] = layer
            found.update(inner_layers(layer, inner_path))
    return found


def inner_calls(operation, path, function, inputs) -> list[InnerCall]:
    """The calls of layers inside a layer, in the order in which they end.

    Args:
        operation: A layer or model.
        path: Its path, empty for the user's model itself.
        function: Calls it on tensors.
        inputs: Symbolic tensors to call it on.
    """
    calls: list[InnerCall] = []
    numbers: dict[int, int] = {}

    def record(layer, layer_path):
        def tap(output):
            number = numbers.get(id(layer), -1) + 1
            numbers[id(layer)] = number
            if keras.ops.is_tensor(output):
                calls.append(InnerCall(layer_path, layer, number, _spec(output)))
            return output

        return tap

    layers = {id(layer): (layer, where) for where, layer in inner_layers(operation, path).items()}
    with tapped([(layer, record(layer, where)) for layer, where in layers.values()]):
        run_symbolically(function, inputs, operation)
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

    with inline_functions():
        trace(call, *inputs)
    return outputs[0]


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
    known = getattr(model, "_inputs_struct", None)
    if known is not None:
        return known
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        raise ValueError(
            f"The subclassed model '{model.name}' was never called, so the shape of its images is "
            "not known. Call it once on a batch of them."
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


def _described(structure):
    return [tuple(spec.shape) for spec in keras.tree.flatten(structure)]
