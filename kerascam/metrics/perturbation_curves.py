"""Does the score fall when the marked pixels go, and rise when they come?"""

from typing import NamedTuple

import numpy as np
from keras import ops

from kerascam._checks import check_integer
from kerascam.explainers.baselines import Baseline
from kerascam.explainers.progress import Progress
from kerascam.metrics.scorer import check_pictures_of_one_input, explained, to_scorer


class Curve(NamedTuple):
    """How the probability of a class changes while pixels go or come.

    Attributes:
        fractions: Share of pixels that were changed, `(steps + 1,)`, 0 to 1.
        probabilities: Of the class of each image, `(batch, steps + 1)`.
        areas: Area under each curve, `(batch,)`, 0 to 1.
    """

    fractions: np.ndarray
    probabilities: np.ndarray
    areas: np.ndarray


def deletion(model, images, heatmaps, targets=None, *, pixels=None, baseline=0.0, verbose="auto"):
    """Takes away pixels, the most important first, and looks at the probability of the class.

    The area under the curve is small for a good map. Pixels that are equally important go in the
    order of rows. All channels of a pixel go together.

    Args:
        model: A model, or a `Scorer` of it.
        images: As the model takes them, `(batch, height, width, channels)`.
        heatmaps: Maps `(batch, h, w)`, resized bilinearly to the images; or an explainer such as
            `kerascam.CAM(model)`, which is asked for them.
        targets: Class of each image, or one for all. Default: the predicted ones.
        pixels: How many go at each step. Default: as many as a row has, 224 at 224 px, as in the
            paper.
        baseline: What stands in their place: a number, a colour `(channels,)`, an image, one for
            each; `"blurred"`, as in `kerascam.IntegratedGradients`; or `"rise"`, a blur with a
            kernel of 11 x 11 px and a deviation of 5. Default: 0, the paper's, which is the mean
            colour for images that were centred.
        verbose: See `kerascam.Explainer`.

    Returns:
        A `Curve` tuple.

    Raises:
        TypeError: If images, heatmaps or targets have a wrong type.
        ValueError: If a shape is wrong, or the model takes more than images.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
        >>> heatmaps = np.arange(16.0).reshape(1, 4, 4)
        >>> deletion(model, np.ones((1, 4, 4, 1), "float32"), heatmaps).fractions.tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]

    Reference:
        Petsiuk et al. 2018, RISE: Randomized Input Sampling for Explanation of Black-box Models,
        section 4.1.
    """
    return _curve(model, images, heatmaps, targets, pixels, baseline, False, verbose)


def insertion(
    model, images, heatmaps, targets=None, *, pixels=None, baseline="rise", verbose="auto"
):
    """Begins with a blurred image and brings back pixels, the most important first.

    The area under the curve is large for a good map.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        heatmaps: See `deletion`.
        targets: See `deletion`.
        pixels: See `deletion`.
        baseline: What the images begin as, see `deletion`. Default: `"rise"`, as in the paper.
        verbose: See `deletion`.

    Returns:
        A `Curve` tuple.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
        >>> heatmaps = np.arange(16.0).reshape(1, 4, 4)
        >>> insertion(model, np.ones((1, 4, 4, 1), "float32"), heatmaps).areas.shape
        (1,)

    Reference:
        Petsiuk et al. 2018, RISE, section 4.1.
    """
    return _curve(model, images, heatmaps, targets, pixels, baseline, True, verbose)


def replacement(baseline, images):
    """What stands in the place of each image's pixels, of the shape of the images.

    Args:
        baseline: See `deletion`.
        images: `(batch, height, width, channels)`.
    """
    given = Baseline(baseline, images)
    if given.value is not None:
        return np.broadcast_to(given.value, images.shape)
    # One after the other, as a blur takes memory of its own.
    return np.concatenate([ops.convert_to_numpy(given.of(image[None])) for image in images])


def ranks(heatmaps):
    """Place of each pixel in the order of importance, 0 for the most important.

    Args:
        heatmaps: `(batch, height, width)`.

    Returns:
        `(batch, height, width)`, integers; equal pixels in the order of rows.
    """
    flat = heatmaps.reshape(len(heatmaps), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(flat.shape[1])[None], axis=1)
    return places.reshape(heatmaps.shape)


def _curve(model, images, heatmaps, targets, pixels, baseline, inserts, verbose):
    scorer = to_scorer(model)
    images = check_pictures_of_one_input(scorer, images)
    total = images.shape[1] * images.shape[2]
    pixels = images.shape[2] if pixels is None else check_integer("pixels", pixels, high=total)
    replaced = replacement(baseline, images)
    classes, maps = explained(scorer, images, heatmaps, targets, verbose)
    places = ranks(maps)
    changed = np.minimum(np.arange(-(-total // pixels) + 1) * pixels, total)
    progress = Progress(len(images) * len(changed), verbose)
    probabilities = np.empty((len(images), len(changed)))
    # One image after the other, so that memory does not grow with their number.
    for index, (image, other, place) in enumerate(zip(images, replaced, places, strict=True)):
        for start in range(0, len(changed), scorer.batch_size):
            counts = changed[start : start + scorer.batch_size]
            progress.begin(len(counts))
            touched = (place < counts[:, None, None])[..., None]
            copies = np.where(touched == inserts, image, other)
            same = np.full(len(counts), classes[index])
            probabilities[index, start : start + len(counts)] = scorer.confidence(copies, same)
            progress.end()
    # Steps count alike, also the last one with fewer pixels, as in the paper's code.
    inner = probabilities[:, 1:-1].sum(axis=1) + (probabilities[:, 0] + probabilities[:, -1]) / 2
    return Curve(changed / total, probabilities, inner / (len(changed) - 1))
