"""Metrics of localisation against loops over pixels and thresholds, and published numbers."""

import inspect
import json

import cv2
import keras
import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from test_boxes import bilinear, paper_box

from kerascam import localization
from kerascam.metrics import (
    BoxIoU,
    EnergyPointingGame,
    Enrichment,
    GTKnownLocalization,
    MaxBoxAccuracy,
    PixelAveragePrecision,
    PointingGame,
    Top1Localization,
)
from kerascam.metrics.overlap import best_iou, iou

SIZE = HEIGHT, WIDTH = 24, 36
NUM = 10

# Each metric with arguments that are not the default ones.
METRICS = {
    PointingGame: {"tolerance": 3},
    EnergyPointingGame: {},
    Enrichment: {},
    BoxIoU: {"threshold": 0.3},
    GTKnownLocalization: {"iou_threshold": 0.4},
    Top1Localization: {"threshold": 0.3},
    MaxBoxAccuracy: {"num_thresholds": 50},
    PixelAveragePrecision: {"num_thresholds": 100},
}
HITS = [PointingGame, BoxIoU, GTKnownLocalization, Top1Localization, MaxBoxAccuracy]
every_metric = pytest.mark.parametrize("cls", METRICS)


@pytest.fixture
def boxes(rng):
    """True boxes of each image, one or two, the second corner just outside."""
    found = []
    for number in rng.integers(1, 3, size=NUM):
        x0, y0 = rng.integers(0, WIDTH - 12, size=number), rng.integers(0, HEIGHT - 10, size=number)
        x1, y1 = x0 + rng.integers(4, 12, size=number), y0 + rng.integers(4, 10, size=number)
        found.append(np.stack([x0, y0, x1, y1], axis=1))
    return found


@pytest.fixture
def maps(rng, boxes):
    """Coarse maps with a peak near the first object of most images, and noise of both signs."""
    rows, columns = np.mgrid[:8, :12] * 3.0 + 1
    maps = []
    for index, some in enumerate(boxes):
        x, y = some[0, :2] / 2 + some[0, 2:] / 2 + rng.normal(size=2) * (9 if index % 3 else 1)
        peak = np.exp(-(((rows - y) / 5) ** 2) - ((columns - x) / 6) ** 2)
        maps.append(peak + cv2.GaussianBlur(rng.normal(size=(8, 12)), (0, 0), 1) / 3 - 0.1)
    return np.stack(maps)


@pytest.fixture
def classes(rng):
    """Labels and scores, most of them right."""
    labels = rng.integers(3, size=NUM)
    return labels, np.eye(3)[labels] + rng.normal(size=(NUM, 3)) / 2


def filled(boxes):
    masks = np.zeros((len(boxes), *SIZE), bool)
    for mask, some in zip(masks, boxes, strict=True):
        for x0, y0, x1, y1 in some:
            mask[y0:y1, x0:x1] = True
    return masks


def padded(boxes):
    rows = np.full((len(boxes), max(map(len, boxes)), 4), -1)
    for row, some in zip(rows, boxes, strict=True):
        row[: len(some)] = some
    return rows


def update(metric, truth, maps, classes=None, **kwargs):
    if isinstance(metric, Top1Localization):
        if classes is None:
            classes = np.zeros(len(maps), int), np.tile([1.0, 0.0], (len(maps), 1))
        kwargs |= {"labels": classes[0], "scores": classes[1]}
    metric.update_state(truth, maps, **kwargs)
    return metric


def value(cls, truth, maps, classes=None, image_size=SIZE, weights=None, **kwargs):
    metric = cls(image_size, **(METRICS[cls] | kwargs))
    return float(update(metric, truth, maps, classes, sample_weight=weights).result())


# Overlap --------------------------------------------------------------------------------------


def slow_iou(a, b, one=0):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + one)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + one)
    areas = [(box[2] - box[0] + one) * (box[3] - box[1] + one) for box in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union > 0 else 0.0


def test_published_overlap():
    assert iou([[1, 2, 5, 6]], [[3, 1, 4, 5]], inclusive=True).item() == 8 / 27
    assert iou([[3, 2, 6, 5]], [[3, 2, 5, 4]], inclusive=True).item() == 0.5625


@pytest.mark.parametrize("inclusive", [False, True])
def test_overlap_in_a_loop(rng, inclusive):
    first, second = (
        np.concatenate([low, low + rng.integers(0, 6, size=(30, 2))], axis=1)
        for low in rng.integers(0, 8, size=(2, 30, 2))
    )
    expected = [[slow_iou(a, b, int(inclusive)) for b in second] for a in first]
    np.testing.assert_allclose(iou(first, second, inclusive), expected, rtol=1e-15)
    np.testing.assert_array_equal(iou(second, first, inclusive), np.transpose(expected))


def test_best_overlap_of_no_box_or_no_truth_is_zero():
    truth = [np.array([[0, 0, 4, 4]]), np.zeros((0, 4)), np.array([[0, 0, 1, 1], [0, 0, 4, 8]])]
    found = np.array([[0, 0, 0, 0], [0, 0, 4, 4], [0, 0, 4, 4]])
    assert best_iou(found, truth).tolist() == [0, 0, 0.5]
    assert best_iou(found, truth, inclusive=True)[:2].tolist() == [0, 0]


# Slow references ------------------------------------------------------------------------------


def points_at(heatmap, mask, tolerance):
    heatmap = bilinear(heatmap, SIZE)
    place, highest = None, -np.inf
    for y, x in np.ndindex(SIZE):
        if heatmap[y, x] > highest:
            place, highest = (y, x), heatmap[y, x]
    for y, x in np.ndindex(SIZE):
        distance = (y - place[0]) ** 2 + (x - place[1]) ** 2
        if mask[y, x] and (distance < tolerance**2 or distance == 0):
            return True
    return False


@pytest.mark.parametrize("tolerance", [0, 1, 2.5, 5, 15])
def test_pointing_game_in_a_loop(boxes, maps, tolerance):
    masks = filled(boxes)
    expected = np.mean([points_at(*pair, tolerance) for pair in zip(maps, masks, strict=True)])
    assert value(PointingGame, masks, maps, tolerance=tolerance) == pytest.approx(expected)
    assert tolerance in (0, 15) or 0 < expected < 1


def test_pointing_game_counts_the_open_disc_of_fifteen_pixels():
    """The nearest pixel of the object is 15 pixels away, then less."""
    heatmap = np.zeros((1, 40, 60))
    heatmap[0, 20, 20] = 1
    for place, hit in [((20, 35), 0), ((20, 34), 1), ((29, 32), 0), ((28, 32), 1), ((6, 20), 1)]:
        mask = np.zeros((1, 40, 60), bool)
        mask[0][place] = True
        metric = PointingGame()
        metric.update_state(mask, heatmap)
        assert float(metric.result()) == hit, place


def test_pointing_game_with_tolerance_at_the_border():
    mask, heatmap = np.zeros((1, 40, 60), bool), np.zeros((1, 40, 60))
    mask[0, 0, 0] = heatmap[0, 5, 8] = True
    assert value(PointingGame, mask, heatmap, image_size=None, tolerance=15) == 1
    assert value(PointingGame, mask, heatmap, image_size=None, tolerance=9) == 0


def test_first_of_equal_maxima_counts():
    heatmap, mask = np.zeros((1, *SIZE)), np.zeros((1, *SIZE), bool)
    heatmap[0, [5, 5, 20], [9, 30, 2]] = 2.0
    mask[0, 5, 9] = True
    assert value(PointingGame, mask, heatmap, tolerance=0) == 1
    mask[0, 5, 9], mask[0, 5, 30], mask[0, 20, 2] = False, True, True
    assert value(PointingGame, mask, heatmap, tolerance=0) == 0


def test_pointing_game_is_the_mean_over_the_classes_that_came(boxes, maps, classes):
    masks, labels = filled(boxes), classes[0]
    metric = PointingGame(SIZE, tolerance=3, num_classes=5)
    metric.update_state(masks[:4], maps[:4], labels=labels[:4])
    metric.update_state(masks[4:], maps[4:], labels=labels[4:])
    hits = np.array([points_at(*pair, 3) for pair in zip(maps, masks, strict=True)])
    shares = [hits[labels == c].mean() for c in range(5) if (labels == c).any()]
    assert float(metric.result()) == pytest.approx(np.mean(shares))
    assert np.mean(shares) != hits.mean()


def test_pointing_game_does_not_change_with_increasing_transforms(rng, boxes):
    maps, masks = rng.normal(size=(NUM, *SIZE)), filled(boxes)
    plain = value(PointingGame, masks, maps)
    assert 0 < plain < 1
    for transform in (np.exp, np.arctan, lambda x: x**3, lambda x: 5 * x - 100):
        assert value(PointingGame, masks, transform(maps)) == plain


def energy(heatmap, mask):
    heatmap, inside, total = bilinear(heatmap, SIZE), 0.0, 0.0
    for place in np.ndindex(SIZE):
        if heatmap[place] > 0:
            total += heatmap[place]
            inside += heatmap[place] if mask[place] else 0.0
    return inside / total if total > 0 else 0.0


def test_energy_and_enrichment_in_a_loop(boxes, maps):
    masks = filled(boxes)
    shares = np.array([energy(*pair) for pair in zip(maps, masks, strict=True)])
    areas = np.array([sum(map(sum, mask.tolist())) / (HEIGHT * WIDTH) for mask in masks])
    assert value(EnergyPointingGame, masks, maps) == pytest.approx(shares.mean(), abs=1e-6)
    assert value(Enrichment, masks, maps) == pytest.approx((shares / areas).mean(), abs=1e-5)


def test_reference_vector_of_pointing_and_energy():
    heatmap = (np.arange(16) / 15).reshape(1, 4, 4)
    mask = np.zeros((1, 4, 4), bool)
    mask[0, 2:, 1:] = True
    for truth, size in ((mask, None), ([[1, 2, 4, 4]], (4, 4))):
        assert value(EnergyPointingGame, truth, heatmap, image_size=size) == pytest.approx(0.6)
        assert value(Enrichment, truth, heatmap, image_size=size) == pytest.approx(1.6)
        assert value(PointingGame, truth, heatmap, image_size=size, tolerance=0) == 1


def test_negative_evidence_is_left_out():
    mask = np.array([[[True, True, False, False]]])
    heatmap = np.array([[[3.0, -100.0, 1.0, -7.0]]])
    assert value(EnergyPointingGame, mask, heatmap, image_size=None) == 0.75
    assert value(Enrichment, mask, heatmap, image_size=None) == 1.5


def test_box_overlap_in_a_loop(boxes, maps, classes):
    overlaps = np.array(
        [
            max(slow_iou(paper_box(heatmap, SIZE, 0.3), truth) for truth in some)
            for heatmap, some in zip(maps, boxes, strict=True)
        ]
    )
    labels, scores = classes
    right = scores.argmax(axis=1) == labels
    hits = overlaps >= 0.3
    assert 0 < (hits & right).sum() < min(hits.sum(), right.sum())
    assert hits.sum() < NUM
    shares = {"threshold": 0.3}
    found = value(BoxIoU, boxes, maps, **shares)
    assert found == pytest.approx(overlaps.mean())
    shares["iou_threshold"] = 0.3
    assert value(GTKnownLocalization, boxes, maps, **shares) == pytest.approx(hits.mean())
    found = value(Top1Localization, boxes, maps, classes, **shares)
    assert found == pytest.approx((hits & right).mean())


def test_overlap_of_exactly_a_half_is_a_hit():
    heatmap = np.zeros((1, *SIZE))
    heatmap[0, 4:8, 6:12] = 1
    assert value(GTKnownLocalization, [[6, 4, 18, 8]], heatmap, iou_threshold=0.5) == 1
    assert value(GTKnownLocalization, [[6, 4, 19, 8]], heatmap, iou_threshold=0.5) == 0


def test_twenty_percent_is_the_default_and_fifteen_can_be_had():
    heatmap = np.zeros((1, *SIZE))
    heatmap[0, 4:10, 6:30] = 0.18
    heatmap[0, 5:8, 8:12] = 1
    truth = [[6, 4, 30, 10]]
    assert value(BoxIoU, truth, heatmap, threshold=None) == pytest.approx(12 / 144)
    assert value(BoxIoU, truth, heatmap, threshold=0.15) == 1


def test_inclusive_boxes_are_a_pixel_longer(boxes, maps, classes):
    last = [some - [0, 0, 1, 1] for some in boxes]
    for cls in METRICS:
        plain = value(cls, boxes, maps, classes)
        assert value(cls, last, maps, classes, inclusive=True) == plain


def test_overlap_of_whole_boxes_is_that_of_ilsvrc(boxes, maps):
    found = localization.boxes(maps, SIZE)
    inclusive = [
        max(slow_iou(box - [0, 0, 1, 1], truth - [0, 0, 1, 1], 1) for truth in some)
        for box, some in zip(found, boxes, strict=True)
    ]
    assert value(BoxIoU, boxes, maps, threshold=0.2) == pytest.approx(np.mean(inclusive))


@pytest.mark.parametrize("cls", [BoxIoU, GTKnownLocalization, Top1Localization])
@pytest.mark.parametrize("convention", localization.CONVENTIONS)
def test_conventions_of_boxes(boxes, maps, classes, cls, convention):
    """By wsolevaluation the corners are those of last pixels, on both sides."""
    found = localization.boxes(maps, SIZE, convention=convention)
    one = int(convention == "wsolevaluation")
    overlaps = np.array(
        [
            max(slow_iou(box, truth - [0, 0, one, one], one) for truth in some)
            for box, some in zip(found, boxes, strict=True)
        ]
    )
    if cls is not BoxIoU:
        overlaps = overlaps >= METRICS[cls].get("iou_threshold", 0.5)
    if cls is Top1Localization:
        overlaps = overlaps & (classes[1].argmax(axis=1) == classes[0])
    result = value(cls, boxes, maps, classes, convention=convention, threshold=None)
    assert result == pytest.approx(overlaps.mean())


@pytest.mark.parametrize("cls", [BoxIoU, GTKnownLocalization, Top1Localization])
def test_boxes_in_place_of_heatmaps(boxes, maps, classes, cls):
    found = localization.boxes(maps, SIZE, 0.3)
    given = value(cls, boxes, found, classes, threshold=0.3)
    assert given == value(cls, boxes, maps, classes, threshold=0.3)


def test_one_score_predicts_class_one_where_it_is_positive():
    heatmap = np.zeros((4, *SIZE))
    heatmap[:, 4:8, 6:12] = 1
    metric = Top1Localization(SIZE)
    scores = [[2.0], [-2.0], [2.0], [-2.0]]
    metric.update_state([[6, 4, 12, 8]] * 4, heatmap, labels=[1, 0, 0, 0], scores=scores)
    assert float(metric.result()) == 0.75


# MaxBoxAccuracy -------------------------------------------------------------------------------


def gray(heatmap, size, normalization):
    large = cv2.resize(heatmap, size[::-1], interpolation=cv2.INTER_CUBIC)
    if normalization == "minmax":
        large = large - large.min()
    large = np.maximum(large, 0)
    large = large / large.max() if large.max() > 0 else large
    return np.floor(255 * large).astype("uint8")


def contour_boxes(image, tau, version):
    """Contours anew at a threshold, as section 5.1 of the reference has it."""
    height, width = image.shape
    binary = (image > int(tau * image.max())).astype("uint8") * 255
    contours, _ = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return [[0, 0, 0, 0]]
    if version == 1:
        contours = [max(contours, key=cv2.contourArea)]
    rectangles = [cv2.boundingRect(contour) for contour in contours]
    return [[x, y, min(x + w, width - 1), min(y + h, height - 1)] for x, y, w, h in rectangles]


def max_box_accuracy(boxes, maps, version, number, normalization, size):
    """`boxes` with their last pixels."""
    deltas = (0.3, 0.5, 0.7) if version == 2 else (0.5,)
    scale = size[1], size[0], size[1], size[0]
    old = WIDTH, HEIGHT, WIDTH, HEIGHT
    counts = np.zeros((len(deltas), number))
    for heatmap, some in zip(maps, boxes, strict=True):
        image = gray(heatmap, size, normalization)
        truths = [
            [int(float(c) * new / o) for c, new, o in zip(box, scale, old, strict=True)]
            for box in some
        ]
        for index, tau in enumerate(np.arange(0, 1, 1 / number)):
            found = contour_boxes(image, tau, version)
            best = max(slow_iou(box, truth, 1) for box in found for truth in truths)
            counts[:, index] += [best >= delta for delta in deltas]
    return float(np.mean([max(row / len(maps)) for row in counts]))


@pytest.mark.parametrize("size", [None, (31, 29)])
@pytest.mark.parametrize("normalization", ["minmax", "max"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("number", "images"), [(100, NUM), (1000, 3)])
def test_max_box_accuracy_is_that_of_contours_anew(
    boxes, maps, version, number, normalization, size, images
):
    boxes, maps = boxes[:images], maps[:images]
    last = [some - [0, 0, 1, 1] for some in boxes]
    expected = max_box_accuracy(last, maps, version, number, normalization, size or SIZE)
    kwargs = {"version": version, "num_thresholds": number, "normalization": normalization}
    found = value(MaxBoxAccuracy, boxes, maps, evaluation_size=size, **kwargs)
    assert found == expected
    assert expected > 0


@pytest.mark.parametrize("version", [1, 2])
def test_max_box_accuracy_of_maps_with_holes(rng, version):
    """Rings, whose inner contours have boxes in version 2 alone."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    maps, boxes = [], []
    for _ in range(6):
        y, x = rng.uniform(9, 15), rng.uniform(12, 24)
        ring = np.exp(-((np.hypot(rows - y, columns - x) - 7) ** 2) / 4)
        maps.append(ring + 0.1 * cv2.GaussianBlur(rng.normal(size=SIZE), (0, 0), 1))
        boxes.append(np.array([[x - 6, y - 6, x + 6, y + 6]]).astype(int))
    last = [some - [0, 0, 1, 1] for some in boxes]
    maps = np.stack(maps)
    contours = [contour_boxes(gray(heatmap, SIZE, "minmax"), 0.3, 2) for heatmap in maps]
    assert max(map(len, contours)) > 1
    expected = max_box_accuracy(last, maps, version, 100, "minmax", SIZE)
    assert value(MaxBoxAccuracy, boxes, maps, version=version, num_thresholds=100) == expected


def test_box_of_a_hole_counts_in_version_two_alone():
    heatmap = np.zeros((1, *SIZE))
    heatmap[0, 1:23, 1:35] = 1
    heatmap[0, 8:12, 10:16] = 0
    inner = [[9, 7, 18, 14]]
    assert value(MaxBoxAccuracy, inner, heatmap, version=2) == 1
    assert value(MaxBoxAccuracy, inner, heatmap, version=1) == 0


def test_accuracies_at_each_threshold_are_those_of_single_boxes(boxes, maps):
    metric = MaxBoxAccuracy(SIZE, version=1, num_thresholds=10)
    metric.update_state(boxes, maps)
    accuracies = metric.accuracies()
    assert accuracies.shape == (1, 10)
    for tau, found in zip(np.arange(10) / 10, accuracies[0], strict=True):
        single = value(
            GTKnownLocalization,
            boxes,
            maps,
            threshold=tau,
            convention="wsolevaluation",
            iou_threshold=0.5,
        )
        assert found == pytest.approx(single)


def test_best_threshold_is_one_for_all_images():
    """One image needs a low threshold, the other a high one."""
    maps = np.zeros((2, *SIZE))
    maps[:, 3:21, 3:33] = 0.3
    maps[:, 10:14, 10:16] = 1
    truth = [[3, 3, 33, 21], [10, 10, 16, 14]]
    for version in (1, 2):
        assert value(MaxBoxAccuracy, truth, maps, version=version, iou_thresholds=0.5) == 0.5
        for one in (slice(0, 1), slice(1, 2)):
            alone = value(
                MaxBoxAccuracy, truth[one], maps[one], version=version, iou_thresholds=0.5
            )
            assert alone == 1


def test_each_overlap_has_its_own_best_threshold():
    """A low threshold fits two of three images loosely, a high one a single image exactly."""
    maps = np.zeros((3, *SIZE))
    maps[:, 3:21, 3:33] = 0.3
    maps[:, 10:14, 10:16] = 1
    truth = [[10, 10, 17, 15], [18, 3, 33, 21], [18, 3, 33, 21]]
    metric = MaxBoxAccuracy(SIZE, iou_thresholds=(0.3, 0.95), num_thresholds=10)
    metric.update_state(truth, maps)
    np.testing.assert_allclose(metric.accuracies()[:, 1], [2 / 3, 0])
    np.testing.assert_allclose(metric.accuracies()[:, 9], [1 / 3, 1 / 3])
    assert float(metric.result()) == pytest.approx(0.5)


def test_published_overlap_of_a_block():
    """The box is a pixel longer than the block: 9 pixels of 16."""
    heatmap = np.zeros((1, *SIZE))
    heatmap[0, 2:5, 3:6] = 1
    truth = [[3, 2, 6, 5]]
    assert value(MaxBoxAccuracy, truth, heatmap, iou_thresholds=0.5625) == 1
    assert value(MaxBoxAccuracy, truth, heatmap, iou_thresholds=0.563) == 0


def test_published_scaling_of_true_boxes():
    """[1, 2, 4, 3] in 10 x 20 pixels is [3, 1, 14, 1] in 35 x 10; the map's box [3, 1, 14, 2]."""
    heatmap = np.zeros((1, 10, 35))
    heatmap[0, 1, 3:14] = 1
    kwargs = {"image_size": (20, 10), "evaluation_size": (10, 35), "inclusive": True}
    assert value(MaxBoxAccuracy, [[1, 2, 4, 3]], heatmap, iou_thresholds=0.5, **kwargs) == 1
    assert value(MaxBoxAccuracy, [[1, 2, 4, 3]], heatmap, iou_thresholds=0.501, **kwargs) == 0


@pytest.mark.parametrize(("old", "new", "x"), [(640, 224, 180), (640, 224, 340), (22, 30, 11)])
def test_true_boxes_are_scaled_without_a_rounding_error(old, new, x):
    """`int(180 * 224 / 640)` is 63, but `int(180 * (224 / 640))` 62."""
    scaled = x * new // old
    heatmap = np.zeros((1, 12, new))
    heatmap[0, 2:7, scaled : new - 3] = 1
    right = -(-(new - 3) * old // new)
    truth = [[x, 2, right, 7]]
    kwargs = {"image_size": (12, old), "evaluation_size": (12, new), "inclusive": True}
    assert value(MaxBoxAccuracy, truth, heatmap, iou_thresholds=1.0, **kwargs) == 1


def test_max_normalization_keeps_what_lies_between_zero_and_the_minimum():
    """Everything is above 20 % of the maximum, but not once the minimum is taken off."""
    heatmap = np.full((1, *SIZE), 0.5)
    heatmap[0, 10:14, 10:16] = 1
    kwargs = {"iou_thresholds": 0.9, "version": 1, "num_thresholds": 5}
    whole = [[0, 0, 36, 24]]
    assert value(MaxBoxAccuracy, whole, heatmap, normalization="max", **kwargs) == 1
    assert value(MaxBoxAccuracy, whole, heatmap, normalization="minmax", **kwargs) == 0


@pytest.mark.parametrize("number", [1, 3, 7, 49, 100, 1000])
def test_thresholds_are_multiples_of_the_step(number):
    thresholds = MaxBoxAccuracy(SIZE, num_thresholds=number).thresholds
    assert len(thresholds) == number
    np.testing.assert_allclose(thresholds, np.arange(number) / number, rtol=1e-12)


# PixelAveragePrecision ------------------------------------------------------------------------


def pixel_average_precision(masks, maps, number, ignore=None):
    """All pixels in one histogram, section 5.1 of the reference."""
    positive, negative = [], []
    for index, (mask, heatmap) in enumerate(zip(masks, maps, strict=True)):
        large = cv2.resize(heatmap, mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
        large = (large - large.min()) / (large - large.min()).max()
        for place in np.ndindex(mask.shape):
            if mask[place]:
                positive.append(large[place])
            elif ignore is None or not ignore[index][place]:
                negative.append(large[place])
    edges = [*np.arange(0, 1, 1 / number), 1.0, 2.0, 3.0]
    tp = fp = before = area = 0.0
    positive, negative = (np.histogram(pixels, edges)[0] for pixels in (positive, negative))
    for hits, misses in zip(positive[::-1], negative[::-1], strict=True):
        tp, fp = tp + hits, fp + misses
        if tp + fp > 0:
            recall = tp / positive.sum()
            area += tp / (tp + fp) * (recall - before)
            before = recall
    return area


@pytest.mark.parametrize("number", [1, 10, 100, 1000])
@pytest.mark.parametrize("ignoring", [False, True])
def test_pixel_average_precision_in_a_loop(rng, boxes, maps, number, ignoring):
    masks = filled(boxes)
    ignore = rng.random((NUM, *SIZE)) > 0.8 if ignoring else None
    metric = PixelAveragePrecision(num_thresholds=number)
    metric.update_state(masks, maps, ignore=ignore)
    expected = pixel_average_precision(masks, maps, number, ignore)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-12)


def test_pixel_average_precision_is_nearly_that_of_scikit_learn(rng, boxes):
    maps, masks = rng.random((NUM, *SIZE)), filled(boxes)
    maps += 0.5 * masks
    low, high = maps.min(axis=(1, 2), keepdims=True), maps.max(axis=(1, 2), keepdims=True)
    expected = average_precision_score(masks.ravel(), ((maps - low) / (high - low)).ravel())
    assert value(PixelAveragePrecision, masks, maps, num_thresholds=1000) == pytest.approx(
        expected, abs=2e-3
    )


@pytest.mark.parametrize("value_of_all", [0.0, 0.1, 0.5, 1.0, -7.3])
@pytest.mark.parametrize("shape", [(7, 7), (224, 224)])
def test_constant_map_has_the_share_of_the_object(value_of_all, shape):
    mask = np.zeros(224 * 224, bool)
    mask[:43031] = True
    mask = np.random.default_rng(0).permutation(mask).reshape(1, 224, 224)
    found = value(PixelAveragePrecision, mask, np.full((1, *shape), value_of_all), image_size=None)
    assert found == pytest.approx(43031 / (43031 + 7145), rel=1e-12)


def test_perfect_map_with_ignored_pixels(boxes):
    masks = filled(boxes)
    ignore = np.zeros_like(masks)
    ignore[:, :, 20:] = True
    maps = masks.astype("float64")
    maps[ignore] = 1
    metric = PixelAveragePrecision()
    metric.update_state(masks, maps, ignore=ignore)
    assert float(metric.result()) == 1
    metric.reset_state()
    metric.update_state(masks, maps)
    assert float(metric.result()) < 0.9


def test_pixels_of_the_object_are_never_ignored(boxes, maps):
    masks = filled(boxes)
    metric = PixelAveragePrecision()
    metric.update_state(masks, maps, ignore=masks)
    assert float(metric.result()) == value(PixelAveragePrecision, masks, maps, num_thresholds=1000)


def test_no_positive_pixel_is_an_error(maps):
    metric = PixelAveragePrecision()
    message = "at least one pixel that belongs to an object"
    with pytest.raises(ValueError, match=message):
        metric.result()
    metric.update_state(np.zeros((NUM, *SIZE), bool), maps)
    with pytest.raises(ValueError, match=message):
        metric.result()


# Identities -----------------------------------------------------------------------------------


def test_uniform_map_is_as_good_as_chance(boxes):
    masks, maps = filled(boxes), np.full((NUM, 5, 7), 0.3)
    assert value(Enrichment, masks, maps) == pytest.approx(1, abs=1e-12)
    shares = masks.mean(axis=(1, 2))
    assert value(EnergyPointingGame, masks, maps) == pytest.approx(shares.mean())
    assert value(PixelAveragePrecision, masks, maps) == pytest.approx(masks.mean(), rel=1e-12)
    assert value(PointingGame, masks, maps) == 0


@every_metric
def test_oracle(cls, boxes, classes):
    """One object in each image, and the map is its mask."""
    boxes = [some[:1] for some in boxes]
    masks = filled(boxes)
    right = classes[0], np.eye(3)[classes[0]]
    found = value(cls, masks, masks.astype("float64"), right, **limits(cls))
    expected = 1 / masks.mean(axis=(1, 2)) if cls is Enrichment else 1.0
    assert found == pytest.approx(np.mean(expected))


def limits(cls):
    """For small objects the pixel by which wsolevaluation's boxes are longer counts."""
    return {"iou_thresholds": 0.5} if cls is MaxBoxAccuracy else {}


def test_random_maps_are_at_chance(rng):
    number = 400
    masks = np.zeros((number, 12, 16), bool)
    for mask, y, x in zip(masks, *rng.integers(0, 6, size=(2, number)), strict=True):
        mask[y : y + 6, x : x + 8] = True
    maps = rng.random(masks.shape)
    kwargs = {"truth": masks, "maps": maps, "image_size": None}
    assert value(PointingGame, tolerance=0, **kwargs) == pytest.approx(0.25, abs=0.06)
    assert value(EnergyPointingGame, **kwargs) == pytest.approx(0.25, abs=0.005)
    assert value(Enrichment, **kwargs) == pytest.approx(1, abs=0.02)
    assert value(PixelAveragePrecision, **kwargs) == pytest.approx(0.25, abs=0.01)


def test_top_one_is_at_most_gt_known_and_the_accuracy(boxes, maps, classes):
    labels, scores = classes
    top = value(Top1Localization, boxes, maps, classes)
    assert top <= value(GTKnownLocalization, boxes, maps, threshold=0.3, iou_threshold=0.5)
    assert top <= (scores.argmax(axis=1) == labels).mean()


# What all have in common ----------------------------------------------------------------------


@every_metric
def test_truth_in_each_of_its_forms(cls, boxes, maps, classes):
    single = [some[:1] for some in boxes]
    expected = value(cls, single, maps, classes)
    forms = [np.concatenate(single), np.stack(single), filled(single), padded([*single])]
    forms += [[some.tolist() for some in single], np.stack(single).astype("float32")]
    for truth in forms:
        assert value(cls, truth, maps, classes) == expected
    assert value(cls, padded(boxes), maps, classes) == value(cls, boxes, maps, classes)


@every_metric
def test_masks_need_no_size(cls, boxes, maps, classes):
    if cls in (PointingGame, EnergyPointingGame, Enrichment, PixelAveragePrecision):
        masks = filled(boxes)
        expected = value(cls, masks, maps, classes)
        assert value(cls, masks, maps, classes, image_size=None) == expected


@every_metric
def test_batches_and_order_do_not_matter(cls, boxes, maps, classes):
    expected = value(cls, boxes, maps, classes)
    assert expected > 0
    assert expected < 1 or cls is Enrichment
    order = np.random.default_rng(5).permutation(NUM)
    metric = cls(SIZE, **METRICS[cls])
    for part in np.split(order, [1, 2, 7]):
        some = tuple(values[part] for values in classes)
        update(metric, [boxes[index] for index in part], maps[part], some)
    assert float(metric.result()) == pytest.approx(expected, rel=1e-12)


@every_metric
def test_weight_counts_images_again_or_not_at_all(cls, boxes, maps, classes):
    weights = np.array([2, 0, 1, 3, 0, 1, 1, 2, 0, 1])
    again = np.repeat(np.arange(NUM), weights)
    some = tuple(values[again] for values in classes)
    expected = value(cls, [boxes[index] for index in again], maps[again], some)
    for given in (weights, weights.tolist(), weights.astype("float32")):
        found = value(cls, boxes, maps, classes, weights=given)
        assert found == pytest.approx(expected, rel=1e-12)
    assert expected != pytest.approx(value(cls, boxes, maps, classes))


@every_metric
def test_weights_of_another_number_are_an_error(cls, boxes, maps, classes):
    for weights in (np.ones(NUM + 1), np.ones((NUM, 2))):
        with pytest.raises(ValueError, match="`sample_weight`"):
            value(cls, boxes, maps, classes, weights=weights)


@every_metric
@pytest.mark.parametrize("scale", [1e-14, 1e14])
def test_scale_of_the_map_does_not_matter(cls, boxes, maps, classes, scale):
    expected = value(cls, boxes, maps, classes)
    assert value(cls, boxes, maps * scale, classes) == pytest.approx(expected, rel=1e-9)


@every_metric
def test_input_is_not_changed(cls, boxes, maps, classes):
    truth, before = padded(boxes).astype("float64"), maps.copy()
    copy = truth.copy()
    value(cls, truth, maps, classes, inclusive=False)
    np.testing.assert_array_equal(truth, copy)
    np.testing.assert_array_equal(maps, before)
    inclusive = truth - [0, 0, 1, 1] * (truth >= 0)
    copy = inclusive.copy()
    value(cls, inclusive, maps, classes, inclusive=True)
    np.testing.assert_array_equal(inclusive, copy)


@every_metric
def test_state_can_be_reset(cls, boxes, maps, classes):
    metric = cls(SIZE, **METRICS[cls])
    update(metric, boxes, maps, classes)
    metric.reset_state()
    assert all(not np.any(variable.numpy()) for variable in metric.variables)
    if cls is not PixelAveragePrecision:
        assert float(metric.result()) == 0
    some = tuple(values[:3] for values in classes)
    update(metric, boxes[:3], maps[:3], some)
    assert float(metric.result()) == pytest.approx(value(cls, boxes[:3], maps[:3], some))


@every_metric
def test_result_can_be_read_at_any_time(cls, boxes, maps, classes):
    metric = cls(SIZE, **METRICS[cls])
    some = tuple(values[:3] for values in classes)
    update(metric, boxes[:3], maps[:3], some)
    assert float(metric.result()) == float(metric.result())
    update(metric, boxes[3:], maps[3:], tuple(values[3:] for values in classes))
    assert float(metric.result()) == pytest.approx(value(cls, boxes, maps, classes))


CONFIGS = [
    (PointingGame, {"tolerance": 2.5, "num_classes": 7}),
    (EnergyPointingGame, {}),
    (Enrichment, {}),
    (BoxIoU, {"threshold": 0.15, "convention": "wsolevaluation"}),
    (BoxIoU, {"threshold": (0.1, 0.3, 0.5), "convention": "release"}),
    (GTKnownLocalization, {"threshold": 0.3, "iou_threshold": 0.2, "convention": "wsolevaluation"}),
    (Top1Localization, {"threshold": 0.3, "iou_threshold": 0.2, "convention": "wsolevaluation"}),
    (
        MaxBoxAccuracy,
        {
            "version": 1,
            "iou_thresholds": (0.4, 0.6),
            "num_thresholds": 20,
            "normalization": "max",
            "evaluation_size": (31, 29),
        },
    ),
    (PixelAveragePrecision, {"num_thresholds": 20, "evaluation_size": (5, 7)}),
]


@pytest.mark.parametrize(("cls", "kwargs"), CONFIGS)
def test_config_has_all_arguments(cls, kwargs, boxes, maps, classes):
    given = {"image_size": SIZE, "inclusive": True, "name": "mine", "dtype": "float32", **kwargs}
    metric = cls(**given)
    config = metric.get_config()
    assert set(config) == set(inspect.signature(cls).parameters) == set(given)
    assert {name: config[name] for name in given} == given
    stored = json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    for copy in (cls.from_config(config), keras.saving.deserialize_keras_object(stored)):
        assert type(copy) is cls
        assert copy.name == "mine"
        again = json.loads(json.dumps(keras.saving.serialize_keras_object(copy)))
        assert again["config"] == stored["config"]
        results = []
        for one in (metric, copy):
            one.reset_state()
            extra = {"labels": classes[0]} if cls is PointingGame else {}
            last = [some - [0, 0, 1, 1] for some in boxes]
            results.append(float(update(one, last, maps, classes, **extra).result()))
        assert results[0] == results[1] > 0


@every_metric
def test_sums_are_of_double_precision_by_default(cls):
    metric = cls(SIZE)
    assert {keras.backend.standardize_dtype(v.dtype) for v in metric.variables} == {"float64"}
    assert metric.get_config()["dtype"] == "float64"


# Nothing to point at --------------------------------------------------------------------------


@every_metric
@pytest.mark.parametrize("shape", [(5, 7), SIZE])
def test_dead_map_is_never_a_hit(cls, shape, boxes):
    chance = filled(boxes).mean() if cls is PixelAveragePrecision else 0
    for constant in (0.0, -0.3, np.nan, np.inf, -np.inf):
        found = value(cls, boxes, np.full((NUM, *shape), constant))
        assert found == pytest.approx(chance, rel=1e-12), constant


@pytest.mark.parametrize("cls", HITS)
@pytest.mark.parametrize("truth", [[0, 0, 1, 1], [0, 0, 2, 1]])
def test_dead_map_does_not_hit_the_corner_where_no_box_is_kept(cls, truth):
    assert value(cls, [truth] * 2, np.zeros((2, *SIZE))) == 0


@pytest.mark.parametrize("cls", [PointingGame, MaxBoxAccuracy])
@pytest.mark.parametrize("shape", [(5, 7), (7, 7), SIZE])
def test_constant_map_is_never_a_hit(cls, shape):
    """Not even where the object fills the image."""
    truth = [[0, 0, WIDTH, HEIGHT]]
    for constant in (0.1, 0.3, 1 / 3, 7.3):
        assert value(cls, truth, np.full((1, *shape), constant)) == 0


@every_metric
def test_negative_map_has_no_energy_and_no_box(cls, boxes, maps):
    found = value(cls, boxes, -np.abs(maps) - 0.1)
    assert np.isfinite(found)
    if cls in (EnergyPointingGame, Enrichment, BoxIoU, GTKnownLocalization, Top1Localization):
        assert found == 0
    assert value(MaxBoxAccuracy, boxes, -np.abs(maps) - 0.1, normalization="max") == 0


@every_metric
def test_dead_map_counts_as_an_image(cls, boxes, maps):
    if cls is not PixelAveragePrecision:
        one = value(cls, boxes[:1], maps[:1])
        assert one > 0
        both = value(cls, [boxes[0], boxes[0]], np.stack([maps[0], np.zeros((8, 12))]))
        assert both == pytest.approx(one / 2)


@every_metric
def test_empty_mask_is_never_hit(cls, maps):
    if cls is not PixelAveragePrecision:
        assert value(cls, np.zeros((NUM, *SIZE), bool), maps) == 0
        assert value(cls, np.full((NUM, 2, 4), -1), maps) == 0
        assert value(cls, np.zeros((NUM, 0, 4)), maps) == 0
        assert value(cls, np.zeros((NUM, *SIZE), bool), np.zeros((NUM, 8, 12))) == 0


@pytest.mark.parametrize(
    ("cls", "kwargs"),
    [
        (GTKnownLocalization, {"iou_threshold": 0.0}),
        (Top1Localization, {"iou_threshold": 0.0}),
        (MaxBoxAccuracy, {"iou_thresholds": 0.0}),
        (PointingGame, {"tolerance": 1000}),
    ],
)
def test_empty_mask_is_never_hit_however_little_is_asked_for(cls, kwargs, maps):
    assert value(cls, np.zeros((NUM, *SIZE), bool), maps, **kwargs) == 0


@every_metric
def test_images_without_an_object_are_images(cls, boxes, maps):
    if cls is not PixelAveragePrecision:
        truth = [boxes[0], np.zeros((0, 4)), [], boxes[0]]
        found = value(cls, truth, maps[[0, 1, 2, 0]])
        assert found == pytest.approx(value(cls, boxes[:1], maps[:1]) / 2)


@every_metric
def test_batch_of_images_without_an_object(cls, maps):
    if cls is not PixelAveragePrecision:
        assert value(cls, [[], []], maps[:2]) == 0
        assert value(cls, [np.zeros((0, 4))] * 2, maps[:2]) == 0


@every_metric
def test_batch_without_images_changes_nothing(cls, boxes, maps, classes):
    metric = update(cls(SIZE, **METRICS[cls]), boxes, maps, classes)
    before = float(metric.result())
    none = tuple(values[:0] for values in classes)
    update(metric, np.zeros((0, 4)), maps[:0], none)
    update(metric, np.zeros((0, *SIZE), bool), maps[:0], none)
    assert float(metric.result()) == before


@pytest.mark.parametrize("cls", [BoxIoU, GTKnownLocalization, Top1Localization])
def test_object_that_fills_the_image(cls):
    assert value(cls, [[0, 0, WIDTH, HEIGHT]], np.ones((1, 4, 4))) == 1
    assert value(cls, np.ones((1, *SIZE), bool), np.ones((1, 4, 4))) == 1


@every_metric
def test_image_of_one_pixel(cls):
    found = value(cls, np.ones((1, 1, 1), bool), np.ones((1, 1, 1)), image_size=(1, 1))
    assert found == (0 if cls in (PointingGame, MaxBoxAccuracy) else 1)


@every_metric
def test_height_and_width_are_not_mixed_up(cls):
    """The object lies where a square image of the smaller side would end."""
    rows, columns = np.mgrid[:10, :60]
    maps = np.exp(-(((rows - 5) / 3) ** 2) - ((columns - 50) / 5) ** 2)[None]
    box = [[44, 2, 57, 9]]
    lying = value(cls, box, maps, image_size=(10, 60))
    standing = value(cls, [[2, 44, 9, 57]], maps.transpose(0, 2, 1), image_size=(60, 10))
    assert lying == pytest.approx(standing)
    assert lying > 0.5


def test_half_pixels_of_boxes_belong_to_them_by_their_centres():
    heatmap = np.ones((1, 1, 10))
    for box, pixels in [([1.5, 0, 4, 1], 3), ([1.51, 0, 4, 1], 2), ([1, 0, 3.6, 1], 3)]:
        found = value(EnergyPointingGame, [box], heatmap, image_size=(1, 10))
        assert found == pytest.approx(pixels / 10)


# Bad input ------------------------------------------------------------------------------------

MAPS = np.random.default_rng(0).random((2, 6, 9))


@pytest.mark.parametrize(
    ("truth", "maps", "message"),
    [
        ([[9, 2, 4, 8]] * 2, MAPS, r"left < right.*Received: \[\[9.0, 2.0, 4.0, 8.0\]\]"),
        ([[4, 8, 9, 2]] * 2, MAPS, "top < bottom"),
        ([[4, 2, 4, 8]] * 2, MAPS, "left < right"),
        ([[20, 10, 5, 4]] * 2, MAPS, r"\(left, top, width, height\) use `keras.utils"),
        ([[0, 0, np.nan, 5]] * 2, MAPS, "left < right"),
        ([[30, 2, 37, 8]] * 2, MAPS, "image of 36 x 24 pixels.*30.0, 2.0, 37.0, 8.0"),
        ([[4, 20, 9, 30]] * 2, MAPS, "image of 36 x 24 pixels.*`image_size`"),
        ([[-3, 2, 4, 8]] * 2, MAPS, "image of 36 x 24 pixels"),
        ([[-1, -1, 4, 8]] * 2, MAPS, "image of 36 x 24 pixels"),
        ([[1, 2, 4, 8]], MAPS, r"shape \(2, 6, 9\) for the truth of 1 images"),
        ([[1, 2, 4, 8]] * 3, MAPS, "for the truth of 3 images"),
        ([[1, 2, 4, 8]] * 2, MAPS[0, :2], r"\(batch, h, w\). Received: \(2, 9\)"),
        ([[1, 2, 4, 8]] * 2, MAPS[..., None], r"\(batch, h, w\). Received: \(2, 6, 9, 1\)"),
        ([[1, 2, 4, 8]] * 2, 3.0, r"Received: heatmaps of shape \(\)"),
        ([[1, 2, 4]] * 2, MAPS, r"Received: shape \(2, 3\)"),
        ([1, 2, 4, 8], MAPS, r"Received: shape \(4,\)"),
        ([[[1, 2, 4]], [[1, 2, 4], [3, 4, 5]]], MAPS, r"shape \(num, 4\). Received: \(1, 3\)"),
        (np.ones((2, 23, 36), bool), MAPS, r"\(batch, 24, 36\).*Received: \(2, 23, 36\)"),
        (np.ones((2, 36, 24), bool), MAPS, r"\(batch, 24, 36\).*Received: \(2, 36, 24\)"),
        (np.ones((2, 24, 36, 1), bool), MAPS, r"\(batch, 24, 36\).*Received: \(2, 24, 36, 1\)"),
        (np.ones((24, 36), bool), MAPS, r"\(batch, 24, 36\).*Received: \(24, 36\)"),
        (np.ones((3, 24, 36), bool), MAPS, "for the truth of 3 images"),
    ],
)
def test_bad_truth(truth, maps, message):
    for cls in METRICS:
        with pytest.raises(ValueError, match=message):
            value(cls, truth, maps, (np.zeros(2, int), np.eye(3)[[0, 0]]))


@every_metric
def test_masks_must_be_booleans(cls):
    for dtype in ("uint8", "int64", "float32"):
        with pytest.raises(TypeError, match=rf"bool.*dtype {dtype}. Pass masks as `masks > 0`"):
            value(cls, np.ones((2, *SIZE), dtype), MAPS)


@pytest.mark.parametrize(
    "cls", [PointingGame, EnergyPointingGame, Enrichment, PixelAveragePrecision]
)
def test_boxes_need_the_size_of_their_images(cls):
    with pytest.raises(ValueError, match=r"Pass `image_size=\(height, width\)`"):
        value(cls, [[1, 2, 4, 8]] * 2, MAPS, image_size=None)


@every_metric
def test_bad_truth_leaves_the_state_as_it_was(cls, boxes, maps, classes):
    metric = update(cls(SIZE, **METRICS[cls]), boxes, maps, classes)
    before = float(metric.result())
    with pytest.raises(ValueError, match="left < right"):
        update(metric, [*boxes[:-1], [[9, 2, 4, 8]]], maps, classes)
    assert float(metric.result()) == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EnergyPointingGame(224), r"`image_size` must be \(height, width\)"),
        (lambda: EnergyPointingGame((0, 5)), "`image_size` must be an integer of at least 1"),
        (lambda: MaxBoxAccuracy(None), r"`image_size` must be \(height, width\)"),
        (lambda: PointingGame(tolerance=-1), "`tolerance` must be a number of at least 0.*-1"),
        (lambda: PointingGame(num_classes=0), "`num_classes` must be an integer of at least 2"),
        (lambda: BoxIoU(SIZE, threshold=20), "`threshold` must be a number .*Received: 20"),
        (lambda: BoxIoU(SIZE, convention="voc"), "`convention` must be one of .*'voc'"),
        (lambda: BoxIoU(SIZE, threshold=0.2, convention="release"), "three shares of 255"),
        (lambda: GTKnownLocalization(SIZE, iou_threshold=50), "`iou_threshold` must be .*50"),
        (lambda: Top1Localization(SIZE, iou_threshold=-1), "`iou_threshold` must be .*-1"),
        (lambda: MaxBoxAccuracy(SIZE, version=3), "`version` must be 1 or 2. Received: version=3"),
        (lambda: MaxBoxAccuracy(SIZE, iou_thresholds=(0.5, 50)), "`iou_thresholds` must .*50"),
        (lambda: MaxBoxAccuracy(SIZE, iou_thresholds=()), "`iou_thresholds` must"),
        (lambda: MaxBoxAccuracy(SIZE, num_thresholds=0), "`num_thresholds` must be an integer"),
        (lambda: MaxBoxAccuracy(SIZE, normalization="sum"), "`normalization` must .*'sum'"),
        (lambda: MaxBoxAccuracy(SIZE, evaluation_size=224), r"must be \(height, width\).*224"),
        (lambda: PixelAveragePrecision(num_thresholds=1.5), "`num_thresholds` must .*1.5"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


TRUTH = np.ones((2, *SIZE), bool)


@pytest.mark.parametrize(
    ("error", "call", "message"),
    [
        (
            ValueError,
            lambda: PointingGame(num_classes=3).update_state(TRUTH, MAPS),
            "averages over classes. Pass `labels`",
        ),
        (
            ValueError,
            lambda: PointingGame(num_classes=3).update_state(TRUTH, MAPS, labels=[0, 3]),
            r"`labels` must be classes .*0..2. Received: \[3\]",
        ),
        (
            ValueError,
            lambda: PointingGame(num_classes=3).update_state(TRUTH, MAPS, labels=[0]),
            "`labels` must be .*Received: 1 for 2 images",
        ),
        (
            TypeError,
            lambda: PointingGame(num_classes=3).update_state(TRUTH, MAPS, labels=[0.0, 1.0]),
            "`labels` must be integers. Received: dtype float64",
        ),
        (
            ValueError,
            lambda: Top1Localization(SIZE).update_state(TRUTH, MAPS),
            "needs `labels` and `scores`",
        ),
        (
            ValueError,
            lambda: Top1Localization(SIZE).update_state(
                TRUTH, MAPS, labels=[0, 1], scores=[0.1, 0.2]
            ),
            r"`scores` must have the shape \(batch, classes\). Received: \(2,\) for 2 labels",
        ),
        (
            ValueError,
            lambda: Top1Localization(SIZE).update_state(
                TRUTH, MAPS, labels=[0, 1], scores=[[0.1, 0.2]]
            ),
            r"Received: \(1, 2\) for 2 labels",
        ),
        (
            ValueError,
            lambda: Top1Localization(SIZE).update_state(
                TRUTH, MAPS, labels=[0, 5], scores=[[0.1, 0.2]] * 2
            ),
            r"`labels` must be classes .*Received: \[5\]",
        ),
        (
            ValueError,
            lambda: Top1Localization(SIZE).update_state(
                TRUTH, MAPS, labels=[0], scores=[[0.1, 0.2]]
            ),
            "one label for each image. Received: 1 for 2 images",
        ),
        (
            TypeError,
            lambda: Top1Localization(SIZE).update_state(
                TRUTH, MAPS, labels=[0.0, 1.0], scores=[[0.1, 0.2]] * 2
            ),
            "`labels` must be integers",
        ),
        (
            ValueError,
            lambda: BoxIoU(SIZE).update_state(TRUTH, [[1, 2, 4]] * 2),
            r"\(batch, h, w\). Received: \(2, 3\)",
        ),
        (
            TypeError,
            lambda: PixelAveragePrecision().update_state(TRUTH, MAPS, ignore=TRUTH.astype(int)),
            "bool.*dtype int64",
        ),
        (
            ValueError,
            lambda: PixelAveragePrecision().update_state(TRUTH, MAPS, ignore=TRUTH[:, 1:]),
            r"\(batch, 24, 36\).*Received: \(2, 23, 36\)",
        ),
        (
            ValueError,
            lambda: PixelAveragePrecision().update_state(TRUTH, MAPS, ignore=TRUTH[:1]),
            "Received: 1 for 2 images",
        ),
    ],
)
def test_bad_batches(error, call, message):
    with pytest.raises(error, match=message):
        call()
