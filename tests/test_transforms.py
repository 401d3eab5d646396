"""Random changes of images, against shifts and turns by NumPy and OpenCV."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascam.class_model import Blur, Flip, Jitter, Pad, Rotate, Scale
from kerascam.class_model.transforms import apply, num_random
from kerascam.explainers.interpolation import blur

ALL = [Pad(2), Jitter(3), Scale(0.8, 1.2), Rotate(15), Flip(), Blur(1.0)]


@pytest.fixture
def images(rng):
    return rng.uniform(size=(3, 12, 15, 2)).astype("float32")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def run(transform, images, random, fill=0.0):
    return numpy(apply([transform], images, np.asarray(random, "float32"), fill))


def warped(image, matrix):
    """The image seen through a matrix from places in the result, by OpenCV."""
    return cv2.warpAffine(
        image,
        np.asarray(matrix, "float64")[:2],
        image.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )


def about_the_center(matrix, shape):
    middle = np.array([[1, 0, (shape[1] - 1) / 2], [0, 1, (shape[0] - 1) / 2], [0, 0, 1]])
    return middle @ matrix @ np.linalg.inv(middle)


def test_jitter_shifts_by_whole_pixels(images):
    random = [[0.0, 0.5], [0.999, 0.5], [0.5, 0.999]]
    found = run(Jitter(3), images, random)
    np.testing.assert_allclose(found[0, :, 3:], images[0, :, :-3], atol=1e-6)
    assert not found[0, :, :3].any()
    np.testing.assert_allclose(found[1, :, :-3], images[1, :, 3:], atol=1e-6)
    np.testing.assert_allclose(found[2, :-3], images[2, 3:], atol=1e-6)
    shifts = {np.floor(u * 7) - 3 for u in np.linspace(0, 0.9999, 100)}
    assert shifts == {-3, -2, -1, 0, 1, 2, 3}


def test_scale_rotate_and_pad_are_those_of_opencv(images):
    for transform, random, matrix in [
        (Scale(0.8, 1.2), [1.0], np.diag([1 / 1.2, 1 / 1.2, 1])),
        (Pad(2), [], np.diag([19 / 15, 16 / 12, 1])),
        (
            Rotate(10),
            [1.0],
            [
                [np.cos(np.pi / 18), np.sin(np.pi / 18), 0],
                [-np.sin(np.pi / 18), np.cos(np.pi / 18), 0],
                [0, 0, 1],
            ],
        ),
    ]:
        found = run(transform, images, [random] * 3)
        for image, result in zip(images, found, strict=True):
            expected = warped(image, about_the_center(np.asarray(matrix), image.shape))
            np.testing.assert_allclose(result, expected, atol=0.05)  # OpenCV has 1/32 pixels.


def test_flip_mirrors_some(images):
    found = run(Flip(), images, [[0.1], [0.9], [0.49]])
    np.testing.assert_allclose(found[0], images[0, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(found[1], images[1], atol=1e-5)
    np.testing.assert_allclose(found[2], images[2, :, ::-1], atol=1e-5)


def test_blur_mixes_by_a_random_share(images):
    found = run(Blur(1.0), images, [[0.0], [1.0], [0.25]])
    np.testing.assert_allclose(found[0], images[0], atol=1e-6)
    blurred = numpy(blur(images, 1.0))
    np.testing.assert_allclose(found[1], blurred[1], atol=1e-6)
    np.testing.assert_allclose(found[2], 0.75 * images[2] + 0.25 * blurred[2], atol=1e-6)


def test_several_are_done_in_their_order(images):
    """Put together they are one interpolation; shifts and mirrors are exact, so they show it."""
    random = np.tile([0.999, 0.5, 0.1], (3, 1))
    found = numpy(apply([Jitter(3), Flip()], images, random.astype("float32"), 0.0))
    shifted = np.zeros_like(images)
    shifted[:, :, :-3] = images[:, :, 3:]
    np.testing.assert_allclose(found, shifted[:, :, ::-1], atol=1e-5)
    turned = numpy(
        apply(
            [Rotate(90), Jitter(3)], images, np.tile([1, 0.999, 0.5], (3, 1)).astype("float32"), 0
        )
    )
    alone = run(Rotate(90), images, [[1.0]] * 3)
    np.testing.assert_allclose(turned[:, :, :-3], alone[:, :, 3:], atol=1e-4)


def test_what_comes_in_has_the_colour_of_the_fill(images):
    fill = np.array([0.25, -7.0], "float32")
    found = run(Jitter(3), images, [[0.0, 0.5]] * 3, fill)
    np.testing.assert_allclose(found[:, :, :3], np.broadcast_to(fill, (3, 12, 3, 2)), atol=1e-6)
    np.testing.assert_allclose(found[:, :, 3:], images[:, :, :-3], atol=1e-5)


def test_each_image_has_a_change_of_its_own(images, rng):
    random = rng.uniform(size=(3, num_random(ALL))).astype("float32")
    together = numpy(apply(ALL, images, random, 0.5))
    for index in range(3):
        part = slice(index, index + 1)
        alone = numpy(apply(ALL, images[part], random[part], 0.5))
        np.testing.assert_allclose(alone[0], together[index], atol=1e-5)
    same = numpy(apply(ALL, images[:1].repeat(3, axis=0), random, 0.5))
    assert np.abs(same[0] - same[1]).max() > 0.05


@pytest.mark.exhaustive
def test_gradient_of_shifts_is_exact_and_of_turns_close(rng):
    """The gradient of a linear map is its transpose."""
    image = tf.constant(rng.uniform(size=(1, 24, 24, 1)), tf.float32)
    smooth = blur(tf.constant(rng.normal(size=(1, 24, 24, 1)), tf.float32), 2.0)
    for transform, random, tolerance in [
        (Jitter(3), [[0.0, 0.9]], 1e-5),
        (Flip(), [[0.0]], 1e-4),
        (Rotate(10), [[0.9]], 0.1),
        (Scale(0.9, 1.1), [[0.9]], 0.05),
        (Scale(0.5, 0.5), [[0.9]], 0.2),
        (Pad(2), np.zeros((1, 0)), 0.1),
    ]:
        random = tf.constant(random, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(image)
            value = tf.reduce_sum(smooth * transform(image, random, 0.0))
        gradient = tape.gradient(value, image).numpy().ravel()
        exact = np.array(
            [
                float(tf.reduce_sum(smooth * transform(tf.reshape(unit, image.shape), random, 0.0)))
                for unit in np.eye(24 * 24, dtype="float32")[::5]
            ]
        )
        error = np.linalg.norm(gradient[::5] - exact) / np.linalg.norm(exact)
        assert error < tolerance, transform


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Jitter(-1), "`pixels` must be an integer of at least 0"),
        (lambda: Jitter(1.5), "`pixels` must be an integer of at least 0"),
        (lambda: Pad(-1), "`pixels` must be an integer of at least 0"),
        (lambda: Scale(0, 1), "`low` must be a number of at least 0.001"),
        (lambda: Scale(1, 0.5), "`high` must be a number of at least 1"),
        (lambda: Rotate(200), "`degrees` must be a number of at least 0 and at most 180"),
        (lambda: Blur(-1), "`sigma` must be a number of at least 0"),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
