"""Occlusion and RISE against loops over patches and masks, and on linear networks."""

import itertools

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import mostly_exhaustive
from tiny import Tiny, linear_network

import kerascam as kc
from kerascam.backend import random_uniform

SHAPES = [(11, 2), (7, 10, 3), (4, 6, 5, 2)]  # A signal, a picture that is not square, a volume.


@pytest.fixture(params=mostly_exhaustive(SHAPES, SHAPES[1:2]), ids=["1D", "2D", "3D"])
def shape(request):
    return request.param


def starts(length, patch, stride):
    """Where patches begin: at regular strides, the last at the border."""
    found = list(range(0, length - patch + 1, stride))
    return found if found[-1] == length - patch else [*found, length - patch]


def occlusion(score, image, patches, strides, baseline):
    """The mean over the patches that cover a pixel of how much the score falls."""
    size = image.shape[:-1]
    total, coverage = np.zeros(size), np.zeros(size)
    corners = [starts(*lengths) for lengths in zip(size, patches, strides, strict=True)]
    for corner in itertools.product(*corners):
        window = tuple(slice(a, a + n) for a, n in zip(corner, patches, strict=True))
        covered = image.copy()
        covered[window] = np.broadcast_to(baseline, image.shape)[window]
        total[window] += score(image) - score(covered)
        coverage[window] += 1
    return total / coverage


@pytest.mark.parametrize("batch_size", mostly_exhaustive([3, 32], [3]))
@pytest.mark.parametrize(("patch_size", "strides"), [(3, 2), (2, 2), (3, 1), (4, 3)])
def test_occlusion_in_a_loop(shape, patch_size, strides, batch_size, rng):
    tiny = Tiny(shape)
    images = rng.normal(size=(2, *shape)).astype("float32")
    explain = kc.Occlusion(
        tiny.model, patch_size=patch_size, strides=strides, baseline=0.5, batch_size=batch_size
    )
    axes = len(shape) - 1
    for image, heatmap in zip(images, explain(images, 1).heatmaps, strict=True):
        expected = occlusion(
            lambda x: tiny.scores(x[None])[0, 1],
            image.astype("float64"),
            [patch_size] * axes,
            [strides] * axes,
            0.5,
        )
        np.testing.assert_allclose(heatmap, expected, rtol=1e-3, atol=1e-5)


def test_occlusion_by_patches_that_are_not_square_and_another_image(rng):
    shape = (7, 10, 3)
    tiny = Tiny(shape)
    images = rng.normal(size=(2, *shape)).astype("float32")
    baseline = rng.normal(size=shape).astype("float32")
    explain = kc.Occlusion(tiny.model, patch_size=(2, 5), strides=(2, 3), baseline=baseline)
    heatmap = explain(images, 0).heatmaps[1]
    image = images[1].astype("float64")
    expected = occlusion(lambda x: tiny.scores(x[None])[0, 0], image, (2, 5), (2, 3), baseline)
    np.testing.assert_allclose(heatmap, expected, rtol=1e-3, atol=1e-5)


def test_occlusion_sees_the_right_half_of_a_wide_image():
    """One pixel matters, near the right border: others have swapped the axes there."""
    inputs = keras.Input((32, 64, 1))
    pixel = inputs[:, 4, 60, 0]
    model = keras.Model(inputs, keras.ops.stack([pixel, -pixel], axis=-1))
    image = np.ones((1, 32, 64, 1), "float32")
    heatmap = kc.Occlusion(model, patch_size=4, strides=4)(image, 0).heatmaps[0]
    assert heatmap.shape == (32, 64)
    np.testing.assert_array_equal(np.argwhere(heatmap == 1).min(axis=0), [4, 60])
    np.testing.assert_array_equal(np.argwhere(heatmap == 1).max(axis=0), [7, 63])
    assert heatmap.sum() == 16


def test_occlusion_of_a_linear_score_is_exact(shape, rng):
    """`sum over the patch of w (x - b)`; with patches of one pixel, `w (x - b)` itself."""
    model, kernel, _ = linear_network(shape)
    images = rng.normal(size=(2, *shape)).astype("float32")
    heatmaps = kc.Occlusion(model, patch_size=1, strides=1, baseline=0.3)(images, 2).heatmaps
    expected = ((images - 0.3) * kernel[..., 2]).sum(axis=-1)
    np.testing.assert_allclose(heatmaps, expected, rtol=1e-3, atol=1e-4)


def test_default_patches_are_an_eighth_of_each_side(rng):
    model, *_ = linear_network((32, 16, 1))
    image = rng.normal(size=(1, 32, 16, 1)).astype("float32")
    given = kc.Occlusion(model, patch_size=(4, 2), strides=(2, 1))(image, 0).heatmaps
    np.testing.assert_array_equal(kc.Occlusion(model)(image, 0).heatmaps, given)


def masks_of(explain, size, number):
    """The first masks of a `RISE`; compiled, as one by one they take long."""
    draw = tf.function(lambda indices: explain._masks(size, indices))
    return np.asarray(draw(tf.range(number)))


@pytest.mark.parametrize("batch_size", [5, 32])
def test_rise_in_a_loop(batch_size, rng):
    """Masks by OpenCV from the same random numbers: grid, enlarge, cut out at random."""
    shape, grid, number = (10, 13, 3), 4, 20
    tiny = Tiny(shape)
    images = rng.normal(size=(2, *shape)).astype("float32")
    explain = kc.RISE(
        tiny.model, samples=number, grid=grid, probability=0.4, seed=9, batch_size=batch_size
    )
    drawn = np.asarray(random_uniform((grid**2 + 2,), 9, np.arange(number, dtype="int32")))
    cells = [-(-size // grid) for size in shape[:2]]
    expected = np.zeros((2, 10, 13))
    for numbers in drawn:
        visible = (numbers[:-2] < 0.4).astype("float32").reshape(grid, grid)
        size = [(grid + 1) * cell for cell in cells]
        large = cv2.resize(visible, size[::-1], interpolation=cv2.INTER_LINEAR)
        y, x = (int(n * cell) for n, cell in zip(numbers[-2:], cells, strict=True))
        mask = large[y : y + 10, x : x + 13]
        for index, image in enumerate(images):
            weight = tiny.probabilities((image * mask[..., None])[None])[0, 1]
            expected[index] += weight * mask / (number * 0.4)
    np.testing.assert_allclose(explain(images, 1).heatmaps, expected, rtol=1e-3, atol=1e-4)


def test_rise_masks_are_visible_as_often_as_asked(shape, rng):
    model, *_ = linear_network(shape)
    explain = kc.RISE(model, grid=3, probability=0.3)
    masks = masks_of(explain, shape[:-1], 3000)
    assert masks.shape == (3000, *shape[:-1])
    assert masks.min() >= 0
    assert masks.max() <= 1
    np.testing.assert_allclose(masks.mean(axis=0), 0.3, atol=0.04)


def test_rise_of_a_linear_score(rng):
    """`p S + (1 - p) w x` on average where pixels are masked one by one, plus the bias."""
    shape = (2, 3, 1)
    model, kernel, bias = linear_network(shape)
    image = rng.normal(size=(1, *shape)).astype("float32")
    masks = masks_of(kc.RISE(model), (2, 3), 4)
    assert masks.shape == (4, 2, 3)

    def first_score(scores):
        return scores[:, 0]

    heatmap = kc.RISE(model, samples=1000, grid=3)(image, first_score).heatmaps[0]
    # By the same masks in one sum: E[f(x m) m] / p, which is linear in the covariance of masks.
    masks = masks_of(kc.RISE(model, grid=3), (2, 3), 1000).astype("float64")
    flat = masks.reshape(len(masks), -1)
    scores = flat @ (image[0, ..., 0] * kernel[..., 0, 0]).ravel() + bias[0]
    expected = (scores @ flat / len(masks) / 0.5).reshape(2, 3)
    np.testing.assert_allclose(heatmap, expected, rtol=1e-3, atol=1e-4)


def test_rise_of_a_linear_score_with_cells_masked_one_by_one(rng):
    """As many cells as pixels: nearly independent bits, so nearly the closed form.

    `p (w x) + (1 - p) w_i x_i` plus the bias, up to the shift and the interpolation between cells.
    """
    model, kernel, bias = linear_network((40, 1))
    signal = np.zeros((1, 40, 1), "float32")
    signal[0, 20] = 1 / kernel[20, 0, 0]  # One pixel matters, by 1.
    explain = kc.RISE(model, samples=6000, grid=8)
    heatmap = explain(signal, lambda scores: scores[:, 0]).heatmaps[0]
    far = heatmap[[0, 1, 2, 37, 38, 39]]
    np.testing.assert_allclose(far, 0.5 * 1 + bias[0], atol=0.05)
    assert heatmap.argmax() in (19, 20, 21)
    assert heatmap.max() - far.mean() > 0.2


def test_rise_seed(rng):
    tiny = Tiny((7, 10, 3))
    images = rng.normal(size=(1, 7, 10, 3)).astype("float32")
    first, again, other = (
        kc.RISE(tiny.model, samples=9, seed=seed)(images).heatmaps for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other, rtol=1e-2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m: kc.Occlusion(m, patch_size=0), "`patch_size` must be an integer of at least 1"),
        (lambda m: kc.Occlusion(m, patch_size=(2, 2, 2)), "`patch_size` must .* each of 2 axes"),
        (lambda m: kc.Occlusion(m, patch_size=9), r"must fit into images of \(7, 10\) pixels"),
        (lambda m: kc.Occlusion(m, patch_size=2, strides=3), "`strides` must be at most"),
        (lambda m: kc.Occlusion(m, baseline="grey"), "`baseline` must be a number, an image or"),
        (lambda m: kc.RISE(m, samples=0), "`samples` must be an integer"),
        (lambda m: kc.RISE(m, grid=0), "`grid` must be an integer"),
        (lambda m: kc.RISE(m, probability=0), "`probability` must lie between 0 and 1"),
        (lambda m: kc.RISE(m, probability=1.5), "`probability` must be a number of at least 0"),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build(Tiny((7, 10, 3)).model)


def test_occlusion_by_hand():
    """Score 1, and 1, 0, 10 and -1 with each of four patches covered: 0, 1, -9 and 2."""
    inputs = keras.Input((4, 1))
    covered = keras.ops.relu(1 - inputs[..., 0])  # One where a pixel is zero.
    value = 1 + keras.ops.matmul(covered, np.array([[0], [-1], [9], [-2]], "float32"))[:, 0]
    model = keras.Model(inputs, keras.ops.stack([value, -value], axis=-1))
    explain = kc.Occlusion(model, patch_size=1, strides=1)
    assert explain(np.ones((1, 4, 1), "float32"), 0).heatmaps[0].tolist() == [0, 1, -9, 2]


def test_occlusion_of_a_sum_by_overlapping_patches():
    """Three times the sum of ones on 5x5, patches of 3: each patch takes 27, so all pixels 27."""
    inputs = keras.Input((5, 5, 1))
    value = 3 * keras.ops.sum(inputs, axis=(1, 2, 3))
    model = keras.Model(inputs, keras.ops.stack([value, -value], axis=-1))
    explain = kc.Occlusion(model, patch_size=3, strides=1)
    np.testing.assert_allclose(explain(np.ones((1, 5, 5, 1)), 0).heatmaps, 27)
    corner = np.zeros((1, 5, 5, 1), "float32")
    corner[0, 0, 0] = 1  # Only one patch of each row and column has it.
    expected = np.zeros((5, 5))
    shares = [1, 1 / 2, 1 / 3, 0, 0]  # Of the patches over a pixel, those over the corner too.
    expected += 3 * np.outer(shares, shares)
    np.testing.assert_allclose(explain(corner, 0).heatmaps[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "method", mostly_exhaustive([kc.Occlusion, kc.RISE, kc.ScoreCAM], [kc.RISE])
)
def test_integer_images_are_covered_by_whole_numbers(method, rng):
    inputs = keras.Input((16, 16, 3), dtype="uint8")
    x = keras.layers.Conv2D(4, 3, name="conv")(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(x)))
    images = rng.integers(0, 256, size=(2, 16, 16, 3)).astype("uint8")
    arguments = {"samples": 200} if method is kc.RISE else {}
    heatmaps = method(model, **arguments)(images, 1).heatmaps
    floats = keras.Input((16, 16, 3))
    twin = keras.Model(floats, model.layers[-1](model.layers[-2](model.layers[-3](floats / 255))))
    expected = method(twin, **arguments)(images.astype("float32"), 1).heatmaps
    np.testing.assert_allclose(heatmaps, expected, atol=0.02 * np.abs(expected).max())


def test_strides_come_with_patches():
    with pytest.raises(ValueError, match="`strides` must come with `patch_size`"):
        kc.Occlusion(Tiny((7, 10, 3)).model, strides=2)
    explain = kc.Occlusion(Tiny((7, 10, 3)).model, patch_size=np.array([2, 3]))
    assert explain.patch_size == (2, 3)
