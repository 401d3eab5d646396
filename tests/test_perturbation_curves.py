"""Scores of changed images, deletion and insertion against loops in double precision."""

import cv2
import keras
import numpy as np
import pytest
from conftest import assert_same, small_model, snapshot
from forms import build, draw
from scipy import ndimage
from tiny import Tiny, gap_network, linear_network

import kerascam as kc
from kerascam.metrics import Scorer, deletion, insertion
from kerascam.metrics.perturbation_curves import replacement

SHAPE = (4, 5, 3)
IMAGE_FORMS = [
    "Functional",
    "Sequential, unbuilt, then called",
    "nested twice in Functional",
    "several outputs",
    "one channel",
    "not square",
    "one sigmoid unit",
    "mixed_bfloat16",
    "subclassed",
]


def of_class(tiny, c):
    return lambda image: tiny.probabilities(image[None])[0, c]


def curve(probability, image, other, heatmap, pixels, begins_with):
    """One pixel after the other, most important first; equal ones as one reads."""
    columns = image.shape[1]
    order = sorted(range(heatmap.size), key=lambda i: (-heatmap.flat[i], i))
    present = {"image": image, "other": other}[begins_with].astype("float64").copy()
    absent = other if begins_with == "image" else image
    points = [probability(present)]
    for start in range(0, len(order), pixels):
        for i in order[start : start + pixels]:
            present[i // columns, i % columns] = absent[i // columns, i % columns]
        points.append(probability(present))
    return points


def area(points):
    """`(sum - first / 2 - last / 2) / n` of the authors' code; NumPy's `trapz` is no more."""
    return (sum(points) - points[0] / 2 - points[-1] / 2) / (len(points) - 1)


def binary(shape, seed=0):
    """One sigmoid unit whose score is linear."""
    rng = np.random.default_rng(seed)
    kernel, bias = rng.normal(size=(int(np.prod(shape)), 1)), rng.normal(size=1)
    inputs = keras.Input(shape)
    outputs = keras.layers.Dense(1, "sigmoid", name="score")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.get_layer("score").set_weights([kernel, bias])
    return model, kernel.reshape(shape), bias


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


@pytest.mark.parametrize("pixels", [1, 3, 7, 20, None])
def test_deletion_and_insertion_in_a_loop(pixels, tiny, scorer, images, maps):
    targets = [2, 0, 1]
    other = np.full(SHAPE, 0.5)
    for metric, begins_with in ((deletion, "image"), (insertion, "other")):
        found = metric(scorer, images, maps, targets, pixels=pixels, baseline=0.5)
        for index, c in enumerate(targets):
            probability, step = of_class(tiny, c), pixels or SHAPE[1]
            points = curve(probability, images[index], other, maps[index], step, begins_with)
            np.testing.assert_allclose(found.probabilities[index], points, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(found.areas[index], area(points), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            found.fractions, np.minimum(np.arange(len(points)) * step, 20) / 20
        )


def test_numbers_of_the_reference():
    """Quantus's pixel flipping of a linear score, to which the start is added here."""
    w = np.arange(16) / 15
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, keras.layers.Dense(2, name="f")(keras.layers.Flatten()(inputs)))
    model.get_layer("f").set_weights([np.stack([w, -w], axis=1), np.zeros(2)])
    image = np.linspace(0, 1, 16).reshape(1, 4, 4, 1).astype("float32")
    found = deletion(model, image, w.reshape(1, 4, 4), 0, pixels=4)
    expected = [1 / (1 + np.exp(-2 * 1240 / 225)), 0.98899, 0.77634, 0.53107, 0.5]
    np.testing.assert_allclose(found.probabilities, [expected], atol=5e-6)
    assert found.fractions.tolist() == [0, 0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(found.areas, [area(expected)], atol=5e-6)


def test_curves_lead_from_the_image_to_the_baseline_and_back(tiny, scorer, images, maps):
    clean = tiny.probabilities(images).max(axis=1)
    classes = tiny.probabilities(images).argmax(axis=1)
    empty = tiny.probabilities(np.zeros((1, *SHAPE)))[0, classes]
    deleted = deletion(scorer, images, maps)
    inserted = insertion(scorer, images, maps, baseline=0)
    np.testing.assert_allclose(deleted.probabilities[:, [0, -1]].T, [clean, empty], rtol=1e-5)
    np.testing.assert_allclose(inserted.probabilities[:, [-1, 0]].T, [clean, empty], rtol=1e-5)
    for found in (deleted, inserted):
        assert ((found.areas > 0) & (found.areas < 1)).all()


def test_insertion_begins_with_a_blur_of_11_pixels(rng):
    tiny = Tiny((16, 14, 2))
    images = rng.normal(size=(2, 16, 14, 2)).astype("float32")
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 5**2))
    blurred = images.astype("float64")
    for axis in (1, 2):
        blurred = ndimage.correlate1d(blurred, kernel / kernel.sum(), axis, mode="mirror")
    expected = tiny.probabilities(blurred)[:, 1]
    heatmaps = rng.normal(size=(2, 16, 14))
    inserted = insertion(tiny.model, images, heatmaps, 1, pixels=224)
    np.testing.assert_allclose(inserted.probabilities[:, 0], expected, rtol=1e-4)
    deleted = deletion(tiny.model, images, heatmaps, 1, pixels=224, baseline="rise")
    np.testing.assert_allclose(deleted.probabilities[:, -1], expected, rtol=1e-4)


def test_a_baseline_of_one_number_takes_no_memory():
    images = np.zeros((50, 4, 5, 3), "float32")
    for baseline in (0.5, [0.1, 0.2, 0.3], images[0]):
        assert replacement(baseline, images).strides[0] == 0  # The same for all images.


def test_blurred_means_what_it_means_to_explainers(rng):
    """A Gaussian with a tenth of the shorter side as deviation; `"rise"` is another word."""
    tiny = Tiny((24, 20, 2))
    images = rng.normal(size=(2, 24, 20, 2)).astype("float32")
    kernel = cv2.getGaussianKernel(2 * 6 + 1, 2.0)
    border = cv2.BORDER_REFLECT_101
    blurred = np.stack([cv2.sepFilter2D(i, -1, kernel, kernel, borderType=border) for i in images])
    found = deletion(tiny.model, images, images[..., 0], 1, pixels=480, baseline="blurred")
    expected = tiny.probabilities(blurred)[:, 1]
    np.testing.assert_allclose(found.probabilities[:, -1], expected, rtol=1e-4)
    explain = kc.IntegratedGradients(tiny.model, baseline="blurred")
    change = (tiny.scores(images) - tiny.scores(blurred))[:, 1]
    total = explain(images, 1).heatmaps.sum(axis=(1, 2))
    np.testing.assert_allclose(total, change, rtol=2e-3, atol=1e-4)


def test_insertion_is_deletion_of_the_negative_map_backwards(scorer, images, maps):
    inserted = insertion(scorer, images, maps, 0, baseline=0.2)
    deleted = deletion(scorer, images, -maps, 0, baseline=0.2)
    np.testing.assert_allclose(
        inserted.probabilities, deleted.probabilities[:, ::-1], rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(inserted.areas, deleted.areas, rtol=1e-4)


@pytest.mark.parametrize("pixels", [1, 5, 7])
def test_linear_scores_of_both_curves_add_up_to_image_and_baseline(pixels, images, maps):
    """Each pixel is in exactly one of the two."""
    model, kernel, bias = binary(SHAPE)
    images /= 4
    score = (images * kernel).sum(axis=(1, 2, 3)) + 2 * bias + 0.3 * kernel.sum()
    scorer = Scorer(model)
    both = [
        metric(scorer, images, maps, 1, pixels=pixels, baseline=0.3).probabilities
        for metric in (deletion, insertion)
    ]
    total = sum(np.log(p) - np.log1p(-p) for p in both)
    np.testing.assert_allclose(total, np.tile(score[:, None], total.shape[1]), rtol=1e-3, atol=1e-4)


def test_only_the_order_of_pixels_counts(scorer, images, maps):
    for metric in (deletion, insertion):
        expected = metric(scorer, images, maps, 0)
        for transformed in (np.exp(3 * maps), maps**3, 1e-9 * maps - 5, 1e12 * maps):
            np.testing.assert_array_equal(
                metric(scorer, images, transformed, 0).probabilities, expected.probabilities
            )


def test_equal_pixels_go_in_the_order_of_rows(scorer, images):
    reading = -np.arange(20.0).reshape(1, *SHAPE[:2]).repeat(3, axis=0)
    for metric in (deletion, insertion):
        expected = metric(scorer, images, reading, pixels=3).probabilities
        for constant in (0.0, -0.0, 7.0, np.nan):
            flat = np.full_like(reading, constant)
            np.testing.assert_array_equal(
                metric(scorer, images, flat, pixels=3).probabilities, expected
            )


def test_coarse_maps_are_enlarged_before_pixels_are_sorted(rng):
    """Bilinearly; with values that are whole numbers in all places, so that ties are ties."""
    tiny = Tiny((8, 8, 1))
    image = rng.normal(size=(1, 8, 8, 1)).astype("float32")
    coarse = 64.0 * np.array([[3, 1], [0, 7]])
    along = np.clip((np.arange(8) + 0.5) / 4 - 0.5, 0, 1)
    weights = np.stack([1 - along, along], axis=1)
    fine = weights @ coarse @ weights.T
    points = curve(of_class(tiny, 1), image[0], np.zeros((8, 8, 1)), fine, 8, "image")
    found = deletion(tiny.model, image, coarse[None], 1)
    np.testing.assert_allclose(found.probabilities[0], points, rtol=1e-4)
    np.testing.assert_allclose(found.areas[0], area(points), rtol=1e-4)


def test_oracle_is_better_than_its_negative(images):
    model, kernel, _ = linear_network(SHAPE)
    scorer, oracle = Scorer(model), (images * kernel[..., 0]).sum(axis=-1)
    good, bad = (deletion(scorer, images, m, 0).areas for m in (oracle, -oracle))
    assert (good < bad).all()
    good, bad = (insertion(scorer, images, m, 0, baseline=0).areas for m in (oracle, -oracle))
    assert (good > bad).all()


@pytest.mark.parametrize("batch_size", [1, 5])
def test_all_batches_count_and_none_depends_on_another(batch_size, tiny, scorer, images, maps):
    """Quantus scored the first batch alone."""
    together = deletion(scorer, images, maps)
    apart = deletion(Scorer(tiny.model, batch_size=batch_size), images, maps)
    np.testing.assert_allclose(apart.probabilities, together.probabilities, rtol=1e-5)
    for index in range(3):
        alone = deletion(scorer, images[index, None], maps[index, None])
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[index], rtol=1e-5)
        np.testing.assert_allclose(alone.areas[0], together.areas[index], rtol=1e-5)


def test_all_channels_of_a_pixel_go_together(maps):
    """A score that sees whether any pixel is half gone."""
    inputs = keras.Input(SHAPE)
    differs = keras.ops.abs(inputs[..., 0] - inputs[..., 2])
    score = keras.ops.sum(differs, axis=(1, 2))[:, None]
    model = keras.Model(inputs, keras.ops.concatenate([score, 0 * score], axis=1))
    found = deletion(model, np.ones((3, *SHAPE), "float32"), maps, 0, pixels=1)
    assert found.probabilities.shape == (3, 21)
    np.testing.assert_array_equal(found.probabilities, 0.5)


def test_baselines_are_numbers_colours_and_images(tiny, scorer, images, maps, rng):
    own = rng.normal(size=images.shape)
    for baseline in (0.3, np.float32(0.3), 2, [0.1, 0.2, 0.3], own[0], own):
        other = np.broadcast_to(np.asarray(baseline, "float64"), images.shape)
        found = deletion(scorer, images, maps, 1, baseline=baseline).probabilities[:, -1]
        np.testing.assert_allclose(found, tiny.probabilities(other)[:, 1], rtol=1e-4)


@pytest.mark.parametrize("method", [kc.CAM, kc.Saliency])
def test_explainers_are_asked_for_the_maps_of_the_classes(method, rng):
    model, *_ = gap_network((6, 7, 3))
    images = rng.normal(size=(3, 6, 7, 3)).astype("float32")
    predicted = model.predict(images, verbose=0).argmax(axis=1)
    scorer, explain = Scorer(model), method(model)
    for targets, classes in ((None, predicted), (1, [1] * 3), ([2, 0, 1], [2, 0, 1])):
        heatmaps = explain(images, classes).heatmaps
        for metric in (deletion, insertion):
            found = metric(scorer, images, explain, targets)
            expected = metric(scorer, images, heatmaps, classes)
            np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_maps_may_be_lists_and_single_precision(scorer, images, maps):
    maps = maps.astype("float32")
    expected = deletion(scorer, images, maps).areas
    np.testing.assert_array_equal(deletion(scorer, images.tolist(), maps.tolist()).areas, expected)


@pytest.mark.parametrize("form", IMAGE_FORMS)
def test_curves_begin_with_what_each_form_of_model_predicts(form, tmp_path, rng):
    model = build(form, tmp_path)
    images = draw(model, rng, 3)
    output = "species" if form == "several outputs" else None
    scorer = Scorer(model, output=output)
    predictions = model.predict(images, verbose=0)
    predictions = predictions["species"] if output else predictions
    if predictions.shape[1] == 1:
        predictions = np.concatenate([1 - predictions, predictions], axis=1)
    tolerance = 0.05 if "16" in form else 1e-5
    heatmaps = rng.normal(size=images.shape[:3])
    for classes in ([0, 1, 1], predictions.argmax(axis=1)):
        found = deletion(scorer, images, heatmaps, classes, pixels=200)
        expected = predictions[np.arange(3), classes]
        np.testing.assert_allclose(found.probabilities[:, 0], expected, atol=tolerance)
    default = deletion(scorer, images, heatmaps, pixels=200)
    np.testing.assert_array_equal(default.probabilities, found.probabilities)


def test_both_classes_of_one_sigmoid_unit(images, maps):
    model, kernel, bias = binary(SHAPE)
    scorer = Scorer(model)
    scores = (images * kernel).sum(axis=(1, 2, 3)) + bias
    classes = np.array([1, 0, 0])
    signed = np.where(classes, scores, -scores)
    np.testing.assert_allclose(scorer.class_score(images, classes), signed, rtol=1e-4)
    np.testing.assert_allclose(
        scorer.confidence(images, classes), 1 / (1 + np.exp(-signed)), rtol=1e-4
    )
    one, zero = (deletion(scorer, images, maps, c) for c in (1, 0))
    np.testing.assert_allclose(one.probabilities + zero.probabilities, 1, rtol=1e-9)


def test_scorer_gives_scores_and_probabilities_of_classes(tiny, scorer, images):
    classes = np.array([2, 0, 1])
    for found, expected in (
        (scorer.confidence(images, classes), tiny.probabilities(images)),
        (scorer.class_score(images, classes), tiny.scores(images)),
    ):
        assert found.dtype == "float64"
        np.testing.assert_allclose(found, expected[np.arange(3), classes], rtol=1e-4, atol=1e-5)


def test_scorer_takes_labels_as_keras_has_them(scorer, images):
    """A column `(batch, 1)`, which explainers take too."""
    classes = np.array([2, 0, 1])
    for values in (scorer.confidence, scorer.class_score):
        np.testing.assert_array_equal(values(images, classes[:, None]), values(images, classes))


def test_scorer_sees_new_weights(images, maps):
    tiny = Tiny(SHAPE)
    scorer = Scorer(tiny.model)
    deletion(scorer, images, maps)
    tiny.model.get_layer("scores").set_weights([np.zeros((6, 3)), np.zeros(3)])
    np.testing.assert_allclose(deletion(scorer, images, maps).areas, 1 / 3, rtol=1e-6)


def test_model_stays_as_it_is(rng, tmp_path):
    model = small_model(size=8)
    images = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    before = snapshot(model, images, tmp_path / "before.keras")
    deletion(model, images, kc.CAM(model))
    with pytest.raises(ValueError, match="baseline"):
        insertion(model, images, kc.CAM(model), baseline="white")
    with pytest.raises(ValueError, match="one heatmap for each image"):
        deletion(model, images, np.zeros((3, 8, 8)))
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))


def test_arguments_stay_as_they_are(scorer, images, maps):
    before = images.copy(), maps.copy()
    insertion(scorer, images, maps)
    for old, new in zip(before, (images, maps), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("metric", [deletion, insertion])
def test_progress_is_shown_on_request(metric, tiny, scorer, images, maps, capsys):
    metric(scorer, images, maps, verbose=0)
    metric(scorer, images, kc.Saliency(tiny.model), verbose=0)
    assert capsys.readouterr().out == ""
    metric(scorer, images, maps, verbose=1)
    assert "15/15" in capsys.readouterr().out
    with pytest.raises(ValueError, match="`verbose` must be"):
        metric(scorer, images, maps, verbose="loud")


@pytest.mark.parametrize("metric", [deletion, insertion])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": np.zeros((3, *SHAPE), "uint8")}, TypeError, "takes float32 images"),
        ({"images": np.zeros(SHAPE)}, ValueError, "needs a batch axis"),
        ({"images": np.zeros((3, 5, 4, 3))}, ValueError, "must have the shape"),
        ({"images": np.zeros((0, *SHAPE))}, ValueError, "at least one image"),
        ({"images": np.full((3, *SHAPE), np.nan)}, ValueError, "must be finite"),
        ({"heatmaps": np.zeros((2, 4, 5))}, ValueError, "2 heatmaps for 3 images"),
        ({"heatmaps": np.zeros((4, 5))}, ValueError, "needs a batch axis"),
        ({"heatmaps": np.zeros((3, 4, 5, 3))}, ValueError, r"shape \(batch, h, w\)"),
        ({"heatmaps": kc.CAM}, TypeError, "explainer"),
        ({"heatmaps": "cam"}, (TypeError, ValueError), "(?i)heatmaps"),
        ({"targets": lambda scores: scores[:, 0]}, TypeError, "need classes"),
        ({"targets": 3}, ValueError, r"classes of this network, 0\.\.2"),
        ({"targets": [0, 1]}, ValueError, "2 for 3 images"),
        ({"targets": 1.0}, TypeError, "must be integers"),
        ({"pixels": 0}, ValueError, "`pixels` must be an integer"),
        ({"pixels": 21}, ValueError, "`pixels` must be an integer of at least 1 and at most 20"),
        ({"pixels": 2.0}, ValueError, "`pixels` must be an integer"),
        ({"baseline": "blured"}, ValueError, "`baseline` must be"),
        ({"baseline": [1, 2]}, ValueError, "`baseline` must fit images"),
        ({"baseline": np.zeros((2, *SHAPE))}, ValueError, "`baseline` must fit images"),
        ({"baseline": None}, ValueError, "`baseline` must be"),
        ({"baseline": np.nan}, ValueError, "`baseline` must be"),
    ],
)
def test_bad_input(metric, arguments, error, message, scorer, images, maps):
    arguments = {"images": images, "heatmaps": maps, **arguments}
    with pytest.raises(error, match=message):
        metric(scorer, **arguments)


def test_models_that_take_anything_but_images_are_refused(tmp_path, rng):
    for form in ("image and table", "1-D signals", "3-D volumes"):
        model = build(form, tmp_path)
        with pytest.raises(ValueError, match="nothing else"):
            deletion(model, draw(model, rng, 2), np.zeros((2, 4, 4)))
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    with pytest.raises(ValueError, match="nothing else.*uint8"):
        deletion(model, np.zeros((2, 4, 4, 1), "uint8"), np.zeros((2, 4, 4)))


def test_what_is_no_model_is_refused(tiny, images, maps):
    with pytest.raises(TypeError, match="Keras model"):
        deletion("model", images, maps)
    with pytest.raises(TypeError, match="Keras model"):
        deletion(kc.Saliency(tiny.model), images, maps)
