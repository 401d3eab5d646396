"""Sensitivity-n, infidelity and max-sensitivity: linear scores, and loops in double precision."""

import keras
import numpy as np
import pytest
from conftest import assert_same, small_model, snapshot
from forms import build, draw
from scipy import stats
from tiny import Tiny, gap_network, linear_network

import kerascam as kc
from kerascam.metrics import Scorer, infidelity, max_sensitivity, sensitivity_n

SHAPE = (4, 5, 3)


class Spy(Scorer):
    """Keeps all images that it scores."""

    def __call__(self, images, *, verbose="auto"):
        self.seen.append(np.array(images))
        return super().__call__(images, verbose=verbose)

    seen: list = []  # noqa: RUF012


@pytest.fixture(scope="module")
def tiny():
    return Tiny(SHAPE)


@pytest.fixture(scope="module")
def scorer(tiny):
    return Scorer(tiny.model)


@pytest.fixture(scope="module")
def spy(tiny):
    return Spy(tiny.model)


@pytest.fixture(scope="module")
def linear():
    model, kernel, bias = linear_network(SHAPE)
    return model, kernel, bias, Scorer(model)


@pytest.fixture
def images(rng):
    return rng.normal(size=(3, *SHAPE)).astype("float32")


@pytest.fixture
def maps(rng):
    return rng.normal(size=(3, *SHAPE[:2]))


def test_sensitivity_of_a_linear_score_is_one_for_every_n(linear, images):
    """Input times weight; of all pixels together there is but one subset, so nothing varies."""
    _, kernel, _, scorer = linear
    classes = [2, 0, 1]
    given = np.stack([(x * kernel[..., c]).sum(-1) for x, c in zip(images, classes, strict=True)])
    found = sensitivity_n(scorer, images, given, classes, n=range(1, 21), subsets=33)
    assert found.shape == (3, 20)
    np.testing.assert_allclose(found[:, :-1], 1, atol=1e-5)
    np.testing.assert_array_equal(found[:, -1], 0)
    np.testing.assert_allclose(
        sensitivity_n(scorer, images, -given, classes, n=[1, 8]), -1, atol=1e-5
    )


def test_sensitivity_of_a_linear_score_with_a_baseline(linear, images):
    """What counts is the input without the baseline."""
    _, kernel, _, scorer = linear
    given = ((images - 0.7) * kernel[..., 1]).sum(axis=-1)
    found = sensitivity_n(scorer, images, given, 1, n=[1, 7], baseline=0.7)
    np.testing.assert_allclose(found, 1, atol=1e-5)
    plain = sensitivity_n(scorer, images, (images * kernel[..., 1]).sum(-1), 1, n=7, baseline=0.7)
    assert (plain < 0.999).all()


@pytest.mark.exhaustive
def test_sensitivity_of_explainers(linear, images):
    model, _, _, scorer = linear
    for explain in (kc.InputXGradient(model), kc.IntegratedGradients(model)):
        np.testing.assert_allclose(sensitivity_n(scorer, images, explain, n=[2, 9]), 1, atol=1e-4)
    explain = kc.InputXGradient(model)
    expected = sensitivity_n(scorer, images, explain(images, 2).heatmaps, 2, n=3)
    np.testing.assert_array_equal(sensitivity_n(scorer, images, explain, 2, n=3), expected)


@pytest.mark.parametrize("n", [1, 4, 13])
def test_sensitivity_in_a_loop(n, tiny, spy, images, maps):
    """Over the subsets of one image, of `n` whole pixels each; Quantus went over images."""
    spy.seen.clear()
    found = sensitivity_n(spy, images, maps, [2, 0, 1], n=n, subsets=40, baseline=9.0)
    copies = np.concatenate([batch for batch in spy.seen if (batch == 9).any()])
    assert copies.shape == (120, *SHAPE)
    gone = (copies == 9).all(axis=-1)
    np.testing.assert_array_equal(gone, (copies == 9).any(axis=-1))
    np.testing.assert_array_equal(gone.sum(axis=(1, 2)), n)
    subsets = gone.reshape(3, 40, *SHAPE[:2])
    assert len(np.unique(subsets[0].reshape(40, -1), axis=0)) > 13
    for index, c in enumerate([2, 0, 1]):
        given, drops = [], []
        for subset in subsets[index]:
            changed = images[index].astype("float64")
            changed[subset] = 9
            scores = tiny.scores(np.stack([images[index], changed]))[:, c]
            given.append(maps[index][subset].sum())
            drops.append(scores[0] - scores[1])
        expected = stats.pearsonr(given, drops)[0]
        np.testing.assert_allclose(found[index, 0], expected, atol=1e-4)


def test_sensitivity_is_the_same_for_each_batch_and_each_order(tiny, scorer, images, maps):
    together = sensitivity_n(scorer, images, maps, n=[2, 11])
    apart = sensitivity_n(Scorer(tiny.model, batch_size=7), images, maps, n=[2, 11])
    np.testing.assert_allclose(apart, together, atol=1e-4)
    for index in range(3):
        alone = sensitivity_n(scorer, images[index, None], maps[index, None], n=[2, 11])
        np.testing.assert_allclose(alone[0], together[index], atol=1e-4)
    only = sensitivity_n(scorer, images, maps, n=11)
    np.testing.assert_allclose(only, together[:, 1:], atol=1e-6)
    again, other = (sensitivity_n(scorer, images, maps, n=2, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(again[:, 0], together[:, 0])
    assert not np.array_equal(other, again)


def test_sensitivity_of_what_does_not_change_is_zero(scorer, images):
    assert not sensitivity_n(scorer, images, np.zeros((3, 4, 5)), n=[2, 4]).any()
    assert not sensitivity_n(scorer, 0 * images, np.ones((3, 4, 5)), n=[2, 4]).any()


def test_sensitivity_enlarges_coarse_maps(scorer, images, rng):
    coarse = rng.normal(size=(3, 2, 2))
    fine = kc.visualization.resize(coarse, (4, 5))
    np.testing.assert_array_equal(
        sensitivity_n(scorer, images, coarse, n=3), sensitivity_n(scorer, images, fine, n=3)
    )


def test_infidelity_of_a_linear_score_is_zero(linear, images):
    model, kernel, _, scorer = linear
    gradient = np.broadcast_to(kernel[..., 1], images.shape)
    for normalize in (True, False):
        found = infidelity(scorer, images, gradient, 1, normalize=normalize)
        np.testing.assert_allclose(found, 0, atol=1e-9)
    assert (infidelity(scorer, images, np.roll(gradient, 1, axis=1), 1) > 0.1).all()
    explain = kc.Saliency(model, channels=None)
    for targets in (None, 2, [0, 1, 2]):
        np.testing.assert_allclose(infidelity(scorer, images, explain, targets), 0, atol=1e-9)


@pytest.mark.parametrize("per_channel", [True, False])
def test_infidelity_in_a_loop(per_channel, tiny, spy, images, maps, rng):
    given = rng.normal(size=images.shape) if per_channel else maps
    spy.seen.clear()
    found = infidelity(spy, images, given, [2, 0, 1], noise=0.3, normalize=False)
    scaled = infidelity(spy, images, given, [2, 0, 1], noise=0.3)
    noisy = np.concatenate([b for b in spy.seen if len(b) != 3])[:150].reshape(3, 50, *SHAPE)
    for index, c in enumerate([2, 0, 1]):
        shifts = images[index].astype("float64") - noisy[index]
        assert abs(shifts.std() / (0.3 * np.ptp(images[index])) - 1) < 0.1
        assert abs(shifts.mean()) < 0.1 * shifts.std()
        expected = [
            (shift * (given[index] if per_channel else given[index][..., None])).sum()
            for shift in shifts
        ]
        actual = tiny.scores(images[index, None])[0, c] - tiny.scores(noisy[index])[:, c]
        error = np.mean((np.array(expected) - actual) ** 2)
        np.testing.assert_allclose(found[index], error, rtol=1e-3)
        beta = np.mean(np.array(expected) * actual) / np.mean(np.square(expected))
        error = np.mean((beta * np.array(expected) - actual) ** 2)
        np.testing.assert_allclose(scaled[index], error, rtol=1e-3)


def test_infidelity_does_not_depend_on_the_scale_of_the_map(scorer, images, maps):
    expected = infidelity(scorer, images, maps)
    for scale in (1e-6, 7, -3):
        np.testing.assert_allclose(infidelity(scorer, images, scale * maps), expected, rtol=1e-6)
    plain, larger = (infidelity(scorer, images, s * maps, normalize=False) for s in (1, 50))
    assert (plain >= expected).all()
    assert (larger > 100 * plain).all()


def test_infidelity_of_a_map_of_zeros_is_the_mean_square_of_the_change(scorer, images):
    found = [infidelity(scorer, images, np.zeros((3, 4, 5)), normalize=n) for n in (True, False)]
    np.testing.assert_array_equal(*found)
    assert (found[0] > 0).all()


def test_infidelity_is_the_same_for_each_batch_and_each_order(tiny, scorer, images, maps):
    together = infidelity(scorer, images, maps)
    apart = infidelity(Scorer(tiny.model, batch_size=7), images, maps)
    np.testing.assert_allclose(apart, together, rtol=1e-4)
    for index in range(3):
        alone = infidelity(scorer, images[index, None], maps[index, None])
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-4)
    again, other = (infidelity(scorer, images, maps, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(again, together)
    assert not np.array_equal(other, again)


def test_max_sensitivity_of_the_gradient_of_a_linear_score_is_zero(linear, images):
    np.testing.assert_array_equal(max_sensitivity(kc.Saliency(linear[0]), images, radius=0.5), 0)


@pytest.fixture(scope="module")
def gap():
    model, kernel, _ = gap_network(SHAPE)
    return model, kernel, kc.CAM(model)


def test_max_sensitivity_of_the_sum_of_weighted_channels(gap, images):
    """A linear map: its change is known, and at most what all values at the limit can make."""
    _, kernel, explain = gap
    offset = explain(np.zeros_like(images), 1).heatmaps
    maps = explain(images, 1).heatmaps
    np.testing.assert_allclose(maps - offset, images @ kernel[:, 1], atol=1e-4)
    spread = np.ptp(images, axis=(1, 2, 3))
    limit = 0.02 * spread * np.abs(kernel[:, 1]).sum() * np.sqrt(20)
    size = np.sqrt((maps.astype("float64") ** 2).sum(axis=(1, 2)))
    found = max_sensitivity(explain, images, 1, samples=30)
    assert (found > 0.2 * limit / size).all()
    assert (found < limit / size).all()
    np.testing.assert_allclose(
        max_sensitivity(explain, images, 1, samples=30, radius=0.06), 3 * found, rtol=1e-3
    )


def test_max_sensitivity_in_a_loop(tiny, images):
    """The images that the explainer was given; both signs, within the radius."""
    seen = []

    class Watched(kc.Saliency):
        def __call__(self, images, targets=None, verbose="auto"):
            seen.append(np.array(images, "float64"))
            return super().__call__(images, targets, verbose)

    found = max_sensitivity(Watched(tiny.model), images, [2, 0, 1], radius=0.1, samples=6)
    assert len(seen) == 7
    spread = np.ptp(images, axis=(1, 2, 3), keepdims=True)
    changes = np.stack([(changed - images) / spread for changed in seen[1:]])
    assert np.abs(changes).max() < 0.1 + 1e-6
    assert np.abs(changes).max() > 0.09
    assert abs((changes > 0).mean() - 0.5) < 0.1
    for index, c in enumerate([2, 0, 1]):
        first, *others = (
            np.abs(tiny.gradient(batch[index, None], c)[0]).max(axis=-1) for batch in seen
        )
        largest = max(np.linalg.norm(other - first) for other in others)
        np.testing.assert_allclose(found[index], largest / np.linalg.norm(first), rtol=1e-3)


def test_max_sensitivity_grows_with_samples(tiny, images):
    explain = kc.Saliency(tiny.model)
    found = [max_sensitivity(explain, images, samples=samples) for samples in (1, 2, 5, 20)]
    assert (np.diff(found, axis=0) >= 0).all()
    assert (found[-1] > found[0]).all()
    np.testing.assert_array_equal(found[1], max_sensitivity(explain, images, samples=2))
    assert not np.array_equal(found[1], max_sensitivity(explain, images, samples=2, seed=1))
    alone = [max_sensitivity(explain, image[None], samples=5)[0] for image in images]
    np.testing.assert_allclose(alone, found[2], rtol=1e-4)
    apart = max_sensitivity(kc.Saliency(tiny.model, batch_size=2), images, samples=5)
    np.testing.assert_allclose(apart, found[2], rtol=1e-4)


def test_max_sensitivity_keeps_the_class_of_the_clean_image():
    """Two classes that are nearly equal: another one may win after the change."""
    inputs = keras.Input((2, 2, 1))
    total = keras.ops.sum(inputs, axis=(1, 2))
    model = keras.Model(inputs, keras.ops.concatenate([total, -3 * total], axis=1))
    image = np.array([1, -1, 1, -1.0], "float32").reshape(1, 2, 2, 1) + 1e-4
    explain = kc.Saliency(model)
    assert max_sensitivity(explain, image, radius=0.4) == 0


def test_max_sensitivity_of_maps_of_zeros():
    inputs = keras.Input((3, 3, 1))
    still = keras.ops.sum(0 * inputs, axis=(1, 2))
    model = keras.Model(inputs, keras.ops.concatenate([still, still - 1], axis=1))
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    assert max_sensitivity(kc.Saliency(model), image).tolist() == [0]
    bent = keras.ops.sum(keras.ops.relu(keras.ops.abs(inputs - 1) - 0.001), axis=(1, 2))
    model = keras.Model(inputs, keras.ops.concatenate([bent, bent - 1], axis=1))
    image = np.ones((1, 3, 3, 1), "float32")
    image[0, 0, 0] = 1.0005
    assert max_sensitivity(kc.Saliency(model), image, radius=10).tolist() == [np.inf]


@pytest.mark.parametrize("form", ["several outputs", "one sigmoid unit", "mixed_bfloat16"])
def test_forms_of_models(form, tmp_path, rng):
    """The drop of the score when all pixels go is the same in every subset."""
    model = build(form, tmp_path)
    images = draw(model, rng, 2)
    output = "species" if form == "several outputs" else None
    scorer = Scorer(model, output=output)
    explain = kc.CAM(model, output=output)
    found = sensitivity_n(scorer, images, explain, n=[3, 256], subsets=5)
    assert (np.abs(found[:, 0]) <= 1).all()
    np.testing.assert_array_equal(found[:, 1], 0)
    assert (infidelity(scorer, images, explain, samples=5) >= 0).all()
    both = [sensitivity_n(scorer, images, images[..., 0], c, n=5, subsets=9) for c in (0, 1)]
    if form == "one sigmoid unit":
        np.testing.assert_allclose(both[0], -both[1], atol=1e-6)
    assert (max_sensitivity(explain, images, samples=2) > 0).all()


def test_model_stays_as_it_is(rng, tmp_path, capsys):
    model = small_model(size=8)
    images = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    before = snapshot(model, images, tmp_path / "before.keras")
    copies = images.copy()
    explain = kc.CAM(model)
    capsys.readouterr()
    sensitivity_n(model, images, explain, n=3, subsets=5, verbose=0)
    infidelity(model, images, explain, samples=5, verbose=0)
    max_sensitivity(explain, images, samples=2, verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="one heatmap for each image"):
        sensitivity_n(model, images, np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="one heatmap for each image"):
        infidelity(model, images, np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="`radius`"):
        max_sensitivity(explain, images, radius=-1)
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))
    np.testing.assert_array_equal(images, copies)


def test_progress_is_shown_on_request(tiny, scorer, images, maps, capsys):
    sensitivity_n(scorer, images, maps, n=[1, 2], subsets=5, verbose=1)
    assert "30/30" in capsys.readouterr().out
    infidelity(scorer, images, maps, samples=5, verbose=1)
    assert "15/15" in capsys.readouterr().out
    max_sensitivity(kc.Saliency(tiny.model), images, samples=4, verbose=1)
    assert "12/12" in capsys.readouterr().out


COMMON = [
    ({"images": np.zeros((3, *SHAPE), "uint8")}, TypeError, "takes float32 images"),
    ({"images": np.zeros(SHAPE)}, ValueError, "needs a batch axis"),
    ({"heatmaps": np.zeros((2, 4, 5))}, ValueError, "2 heatmaps for 3 images"),
    ({"heatmaps": np.zeros((4, 5))}, ValueError, "needs a batch axis"),
    ({"heatmaps": kc.Saliency}, TypeError, "explainer"),
    ({"targets": lambda scores: scores[:, 0]}, TypeError, "classes"),
    ({"targets": 5}, ValueError, "classes of this network"),
    ({"seed": -1}, ValueError, "`seed` must be an integer"),
    ({"verbose": None}, ValueError, "`verbose` must be"),
]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *COMMON,
        ({"heatmaps": np.zeros((3, *SHAPE))}, ValueError, r"shape \(batch, h, w\)"),
        ({"n": 0}, ValueError, "`n` must be an integer"),
        ({"n": [3, 21]}, ValueError, "`n` must be an integer of at least 1 and at most 20"),
        ({"n": 2.5}, ValueError, "`n` must be an integer"),
        ({"subsets": 1}, ValueError, "`subsets` must be an integer of at least 2"),
        ({"baseline": "mean"}, ValueError, "`baseline` must be"),
    ],
)
def test_bad_input_of_sensitivity(arguments, error, message, scorer, images, maps):
    arguments = {"images": images, "heatmaps": maps, "n": 2, "subsets": 3, **arguments}
    with pytest.raises(error, match=message):
        sensitivity_n(scorer, **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        *COMMON,
        ({"heatmaps": np.zeros((3, 4, 5, 1))}, ValueError, "shape of the images"),
        ({"heatmaps": np.zeros((2, *SHAPE))}, ValueError, "shape of the images"),
        ({"noise": -1}, ValueError, "`noise` must be a number of at least 0"),
        ({"samples": 0}, ValueError, "`samples` must be an integer"),
    ],
)
def test_bad_input_of_infidelity(arguments, error, message, scorer, images, maps):
    arguments = {"images": images, "heatmaps": maps, "samples": 2, **arguments}
    arguments["attributions"] = arguments.pop("heatmaps")
    with pytest.raises(error, match=message):
        infidelity(scorer, **arguments)


@pytest.mark.parametrize("kind", ["maps", "channels", "explainer"])
def test_infidelity_needs_classes_whatever_the_attributions(kind, tiny, scorer, images, maps):
    given = {"maps": maps, "channels": images, "explainer": kc.Saliency(tiny.model)}[kind]
    with pytest.raises(TypeError, match="need classes"):
        infidelity(scorer, images, given, lambda scores: scores[:, 0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"explainer": kc.Saliency}, TypeError, "`explainer` must be an explainer"),
        ({"explainer": np.zeros((3, 4, 5))}, TypeError, "maps of changed images.*ndarray"),
        ({"images": np.zeros((3, *SHAPE), "uint8")}, TypeError, "takes float32 images"),
        ({"targets": 5}, ValueError, "classes of this network"),
        ({"radius": -0.1}, ValueError, "`radius` must be a number of at least 0"),
        ({"samples": 0}, ValueError, "`samples` must be an integer"),
        ({"seed": "a"}, ValueError, "`seed` must be an integer"),
        ({"verbose": 7}, ValueError, "`verbose` must be"),
    ],
)
def test_bad_input_of_max_sensitivity(arguments, error, message, gap, images):
    with pytest.raises(error, match=message):
        max_sensitivity(**{"explainer": gap[2], "images": images, **arguments})


def test_models_that_take_anything_but_images_are_refused(tmp_path, rng):
    for form in ("image and table", "1-D signals"):
        model = build(form, tmp_path)
        images = draw(model, rng, 2)
        with pytest.raises(ValueError, match="nothing else"):
            sensitivity_n(model, images, np.zeros((2, 4, 4)))
        with pytest.raises(ValueError, match="nothing else"):
            infidelity(model, images, np.zeros((2, 4, 4)))
        with pytest.raises(ValueError, match="nothing else"):
            max_sensitivity(kc.Saliency(model), images)
