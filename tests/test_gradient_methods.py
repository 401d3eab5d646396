"""Gradient methods against finite differences, closed forms and loops over the papers' formulas."""

import cv2
import keras
import numpy as np
import pytest
from conftest import mostly_exhaustive
from tiny import Tiny, linear_network

import kerascam as kc
from kerascam.backend import random_normal

SHAPES = [(7, 2), (4, 5, 3), (3, 4, 2, 2)]  # A signal, a picture, a volume.


@pytest.fixture(params=mostly_exhaustive(SHAPES, SHAPES[1:2]), ids=["1D", "2D", "3D"])
def shape(request):
    return request.param


def draw(rng, shape, number=2):
    return rng.normal(size=(number, *shape)).astype("float32")


def noise_of(explain, shape):
    """The noise that an explainer adds, `(samples, *shape)`."""
    indices = np.arange(explain.samples, dtype="int32")
    return np.asarray(random_normal(shape, explain.seed, indices), "float64")


@pytest.mark.parametrize("activation", ["softplus", "relu"])
def test_saliency_is_the_largest_absolute_finite_difference(shape, activation, rng):
    tiny = Tiny(shape, activation=activation)
    images = draw(rng, shape).astype("float64")
    step = 1e-6
    expected = np.zeros(images.shape)
    for index in np.ndindex(*images.shape):
        low, high = images.copy(), images.copy()
        low[index] -= step
        high[index] += step
        difference = tiny.scores(high) - tiny.scores(low)
        expected[index] = difference[index[0], 1] / (2 * step)
    signed = kc.Saliency(tiny.model, channels=None)(images, 1).heatmaps
    np.testing.assert_allclose(signed, expected, rtol=1e-3, atol=1e-5)
    saliency = kc.Saliency(tiny.model)(images, 1).heatmaps
    np.testing.assert_allclose(saliency, np.abs(expected).max(axis=-1), rtol=1e-3, atol=1e-5)


def test_channels(rng):
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    kept = kc.Saliency(tiny.model, channels=None)(images, 0).heatmaps
    expected = {
        "max_abs": np.abs(kept).max(axis=-1),
        "max": kept.max(axis=-1),
        "sum": kept.sum(axis=-1),
    }
    for channels, value in expected.items():
        found = kc.Saliency(tiny.model, channels=channels)(images, 0).heatmaps
        np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match="`channels` must be one of .*Received: channels='mean'"):
        kc.Saliency(tiny.model, channels="mean")


def test_saliency_of_a_linear_score_is_its_weights(shape, rng):
    model, kernel, _ = linear_network(shape)
    heatmaps = kc.Saliency(model)(draw(rng, shape), [2, 0]).heatmaps
    np.testing.assert_allclose(heatmaps[0], np.abs(kernel[..., 2]).max(axis=-1), rtol=1e-6)
    np.testing.assert_allclose(heatmaps[1], np.abs(kernel[..., 0]).max(axis=-1), rtol=1e-6)


def test_saliency_is_that_of_the_score_and_not_of_the_probability(rng):
    """Adding the same number to all scores changes no gradient; a saturated softmax neither."""
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    before = kc.Saliency(tiny.model)(images, 0).heatmaps
    kernel, bias = tiny.model.get_layer("scores").get_weights()
    tiny.model.get_layer("scores").set_weights([kernel, bias + np.array([500, 0, 0])])
    after = kc.Saliency(tiny.model)(images, 0).heatmaps
    np.testing.assert_allclose(after, before, rtol=1e-5)


def test_saliency_is_zero_where_the_network_does_not_look(rng):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Cropping2D(((0, 4), (0, 0)))(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    heatmaps = kc.Saliency(keras.Model(inputs, outputs))(draw(rng, (8, 8, 3)), 0).heatmaps
    assert heatmaps[:, :4].any()
    assert not heatmaps[:, 4:].any()


def test_input_x_gradient_of_a_homogeneous_network_adds_up_to_the_score(rng):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", use_bias=False)(inputs)
    x = keras.layers.MaxPooling2D()(x)
    outputs = keras.layers.Dense(4, use_bias=False)(keras.layers.Flatten()(x))
    heatmaps, _, scores = kc.InputXGradient(keras.Model(inputs, outputs))(
        draw(rng, (8, 8, 3)), [1, 3]
    )
    np.testing.assert_allclose(heatmaps.sum(axis=(1, 2)), scores[[0, 1], [1, 3]], rtol=1e-4)


def test_input_x_gradient_is_the_product(shape, rng):
    tiny = Tiny(shape)
    images = draw(rng, shape)
    expected = (images * tiny.gradient(images, 2)).sum(axis=-1)
    heatmaps = kc.InputXGradient(tiny.model)(images, 2).heatmaps
    np.testing.assert_allclose(heatmaps, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_size", mostly_exhaustive([1, 3, 32], [3]))
def test_smooth_grad_and_var_grad_in_a_loop(shape, batch_size, rng):
    """Signed gradients are averaged, each image has noise of its own range; variance is biased."""
    tiny = Tiny(shape)
    images = draw(rng, shape)
    images[1] *= 4
    arguments = {"samples": 7, "noise": 0.3, "seed": 5, "batch_size": batch_size}
    smooth = kc.SmoothGrad(tiny.model, channels=None, **arguments)
    varied = kc.VarGrad(tiny.model, channels=None, **arguments)
    noise = noise_of(smooth, shape)
    assert abs(noise.std() - 1) < 0.15
    for index, image in enumerate(images.astype("float64")):
        spread = 0.3 * (image.max() - image.min())
        gradients = [tiny.gradient((image + spread * one)[None], 1)[0] for one in noise]
        mean = sum(gradients) / 7
        variance = sum((gradient - mean) ** 2 for gradient in gradients) / 7
        found = smooth(images, 1).heatmaps[index]
        np.testing.assert_allclose(found, mean, rtol=1e-3, atol=1e-5)
        found = varied(images, 1).heatmaps[index]
        np.testing.assert_allclose(found, variance, rtol=1e-3, atol=1e-6)


def test_smooth_grad_without_noise_is_the_gradient(rng):
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    smooth = kc.SmoothGrad(tiny.model, samples=3, noise=0)(images, 1).heatmaps
    np.testing.assert_allclose(smooth, kc.Saliency(tiny.model)(images, 1).heatmaps, rtol=1e-5)


def test_a_linear_score_is_not_changed_by_noise(shape, rng):
    model, kernel, _ = linear_network(shape)
    images = draw(rng, shape)
    smooth = kc.SmoothGrad(model, samples=5, channels=None)(images, 2).heatmaps
    np.testing.assert_allclose(smooth[0], kernel[..., 2], rtol=1e-5)
    variance = kc.VarGrad(model, samples=5, channels=None)(images, 2).heatmaps
    assert np.abs(variance).max() < 1e-10


@pytest.mark.exhaustive
def test_the_mean_square_is_the_variance_and_the_squared_mean(rng):
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    arguments = {"samples": 6, "channels": None}
    smooth = kc.SmoothGrad(tiny.model, **arguments)
    points = images[0] + 0.15 * np.ptp(images[0]) * noise_of(smooth, (4, 5, 3))
    mean_square = (tiny.gradient(points, 0) ** 2).mean(axis=0)
    total = (
        smooth(images, 0).heatmaps ** 2 + kc.VarGrad(tiny.model, **arguments)(images, 0).heatmaps
    )
    np.testing.assert_allclose(total[0], mean_square, rtol=1e-3, atol=1e-6)


def test_variance_is_exact_far_from_zero(rng):
    """A large mean does not eat up a small variance, as a difference of sums would."""
    inputs = keras.Input((3, 3, 1))
    small = keras.ops.sum(inputs**2, axis=(1, 2, 3)) * 0.5
    large = 1000 * keras.ops.sum(inputs, axis=(1, 2, 3))
    model = keras.Model(inputs, keras.ops.stack([small + large, small], axis=-1))
    images = draw(rng, (3, 3, 1), 1)
    found = [kc.VarGrad(model, samples=40, noise=0.01)(images, c).heatmaps for c in (0, 1)]
    np.testing.assert_allclose(found[0], found[1], rtol=0.05)


@pytest.mark.exhaustive
def test_the_seed_decides(rng):
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    for method in (kc.SmoothGrad, kc.VarGrad):
        first, again, other = (
            method(tiny.model, samples=4, seed=seed)(images).heatmaps for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other, rtol=1e-2)


@pytest.mark.parametrize("rule", ["gauss-legendre", "midpoint"])
@pytest.mark.parametrize("batch_size", [4, 32])
def test_integrated_gradients_are_complete(shape, rule, batch_size, rng):
    tiny = Tiny(shape)
    images = draw(rng, shape)
    explain = kc.IntegratedGradients(tiny.model, baseline=0.5, rule=rule, batch_size=batch_size)
    heatmaps = explain(images, 1).heatmaps
    expected = (tiny.scores(images) - tiny.scores(np.full_like(images, 0.5)))[:, 1]
    found = heatmaps.sum(axis=tuple(range(1, heatmaps.ndim)))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_integrated_gradients_in_a_loop(rng):
    """Each pixel against a fine sum over the straight way."""
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    baseline = draw(rng, (4, 5, 3), 1)[0]
    way = images[0].astype("float64") - baseline
    shares = (np.arange(4000) + 0.5) / 4000
    expected = way * np.mean(
        [tiny.gradient((baseline + share * way)[None], 2)[0] for share in shares], axis=0
    )
    explain = kc.IntegratedGradients(tiny.model, baseline=baseline, channels=None)
    np.testing.assert_allclose(explain(images, 2).heatmaps[0], expected, rtol=1e-3, atol=1e-5)


def test_integrated_gradients_of_a_known_integral():
    """f = 5 x + y^2 + sin z from (0.5, 1, 1) to (1, 2, 3): the differences of each term."""
    inputs = keras.Input((3, 1))
    x, y, z = (inputs[:, index, 0] for index in range(3))
    value = 5 * x + y**2 + keras.ops.sin(z)
    model = keras.Model(inputs, keras.ops.stack([value, -value], axis=-1))
    baseline = np.array([[0.5], [1], [1]], "float32")
    explain = kc.IntegratedGradients(model, baseline=baseline, steps=20)
    heatmaps = explain(np.array([[[1], [2], [3]]], "float32"), 0).heatmaps
    expected = [5 * 0.5, 4 - 1, np.sin(3) - np.sin(1)]
    np.testing.assert_allclose(heatmaps[0], expected, rtol=1e-5)


def test_integrated_gradients_of_a_linear_score_need_one_step(shape, rng):
    model, kernel, _ = linear_network(shape)
    images = draw(rng, shape)
    explain = kc.IntegratedGradients(model, steps=1, baseline=-1, channels=None)
    np.testing.assert_allclose(
        explain(images, 0).heatmaps, (images + 1) * kernel[..., 0], rtol=1e-4, atol=1e-5
    )


def test_integrated_gradients_of_the_baseline_itself_are_zero(rng):
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    assert not kc.IntegratedGradients(tiny.model, baseline=images[0])(images[:1]).heatmaps.any()
    half = images[0] * [[[1], [1], [0], [0], [0]]] + images[1] * [[[0], [0], [1], [1], [1]]]
    heatmaps = kc.IntegratedGradients(tiny.model, baseline=images[0])(half[None]).heatmaps
    assert not heatmaps[0, :, :2].any()
    assert heatmaps[0, :, 2:].all()


def test_gauss_legendre_is_closer_than_midpoint(rng):
    tiny = Tiny((4, 5, 3))
    images = draw(rng, (4, 5, 3))
    expected = (tiny.scores(images) - tiny.scores(0 * images))[:, 1]
    errors = [
        np.abs(
            kc.IntegratedGradients(tiny.model, steps=6, rule=rule)(images, 1).heatmaps.sum(
                axis=(1, 2)
            )
            - expected
        ).max()
        for rule in ("gauss-legendre", "midpoint")
    ]
    assert errors[0] < 0.1 * errors[1]


def test_expected_gradients_are_complete_on_average(rng):
    """The sum is `S(x) - mean S(x')` over the set, each image of which is used equally often."""
    tiny = Tiny((4, 5, 3))
    images, others = draw(rng, (4, 5, 3)), draw(rng, (4, 5, 3), 5)
    explain = kc.IntegratedGradients(tiny.model, steps=1000, baseline=others)
    found = explain(images, 1).heatmaps.sum(axis=(1, 2))
    expected = tiny.scores(images)[:, 1] - tiny.scores(others)[:, 1].mean()
    np.testing.assert_allclose(found, expected, rtol=2e-3)
    assert (np.bincount(explain._chosen) == 200).all()
    # With one image in the set it is the integral to that image, by random points.
    one = kc.IntegratedGradients(tiny.model, steps=1000, baseline=others[:1])(images, 1).heatmaps
    exact = kc.IntegratedGradients(tiny.model, baseline=others[0])(images, 1).heatmaps
    np.testing.assert_allclose(one, exact, atol=0.01 * np.abs(exact).max())


def test_blurred_baseline_of_each_image(rng):
    """A constant image is its own blur; completeness holds against the blurred image."""
    tiny = Tiny((6, 9, 3))
    images = draw(rng, (6, 9, 3), 3)
    images[2] = 0.7
    explain = kc.IntegratedGradients(tiny.model, baseline="blurred")
    heatmaps = explain(images, 1).heatmaps
    assert np.abs(heatmaps[2]).max() < 1e-5
    # A tenth of six pixels, so a kernel of five.
    kernel = cv2.getGaussianKernel(5, 0.6)
    border = cv2.BORDER_REFLECT_101
    blurred = np.stack([cv2.sepFilter2D(i, -1, kernel, kernel, borderType=border) for i in images])
    expected = (tiny.scores(images) - tiny.scores(blurred))[:, 1]
    np.testing.assert_allclose(heatmaps.sum(axis=(1, 2))[:2], expected[:2], rtol=1e-3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m: kc.SmoothGrad(m, samples=0), "`samples` must be an integer of at least 1"),
        (lambda m: kc.SmoothGrad(m, samples=2.0), "`samples` must be an integer"),
        (lambda m: kc.SmoothGrad(m, noise=-1), "`noise` must be a number of at least 0"),
        (lambda m: kc.SmoothGrad(m, noise=np.nan), "`noise` must be a number"),
        (lambda m: kc.SmoothGrad(m, seed=-1), "`seed` must be an integer of at least 0"),
        (lambda m: kc.VarGrad(m, samples=1), "`samples` must be an integer of at least 2"),
        (lambda m: kc.IntegratedGradients(m, steps=0), "`steps` must be an integer"),
        (lambda m: kc.IntegratedGradients(m, rule="left"), "`rule` must be one of"),
        (lambda m: kc.IntegratedGradients(m, baseline="black"), "`baseline` must be a number"),
        (lambda m: kc.IntegratedGradients(m, baseline=None), "`baseline` must be a number"),
        (lambda m: kc.IntegratedGradients(m, baseline=np.inf), "`baseline` must be a number"),
        (
            lambda m: kc.IntegratedGradients(m, baseline=np.zeros((5, 4, 3))),
            r"`baseline` must fit images of shape \(4, 5, 3\). Received: shape \(5, 4, 3\)",
        ),
        (lambda m: kc.IntegratedGradients(m, baseline=np.zeros((0, 4, 5, 3))), "at least one"),
    ],
)
def test_bad_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build(Tiny((4, 5, 3)).model)


@pytest.mark.parametrize("method", [kc.Saliency, kc.IntegratedGradients, kc.GuidedBackprop])
def test_integer_images_have_no_gradient(method):
    inputs = keras.Input((8, 8, 3), dtype="uint8")
    x = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, kc.layers.CAMHead(5)(x))
    with pytest.raises(TypeError, match=r"none for uint8 images.*keras.Input\(\(8, 8, 3\), dtype="):
        method(model)
    assert kc.GradCAM(model)(np.full((1, 8, 8, 3), 200, "uint8")).heatmaps.shape == (1, 6, 6)


def test_a_model_without_images_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    for method in (kc.Saliency, kc.Occlusion, kc.RISE):
        with pytest.raises(ValueError, match=r"must take images .*Received: .*\(None, 4\)"):
            method(model)
