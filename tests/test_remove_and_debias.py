"""Imputation against a dense linear solve, and ROAD against loops."""

import keras
import numpy as np
import pytest
from conftest import assert_same, small_model, snapshot
from forms import build, draw
from tiny import Tiny, gap_network

import kerascam as kc
from kerascam.metrics import Scorer, impute, road

SHAPE = (5, 6, 3)


def filled_in(image, mask):
    """One dense system: each hole is the weighted mean of its neighbours inside the image."""
    height, width = mask.shape
    holes = [tuple(place) for place in np.argwhere(mask)]
    matrix, known = np.eye(len(holes)), np.zeros((len(holes), image.shape[-1]))
    for row, (y, x) in enumerate(holes):
        neighbours = {
            (y + dy, x + dx): 1 / 6 if dy * dx == 0 else 1 / 12
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if (dy or dx) and 0 <= y + dy < height and 0 <= x + dx < width
        }
        for place, weight in neighbours.items():
            weight /= sum(neighbours.values())
            if mask[place]:
                matrix[row, holes.index(place)] -= weight
            else:
                known[row] += weight * image[place]
    found = image.astype("float64").copy()
    for place, value in zip(holes, np.linalg.solve(matrix, known), strict=True):
        found[place] = value
    return found


def first(heatmap, number, best):
    """Mask of the most or least important pixels; equal ones as one reads."""
    sign = -1 if best else 1
    order = sorted(range(heatmap.size), key=lambda i: (sign * heatmap.flat[i], i))
    mask = np.zeros(heatmap.size, bool)
    mask[order[:number]] = True
    return mask.reshape(heatmap.shape)


@pytest.fixture(scope="module")
def tiny():
    return Tiny(SHAPE)


@pytest.fixture(scope="module")
def scorer(tiny):
    return Scorer(tiny.model)


@pytest.fixture
def images(rng):
    return rng.normal(size=(3, *SHAPE)).astype("float32")


@pytest.fixture
def maps(rng):
    return rng.normal(size=(3, *SHAPE[:2]))


def test_numbers_of_the_reference():
    mask = np.zeros((1, 5, 5), bool)
    mask[0, 2, 1] = True
    assert impute(np.full((1, 5, 5, 1), 2.0), mask, noise=0)[0, 2, 1, 0] == pytest.approx(2, 1e-14)
    ramp = np.arange(25.0).reshape(1, 5, 5, 1)
    for place, expected in (((2, 2), 12.0), ((0, 0), 3.6), ((4, 4), 20.4)):
        mask = np.zeros((1, 5, 5), bool)
        mask[0][place] = True
        np.testing.assert_allclose(impute(ramp, mask, noise=0)[0][place], expected, rtol=1e-12)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_holes_are_solved_for_together(share, rng):
    images = rng.normal(size=(4, 7, 9, 3))
    masks = rng.random((4, 7, 9)) < share
    masks[:, 3, 3] = True
    masks[:, 6, 8] = False
    found = impute(images, masks, noise=0)
    for image, mask, filled in zip(images, masks, found, strict=True):
        np.testing.assert_allclose(filled, filled_in(image, mask), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("size", [(1, 7), (7, 1), (2, 2)])
def test_narrow_images(size, rng):
    image = rng.normal(size=(1, *size, 2))
    mask = np.ones((1, *size), bool)
    mask[0, 0, 0] = mask[0, -1, -1] = False
    found = impute(image, mask, noise=0)
    np.testing.assert_allclose(found[0], filled_in(image[0], mask[0]), rtol=1e-9, atol=1e-11)


def test_known_pixels_stay_and_others_lie_between_them(rng):
    images = rng.normal(size=(4, 8, 8, 3)).astype("float32")
    masks = rng.random((4, 8, 8)) < 0.6
    noisy = impute(images, masks)
    assert noisy.dtype == "float32"
    np.testing.assert_array_equal(noisy[~masks], images[~masks])
    for image, mask, filled in zip(images, masks, impute(images, masks, noise=0), strict=True):
        known = image[~mask]
        assert (filled >= known.min(axis=0) - 1e-6).all()
        assert (filled <= known.max(axis=0) + 1e-6).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int32"])
def test_constant_images_stay(dtype, rng):
    images = np.full((2, 6, 6, 2), 7, dtype)
    for share in (0.2, 0.5, 0.8, 2):
        masks = rng.random((2, 6, 6)) < share
        np.testing.assert_allclose(impute(images, masks, noise=0), images, rtol=1e-6)


def test_all_pixels_and_none(rng):
    images = rng.normal(size=(2, 4, 5, 3))
    masks = np.zeros((2, 4, 5), bool)
    masks[1] = True
    found = impute(images, masks, noise=0)
    np.testing.assert_array_equal(found[0], images[0])
    np.testing.assert_allclose(found[1], np.tile(images[1].mean(axis=(0, 1)), (4, 5, 1)))
    np.testing.assert_array_equal(impute(images, np.zeros((2, 4, 5), bool), noise=5), images)


def test_noise_is_normal_and_belongs_to_the_seed():
    images, masks = np.zeros((2, 40, 40, 3)), np.ones((2, 40, 40), bool)
    masks[:, 0] = False
    found = impute(images, masks, noise=0.5, seed=3)
    assert abs(found[:, 1:].std() - 0.5) < 0.02
    assert abs(found[:, 1:].mean()) < 0.02
    assert np.unique(found[0, 1:]).size == 39 * 40 * 3
    np.testing.assert_array_equal(found, impute(images, masks, noise=0.5, seed=3))
    np.testing.assert_array_equal(found[1:], impute(images[1:], masks[1:], noise=0.5, seed=3))
    assert not np.array_equal(found, impute(images, masks, noise=0.5, seed=4))
    default = impute(images, masks)
    assert abs(default[:, 1:].std() - 0.01) < 0.001


def test_imputation_leaves_its_arguments_and_the_random_state_alone(images, maps):
    before, state = images.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    impute(images, maps > 0)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_road_in_a_loop(tiny, scorer, images, maps):
    targets, percentages = [2, 0, 1], (10, 25, 50, 80, 100)
    found = road(scorer, images, maps, targets, percentages=percentages, noise=0)
    assert found.percentages.tolist() == list(percentages)
    changes = np.empty((2, 3, 5))
    for row, best in enumerate((True, False)):
        for index, c in enumerate(targets):
            clean = tiny.probabilities(images[index, None])[0, c]
            for column, percentage in enumerate(percentages):
                mask = first(maps[index], round(percentage / 100 * 30), best)
                image = images[index].astype("float64")
                if mask.all():
                    image[:] = image.mean(axis=(0, 1))
                else:
                    image = filled_in(image, mask)
                changes[row, index, column] = tiny.probabilities(image[None])[0, c] - clean
    most, least = changes
    np.testing.assert_allclose(found.most_relevant_first, most, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.least_relevant_first, least, rtol=1e-3, atol=1e-5)
    combined = np.mean(least - most, axis=1) / 2
    np.testing.assert_allclose(found.combined, combined, rtol=1e-3, atol=1e-5)
    assert (np.abs(found.combined) <= 0.5).all()


def test_noise_of_road_is_that_of_imputation(tiny, scorer, images, maps):
    found = road(scorer, images, maps, 1, percentages=[50], noise=0.3, seed=4)
    mask = np.stack([first(heatmap, 15, True) for heatmap in maps])
    filled = impute(images, mask, noise=0.3, seed=4)
    before, after = (tiny.probabilities(x)[:, 1] for x in (images, filled))
    np.testing.assert_allclose(found.most_relevant_first[:, 0], after - before, atol=1e-6)
    other = road(scorer, images, maps, 1, percentages=[50], noise=0.3, seed=5)
    assert not np.array_equal(found.most_relevant_first, other.most_relevant_first)


def test_exactly_so_many_pixels_go_from_maps_of_many_zeros():
    """A network that counts pixels that were not zero: others' percentiles take all or none."""
    inputs = keras.Input((10, 10, 1))
    count = keras.ops.sum(inputs, axis=(1, 2))
    model = keras.Model(inputs, keras.ops.concatenate([count / 100, 0 * count], axis=1))
    image = np.zeros((1, 10, 10, 1), "float32")
    heatmap = np.zeros((1, 10, 10))
    heatmap[0, 0, 0] = 1
    found = road(model, image, heatmap, 0, percentages=(10, 50, 90), noise=1e3, seed=1)
    for column, number in enumerate((10, 50, 90)):
        total = 1e3 * np.random.default_rng(1).normal(size=number).sum() / 100
        expected = 1 / (1 + np.exp(-total)) - 0.5
        np.testing.assert_allclose(found.most_relevant_first[0, column], expected, atol=1e-4)
        np.testing.assert_allclose(found.least_relevant_first[0, column], expected, atol=1e-4)


def test_good_maps_are_told_from_bad_ones(rng):
    """Two bright pixels make the class."""
    inputs = keras.Input((8, 8, 1))
    score = keras.ops.maximum(inputs[:, 2, 2], inputs[:, 5, 6])
    model = keras.Model(inputs, keras.ops.concatenate([score, -score], axis=1))
    images = rng.normal(size=(3, 8, 8, 1)).astype("float32") / 10
    images[:, 2, 2] = images[:, 5, 6] = 3
    oracle = np.zeros((3, 8, 8))
    oracle[:, 2, 2] = oracle[:, 5, 6] = 1
    scorer = Scorer(model)
    found = road(scorer, images, oracle, 0, percentages=(5, 10))
    assert (found.most_relevant_first < -0.2).all()
    assert (abs(found.least_relevant_first) < 1e-3).all()
    assert (found.combined > 0.1).all()
    opposite = road(scorer, images, -oracle, 0, percentages=(5, 10))
    assert (opposite.combined < -0.1).all()


def test_no_pixel_removed_changes_nothing(scorer, images, maps):
    found = road(scorer, images, maps, percentages=[0])
    assert not found.most_relevant_first.any()
    assert not found.least_relevant_first.any()
    assert not found.combined.any()


def test_all_batches_count_and_none_depends_on_another(tiny, scorer, images, maps):
    """Quantus scored the first batch alone."""
    together = road(scorer, images, maps)
    apart = road(Scorer(tiny.model, batch_size=2), images, maps)
    np.testing.assert_allclose(apart.combined, together.combined, atol=1e-6)
    for index in range(3):
        alone = road(scorer, images[index, None], maps[index, None])
        for part in ("most_relevant_first", "least_relevant_first", "combined"):
            expected = getattr(together, part)[index]
            np.testing.assert_allclose(getattr(alone, part)[0], expected, atol=1e-6)


def test_explainers_and_coarse_maps(rng):
    model, *_ = gap_network((8, 6, 3))
    scorer = Scorer(model)
    images = rng.normal(size=(2, 8, 6, 3)).astype("float32")
    explain = kc.CAM(model)
    predicted = model.predict(images, verbose=0).argmax(axis=1)
    found = road(scorer, images, explain)
    expected = road(scorer, images, explain(images, predicted).heatmaps, predicted)
    np.testing.assert_array_equal(found.combined, expected.combined)
    coarse = rng.normal(size=(2, 4, 3))
    fine = kc.visualization.resize(coarse, (8, 6))
    np.testing.assert_array_equal(
        road(scorer, images, coarse, 1).combined, road(scorer, images, fine, 1).combined
    )


@pytest.mark.parametrize(
    "form",
    ["nested twice in Functional", "several outputs", "one sigmoid unit", "mixed_bfloat16"],
)
def test_forms_of_models(form, tmp_path, rng):
    model = build(form, tmp_path)
    images = draw(model, rng, 3)
    output = "species" if form == "several outputs" else None
    mean = np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)
    predicted = [model.predict(x, verbose=0) for x in (images, mean)]
    predicted = [p["species"] if output else p for p in predicted]
    before, after = (p[:, 0 if p.shape[1] == 1 else 1] for p in predicted)
    heatmaps = rng.normal(size=(3, 16, 16))
    scorer = Scorer(model, output=output)
    found = road(scorer, images, heatmaps, 1, percentages=[100], noise=0)
    np.testing.assert_allclose(
        found.most_relevant_first[:, 0], after - before, atol=0.05 if "16" in form else 1e-5
    )


def test_model_stays_as_it_is(rng, tmp_path, capsys):
    model = small_model(size=8)
    images = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    before = snapshot(model, images, tmp_path / "before.keras")
    capsys.readouterr()
    road(model, images, kc.CAM(model), percentages=[50], verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="`noise` must be"):
        road(model, images, kc.CAM(model), noise=-1)
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))
    road(model, images, np.zeros((2, 8, 8)), percentages=[50, 60], verbose=1)
    assert "8/8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": np.zeros((3, *SHAPE), int)}, TypeError, "takes float32 images"),
        ({"heatmaps": np.zeros((1, 5, 6))}, ValueError, "1 heatmaps for 3 images"),
        ({"heatmaps": kc.CAM}, TypeError, "explainer"),
        ({"targets": lambda scores: scores[:, 0]}, TypeError, "need classes"),
        ({"percentages": [101]}, ValueError, "`percentages` must be a number of at least 0"),
        ({"percentages": [10, -1]}, ValueError, "`percentages` must be a number of at least 0"),
        ({"percentages": [np.nan]}, ValueError, "`percentages` must be a number"),
        ({"percentages": []}, ValueError, "`percentages` must hold at least one"),
        ({"percentages": "50 %"}, ValueError, "`percentages` must be a number"),
        ({"noise": -0.1}, ValueError, "`noise` must be a number of at least 0"),
        ({"noise": "low"}, ValueError, "`noise` must be a number"),
        ({"seed": -1}, ValueError, "`seed` must be an integer"),
        ({"seed": 0.5}, ValueError, "`seed` must be an integer"),
        ({"verbose": 3}, ValueError, "`verbose` must be"),
    ],
)
def test_bad_input(arguments, error, message, scorer, images, maps):
    arguments = {"images": images, "heatmaps": maps, **arguments}
    with pytest.raises(error, match=message):
        road(scorer, **arguments)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        (np.zeros((5, 5, 1)), np.zeros((5, 5), bool)),
        (np.zeros((1, 5, 5, 1)), np.zeros((1, 5, 5))),
        (np.zeros((1, 5, 5, 3)), np.zeros((1, 5, 5, 3), bool)),
        (np.zeros((2, 5, 5, 1)), np.zeros((1, 5, 5), bool)),
        (np.zeros((1, 5, 5, 1)), np.zeros((1, 5, 4), bool)),
    ],
)
def test_masks_that_do_not_fit(image, mask):
    with pytest.raises(ValueError, match="must be a mask"):
        impute(image, mask)


def test_models_that_take_anything_but_images_are_refused(tmp_path, rng):
    for form in ("image and table", "1-D signals"):
        model = build(form, tmp_path)
        with pytest.raises(ValueError, match="nothing else"):
            road(model, draw(model, rng, 2), np.zeros((2, 4, 4)))
