"""What keeps images small or smooth, against loops and closed forms."""

import keras
import numpy as np
import pytest
from tiny import linear_network

import kerascam as kc
from kerascam.class_model import L1, L2, BlurEvery, Frame, PNorm, TotalVariation
from kerascam.explainers.interpolation import blur

FRAME = Frame((5, 4), 3, np.full(3, -1.0, "float32"), np.full(3, 3.0, "float32"))


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_norms(rng):
    images = rng.normal(size=(2, 5, 4, 3)).astype("float32")
    for regularizer, expected in [
        (L1(0.5), 0.5 * np.abs(images).sum(axis=(1, 2, 3))),
        (L2(0.5), 0.5 * (images**2).sum(axis=(1, 2, 3))),
        (PNorm(0.5, 6), 0.5 * (images**6).sum(axis=(1, 2, 3))),
    ]:
        np.testing.assert_allclose(numpy(regularizer(images, FRAME)), expected, rtol=1e-4)


def test_total_variation(rng):
    images = rng.normal(size=(2, 5, 4, 3)).astype("float32")
    for image, found in zip(images, numpy(TotalVariation(2.0)(images, FRAME)), strict=True):
        total = 0.0
        for y in range(5):
            for x in range(4):
                for c in range(3):
                    if y < 4:
                        total += abs(image[y + 1, x, c] - image[y, x, c])
                    if x < 3:
                        total += abs(image[y, x + 1, c] - image[y, x, c])
        assert found == pytest.approx(2.0 * total / 4 / 60, rel=1e-4)


@pytest.mark.exhaustive
def test_the_l2_regularizer_is_the_penalty():
    model, kernel, _ = linear_network((4, 5, 2))
    rate = {"optimizer": keras.optimizers.SGD(0.2)}
    by_penalty = kc.ClassModel(model, preset="paper", penalty=0.3, **rate)(1, steps=50)
    by_part = kc.ClassModel(model, preset="paper", penalty=0, regularizers=[L2(0.3)], **rate)
    np.testing.assert_allclose(by_part(1, steps=50).images, by_penalty.images, rtol=1e-4, atol=1e-5)
    none = kc.ClassModel(model, preset="paper", penalty=0, regularizers=[TotalVariation(0)], **rate)
    np.testing.assert_allclose(none(1, steps=10).images[0], 2 * kernel[..., 1], rtol=1e-4)


def test_l1_leaves_out_what_is_weak():
    """With a linear score and L1 no pixel moves whose weight is below that of the penalty."""
    model, kernel, _ = linear_network((4, 5, 2))
    find = kc.ClassModel(
        model,
        preset="paper",
        penalty=0.1,
        regularizers=[L1(0.5)],
        optimizer=keras.optimizers.SGD(0.02),
    )
    expected = np.sign(kernel[..., 1]) * np.maximum(np.abs(kernel[..., 1]) - 0.5, 0) / 0.2
    np.testing.assert_allclose(find(1, steps=4000).images[0], expected, atol=0.02)


@pytest.mark.parametrize(
    "kind",
    [kc.class_model.Pixels, pytest.param(kc.class_model.Fourier, marks=pytest.mark.exhaustive)],
)
def test_blur_every_few_steps(kind):
    model, kernel, _ = linear_network((12, 11, 3))
    arguments = {
        "preset": "paper",
        "penalty": 0,
        "parameterization": kind(decorrelated=False, bounded=False),
        "optimizer": keras.optimizers.SGD(0.5),
    }
    plain = kc.ClassModel(model, **arguments)
    find = kc.ClassModel(model, regularizers=[BlurEvery(3, sigma=1.0)], **arguments)
    np.testing.assert_allclose(find(1, steps=2).images, plain(1, steps=2).images, atol=1e-5)
    third = numpy(blur(plain(1, steps=3).images, 1.0))
    np.testing.assert_allclose(find(1, steps=3).images, third, rtol=1e-3, atol=1e-4)
    if kind is kc.class_model.Pixels:
        fifth = find(1, steps=5).images[0]
        np.testing.assert_allclose(fifth, third[0] + 2 * 0.5 * kernel[..., 1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [L1, L2, PNorm, TotalVariation])
@pytest.mark.parametrize("weight", [-1, None, "much", float("inf")])
def test_bad_weights(kind, weight):
    with pytest.raises(ValueError, match="`weight` must be a number of at least 0"):
        kind(weight)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`p` must be a number of at least 1"):
        PNorm(1, p=0.5)
    with pytest.raises(ValueError, match="`steps` must be an integer of at least 1"):
        BlurEvery(0)
    with pytest.raises(ValueError, match="`sigma` must be a number of at least 0"):
        BlurEvery(1, sigma=-1)
