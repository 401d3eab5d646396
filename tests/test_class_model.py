"""The class model against closed forms, and what must hold of it for every form of model."""

import gc
import inspect
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_same, mostly_exhaustive, randomize, small_model, snapshot
from forms import FORMS, build
from tiny import Tiny, linear_network

import kerascam as kc
from kerascam.class_model.ascent import Ascent

cm = kc.class_model
SHAPE = (4, 5, 2)


def paper(model, **kwargs):
    return kc.ClassModel(model, preset="paper", **kwargs)


def bias_free(rng, classes=3):
    """A rectified network without biases, whose scores are homogeneous; and its weights."""
    # Weights of the second layer that are positive: a score without ridges to get stuck at.
    kernels = [rng.normal(size=(40, 8)) / 4, np.abs(rng.normal(size=(8, classes)))]
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(8, "relu", use_bias=False),
            keras.layers.Dense(classes, "softmax", use_bias=False),
        ]
    )
    model.set_weights(kernels)
    return model, kernels


# Closed forms: methods.md 1.1, points 1 to 8.


def test_maximum_of_a_linear_score():
    model, kernel, bias = linear_network(SHAPE)
    found = paper(model, penalty=0.3)([0, 2], steps=600)
    weights = np.moveaxis(kernel, -1, 0)[[0, 2]]
    np.testing.assert_allclose(found.images, weights / 0.6, rtol=1e-5, atol=1e-5)
    highest = (weights**2).sum(axis=(1, 2, 3)) / 1.2 + bias[[0, 2]]
    np.testing.assert_allclose(found.objectives[-1], highest, rtol=1e-5)
    np.testing.assert_allclose(
        found.scores, np.tensordot(found.images, kernel, axes=3) + bias, rtol=1e-4
    )


@pytest.mark.parametrize("steps", mostly_exhaustive([0, 1, 7, 40], [7]))
def test_iterate_after_some_steps(steps):
    model, kernel, _ = linear_network(SHAPE)
    rate, penalty = 0.2, 0.3
    find = paper(model, penalty=penalty, optimizer=keras.optimizers.SGD(rate))
    share = 1 - (1 - 2 * rate * penalty) ** steps
    expected = share * kernel[..., 1] / (2 * penalty)
    np.testing.assert_allclose(find(1, steps=steps).images[0], expected, rtol=1e-5, atol=1e-5)


def test_against_a_loop_in_double_precision():
    tiny = Tiny(SHAPE)
    rate, penalty, image = 0.05, 0.02, np.zeros((1, *SHAPE))
    objectives = []
    for _ in range(30):
        objectives.append(tiny.scores(image)[0, 2] - penalty * (image**2).sum())
        image = image + rate * (tiny.gradient(image, 2) - 2 * penalty * image)
    find = paper(tiny.model, penalty=penalty, optimizer=keras.optimizers.SGD(rate))
    found = find(2, steps=30)
    np.testing.assert_allclose(found.images, image, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.objectives[:, 0], objectives, rtol=1e-4)
    assert (np.diff(found.objectives[:, 0]) > 0).all()  # A small step never lowers it.
    assert found.scores[0, 2] > tiny.scores(np.zeros((1, *SHAPE)))[0, 2]


def test_stationarity_of_a_network_without_biases(rng):
    """At the maximum dS/dI = 2 lambda I, and S(I) = <I, dS/dI> as the score is homogeneous."""
    model, kernels = bias_free(rng)
    penalty = 0.05
    find = paper(model, penalty=penalty, optimizer=keras.optimizers.SGD(0.5))
    with pytest.warns(UserWarning, match="exactly zero"):
        found = find([0, 1], steps=1500)
    for image, scores, c in zip(found.images, found.scores, [0, 1], strict=True):
        hidden = image.ravel() @ kernels[0]
        gradient = (kernels[1][:, c] * (hidden > 0)) @ kernels[0].T
        norm = (image.astype("float64") ** 2).sum()
        assert norm > 0.1
        np.testing.assert_allclose(gradient, 2 * penalty * image.ravel(), atol=1e-4)
        np.testing.assert_allclose(scores[c], 2 * penalty * norm, rtol=1e-4)


def test_first_step_is_along_the_gradient_and_without_penalty():
    tiny = Tiny(SHAPE)
    gradient = tiny.gradient(np.zeros((1, *SHAPE)), 1)
    for penalty in (0.0, 5.0):
        find = paper(tiny.model, penalty=penalty, optimizer=keras.optimizers.SGD(0.1))
        np.testing.assert_allclose(find(1, steps=1).images, 0.1 * gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.exhaustive
def test_shift_of_all_scores_changes_nothing():
    tiny = Tiny(SHAPE)
    before = paper(tiny.model)([0, 1], steps=40)
    kernel, bias = tiny.model.get_layer("scores").get_weights()
    tiny.model.get_layer("scores").set_weights([kernel, bias + 7])
    after = paper(tiny.model)([0, 1], steps=40)
    np.testing.assert_allclose(after.images, before.images, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(after.scores, before.scores + 7, rtol=1e-5)


@pytest.mark.exhaustive
def test_a_larger_penalty_gives_a_smaller_image():
    tiny = Tiny(SHAPE)
    norms = [
        np.linalg.norm(paper(tiny.model, penalty=penalty)(0, steps=300).images)
        for penalty in (0.05, 0.2, 1.0, 1000.0)
    ]
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < 1e-2


def test_automatic_penalty_from_stationarity():
    model, kernel, _ = linear_network(SHAPE)
    found = paper(model, value_range=(-1, 3))([0, 1, 2], steps=600)
    lengths = np.sqrt((found.images**2).mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(lengths, 0.4 * 4, rtol=1e-4)
    cosines = [
        np.corrcoef(image.ravel(), kernel[..., c].ravel())[0, 1]
        for c, image in enumerate(found.images)
    ]
    np.testing.assert_allclose(cosines, 1, atol=1e-5)


def test_mean_image_is_the_start_and_what_the_penalty_draws_to(rng):
    model, kernel, _ = linear_network(SHAPE)
    mean = rng.uniform(size=SHAPE)
    find = paper(model, mean=mean, penalty=0.3)
    np.testing.assert_allclose(find(1, steps=0).images[0], mean, rtol=1e-6)
    expected = mean + kernel[..., 1] / 0.6
    np.testing.assert_allclose(find(1, steps=600).images[0], expected, rtol=1e-4, atol=1e-5)
    strong = paper(model, mean=mean, penalty=1e6)
    np.testing.assert_allclose(strong(1, steps=50).images[0], mean, atol=1e-4)


def test_pictures_undo_the_preprocessing():
    model = small_model(4, size=8)
    images = np.random.default_rng(0).uniform(0, 255, size=(3, 8, 8, 3)).astype("float32")
    for mode in ("tf", "torch", "caffe"):
        given = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
        find = paper(model, value_range=mode)
        np.testing.assert_array_equal(find.pictures(given), np.rint(images))
        # The paper's display: the mean image is added to what the ascent found.
        frame = find._settings.frame
        unit = (given - frame.black) / frame.spread
        unit = unit[..., ::-1] if mode == "caffe" else unit
        np.testing.assert_allclose(255 * unit, images, atol=1e-2)
    grey = paper(model, to_rgb=lambda images: np.full((*images.shape[:3], 3), 7, "uint8"))
    assert (grey(0, steps=1).pictures == 7).all()


@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_objective_rises(preset):
    find = kc.ClassModel(small_model(4), preset=preset)
    found = find([0, 1, 2, 3], steps=60)
    assert (found.objectives[-5:].mean(axis=0) > found.objectives[:5].mean(axis=0)).all()
    before = find([0, 1, 2, 3], steps=0)
    rows = np.arange(4)
    assert (found.scores[rows, rows] > before.scores[rows, rows]).all()


# Images of a batch.


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.05, clipnorm=0.1),
        *(
            pytest.param(optimizer, marks=pytest.mark.exhaustive)
            for optimizer in (
                lambda: None,
                lambda: keras.optimizers.Adafactor(0.05),
                lambda: keras.optimizers.SGD(
                    keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)
                ),
            )
        ),
    ],
)
@pytest.mark.parametrize("preset", ["paper", "robust"])
def test_an_image_does_not_depend_on_the_others(preset, optimizer):
    model = small_model(4)
    together = kc.ClassModel(model, preset=preset, optimizer=optimizer())
    apart = kc.ClassModel(model, preset=preset, optimizer=optimizer(), batch_size=1)
    one, several = together(2, steps=12), together([0, 2, 3], steps=12)
    in_parts = apart([0, 2, 3], steps=12)
    differ = np.linalg.norm(several.images[0] - several.images[1])
    assert differ > 0
    # Rounding differs with the size of the batch, and an ascent carries it on.
    assert np.linalg.norm(one.images[0] - several.images[1]) < 0.02 * differ
    assert np.linalg.norm(in_parts.images - several.images) < 0.02 * differ
    np.testing.assert_allclose(in_parts.objectives[0], several.objectives[0], rtol=1e-4, atol=1e-5)


@pytest.mark.exhaustive
def test_an_optimizer_begins_anew_at_each_call():
    find = kc.ClassModel(small_model(4))
    first = find([1, 2], steps=9)
    np.testing.assert_array_equal(find([1, 2], steps=9).images, first.images)


def test_seeds():
    find = paper(small_model(4), transforms=[cm.Jitter(3)])
    found = find([1, 1, 1], seed=[5, 6, 5], steps=6)
    np.testing.assert_allclose(found.images[0], found.images[2], rtol=1e-4, atol=1e-6)
    assert np.abs(found.images[0] - found.images[1]).max() > 1e-3
    np.testing.assert_array_equal(find(1, seed=5, steps=6).images, find(1, seed=5, steps=6).images)
    assert len(find(1, seed=[5, 6], steps=1).images) == 2
    assert len(find([1], seed=[5, 6], steps=1).images) == 2
    assert len(find([1, 2], seed=[5], steps=1).images) == 2


def test_traced_once_and_new_weights_are_seen():
    model = small_model(4)
    find = kc.ClassModel(model)
    first = find([1, 2], steps=5)
    randomize(model, scale=1.0)
    changed = find([1, 2], steps=5)
    assert find._by_class.num_traces == 2  # The first look and the loop.
    parts = kc.ClassModel(model, batch_size=2)
    assert parts([0, 1, 2, 3, 1], steps=2).images.shape[0] == 5
    assert parts._by_class.num_traces == 2
    assert np.abs(changed.images - first.images).max() > 1e-3
    np.testing.assert_array_equal(changed.images, kc.ClassModel(model)([1, 2], steps=5).images)


@pytest.mark.exhaustive
def test_steps_between_two_looks_at_the_clock_do_not_matter(monkeypatch):
    find = kc.ClassModel(small_model(4))
    counts = []
    advance = Ascent.advance
    monkeypatch.setattr(
        Ascent, "advance", lambda self, n, *a: counts.append(n) or advance(self, n, *a)
    )
    free = find(1, steps=40)
    assert max(counts) > 2  # Several steps without a trip to Python.
    framed = find(1, steps=40, frames=1)
    np.testing.assert_array_equal(free.images, framed.images)
    np.testing.assert_array_equal(free.objectives, framed.objectives)


@pytest.mark.exhaustive
def test_frames():
    find = kc.ClassModel(small_model(4))
    found = find([1, 2], steps=10, frames=4)
    assert found.frames.shape == (4, 2, 32, 32, 3)
    for index, steps in enumerate([0, 4, 8, 10]):
        expected = find([1, 2], steps=steps).images
        np.testing.assert_allclose(found.frames[index], expected, rtol=1e-4, atol=1e-5)


def test_transforms_are_drawn_anew_for_each_step_and_seed():
    """With a linear score each step adds the weights, shifted as the network saw the image."""
    model, kernel, _ = linear_network((12, 12, 1))
    find = paper(
        model,
        penalty=0,
        transforms=[cm.Jitter(3)],
        optimizer=keras.optimizers.SGD(1.0),
    )
    frames = find([1, 1], seed=[0, 1], steps=8, frames=1).frames
    added = np.diff(frames, axis=0)[..., 0].reshape(16, 12, 12)
    shifts = []
    for step in added:
        fits = {
            (y, x): np.abs(step[3:9, 3:9] - kernel[3 + y : 9 + y, 3 + x : 9 + x, 0, 1]).max()
            for y in range(-3, 4)
            for x in range(-3, 4)
        }
        best = min(fits, key=fits.get)
        assert fits[best] < 1e-4
        shifts.append(best)
    assert len(set(shifts)) > 6
    assert shifts[:8] != shifts[8:]


# Targets.


def test_a_function_as_target():
    model, kernel, _ = linear_network(SHAPE)
    find = paper(model, penalty=0.3)
    contrast = find(lambda scores: scores[:, 0] - scores[:, 2], steps=600)
    expected = (kernel[..., 0] - kernel[..., 2]) / 0.6
    np.testing.assert_allclose(contrast.images[0], expected, rtol=1e-4, atol=1e-5)
    assert contrast.targets is None
    assert len(find(lambda scores: scores[:, 0], seed=[1, 2], steps=1).images) == 2


def test_the_predicted_class_of_images(rng):
    model = small_model(4)
    images = rng.uniform(size=(3, 32, 32, 3)).astype("float32")
    predicted = model.predict(images, verbose=0).argmax(axis=1)
    found = paper(model)(initial=images, steps=1)
    np.testing.assert_array_equal(found.targets, predicted)


@pytest.mark.parametrize("preset", ["paper", pytest.param("robust", marks=pytest.mark.exhaustive)])
def test_initial_images_are_where_it_starts(preset, rng):
    model = small_model(4)
    image = rng.uniform(0.05, 0.95, size=(32, 32, 3)).astype("float32")
    find = kc.ClassModel(model, preset=preset)
    np.testing.assert_allclose(find([0, 1], initial=image, steps=0).images[1], image, atol=1e-4)
    moved = find(1, initial=image, steps=20)
    assert moved.scores[0, 1] > find(1, initial=image, steps=0).scores[0, 1]


def test_one_unit_has_two_classes():
    inputs = keras.Input(SHAPE)
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x))
    found = paper(model, penalty=0.3)([0, 1], steps=600)
    kernel = model.get_weights()[0].reshape(SHAPE)
    np.testing.assert_allclose(found.images[1], kernel / 0.6, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.images[0], -kernel / 0.6, rtol=1e-4, atol=1e-5)


def test_channels_and_neurons_of_a_layer(rng):
    inputs = keras.Input((6, 7, 2))
    x = keras.layers.Conv2D(3, 3, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    kernel, _ = model.get_layer("conv").get_weights()
    neuron = paper(model, layer="conv", position=(1, 2), penalty=0.5)(channel=2, steps=600)
    expected = np.zeros((6, 7, 2))
    expected[1:4, 2:5] = kernel[..., 2]
    np.testing.assert_allclose(neuron.images[0], expected, rtol=1e-4, atol=1e-5)
    whole = paper(model, layer="conv", penalty=0.5)(channel=[0, 2], steps=600)
    expected = np.zeros((6, 7, 2))
    for y in range(4):
        for x in range(5):
            expected[y : y + 3, x : x + 3] += kernel[..., 2] / 20
    np.testing.assert_allclose(whole.images[1], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(whole.targets, [0, 2])
    features = keras.Model(inputs, model.get_layer("conv").output)(whole.images)
    np.testing.assert_allclose(whole.scores, np.mean(features, axis=(1, 2)), rtol=1e-4)


def test_the_only_channel_of_a_layer_is_raised():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(1, 1, name="conv", kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    found = paper(model, layer="conv")(channel=0, steps=5)
    assert found.scores[0, 0] > 0
    assert found.targets[0] == 0


# Sizes.


@pytest.mark.exhaustive
def test_sizes_that_the_network_takes():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 2, activation="relu", bias_initializer="ones")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    assert kc.ClassModel(model).image_shape == (224, 224, 3)
    for size, shape in [((20, 31), (20, 31)), (17, (17, 17))]:
        for preset in ("paper", "robust"):
            find = kc.ClassModel(model, preset=preset, image_size=size)
            assert find(1, steps=2).images.shape == (1, *shape, 3)
    with pytest.raises(ValueError, match=r"can't take images of the size \(2, 2\)"):
        kc.ClassModel(model, image_size=2)
    with pytest.raises(ValueError, match=r"must be what the model takes, \(32, 32\)"):
        kc.ClassModel(small_model(4), image_size=64)
    with pytest.raises(ValueError, match=r"must be \(height, width\), or one number"):
        kc.ClassModel(model, image_size=(1, 2, 3))


@pytest.mark.parametrize("preset", ["paper", pytest.param("robust", marks=pytest.mark.exhaustive)])
def test_octaves(preset):
    model = small_model(4)
    find = kc.ClassModel(model, preset=preset, octaves=3, octave_scale=2, mean=0.5)
    assert [frame.size for frame in find._settings.octaves] == [(8, 8), (16, 16), (32, 32)]
    found = find([0, 1], steps=31, frames=10)
    assert found.images.shape == (2, 32, 32, 3)
    assert found.frames.shape == (5, 2, 32, 32, 3)
    assert found.objectives.shape == (31, 2)
    # What the first third changed can't be finer than its eight pixels.
    middle = found.frames[1][0, :, :, 0] - found.frames[0][0, :, :, 0]
    spectrum = np.abs(np.fft.fft2(middle - middle.mean()))
    assert spectrum[12:21, 12:21].max() < 0.1 * spectrum.max()
    assert (found.objectives[-1] > found.objectives[0]).all()


@pytest.mark.parametrize("scale", [4, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_plain_ascent_does_not_run_away_in_coarse_octaves(scale):
    """A coarse pixel gathers the gradients and penalties of all that it stands for."""
    find = paper(small_model(4), octaves=3, octave_scale=scale)
    found = find([0, 1, 2, 3], steps=90)
    one_size = paper(small_model(4))([0, 1, 2, 3], steps=90)
    assert np.abs(found.images).max() < 3 * np.abs(one_size.images).max()
    assert (found.objectives[29] > found.objectives[0]).all()


# Traps.


@pytest.mark.parametrize(
    "arguments",
    [
        {"preset": "paper", "optimizer": lambda: keras.optimizers.SGD(1e30)},
        pytest.param({"penalty": 1e38}, marks=pytest.mark.exhaustive),
    ],
)
def test_an_ascent_that_diverges_goes_back_and_says_so(arguments):
    arguments = {k: v() if callable(v) else v for k, v in arguments.items()}
    find = kc.ClassModel(small_model(4), **arguments)
    with pytest.warns(UserWarning, match="diverged for 2 of 2 images") as caught:
        found = find([0, 1], steps=30)
    assert [w.filename for w in caught if "diverged" in str(w.message)] == [__file__]
    assert np.isfinite(found.images).all()
    assert np.isfinite(found.scores).all()


def test_half_precision_that_overflows_is_named():
    keras.config.set_dtype_policy("mixed_float16")
    model = small_model(4)
    keras.config.set_dtype_policy("float32")
    model.layers[-1].set_weights([1e4 * value for value in model.layers[-1].get_weights()])
    with pytest.raises(ValueError, match="gradient of the network's scores is not finite"):
        kc.ClassModel(model)(0)


def test_zero_gradient_at_the_zero_image_is_left_by_noise():
    model = small_model(4)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(np.zeros(weight.shape))
    find = paper(model)
    with pytest.warns(UserWarning, match=r"classes \[0, 3\] at the first image") as caught:
        found = find([0, 3], steps=0)
    # It points to the user's line.
    assert [w.filename for w in caught if "exactly zero" in str(w.message)] == [__file__]
    assert 0.005 < found.images.std() < 0.02
    with pytest.warns(UserWarning, match="exactly zero"):
        again, other = find(0, steps=0), find(0, steps=0, seed=1)
    np.testing.assert_array_equal(again.images[0], found.images[0])
    assert not np.array_equal(other.images[0], found.images[0])


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:.*exactly zero")
def test_a_dead_network_gives_no_nan():
    model = small_model(4)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    for preset in ("paper", "robust"):
        found = kc.ClassModel(model, preset=preset)([0, 1], steps=3)
        assert np.isfinite(found.images).all()
        assert np.isfinite(found.objectives).all()


def test_a_network_that_diverged_is_refused():
    model = small_model(4)
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    with pytest.raises(ValueError, match="scores for the first image are not finite"):
        kc.ClassModel(model)(0)


@pytest.mark.parametrize("preset", ["paper", pytest.param("robust", marks=pytest.mark.exhaustive)])
def test_how_large_scores_are_does_not_matter(preset):
    """Scores of 1e-14 are as good as others: nothing is compared with a fixed small number."""
    tiny = Tiny(SHAPE)
    expected = kc.ClassModel(tiny.model, preset=preset)(1, steps=50).images
    for weight in tiny.model.get_layer("scores").weights:
        weight.assign(1e-14 * weight.numpy())
    found = kc.ClassModel(tiny.model, preset=preset)(1, steps=50).images
    np.testing.assert_allclose(found, expected, atol=0.02 * np.ptp(expected))


def test_ctrl_c_leaves_with_the_best_images_so_far(monkeypatch):
    find = paper(small_model(4), batch_size=2)
    complete = find([0, 1, 2], steps=30, frames=10)
    start = find([0, 1, 2], steps=0)
    done, advance = [], Ascent.advance

    def interrupted(self, count, *arguments):
        if sum(done) >= 12:
            raise KeyboardInterrupt
        done.append(count)
        return advance(self, count, *arguments)

    monkeypatch.setattr(Ascent, "advance", interrupted)
    with pytest.warns(UserWarning, match="Interrupted: .* best after 0 to .* of 30 steps"):
        found = find([0, 1, 2], steps=30, frames=10)
    number = sum(done)
    assert 12 <= number < 30
    np.testing.assert_array_equal(found.objectives[:number, :2], complete.objectives[:number, :2])
    assert np.isnan(found.objectives[number:]).all()
    assert np.isnan(found.objectives[:, 2]).all()
    assert found.images.shape == complete.images.shape
    assert found.frames.shape == complete.frames.shape
    rows = np.arange(2)
    assert (found.scores[rows, rows] > start.scores[rows, rows]).all()
    np.testing.assert_array_equal(found.images[2], start.images[2])  # Its turn did not come.


def test_ctrl_c_keeps_the_best_and_not_the_last(monkeypatch):
    """An ascent that runs away: each step overshoots further."""
    model, _, _ = linear_network(SHAPE)
    find = paper(model, penalty=0.3, optimizer=keras.optimizers.SGD(4.0))
    done, advance = [], Ascent.advance

    def interrupted(self, count, *arguments):
        if sum(done) >= 6:
            raise KeyboardInterrupt
        done.append(1)
        return advance(self, 1, *arguments)

    monkeypatch.setattr(Ascent, "advance", interrupted)
    with pytest.warns(UserWarning, match="Interrupted") as caught:
        found = find(0, steps=100, frames=1)
    assert [w.filename for w in caught if "Interrupted" in str(w.message)] == [__file__]
    assert np.abs(found.frames[6]).max() > 1
    assert not found.images.any()  # The zero image that it began with was the best.


def test_a_callback_lets_ctrl_c_through(monkeypatch):
    find = paper(small_model(4))
    climb = find.climb(np.array([0, 1], "int32"), np.zeros(2, "int32"))

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Ascent, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        climb.advance(3)


@pytest.mark.exhaustive
def test_inside_the_scope_of_a_strategy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = small_model(4)
        found = kc.ClassModel(model)([0, 1], steps=3)
    np.testing.assert_allclose(
        found.images, kc.ClassModel(model)([0, 1], steps=3).images, rtol=1e-4, atol=1e-5
    )


def test_progress_bar(capsys):
    find = paper(small_model(4))
    find([0, 1], steps=10, verbose=0)
    assert capsys.readouterr().out == ""
    find([0, 1], steps=10, verbose=1)
    assert "20/20" in capsys.readouterr().out


# Forms of model.

REFUSED = {
    "image and table": (ValueError, "must take one image"),
    "1-D signals": (ValueError, "must take one image"),
    "3-D volumes": (ValueError, "must take one image"),
}


@pytest.mark.filterwarnings("ignore:.*exactly zero")
@pytest.mark.parametrize(
    "form",
    [
        form
        if form in ("several outputs", *REFUSED)
        else pytest.param(form, marks=pytest.mark.exhaustive)
        for form in FORMS
    ],
)
def test_every_form_of_model_stays_as_it_is(form, tmp_path, rng):
    model = build(form, tmp_path)
    if form in REFUSED:
        error, message = REFUSED[form]
        with pytest.raises(error, match=message):
            kc.ClassModel(model)
        return
    arguments = {"output": "species"} if form == "several outputs" else {}
    size = 24 if form == "any size" else None
    probe = kc.ClassModel(model, image_size=size, **arguments)
    images = rng.uniform(size=(2, *probe.image_shape)).astype("float32")
    before = snapshot(model, images, tmp_path / "before.keras")
    for preset in ("paper", "robust"):
        find = kc.ClassModel(model, preset=preset, image_size=size, **arguments)
        found = find([0, 1], steps=12)
        assert found.images.shape == images.shape
        assert np.isfinite(found.images).all()
        assert found.images.std() > 0
        raised, start = found.scores, find([0, 1], steps=0).scores
        if start.shape[1] == 1:
            raised, start = (np.concatenate([-s, s], axis=1) for s in (raised, start))
        rows = np.arange(2)
        assert (raised[rows, rows] > start[rows, rows]).all()
        predicted = model.predict(found.images, verbose=0)
        predicted = predicted["species"] if form == "several outputs" else predicted
        expected = find.probabilities(found.scores)[:, -predicted.shape[1] :]
        tolerance = 0.02 if form.startswith("mixed") else 1e-5
        np.testing.assert_allclose(expected, predicted, atol=tolerance)
    with pytest.raises(RuntimeError, match="from the user"):
        find(_failing_target, steps=1)
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))


def _failing_target(scores):
    raise RuntimeError("from the user")


@pytest.mark.exhaustive
def test_training_goes_on_as_if_nothing_had_happened(rng):
    images, labels = rng.uniform(size=(16, 32, 32, 3)).astype("float32"), np.arange(16) % 4
    histories = []
    for looks in (False, True):
        keras.utils.set_random_seed(3)
        backbone = keras.Sequential(
            [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
        )
        model = kc.models.cam_classifier(backbone, 4, dropout=0.5)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(images, labels, epochs=1, verbose=0)
        if looks:
            kept = [variable.numpy() for variable in model.optimizer.variables]
            metrics = [variable.numpy() for variable in model.metrics_variables]
            paper(model)([0, 1], steps=5)
            for variable, value in zip(model.optimizer.variables, kept, strict=True):
                np.testing.assert_array_equal(variable, value)
            for variable, value in zip(model.metrics_variables, metrics, strict=True):
                np.testing.assert_array_equal(variable, value)
        histories.append(model.fit(images, labels, epochs=2, verbose=0, shuffle=False).history)
    assert histories[0] == histories[1]


@pytest.mark.exhaustive
def test_a_dropped_model_is_not_kept_alive():
    model = small_model(4)
    find = kc.ClassModel(model)
    find([0, 1], steps=2)
    kept = weakref.ref(model.layers[-1])
    del model, find
    keras.backend.clear_session()
    gc.collect()
    assert kept() is None


def test_the_optimizer_that_was_passed_stays_as_it_is():
    optimizer = keras.optimizers.Adam(0.05)
    find = paper(small_model(4), optimizer=optimizer)
    find(1, steps=2)
    assert not optimizer.built
    assert int(optimizer.iterations.numpy()) == 0


def test_value_range_of_a_model_that_scales_by_itself():
    inner = small_model(4)
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, inner(keras.layers.Rescaling(1 / 255)(inputs)))
    found = kc.ClassModel(model)(1, steps=0)  # Medium grey.
    assert 100 < found.images.mean() < 155
    assert 0.4 < kc.ClassModel(inner)(1, steps=0).images.mean() < 0.6


# Bad input.


class Halving(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the user's own that can't be made of its config."""

    def __init__(self):
        pass

    def __call__(self, step):
        return 0.5 ** keras.ops.cast(step, "float32")

    def get_config(self):
        raise RuntimeError("from the user")


def bound_optimizer():
    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable(np.zeros(2))])
    return optimizer


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"preset": "best"}, ValueError, "`preset` must be one of"),
        ({"penalty": -1}, ValueError, "`penalty` must be a number of at least 0"),
        ({"penalty": float("nan")}, ValueError, "`penalty` must be a number of at least 0"),
        ({"penalty": "much"}, ValueError, '`penalty` must be a number of at least 0, or "auto"'),
        ({"image_size": 0}, ValueError, "`image_size` must be an integer of at least 1"),
        ({"optimizer": "adam"}, TypeError, "`optimizer` must be a `keras.optimizers.Optimizer`"),
        ({"optimizer": bound_optimizer}, ValueError, "one that is bound to other variables"),
        (
            {"optimizer": lambda: keras.optimizers.Adam(global_clipnorm=1)},
            ValueError,
            "must not have a `global_clipnorm`",
        ),
        ({"parameterization": "pixels"}, TypeError, "`parameterization` must be one of"),
        ({"regularizers": [lambda: keras.regularizers.L2(1)]}, TypeError, "are for weights"),
        ({"transforms": [3]}, TypeError, "`transforms` must be a list of those"),
        ({"value_range": (1, 0)}, ValueError, "`value_range` must be .* low < high"),
        ({"value_range": 3}, ValueError, "`value_range` must be"),
        ({"mean": np.zeros((3, 2))}, ValueError, r"`mean` must be finite numbers: one, \(3,\) or"),
        ({"mean": np.nan}, ValueError, "`mean` must be finite numbers"),
        ({"mean": "x"}, ValueError, "`mean` must be finite numbers"),
        ({"regularizers": cm.L1(1)}, TypeError, "`regularizers` must be a list"),
        ({"transforms": cm.Jitter(1)}, TypeError, "`transforms` must be a list"),
        (
            {"optimizer": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0))},
            ValueError,
            "must not scale its loss",
        ),
        ({"optimizer": lambda: keras.optimizers.SGD(Halving())}, ValueError, "made of its config"),
        (
            {"parameterization": cm.FixedMagnitude(), "octaves": 2},
            ValueError,
            "octaves and `BlurEvery` need parameters of a given image",
        ),
        (
            {"parameterization": cm.FixedMagnitude(), "regularizers": [cm.BlurEvery(2)]},
            ValueError,
            "need parameters of a given image",
        ),
        (
            {"parameterization": cm.FixedMagnitude(np.zeros((2, 9, 9, 3)))},
            ValueError,
            "`images` must have the size of the class model",
        ),
        ({"octaves": 0}, ValueError, "`octaves` must be an integer of at least 1"),
        ({"octave_scale": 0.5}, ValueError, "`octave_scale` must be a number of at least 1"),
        ({"layer": "nothing"}, ValueError, "must name a layer of the model"),
        ({"position": (1, 1)}, ValueError, "without a layer"),
        ({"layer": "backbone", "position": (1, 99)}, ValueError, "`position` must be an integer"),
        ({"layer": "backbone", "position": 1}, ValueError, "`position` must have 2 numbers"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be an integer of at least 1"),
    ],
)
def test_bad_settings(arguments, error, message):
    def made(value):
        return value() if inspect.isfunction(value) else value

    arguments = {
        name: [made(item) for item in value] if isinstance(value, list) else made(value)
        for name, value in arguments.items()
    }
    with pytest.raises(error, match=message):
        kc.ClassModel(small_model(4), **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "must say which class is wanted"),
        ({"targets": 4}, ValueError, r"classes of this network, 0..3. Received: \[4\]"),
        ({"targets": -1}, ValueError, "classes of this network"),
        ({"targets": 1.0}, TypeError, "must be integers"),
        ({"targets": np.eye(4)}, ValueError, "For one-hot labels"),
        ({"targets": []}, ValueError, "at least one"),
        ({"targets": 1, "channel": 2}, ValueError, "without a layer"),
        ({"targets": 1, "steps": -1}, ValueError, "`steps` must be an integer"),
        ({"targets": 1, "steps": 1.5}, ValueError, "`steps` must be an integer"),
        ({"targets": 1, "frames": 0}, ValueError, "`frames` must be an integer"),
        ({"targets": [1, 2], "seed": [1, 2, 3]}, ValueError, "same number of images"),
        ({"targets": 1, "seed": 0.5}, ValueError, "`seed` must be an integer"),
        ({"targets": 1, "seed": 2**32}, ValueError, "`seed` must be an integer"),
        ({"targets": 1, "seed": -1}, ValueError, "`seed` must be an integer"),
        ({"targets": 1, "initial": np.zeros((9, 9, 3))}, ValueError, "`initial` must be an image"),
        ({"targets": 1, "initial": np.full((32, 32, 3), np.nan)}, ValueError, "finite numbers"),
        ({"targets": 1, "verbose": 3}, ValueError, "`verbose` must be"),
        ({"targets": lambda s: s}, ValueError, "one number for each image"),
    ],
)
def test_bad_calls(arguments, error, message):
    with pytest.raises(error, match=message):
        kc.ClassModel(small_model(4))(**arguments)


def test_bad_channels():
    find = kc.ClassModel(small_model(4), layer="backbone")
    with pytest.raises(ValueError, match="With `layer`, pass `channel`"):
        find()
    with pytest.raises(ValueError, match="`channel` must be classes of this network, 0..7"):
        find(channel=8)
    with pytest.raises(ValueError, match="are no scores of classes"):
        find.probabilities(np.zeros((1, 8)))
    inputs = keras.Input((8, 8, 3))
    a, b = (keras.layers.Flatten(name=name)(inputs) for name in "ab")
    model = keras.Model(inputs, {"a": keras.layers.Dense(2)(a), "b": keras.layers.Dense(2)(b)})
    with pytest.raises(ValueError, match="`layer` must lead to the explained output"):
        kc.ClassModel(model, output="a", layer="b")


def test_bad_models():
    with pytest.raises(TypeError, match="must be a Keras model"):
        kc.ClassModel("model.keras")
    whole = keras.Sequential(
        [keras.Input((8, 8, 3), dtype="uint8"), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(TypeError, match="none for uint8 images"):
        kc.ClassModel(whole)
    table = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="must take one image"):
        kc.ClassModel(table)
    with pytest.raises(ValueError, match='"torch" and "caffe" are for colours'):
        kc.ClassModel(small_model(4, channels=1), value_range="torch")
