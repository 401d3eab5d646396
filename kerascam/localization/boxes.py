"""Boxes around what a heatmap marks."""

from typing import NamedTuple

import cv2
import numpy as np

from kerascam._checks import check_heatmaps, check_image_size, check_threshold
from kerascam.localization.components import components
from kerascam.localization.contours import contour_boxes, to_gray
from kerascam.localization.masks import above_share
from kerascam.localization.released import THRESHOLDS, released_boxes
from kerascam.visualization import normalize, resize

CONVENTIONS = ("paper", "release", "wsolevaluation")
"""Names of the ways from a heatmap to boxes, see `boxes`."""


class BoxLists(NamedTuple):
    """Any number of boxes for each image.

    Attributes:
        boxes: For each image an array `(num, 4)`, int32, `xyxy` in pixels.
        scores: For each image an array `(num,)`: the share of the map's positive part that lies in
            each box, 0 to 1, descending.
    """

    boxes: list[np.ndarray]
    scores: list[np.ndarray]


def boxes(heatmaps, image_size, threshold=None, *, convention="paper"):
    """Draws one box around what each heatmap marks.

    By the rule of the CAM paper: the tight box of the largest connected component of what is above
    20 % of the map's maximum.

    Args:
        heatmaps: Raw maps `(batch, h, w)`.
        image_size: `(height, width)` of the images in pixels, to which the maps are resized.
        threshold: Share of each map's maximum, 0 to 1. Default: 0.2, the paper's (Grad-CAM's is
            0.15). For `"release"` three shares of 255, by default those of its script.
        convention: `"paper"`: bilinear resizing. `"release"`: as the code released with the paper
            draws its first box: cubic resizing of the absolute map, three thresholds, regions
            thinned, boxes that overlap left out, the largest first. `"wsolevaluation"`: as
            Choe et al. evaluate: cubic resizing, scaled to 0..1 by minimum and maximum, 8 bits, the
            contour of the largest polygon.

    Returns:
        `(batch, 4)`, int32: `xyxy` in pixels, the second corner just outside the object (in
        `"wsolevaluation"` it stops at the last pixel of the image). Zeros, which is no box, for a
        map that marks nothing: without a positive value (`"wsolevaluation"`: constant).

    Raises:
        ValueError: If a shape or an argument is wrong.

    Example:
        >>> heatmaps = np.zeros((1, 8, 8))
        >>> heatmaps[0, 2:5, 1:7] = 1
        >>> boxes(heatmaps, image_size=(8, 8)).tolist()
        [[1, 2, 7, 5]]

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 3.2; Choe
        et al. 2020, Evaluating Weakly Supervised Object Localization Methods Right, section 3.
    """
    found = _find(heatmaps, image_size, threshold, convention)
    chosen = [some[0] if len(some) else np.zeros(4, "int32") for some in found]
    return np.array(chosen, "int32").reshape(-1, 4)


def all_boxes(heatmaps, image_size, threshold=None, *, convention="paper"):
    """Draws a box around each region that a heatmap marks.

    Args:
        heatmaps: See `boxes`.
        image_size: See `boxes`.
        threshold: See `boxes`.
        convention: See `boxes`. `"paper"`: a box for each connected component. `"release"`: the
            boxes of all thresholds, without most of those that overlap. `"wsolevaluation"`: a box
            for each contour, those of holes included.

    Returns:
        A `BoxLists` tuple; an image whose map marks nothing has no boxes.

    Raises:
        ValueError: See `boxes`.

    Example:
        >>> found, scores = all_boxes([[[3.0, 0.0, 0.0, 1.0]]], image_size=(1, 4))
        >>> found[0].tolist(), scores[0].tolist()
        ([[0, 0, 1, 1], [3, 0, 4, 1]], [0.75, 0.25])

    Reference:
        See `boxes`.
    """
    found = _find(heatmaps, image_size, threshold, convention)
    resized = resize(check_heatmaps(heatmaps), check_image_size(image_size)).clip(0)
    lists = BoxLists([], [])
    for some, heatmap in zip(found, resized, strict=True):
        # The sum over any box is that of four corners of this table.
        table = np.pad(heatmap.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        x0, y0, x1, y1 = some.T
        inside = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
        scores = np.clip(inside / table[-1, -1] if table[-1, -1] > 0 else 0 * inside, 0, 1)
        order = np.argsort(-scores, kind="stable")
        lists.boxes.append(some[order])
        lists.scores.append(scores[order])
    return lists


def five_guesses(heatmaps, image_size, thresholds=THRESHOLDS):
    """The five boxes that the CAM paper's test entry guesses for an image.

    A loose and a tight box for each of the two classes with the highest scores, and a loose one for
    the third, drawn as the released code does: the loose box is its first and the tight one its
    second.

    Args:
        heatmaps: Raw maps of the three classes with the highest scores, in this order,
            `(batch, 3, h, w)`.
        image_size: `(height, width)` of the images in pixels.
        thresholds: Three shares of 255.

    Returns:
        Boxes `(batch, 5, 4)`, int32, of the classes of rank 0, 0, 1, 1 and 2. Where there is no
        second box the first stands twice, and where there is none zeros.

    Raises:
        ValueError: See `boxes`.

    Example:
        >>> heatmaps = np.zeros((1, 3, 60, 60))
        >>> heatmaps[:, :, 10:40, 20:40] = 0.2
        >>> heatmaps[:, :, 15:25, 22:32] = 1
        >>> five_guesses(heatmaps, image_size=(60, 60))[0, :2].tolist()
        [[20, 10, 40, 40], [22, 15, 32, 25]]

    Reference:
        Zhou et al. 2016, section 3.2, and its released code.
    """
    heatmaps = np.asarray(heatmaps)
    if heatmaps.ndim != 4 or heatmaps.shape[1] != 3:
        raise ValueError(
            "`heatmaps` must have the shape (batch, 3, h, w), the maps of three classes for each "
            f"image. Received: {heatmaps.shape}."
        )
    flat = heatmaps.reshape(-1, *heatmaps.shape[2:])
    pairs = np.zeros((len(flat), 2, 4), "int32")
    for pair, some in zip(pairs, _find(flat, image_size, thresholds, "release"), strict=True):
        if len(some):
            pair[:] = some[0], some[min(1, len(some) - 1)]
    return pairs.reshape(-1, 6, 4)[:, :5]


def _find(heatmaps, image_size, threshold, convention):
    """For each map all boxes, the one that `boxes` returns first."""
    size, heatmaps = check_image_size(image_size), check_heatmaps(heatmaps)
    if convention == "paper":
        share = check_threshold(0.2 if threshold is None else threshold)
        found = [components(above_share(map_, share))[2] for map_ in resize(heatmaps, size)]
    elif convention == "release":
        shares = THRESHOLDS if threshold is None else threshold
        if np.ndim(shares) != 1 or len(shares) != 3:
            raise ValueError(
                '`threshold` of the convention "release" must be three shares of 255. Received: '
                f"threshold={threshold!r}."
            )
        shares = [check_threshold(share) for share in shares]
        if sorted(shares) != shares:
            raise ValueError(
                f'`threshold` of the convention "release" must ascend. Received: {threshold!r}.'
            )
        absolute = np.abs(resize_cubic(heatmaps, size))
        grays = np.rint(255 * normalize(absolute)).astype("uint8")
        found = [released_boxes(gray, shares) for gray in grays]
    elif convention == "wsolevaluation":
        share = check_threshold(0.2 if threshold is None else threshold)
        found = []
        for map_ in normalize(resize_cubic(heatmaps, size), "minmax"):
            gray = to_gray(map_)
            some = contour_boxes(gray, share)
            found.append(some if gray.max() > int(share * int(gray.max())) else some[:0])
    else:
        raise ValueError(
            f"`convention` must be one of {CONVENTIONS}. Received: convention={convention!r}."
        )
    return [np.asarray(some, "int32").reshape(-1, 4) for some in found]


def resize_cubic(heatmaps, size):
    """Resizes maps `(batch, h, w)` by cubic interpolation, as the reference code does.

    A map that is the same everywhere stays so, which rounding would not leave it.
    """
    height, width = size
    resized = np.empty((len(heatmaps), height, width))
    for new, map_ in zip(resized, heatmaps, strict=True):
        if map_.min() == map_.max():
            new[:] = map_.flat[0]
        else:
            new[:] = cv2.resize(map_, (width, height), interpolation=cv2.INTER_CUBIC)
    return resized
