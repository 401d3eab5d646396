"""A copy of a model with random weights."""

import contextlib
import random

import keras
import numpy as np


def check_same(model, copy, inputs):
    """Raises a `ValueError` if a model and its copy give other outputs for one image.

    Args:
        model: The model.
        copy: The copy, with the same weights.
        inputs: An array for each input.
    """
    inputs = inputs if len(inputs) > 1 else inputs[0]
    expected, found = (keras.tree.flatten(m(inputs, training=False)) for m in (model, copy))
    for first, second in zip(expected, found, strict=True):
        first, second = (keras.ops.convert_to_numpy(output) for output in (first, second))
        scale = np.abs(first).max()
        if not np.allclose(first, second, rtol=1e-2, atol=1e-2 * scale):
            raise ValueError(
                "The copy of the model has other outputs than the model: something in it is not "
                "among its weights. Pass `clone=`, a function that builds it anew."
            )


def copy_of(model, clone, seed):
    """A new model of the same architecture, with weights that its initialisers drew.

    Args:
        model: The model.
        clone: A function that builds such a model, or `None` to build it from the config.
        seed: Seed of the initialisers.

    Raises:
        TypeError: If `clone` returns no model.
        ValueError: If the model can't be built again.
    """
    try:
        with _seeded(seed):
            copy = _clone(model) if clone is None else clone()
    except Exception as error:
        raise ValueError(
            "The model can't be built again from its config to be given random weights: "
            f"{type(error).__name__}: {error}. Pass `clone=`, a function that builds it anew."
        ) from error
    if not isinstance(copy, keras.Model):
        raise TypeError(f"`clone` must return a `keras.Model`. Received: {type(copy).__name__}.")
    shapes = [tuple(weight.shape) for weight in model.weights]
    own = {id(weight) for weight in model.weights}
    if [tuple(weight.shape) for weight in copy.weights] != shapes or any(
        id(weight) in own for weight in copy.weights
    ):
        raise ValueError(
            "The copy of the model must be a new one with weights of its own and of the same "
            f"shapes. Received: {len(copy.weights)} weights for {len(shapes)}. Pass `clone=`, a "
            "function that builds it anew."
        )
    return copy


def _clone(model):
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        return keras.models.clone_model(model)  # Subclassed: as its own config says.

    def anew(layer):
        config = layer.get_config()
        _reseed(config)
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=anew)


def _reseed(config):
    """Gives other seeds to initialisers that have one of their own, nested configs included."""
    if isinstance(config, dict):
        for name, value in config.items():
            inner = value.get("config") if isinstance(value, dict) else None
            if name.endswith("_initializer") and inner and inner.get("seed") is not None:
                inner["seed"] = random.randrange(2**31)
            else:
                _reseed(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _reseed(value)


@contextlib.contextmanager
def _seeded(seed):
    """Initialisers without a seed of their own draw one from Python's generator."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
