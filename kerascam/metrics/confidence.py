"""What is left of a class's probability when only the marked part is seen."""

import numpy as np

from kerascam.metrics.perturbation_curves import replacement
from kerascam.metrics.scorer import check_pictures_of_one_input, explained, to_scorer
from kerascam.visualization import normalize


def average_drop(model, images, heatmaps, targets=None, *, baseline=0.0, verbose="auto"):
    """Mean share of the probability that is lost when an image is seen through its map.

    Each pixel is multiplied by the map, which is scaled to 0..1 by its minimum and maximum; a map
    that is the same everywhere shows nothing. One that shows nearly everything loses nearly
    nothing, so look at `entropy` or `deletion`, too.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        heatmaps: See `deletion`.
        targets: See `deletion`.
        baseline: What is seen where the map is 0, see `deletion`.
        verbose: See `deletion`.

    Returns:
        A number, 0 to 1; the paper has it in percent.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> outputs = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(inputs))
        >>> images = np.ones((3, 4, 4, 1), "float32")
        >>> 0 <= average_drop(keras.Model(inputs, outputs), images, images[..., 0]) <= 1
        True

    Reference:
        Chattopadhyay et al. 2018, Grad-CAM++, section 4.1.
    """
    before, after = _confidences(model, images, heatmaps, targets, baseline, verbose)
    lost = np.maximum(before - after, 0)
    return float(np.divide(lost, before, out=np.zeros_like(lost), where=before > 0).mean())


def average_gain(model, images, heatmaps, targets=None, *, baseline=0.0, verbose="auto"):
    """Mean share of the possible gain in probability when an image is seen through its map.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        heatmaps: See `deletion`.
        targets: See `deletion`.
        baseline: See `average_drop`.
        verbose: See `deletion`.

    Returns:
        A number, 0 to 1. An image whose probability is 1 has nothing to gain: 0.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> outputs = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(inputs))
        >>> images = np.ones((3, 4, 4, 1), "float32")
        >>> 0 <= average_gain(keras.Model(inputs, outputs), images, images[..., 0]) <= 1
        True

    Reference:
        Zhang et al. 2024, Opti-CAM: Optimizing saliency maps for interpretability, section 4.
    """
    before, after = _confidences(model, images, heatmaps, targets, baseline, verbose)
    gained, room = np.maximum(after - before, 0), 1 - before
    return float(np.divide(gained, room, out=np.zeros_like(gained), where=room > 0).mean())


def increase_in_confidence(model, images, heatmaps, targets=None, *, baseline=0.0, verbose="auto"):
    """Share of images whose probability is higher when they are seen through their map.

    Args:
        model: See `deletion`.
        images: See `deletion`.
        heatmaps: See `deletion`.
        targets: See `deletion`.
        baseline: See `average_drop`.
        verbose: See `deletion`.

    Returns:
        A number, 0 to 1; the paper has it in percent.

    Raises:
        TypeError: See `deletion`.
        ValueError: See `deletion`.

    Example:
        >>> inputs = keras.Input((4, 4, 1))
        >>> outputs = keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(inputs))
        >>> images = np.ones((3, 4, 4, 1), "float32")
        >>> 0 <= increase_in_confidence(keras.Model(inputs, outputs), images, images[..., 0]) <= 1
        True

    Reference:
        Chattopadhyay et al. 2018, Grad-CAM++, section 4.1.
    """
    before, after = _confidences(model, images, heatmaps, targets, baseline, verbose)
    return float(np.mean(after > before))


def _confidences(model, images, heatmaps, targets, baseline, verbose):
    """Probability of each image's class, and of the image seen through its map."""
    scorer = to_scorer(model)
    images = check_pictures_of_one_input(scorer, images)
    other = replacement(baseline, images)
    classes, maps = explained(scorer, images, heatmaps, targets, verbose)
    shown = normalize(maps, "minmax")[..., None].astype(images.dtype)
    seen = images * shown + other * (1 - shown)  # Exact where the map is 0 or 1.
    return scorer.confidence(images, classes), scorer.confidence(seen, classes)
