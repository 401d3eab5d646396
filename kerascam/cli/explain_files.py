"""Overlays and raw maps of image files, written whole."""

import io
import pathlib
import re
from typing import NamedTuple

import numpy as np

from kerascam import visualization
from kerascam.cli.whole_file import write_file
from kerascam.datasets.image_files import list_images, read_image, resize_image, size_within

_SHOWN = 1024  # Longer side of overlays,
_WIDTH = 224  # and their least width.
_BEST = 5  # Classes that are named for each picture.


class Explained(NamedTuple):
    """What was found in a picture, and written.

    Attributes:
        best: The most probable classes, pairs of a name and a probability.
        files: Paths of the files.
    """

    best: list
    files: list


def explain_files(paths, explainer, folder, progress, **options):
    """Explains image files; one that is broken is named and skipped.

    Args:
        paths: Files and directories.
        explainer: A `PictureExplainer`.
        folder: Where to write, made if need be.
        progress: A function from the list of files to one that shows progress.
        **options: See `write_explanation`.

    Returns:
        An `Explained` for each file, by its path, and for each file that was skipped why.
    """
    folder = pathlib.Path(folder)
    files = list_images(paths, outside=folder)
    if files:
        folder.mkdir(parents=True, exist_ok=True)
    explained, skipped, stems = {}, [], set()
    for path in progress(files):
        try:
            picture = read_image(path)
        except (OSError, ValueError) as error:
            skipped.append(f"{error}")
            continue
        stem = path.stem[:80]
        for number in range(2, 2 + len(files)):
            if stem not in stems:
                break
            stem = f"{path.stem[:80]}-{number}"
        stems.add(stem)
        try:
            explained[path] = write_explanation(explainer, picture, stem, folder, **options)
        except OSError:  # The folder can't be written: the next file would fail too.
            raise
        except Exception as error:  # A picture too small for the network, for example.
            skipped.append(f"'{path}': {type(error).__name__}: {error}".splitlines()[0])
    return explained, skipped


def write_explanation(explainer, picture, stem, folder, raw=False, colormap="turbo", alpha=0.5):
    """Explains one picture and writes an overlay for each class, whole files only.

    Args:
        explainer: A `PictureExplainer`.
        picture: RGB `(height, width, 3)`, uint8.
        stem: How the files' names begin.
        folder: Where to write.
        raw: Whether to write the raw maps too, as `.npz`.
        colormap: See `kerascam.visualization.colorize`.
        alpha: See `kerascam.visualization.overlay`.

    Returns:
        An `Explained`.
    """
    classes, heatmaps, scores, probabilities = explainer(picture)
    written = []
    shown = resize_image(picture, size_within(picture, _SHOWN))[None]
    # Wide enough for the caption to be read, but for extremely tall pictures.
    longest = _WIDTH * max(shown.shape[1:3]) // shown.shape[2]
    shown = visualization.enlarge(shown, min(longest, 4 * _SHOWN))
    offset = heatmaps.min(axis=(1, 2), keepdims=True) if explainer.explain.has_offset else 0
    for c, heatmap in zip(classes, heatmaps - offset, strict=True):
        overlay = visualization.overlay(shown, heatmap[None], colormap, alpha)
        line = [
            f"{explainer.method}: {explainer.names[c]}",
            f"probability {100 * probabilities[c]:.0f} %",
        ]
        labelled = visualization.add_labels(overlay, [line])[0]
        path = folder / f"{stem}_{explainer.method}_{_file_name(c, explainer.names)}.png"
        written.append(write_file(path, visualization.encode(labelled)))
    if raw:
        content = io.BytesIO()
        np.savez_compressed(content, heatmaps=heatmaps, classes=classes, scores=scores)
        path = folder / f"{stem}_{explainer.method}.npz"
        written.append(write_file(path, content.getvalue()))
    order = np.argsort(-probabilities, kind="stable")[:_BEST]
    return Explained([(explainer.names[c], float(probabilities[c])) for c in order], written)


def _file_name(c, names):
    """Name of a class for a file, with its index where others have the same."""
    plain = [_plain(name) for name in names]
    return plain[c] if plain.count(plain[c]) == 1 else f"{plain[c]}-{c}"


def _plain(name):
    """A name as a part of a file's name, at most 80 characters."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-")[:80] or "class"
