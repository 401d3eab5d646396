"""What `ClassModelLogger` promises, read back from its event files."""

import functools
import io

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from conftest import compiled_model, event_steps, events, small_model

import kerascam as kc
from kerascam.callbacks import ClassModelLogger, HeatmapLogger
from kerascam.class_model.ascent import Ascent
from kerascam.visualization.encode import decode

pytestmark = pytest.mark.usefixtures("traced_model")
NAMES = ["circle", "square", "triangle", "star"]
PAPER = functools.partial(kc.ClassModel, preset="paper")


@pytest.fixture
def data(rng):
    images = rng.uniform(size=(16, 32, 32, 3)).astype("float32")
    return images, np.arange(16) % 4


def compiled(model=None, **kwargs):
    if model is None and not kwargs:
        return compiled_model()
    model = small_model(4) if model is None else model
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], **kwargs)
    return model


def fit(model, data, callbacks, epochs=2, **kwargs):
    images, labels = data
    return model.fit(
        images, labels, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **kwargs
    )


def paper_logger(*arguments, **kwargs):
    """A logger of the paper's preset, whose loop is compiled in a fraction of the time."""
    return ClassModelLogger(*arguments, **{"class_model": PAPER, **kwargs})


@pytest.fixture
def written(monkeypatch):
    """All lines of text that pictures are labelled with."""
    lines = []
    add_labels = kc.visualization.add_labels

    def kept(pictures, texts, *arguments):
        lines.extend(texts)
        return add_labels(pictures, texts, *arguments)

    monkeypatch.setattr(kc.visualization, "add_labels", kept)
    return lines


def test_pictures_and_numbers_of_every_epoch(data, tmp_path, written):
    model = compiled()
    logger = ClassModelLogger(tmp_path, [2, 0], steps=3, class_names=NAMES, on_error="raise")
    fit(model, data, [logger], epochs=3)
    found = events(tmp_path)
    groups = ("class_model", "class_model_score", "class_model_probability")
    assert set(found) == {
        f"{group}/class_{c}" for group in (*groups, "class_model_animation") for c in (0, 2)
    }
    images, classes, scores = logger._climb.result()
    np.testing.assert_array_equal(classes, [2, 0])
    predicted = model.predict(images, verbose=0)
    for row, c in enumerate(classes):
        pictures = found[f"class_model/class_{c}"]
        assert list(pictures) == [0, 1, 2]
        (png,) = pictures[2]
        shown = decode(png)
        assert shown.shape == (224 + 44, 224, 3)
        expected = kc.visualization.enlarge(kc.visualization.to_rgb(images[row : row + 1], (0, 1)))
        np.testing.assert_array_equal(shown[:224], expected[0])
        assert not np.array_equal(decode(pictures[0][0])[:224], shown[:224])
        numbers = [found[f"{group}/class_{c}"][2] for group in groups[1:]]
        np.testing.assert_allclose(numbers, [scores[row, c], predicted[row, c]], rtol=1e-4)
        percent = f"{100 * predicted[row, c]:.0f} %, score {scores[row, c]:.3g}"
        assert written[-2 + row] == [f"class: {NAMES[c]}", percent]


def test_an_animation_for_each_class_at_the_end(data, tmp_path):
    fit(compiled(), data, [paper_logger(tmp_path, [1, 3], steps=4)], epochs=4)
    found = events(tmp_path)
    for c in (1, 3):
        ((step, (content,)),) = found[f"class_model_animation/class_{c}"].items()
        assert step == 3
        animation = PIL.Image.open(io.BytesIO(content))
        assert animation.format == "GIF"
        assert animation.n_frames == 4
        assert animation.info["loop"] == 0
        for frame, (png,) in enumerate(found[f"class_model/class_{c}"].values()):
            animation.seek(frame)
            shown = np.asarray(animation.convert("RGB")).astype(int)
            assert np.abs(shown - decode(png)).mean() < 4  # A GIF has 256 colours.


@pytest.mark.exhaustive
def test_a_long_training_gives_a_short_animation(data, tmp_path, monkeypatch):
    monkeypatch.setattr("kerascam.callbacks.class_model_logger._MOST_FRAMES", 4)
    fit(compiled(), data, [paper_logger(tmp_path, [1], steps=1)], epochs=11)
    found = events(tmp_path)
    ((content,),) = found["class_model_animation/class_1"].values()
    animation = PIL.Image.open(io.BytesIO(content))
    pictures = [decode(found["class_model/class_1"][epoch][0]) for epoch in (0, 4, 8, 10)]
    assert animation.n_frames == 4
    for frame, picture in enumerate(pictures):
        animation.seek(frame)
        assert np.abs(np.asarray(animation.convert("RGB")).astype(int) - picture).mean() < 4


@pytest.mark.parametrize("warm_start", [True, pytest.param(False, marks=pytest.mark.exhaustive)])
def test_warm_start_goes_on_from_the_last_images(data, tmp_path, warm_start):
    """With a learning rate of 0 the network is the same in all epochs."""
    model = compiled()
    model.optimizer.learning_rate = 0.0
    logger = paper_logger(tmp_path, [0, 1], steps=5, warm_start=warm_start, on_error="raise")
    fit(model, data, [logger], epochs=3)
    steps = 15 if warm_start else 5
    expected = PAPER(model)([0, 1], steps=steps)
    np.testing.assert_allclose(logger._climb.images(), expected.images, rtol=1e-4, atol=1e-5)
    scores = events(tmp_path)["class_model_score/class_1"]
    rising = np.diff(list(scores.values()))
    assert (rising > 0).all() if warm_start else not rising.any()


@pytest.mark.exhaustive
def test_warm_start_with_the_robust_preset_is_one_long_ascent(data, tmp_path):
    model = compiled()
    model.optimizer.learning_rate = 0.0
    logger = ClassModelLogger(tmp_path, [0, 1], steps=4, on_error="raise", seed=3)
    fit(model, data, [logger], epochs=3)
    expected = kc.ClassModel(model)([0, 1], steps=12, seed=3).images
    np.testing.assert_allclose(logger._climb.images(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.exhaustive
def test_new_weights_change_the_automatic_penalty(data, tmp_path):
    model = compiled()
    logger = paper_logger(tmp_path, [0, 1], steps=1, on_error="raise")
    penalties = []

    def remember(epoch, logs):
        penalties.append(logger._climb.strengths.penalties)
        kernel, bias = model.layers[-1].get_weights()
        model.layers[-1].set_weights([10 * kernel, bias])

    model.optimizer.learning_rate = 0.0
    fit(model, data, [logger, keras.callbacks.LambdaCallback(on_epoch_end=remember)], epochs=2)
    np.testing.assert_allclose(penalties[1], 10 * penalties[0], rtol=1e-3)


def test_traced_once_for_the_whole_training(data, tmp_path):
    model = compiled()
    logger = ClassModelLogger(tmp_path, [0, 1, 2], steps=2)
    fit(model, data, [logger], epochs=3)
    fit(model, data, [logger], epochs=2)
    assert logger._find._by_class.num_traces == 2  # The first look and the loop.


@pytest.mark.exhaustive
def test_a_second_fit_goes_on_after_the_first(data, tmp_path):
    model = compiled()
    logger = paper_logger(tmp_path, [1], steps=2)
    fit(model, data, [logger], epochs=2)
    fit(model, data, [logger], epochs=2)
    assert event_steps(tmp_path, "class_model/class_1") == [0, 1, 2, 3]
    assert event_steps(tmp_path, "class_model_animation/class_1") == [1, 3]
    content = events(tmp_path)["class_model_animation/class_1"][3][0]
    assert PIL.Image.open(io.BytesIO(content)).n_frames == 4


@pytest.mark.exhaustive
def test_another_model_is_followed(data, tmp_path):
    logger = paper_logger(tmp_path, [1], steps=2, on_error="raise")
    fit(compiled(), data, [logger], epochs=1)
    first = logger._find
    other = compiled(small_model(4))
    fit(other, data, [logger], epochs=1)
    assert logger._find is not first
    assert len(logger._frames) == 1


@pytest.mark.exhaustive
def test_batches(data, tmp_path):
    logger = paper_logger(tmp_path, [1], steps=1, update_freq=3)
    fit(compiled(steps_per_execution=2), data, [logger], epochs=3)
    assert event_steps(tmp_path, "class_model/class_1") == [4, 6, 10, 12]


@pytest.mark.exhaustive
def test_beside_heatmaps_and_keras(data, tmp_path):
    images, labels = data
    callbacks = [
        HeatmapLogger(tmp_path, images, labels, max_images=1),
        paper_logger(tmp_path, [1], steps=1),
        paper_logger(tmp_path, [1], steps=1, name="paper"),
        keras.callbacks.TensorBoard(tmp_path, update_freq=3),
    ]
    fit(compiled(), data, callbacks)
    found = events(tmp_path)
    for tag in ("cam/image_0", "class_model/class_1", "paper/class_1"):
        assert list(found[tag]) == [0, 1]
    assert list(found["paper_animation/class_1"]) == [1]
    with pytest.raises(ValueError, match="Two callbacks write to the same run"):
        fit(compiled(), data, [paper_logger(tmp_path, [c], steps=1) for c in (0, 1)])


def test_a_fault_never_ends_the_training(data, tmp_path, monkeypatch):
    logger = paper_logger(tmp_path, [1], steps=1)
    calls, write = [], logger.write

    def failing(writer):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("out of paint")
        write(writer)

    logger.write = failing
    with pytest.warns(UserWarning, match="ClassModelLogger failed .* out of paint"):
        history = fit(compiled(), data, [logger], epochs=4)
    assert len(history.history["loss"]) == 4
    assert len(calls) == 2
    assert list(events(tmp_path)["class_model_animation/class_1"]) == [1]  # Of what was drawn.


@pytest.mark.exhaustive
def test_a_fault_at_the_end_is_a_warning(data, tmp_path, monkeypatch):
    monkeypatch.setattr(kc.visualization, "encode_animation", lambda pictures: 1 / 0)
    with pytest.warns(UserWarning, match="ZeroDivisionError"):
        fit(compiled(), data, [paper_logger(tmp_path, [1], steps=1)])
    logger = paper_logger(tmp_path / "other", [1], steps=1, on_error="raise")
    with pytest.raises(ZeroDivisionError):
        fit(compiled(), data, [logger])


@pytest.mark.exhaustive
def test_ctrl_c_ends_the_training(data, tmp_path, monkeypatch):
    logger = paper_logger(tmp_path, [1], steps=1)
    advance = Ascent.advance

    def interrupted(self, *arguments):
        if logger._climb is not None:
            raise KeyboardInterrupt
        return advance(self, *arguments)

    monkeypatch.setattr(Ascent, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(compiled(), data, [logger])


@pytest.mark.exhaustive
def test_training_is_the_same_with_and_without(data, tmp_path):
    def weights(callbacks):
        keras.utils.set_random_seed(1)
        model = compiled()
        fit(model, data, callbacks, shuffle=True)
        return model.get_weights()

    without = weights([])
    with_it = weights([paper_logger(tmp_path, [0, 1], steps=2)])
    for first, second in zip(without, with_it, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.exhaustive
def test_distributed_training(data, tmp_path):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = compiled(small_model(4))
    logger = ClassModelLogger(tmp_path, [0, 1], steps=2, on_error="raise")
    fit(model, data, [logger])
    assert event_steps(tmp_path, "class_model/class_1") == [0, 1]
    inside = ClassModelLogger(tmp_path / "inside", [0, 1], steps=2, on_error="raise")
    with strategy.scope():
        fit(model, data, [inside])
    assert event_steps(tmp_path / "inside", "class_model/class_1") == [0, 1]


def test_a_sequential_model_that_fit_builds(data, tmp_path):
    model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"is not built.*keras\.Input"):
        fit(model, data, [paper_logger(tmp_path, [1])])


def test_one_unit(rng, tmp_path, written):
    images = rng.uniform(size=(8, 32, 32, 3)).astype("float32")
    model = small_model(1, classifier_activation="sigmoid")
    model.compile("sgd", "binary_crossentropy")
    logger = paper_logger(tmp_path, [0, 1], steps=3, class_names=["no", "yes"])
    model.fit(images, np.arange(8) % 2, verbose=0, callbacks=[logger])
    found = events(tmp_path)
    images, _, scores = logger._climb.result()
    np.testing.assert_allclose(found["class_model_score/class_0"][0], -scores[0, 0], rtol=1e-4)
    np.testing.assert_allclose(found["class_model_score/class_1"][0], scores[1, 0], rtol=1e-4)
    shares = model.predict(images, verbose=0)[:, 0]
    np.testing.assert_allclose(
        found["class_model_probability/class_0"][0], 1 - shares[0], rtol=1e-4
    )


@pytest.mark.exhaustive
def test_jpeg_and_one_channel(rng, tmp_path):
    images = rng.uniform(size=(8, 32, 32, 1)).astype("float32")
    model = small_model(4, channels=1)
    model.compile("sgd", "sparse_categorical_crossentropy")
    logger = paper_logger(tmp_path, [3], steps=1, image_format="jpeg")
    model.fit(images, np.arange(8) % 4, verbose=0, callbacks=[logger])
    found = events(tmp_path)
    assert found["class_model/class_3"][0][0][:2] == b"\xff\xd8"
    assert found["class_model_animation/class_3"][0][0][:3] == b"GIF"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"classes": [4]}, ValueError, r"`classes` must be classes of this network, 0..3"),
        ({"classes": [0.5]}, TypeError, "`classes` must be integers"),
        ({"classes": []}, ValueError, "`classes` must be at least one class"),
        ({"classes": [1, 1]}, ValueError, "none of them twice"),
        ({"class_names": ["one"]}, ValueError, "a name for each of the 4 classes"),
        ({"image_format": "bmp"}, ValueError, "`image_format` must be one of"),
        ({"class_model": functools.partial(kc.ClassModel, penalty=-1)}, ValueError, "`penalty`"),
        ({"class_model": lambda model: 3}, TypeError, "must return a `kc.ClassModel`"),
        (
            {"class_model": functools.partial(kc.ClassModel, layer="backbone")},
            TypeError,
            "without `layer`",
        ),
    ],
)
def test_bad_input_is_refused_before_training(arguments, error, message, data, tmp_path):
    model = compiled()
    with pytest.raises(error, match=message):
        fit(model, data, [ClassModelLogger(tmp_path, **{"classes": [0], **arguments})])
    assert int(model.optimizer.iterations.numpy()) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "`steps` must be an integer of at least 1"),
        ({"update_freq": 0}, "`update_freq` must be"),
        ({"on_error": "cry"}, "`on_error` must be"),
        ({"seed": -1}, "`seed` must be an integer"),
        ({"class_model": "robust"}, "`class_model` must be `kc.ClassModel`"),
    ],
)
def test_bad_settings_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClassModelLogger("logs", [0], **arguments)


def test_a_class_model_that_is_built_already_is_refused():
    with pytest.raises(ValueError, match="can't follow a model into training"):
        ClassModelLogger("logs", [0], class_model=kc.ClassModel(small_model(4)))


@pytest.mark.exhaustive
def test_images_that_cannot_be_shown(rng, tmp_path):
    model = small_model(4, channels=5)
    model.compile("sgd", "sparse_categorical_crossentropy")
    images = rng.uniform(size=(8, 32, 32, 5)).astype("float32")
    with pytest.raises(ValueError, match="with one channel or three"):
        model.fit(images, np.arange(8) % 4, callbacks=[ClassModelLogger(tmp_path, [0])])
    shown = functools.partial(
        kc.ClassModel, to_rgb=lambda images: kc.visualization.to_rgb(images[..., :3], (0, 1))
    )
    logger = ClassModelLogger(tmp_path, [0], class_model=shown, steps=1)
    model.fit(images, np.arange(8) % 4, verbose=0, callbacks=[logger])
    assert event_steps(tmp_path, "class_model/class_0") == [0]


def test_a_trial_says_nothing_twice(data, tmp_path):
    """A new network has no gradient at the zero image: said once, when it is logged."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, "softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="exactly zero") as caught:
        fit(model, data, [paper_logger(tmp_path, [1], steps=1)], epochs=3)
    assert len([w for w in caught if "exactly zero" in str(w.message)]) == 1


def test_climbs_of_one_class_model_share_its_loop():
    find = kc.ClassModel(small_model(4))
    classes, seeds = np.array([0, 1], "int32"), np.zeros(2, "int32")
    first = find.climb(classes, seeds)
    first.advance(2)
    found = first.images()
    find.climb(classes, seeds).advance(1)
    assert find._by_class.num_traces == 2
    np.testing.assert_array_equal(first.images(), found)  # Each has a way of its own.
