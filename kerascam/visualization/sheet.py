"""Images and their heatmaps on one sheet."""

import cv2
import numpy as np

from kerascam._checks import check_heatmaps, check_integer
from kerascam.visualization.colormaps import colorize
from kerascam.visualization.draw import draw_boxes, draw_masks
from kerascam.visualization.grid import grid
from kerascam.visualization.labels import add_labels
from kerascam.visualization.overlay import overlay
from kerascam.visualization.resize import enlarge
from kerascam.visualization.to_rgb import to_rgb

_PADDING = 2


def sheet(
    images,
    heatmaps=None,
    labels=None,
    *,
    class_names=None,
    boxes=None,
    masks=None,
    preprocessing=None,
    columns=6,
    size=192,
    colormap="turbo",
    alpha=0.5,
):
    """Lays images and heatmaps out on one sheet: images in columns, a row for each kind of map.

    Args:
        images: Images as the model takes them, or RGB pictures, `(batch, height, width, channels)`;
            `None` shows heatmaps alone.
        heatmaps: Raw maps `(batch, h, w)`, a `kerascam.Explanation`, or a dictionary from the name
            of a row to either, to compare methods. Default: images alone.
        labels: What stands below each image: for each a string, a list of lines, or its class.
        class_names: Names of the classes, to stand for classes in `labels`. Without labels, the
            class that the first `Explanation` explains stands below each image.
        boxes: Drawn into all rows, see `draw_boxes`; in pixels of the images.
        masks: Drawn into all rows, see `draw_masks`.
        preprocessing: See `to_rgb`.
        columns: Images side by side; more go on below.
        size: About how long the longer side of an image is shown, in pixels: smaller images are
            enlarged by a whole factor, larger ones shrunk.
        colormap: See `colorize`.
        alpha: Share of the heatmaps in an overlay, 0 to 1.

    Returns:
        One RGB picture `(height, width, 3)`, uint8.

    Raises:
        ValueError: If there is nothing to show, or there is not one heatmap, label, box or mask for
            each image.

    Example:
        >>> images, maps = np.zeros((3, 64, 64, 3)), np.ones((3, 8, 8))
        >>> sheet(images, {"CAM": maps, "Grad-CAM": maps}, ["cat", "dog", "cat"]).shape
        (637, 580, 3)
    """
    columns, size = check_integer("columns", columns), check_integer("size", size)
    named = heatmaps if isinstance(heatmaps, dict) else {"": heatmaps}
    maps = {str(name): _maps(value) for name, value in named.items() if value is not None}
    if labels is None and class_names is not None:
        labels = _targets(named.values())
    pictures = _pictures(images, maps, preprocessing, colormap)
    if images is None and (boxes is not None or masks is not None):
        raise ValueError("Boxes and masks are drawn into images. Received: `images=None`.")
    _check_number(len(pictures), {**maps, "labels": labels, "boxes": boxes, "masks": masks})
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must lie in 0..1. Received: alpha={alpha!r}.")
    marked = pictures if masks is None else draw_masks(pictures, masks)
    shown = _fit(marked, size)
    if images is None:
        shown, alpha = np.zeros_like(shown), 1.0
    lines = [[]] * len(shown) if labels is None else [_lines(text, class_names) for text in labels]
    rows = [(shown, lines)] if images is not None else []
    for name, value in maps.items():
        above = lines if not rows else [[]] * len(shown)
        below = [[*some, name] if name else some for some in above]
        rows.append((overlay(shown, value, colormap, alpha), below))
    if boxes is not None:
        scale = np.tile(np.array(shown.shape[2:0:-1]) / pictures.shape[2:0:-1], 2)
        boxes = [np.asarray(some, "float64") * scale for some in boxes]
        rows = [(draw_boxes(row, boxes), below) for row, below in rows]
    labelled = [add_labels(row, below) for row, below in rows]
    strips = [
        grid(row[start : start + columns], min(columns, len(row)), _PADDING)
        for start in range(0, len(shown), columns)
        for row in labelled
    ]
    line = np.full((_PADDING, *strips[0].shape[1:]), 255, "uint8")
    return np.concatenate([part for strip in strips for part in (strip, line)][:-1])


def _maps(heatmaps):
    """The maps of an array or an explanation, without a constant part that has no meaning."""
    if isinstance(heatmaps, (list, tuple)) and any(hasattr(one, "heatmaps") for one in heatmaps):
        raise ValueError(
            "Several explanations must have names. Received: a "
            f"{type(heatmaps).__name__} of {len(heatmaps)}. Pass a dictionary such as "
            '`{"CAM": explanation, "Saliency": other}`.'
        )
    maps = check_heatmaps(getattr(heatmaps, "heatmaps", heatmaps))
    if getattr(heatmaps, "has_offset", False):
        return maps - maps.min(axis=(1, 2), keepdims=True)
    return maps


def _targets(explanations):
    """The classes that the first explanation explains."""
    for value in explanations:
        if getattr(value, "targets", None) is not None:
            return value.targets
    raise ValueError(
        "`class_names` names the classes of an Explanation, or of `labels`. Received: heatmaps "
        "without targets, and no labels."
    )


def _pictures(images, maps, preprocessing, colormap):
    """What the maps are laid over: the images for a person, or the first maps themselves."""
    if hasattr(images, "heatmaps"):
        raise ValueError(
            "Images come first, then heatmaps. Received: an Explanation for `images`. Pass "
            "`images, explanation`, or `None, explanation` for heatmaps alone."
        )
    if images is None and not maps:
        raise ValueError("There must be images or heatmaps to show. Received: neither.")
    if images is None:
        return colorize(next(iter(maps.values())), colormap)
    images = np.asarray(images)
    if images.ndim == 3:
        raise ValueError(
            f"Images must have a batch axis. Received: {images.shape}. Pass `image[None]` for a "
            "single image, or `None, heatmaps` for heatmaps alone."
        )
    return to_rgb(images, preprocessing) if len(images) else images


def _check_number(number, entries):
    if number == 0:
        raise ValueError("There must be at least one image to show. Received: none.")
    for name, value in entries.items():
        if value is not None and len(value) != number:
            raise ValueError(
                f"There must be one entry for each of the {number} images. Received: "
                f"{len(value)} {name or 'heatmaps'}."
            )


def _fit(pictures, size):
    """Pictures whose longer side is about `size`."""
    longest = max(pictures.shape[1:3])
    if longest <= size:
        return enlarge(pictures, size)
    width, height = (max(1, round(n * size / longest)) for n in pictures.shape[2:0:-1])
    return np.stack([cv2.resize(p, (width, height), None, 0, 0, cv2.INTER_AREA) for p in pictures])


def _lines(label, class_names):
    """The lines below an image."""
    if np.ndim(label) == 0 and hasattr(label, "__index__"):  # A class.
        if class_names is None:
            return [str(label)]
        if not 0 <= label < len(class_names):
            raise ValueError(
                f"`class_names` must name every class. Received: {len(class_names)} names, and "
                f"class {label} to show."
            )
        return [str(class_names[label])]
    return [label] if isinstance(label, str) else [str(line) for line in label]
