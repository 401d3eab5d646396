"""Does a heatmap change as the score does, and does it stay where the score stays?"""

import numpy as np

from kerascam._checks import check_integer, check_number
from kerascam.explainers import Explainer
from kerascam.explainers.progress import Progress
from kerascam.metrics.correlation import pearson
from kerascam.metrics.perturbation_curves import replacement
from kerascam.metrics.scorer import (
    check_pictures_of_one_input,
    explained,
    given_maps,
    to_scorer,
)


def sensitivity_n(
    model,
    images,
    heatmaps,
    targets=None,
    *,
    n=(1, 4, 16, 64),
    subsets=100,
    baseline=0.0,
    seed=0,
    verbose="auto",
):
    """Correlation of what a map gives to `n` pixels with how the score falls without them.

    For each image random subsets of `n` pixels are replaced, all channels together. The Pearson
    correlation is taken over the subsets of one image.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        heatmaps: Attributions whose sum is a part of the score, such as those of
            `kerascam.IntegratedGradients` or `kerascam.InputXGradient`, `(batch, h, w)`, or an
            explainer. Coarse maps are resized bilinearly.
        targets: See `deletion`.
        n: Numbers of pixels.
        subsets: Number of subsets for each image and `n`.
        baseline: What stands in their place, see `deletion`.
        seed: Seed of the subsets, which are the same for all images.
        verbose: See `deletion`.

    Returns:
        `(batch, len(n))`, -1 to 1. 0 where the score or the map does not change.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`; or if another argument is wrong.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
        >>> images = np.random.default_rng(0).uniform(size=(1, 4, 4, 1)).astype("float32")
        >>> explain = kerascam.InputXGradient(model)
        >>> sensitivity_n(model, images, explain, n=[2, 8]).round(4).tolist()
        [[1.0, 1.0]]

    Reference:
        Ancona et al. 2018, Towards better understanding of gradient-based attribution methods for
        deep neural networks, section 3.1 (100 subsets).
    """
    scorer = to_scorer(model)
    images = check_pictures_of_one_input(scorer, images)
    total = images.shape[1] * images.shape[2]
    numbers = [check_integer("n", number, high=total) for number in np.atleast_1d(n)]
    if not numbers:
        raise ValueError("`n` must hold at least one number. Received: none.")
    subsets = check_integer("subsets", subsets, low=2)
    seed = check_integer("seed", seed, low=0)
    replaced = replacement(baseline, images)
    classes, maps = explained(scorer, images, heatmaps, targets, verbose)
    flat = maps.reshape(len(maps), -1)
    clean = scorer.class_score(images, classes)
    progress = Progress(len(images) * len(numbers) * subsets, verbose)
    found = np.empty((len(images), len(numbers)))
    for column, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        chosen = np.zeros((subsets, total), "bool")
        for row in chosen:
            row[rng.choice(total, number, replace=False)] = True
        shaped = chosen.reshape(subsets, *images.shape[1:3], 1)
        given, drops = np.empty((2, len(images), subsets))
        for index, (image, other) in enumerate(zip(images, replaced, strict=True)):
            for start in range(0, subsets, scorer.batch_size):
                part = slice(start, start + scorer.batch_size)
                copies = np.where(shaped[part], other, image)
                progress.begin(len(copies))
                same = np.full(len(copies), classes[index])
                drops[index, part] = clean[index] - scorer.class_score(copies, same)
                given[index, part] = chosen[part] @ flat[index]
                progress.end()
        found[:, column] = pearson(given, drops)
    return found


def infidelity(
    model,
    images,
    attributions,
    targets=None,
    *,
    noise=0.1,
    samples=50,
    normalize=True,
    seed=0,
    verbose="auto",
):
    """How far a map is from telling what the score does under noise.

    `E[(I . A - (S(x) - S(x - I)))^2]` over normal noise `I` on the image `x`, for the attributions
    `A` and the score `S` before softmax.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        attributions: Change of the score for each change of a pixel, as a gradient is: one number
            for each channel `(batch, height, width, channels)`, which pixel methods give with
            `channels=None`; or a map `(batch, h, w)` for all channels alike, or an explainer.
        targets: See `deletion`.
        noise: Standard deviation of the noise, as a share of each image's range.
        samples: Number of noisy copies of each image.
        normalize: Whether the attributions of each image are scaled by the number that suits best,
            so that maps of any scale can be compared.
        seed: Seed of the noise; that of an image does not depend on the others.
        verbose: See `deletion`.

    Returns:
        `(batch,)`, not negative; 0 is best.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`; or if another argument is wrong.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
        >>> images = np.random.default_rng(0).uniform(size=(1, 4, 4, 1)).astype("float32")
        >>> explain = kerascam.Saliency(model, channels=None)
        >>> infidelity(model, images, explain).round(6).tolist()
        [0.0]

    Reference:
        Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations, section 2; scaled as
        in its appendix.
    """
    scorer = to_scorer(model)
    images = check_pictures_of_one_input(scorer, images)
    noise = check_number("noise", noise, low=0)
    samples, seed = check_integer("samples", samples), check_integer("seed", seed, low=0)
    classes, attributions = given_maps(scorer, images, attributions, targets, verbose)
    attributions = np.asarray(attributions)
    if attributions.ndim == 4:
        if attributions.shape != images.shape:
            raise ValueError(
                f"Attributions of channels must have the shape of the images {images.shape}. "
                f"Received: {attributions.shape}."
            )
        attributions = np.nan_to_num(attributions.astype("float64"), posinf=0.0, neginf=0.0)
    else:
        attributions = explained(scorer, images, attributions, classes)[1][..., None]
    clean = scorer.class_score(images, classes)
    progress = Progress(len(images) * samples, verbose)
    found = np.empty(len(images))
    for index, (image, given) in enumerate(zip(images, attributions, strict=True)):
        rng = np.random.default_rng(seed)
        expected, actual = np.empty((2, samples))
        for start in range(0, samples, scorer.batch_size):
            count = min(scorer.batch_size, samples - start)
            shift = noise * np.ptp(image) * rng.normal(size=(count, *image.shape))
            shift = shift.astype("float32")
            progress.begin(count)
            part = slice(start, start + count)
            same = np.full(count, classes[index])
            actual[part] = clean[index] - scorer.class_score(image - shift, same)
            expected[part] = (shift * given).sum(axis=(1, 2, 3))
            progress.end()
        square = (expected**2).sum()
        scale = (expected * actual).sum() / square if normalize and square > 0 else 1.0
        found[index] = ((scale * expected - actual) ** 2).mean()
    return found


def max_sensitivity(
    explainer, images, targets=None, *, radius=0.02, samples=10, seed=0, verbose="auto"
):
    """How much a map can change when the image changes by next to nothing.

    `max |A(x + d) - A(x)| / |A(x)|` over random `d` whose values lie within `radius`.

    Args:
        explainer: An explainer such as `kerascam.CAM(model)`.
        images: As the model takes them, `(batch, height, width, channels)`.
        targets: Class of each image, or one for all. Default: those predicted for the images as
            they are, which stay the same for the changed ones.
        radius: Largest change, as a share of each image's range.
        samples: Number of changed copies of each image.
        seed: Seed of the changes; those of an image do not depend on the others.
        verbose: See `kerascam.Explainer`.

    Returns:
        `(batch,)`, not negative; 0 for a map that does not change, infinite for a map of zeros that
        does.

    Raises:
        TypeError: If `explainer` is no explainer, or images or targets have a wrong type.
        ValueError: See `deletion`; or if another argument is wrong.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
        >>> images = np.random.default_rng(0).uniform(size=(1, 4, 4, 1)).astype("float32")
        >>> max_sensitivity(kerascam.Saliency(model), images, targets=1).tolist()
        [0.0]

    Reference:
        Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations, section 4; the
        defaults are those of Captum.
    """
    if not isinstance(explainer, Explainer):
        raise TypeError(
            "`explainer` must be an explainer such as `kc.CAM(model)`, as maps of changed images "
            f"are needed. Received: {type(explainer).__name__}."
        )
    images = check_pictures_of_one_input(explainer, images)
    radius = check_number("radius", radius, low=0)
    samples, seed = check_integer("samples", samples), check_integer("seed", seed, low=0)
    maps, classes, _ = explainer(images, targets, verbose=0)
    if classes is None:
        classes = targets
    axes = tuple(range(1, maps.ndim))
    size = np.sqrt((maps.astype("float64") ** 2).sum(axis=axes))
    largest = np.zeros(len(images))
    spread = radius * np.ptp(images, axis=(1, 2, 3), keepdims=True)
    progress = Progress(samples * len(images), verbose)
    for sample in range(samples):
        rng = np.random.default_rng([seed, sample])
        change = spread * rng.uniform(-1, 1, size=(1, *images.shape[1:]))
        progress.begin(len(images))
        changed = explainer(images + change.astype("float32"), classes, verbose=0).heatmaps
        difference = (changed.astype("float64") - maps) ** 2
        largest = np.maximum(largest, np.sqrt(difference.sum(axis=axes)))
        progress.end()
    ratio = np.divide(largest, size, out=np.full_like(size, np.inf), where=size > 0)
    return np.where(largest == 0, 0.0, ratio)
