"""Average drop, average gain and increase in confidence against sums in double precision."""

import keras
import numpy as np
import pytest
from conftest import assert_same, small_model, snapshot
from forms import build, draw
from tiny import Tiny, linear_network

import kerascam as kc
from kerascam.metrics import Scorer, average_drop, average_gain, increase_in_confidence

SHAPE = (4, 5, 3)
METRICS = [average_drop, average_gain, increase_in_confidence]


def slow(metric, tiny, images, maps, classes, baseline=0.0):
    """Image after image, pixel after pixel."""
    total = 0.0
    for image, heatmap, c in zip(images.astype("float64"), maps, classes, strict=True):
        low, high = heatmap.min(), heatmap.max()
        seen = np.empty_like(image)
        for y, x in np.ndindex(*heatmap.shape):
            share = (heatmap[y, x] - low) / (high - low)
            seen[y, x] = share * image[y, x] + (1 - share) * baseline
        before, after = tiny.probabilities(np.stack([image, seen]))[:, c]
        total += {
            average_drop: max(0, before - after) / before,
            average_gain: max(0, after - before) / (1 - before),
            increase_in_confidence: float(after > before),
        }[metric]
    return total / len(images)


@pytest.fixture(scope="module")
def tiny():
    return Tiny(SHAPE)


@pytest.fixture(scope="module")
def scorer(tiny):
    return Scorer(tiny.model)


@pytest.fixture
def images(rng):
    return rng.normal(size=(20, *SHAPE)).astype("float32")


@pytest.fixture
def maps(rng):
    return rng.normal(size=(20, *SHAPE[:2]))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("baseline", [0.0, 0.4, (0.1, -0.2, 0.3)])
def test_images_one_after_the_other(metric, baseline, tiny, scorer, images, maps, rng):
    for classes in (rng.integers(0, 3, size=20), tiny.scores(images).argmax(axis=1)):
        found = metric(scorer, images, maps, classes, baseline=baseline)
        assert isinstance(found, float)
        expected = slow(metric, tiny, images, maps, classes, np.array(baseline))
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    default = metric(scorer, images, maps, baseline=baseline)
    np.testing.assert_allclose(default, expected, rtol=1e-4)


def test_drop_and_gain_of_known_probabilities():
    """One pixel decides: sigmoid(2) with it, one half without it."""
    inputs = keras.Input((1, 2, 1))
    score = inputs[:, 0, 0]
    model = keras.Model(inputs, keras.ops.concatenate([score, -score], axis=1))
    images = np.array([[1.0, 5.0], [-1.0, 5.0]], "float32").reshape(2, 1, 2, 1)
    p = 1 / (1 + np.exp(-2))
    hidden, shown = np.array([[[0.0, 1.0]]] * 2), np.array([[[1.0, 0.0]]] * 2)
    np.testing.assert_allclose(average_drop(model, images, hidden, 0), (p - 0.5) / p / 2, rtol=1e-6)
    np.testing.assert_allclose(average_gain(model, images, hidden, 0), (p - 0.5) / p / 2, rtol=1e-6)
    assert increase_in_confidence(model, images, hidden, 0) == 0.5
    for metric in METRICS:
        assert metric(model, images, shown, 0) == 0


def test_map_is_scaled_by_its_minimum_and_maximum(scorer, images, maps):
    """Not `m - m.min() / m.max() - m.min()`, and not the absolute value first."""
    for metric in METRICS:
        expected = metric(scorer, images, maps)
        for other in (5 * maps - 7, 1e-6 * maps + 3, 100 * maps + 1e4):
            np.testing.assert_allclose(metric(scorer, images, other), expected, rtol=1e-4)
    assert average_drop(scorer, images, -maps) != average_drop(scorer, images, maps)
    negative = -np.abs(maps)
    np.testing.assert_allclose(
        average_drop(scorer, images, negative),
        average_drop(scorer, images, negative + 10),
        rtol=1e-4,
    )


def test_map_that_shows_all_but_one_pixel_without_meaning_loses_nothing(scorer, images):
    """And gains nothing either: what is shown in full is the image, whatever the baseline."""
    images[:, 0, 0] = 0.3
    shows = np.ones((20, 4, 5))
    shows[:, 0, 0] = 0
    for metric in METRICS:
        assert metric(scorer, images, shows, baseline=0.3) == 0


def test_constant_map_shows_nothing(tiny, scorer, images):
    """What `normalize` documents for it: zeros, so that the baseline is seen."""
    before = tiny.probabilities(images).max(axis=1)
    after = tiny.probabilities(np.zeros((1, *SHAPE)))[0, tiny.scores(images).argmax(axis=1)]
    expected = np.mean(np.maximum(before - after, 0) / before)
    for constant in (0, 1, -3, np.nan):
        found = average_drop(scorer, images, np.full((20, 4, 5), constant))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_oracle_of_a_linear_score_gains(images):
    model, kernel, _ = linear_network(SHAPE)
    positive = ((images * kernel[..., 1]).sum(axis=-1) > 0).astype(float)
    assert average_drop(model, images / 8, positive, 1) < average_drop(
        model, images / 8, 1 - positive, 1
    )
    assert average_gain(model, images / 8, positive, 1) > average_gain(
        model, images / 8, 1 - positive, 1
    )


def test_certain_and_impossible_classes_give_numbers(maps):
    """Probabilities of 1, with nothing to gain, and of 0, with nothing to lose."""
    inputs = keras.Input(SHAPE)
    total = keras.ops.sum(inputs, axis=(1, 2, 3))[:, None]
    model = keras.Model(inputs, keras.ops.concatenate([1e4 * total, 0 * total], axis=1))
    images = np.ones((20, *SHAPE), "float32")
    assert average_gain(model, images, maps, 0) == 0
    assert average_drop(model, images, maps, 1) == 0
    assert increase_in_confidence(model, images, maps, 0) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_all_batches_count_alike(metric, tiny, scorer, images, maps):
    together = metric(scorer, images, maps)
    apart = metric(Scorer(tiny.model, batch_size=3), images, maps)
    np.testing.assert_allclose(apart, together, rtol=1e-5)
    alone = [metric(scorer, images[i, None], maps[i, None]) for i in range(20)]
    np.testing.assert_allclose(np.mean(alone), together, rtol=1e-5)
    backwards = metric(scorer, images[::-1], maps[::-1])
    np.testing.assert_allclose(backwards, together, rtol=1e-5)


def test_explainers_and_coarse_maps(rng):
    model = small_model(size=8)
    scorer = Scorer(model)
    images = rng.normal(size=(4, 8, 8, 3)).astype("float32")
    explain = kc.CAM(model)
    for targets in (None, 2, [0, 1, 2, 3]):
        coarse = explain(images, targets).heatmaps
        assert coarse.shape == (4, 2, 2)
        fine = kc.visualization.resize(coarse, (8, 8))
        for metric in METRICS:
            expected = metric(scorer, images, fine, targets)
            assert metric(scorer, images, explain, targets) == expected
            assert metric(scorer, images, coarse, targets) == expected


@pytest.mark.parametrize(
    "form", ["Sequential", "several outputs", "one sigmoid unit", "mixed_float16", "subclassed"]
)
def test_forms_of_models(form, tmp_path, rng):
    """The baseline alone is seen: the numbers follow from two predictions."""
    model = build(form, tmp_path)
    images = draw(model, rng, 4)
    output = "species" if form == "several outputs" else None
    predicted = [
        (p["species"] if output else p).astype("float64")
        for p in (model.predict(x, verbose=0) for x in (images, np.zeros_like(images)))
    ]
    if predicted[0].shape[1] == 1:
        predicted = [np.concatenate([1 - p, p], axis=1) for p in predicted]
    before, after = (p[np.arange(4), predicted[0].argmax(axis=1)] for p in predicted)
    scorer, heatmaps = Scorer(model, output=output), np.zeros((4, 16, 16))
    drop = np.mean(np.maximum(before - after, 0) / before)
    gain = np.mean(np.maximum(after - before, 0) / (1 - before))
    tolerance = 0.01 if "16" in form else 1e-5
    np.testing.assert_allclose(average_drop(scorer, images, heatmaps), drop, atol=tolerance)
    np.testing.assert_allclose(average_gain(scorer, images, heatmaps), gain, atol=tolerance)


def test_model_and_arguments_stay_as_they_are(rng, tmp_path, capsys):
    model = small_model(size=8)
    images = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    maps = rng.normal(size=(2, 8, 8))
    before = snapshot(model, images, tmp_path / "before.keras")
    copies = images.copy(), maps.copy()
    capsys.readouterr()
    explain = kc.CAM(model)
    for metric in METRICS:
        metric(model, images, explain, verbose=0)
        with pytest.raises(ValueError, match="one heatmap for each image"):
            metric(model, images, maps[:1])
    assert capsys.readouterr().out == ""
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))
    np.testing.assert_array_equal(images, copies[0])
    np.testing.assert_array_equal(maps, copies[1])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": np.zeros((20, *SHAPE), "uint8")}, TypeError, "takes float32 images"),
        ({"images": np.zeros((20, 4, 5))}, ValueError, "must have the shape"),
        ({"heatmaps": np.zeros((20, 4, 5, 1))}, ValueError, r"shape \(batch, h, w\)"),
        ({"heatmaps": kc.GradCAM}, TypeError, "explainer"),
        ({"targets": lambda scores: scores[:, 0]}, TypeError, "need classes"),
        ({"targets": -1}, ValueError, "classes of this network"),
        ({"baseline": "mean"}, ValueError, "`baseline` must be"),
        ({"baseline": np.zeros(4)}, ValueError, "`baseline` must fit images"),
        ({"baseline": np.inf}, ValueError, "`baseline` must be"),
    ],
)
def test_bad_input(metric, arguments, error, message, scorer, images, maps):
    arguments = {"images": images, "heatmaps": maps, **arguments}
    with pytest.raises(error, match=message):
        metric(scorer, **arguments)
