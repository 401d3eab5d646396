"""Boxes and masks in pictures, pixel by pixel."""

import numpy as np
import pytest

from kerascam import localization
from kerascam.visualization import draw_boxes, draw_masks

SIZE = 20, 30


@pytest.fixture
def pictures(rng):
    return rng.integers(0, 200, size=(3, *SIZE, 3), dtype="uint8")


def slow_boxes(picture, boxes, color, thickness):
    """Colours each pixel of a box that is less than `thickness` from its border."""
    drawn = picture.copy()
    for x0, y0, x1, y1 in boxes:
        for y, x in np.ndindex(picture.shape[:2]):
            inside = x0 <= x < x1 and y0 <= y < y1
            if inside and min(x - x0, x1 - 1 - x, y - y0, y1 - 1 - y) < thickness:
                drawn[y, x] = color
    return drawn


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_lines_are_drawn_inside_the_box(pictures, thickness):
    boxes = [[[3, 2, 12, 9], [10, 5, 30, 20]], [[0, 0, 30, 20], [4, 4, 5, 5]], [[1, 1, 4, 3]] * 2]
    drawn = draw_boxes(pictures, boxes, (255, 10, 20), thickness)
    for picture, some, result in zip(pictures, boxes, drawn, strict=True):
        np.testing.assert_array_equal(result, slow_boxes(picture, some, (255, 10, 20), thickness))


def test_boxes_in_each_of_their_forms(pictures):
    one = np.array([[3, 2, 12, 9], [5, 5, 20, 18], [0, 0, 30, 20]])
    expected = draw_boxes(pictures, one)
    for form in (one[:, None], list(one), [box[None] for box in one], one.astype("float64")):
        np.testing.assert_array_equal(draw_boxes(pictures, form), expected)
    ragged = [one[:1], np.zeros((0, 4)), one[1:]]
    drawn = draw_boxes(pictures, ragged, (255, 255, 255), 1)
    for picture, some, result in zip(pictures, ragged, drawn, strict=True):
        np.testing.assert_array_equal(
            result, slow_boxes(picture, some.astype(int), (255, 255, 255), 1)
        )


def test_boxes_without_an_area_are_left_out(pictures):
    boxes = [[0, 0, 0, 0], [5, 5, 5, 9], [-1, -1, -1, -1]]
    np.testing.assert_array_equal(draw_boxes(pictures, boxes), pictures)


def test_boxes_of_heatmaps_are_drawn_around_what_they_mark(pictures):
    heatmaps = np.zeros((3, *SIZE))
    heatmaps[:, 4:9, 10:22] = 1
    drawn = draw_boxes(pictures, localization.boxes(heatmaps, SIZE), (255, 0, 0), 1)
    changed = (drawn != pictures).any(axis=-1)
    rows, columns = np.nonzero(changed[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 8, 10, 21)
    assert not changed[:, 5:8, 11:21].any()
    every = localization.all_boxes(heatmaps, SIZE).boxes
    np.testing.assert_array_equal(draw_boxes(pictures, every, (255, 0, 0), 1), drawn)


def test_boxes_that_reach_out_of_the_picture_are_cut(pictures):
    drawn = draw_boxes(pictures, [[-5, -5, 100, 10]] * 3, (255, 255, 255), 1)
    assert (drawn[:, 9] == 255).all()
    np.testing.assert_array_equal(drawn[:, :9], pictures[:, :9])


def test_lines_grow_with_the_picture():
    large = np.zeros((1, 100, 400, 3), "uint8")
    drawn = draw_boxes(large, [[50, 20, 350, 80]])[0, ..., 0] > 0
    assert drawn[50].sum() == 8
    small = draw_boxes(np.zeros((1, 8, 8, 3), "uint8"), [[1, 1, 7, 7]])[0, ..., 0] > 0
    assert small[4].sum() == 2


def test_pictures_are_not_changed(pictures):
    before = pictures.copy()
    draw_boxes(pictures, [[3, 2, 12, 9]] * 3)
    draw_masks(pictures, np.ones((3, *SIZE), bool))
    np.testing.assert_array_equal(pictures, before)


@pytest.mark.parametrize("alpha", [0, 0.3, 1])
def test_masks_are_mixed_inside_and_have_a_line_around(pictures, alpha):
    masks = np.zeros((3, *SIZE), bool)
    masks[:, 4:12, 6:20] = True
    masks[1, 8:9, 10:13] = False
    masks[2] = False
    color = 10, 220, 130
    drawn = draw_masks(pictures, masks, color, alpha)
    np.testing.assert_array_equal(drawn[~masks], pictures[~masks])
    np.testing.assert_array_equal(drawn[2], pictures[2])
    for index in (0, 1):
        for y, x in np.argwhere(masks[index]):
            beside = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            if not all(masks[index][near] for near in beside):
                np.testing.assert_array_equal(drawn[index, y, x], color)
            else:
                mixed = (1 - alpha) * pictures[index, y, x] + alpha * np.array(color)
                np.testing.assert_allclose(drawn[index, y, x], mixed, atol=0.51)


def test_masks_at_the_border_of_the_picture(pictures):
    drawn = draw_masks(pictures, np.ones((3, *SIZE), bool), (250, 250, 250), 0.0)
    for border in (drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]):
        assert (border == 250).all()
    np.testing.assert_array_equal(drawn[:, 1:-1, 1:-1], pictures[:, 1:-1, 1:-1])


PICTURES = np.zeros((2, 8, 8, 3), "uint8")
MASKS = np.zeros((2, 8, 8), bool)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_boxes(PICTURES / 255, [[0] * 4] * 2), "RGB.*dtype float64"),
        (lambda: draw_boxes(PICTURES[0], [[0] * 4] * 2), r"Received: shape \(8, 8, 3\)"),
        (lambda: draw_boxes(PICTURES, [[0, 0, 2, 2]]), "Received: 1 for 2 pictures"),
        (lambda: draw_boxes(PICTURES, [[0, 0, 2]] * 2), r"\(4,\) or \(num, 4\). Received: \(3,\)"),
        (lambda: draw_boxes(PICTURES, np.ones((2, 1, 2, 4))), r"Received: \(1, 2, 4\)"),
        (lambda: draw_masks(PICTURES[0], MASKS), r"RGB.*Received: shape \(8, 8, 3\)"),
        (
            lambda: draw_masks(PICTURES, MASKS[:1]),
            r"shape of the pictures \(2, 8, 8\).*\(1, 8, 8\)",
        ),
        (lambda: draw_masks(PICTURES, MASKS[:, 1:]), r"Received: shape \(2, 7, 8\)"),
        (lambda: draw_masks(PICTURES, MASKS.astype(int)), "bool. Received: .*dtype int64"),
        (lambda: draw_masks(PICTURES, MASKS, alpha=2), "`alpha` must lie in 0..1.*alpha=2"),
        (lambda: draw_masks(PICTURES, MASKS, alpha=float("nan")), "`alpha` must lie in.*alpha=nan"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("thickness", [-1, 1.5])
def test_bad_thickness(thickness):
    with pytest.raises(ValueError, match="`thickness` must be"):
        draw_boxes(PICTURES, [[1, 1, 5, 5]] * 2, thickness=thickness)
