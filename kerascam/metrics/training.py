"""What the heatmaps of a few images say about a training, epoch by epoch."""

import numpy as np

from kerascam import localization
from kerascam._checks import check_heatmaps, check_pair
from kerascam.localization.masks import above_share
from kerascam.metrics.complexity import gini
from kerascam.metrics.correlation import spearman
from kerascam.metrics.energy import energy_inside, enrichment
from kerascam.metrics.max_box_accuracy import equal_steps, overlaps_at_all
from kerascam.metrics.overlap import best_iou
from kerascam.metrics.pointing_game import points_at
from kerascam.visualization import resize

_RING = 16  # The border is a sixteenth of the map's shorter side wide, at least one cell.
_OVERLAPS = (0.3, 0.5, 0.7)
_PART = 64


class TrainingSignals:
    """Numbers of the heatmaps of the same images and classes at one epoch after the other.

    Args:
        truth: The `Truth` of the images, or `None`.
        threshold: Share of the maximum above which a region is marked.
        tolerance: Of the pointing game, in pixels.
        num_thresholds: Number of thresholds of `max_box_accuracy` and `best_box_iou`.
    """

    def __init__(self, truth=None, *, threshold=0.2, tolerance=15.0, num_thresholds=20):
        self.truth = truth
        self.threshold = threshold
        self.tolerance = tolerance
        self.thresholds = equal_steps(num_thresholds)
        self._before = None
        if truth is not None:
            self._known = [index for index, boxes in enumerate(truth.boxes) if len(boxes)]
            if not self._known:
                raise ValueError(
                    "There must be an object in at least one image. Received: boxes or masks that "
                    "are all empty."
                )

    def update(self, heatmaps, predicted, pair=None, ambiguity=None):
        """Numbers of now, and changes since the last call.

        Args:
            heatmaps: Raw maps of the images' true classes, `(batch, h, w)`.
            predicted: Predicted class of each image, `(batch,)`.
            pair: Two maps of each image, of its class and of another one; see `class_sensitivity`.
            ambiguity: `kerascam.CAM.shift_ambiguity()`, or `None`.

        Returns:
            A dictionary from names to numbers.
        """
        strength = {"max": heatmaps.max(axis=(1, 2)).mean(), "mean": heatmaps.mean()}
        heatmaps = check_heatmaps(heatmaps)
        found = self._changes(heatmaps, predicted) | _of_maps(heatmaps, self.threshold)
        found |= {name: float(value) for name, value in strength.items()}
        if pair is not None:
            found["class_sensitivity"] = float(class_sensitivity(*pair).mean())
        if ambiguity is not None:
            found["shift_ambiguity"] = ambiguity
        if self.truth is not None:
            found |= self._localization(heatmaps)
        return found

    def _changes(self, heatmaps, predicted):
        before, self._before = self._before, (heatmaps, predicted)
        if before is None or before[0].shape != heatmaps.shape:
            return {"drift": np.nan, "drift_same": np.nan}
        changes, same = drift(heatmaps, before[0]), predicted == before[1]
        return {
            "drift": float(changes.mean()),
            "drift_same": float(changes[same].mean()) if same.any() else 1.0,
        }

    def _localization(self, heatmaps):
        # In parts, as maps of the size of the images take a lot of memory.
        parts = [
            self._localization_of(heatmaps, self._known[start : start + _PART])
            for start in range(0, len(self._known), _PART)
        ]
        numbers = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        overlaps = numbers.pop("overlaps")
        hits = [(overlaps >= least).mean(axis=0).max() for least in _OVERLAPS]
        return {
            **{name: float(values.mean()) for name, values in numbers.items()},
            "best_box_iou": float(overlaps.mean(axis=0).max()),
            "max_box_accuracy": float(np.mean(hits)),
        }

    def _localization_of(self, heatmaps, indices):
        """Numbers of some images, `(num,)` each."""
        truth, heatmaps = self.truth.take(indices), heatmaps[indices]
        resized = resize(heatmaps, truth.size)
        boxes = localization.boxes(heatmaps, truth.size, self.threshold)
        return {
            "enrichment": enrichment(resized, truth.masks),
            "background": 1 - energy_inside(resized, truth.masks),
            "pointing": points_at(resized, truth.masks, self.tolerance),
            "box_iou": best_iou(boxes, truth.boxes),
            "overlaps": overlaps_at_all(
                heatmaps, truth, self.thresholds, truth.size, largest=False
            ),
        }


def drift(heatmaps, previous):
    """One minus the rank correlation of each map with what it was before.

    Args:
        heatmaps: Raw maps `(batch, h, w)`.
        previous: Raw maps of the same images and classes.

    Returns:
        `(batch,)`: 0 for the same order of cells, 1 for maps that have nothing in common, up to 2.
        A map that is the same everywhere has no order: 1, and 0 if it was so before.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> drift([[[1.0, 2.0, 3.0]]], [[[0.1, 0.2, 0.9]]]).tolist()
        [0.0]

    Reference:
        Explanation drift of 2601.11625 (2026), for rank correlations of attributions.
    """
    flat = [maps.reshape(len(maps), -1) for maps in check_pair(heatmaps, previous)]
    return 1 - spearman(*flat)


def class_sensitivity(heatmaps, others):
    """One minus the cosine of two maps of each image, of two classes.

    Args:
        heatmaps: Maps of one class, `(batch, h, w)`, best without the mean over all classes, see
            `kerascam.CAM.compare`.
        others: Maps of another class.

    Returns:
        `(batch,)`: 0 if both classes have one map, 1 if they have nothing in common, 2 if one is
        the negative of the other, as always with two classes. 0 where a map is zero.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> class_sensitivity([[[1.0, 0.0]]], [[[0.0, 3.0]]]).tolist()
        [1.0]
    """
    scaled = []
    for maps in check_pair(heatmaps, others):
        largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
        maps = np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)
        scaled.append(maps.reshape(len(maps), -1))
    product = (scaled[0] * scaled[1]).sum(axis=1)
    scale = np.linalg.norm(scaled[0], axis=1) * np.linalg.norm(scaled[1], axis=1)
    return 1 - np.divide(product, scale, out=np.ones_like(scale), where=scale > 0)


def border_mass(heatmaps):
    """Share of each map's positive part in its outermost ring.

    Much of it there comes from padding, or from a mark at the border of the images.

    Args:
        heatmaps: Raw maps `(batch, h, w)`. The ring is a sixteenth of the shorter side wide, and
            at least one cell.

    Returns:
        `(batch,)`, 0 to 1; 0 for a map without a positive value.

    Raises:
        ValueError: If the shape is wrong.

    Example:
        >>> border_mass(np.ones((1, 4, 4))).tolist()
        [0.75]
    """
    heatmaps = check_heatmaps(heatmaps)
    ring = np.ones(heatmaps.shape[1:], "bool")
    width = max(1, round(min(ring.shape) / _RING))
    ring[width:-width, width:-width] = False
    return energy_inside(heatmaps, np.broadcast_to(ring, heatmaps.shape))


def _of_maps(heatmaps, threshold):
    highest = heatmaps.max(axis=(1, 2))
    dead = (highest <= 0) | (highest == heatmaps.min(axis=(1, 2)))
    marked = [above_share(heatmap, threshold).mean() for heatmap in heatmaps]
    return {
        "focus": float(gini(np.maximum(heatmaps, 0)).mean()),
        "area": float(np.mean(marked)),
        "dead": float(dead.mean()),
        "border": float(border_mass(heatmaps).mean()),
    }
