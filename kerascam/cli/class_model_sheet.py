"""A sheet of the class models of a network."""

import pathlib

from kerascam import visualization
from kerascam.class_model import ClassModel
from kerascam.cli.class_names import check_names, find_class
from kerascam.cli.preprocessing import PREPROCESSINGS
from kerascam.cli.whole_file import write_file
from kerascam.graph.classes import class_scores, num_classes

FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


def write_class_models(
    network,
    targets,
    out,
    preset="robust",
    steps=None,
    preprocess=None,
    image_size=None,
    output=None,
    seed=0,
):
    """Finds the class models of a network and writes a sheet of them, whole or not at all.

    Args:
        network: A `FoundNetwork`.
        targets: Indices or names of the classes, strings.
        out: Path of the picture, one of `FORMATS`.
        preset: See `ClassModel`.
        steps: See `ClassModel`.
        preprocess: One of `PREPROCESSINGS`. Default: the network's, or else the
            default of `ClassModel`.
        image_size: See `ClassModel`.
        output: Name or index of the output, for a model with several.
        seed: See `ClassModel`.

    Returns:
        For each class its name, score and probability.

    Raises:
        OSError: If a file can't be read or written.
        TypeError: If the model takes integers.
        ValueError: If an argument is wrong.
    """
    out = pathlib.Path(out)
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out must end in one of {', '.join(FORMATS)}. Received: '{out}'.")
    if out.parent != pathlib.Path() and not out.parent.is_dir():
        raise ValueError(f"There is no directory '{out.parent}' for --out.")
    preprocess = preprocess or network.preprocess
    find = ClassModel(
        network.model,
        preset=preset,
        value_range=None if preprocess is None else PREPROCESSINGS[preprocess],
        image_size=image_size,
        output=output,
    )
    if find.image_shape[-1] not in (1, 3):
        raise ValueError(
            "Images can be written with 1 or 3 channels. Received: a model that takes images of "
            f"shape {find.image_shape}."
        )
    names = check_names(network.class_names, num_classes(find.num_classes))
    classes = [find_class(target, names) for target in targets]
    found = find(classes, steps=steps, seed=seed)
    scores, probabilities = class_scores(found.scores), find.probabilities(found.scores)
    results = [
        (names[c], float(scores[row, c]), float(probabilities[row, c]))
        for row, c in enumerate(classes)
    ]
    lines = [[name, f"{100 * probability:.0f} %"] for name, _, probability in results]
    pictures = visualization.add_labels(visualization.enlarge(found.pictures), lines)
    sheet = visualization.grid(pictures, columns=min(5, len(pictures)))
    write_file(out, visualization.encode(sheet, FORMATS[out.suffix.lower()]))
    return results
