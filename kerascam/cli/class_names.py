"""Names of classes: read from a file, checked, and looked up."""

import difflib
import json
import pathlib
import re

from kerascam import datasets


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
