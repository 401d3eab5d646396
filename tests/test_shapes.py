import cv2
import numpy as np
import pytest

from kerascam.datasets import SHAPES, shapes


def test_same_arguments_give_the_same_images_however_many():
    many, few, other = shapes(12, seed=3), shapes(5, seed=3), shapes(5, seed=4)
    for a, b in zip(many[:4], few[:4], strict=True):
        np.testing.assert_array_equal(a[:5], b)
    assert not np.array_equal(few.images, other.images)


def test_what_the_arrays_hold():
    data = shapes(40, image_size=48, classes=SHAPES, num_objects=2)
    assert data.images.shape == (40, 48, 48, 3)
    assert data.images.dtype == np.float32
    assert 0 <= data.images.min() < data.images.max() <= 1
    assert data.boxes.shape == (40, 2, 4)
    assert data.masks.shape == (40, 48, 48)
    assert set(data.labels) == set(range(6))
    assert data.class_names == SHAPES


@pytest.mark.parametrize("num_objects", [1, 2])
def test_boxes_are_tight_around_the_masks(num_objects):
    data = shapes(30, num_objects=num_objects, num_distractors=0, object_size=(0.2, 0.3))
    for mask, boxes in zip(data.masks, data.boxes, strict=True):
        x0, y0, x1, y1 = boxes.T
        rows, columns = np.nonzero(mask)
        assert (x0.min(), x1.max()) == (columns.min(), columns.max() + 1)
        assert (y0.min(), y1.max()) == (rows.min(), rows.max() + 1)
        covered = np.zeros_like(mask)
        for a, b, c, d in boxes:
            covered[b:d, a:c] = True
        assert not (mask & ~covered).any()


def test_masks_have_the_outline_of_their_class():
    """Corners, area and hole of each mask, not just that something was drawn."""
    data = shapes(300, image_size=128, classes=SHAPES, object_size=(0.5, 0.5), num_distractors=0)
    fills = {name: [] for name in SHAPES}
    holes = {name: set() for name in SHAPES}
    for mask, label in zip(data.masks, data.labels, strict=True):
        name = data.class_names[label]
        contours, hierarchy = cv2.findContours(
            mask.astype("uint8"), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
        )
        outer = max(contours, key=cv2.contourArea)
        fills[name].append(cv2.contourArea(outer) / cv2.contourArea(cv2.convexHull(outer)))
        holes[name].add(int((hierarchy[0, :, 3] >= 0).sum()))
    assert holes["ring"] == {1}
    assert all(holes[name] == {0} for name in SHAPES if name != "ring")
    convex = {name: np.mean(fill) for name, fill in fills.items()}
    assert min(convex["circle"], convex["square"], convex["triangle"]) > 0.95
    assert max(convex["star"], convex["cross"]) < 0.85


def test_object_stands_out_from_a_plain_background():
    """Inside the mask the pixels are the object's, outside the background's."""
    data = shapes(20, clutter=0, num_distractors=0, noise=0.0)
    for image, mask in zip(data.images, data.masks, strict=True):
        edges = cv2.Laplacian(image[..., 0], cv2.CV_32F)
        assert np.abs(edges[cv2.dilate(mask.astype("uint8"), np.ones((5, 5))) == 0]).max() < 0.05


def test_colour_does_not_tell_the_class():
    """The mean colour of the object predicts nothing: only the outline is a clue."""
    data = shapes(1600, seed=5)
    colors = np.array(
        [image[mask].mean(axis=0) for image, mask in zip(data.images, data.masks, strict=True)]
    )
    means = np.array([colors[data.labels == c].mean(axis=0) for c in range(4)])
    assert np.ptp(means, axis=0).max() < 5 * colors.std() / np.sqrt(400)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num": 0}, "`num` must be an integer of at least 1. Received: 0"),
        ({"num": 1, "image_size": 8}, "`image_size` must be an integer of at least 16"),
        ({"num": 1, "classes": ("circle", "blob")}, "`classes` must be different names"),
        ({"num": 1, "classes": ("circle", "circle")}, "`classes` must be different names"),
        ({"num": 1, "object_size": (0.5, 0.2)}, "`object_size` must be a range"),
        ({"num": 1, "seed": -1}, "`seed` must be an integer of at least 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        shapes(**arguments)
