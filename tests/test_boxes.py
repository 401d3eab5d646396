"""Boxes and masks against flood fills, loops and the numbers that others published."""

import cv2
import numpy as np
import pytest
import scipy.ndimage

from kerascam import localization
from kerascam.localization.components import components, largest
from kerascam.localization.contours import boxes_at_all, contour_boxes, to_gray
from kerascam.metrics.overlap import iou

SIZE = 37, 50

UNIMODAL = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.4, 0.4, 0.4, 0.6],
        [0.0, 0.4, 1.0, 0.8, 0.6],
        [0.0, 0.4, 0.4, 0.4, 0.6],
    ]
)
MULTIMODAL = np.array(
    [
        [0.4, 0.0, 0.2, 0.2, 0.2],
        [0.4, 0.4, 0.0, 0.4, 0.0],
        [0.0, 0.0, 0.0, 0.4, 0.0],
        [1.0, 0.6, 0.8, 0.2, 0.2],
    ]
)
# The map, the share of the maximum, the box.
PUBLISHED = [
    (UNIMODAL, 0.0, [1, 1, 4, 3]),
    (UNIMODAL, 0.2, [1, 1, 4, 3]),
    (UNIMODAL, 0.4, [2, 1, 4, 3]),
    (UNIMODAL, 0.6, [2, 2, 4, 3]),
    (UNIMODAL, 0.8, [2, 2, 3, 3]),
    (MULTIMODAL, 0.0, [0, 0, 4, 3]),
    (MULTIMODAL, 0.2, [0, 0, 2, 2]),
    (MULTIMODAL, 0.4, [0, 3, 3, 3]),
    (MULTIMODAL, 0.6, [2, 3, 3, 3]),
    (MULTIMODAL, 0.8, [0, 3, 1, 3]),
]


@pytest.fixture
def maps(rng):
    """Smooth maps with several peaks, partly negative, not square."""
    return np.stack([cv2.GaussianBlur(rng.normal(size=(9, 13)), (0, 0), 1.2) for _ in range(8)])


def block(top, bottom, left, right, size=SIZE, value=1.0):
    heatmap = np.zeros(size)
    heatmap[top:bottom, left:right] = value
    return heatmap


def bilinear(heatmap, size):
    """Linear interpolation between the centres of pixels, first along rows, then columns."""
    for axis, length in enumerate(size):
        old = heatmap.shape[axis]
        centres = (np.arange(length) + 0.5) * old / length - 0.5
        heatmap = np.apply_along_axis(
            lambda line, at=centres, n=old: np.interp(at, np.arange(n), line), axis, heatmap
        )
    return heatmap


def flood(mask):
    """Sets of pixels that touch, corners included, in the order of their first pixels."""
    left, found = {(int(y), int(x)) for y, x in np.argwhere(mask)}, []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        queue, component = [start], []
        while queue:
            y, x = queue.pop()
            component.append((y, x))
            for near in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    queue.append(near)
        found.append(component)
    return found


def tight(component):
    rows, columns = zip(*component, strict=True)
    return [min(columns), min(rows), max(columns) + 1, max(rows) + 1]


def slow_components(heatmap, size, share):
    """Components above a share of the maximum by the paper's rule, the largest first."""
    resized = bilinear(np.asarray(heatmap, "float64"), size)
    if resized.max() <= 0:
        return []
    return sorted(flood(resized > share * resized.max()), key=len, reverse=True)


def paper_box(heatmap, size, share=0.2):
    found = slow_components(heatmap, size, share)
    return tight(found[0]) if found else [0, 0, 0, 0]


# The paper's rule -----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.15, 0.2, 0.5, 0.9, 1.0])
def test_box_of_the_paper_in_a_loop(maps, share):
    expected = [paper_box(heatmap, SIZE, share) for heatmap in maps]
    found = localization.boxes(maps, SIZE, share)
    assert found.dtype == np.int32
    assert found.tolist() == expected


def test_masks_in_a_loop(maps):
    every = localization.masks(maps, SIZE, 0.3, components="all")
    main = localization.masks(maps, SIZE, 0.3)
    assert every.dtype == main.dtype == bool
    several = 0
    for heatmap, all_of_it, one in zip(maps, every, main, strict=True):
        found = slow_components(heatmap, SIZE, 0.3)
        several += len(found) > 1
        expected = np.zeros(SIZE, bool)
        expected[tuple(zip(*found[0], strict=True))] = True
        np.testing.assert_array_equal(one, expected)
        for component in found[1:]:
            expected[tuple(zip(*component, strict=True))] = True
        np.testing.assert_array_equal(all_of_it, expected)
    assert several > 3


def test_all_boxes_are_those_of_the_components_with_their_share_of_the_map(maps):
    maps = np.abs(maps)
    lists = localization.all_boxes(maps, SIZE, 0.5)
    for heatmap, found, scores in zip(maps, lists.boxes, lists.scores, strict=True):
        expected = [tight(component) for component in slow_components(heatmap, SIZE, 0.5)]
        assert sorted(found.tolist()) == sorted(expected)
        assert found.dtype == np.int32
        resized = bilinear(heatmap, SIZE)
        for (x0, y0, x1, y1), score in zip(found, scores, strict=True):
            inside = sum(resized[y, x] for y in range(y0, y1) for x in range(x0, x1))
            assert score == pytest.approx(inside / resized.sum(), abs=1e-6)
        assert (np.diff(scores) <= 0).all()


def test_default_is_a_fifth_of_the_maximum(maps):
    expected = localization.boxes(maps, SIZE, 0.2)
    np.testing.assert_array_equal(localization.boxes(maps, SIZE), expected)
    np.testing.assert_array_equal(
        localization.masks(maps, SIZE), localization.masks(maps, SIZE, 0.2)
    )
    assert not np.array_equal(localization.boxes(maps, SIZE, 0.15), expected)


def test_threshold_itself_is_not_above_it():
    heatmap = np.array([[[0.0, 0.25, 0.5, 1.0]]])
    assert localization.boxes(heatmap, (1, 4), 0.25).tolist() == [[2, 0, 4, 1]]
    assert localization.boxes(heatmap, (1, 4), 0.2).tolist() == [[1, 0, 4, 1]]
    assert localization.boxes(heatmap, (1, 4), 1.0).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_negative_values_do_not_change_the_box(maps, share):
    signed = np.stack([cv2.resize(heatmap, SIZE[::-1]) for heatmap in maps])
    assert (signed < 0).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(
        localization.boxes(signed, SIZE, share),
        localization.boxes(np.maximum(signed, 0), SIZE, share),
    )


def test_largest_component_and_not_the_brightest_nor_all():
    heatmap = block(2, 20, 3, 9, value=0.5) + block(30, 33, 40, 44)
    assert localization.boxes(heatmap[None], SIZE).tolist() == [[3, 2, 9, 20]]
    (found,), _ = localization.all_boxes(heatmap[None], SIZE)
    assert found.tolist() == [[3, 2, 9, 20], [40, 30, 44, 33]]


def test_size_is_the_number_of_pixels_and_not_the_area_of_the_box():
    diagonal = np.eye(12)
    heatmap = np.zeros((12, 30))
    heatmap[:, :12] = diagonal
    heatmap[4:9, 20:25] = 1
    assert localization.boxes(heatmap[None], (12, 30)).tolist() == [[20, 4, 25, 9]]


def test_pixels_that_touch_at_a_corner_belong_together():
    assert localization.boxes(np.eye(5)[None], (5, 5)).tolist() == [[0, 0, 5, 5]]


def test_components_by_number(rng):
    mask = rng.random((20, 31)) > 0.75
    labels, order, boxes = components(mask)
    assert {frozenset(map(tuple, np.argwhere(labels == number).tolist())) for number in order} == {
        frozenset(component) for component in flood(mask)
    }
    for number, box in zip(order, boxes, strict=True):
        assert tight(np.argwhere(labels == number).tolist()) == box.tolist()
    np.testing.assert_array_equal(labels > 0, mask)
    sizes = [(labels == number).sum() for number in order]
    assert sizes == sorted(sizes, reverse=True)
    one, box = largest(mask)
    np.testing.assert_array_equal(one, labels == order[0])
    np.testing.assert_array_equal(box, boxes[0])


@pytest.mark.parametrize("first", [(0, 5), (1, 5), (2, 0), (2, 9)])
@pytest.mark.parametrize("second", [(4, 0), (4, 9), (5, 2)])
def test_first_from_the_top_of_equal_components(first, second):
    mask = np.zeros((6, 10), bool)
    mask[first] = mask[second] = True
    assert components(mask)[2].tolist() == [tight([first]), tight([second])]


def test_first_from_the_top_of_equal_components_in_neighbouring_rows():
    mask = np.zeros((4, 8), bool)
    mask[0, 5] = mask[1, 0] = True
    assert components(mask)[2].tolist() == [[5, 0, 6, 1], [0, 1, 1, 2]]


def test_equal_components_of_a_row_from_the_left():
    mask = np.zeros((3, 9), bool)
    mask[1, [1, 4, 7]] = True
    assert components(mask)[2][:, 0].tolist() == [1, 4, 7]


def test_no_component():
    mask, box = largest(np.zeros((4, 6), bool))
    assert mask.shape == (4, 6)
    assert not mask.any()
    assert box.tolist() == [0, 0, 0, 0]


# What the conventions share -------------------------------------------------------------------


@pytest.mark.parametrize("convention", localization.CONVENTIONS)
@pytest.mark.parametrize("scale", [1e-14, 1e-30, 1e14])
def test_scale_of_the_map_does_not_matter(maps, convention, scale):
    np.testing.assert_array_equal(
        localization.boxes(maps * scale, SIZE, convention=convention),
        localization.boxes(maps, SIZE, convention=convention),
    )
    scaled = localization.all_boxes(maps * scale, SIZE, convention=convention)
    for some, others in zip(
        scaled.scores, localization.all_boxes(maps, SIZE, convention=convention).scores, strict=True
    ):
        np.testing.assert_allclose(some, others, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("convention", localization.CONVENTIONS)
def test_box_does_not_depend_on_the_rest_of_the_batch(maps, convention):
    together = localization.boxes(maps, SIZE, convention=convention)
    alone = [localization.boxes(some[None], SIZE, convention=convention)[0] for some in maps]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("convention", localization.CONVENTIONS)
def test_height_and_width_are_not_mixed_up(maps, convention):
    """A map turned over its diagonal gives the box turned over it."""
    lying = localization.boxes(maps, (60, 90), convention=convention)
    standing = localization.boxes(maps.transpose(0, 2, 1), (90, 60), convention=convention)
    np.testing.assert_array_equal(lying, standing[:, [1, 0, 3, 2]])
    assert (lying[:, 2] <= 90).all()
    assert (lying[:, 3] <= 60).all()
    assert lying[:, 2].max() > 60


@pytest.mark.parametrize("convention", localization.CONVENTIONS)
def test_input_is_not_changed(maps, convention):
    before = maps.copy()
    localization.boxes(maps, SIZE, convention=convention)
    localization.all_boxes(maps, SIZE, convention=convention)
    localization.masks(maps, SIZE)
    np.testing.assert_array_equal(maps, before)


@pytest.mark.parametrize("convention", localization.CONVENTIONS)
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -np.inf])
def test_dead_map_has_no_box(convention, value):
    heatmaps = np.full((2, 7, 9), value)
    assert localization.boxes(heatmaps, SIZE, convention=convention).tolist() == [[0] * 4] * 2
    lists = localization.all_boxes(heatmaps, SIZE, convention=convention)
    assert [some.shape for some in lists.boxes] == [(0, 4)] * 2
    assert [some.shape for some in lists.scores] == [(0,)] * 2
    assert not localization.masks(heatmaps, SIZE).any()
    assert not localization.masks(heatmaps, SIZE, components="all").any()


def test_negative_map_has_no_box(maps):
    negative = -np.abs(maps) - 0.1
    assert not localization.boxes(negative, SIZE).any()
    assert not localization.boxes(negative, SIZE, 0.0).any()
    assert not localization.masks(negative, SIZE).any()


@pytest.mark.parametrize("shape", [(7, 7), (5, 9), SIZE])
def test_constant_map_has_no_box_by_wsolevaluation(shape):
    """Though cubic resizing leaves differences of the last digit, which scaling would enlarge."""
    heatmaps = np.ones((5, *shape)) * np.array([0.1, 0.3, 1 / 3, 7.3, -0.3])[:, None, None]
    found = localization.boxes(heatmaps, SIZE, convention="wsolevaluation")
    assert found.tolist() == [[0, 0, 0, 0]] * 5
    every = localization.all_boxes(heatmaps, SIZE, convention="wsolevaluation").boxes
    assert [len(some) for some in every] == [0] * 5


def test_one_value_that_is_not_a_number_does_not_spoil_the_map():
    heatmap = block(5, 15, 8, 20)
    heatmap[0, 0] = np.nan
    assert localization.boxes(heatmap[None], SIZE).tolist() == [[8, 5, 20, 15]]


def test_map_above_the_threshold_everywhere_gives_the_whole_image():
    heatmaps = np.ones((1, 4, 4))
    assert localization.boxes(heatmaps, SIZE).tolist() == [[0, 0, 50, 37]]
    assert localization.masks(heatmaps, SIZE).all()
    released = localization.boxes(heatmaps, SIZE, convention="release")
    assert released.tolist() == [[0, 0, 45, 32]]


def test_map_of_one_pixel():
    assert localization.boxes([[[2.0]]], (3, 5)).tolist() == [[0, 0, 5, 3]]
    assert localization.boxes([[[2.0]]], (1, 1)).tolist() == [[0, 0, 1, 1]]
    assert localization.boxes([[[-2.0]]], (1, 1)).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("convention", localization.CONVENTIONS)
def test_no_maps_give_no_boxes(convention):
    nothing = np.zeros((0, 4, 4))
    assert localization.boxes(nothing, SIZE, convention=convention).shape == (0, 4)
    assert localization.all_boxes(nothing, SIZE, convention=convention) == ([], [])


def test_no_maps_give_no_masks():
    assert localization.masks(np.zeros((0, 4, 4)), SIZE).shape == (0, *SIZE)


# Choe et al. ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("heatmap", "share", "box"), PUBLISHED)
def test_published_boxes_of_wsolevaluation(heatmap, share, box):
    found = localization.boxes(heatmap[None], (4, 5), share, convention="wsolevaluation")
    assert found.tolist() == [box]


def test_published_boxes_at_all_thresholds():
    for heatmap in (UNIMODAL, MULTIMODAL):
        shares = [share for _, share, _ in PUBLISHED[:5]]
        expected = [box for other, _, box in PUBLISHED if other is heatmap]
        found, begins, counts = boxes_at_all(to_gray(heatmap), shares, largest=True)
        assert np.repeat(found[begins], counts, axis=0).tolist() == expected


def test_box_of_wsolevaluation_is_a_pixel_longer():
    image = np.zeros((10, 12), "uint8")
    image[2:5, 3:6] = 255
    found = contour_boxes(image, 0.0)
    assert found.tolist() == [[3, 2, 6, 5]]
    assert iou(found, [[3, 2, 5, 4]], inclusive=True).item() == 0.5625


def test_holes_have_boxes_of_their_own_by_wsolevaluation():
    heatmap = block(2, 20, 3, 30) - block(6, 12, 10, 20)
    lists = localization.all_boxes(heatmap[None], SIZE, 0.0, convention="wsolevaluation")
    assert sorted(lists.boxes[0].tolist()) == [[3, 2, 30, 20], [9, 5, 21, 13]]
    found = localization.boxes(heatmap[None], SIZE, convention="wsolevaluation")
    assert found.tolist() == [[3, 2, 30, 20]]


def test_lowest_value_is_the_zero_of_wsolevaluation_and_not_of_the_paper():
    heatmap = 1 + block(5, 15, 8, 20)
    found = localization.boxes(heatmap[None], SIZE, convention="wsolevaluation")
    assert found.tolist() == [[8, 5, 20, 15]]
    assert localization.boxes(heatmap[None], SIZE).tolist() == [[0, 0, 50, 37]]


def test_brightness_is_rounded_down():
    assert to_gray(np.array([0.0, 0.4, 0.6, 0.999, 1.0])).tolist() == [0, 102, 153, 254, 255]


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("number", [7, 100, 1000])
def test_boxes_at_all_thresholds_are_those_of_each(rng, number, largest):
    shares = np.arange(number) / number
    for _ in range(3):
        noise = cv2.GaussianBlur(rng.normal(size=(24, 31)), (0, 0), 1.5)
        image = to_gray((noise - noise.min()) / np.ptp(noise))
        found, begins, counts = boxes_at_all(image, shares, largest)
        assert sum(counts) == number
        groups = np.split(found, begins[1:])
        indices = np.repeat(np.arange(len(groups)), counts)
        for share, index in zip(shares, indices, strict=True):
            expected = contour_boxes(image, share)
            expected = expected[:1] if largest else expected
            assert sorted(groups[index].tolist()) == sorted(expected.tolist())


def test_box_of_the_largest_polygon_comes_first_and_of_equal_ones_the_first(rng):
    for _ in range(20):
        image = cv2.GaussianBlur(rng.integers(0, 256, size=(16, 21)).astype("uint8"), (0, 0), 0.8)
        binary = (image > int(0.5 * image.max())).astype("uint8")
        contours, _ = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
        found = contour_boxes(image, 0.5)
        assert len(found) == len(contours)
        assert found[0].tolist() == [x, y, min(x + w, 20), min(y + h, 15)]


def test_nothing_brighter_than_the_level_gives_one_box_of_zeros():
    assert contour_boxes(np.full((5, 6), 9, "uint8"), 1.0).tolist() == [[0, 0, 0, 0]]
    assert contour_boxes(np.zeros((5, 6), "uint8"), 0.0).tolist() == [[0, 0, 0, 0]]


def test_threshold_of_the_whole_maximum_gives_no_boxes(maps):
    for convention in ("paper", "wsolevaluation"):
        assert not localization.boxes(maps, SIZE, 1.0, convention=convention).any()
        found = localization.all_boxes(maps, SIZE, 1.0, convention=convention).boxes
        assert [len(some) for some in found] == [0] * len(maps)


# The released code ----------------------------------------------------------------------------


def released(heatmap, size, levels=(20, 100, 110)):
    """Section 6.1 of the reference, step by step, without OpenCV's contours and distances."""
    height, width = size
    large = cv2.resize(heatmap, (width, height), interpolation=cv2.INTER_CUBIC)
    gray = np.rint(255 * np.abs(large) / np.abs(large).max())
    pool = []
    for level in levels:
        distance = scipy.ndimage.distance_transform_edt(gray > level)
        inner = np.rint(distance * 255 / distance.max()) > 10
        outer, _ = scipy.ndimage.label(inner, np.ones((3, 3)))
        holes, _ = scipy.ndimage.label(np.pad(~inner, 1, constant_values=True))
        outside = holes[0, 0]
        rectangles = [(s[1].start, s[0].start, s[1].stop, s[0].stop) for s in slices(outer)]
        for number, (rows, columns) in enumerate(slices(holes), 1):
            if number != outside:  # The padding and the ring of pixels around cancel out.
                rectangles.append((columns.start - 2, rows.start - 2, columns.stop, rows.stop))
        for x0, y0, x1, y1 in rectangles:
            x, y = min(x0, width - 5), min(y0, height - 5)
            pool.append((x, y, min(x1 - x0, width - x - 5), min(y1 - y0, height - y - 5)))
    pool = sorted((box for box in pool if min(box[2:]) > 0), key=lambda b: -b[2] * b[3])
    first = 0
    while first < len(pool):
        second = first + 1
        while second < len(pool):
            a, b = pool[first], pool[second]
            w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
            h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
            if max(w, 0) * max(h, 0) > 0.5 * max(a[2] * a[3], b[2] * b[3]):
                del pool[second]
            second += 1
        first += 1
    return [[x, y, x + w, y + h] for x, y, w, h in pool]


def slices(labels):
    return [(rows, columns) for rows, columns in scipy.ndimage.find_objects(labels)]


def test_released_boxes_step_by_step(rng):
    maps = np.stack([cv2.GaussianBlur(rng.normal(size=(12, 14)), (0, 0), 1.4) for _ in range(12)])
    maps[:4] = np.abs(maps[:4])
    size = 70, 95
    lists = localization.all_boxes(maps, size, convention="release")
    first = localization.boxes(maps, size, convention="release")
    assert max(map(len, lists.boxes)) > 2
    for heatmap, found, box in zip(maps, lists.boxes, first, strict=True):
        expected = released(heatmap, size)
        assert sorted(found.tolist()) == sorted(expected)
        assert box.tolist() == expected[0]


def test_released_boxes_at_other_thresholds(maps):
    size = 70, 95
    found = localization.boxes(maps, size, (30 / 255, 90 / 255, 150 / 255), convention="release")
    assert found.tolist() == [released(heatmap, size, (30, 90, 150))[0] for heatmap in maps]


def test_released_code_takes_the_absolute_value(maps):
    np.testing.assert_array_equal(
        localization.boxes(-maps, SIZE, convention="release"),
        localization.boxes(maps, SIZE, convention="release"),
    )


def test_threshold_of_the_released_code_is_exceeded_strictly():
    heatmap = block(5, 15, 8, 20, value=20.0) + block(25, 35, 25, 40, value=255.0)
    found = localization.all_boxes(heatmap[None], SIZE, convention="release").boxes[0]
    assert np.unique(found, axis=0).tolist() == [[25, 25, 40, 32]]
    heatmap[5:15, 8:20] = 21
    found = localization.all_boxes(heatmap[None], SIZE, convention="release").boxes[0]
    assert np.unique(found, axis=0).tolist() == [[8, 5, 20, 15], [25, 25, 40, 32]]


def test_released_code_joins_thin_bridges_to_neither_side():
    """A bridge of one pixel is worn off, and a pixel of the border: two regions, not one."""
    heatmap = block(10, 70, 10, 70, (100, 190)) + block(10, 70, 100, 160, (100, 190))
    heatmap[40, 70:100] = 1
    found = localization.all_boxes(heatmap[None], (100, 190), convention="release").boxes[0]
    assert np.unique(found, axis=0).tolist() == [[11, 11, 70, 69], [100, 11, 159, 69]]
    paper = localization.all_boxes(heatmap[None], (100, 190)).boxes[0]
    assert paper.tolist() == [[10, 10, 160, 70]]


def test_five_guesses_are_loose_and_tight_boxes(rng):
    maps = np.stack([cv2.GaussianBlur(rng.normal(size=(12, 14)), (0, 0), 1.4) for _ in range(6)])
    size = 70, 95
    guesses = localization.five_guesses(maps.reshape(2, 3, 12, 14), size)
    assert guesses.shape == (2, 5, 4)
    for image, some in enumerate(guesses):
        every = [released(heatmap, size) for heatmap in maps[3 * image : 3 * image + 3]]
        pairs = [(found * 2)[:2] if len(found) == 1 else found[:2] for found in every]
        expected = [*pairs[0], *pairs[1], pairs[2][0]]
        assert some.tolist() == expected


def test_five_guesses_without_a_second_box_or_any():
    heatmaps = np.zeros((1, 3, *SIZE))
    heatmaps[0, 1] = block(5, 15, 8, 20)
    guesses = localization.five_guesses(heatmaps, SIZE)[0].tolist()
    assert guesses == [[0] * 4, [0] * 4, [8, 5, 20, 15], [8, 5, 20, 15], [0] * 4]


# Bad input ------------------------------------------------------------------------------------

MAPS = np.zeros((2, 4, 4))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((MAPS[0], SIZE), r"\(batch, h, w\). Received: \(4, 4\).*`heatmap\[None\]`"),
        ((MAPS[..., None], SIZE), r"\(batch, h, w\). Received: \(2, 4, 4, 1\)"),
        ((MAPS, 224), r"\(height, width\) in pixels. Received: image_size=224.*shape\[1:3\]"),
        ((MAPS, (8, 8, 3)), r"\(height, width\).*image_size=\(8, 8, 3\)"),
        ((MAPS, (8, 0)), "`image_size` must be an integer of at least 1. Received: 0"),
        ((MAPS, (8, 7.5)), "`image_size` must be an integer of at least 1. Received: 7.5"),
        ((MAPS, SIZE, 20), "`threshold` must be a number of at least 0 and at most 1.*20"),
        ((MAPS, SIZE, -0.1), "`threshold` must be a number of at least 0.*-0.1"),
        ((MAPS, SIZE, float("nan")), "`threshold` must be a number.*nan"),
        ((MAPS, SIZE, "high"), "`threshold` must be a number.*'high'"),
    ],
)
def test_bad_input(args, message):
    for call in (localization.boxes, localization.all_boxes, localization.masks):
        with pytest.raises(ValueError, match=message):
            call(*args)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: localization.boxes(MAPS, SIZE, convention="voc"),
            "`convention` must be one of .*'paper'.*Received: convention='voc'",
        ),
        (
            lambda: localization.all_boxes(MAPS, SIZE, convention=None),
            "`convention` must be one of .*convention=None",
        ),
        (
            lambda: localization.boxes(MAPS, SIZE, 0.2, convention="release"),
            "must be three shares of 255. Received: threshold=0.2",
        ),
        (
            lambda: localization.boxes(MAPS, SIZE, (0.1, 0.2), convention="release"),
            r"must be three shares of 255. Received: threshold=\(0.1, 0.2\)",
        ),
        (
            lambda: localization.boxes(MAPS, SIZE, (20, 100, 110), convention="release"),
            "`threshold` must be a number of at least 0 and at most 1. Received: 20",
        ),
        (
            lambda: localization.boxes(MAPS, SIZE, 1.5, convention="wsolevaluation"),
            "`threshold` must be a number of at least 0 and at most 1. Received: 1.5",
        ),
        (
            lambda: localization.masks(MAPS, SIZE, components="first"),
            "`components` must be .*Received: components='first'",
        ),
        (
            lambda: localization.five_guesses(MAPS, SIZE),
            r"\(batch, 3, h, w\).*Received: \(2, 4, 4\)",
        ),
        (
            lambda: localization.five_guesses(np.zeros((1, 5, 4, 4)), SIZE),
            r"three classes.*Received: \(1, 5, 4, 4\)",
        ),
    ],
)
def test_bad_conventions(call, message):
    with pytest.raises(ValueError, match=message):
        call()
