"""What the commands share: model files, names of classes, and files written whole."""

import json
import os
import pathlib
import re

import keras

# What a model may have been trained on, and what it takes for black and white then.
PREPROCESSINGS = {
    "none": (0.0, 255.0),
    "unit": (0.0, 1.0),
    "tf": "tf",
    "torch": "torch",
    "caffe": "caffe",
}


def load_network(path):
    """Reads a saved Keras model.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If there is none, or it can't be read.
    """
    if not pathlib.Path(path).exists():
        raise ValueError(f"There is no model '{path}'.")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(f"The model '{path}' can't be loaded: {error}") from error


def read_names(path, num_classes):
    """Names of the classes, from a file with one in each line, or JSON.

    Args:
        path: Path of the file; `None` for the indices.
        num_classes: Number of classes.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it does not name every class.
    """
    if path is None:
        return [str(index) for index in range(num_classes)]
    text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        values = None
    if isinstance(values, dict) and all(isinstance(value, int) for value in values.values()):
        values = {str(index): name for name, index in values.items()}
    if isinstance(values, dict):
        values = [values.get(str(index)) for index in range(num_classes)]
    if not isinstance(values, list):
        values = [line.strip() for line in text.splitlines() if line.strip()]
    # ImageNet's index of Keras has pairs of an identifier and a name.
    names = [str(value[-1] if isinstance(value, list) else value) for value in values]
    if len(names) != num_classes or None in values:
        raise ValueError(
            f"The file '{path}' must name the {num_classes} classes, one in each line or as JSON. "
            f"Received: {len([value for value in values if value is not None])} names."
        )
    return names


def find_class(target, names):
    """Index of a class.

    Args:
        target: Its index or name, a string.
        names: Names of all classes.

    Raises:
        ValueError: If there is no such class.
    """
    if re.fullmatch(r"\d+", target) and int(target) < len(names):
        return int(target)
    if target in names:
        return names.index(target)
    raise ValueError(
        f"--class must be an index 0..{len(names) - 1}, or a name from the file of --classes. "
        f"Received: {target!r}."
    )


def write_file(path, content):
    """Writes a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
