"""Objects cut out by their colours, with a map that marks only part of them."""

import cv2
import numpy as np
import pytest

from kerascam.localization import grabcut

SIZE = 48, 64


@pytest.fixture
def pictures(rng):
    """A noisy reddish ellipse on noisy blue, at a different place of each picture."""
    pictures = rng.normal((60, 80, 150), 12, size=(3, *SIZE, 3))
    for picture, mask in zip(pictures, true_masks(), strict=True):
        picture[mask] = rng.normal((190, 70, 40), 12, size=(mask.sum(), 3))
    return pictures.clip(0, 255).astype("uint8")


def true_masks():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    centres = np.array([[20, 24], [24, 40], [28, 30]])[:, :, None, None]
    return ((rows - centres[:, 0]) / 10) ** 2 + ((columns - centres[:, 1]) / 16) ** 2 <= 1


def partial_maps():
    """A peak on the left part of each object alone."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    left = np.array([[20, 14], [24, 30], [28, 20]])[:, :, None, None]
    return np.exp(-np.hypot(rows - left[:, 0], columns - left[:, 1]) / 6)


def tight(mask):
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_object_is_found_by_its_colour_from_a_map_of_a_part(pictures):
    masks, maps = true_masks(), partial_maps()
    found = grabcut(pictures, maps)
    assert found.masks.dtype == bool
    assert found.boxes.dtype == np.int32
    assert found.masks.shape == (3, *SIZE)
    for mask, truth, heatmap in zip(found.masks, masks, maps, strict=True):
        assert (mask & truth).sum() / (mask | truth).sum() > 0.95
        marked = heatmap > 0.2 * heatmap.max()
        assert (marked & truth).sum() / (marked | truth).sum() < 0.6
    np.testing.assert_allclose(found.boxes, [tight(mask) for mask in masks], atol=1)


def test_boxes_are_those_of_the_masks(pictures):
    found = grabcut(pictures, partial_maps())
    assert found.boxes.tolist() == [tight(mask) for mask in found.masks]


@pytest.fixture
def clutter(rng):
    """Pictures without an object, whose cut hangs on how the mixtures of colours began."""
    noise = rng.normal(size=(3, *SIZE, 3))
    noise = np.stack([cv2.GaussianBlur(some, (0, 0), 1.5) for some in noise])
    return (128 + 200 * noise).clip(0, 255).astype("uint8")


def test_cut_is_the_same_each_time_and_whatever_came_before(clutter):
    maps = partial_maps()
    first = grabcut(clutter, maps)
    for seed in (1, 1234, 99):
        cv2.setRNGSeed(seed)
        again = grabcut(clutter, maps)
        np.testing.assert_array_equal(first.masks, again.masks)
        np.testing.assert_array_equal(first.boxes, again.boxes)


def test_cut_does_not_depend_on_the_rest_of_the_batch(clutter):
    maps = partial_maps()
    together = grabcut(clutter, maps, iterations=2)
    order = [2, 0, 1]
    shuffled = grabcut(clutter[order], maps[order], iterations=2)
    np.testing.assert_array_equal(shuffled.masks, together.masks[order])
    for index in range(3):
        one = slice(index, index + 1)
        alone = grabcut(clutter[one], maps[one], iterations=2)
        np.testing.assert_array_equal(alone.masks[0], together.masks[index])


def test_further_iterations_learn_the_colours_of_all_pixels(clutter):
    maps = partial_maps()
    first, second = (grabcut(clutter, maps, iterations=number).masks for number in (1, 2))
    assert not np.array_equal(first, second)


def test_input_is_not_changed(pictures):
    maps = partial_maps()
    before = pictures.copy(), maps.copy()
    grabcut(pictures, maps)
    np.testing.assert_array_equal(pictures, before[0])
    np.testing.assert_array_equal(maps, before[1])


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize(("foreground", "background"), [(0.95, 0.3), (0.9, 0.6), (0.5, 0.4)])
def test_seeds_stay_on_their_side(rng, foreground, background, iterations):
    """Against colour: a picture of noise, which would put seeds anywhere."""
    noise = rng.integers(0, 256, size=(3, *SIZE, 3), dtype="uint8")
    maps = partial_maps()
    found = grabcut(noise, maps, foreground, background, iterations=iterations)
    for mask, heatmap in zip(found.masks, maps, strict=True):
        assert not mask[heatmap < np.quantile(heatmap, background)].any()
        # The peak is a disc, so that no seed falls off with a smaller component.
        assert mask[heatmap > np.quantile(heatmap, foreground)].all()


def test_quantiles_are_those_of_the_paper_by_default(pictures):
    maps = partial_maps()
    default, paper = grabcut(pictures, maps), grabcut(pictures, maps, 0.95, 0.30)
    np.testing.assert_array_equal(default.masks, paper.masks)


def test_only_the_largest_component_is_kept(pictures):
    """Another thing of the same colour, not far enough to belong to the background."""
    picture, heatmap = pictures[:1].copy(), partial_maps()[:1]
    picture[0, 35:40, 18:24] = 190, 70, 40
    assert heatmap[0, 35:40, 18:24].min() > np.quantile(heatmap, 0.3)
    found = grabcut(picture, heatmap)
    assert found.masks[0, 20, 24]
    assert not found.masks[0, 35:40, 18:24].any()
    np.testing.assert_allclose(found.boxes[0], tight(true_masks()[0]), atol=1)


def test_coarse_map_is_resized_to_the_picture(pictures):
    coarse = np.stack([cv2.resize(some, (16, 12)) for some in partial_maps()])
    found = grabcut(pictures, coarse)
    truth = true_masks()
    assert ((found.masks & truth).sum() / (found.masks | truth).sum()) > 0.9


@pytest.mark.parametrize("scale", [1e-14, 1e6])
def test_scale_of_the_map_does_not_matter(pictures, scale):
    expected = grabcut(pictures, partial_maps())
    found = grabcut(pictures, partial_maps() * scale)
    np.testing.assert_array_equal(found.masks, expected.masks)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -7.3, np.nan])
@pytest.mark.parametrize("shape", [(7, 7), SIZE])
def test_constant_map_gives_an_empty_mask(pictures, value, shape):
    found = grabcut(pictures, np.full((3, *shape), value))
    assert not found.masks.any()
    assert found.boxes.tolist() == [[0, 0, 0, 0]] * 3


def test_constant_map_does_not_spoil_the_others(pictures):
    maps = partial_maps()
    expected = grabcut(pictures, maps)
    maps[1] = 0
    found = grabcut(pictures, maps)
    np.testing.assert_array_equal(found.masks[[0, 2]], expected.masks[[0, 2]])
    assert not found.masks[1].any()


def test_map_that_is_zero_nearly_everywhere(pictures):
    """The lower quantile is zero, and so are most pixels of the object: they are not lost."""
    maps = np.where(partial_maps() > 0.3, partial_maps(), 0)
    assert (maps == 0).mean() > 0.5
    found, truth = grabcut(pictures, maps), true_masks()
    assert ((found.masks & truth).sum() / (found.masks | truth).sum()) > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 2), (1, 9), (9, 1), (4, 4)])
def test_tiny_pictures(shape, rng):
    picture = rng.integers(0, 256, size=(1, *shape, 3), dtype="uint8")
    found = grabcut(picture, rng.random((1, *shape)))
    assert found.masks.shape == (1, *shape)


def test_picture_of_one_colour_keeps_the_seeds():
    heatmap = partial_maps()[:1]
    found = grabcut(np.full((1, *SIZE, 3), 77, "uint8"), heatmap)
    assert found.masks[0][heatmap[0] > np.quantile(heatmap, 0.95)].all()


def test_no_pictures_give_no_masks():
    found = grabcut(np.zeros((0, *SIZE, 3), "uint8"), np.zeros((0, 7, 7)))
    assert found.masks.shape == (0, *SIZE)
    assert found.boxes.shape == (0, 4)


PICTURES, MAPS = np.zeros((2, 8, 8, 3), "uint8"), np.zeros((2, 4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grabcut(PICTURES / 255, MAPS), "dtype float64. `kc.visualization.to_rgb`"),
        (lambda: grabcut(PICTURES[..., :1], MAPS), r"RGB.*Received: shape \(2, 8, 8, 1\)"),
        (lambda: grabcut(PICTURES[0], MAPS), r"RGB.*Received: shape \(8, 8, 3\)"),
        (lambda: grabcut(PICTURES, MAPS[0]), r"\(batch, h, w\). Received: \(4, 4\)"),
        (lambda: grabcut(PICTURES, MAPS[:1]), "1 heatmaps for 2 pictures"),
        (lambda: grabcut(PICTURES, MAPS, 95), "`foreground` must be a number .*Received: 95"),
        (lambda: grabcut(PICTURES, MAPS, 0.9, -1), "`background` must be a number .*Received: -1"),
        (lambda: grabcut(PICTURES, MAPS, 0.3, 0.95), "lower quantile.*background=0.95"),
        (lambda: grabcut(PICTURES, MAPS, 0.5, 0.5), "lower quantile.*background=0.5, foreground"),
        (lambda: grabcut(PICTURES, MAPS, iterations=0), "`iterations` must be an integer.*0"),
        (lambda: grabcut(PICTURES, MAPS, iterations=1.5), "`iterations` must be an integer.*1.5"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
