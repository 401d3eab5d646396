"""Randomised layers and random classes: what changes, from what, and what stays."""

import functools
import random

import keras
import numpy as np
import pytest
from conftest import assert_same, mostly_exhaustive, randomize, small_model, snapshot
from forms import Subclassed, build, draw, subclassed
from scipy import stats
from tiny import Tiny, gap_network

import kerascam as kc
from kerascam.metrics import (
    cascading_randomization,
    independent_randomization,
    random_logit,
    ssim,
)

L = keras.layers
BOTH = [cascading_randomization, independent_randomization]


def watched(method=kc.Saliency):
    """The method, with a list of the weights and the explanation of each call."""

    class Watched(method):
        calls: list = []  # noqa: RUF012

        def __init__(self, model, **kwargs):
            super().__init__(model, **kwargs)
            self.model = model

        def __call__(self, *args, **kwargs):
            found = super().__call__(*args, **kwargs)
            weights = {weight.path: weight.numpy() for weight in self.model.weights}
            self.calls.append((weights, found))
            return found

    return Watched


def network(size=8, initializer="glorot_uniform"):
    """Two convolutions of the same shape, batch statistics, and no weight as it was drawn."""
    inputs = keras.Input((size, size, 3))
    x = L.Conv2D(3, 3, padding="same", name="conv1", kernel_initializer=initializer)(inputs)
    x = L.BatchNormalization(name="norm")(x)
    x = L.Conv2D(3, 3, padding="same", activation="relu", name="conv2")(x)
    x = L.GlobalAveragePooling2D()(L.Dropout(0.5)(x))
    model = keras.Model(inputs, L.Dense(4, "softmax", name="scores")(x))
    randomize(model)
    return model


@pytest.fixture
def images(rng):
    return rng.normal(size=(2, 8, 8, 3)).astype("float32")


@pytest.fixture(scope="module")
def runs():
    """A network, images and, for both kinds, the calls of the explainer and the result."""
    model = network()
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    found = []
    for randomization in BOTH:
        method = watched(kc.HiResCAM)
        found.append((method.calls, randomization(model, images, method)))
    return model, images, found


@pytest.mark.parametrize("kind", [0, 1], ids=["cascading", "independent"])
def test_which_layers_are_random_at_each_step(kind, runs):
    """Cascading is cumulative, from the scores on; independent gives trained weights back."""
    model, _, found = runs
    calls, result = found[kind]
    trained = {weight.path: weight.numpy() for weight in model.weights}
    assert result.layers == ["scores", "conv2", "norm", "conv1"]
    assert len(calls) == 5
    for step, (weights, _) in enumerate(calls):
        random_layers = result.layers[:step][-1:] if kind else result.layers[:step]
        for path, value in weights.items():
            same = np.array_equal(value, trained[path])
            assert same == (path.split("/")[0] not in random_layers), (step, path)


def test_random_weights_are_what_initialisers_draw(runs):
    """Not permuted, not all positive, other ones in each layer; statistics as of a new layer."""
    model, _, [(calls, _), _] = runs
    weights = calls[-1][0]
    for path, fans in (("conv1", 27 + 27), ("conv2", 27 + 27), ("scores", 3 + 4)):
        kernel, limit = weights[f"{path}/kernel"], np.sqrt(6 / fans)
        assert -limit <= kernel.min() < -0.5 * limit
        assert limit >= kernel.max() > 0.5 * limit
        trained = model.get_layer(path).kernel.numpy()
        assert not np.isin(kernel, trained).any()
        np.testing.assert_array_equal(weights[f"{path}/bias"], 0)
    assert not np.isin(weights["conv1/kernel"], weights["conv2/kernel"]).any()
    for name, value in (("gamma", 1), ("beta", 0), ("moving_mean", 0), ("moving_variance", 1)):
        np.testing.assert_array_equal(weights[f"norm/{name}"], value)


def test_initialisers_of_the_layers_are_used(images):
    model, method = network(initializer=keras.initializers.RandomNormal(5.0, 0.1)), watched()
    cascading_randomization(model, images, method)
    kernel = method.calls[-1][0]["conv1/kernel"]
    assert abs(kernel.mean() - 5) < 0.1
    assert 0.05 < kernel.std() < 0.2


@pytest.mark.exhaustive
def test_initialisers_with_a_seed_of_their_own_draw_anew(images):
    """Else a layer gets the weights that its training began with."""
    model = network(initializer=keras.initializers.GlorotUniform(seed=7))
    first = keras.models.clone_model(model).get_layer("conv1").kernel.numpy()
    kernels = []
    for seed in (0, 1):
        method = watched()
        cascading_randomization(model, images, method, seed=seed)
        kernels.append(method.calls[-1][0]["conv1/kernel"])
        assert not np.array_equal(kernels[-1], first)
    assert not np.array_equal(*kernels)


@pytest.mark.parametrize("kind", [0, 1], ids=["cascading", "independent"])
def test_similarity_is_measured_with_the_maps_of_the_trained_network(kind, runs):
    """All of them from the maps that the explainer gave; no comparison of a map with itself."""
    model, images, found = runs
    calls, result = found[kind]
    maps, classes, _ = calls[0][1]
    expected = kc.HiResCAM(model)(images)
    np.testing.assert_allclose(maps, expected.heatmaps, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(classes, expected.targets)
    for row, (_, changed) in enumerate(calls[1:]):
        np.testing.assert_array_equal(changed.targets, classes)
        for index, (a, b) in enumerate(zip(maps, changed.heatmaps, strict=True)):
            signed = stats.spearmanr(a.ravel(), b.ravel())[0]
            absolute = stats.spearmanr(np.abs(a).ravel(), np.abs(b).ravel())[0]
            np.testing.assert_allclose(result.spearman[row, index], signed, atol=1e-9)
            np.testing.assert_allclose(result.absolute_spearman[row, index], absolute, atol=1e-9)
        np.testing.assert_allclose(result.ssim[row], ssim(maps, changed.heatmaps), atol=1e-12)
    assert (result.spearman < 1).any(axis=1).all()
    assert [part.shape for part in result[1:]] == [(4, 2)] * 3


def test_first_random_layer_of_both_is_the_same(runs):
    cascading, independent = (result for _, result in runs[2])
    np.testing.assert_array_equal(cascading.spearman[0], independent.spearman[0])
    assert not np.array_equal(cascading.spearman[1:], independent.spearman[1:])


@pytest.mark.parametrize("method", [kc.GradCAM, kc.Saliency])
@pytest.mark.filterwarnings("ignore:.*heatmaps of .* are zero everywhere")
def test_methods_that_explain_the_network_lose_their_maps(method, rng):
    model = small_model(size=24)
    images = rng.normal(size=(12, 24, 24, 3)).astype("float32")
    result = cascading_randomization(model, images, method, 1)
    assert abs(result.spearman[-1].mean()) < 0.35
    assert (np.abs(result.spearman[-1]) < 0.99).all()


def test_maps_that_do_not_see_the_weights_stay(images):
    """An edge detector in place of an explanation: every similarity is 1."""

    class Edges(kc.explainers.Explainer):
        def explain(self, inputs, target):
            scores = self._network.scores(inputs)
            return keras.ops.max(keras.ops.abs(inputs[0]), axis=-1), scores

    for similarity in cascading_randomization(network(), images, Edges)[1:]:
        np.testing.assert_allclose(similarity, 1, rtol=1e-9)


def test_classes_stay_those_of_the_trained_network(images):
    model = network()
    predicted = model.predict(images, verbose=0).argmax(axis=1)
    for targets, classes in ((None, predicted), ([3, 0], [3, 0])):
        method = watched(kc.CAM)
        cascading_randomization(model, images, method, targets)
        for _, found in method.calls:
            np.testing.assert_array_equal(found.targets, classes)


def test_seeds_repeat_and_global_random_states_stay(runs):
    model, images, [(_, result), _] = runs
    states = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    again = cascading_randomization(model, images, kc.HiResCAM)
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    other = cascading_randomization(model, images, kc.HiResCAM, seed=1)
    np.testing.assert_array_equal(result.spearman, again.spearman)
    assert (result.spearman != other.spearman).any(axis=1).all()


def test_random_numbers_of_keras_stay(runs):
    drawn = []
    for test in (lambda: None, lambda: cascading_randomization(*runs[:2], kc.CAM)):
        keras.backend.clear_session(free_memory=False)  # Older ones keep their generator.
        keras.utils.set_random_seed(4)
        test()
        drawn.append((keras.random.normal((3,)), L.Dense(2).kernel_initializer((3, 2))))
    for before, after in zip(*drawn, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.exhaustive
def test_batches_and_the_rest_of_the_images_do_not_count(images):
    model = network()
    together = cascading_randomization(model, images, kc.HiResCAM, 1)
    small = functools.partial(kc.HiResCAM, batch_size=1)
    apart = cascading_randomization(model, images, small, 1)
    alone = cascading_randomization(model, images[1:], kc.HiResCAM, 1)
    for name in ("spearman", "absolute_spearman", "ssim"):
        expected = getattr(together, name)
        np.testing.assert_allclose(getattr(apart, name), expected, atol=2e-3)
        np.testing.assert_allclose(getattr(alone, name)[:, 0], expected[:, 1], atol=2e-3)


def test_constant_maps_give_numbers(images):
    """A dead map next to a live one is unlike it; two dead ones are alike."""
    model = network()
    model.get_layer("scores").set_weights([np.zeros((3, 4)), np.zeros(4)])
    result = independent_randomization(model, images, kc.Saliency, 0)
    assert not result.spearman[0].any()
    np.testing.assert_array_equal(result.spearman[1:], 1)
    np.testing.assert_allclose(result.ssim[1:], 1)


@pytest.mark.parametrize(
    ("form", "number"),
    [
        pytest.param("Sequential, unbuilt, then called", 3, marks=pytest.mark.exhaustive),
        ("nested twice in Functional", 3),
        pytest.param("several outputs", 4, marks=pytest.mark.exhaustive),
        ("image and table", 4),
        pytest.param("one sigmoid unit", 3, marks=pytest.mark.exhaustive),
        pytest.param("mixed_bfloat16", 3, marks=pytest.mark.exhaustive),
        ("subclassed", 3),
        pytest.param("layer made of layers", 2, marks=pytest.mark.exhaustive),
    ],
)
def test_forms_of_models(form, number, tmp_path, rng):
    model = build(form, tmp_path)
    images = draw(model, rng, 2)
    method = watched()
    output = {"output": "species"} if form == "several outputs" else {}
    result = cascading_randomization(model, images, functools.partial(method, **output), 1)
    assert len(result.layers) == len(set(result.layers)) == number
    expected = kc.Saliency(model, **output)(images, 1).heatmaps
    np.testing.assert_allclose(method.calls[0][1].heatmaps, expected, rtol=1e-4, atol=1e-6)
    assert (result.spearman[-1] < 0.9999).all()
    last, trained = method.calls[-1][0], [weight.numpy() for weight in model.weights]
    for weight, value in zip(trained, last.values(), strict=True):
        assert not np.array_equal(weight, value)


@pytest.mark.exhaustive
def test_layers_with_state_beside_their_weights_are_copied_whole(rng):
    """`Normalization` computes with what `adapt` left, not with its variables."""
    images = 5 * rng.normal(size=(2, 8, 8, 3)).astype("float32") + 3
    normalization = L.Normalization()
    normalization.adapt(images)
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, activation="relu")(normalization(inputs))
    model = keras.Model(inputs, L.Dense(3, "softmax")(L.GlobalAveragePooling2D()(x)))
    method = watched()
    independent_randomization(model, images, method, 0)
    expected = kc.Saliency(model)(images, 0)
    np.testing.assert_allclose(method.calls[0][1].scores, expected.scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(method.calls[0][1].heatmaps, expected.heatmaps, rtol=1e-4)


@pytest.mark.exhaustive
def test_layers_of_one_name_in_two_parts_are_two(images):
    def part(name):
        conv = L.Conv2D(3, 3, padding="same", name="conv")
        return keras.Sequential([keras.Input((8, 8, 3)), conv], name=name)

    inputs = keras.Input((8, 8, 3))
    x = L.GlobalAveragePooling2D()(part("second")(part("first")(inputs)))
    model = keras.Model(inputs, L.Dense(3, name="scores")(x))
    found = cascading_randomization(model, images, kc.Saliency, 1)
    assert found.layers == ["scores", "second/conv", "first/conv"]


@keras.saving.register_keras_serializable("kerascam_tests")
class NeedsArguments(Subclassed):
    """Can't be built again from its config."""

    def __init__(self, table, **kwargs):
        super().__init__(**kwargs)
        self.number = len(table)


def test_clone_builds_what_the_config_can_not(rng, tmp_path):
    images = rng.normal(size=(2, 16, 16, 3)).astype("float32")

    def new():
        model = NeedsArguments([1, 2])
        model(images)
        return model

    model = new()
    randomize(model)
    before = snapshot_of_weights(model)
    with pytest.raises(ValueError, match="(?s)can't be built again.*Pass `clone=`"):
        cascading_randomization(model, images, kc.Saliency)
    result = cascading_randomization(model, images, kc.Saliency, clone=new)
    assert len(result.layers) == 3
    assert (result.spearman[-1] < 0.99).all()
    for old, weight in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def snapshot_of_weights(model):
    return [weight.numpy() for weight in model.weights]


def test_clones_that_are_no_copies_are_refused(images, tmp_path):
    model = network()
    before = snapshot(model, images, tmp_path / "before.keras")
    for clone in (lambda: model, lambda: small_model(size=8), subclassed, Subclassed):
        with pytest.raises(
            ValueError, match="must be a new one with weights of its own and of the same shapes"
        ):
            cascading_randomization(model, images, kc.Saliency, clone=clone)
    with pytest.raises(ValueError, match=r"ZeroDivisionError.*`clone=`"):
        cascading_randomization(model, images, kc.Saliency, clone=lambda: 1 / 0)
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))


@pytest.mark.exhaustive
def test_clones_that_share_weights_with_the_model_are_refused(images, tmp_path):
    """Neither all of them, nor some: a forgotten backbone would never become random."""
    model = network()
    before = snapshot(model, images, tmp_path / "before.keras")

    def with_new_head():
        x = L.GlobalAveragePooling2D()(model.get_layer("conv2").output)
        return keras.Model(model.inputs, L.Dense(4, "softmax")(x))

    state = random.getstate()
    for clone in (lambda: keras.Model(model.inputs, model.outputs), with_new_head):
        with pytest.raises(ValueError, match="new"):
            cascading_randomization(model, images, kc.Saliency, clone=clone)
    assert random.getstate() == state
    after = snapshot(model, images, tmp_path / "after.keras")
    for key in ("weights", "predictions"):
        for old, new in zip(before[key], after[key], strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.mark.exhaustive
def test_clone_that_gives_one_other_model_twice_does_no_harm(images):
    model, other = network(), network()
    drawn = snapshot_of_weights(keras.models.clone_model(other))
    for weight, value in zip(other.weights, drawn, strict=True):
        weight.assign(value)
    trained = snapshot_of_weights(model)
    method = watched()
    cascading_randomization(model, images, method, clone=lambda: other)
    for a, b in zip(method.calls[0][0].values(), trained, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(method.calls[-1][0].values(), drawn, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("randomization", mostly_exhaustive(BOTH, BOTH[:1]))
def test_model_stays_as_it_is(randomization, images, tmp_path, capsys):
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = snapshot(model, images, tmp_path / "before.keras")
    capsys.readouterr()
    randomization(model, images, kc.Saliency, verbose=0)

    def fails(copy):
        copy.get_layer("scores").kernel.assign(np.zeros((3, 4)))
        raise RuntimeError("no explainer")

    with pytest.raises(RuntimeError, match="no explainer"):
        randomization(model, images, fails)
    with pytest.raises(ValueError, match="classes of this network"):
        randomization(model, images, kc.Saliency, 4)
    assert capsys.readouterr().out == ""
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))


def test_progress_is_shown_on_request(runs, capsys):
    cascading_randomization(*runs[:2], kc.HiResCAM, verbose=1)
    assert "8/8" in capsys.readouterr().out


@pytest.mark.parametrize("randomization", mostly_exhaustive(BOTH, BOTH[:1]))
def test_bad_input(randomization, images, tmp_path, rng):
    model = network()
    with pytest.raises(TypeError, match="must be a class.*Received: Saliency.*pass its class"):
        randomization(model, images, kc.Saliency(model))
    with pytest.raises(TypeError, match="must be a class.*Received: str"):
        randomization(model, images, "saliency")
    with pytest.raises(TypeError, match="must be a class.*Received: ndarray"):
        randomization(model, images, np.zeros((2, 8, 8)))
    with pytest.raises(TypeError, match="explainer"):
        randomization(model, images, lambda copy: 3)
    with pytest.raises(TypeError, match="takes float32 images"):
        randomization(model, images.astype("uint8"), kc.Saliency)
    with pytest.raises(ValueError, match="needs a batch axis"):
        randomization(model, images[0], kc.Saliency)
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        randomization(model, images, kc.Saliency, seed=-1)
    with pytest.raises(ValueError, match="`verbose` must be"):
        randomization(model, images, kc.Saliency, verbose="no")
    signal = build("1-D signals", tmp_path)
    with pytest.raises(ValueError, match=r"shape \(batch, h, w\)"):
        randomization(signal, draw(signal, rng, 2), kc.Saliency)
    with pytest.raises(ValueError, match="2 inputs"):
        randomization(build("image and table", tmp_path), images, kc.Saliency)


@pytest.mark.parametrize("clone", [None, network], ids=["config", "clone"])
def test_what_is_no_model_is_refused(clone, images):
    with pytest.raises(TypeError, match="Keras model"):
        cascading_randomization("model", images, kc.Saliency, clone=clone)


def test_clone_that_is_no_model_is_refused(images):
    with pytest.raises((TypeError, ValueError), match="(?i)copy|clone"):
        cascading_randomization(network(), images, kc.Saliency, clone=lambda: 3)


def test_maps_that_do_not_depend_on_the_class_are_found(images):
    model = small_model(size=8)
    np.testing.assert_allclose(random_logit(kc.EigenCAM(model), images), 1, rtol=1e-6)
    found = random_logit(kc.CAM(model), images)
    assert found.shape == (2,)
    assert (found < 0.99).all()


def test_random_logit_in_a_loop(rng):
    """Another class than that of the image, each of the others as often."""
    model, kernel, _ = gap_network((9, 8, 3), classes=4)
    images = rng.normal(size=(60, 9, 8, 3)).astype("float32")
    explain = kc.CAM(model)
    maps = np.einsum("nhwk,kc->cnhw", images.astype("float64"), kernel)
    for targets in (None, 2, rng.integers(0, 4, size=60)):
        classes = np.broadcast_to(
            model.predict(images, verbose=0).argmax(axis=1) if targets is None else targets, 60
        )
        found = random_logit(explain, images, targets, seed=3)
        drawn = []
        for index, c in enumerate(classes):
            mine = maps[c, index][None]
            options = {d: ssim(mine, maps[d, index][None])[0] for d in range(4) if d != c}
            d = min(options, key=lambda d: abs(options[d] - found[index]))
            np.testing.assert_allclose(found[index], options[d], atol=1e-4)
            drawn.append((d - c) % 4)
        assert (np.bincount(drawn, minlength=4)[1:] > 10).all()


def test_random_logit_of_two_classes_and_of_one_unit(rng):
    """There is but one other class: the negative, with a map upside down for one unit."""
    images = rng.normal(size=(3, 9, 9, 2)).astype("float32")
    model, *_ = gap_network((9, 9, 2), classes=2)
    explain = kc.CAM(model)
    expected = ssim(explain(images, 0).heatmaps, explain(images, 1).heatmaps)
    np.testing.assert_allclose(random_logit(explain, images, seed=1), expected, atol=1e-6)
    np.testing.assert_allclose(random_logit(explain, images, seed=2), expected, atol=1e-6)
    inputs = keras.Input((9, 9, 2))
    x = L.GlobalAveragePooling2D()(L.Activation("linear", name="features")(inputs))
    unit = keras.Model(inputs, L.Dense(1, "sigmoid")(x))
    explain = kc.HiResCAM(unit)
    maps = explain(images, 1).heatmaps
    for targets in (None, 0, 1):
        np.testing.assert_allclose(
            random_logit(explain, images, targets), ssim(maps, -maps), atol=1e-5
        )


@pytest.mark.exhaustive
def test_random_logit_repeats_and_leaves_everything_alone(images, tmp_path, capsys):
    model = small_model(size=8)
    explain = kc.CAM(model)
    before = snapshot(model, images, tmp_path / "before.keras")
    capsys.readouterr()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again = (random_logit(explain, images, seed=2, verbose=0) for _ in range(2))
    apart = random_logit(kc.CAM(model, batch_size=1), images, seed=2, verbose=0)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(apart, first, atol=1e-4)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert capsys.readouterr().out == ""
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))


def test_bad_input_of_random_logit(rng):
    model, *_ = gap_network((9, 9, 2))
    explain, images = kc.CAM(model), rng.normal(size=(2, 9, 9, 2)).astype("float32")
    for wrong in (kc.CAM, model, "cam"):
        with pytest.raises(TypeError, match="`explainer` must be an explainer"):
            random_logit(wrong, images)
    with pytest.raises(TypeError, match="`targets` must be classes"):
        random_logit(explain, images, lambda scores: scores[:, 0])
    with pytest.raises(ValueError, match="classes of this network"):
        random_logit(explain, images, 3)
    with pytest.raises(TypeError, match="takes float32 images"):
        random_logit(explain, images.astype("int32"))
    with pytest.raises(ValueError, match="`verbose` must be"):
        random_logit(explain, images, verbose="no")
    with pytest.raises(ValueError, match=r"shape \(batch, h, w\)"):
        random_logit(kc.Saliency(Tiny((9, 9, 2)).model, channels=None), images)
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        random_logit(explain, images, seed=-1)


@pytest.mark.exhaustive
def test_layers_of_one_name_in_two_models_are_two_layers(images):
    parts = []
    for name in ("first", "second"):
        inputs = keras.Input((8, 8, 3))
        x = L.Conv2D(2, 3, name="conv")(inputs)
        parts.append(keras.Model(inputs, L.GlobalAveragePooling2D()(x), name=name))
    inputs = keras.Input((8, 8, 3))
    x = L.Concatenate()([part(inputs) for part in parts])
    model = keras.Model(inputs, L.Dense(3, "softmax")(x))
    assert len(independent_randomization(model, images, kc.Saliency).layers) == 3


def test_a_model_without_weights_is_refused(images):
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, L.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match="must have layers with weights"):
        cascading_randomization(model, images, kc.Saliency)
