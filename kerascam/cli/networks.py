"""Which network a command uses: a saved one, a known one by its name, or a file of weights."""

import importlib
import inspect
import pathlib
import sys
import warnings
from typing import NamedTuple

import keras
import numpy as np

from kerascam import datasets, models
from kerascam.cli.class_names import read_names
from kerascam.cli.preprocessing import PREPROCESSINGS, preprocess
from kerascam.graph import takes_raw_images

DEFAULT = "kerascam.models.EfficientNetLite0"
_KNOWN = {"keras.applications": keras.applications, "kerascam.models": models}


class FoundNetwork(NamedTuple):
    """A network and what is known of it.

    Attributes:
        model: A `keras.Model`.
        class_names: Names of its classes, or `None`.
        preprocess: One of `PREPROCESSINGS`, or `None`.
    """

    model: keras.Model
    class_names: list | None
    preprocess: str | None


def find_network(source=None, architecture=None, class_names=None):
    """Finds the network that a command is to use.

    Args:
        source: Path of a saved model; a network by its name, such as
            `"keras.applications.ResNet50"`, with its ImageNet weights; or the path of a file of
            weights. Default: `DEFAULT`.
        architecture: What a file of weights belongs to: a network by its name, a function that
            makes the model as `"module.function"`, or the path of a `.json` file as
            `model.to_json()` gives it.
        class_names: Path of a file with the names of the classes, see `read_names`.

    Returns:
        A `FoundNetwork`.

    Raises:
        OSError: If a file can't be read.
        ValueError: If there is no such network, or it can't be read.
    """
    if source is None and architecture is not None:
        raise ValueError("--architecture is for a file of weights. Received: no --model.")
    source = DEFAULT if source is None else str(source)
    names = None if class_names is None else read_names(class_names)
    build = _known(source)
    if build is not None:
        if architecture is not None:
            raise ValueError(
                f"--architecture is for a file of weights. Received: --model {source}, which is a "
                "network by its name."
            )
        model = _pretrained(source, build)
        names = datasets.imagenet_names() if names is None else names
        return FoundNetwork(model, names, _preprocessing_of(model, build))
    if not source or not pathlib.Path(source).exists():
        is_file = source.endswith((".keras", ".h5"))
        hint = "" if is_file else f" Known by name are keras.applications.ResNet50 and {DEFAULT}."
        raise ValueError(f"There is no model '{source}'.{hint}")
    if architecture is None and source.endswith(".weights.h5"):
        raise ValueError(
            f"'{source}' has weights alone. Pass what they belong to with --architecture: "
            "keras.applications.ResNet50, module.function, or a .json file of the model."
        )
    found = None if architecture is None else _build(architecture, names)
    try:
        if found is None:
            model = keras.models.load_model(source, compile=False)
            return FoundNetwork(model, names, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # One for each layer that does not fit.
            found.model.load_weights(source)
        return found
    except Exception as error:
        raise ValueError(f"The model '{source}' can't be loaded: {error}") from error


def _known(name):
    """The function that makes a network of `keras.applications` or `kerascam.models`, or `None`."""
    module, _, function = name.rpartition(".")
    if module not in _KNOWN:
        return None
    known = dict(inspect.getmembers(_KNOWN[module], inspect.isfunction))
    known = {key: build for key, build in known.items() if key[0].isupper()}
    if function not in known:
        raise ValueError(f"{module} has no network {function!r}. It has: {', '.join(known)}.")
    return known[function]


def _pretrained(name, build):
    """A network with its ImageNet weights."""
    if name != DEFAULT and build.__module__.startswith("kerascam."):
        raise ValueError(
            f"{name} has no weights for the classes of ImageNet. Of kerascam.models only "
            f"{DEFAULT} has; train the others, or pass the file of their weights."
        )
    try:
        return build(weights="imagenet")
    except Exception as error:  # A package is missing, or there is no network to download by.
        raise ValueError(
            f"{name} could not get its ImageNet weights: {error}. Without a network take the "
            f"default, {DEFAULT}, or a file of yours."
        ) from error


def _preprocessing_of(model, build):
    """What a network of `keras.applications` was trained with, read off its own function."""
    if takes_raw_images(model):
        return "none"
    pixels = np.array([[[[0, 0, 0], [255, 255, 255]]]], "float32")
    for module in vars(keras.applications).values():
        if inspect.ismodule(module) and getattr(module, build.__name__, None) is build:
            result = module.preprocess_input(pixels.copy())
            return next(m for m in PREPROCESSINGS if np.allclose(result, preprocess(pixels, m)))
    return None


def _build(architecture, names):
    """What a file of weights belongs to, without its weights."""
    build = _known(architecture)
    if build is not None:
        names = datasets.imagenet_names() if names is None else names
        model = build(weights=None, classes=len(names))
        return FoundNetwork(model, names, _preprocessing_of(model, build))
    try:
        if architecture.endswith(".json"):
            text = pathlib.Path(architecture).read_text(encoding="utf-8")
            model = keras.models.model_from_json(text)
        else:
            model = _call(*architecture.rpartition(".")[::2])
    except (Exception, SystemExit) as error:  # A script may read arguments of its own.
        raise ValueError(
            "--architecture must be a network such as keras.applications.ResNet50, a function "
            "without arguments that makes the model, module.function, or a .json file of the "
            f"model. Received: {architecture!r}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"--architecture must make a Keras model. Received: {architecture!r}, which gives "
            f"{type(model).__name__}."
        )
    return FoundNetwork(model, names, None)


def _call(module, function):
    """What a function of a module of the user's, which lies where the command runs, returns."""
    sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module), function)()
    finally:
        sys.path.remove("")
