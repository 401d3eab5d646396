"""Sanity checks: a heatmap must change when the network or the class does."""

import contextlib
import random
from typing import NamedTuple

import keras
import numpy as np

from kerascam.explainers import Explainer
from kerascam.explainers.checks import check_integer
from kerascam.explainers.progress import Progress
from kerascam.metrics.correlation import spearman
from kerascam.metrics.similarity import ssim


class Randomization(NamedTuple):
    """How alike maps stay when layers are given random weights.

    Attributes:
        layers: Names of the layers, from the scores to the images.
        spearman: Rank correlation with the maps of the trained network, `(layers, batch)`, -1 to 1.
        absolute_spearman: The same of absolute values.
        ssim: Structural similarity, `(layers, batch)`.
    """

    layers: list[str]
    spearman: np.ndarray
    absolute_spearman: np.ndarray
    ssim: np.ndarray


def cascading_randomization(
    model, images, explainer, targets=None, *, seed=0, clone=None, verbose="auto"
):
    """Gives random weights to one layer after the other, from the scores to the images.

    A method that explains the network loses its map on the way: similarity falls to chance, which
    is 0 for rank correlations, give or take `1 / sqrt(h w)` for each image. Layers get what their
    own initialisers draw, moving averages included. It is done on a copy; the model stays as it is.

    Args:
        model: A built `keras.Model`.
        images: As the model takes them.
        explainer: A class such as `kerascam.GradCAM`, or a function from a model to an explainer,
            such as `functools.partial(kerascam.GradCAM, layer="conv5")`.
        targets: Class of each image, or one for all. Default: those that the trained network
            predicts. They stay the same throughout.
        seed: Seed of the random weights.
        clone: A function without arguments that builds a new model of the same architecture with
            weights of its own, for a subclassed model that `from_config` can't build again.
        verbose: See `kerascam.Explainer`.

    Returns:
        A `Randomization` tuple.

    Raises:
        TypeError: If `explainer` is no class or function.
        ValueError: If the model can't be copied.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])
        >>> images = np.random.default_rng(0).uniform(size=(2, 8, 8, 1)).astype("float32")
        >>> result = cascading_randomization(model, images, kerascam.Saliency)
        >>> len(result.layers), result.spearman.shape
        (2, (2, 2))

    Reference:
        Adebayo et al. 2018, Sanity Checks for Saliency Maps, section 3.1.
    """
    return _randomize(model, images, explainer, targets, seed, clone, True, verbose)


def independent_randomization(
    model, images, explainer, targets=None, *, seed=0, clone=None, verbose="auto"
):
    """Gives random weights to one layer at a time, all others trained.

    Args:
        model: See `cascading_randomization`.
        images: See `cascading_randomization`.
        explainer: See `cascading_randomization`.
        targets: See `cascading_randomization`.
        seed: See `cascading_randomization`.
        clone: See `cascading_randomization`.
        verbose: See `cascading_randomization`.

    Returns:
        A `Randomization` tuple.

    Raises:
        TypeError: See `cascading_randomization`.
        ValueError: See `cascading_randomization`.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, "softmax")])
        >>> images = np.random.default_rng(0).uniform(size=(2, 8, 8, 1)).astype("float32")
        >>> independent_randomization(model, images, kerascam.Saliency).ssim.shape
        (2, 2)

    Reference:
        Adebayo et al. 2018, Sanity Checks for Saliency Maps, section 3.2.
    """
    return _randomize(model, images, explainer, targets, seed, clone, False, verbose)


def random_logit(explainer, images, targets=None, *, seed=0, verbose="auto"):
    """Structural similarity of each image's map with that of another class, drawn at random.

    1 means that the map does not depend on the class.

    Args:
        explainer: An explainer such as `kerascam.CAM(model)`.
        images: As the model takes them.
        targets: Class of each image, or one for all. Default: the predicted ones.
        seed: Seed of the other classes.
        verbose: See `kerascam.Explainer`.

    Returns:
        `(batch,)`, -1 to 1.

    Raises:
        TypeError: If `explainer` is no explainer, or images or targets have a wrong type.
        ValueError: If a shape is wrong.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, "softmax")])
        >>> images = np.random.default_rng(0).uniform(size=(2, 8, 8, 1)).astype("float32")
        >>> random_logit(kerascam.CAM(model), images).shape
        (2,)

    Reference:
        Sixt et al. 2020, When Explanations Lie, section 5.
    """
    if not isinstance(explainer, Explainer):
        raise TypeError(
            "`explainer` must be an explainer such as `kc.CAM(model)`. Received: "
            f"{type(explainer).__name__}."
        )
    first = explainer(images, targets, verbose=verbose)
    if first.targets is None:
        raise TypeError("`targets` must be classes. Received: a function.")
    classes = max(explainer.num_classes, 2)
    shift = np.random.default_rng(seed).integers(1, classes, size=len(first.targets))
    other = explainer(images, (first.targets + shift) % classes, verbose=verbose)
    return ssim(first.heatmaps, other.heatmaps)


def _randomize(model, images, explainer, targets, seed, clone, cascading, verbose):
    if isinstance(explainer, Explainer) or not callable(explainer):
        raise TypeError(
            "`explainer` must be a class such as `kc.GradCAM`, or a function from a model to an "
            f"explainer. Received: {type(explainer).__name__}. One that was built already explains "
            "the trained model: pass its class."
        )
    seed = check_integer("seed", seed, low=0)
    copy, fresh = (_copy(model, clone, number) for number in (2 * seed, 2 * seed + 1))
    explain = explainer(copy)
    trained = [keras.ops.convert_to_numpy(weight.value) for weight in model.weights]
    drawn = [keras.ops.convert_to_numpy(weight.value) for weight in fresh.weights]
    _assign(copy.weights, trained, range(len(trained)))
    maps, classes, _ = explain(images, targets, verbose=0)
    if classes is None:
        classes = targets
    layers = _layers(model)
    progress = Progress(len(layers) * len(maps), verbose)
    flat = maps.reshape(len(maps), -1)
    found = []
    for _, indices in layers:
        progress.begin(len(maps))
        _assign(copy.weights, drawn, indices)
        changed = explain(images, classes, verbose=0).heatmaps
        other = changed.reshape(len(maps), -1)
        found.append(
            (spearman(flat, other), spearman(np.abs(flat), np.abs(other)), ssim(maps, changed))
        )
        if not cascading:
            _assign(copy.weights, trained, indices)
        progress.end()
    return Randomization(
        [name for name, _ in layers], *(np.array(part) for part in zip(*found, strict=True))
    )


def _copy(model, clone, seed):
    """A new model of the same architecture, with weights that its initialisers drew."""
    try:
        with _seeded(seed):
            copy = keras.models.clone_model(model) if clone is None else clone()
    except Exception as error:
        raise ValueError(
            "The model can't be built again from its config to be given random weights: "
            f"{type(error).__name__}: {error}. Pass `clone=`, a function that builds it anew."
        ) from error
    shapes = [tuple(weight.shape) for weight in model.weights]
    if copy is model or [tuple(weight.shape) for weight in copy.weights] != shapes:
        raise ValueError(
            "The copy of the model must be a new one with weights of the same shapes. Received: "
            f"{len(copy.weights)} weights for {len(shapes)}. Pass `clone=`, a function that builds "
            "it anew."
        )
    return copy


@contextlib.contextmanager
def _seeded(seed):
    """Initialisers without a seed of their own draw one from Python's generator."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _assign(weights, values, indices):
    for index in indices:
        weights[index].assign(values[index])


def _layers(model):
    """Names of the layers with weights and the indices of these, from the scores to the images."""
    found: dict[str, list[int]] = {}
    for index, weight in enumerate(model.weights):
        found.setdefault(weight.path.rpartition("/")[0], []).append(index)
    return list(found.items())[::-1]
