"""Remove and debias: deletion without the traces of what was deleted."""

from typing import NamedTuple

import numpy as np

from kerascam._checks import check_integer, check_number
from kerascam.explainers.progress import Progress
from kerascam.metrics.perturbation_curves import ranks
from kerascam.metrics.scorer import check_pictures_of_one_input, explained, to_scorer

# Neighbours of a pixel and how much they count: those at a side twice those at a corner.
_NEIGHBOURS = [
    (dy, dx, 1 / 6 if dy == 0 or dx == 0 else 1 / 12)
    for dy in (-1, 0, 1)
    for dx in (-1, 0, 1)
    if (dy, dx) != (0, 0)
]


class Road(NamedTuple):
    """Probabilities after pixels were removed and filled in from their surroundings.

    Attributes:
        percentages: Share of pixels that were removed, `(num,)`, in percent.
        most_relevant_first: Change of the probability of each image's class without its most
            important pixels, `(batch, num)`, -1 to 1; low for a good map.
        least_relevant_first: The same without the least important ones; high for a good map.
        combined: Half the mean difference of the two, `(batch,)`; high for a good map.
    """

    percentages: np.ndarray
    most_relevant_first: np.ndarray
    least_relevant_first: np.ndarray
    combined: np.ndarray


def road(
    model,
    images,
    heatmaps,
    targets=None,
    *,
    percentages=(10, 20, 30, 40, 50, 60, 70, 80, 90),
    noise=0.01,
    seed=0,
    verbose="auto",
):
    """Removes the most and the least important pixels, and fills the holes so that none shows.

    A hole of constant colour has a shape, which tells a network something by itself. Here removed
    pixels become weighted means of their neighbours, see `impute`.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        heatmaps: See `deletion`.
        targets: See `deletion`.
        percentages: Shares of pixels to remove, in percent. Exactly so many go, also where a map
            has many equal values.
        noise: Standard deviation of the noise on what is filled in, in the unit of the images.
        seed: Seed of the noise.
        verbose: See `deletion`.

    Returns:
        A `Road` tuple.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`; or if another argument is wrong.

    Example:
        >>> inputs = keras.Input((8, 8, 1))
        >>> outputs = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(inputs))
        >>> images = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype("float32")
        >>> road(keras.Model(inputs, outputs), images, images[..., 0]).combined.shape
        (3,)

    Reference:
        Rong et al. 2022, A Consistent and Efficient Evaluation Strategy for Attribution Methods,
        section 5. The combination is that of pytorch-grad-cam.
    """
    scorer = to_scorer(model)
    images = check_pictures_of_one_input(scorer, images)
    shares = np.array(
        [check_number("percentages", share, 0, 100) for share in np.atleast_1d(percentages)]
    )
    if not len(shares):
        raise ValueError("`percentages` must hold at least one number. Received: none.")
    classes, maps = explained(scorer, images, heatmaps, targets, verbose)
    total = images.shape[1] * images.shape[2]
    counts = np.rint(shares / 100 * total).astype(int)
    clean = scorer.confidence(images, classes)
    progress = Progress(2 * len(shares) * len(images), verbose)
    changes = np.empty((2, len(images), len(shares)))
    # The least important pixels are the most important of the negative map.
    for order, places in enumerate((ranks(maps), ranks(-maps))):
        for column, count in enumerate(counts):
            progress.begin(len(images))
            filled = impute(images, places < count, noise=noise, seed=seed)
            changes[order, :, column] = scorer.confidence(filled, classes) - clean
            progress.end()
    most, least = changes
    return Road(shares, most, least, (least - most).mean(axis=1) / 2)


def impute(images, masks, *, noise=0.01, seed=0):
    """Fills pixels in from their surroundings.

    Each becomes the mean of its eight neighbours, those at a side counted twice, and neighbours
    that are filled in themselves are solved for at once. Neighbours outside the image are left out.

    Args:
        images: `(batch, height, width, channels)`.
        masks: Pixels to fill in, `(batch, height, width)`, bool. If they are all pixels of an
            image, it becomes its mean colour.
        noise: Standard deviation of normal noise on top of them.
        seed: Seed of the noise; that of an image does not depend on the others.

    Returns:
        New images of the same shape and dtype.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> ramp = np.arange(25.0).reshape(1, 5, 5, 1)
        >>> mask = np.zeros((1, 5, 5), "bool")
        >>> mask[0, 0, 0] = mask[0, 2, 2] = True
        >>> filled = impute(ramp, mask, noise=0)
        >>> round(float(filled[0, 0, 0, 0]), 6), round(float(filled[0, 2, 2, 0]), 6)
        (3.6, 12.0)

    Reference:
        Rong et al. 2022, A Consistent and Efficient Evaluation Strategy for Attribution Methods,
        section 5.1.
    """
    images, masks = np.asarray(images), np.asarray(masks)
    if images.ndim != 4 or masks.shape != images.shape[:3] or masks.dtype != bool:
        raise ValueError(
            "There must be a mask (height, width), bool, for each image (height, width, channels). "
            f"Received: masks of shape {masks.shape}, dtype {masks.dtype}, for images of shape "
            f"{images.shape}."
        )
    noise = check_number("noise", noise, low=0)
    seed = check_integer("seed", seed, low=0)
    filled = images.copy()
    for image, mask in zip(filled, masks, strict=True):
        if not mask.any():
            continue
        values = image.mean(axis=(0, 1)) if mask.all() else _solve(image, mask)
        shape = (int(mask.sum()), image.shape[-1])
        values = values + noise * np.random.default_rng(seed).normal(size=shape)
        if image.dtype.kind in "iu":
            limits = np.iinfo(image.dtype)
            values = np.rint(values).clip(limits.min, limits.max)
        image[mask] = values
    return filled


def _solve(image, mask):
    """Values of the masked pixels, `(num, channels)`: each the mean of its neighbours."""
    from scipy import sparse  # Only here, as importing it takes long.
    from scipy.sparse.linalg import splu

    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(len(rows))
    weight = np.zeros(len(rows))
    known = np.zeros((len(rows), image.shape[-1]))
    entries = []
    for dy, dx, share in _NEIGHBOURS:
        y, x = rows + dy, columns + dx
        inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        y, x = y[inside], x[inside]
        weight[inside] += share
        other = number[y, x]
        seen = other < 0
        known[inside[seen]] += share * image[y[seen], x[seen]]
        entries.append((inside[~seen], other[~seen], np.full((~seen).sum(), -share)))
    diagonal = np.arange(len(rows))
    i, j, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    matrix = sparse.csc_matrix(
        (
            np.concatenate([weight, value]),
            (np.concatenate([diagonal, i]), np.concatenate([diagonal, j])),
        )
    )
    return splu(matrix).solve(known)
