"""Sanity checks: a heatmap must change when the network or the class does."""

from typing import NamedTuple

import keras
import numpy as np

from kerascam._checks import check_integer
from kerascam.backend import keras_internals
from kerascam.explainers import Explainer
from kerascam.explainers.progress import Progress
from kerascam.graph.classes import num_classes
from kerascam.metrics.correlation import spearman
from kerascam.metrics.random_copy import check_same, copy_of
from kerascam.metrics.similarity import ssim


class Randomization(NamedTuple):
    """How alike maps stay when layers are given random weights.

    Attributes:
        layers: Names of the layers, from the scores to the images; of a subclassed model in the
            opposite order of their making.
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
    own initialisers draw, with other seeds, moving averages included. It is done on a copy; the
    model stays as it is.

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
    seed = check_integer("seed", seed, low=0)
    first = explainer(images, targets, verbose=verbose)
    if first.targets is None:
        raise TypeError("`targets` must be classes. Received: a function.")
    classes = num_classes(explainer.num_classes)
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
    if not isinstance(model, keras.Model):
        raise TypeError(f"`model` must be a Keras model. Received: {type(model).__name__}.")
    seed = check_integer("seed", seed, low=0)
    copy, fresh = (copy_of(model, clone, number) for number in (2 * seed, 2 * seed + 1))
    explain = _build(explainer, copy)
    trained = [keras.ops.convert_to_numpy(weight.value) for weight in model.weights]
    drawn = [keras.ops.convert_to_numpy(weight.value) for weight in fresh.weights]
    layers = _layers(model)
    if all(np.array_equal(trained[index], drawn[index]) for _, part in layers for index in part):
        raise ValueError(
            "`clone` must build a model with random weights. Received: one with the same weights."
        )
    _assign(copy, trained, range(len(trained)))
    for layer in keras_internals.all_layers(copy, include_self=False):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # It computes with copies of its weights.
    maps, classes, _ = explain(images, targets, verbose=0)
    if classes is None:
        classes = targets
    check_same(model, copy, [array[:1] for array in explain.check_images(images)])
    progress = Progress(len(layers) * len(maps), verbose)
    flat = maps.reshape(len(maps), -1)
    found = []
    for _, indices in layers:
        progress.begin(len(maps))
        _assign(copy, drawn, indices)
        changed = explain(images, classes, verbose=0).heatmaps
        other = changed.reshape(len(maps), -1)
        found.append(
            (spearman(flat, other), spearman(np.abs(flat), np.abs(other)), ssim(maps, changed))
        )
        if not cascading:
            _assign(copy, trained, indices)
        progress.end()
    return Randomization(
        [name for name, _ in layers], *(np.array(part) for part in zip(*found, strict=True))
    )


def _build(explainer, model):
    built = explainer(model)
    if not isinstance(built, Explainer):
        raise TypeError(
            "`explainer` must be a class such as `kc.GradCAM`, or a function that returns an "
            f"explainer. Received: one that returns {built!r}."
        )
    return built


def _assign(model, values, indices):
    weights = model.weights
    for index in indices:
        weights[index].assign(values[index])


def _layers(model):
    """Names of the layers with weights and the indices of these, from the scores to the images.

    What is known of the images, mean and variance of a `Normalization`, was not learnt and stays.
    """
    owners: dict[int, keras.layers.Layer] = {}
    for layer in keras_internals.all_layers(model):
        for weight in layer.weights:
            # Of a layer in a model, and of a model in a model, the innermost.
            if len(layer.weights) <= len(owners.get(id(weight), model).weights):
                owners[id(weight)] = layer
    found: dict[int, tuple[str, list[int]]] = {}
    for index, weight in enumerate(model.weights):
        owner = owners[id(weight)]
        if not isinstance(owner, keras.layers.Normalization):
            name = weight.path.rpartition("/")[0]
            found.setdefault(id(owner), (name, []))[1].append(index)
    if not found:
        raise ValueError("The model must have layers with weights. Received: one without any.")
    return list(found.values())[::-1]
