"""Segmentation of the object from a saliency map."""

from typing import Any, NamedTuple

import cv2
import numpy as np

from kerascam._checks import check_heatmaps, check_integer, check_number, check_pictures
from kerascam.localization.components import largest
from kerascam.visualization import resize

_NO_RECTANGLE = (0, 0, 1, 1)  # Not looked at where there is a mask.


class Segmentation(NamedTuple):
    """Objects cut out of their images.

    Attributes:
        masks: `(batch, height, width)`, bool.
        boxes: Tight box of each mask `(batch, 4)`, int32, `xyxy` in pixels, the second corner just
            outside; zeros for an empty mask.
    """

    masks: np.ndarray
    boxes: np.ndarray


def grabcut(pictures, heatmaps, foreground=0.95, background=0.30, *, iterations=1):
    """Cuts the object out of each picture, with a heatmap as the only hint.

    The colours of the object are learnt from the pixels above a quantile of the map, those of the
    background from the pixels below another, each as a mixture of Gaussians; a graph cut divides
    all pixels between them, and the largest connected component is the object. A class's saliency
    map (`kerascam.Saliency`) marks only the parts of an object that tell most; this finds the rest
    of it by its colours.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8, see `kerascam.visualization.to_rgb`.
        heatmaps: Raw maps `(batch, h, w)`.
        foreground: Quantile from which on pixels belong to the object, 0 to 1.
        background: Quantile up to which pixels belong to the background, less than `foreground`.
        iterations: Number of graph cuts. With the first alone, as in the paper, only the pixels
            chosen by the map teach the colours; each further one learns them anew from all pixels.

    Returns:
        A `Segmentation` tuple. A map whose two quantiles are equal, such as a constant one, gives
        an empty mask and a box of zeros.

    Raises:
        ValueError: If a shape or an argument is wrong.

    Example:
        >>> pictures = np.full((1, 32, 32, 3), 40, "uint8")
        >>> pictures[0, 8:20, 10:26] = 200
        >>> rows, columns = np.mgrid[:32, :32]
        >>> heatmaps = np.exp(-np.hypot(rows - 14, columns - 18) / 8)[None]
        >>> grabcut(pictures, heatmaps).boxes.tolist()
        [[10, 8, 26, 20]]

    Reference:
        Simonyan et al. 2013, Deep Inside Convolutional Networks, section 3.2 (95 % and 30 %,
        GraphCut of Boykov and Jolly 2001); Rother et al. 2004, GrabCut.
    """
    pictures, heatmaps = check_pictures(pictures), check_heatmaps(heatmaps)
    if len(pictures) != len(heatmaps):
        raise ValueError(
            "There must be one heatmap for each picture. Received: "
            f"{len(heatmaps)} heatmaps for {len(pictures)} pictures."
        )
    foreground = check_number("foreground", foreground, 0.0, 1.0)
    background = check_number("background", background, 0.0, 1.0)
    if background >= foreground:
        raise ValueError(
            "`background` must be a lower quantile than `foreground`. Received: "
            f"background={background}, foreground={foreground}."
        )
    iterations = check_integer("iterations", iterations)
    size = pictures.shape[1:3]
    found = [
        largest(_cut(picture, heatmap, foreground, background, iterations))
        for picture, heatmap in zip(pictures, resize(heatmaps, size), strict=True)
    ]
    masks = np.array([mask for mask, _ in found], "bool").reshape(-1, *size)
    return Segmentation(masks, np.array([box for _, box in found], "int32").reshape(-1, 4))


def _cut(picture, heatmap, foreground, background, iterations):
    """Mask of all that the graph cut takes for the object."""
    high, low = np.quantile(heatmap, [foreground, background])
    if not low < high:
        return np.zeros(heatmap.shape, "bool")
    # Many maps are zero nearly everywhere. Pixels at a quantile itself teach the colours, too, yet
    # the cut may take them to the other side.
    seeds = (heatmap <= low) | (heatmap >= high)
    sides = np.where(heatmap >= high, cv2.GC_FGD, cv2.GC_BGD).astype("uint8")
    mask = np.full(heatmap.shape, cv2.GC_PR_BGD, "uint8")
    mask[heatmap < low] = cv2.GC_BGD
    mask[heatmap > high] = cv2.GC_FGD
    mask[heatmap == high] = cv2.GC_PR_FGD
    cv2.setRNGSeed(0)  # The mixtures begin at random: an image must not depend on those before.
    back: Any
    front: Any
    back, front = np.zeros((2, 1, 65))
    # A picture of the chosen pixels alone, so that only these teach the colours.
    pixels, chosen = (np.ascontiguousarray(part[seeds][None]) for part in (picture, sides))
    cv2.grabCut(pixels, chosen, _NO_RECTANGLE, back, front, 1, cv2.GC_INIT_WITH_MASK)
    cv2.grabCut(picture, mask, _NO_RECTANGLE, back, front, 1, cv2.GC_EVAL_FREEZE_MODEL)
    if iterations > 1:
        cv2.grabCut(picture, mask, _NO_RECTANGLE, back, front, iterations - 1, cv2.GC_EVAL)
    return (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
