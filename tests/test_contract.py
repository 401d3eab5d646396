"""What holds for every method and every form of model."""

import contextlib
import gc
import pathlib
import weakref

import keras
import numpy as np
import pytest
from conftest import assert_same, mostly_exhaustive, snapshot, state
from families import FAMILIES, one_of_each_family
from forms import FORMS, build, draw, first

import kerascam as kc
from kerascam.explainers import METHODS

pytestmark = pytest.mark.filterwarnings("ignore:.* zero everywhere")

# Few samples: what is tested does not depend on their number.
ARGUMENTS = {
    kc.SmoothGrad: {"samples": 3},
    kc.VarGrad: {"samples": 3},
    kc.IntegratedGradients: {"steps": 3},
    kc.RISE: {"samples": 12, "grid": 3},
}
# What is refused, with a part of the message. Nothing else is.
REFUSED = {
    ("image and table", kc.CAM): "joins several tensors",
    ("fully connected head", kc.CAM): "stands in the way",
    ("subclassed", kc.CAM): "is Python code, which can't be read",
}
# The forms that are most unlike each other.
CORE = ("Functional", "nested twice in Functional", "several outputs", "subclassed", "1-D signals")
NAMES = {method.__name__: method for method in METHODS}


def pairs(forms):
    """All methods on the forms of `CORE`, and one of each family on the others.

    Quick are a method on each form, and what is refused. The methods take turns.
    """
    chosen = []
    for turn, form in enumerate(forms):
        quick = {METHODS[turn % len(METHODS)]}
        quick |= {method for method in METHODS if (form, method) in REFUSED}
        rest = {*METHODS} if form in CORE else one_of_each_family(turn)
        for name, method in NAMES.items():
            if method in quick | rest:
                marks = () if method in quick else pytest.mark.exhaustive
                chosen.append(pytest.param(name, form, marks=marks))
    return chosen


def test_each_method_is_in_one_family():
    members = [method for family in FAMILIES.values() for method in family]
    assert sorted(members, key=METHODS.index) == list(METHODS)


def test_quick_pairs_have_every_method_and_every_form():
    quick = [pair.values for pair in pairs(FORMS) if not pair.marks]
    assert {method for method, _ in quick} == {*NAMES}
    assert {form for _, form in quick} == {*FORMS}


def make(method, form, model, **kwargs):
    arguments = {**ARGUMENTS.get(method, {}), **kwargs}
    if form == "several outputs":
        arguments["output"] = "species"
    return method(model, **arguments)


class Subject:
    """A form of model, built once, which methods share, since each of them leaves it as it was."""

    def __init__(self, form, folder):
        self.form, self.folder, self.methods = form, folder, []
        self.model = build(form, folder)
        self.images = draw(self.model, np.random.default_rng(0))
        self.before = self.snapshot("before")
        predicted = self.model.predict(self.images, verbose=0)
        self.predicted = predicted["species"] if form == "several outputs" else predicted

    def snapshot(self, name):
        return snapshot(self.model, self.images, self.folder / f"{name}.keras")

    def check(self):
        """What it predicts and saves is the same, now that all its methods have had it."""
        when = f"of {self.form!r} after {', '.join(self.methods)}"
        assert_same(self.before, self.snapshot("after"), when)


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """The forms that were needed so far, by their names."""
    found = {}

    def get(form):
        if form not in found:
            found[form] = Subject(form, tmp_path_factory.mktemp("form"))
        return found[form]

    yield get
    for subject in found.values():
        subject.check()


@pytest.mark.parametrize(("method", "form"), pairs(FORMS))
def test_method_on_form(method, form, subjects, rng):
    """Points 1 to 6 of what must hold everywhere."""
    subject = subjects(form)
    model, images, predicted = subject.model, subject.images, subject.predicted
    subject.methods.append(method)
    method = NAMES[method]
    before = state(model)
    if (form, method) in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[form, method]):
            make(method, form, model)
        assert_same(before, state(model))
        return

    explain = make(method, form, model)
    results = {number: explain(first(images, number), verbose=0) for number in (1, 2, 5, 8)}
    heatmaps, targets, scores = results[8]

    # Shapes, and never NaN.
    picture = images[0] if isinstance(images, list) else images
    assert heatmaps.dtype == scores.dtype == np.float32
    assert heatmaps.ndim == picture.ndim - 1
    assert all(small <= large for small, large in zip(heatmaps.shape, picture.shape, strict=False))
    assert np.isfinite(heatmaps).all()
    assert heatmaps.any()

    # The scores are those of the network before its activation.
    tolerance = 0.02 if form.startswith("mixed") else 1e-5
    np.testing.assert_allclose(explain.probabilities(scores), predicted, atol=tolerance)
    if not form.startswith("mixed"):
        expected = (scores[:, 0] > 0) if scores.shape[1] == 1 else scores.argmax(axis=1)
        np.testing.assert_array_equal(targets, expected)

    # An image's result does not depend on the rest of the batch; the same call gives the same.
    scale = np.abs(heatmaps).max()
    close = {"rtol": 1e-3, "atol": scale * (0.1 if form.startswith("mixed") else 1e-4)}
    for number, result in results.items():
        np.testing.assert_allclose(result.heatmaps, heatmaps[:number], **close)
    np.testing.assert_array_equal(explain(images, verbose=0).heatmaps, heatmaps)

    # New weights are seen without a new trace; a new explainer sees the same, in small batches too.
    with other_weights(model, rng):
        changed = explain(images, targets, verbose=0)
        assert explain._by_class.num_traces == 1
        assert not np.allclose(changed.scores, scores, rtol=1e-3)
        fresh = make(method, form, model, batch_size=3)(images, targets, verbose=0)
    close["atol"] = np.abs(fresh.heatmaps).max() * close["atol"] / scale
    np.testing.assert_allclose(changed.heatmaps, fresh.heatmaps, **close)

    # A function as target (it sees the scores, whatever the form); calls that fail, before the work
    # and in its midst.
    if form in CORE:
        contrast = explain(images, lambda s: s[:, 0] - 2 * s[:, -1], verbose=0)
        assert contrast.targets is None
        assert np.isfinite(contrast.heatmaps).all()
    with pytest.raises(ValueError, match="classes of this network"):
        explain(images, targets=5)
    if method is not kc.EigenCAM:  # It shows no class, so it asks for no target.
        with pytest.raises(RuntimeError, match="from the user"):
            explain(images, targets=_failing_target)
    assert_same(before, state(model))


@contextlib.contextmanager
def other_weights(model, rng):
    """The model has weights that it was not built with, and gets the old ones back."""
    weights = [weight.numpy() for weight in model.weights]
    for weight, value in zip(model.weights, weights, strict=True):
        if "float" in weight.dtype and "variance" not in weight.path:
            weight.assign(value + 0.1 * rng.normal(size=value.shape))
    try:
        yield
    finally:
        for weight, value in zip(model.weights, weights, strict=True):
            weight.assign(value)


def _failing_target(scores):
    raise RuntimeError("from the user")


@pytest.mark.parametrize(
    ("method", "form"),
    [
        pair
        for pair in pairs(("Functional", "backbone nested in Sequential", "subclassed"))
        if (pair.values[1], NAMES[pair.values[0]]) not in REFUSED
    ],
)
def test_a_dropped_model_is_not_kept_alive(method, form, tmp_path, rng):
    method = NAMES[method]
    model = build(form, tmp_path)
    explain = make(method, form, model)
    explain(draw(model, rng))
    kept = weakref.ref(model.layers[-1])
    del model, explain
    keras.backend.clear_session()
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("method", NAMES)
def test_exports_and_documentation(method):
    """A new method is a class, a test, an export and a line of documentation."""
    assert getattr(kc, method) is NAMES[method]
    readme = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
    assert f"`{method}" in readme or f"kc.{method}`" in readme


def test_documentation_says_what_is_refused():
    """The table of forms lists all forms, and marks what is refused, and no more."""
    page = (pathlib.Path(__file__).parents[1] / "docs" / "forms_of_model.md").read_text()
    rows = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in FORMS:
            rows[cells[0]] = cells[1:]
    assert list(rows) == list(FORMS)
    for form, (cam, *others) in rows.items():
        assert (cam != "yes") == ((form, kc.CAM) in REFUSED)
        assert others == ["yes"] * 3


CHANGING = (
    *(kc.SmoothGrad, kc.VarGrad, kc.IntegratedGradients),
    *(kc.Occlusion, kc.RISE, kc.ScoreCAM, kc.AblationCAM),
)


@pytest.mark.parametrize("method", mostly_exhaustive(CHANGING, [kc.SmoothGrad, kc.RISE]))
def test_the_predicted_class_is_chosen_once_from_the_clean_image(method, rng):
    """Two classes that win in turns when the image changes: the map must be of one of them."""
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(6, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(5, "softmax")(x))
    for weight in model.weights:
        weight.assign(3 * rng.normal(size=weight.shape))
    images = rng.normal(size=(6, 8, 8, 2)).astype("float32")
    arguments = {kc.SmoothGrad: {"noise": 1.0}, kc.VarGrad: {"noise": 1.0}}.get(method, {})
    arguments |= {} if method is kc.AblationCAM else ARGUMENTS.get(method, {})
    explain = method(model, **arguments)
    predicted = explain(images)
    given = explain(images, targets=predicted.targets)
    scale = np.abs(given.heatmaps).max()
    np.testing.assert_allclose(predicted.heatmaps, given.heatmaps, rtol=1e-4, atol=1e-5 * scale)
    np.testing.assert_array_equal(predicted.targets, predicted.scores.argmax(axis=1))


@pytest.mark.exhaustive
@pytest.mark.parametrize("method", [kc.Saliency, kc.SmoothGrad, kc.GuidedBackprop, kc.HiResCAM])
def test_small_gradients_do_not_vanish_in_half_precision(method):
    """A large picture: the gradient of a mean over it is near the smallest float16."""

    def network(policy):
        keras.config.set_dtype_policy(policy)
        keras.utils.set_random_seed(1)
        x = inputs = keras.Input((256, 256, 3))
        for filters in (8, 8):
            x = keras.layers.Conv2D(
                filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"
            )(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(inputs, keras.layers.Dense(4, dtype="float32")(x))
        keras.config.set_dtype_policy("float32")
        return model

    images = np.random.default_rng(0).uniform(size=(1, 256, 256, 3)).astype("float32")
    arguments = {"samples": 2} if method is kc.SmoothGrad else {}
    exact = method(network("float32"), **arguments)(images, 1).heatmaps
    half = method(network("mixed_float16"), **arguments)(images, 1).heatmaps
    assert np.linalg.norm(half - exact) < 0.1 * np.linalg.norm(exact)
