"""Linear interpolation and blur inside compiled functions."""

import cv2
import numpy as np
import pytest
from keras import ops

from kerascam.explainers.interpolation import blur, linear_weights, resize


@pytest.mark.parametrize("size", [(9, 13), (4, 5), (3, 20), (1, 1), (7, 2)])
def test_resize_is_that_of_keras_and_opencv(size, rng):
    maps = rng.normal(size=(2, 4, 5)).astype("float32")
    found = np.asarray(resize(maps, size))
    expected = ops.image.resize(maps[..., None], size, "bilinear", antialias=False)[..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for one, other in zip(found, maps, strict=True):
        large = cv2.resize(other, size[::-1], interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(one, large, atol=1e-5)


def test_resize_of_one_and_three_axes(rng):
    signal = rng.normal(size=(2, 5)).astype("float32")
    expected = np.asarray(resize(np.repeat(signal[:, None], 3, axis=1), (3, 11)))[:, 0]
    np.testing.assert_allclose(np.asarray(resize(signal, (11,))), expected, atol=1e-6)
    volume = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    found = np.asarray(resize(volume, (6, 4, 10)))
    step = np.asarray(resize(volume.transpose(0, 2, 1, 3).reshape(8, 3, 5), (6, 10)))
    expected = step.reshape(2, 4, 6, 10).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_linear_weights_add_up_to_one_and_stop_at_the_ends():
    weights = np.asarray(linear_weights(np.array([-3, 0, 0.25, 1.5, 2, 9], "float32"), 3))
    expected = [[1, 0, 0], [1, 0, 0], [0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 1]]
    np.testing.assert_allclose(weights, expected)


def test_blur_is_gaussian_far_from_the_border_and_keeps_what_is_constant(rng):
    images = np.zeros((1, 41, 61, 1), "float32")
    images[0, 20, 30] = 1
    found = np.asarray(blur(images, 2.05))[0, ..., 0]
    expected = cv2.GaussianBlur(images[0, ..., 0], (13, 13), 2.05)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    for shape in ((1, 9, 2), (1, 9, 7, 2), (1, 4, 5, 6, 2)):
        np.testing.assert_allclose(np.asarray(blur(np.full(shape, 0.3), 1.4)), 0.3, rtol=1e-5)


def test_blur_is_that_of_opencv(rng):
    images = rng.normal(size=(2, 20, 17, 3)).astype("float32")
    found = np.asarray(blur(images, 1.5))
    for image, blurred in zip(images, found, strict=True):
        expected = cv2.GaussianBlur(image, (9, 9), 1.5, borderType=cv2.BORDER_REFLECT_101)
        # OpenCV's kernel has its own radius here; ours is three deviations.
        kernel = cv2.getGaussianKernel(2 * round(3 * 1.5) + 1, 1.5)
        exact = cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
        np.testing.assert_allclose(blurred, exact, atol=1e-5)
        assert np.abs(blurred - expected).max() < 0.1
    tiny = np.asarray(blur(np.ones((1, 2, 1, 1), "float32"), 3.0))
    np.testing.assert_allclose(tiny, 1, rtol=1e-5)
