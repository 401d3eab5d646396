"""What the commands share: preprocessing, names of classes, and files written whole."""

import difflib
import json
import os
import pathlib
import re

import keras

from kerascam import datasets

# What a model may have been trained on, and what it takes for black and white then.
PREPROCESSINGS = {
    "none": (0.0, 255.0),
    "unit": (0.0, 1.0),
    "tf": "tf",
    "torch": "torch",
    "caffe": "caffe",
}


def preprocess(images, mode):
    """Images as a model takes them.

    Args:
        images: `(batch, height, width, channels)` in 0..255, float32.
        mode: One of `PREPROCESSINGS`.
    """
    if mode == "none":
        return images
    if mode == "unit":
        return images / 255
    # It works in place.
    return keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)


def read_names(path):
    """Names of the classes, from a file with one in each line, or JSON.

    Args:
        path: Path of the file.

    Returns:
        A list of strings.

    Raises:
        OSError: If the file can't be read.
        ValueError: If a class has no name.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"The file '{path}' of names must be UTF-8: {error}") from error
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        values = None
    if isinstance(values, dict) and all(isinstance(value, int) for value in values.values()):
        values = {str(index): name for name, index in values.items()}
    if isinstance(values, dict):
        values = [values.get(str(index)) for index in range(len(values))]
    if not isinstance(values, list):
        values = [line.strip() for line in text.splitlines() if line.strip()]
    if None in values:
        raise ValueError(
            f"The file '{path}' must name the classes from 0 on, without a gap. Received: no name "
            f"for class {values.index(None)}."
        )
    # ImageNet's index of Keras has pairs of an identifier and a name.
    return [str(value[-1] if isinstance(value, list) else value) for value in values]


def check_names(names, num_classes):
    """Names of the classes of a model, or their indices.

    Args:
        names: Names, or `None`.
        num_classes: Number of classes that the model has.

    Raises:
        ValueError: If there is not one name for each class.
    """
    if names is None:
        return [str(index) for index in range(num_classes)]
    if len(names) != num_classes:
        raise ValueError(
            f"--classes must name the {num_classes} classes of the model, one in each line or as "
            f"JSON. Received: {len(names)} names."
        )
    return names


def find_class(target, names):
    """Index of a class.

    Args:
        target: Its index or name, a string, or the WordNet identifier of a class of ImageNet.
        names: Names of all classes.

    Raises:
        ValueError: If there is no such class.
    """
    if re.fullmatch(r"\d+", target) and int(target) < len(names):
        return int(target)
    if target in names:
        return names.index(target)
    if target in datasets.imagenet_wordnet_ids() and names == datasets.imagenet_names():
        return datasets.imagenet_wordnet_ids().index(target)
    alike = [index for index, name in enumerate(names) if name.lower() == target.lower()]
    if len(alike) == 1:
        return alike[0]
    near = difflib.get_close_matches(target, names, n=3)
    raise ValueError(
        f"--class must be an index 0..{len(names) - 1}, or a name (see --classes). Received: "
        f"{target!r}." + (f" Near: {', '.join(map(repr, near))}." if near else "")
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
