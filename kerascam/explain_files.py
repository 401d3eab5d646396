"""`kerascam explain`: heatmaps of image files."""

import io
import pathlib
import re
import warnings
from typing import NamedTuple

import numpy as np

from kerascam import visualization
from kerascam.datasets.image_files import list_images, read_image, resize_image
from kerascam.explainers import METHODS
from kerascam.explainers.features import FeatureExplainer
from kerascam.explainers.guided_grad_cam import GuidedGradCAM
from kerascam.explainers.layer_cam import LayerCAM
from kerascam.graph import takes_raw_images
from kerascam.model_files import check_names, find_class, preprocess, write_file

METHOD_NAMES = {method.__name__.lower(): method for method in METHODS}
_LARGEST = 512  # Longer side, in pixels, of images for a network that takes any size.
_SHOWN = 1024  # Longer side of overlays,
_WIDTH = 224  # and their least width.
_TRIAL = 256  # Sides of the picture that is tried first.
_BEST = 5  # Classes that are named for each picture.


class Explained(NamedTuple):
    """What was found in a picture, and written.

    Attributes:
        best: The most probable classes, pairs of a name and a probability.
        files: Paths of the files.
    """

    best: list
    files: list


class FileExplainer:
    """Explains image files by a network and writes what it finds.

    Args:
        network: A `FoundNetwork`.
        method: One of `METHOD_NAMES`.
        layer: Name of the layer, for a method that takes one.
        output: Name of the output, for a model with several.
        target: Index or name of the class to explain. Default: the predicted one.
        top: Number of classes to explain for each image, the most probable ones.
        preprocess: `"none"` (0..255), `"unit"` (0..1), or `"tf"`, `"torch"` or `"caffe"` as in
            `keras.applications`. Default: the network's, if it is known; `"none"` for a model that
            takes integers or has a Rescaling or Normalization layer before its first weights; else
            `"unit"`.

    Raises:
        ValueError: If an argument is wrong.
    """

    def __init__(
        self,
        network,
        method,
        layer=None,
        output=None,
        target=None,
        top=1,
        preprocess=None,
    ):
        if target is not None and top > 1:
            raise ValueError("--class and --top exclude each other. Received: both.")
        kind = METHOD_NAMES[method]
        arguments = {"output": index_or_name(output)}
        if layer is not None:
            if not issubclass(kind, (FeatureExplainer, LayerCAM, GuidedGradCAM)):
                raise ValueError(f"--layer is not for {method}, which explains by other means.")
            arguments["layer"] = layer
        self._model = network.model
        self.explain = kind(self._model, **arguments)
        self.method = method
        shapes = [tuple(spec.shape) for spec in self.explain.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] not in (1, 3):
            raise ValueError(
                "The model must take one image (batch, height, width, channels) with 1 or 3 "
                f"channels. Received: inputs of shape {shapes}."
            )
        self.preprocess = preprocess or network.preprocess or self._guess_preprocessing()
        self._check_preprocessing()
        self.names = check_names(network.class_names, max(self.explain.num_classes, 2))
        self.target = None if target is None else find_class(target, self.names)
        self.top = min(top, max(self.explain.num_classes, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self(np.zeros((_TRIAL, _TRIAL, 3), "uint8"))  # What can't work is told at once.

    def __call__(self, picture):
        """Explains one picture.

        Args:
            picture: RGB `(height, width, 3)`, uint8.

        Returns:
            Classes `(top,)`, heatmaps `(top, h, w)`, scores and probabilities `(classes,)`.
        """
        image = self._prepare(picture)[None]
        first = self.explain(image, self.target, verbose=0)
        probabilities = self.explain.probabilities(first.scores)[0]
        if len(probabilities) == 1:
            probabilities = np.array([1 - probabilities[0], probabilities[0]])
        if self.target is not None:
            classes = np.array([self.target])
        else:  # By score: several probabilities may be 1.
            scores = first.scores[0] if len(first.scores[0]) > 1 else probabilities
            classes = np.argsort(-scores, kind="stable")[: self.top]
        heatmaps = [first.heatmaps[0]]
        heatmaps += [self.explain(image, int(c), verbose=0).heatmaps[0] for c in classes[1:]]
        return classes, np.stack(heatmaps), first.scores[0], probabilities

    def write(self, picture, stem, folder, raw=False, colormap="turbo", alpha=0.5):
        """Explains one picture and writes an overlay for each class, whole files only.

        Args:
            picture: RGB `(height, width, 3)`, uint8.
            stem: How the files' names begin.
            folder: Where to write.
            raw: Whether to write the raw maps too, as `.npz`.
            colormap: See `kerascam.visualization.colorize`.
            alpha: See `kerascam.visualization.overlay`.

        Returns:
            An `Explained`.
        """
        classes, heatmaps, scores, probabilities = self(picture)
        written = []
        shown = resize_image(picture, _size(picture, _SHOWN))[None]
        # Wide enough for the caption to be read, but for extremely tall pictures.
        longest = _WIDTH * max(shown.shape[1:3]) // shown.shape[2]
        shown = visualization.enlarge(shown, min(longest, 4 * _SHOWN))
        offset = heatmaps.min(axis=(1, 2), keepdims=True) if self.explain.has_offset else 0
        for c, heatmap in zip(classes, heatmaps - offset, strict=True):
            overlay = visualization.overlay(shown, heatmap[None], colormap, alpha)
            line = [
                f"{self.method}: {self.names[c]}",
                f"probability {100 * probabilities[c]:.0f} %",
            ]
            labelled = visualization.add_labels(overlay, [line])[0]
            path = folder / f"{stem}_{self.method}_{self._file_name(c)}.png"
            written.append(write_file(path, visualization.encode(labelled)))
        if raw:
            content = io.BytesIO()
            np.savez_compressed(content, heatmaps=heatmaps, classes=classes, scores=scores)
            path = folder / f"{stem}_{self.method}.npz"
            written.append(write_file(path, content.getvalue()))
        order = np.argsort(-probabilities, kind="stable")[:_BEST]
        return Explained([(self.names[c], float(probabilities[c])) for c in order], written)

    def _prepare(self, picture):
        """The picture as the model takes it."""
        spec = self.explain.inputs[0]
        given = zip(spec.shape[1:3], _size(picture, _LARGEST), strict=True)
        image = resize_image(picture, [fixed or free for fixed, free in given]).astype("float32")
        if spec.shape[-1] == 1:
            image = (image @ np.array([0.299, 0.587, 0.114], "float32"))[..., None]
        image = preprocess(image, self.preprocess)
        return (image if "float" in spec.dtype else np.rint(image)).astype(spec.dtype)

    def _guess_preprocessing(self):
        is_float = "float" in self.explain.inputs[0].dtype
        return "unit" if is_float and not takes_raw_images(self._model) else "none"

    def _check_preprocessing(self):
        spec = self.explain.inputs[0]
        if self.preprocess != "none" and "float" not in spec.dtype:
            raise ValueError(
                f"The model takes {spec.dtype} images, so --preprocess must be none. Received: "
                f"{self.preprocess!r}."
            )
        if self.preprocess in ("torch", "caffe") and spec.shape[-1] != 3:
            raise ValueError(
                f"--preprocess {self.preprocess} is for colour images, and the model takes one "
                "channel. Pass none, unit or tf."
            )

    def _file_name(self, c):
        """Name of a class for a file, with its index where others have the same."""
        names = [_plain(name) for name in self.names]
        return names[c] if names.count(names[c]) == 1 else f"{names[c]}-{c}"


def explain_files(paths, explainer, folder, progress, **options):
    """Explains image files; one that is broken is named and skipped.

    Args:
        paths: Files and directories.
        explainer: A `FileExplainer`.
        folder: Where to write, made if need be.
        progress: A function from the list of files to one that shows progress.
        **options: See `FileExplainer.write`.

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
            explained[path] = explainer.write(picture, stem, folder, **options)
        except OSError:  # The folder can't be written: the next file would fail too.
            raise
        except Exception as error:  # A picture too small for the network, for example.
            skipped.append(f"'{path}': {type(error).__name__}: {error}".splitlines()[0])
    return explained, skipped


def _size(picture, largest):
    """Height and width of a picture, made smaller where the longer side is too long."""
    scale = min(1, largest / max(picture.shape[:2]))
    return [max(1, round(scale * length)) for length in picture.shape[:2]]


def index_or_name(output):
    """An output as the models have it, from the command line."""
    return int(output) if output is not None and output.isdigit() else output


def _plain(name):
    """A name as a part of a file's name, at most 80 characters."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-")[:80] or "class"
