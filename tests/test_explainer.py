"""What all explainers share: targets, progress, clear errors."""

import keras
import numpy as np
import pytest
from conftest import small_model

import kerascam as kc
from kerascam.explainers import METHODS, progress


@pytest.fixture
def images(rng):
    return rng.normal(size=(8, 32, 32, 3)).astype("float32")


def test_sees_every_new_weight(images, rng):
    model = small_model(5)
    explain = kc.CAM(model)
    explain(images)
    for weight in model.weights:
        weight.assign_add(0.1 * rng.normal(size=weight.shape))
        expected = model.predict(images, verbose=0)
        found = explain.probabilities(explain(images).scores)
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=weight.path)


def test_targets():
    """None is the predicted class; integers, labels of shape (n, 1) and functions work."""
    images = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("float32")
    model = small_model(5)
    explain = kc.CAM(model)
    predicted = explain(images)
    np.testing.assert_array_equal(predicted.targets, predicted.scores.argmax(axis=-1))
    one_each = explain(images, targets=predicted.targets)
    np.testing.assert_array_equal(one_each.heatmaps, predicted.heatmaps)
    np.testing.assert_array_equal(explain(images, 3).targets, [3] * 4)
    column = explain(images, np.array([[0], [1], [2], [3]], "uint8"))
    np.testing.assert_array_equal(column.targets, [0, 1, 2, 3])
    everything = [explain(images, c).heatmaps for c in range(5)]
    contrast = explain(images, lambda scores: scores[:, 3] - 2 * scores[:, 1])
    assert contrast.targets is None
    np.testing.assert_allclose(
        contrast.heatmaps, everything[3] - 2 * everything[1], rtol=1e-4, atol=1e-6
    )
    quadratic = explain(images, lambda scores: scores[:, 2] ** 2)
    slope = 2 * quadratic.scores[:, 2, None, None]
    np.testing.assert_allclose(quadratic.heatmaps, slope * everything[2], rtol=1e-4, atol=1e-6)


def test_a_kept_function_is_compiled_once(images):
    calls = []

    def target(scores):
        calls.append(1)
        return scores[:, 0]

    explain = kc.CAM(small_model(5))
    explain(images, target)
    traced = len(calls)
    explain(images, target)
    explain(images[:3], target)
    assert len(calls) == traced


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_has_two_classes(images, activation):
    model = small_model(1, classifier_activation=activation)
    explain = kc.CAM(model)
    one, zero, predicted = explain(images, 1), explain(images, 0), explain(images)
    np.testing.assert_array_equal(zero.heatmaps, -one.heatmaps)
    np.testing.assert_array_equal(predicted.targets, (one.scores[:, 0] > 0).astype(int))
    head = model.get_layer("predictions")
    pooled = one.heatmaps.mean(axis=(1, 2)) + head.bias.numpy()
    np.testing.assert_allclose(pooled, one.scores[:, 0], rtol=1e-4, atol=1e-6)
    if activation == "sigmoid":
        expected = model.predict(images, verbose=0)
        np.testing.assert_allclose(explain.probabilities(one.scores), expected, atol=1e-6)


def test_sigmoid_units_are_independent_classes(images):
    model = small_model(5, classifier_activation="sigmoid")
    explain = kc.CAM(model)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(explain.probabilities(explain(images).scores), expected, atol=1e-6)


def test_dead_features_give_zeros_not_nan():
    model = small_model(5)
    for layer in model.get_layer("backbone").layers:
        layer.set_weights([0 * w for w in layer.get_weights()])
    heatmaps, _, scores = kc.CAM(model)(np.ones((2, 32, 32, 3), "float32"))
    assert not heatmaps.any()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((32, 32, 3), "float32"), ValueError, r"batch axis: pass `image\[None\]`"),
        (np.zeros((1, 1, 32, 32, 3), "float32"), ValueError, r"\(batch, 32, 32, 3\). Received"),
        (np.zeros((1, 32, 16, 3), "float32"), ValueError, r"Received: \(1, 32, 16, 3\)"),
        (np.zeros((1, 32, 32, 1), "float32"), ValueError, r"Received: \(1, 32, 32, 1\)"),
        (np.zeros((0, 32, 32, 3), "float32"), ValueError, "at least one image"),
        (np.zeros((1, 32, 32, 3), "uint8"), TypeError, "takes float32 images. Received: uint8"),
        (np.full((1, 32, 32, 3), "a"), TypeError, "must be numbers. Received: dtype <U1"),
        (np.full((1, 32, 32, 3), np.nan), ValueError, "finite. Received: 3072 values"),
    ],
)
def test_bad_images(images, error, message):
    with pytest.raises(error, match=message):
        kc.CAM(small_model(5))(images)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (5, ValueError, r"classes of this network, 0..4. Received: \[5\]"),
        (-1, ValueError, r"Received: \[-1\]"),
        ([0, 9], ValueError, r"Received: \[9\]"),
        ([0, 1, 2], ValueError, "Received: 3 for 2 images"),
        (np.eye(5)[:2], ValueError, r"For one-hot labels, pass `labels.argmax\(axis=-1\)`"),
        ([0.0, 1.0], TypeError, "must be integers. Received: dtype float64"),
        ("label", TypeError, "must be integers. Received: dtype <U5"),
        (lambda scores: scores, ValueError, r"to one number for each image.*Received: shape"),
    ],
)
def test_bad_targets(targets, error, message):
    with pytest.raises(error, match=message):
        kc.CAM(small_model(5))(np.zeros((2, 32, 32, 3), "float32"), targets)


@pytest.mark.parametrize("batch_size", [0, 2.5, True])
def test_bad_batch_size(batch_size):
    with pytest.raises(ValueError, match="`batch_size` must be an integer of at least 1"):
        kc.CAM(small_model(5), batch_size=batch_size)


def test_progress_bar_obeys_verbose(images, capsys, monkeypatch):
    explain = kc.CAM(small_model(5), batch_size=2)
    explain(images)
    explain(images, verbose=0)
    assert capsys.readouterr().out == ""
    explain(images, verbose=1)
    assert "8/8" in capsys.readouterr().out
    monkeypatch.setattr(progress, "_SECONDS_WITHOUT_PROGRESS_BAR", -1)
    explain(images)
    assert "8/8" in capsys.readouterr().out
    with pytest.raises(ValueError, match="`verbose` must be 0, 1, 2 or"):
        explain(images, verbose=3)


def test_dictionary_of_inputs_has_the_models_keys(images):
    picture = keras.Input((32, 32, 3), name="any")
    x = keras.layers.Conv2D(4, 3)(picture)
    with pytest.warns(UserWarning, match="must match the names"):
        model = keras.Model({"img": picture}, kc.layers.CAMHead(5)(x))
    explain = kc.CAM(model)
    expected = model.predict({"img": images}, verbose=0)
    np.testing.assert_allclose(explain({"img": images}).scores, expected, rtol=1e-5)


def test_grey_images_without_a_channel_axis(rng):
    explain = kc.CAM(small_model(5, channels=1))
    images = rng.normal(size=(3, 32, 32)).astype("float32")
    np.testing.assert_array_equal(explain(images).heatmaps, explain(images[..., None]).heatmaps)


def test_float64_images_and_integer_inputs(images):
    explain = kc.CAM(small_model(5))
    wide = explain(images.astype("float64"))
    np.testing.assert_array_equal(wide.heatmaps, explain(images).heatmaps)
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    model = keras.Model(inputs, kc.layers.CAMHead(5)(keras.layers.Conv2D(4, 3)(x)))
    assert kc.CAM(model)(np.full((1, 32, 32, 3), 200, "uint8")).heatmaps.shape == (1, 30, 30)


def test_images_of_a_model_that_takes_integers():
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    model = keras.Model(inputs, kc.layers.CAMHead(5)(keras.layers.Conv2D(4, 3)(x)))
    with pytest.raises(TypeError, match="takes uint8 images. Received: float64, of which the frac"):
        kc.CAM(model)(np.full((1, 32, 32, 3), 0.5))
    with pytest.raises(
        ValueError, match="uint8 images, 0 to 255. Received: values from 300 to 300"
    ):
        kc.CAM(model)(np.full((1, 32, 32, 3), 300))


def test_a_function_must_give_a_number_for_each_image(images):
    with pytest.raises(ValueError, match="one number for each image"):
        kc.CAM(small_model(5))(images, lambda scores: scores[0])


@pytest.mark.parametrize("method", [*METHODS, kc.metrics.Scorer])
def test_an_argument_that_does_not_exist_is_named_with_the_nearest(method):
    message = (
        rf"`{method.__name__}` takes \[.*'batch_size'.*\]. Received: \['batchsize'\]. The near"
    )
    with pytest.raises(TypeError, match=message):
        method(small_model(2, size=8), batchsize=3)
