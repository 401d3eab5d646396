"""What `HeatmapLogger` promises, read back from its event files."""

import functools

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import compiled_model, event_steps, events, mostly_exhaustive, small_model
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import kerascam as kc
from kerascam.callbacks import HeatmapLogger
from kerascam.explainers import METHODS

pytestmark = pytest.mark.usefixtures("traced_model")
NAMES = ["circle", "square", "triangle", "star"]


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


def decode(encoded):
    return cv2.imdecode(np.frombuffer(encoded, "uint8"), cv2.IMREAD_COLOR)[..., ::-1]


def test_pictures_of_every_epoch_and_image(data, tmp_path):
    model = compiled()
    images, labels = data
    fit(model, data, [HeatmapLogger(tmp_path, images, labels, max_images=3)])
    found = events(tmp_path)
    assert set(found) == {
        f"{group}/image_{index}" for group in ("cam", "cam_min", "cam_max") for index in range(3)
    }
    heatmaps = kc.CAM(model)(images[:3], labels[:3]).heatmaps
    pictures = kc.visualization.enlarge(kc.visualization.to_rgb(images[:3], (0, 1)))
    overlays = kc.visualization.overlay(pictures, heatmaps)
    for index in range(3):
        tag = found[f"cam/image_{index}"]
        assert list(tag) == [0, 1]
        for samples in tag.values():
            shown = [decode(sample) for sample in samples]
            assert [picture.shape for picture in shown] == [(224 + 44, 224, 3)] * 3
            np.testing.assert_array_equal(shown[0][:224], pictures[index])
            assert not np.array_equal(shown[1][:224], shown[0][:224])
        # The last epoch's pictures are those of the trained model.
        np.testing.assert_array_equal(shown[1][:224], overlays[index])
        assert found[f"cam_min/image_{index}"][1] == pytest.approx(heatmaps[index].min())
        assert found[f"cam_max/image_{index}"][1] == pytest.approx(heatmaps[index].max())


@pytest.fixture
def written(monkeypatch):
    """Lines and colours of all labels, in the order of their drawing."""
    calls = []
    add_labels = kc.visualization.add_labels
    monkeypatch.setattr(
        kc.visualization,
        "add_labels",
        lambda pictures, lines, color: (
            calls.append((lines, color)) or add_labels(pictures, lines, color)
        ),
    )
    return calls


def test_words_below_the_pictures(data, tmp_path, written):
    model, (images, labels) = compiled(), data
    fit(model, data, [HeatmapLogger(tmp_path, images, labels, class_names=NAMES)], epochs=1)
    explanation = kc.CAM(model)(images[:8], labels[:8])
    probabilities = model.predict(images[:8], verbose=0)
    (overlays, colors), (maps, _) = written[-2:]
    (inputs, _) = written[0]
    for index in range(8):
        guess = probabilities[index].argmax()
        true = NAMES[labels[index]]
        share = f"{100 * probabilities[index, guess]:.0f} %"
        heatmap = explanation.heatmaps[index]
        assert inputs[index] == ["input", f"true: {true}"]
        assert overlays[index] == [f"true: {true}", f"predicted: {NAMES[guess]} {share}"]
        assert maps[index] == [f"map of: {true}", f"{heatmap.min():.3g} to {heatmap.max():.3g}"]
        is_green = colors[index][1] > colors[index][0]
        assert is_green == (guess == labels[index])


def test_own_run_beside_keras_tensorboard(data, tmp_path):
    """TensorBoard's `update_freq=3` switches off the summaries of others; not ours."""
    callbacks = [
        HeatmapLogger(tmp_path, *data),
        keras.callbacks.TensorBoard(tmp_path, update_freq=3),
    ]
    for order in (callbacks, callbacks[::-1]):
        fit(compiled(), data, order, epochs=4)
        steps = sorted(events(tmp_path)["cam/image_0"])
    assert steps == list(range(8))
    assert {path.name for path in tmp_path.iterdir()} == {"kerascam", "train"}
    train = EventAccumulator(str(tmp_path / "train"), size_guidance={"tensors": 0})
    train.Reload()
    assert not any("cam" in tag for tag in train.Tags()["tensors"])
    ours = events(tmp_path)
    assert not any("batch" in tag or "epoch" in tag for tag in ours)


def test_on_disk_after_each_epoch(data, tmp_path):
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(sorted(events(tmp_path)["cam/image_0"]))
    )
    fit(compiled(), data, [HeatmapLogger(tmp_path, *data), look], epochs=3)
    assert seen == [[0], [0, 1], [0, 1, 2]]


@pytest.mark.exhaustive
def test_a_second_fit_goes_on_after_the_first(data, tmp_path):
    logger = HeatmapLogger(tmp_path, *data)
    model = compiled()
    fit(model, data, [logger], epochs=2)
    fit(model, data, [logger], epochs=2)
    fit(model, data, [logger], epochs=6, initial_epoch=4)
    fit(model, data, [logger], epochs=11, initial_epoch=10)
    assert event_steps(tmp_path, "cam/image_0") == [0, 1, 2, 3, 4, 5, 10]


def test_a_reused_log_dir_is_named(data, tmp_path):
    fit(compiled(), data, [HeatmapLogger(tmp_path, *data)], epochs=1)
    with pytest.warns(UserWarning, match="has events of an earlier training.*new `log_dir`"):
        fit(compiled(), data, [HeatmapLogger(tmp_path, *data)], epochs=1)
    # Taken up where it ended: nothing to warn of.
    fit(compiled(), data, [HeatmapLogger(tmp_path, *data)], epochs=5, initial_epoch=4)


def test_traced_once_for_the_whole_training(data, tmp_path):
    logger = HeatmapLogger(tmp_path, *data)
    model = compiled()
    fit(model, data, [logger], epochs=3)
    explain = logger._explain
    fit(model, data, [logger], epochs=2)
    assert logger._explain is explain
    assert explain._by_class.num_traces == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("steps_per_execution", "expected"), [(1, [3, 6, 9, 12]), (2, [4, 6, 10, 12])]
)
def test_batches_are_counted_over_multiples(data, tmp_path, steps_per_execution, expected):
    images, labels = np.tile(data[0], (2, 1, 1, 1))[:24], np.tile(data[1], 2)[:24]
    model = compiled(steps_per_execution=steps_per_execution)
    logger = HeatmapLogger(tmp_path, *data, update_freq=3)
    fit(model, (images, labels), [logger], epochs=2)  # 6 batches an epoch.
    assert event_steps(tmp_path, "cam/image_0") == expected


@pytest.mark.exhaustive
def test_a_step_longer_than_the_data(data, tmp_path):
    """Three batches a step, four batches an epoch: no step need end on a multiple."""
    model = compiled(steps_per_execution=3)
    fit(model, data, [HeatmapLogger(tmp_path, *data, update_freq=4)], epochs=3)
    steps = event_steps(tmp_path, "cam/image_0")
    assert len(steps) == 3
    assert [step // 4 for step in steps] == [1, 2, 3]


class Failing(kc.CAM):
    """Raises at its third call: the second epoch."""

    def __call__(self, *args, **kwargs):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 3:
            raise RuntimeError("out of luck")
        return super().__call__(*args, **kwargs)


def test_a_fault_never_ends_the_training(data, tmp_path):
    logger = HeatmapLogger(tmp_path, *data, explainer=Failing)
    model = compiled()
    with pytest.warns(UserWarning, match="switched off.*RuntimeError: out of luck") as warned:
        history = fit(model, data, [logger], epochs=4)
    assert len(history.history["loss"]) == 4
    assert len([warning for warning in warned if warning.category is UserWarning]) == 1
    assert event_steps(tmp_path, "failing/image_0") == [0]
    fit(model, data, [logger], epochs=1)  # On again in the next training.
    assert len(event_steps(tmp_path, "failing/image_0")) == 2


def test_a_fault_ends_the_training_on_request(data, tmp_path):
    logger = HeatmapLogger(tmp_path, *data, explainer=Failing, on_error="raise")
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(compiled(), data, [logger], epochs=4)


def test_without_labels_the_predicted_class_is_explained(data, tmp_path):
    images, _ = data
    logger = HeatmapLogger(tmp_path, images)
    model = compiled()
    fit(model, data, [logger], epochs=1)
    expected = kc.CAM(model)(images[:8]).heatmaps.max(axis=(1, 2))
    found = events(tmp_path)
    for index in range(8):
        assert found[f"cam_max/image_{index}"][0] == pytest.approx(expected[index])


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "targets",
    ["predicted", 2, np.array([3, 1, 2, 0] * 4), lambda scores: scores[:, 1] - scores[:, 0]],
)
def test_other_targets(data, tmp_path, targets):
    images, labels = data
    model = compiled()
    fit(model, data, [HeatmapLogger(tmp_path, images, labels, targets=targets)], epochs=1)
    own = None if isinstance(targets, str) else targets
    own = own[:8] if isinstance(own, np.ndarray) else own
    expected = kc.CAM(model)(images[:8], own).heatmaps.max(axis=(1, 2))
    found = events(tmp_path)
    for index in range(8):
        assert found[f"cam_max/image_{index}"][0] == pytest.approx(expected[index])


@pytest.mark.exhaustive
def test_one_channel(rng, tmp_path):
    images = rng.uniform(size=(8, 32, 32, 1)).astype("float32")
    model = compiled(small_model(4, channels=1))
    fit(model, (images, np.arange(8) % 4), [HeatmapLogger(tmp_path, images)], epochs=1)
    sample = decode(events(tmp_path)["cam/image_0"][0][0])
    assert (sample[:224, :, 0] == sample[:224, :, 1]).all()


@pytest.mark.exhaustive
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("with_labels", [False, True])
def test_data_sets(data, tmp_path, batched, with_labels):
    images, labels = data
    dataset = tf.data.Dataset.from_tensor_slices(data if with_labels else images)
    dataset = dataset.batch(5) if batched else dataset
    model = compiled()
    fit(model, data, [HeatmapLogger(tmp_path, dataset, max_images=7)], epochs=1)
    expected = kc.CAM(model)(images[:7], labels[:7] if with_labels else None)
    found = events(tmp_path)
    for index in range(7):
        assert found[f"cam_max/image_{index}"][0] == pytest.approx(expected.heatmaps[index].max())
    assert "cam/image_7" not in found


def test_pairs_of_images_and_labels(data, tmp_path):
    logger = HeatmapLogger(tmp_path, data)
    fit(compiled(), data, [logger], epochs=1)
    np.testing.assert_array_equal(logger._labels, data[1][:8])


@pytest.mark.exhaustive
def test_early_stopping_and_checkpoints_beside_it(data, tmp_path):
    checkpoint = tmp_path / "best.keras"
    callbacks = [
        HeatmapLogger(tmp_path, *data),
        keras.callbacks.EarlyStopping("loss", patience=0, min_delta=1e9, start_from_epoch=1),
        keras.callbacks.ModelCheckpoint(checkpoint, monitor="loss", save_best_only=True),
    ]
    model = compiled()
    history = fit(model, data, callbacks, epochs=9)
    epochs = len(history.history["loss"])
    assert epochs < 9
    assert event_steps(tmp_path, "cam/image_0") == list(range(epochs))
    assert keras.models.load_model(checkpoint).count_params() == model.count_params()


def test_two_loggers_share_a_run(data, tmp_path):
    callbacks = [
        HeatmapLogger(tmp_path, *data),
        HeatmapLogger(tmp_path, *data, targets=2, name="square"),
    ]
    fit(compiled(), data, callbacks, epochs=2)
    assert len(list((tmp_path / "kerascam").iterdir())) == 1
    for name in ("cam", "square"):
        assert event_steps(tmp_path, f"{name}/image_0") == [0, 1]


def test_two_loggers_of_one_name_are_refused(data, tmp_path):
    callbacks = [HeatmapLogger(tmp_path, *data), HeatmapLogger(tmp_path, *data, targets=2)]
    with pytest.raises(ValueError, match="under the name 'cam'.*Pass another `name=`"):
        fit(compiled(), data, callbacks)


@pytest.mark.exhaustive
def test_another_model_and_another_head_are_followed(data, tmp_path):
    """The explainer is kept from one `fit` to the next, but not for another network."""
    logger = HeatmapLogger(tmp_path, *data)
    fit(compiled(), data, [logger], epochs=1)
    sequential = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, "softmax"),
        ]
    )
    fit(compiled(sequential), data, [logger], epochs=1)
    for change in (lambda: sequential.pop(), lambda: sequential.add(keras.layers.Dense(4))):
        change()
    fit(compiled(sequential), data, [logger], epochs=1)
    expected = kc.CAM(sequential)(data[0][:8], data[1][:8]).heatmaps.max(axis=(1, 2))
    found = events(tmp_path)
    for index in range(8):
        assert found[f"cam_max/image_{index}"][2] == pytest.approx(expected[index])


@pytest.mark.exhaustive
def test_sequential_model_that_fit_builds(data, tmp_path):
    pairs = tf.data.Dataset.from_tensor_slices(data)
    for images in (data[0], data, pairs, pairs.batch(4)):
        model = keras.Sequential(
            [
                keras.layers.Conv2D(4, 3),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(4, "softmax"),
            ]
        )
        logger = HeatmapLogger(tmp_path, images, name="unbuilt")
        fit(compiled(model), data, [logger], epochs=9, initial_epoch=8)
        assert logger._explain.num_classes == 4


def test_one_unit_names_both_classes(data, tmp_path, written):
    model = small_model(1, classifier_activation="sigmoid")
    model.compile("sgd", "binary_crossentropy")
    images, labels = data[0], data[1] % 2
    logger = HeatmapLogger(tmp_path, images, labels, class_names={1: "yes", 0: "no"})
    model.fit(images, labels, verbose=0, callbacks=[logger])
    for line, share in zip(written[-2][0], model.predict(images[:8], verbose=0)[:, 0], strict=True):
        expected = f"yes {100 * share:.0f} %" if share > 0.5 else f"no {100 * (1 - share):.0f} %"
        assert line[1] == f"predicted: {expected}"


@pytest.mark.exhaustive
def test_alpha(data, tmp_path):
    fit(compiled(), data, [HeatmapLogger(tmp_path, *data, alpha=0.0)], epochs=1)
    shown = [decode(sample) for sample in events(tmp_path)["cam/image_0"][0]]
    np.testing.assert_array_equal(shown[1][:224], shown[0][:224])


def test_what_the_user_does_with_his_images_later_changes_no_picture(data, tmp_path):
    images = data[0].copy()
    blank = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: images.fill(0))
    fit(compiled(), data, [HeatmapLogger(tmp_path, images), blank], epochs=1)
    assert len(np.unique(decode(events(tmp_path)["cam/image_0"][0][1]))) > 20


def test_a_model_with_a_training_step_of_its_own(data, tmp_path):
    class Own(keras.Model):
        def train_step(self, batch):
            return {"loss": 0.0}

    small = small_model(4)
    model = Own(small.inputs[0], small.outputs[0])
    model.compile(optimizer=None)
    fit(model, data, [HeatmapLogger(tmp_path, *data)], epochs=1)
    assert event_steps(tmp_path, "cam/image_0") == [0]


@pytest.mark.exhaustive
def test_a_training_that_diverged(data, tmp_path):
    model = compiled()
    nan = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: model.layers[-1].kernel.assign(np.full((8, 4), np.nan))
    )
    fit(model, data, [HeatmapLogger(tmp_path, *data), nan], epochs=2)
    assert event_steps(tmp_path, "cam/image_0") == [0, 1]
    assert np.isnan(events(tmp_path)["cam_max/image_0"][1])


@pytest.mark.exhaustive
def test_distributed_training(data, tmp_path):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = compiled(small_model(4))
    fit(model, data, [HeatmapLogger(tmp_path, *data, update_freq=4)], epochs=2)
    assert event_steps(tmp_path, "cam/image_0") == [4, 8]


def test_only_the_chief_writes(data, tmp_path, monkeypatch):
    model = compiled()
    strategy = model.distribute_strategy
    monkeypatch.setattr(
        type(strategy.extended), "should_save_summary", property(lambda self: False)
    )
    fit(model, data, [HeatmapLogger(tmp_path, *data)], epochs=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.exhaustive)]
)
def test_mixed_precision(data, tmp_path, policy):
    keras.config.set_dtype_policy(policy)
    fit(compiled(), data, [HeatmapLogger(tmp_path, *data)], epochs=1)
    samples = [decode(sample) for sample in events(tmp_path)["cam/image_0"][0]]
    assert len(np.unique(samples[2][:224].reshape(-1, 3), axis=0)) > 50


@pytest.mark.exhaustive
def test_never_predicts_or_evaluates(data, tmp_path, monkeypatch):
    model = compiled()
    for name in ("predict", "evaluate", "predict_on_batch", "test_on_batch"):
        monkeypatch.setattr(model, name, None)
    callbacks = [
        HeatmapLogger(tmp_path, *data),
        HeatmapLogger(tmp_path, *data, update_freq=1, name="batches"),
    ]
    logged = fit(model, data, callbacks, epochs=1).history
    keras.utils.set_random_seed(0)
    plain = fit(compiled(), data, [], epochs=1).history
    assert set(logged) == set(plain)


@pytest.mark.exhaustive
def test_training_is_the_same_with_and_without(data, tmp_path):
    results = []
    for callbacks in ([], [HeatmapLogger(tmp_path, *data, update_freq=1)]):
        keras.utils.set_random_seed(1)
        model = compiled(small_model(4, dropout=0.5))
        fit(model, data, callbacks, epochs=2)
        results.append(model.get_weights())
    for plain, logged in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, logged)


@pytest.mark.parametrize(
    ("scale", "equal"),
    [
        ("image", False),
        *(pytest.param(s, True, marks=pytest.mark.exhaustive) for s in ("shared", (0, 9))),
    ],
)
def test_scale_of_the_colours(data, tmp_path, monkeypatch, scale, equal):
    ranges = []
    colorize = kc.visualization.colorize
    monkeypatch.setattr(
        kc.visualization,
        "colorize",
        lambda maps, colormap, value_range: (
            ranges.append(value_range) or colorize(maps, colormap, value_range)
        ),
    )
    model = compiled()
    logger = HeatmapLogger(tmp_path, *data, scale=scale, colormap="viridis")
    fit(model, data, [logger], epochs=1)
    highest = kc.CAM(model)(data[0][:8], data[1][:8]).heatmaps.max()
    expected = {"image": None, "shared": (0, pytest.approx(highest)), (0, 9): (0, 9)}[scale]
    assert ranges[-1] == expected


def test_jpeg_and_partial_explainers(data, tmp_path):
    explainer = functools.partial(kc.CAM, batch_size=3)
    logger = HeatmapLogger(tmp_path, *data, explainer=explainer, image_format="jpeg")
    fit(compiled(), data, [logger], epochs=1)
    sample = events(tmp_path)["cam/image_0"][0][1]
    assert sample[:2] == b"\xff\xd8"
    assert decode(sample).shape == (268, 224, 3)


@pytest.mark.exhaustive
def test_several_inputs(rng, tmp_path):
    picture, number = keras.Input((32, 32, 3), name="picture"), keras.Input((2,), name="number")
    x = keras.layers.Conv2D(4, 3)(picture)
    x = keras.layers.Add()([x, keras.layers.Reshape((1, 1, 4))(keras.layers.Dense(4)(number))])
    model = compiled(keras.Model([picture, number], kc.layers.CAMHead(4, activation="softmax")(x)))
    inputs = [rng.uniform(size=(8, 32, 32, 3)), rng.normal(size=(8, 2))]
    inputs = [array.astype("float32") for array in inputs]
    labels = np.arange(8) % 4
    by_name = dict(zip(("picture", "number"), inputs, strict=True))
    dataset = tf.data.Dataset.from_tensor_slices(by_name)
    for images in (inputs, by_name, dataset, dataset.batch(3)):
        logger = HeatmapLogger(tmp_path, images, labels, max_images=3)
        model.fit(inputs, labels, verbose=0, callbacks=[logger], initial_epoch=1, epochs=2)
        assert logger._rgb.shape == (3, 32, 32, 3)


# Bad input: one clear error, before training starts --------------------------------------------

IMAGES = np.zeros((8, 32, 32, 3), "float32")
LABELS = np.arange(8) % 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": IMAGES[0]}, ValueError, r"batch axis: pass `image\[None\]`"),
        (
            {"images": IMAGES[:, :16]},
            ValueError,
            r"\(batch, 32, 32, 3\). Received: \(8, 16, 32, 3\)",
        ),
        ({"images": IMAGES.astype("uint8")}, TypeError, "takes float32 images. Received: uint8"),
        ({"images": {"wrong": IMAGES}}, ValueError, r"with \['wrong'\], so .* are missing"),
        ({"images": "folder"}, ValueError, r"Received: \(1,\)"),
        ({"images": iter([IMAGES])}, TypeError, r"Received: .*iterator.*`next\(generator\)`"),
        (
            {"labels": LABELS + 3},
            ValueError,
            r"`labels` must be classes.*Received: \[4, 5, 6\]",
        ),
        (
            {"labels": np.eye(4)[LABELS]},
            ValueError,
            r"one-hot labels, pass `labels.argmax",
        ),
        ({"labels": LABELS / 2}, TypeError, "`labels` must be integers. Received: dtype float64"),
        ({"labels": np.arange(9) % 4}, ValueError, r"labels of shape \(9,\) for 8 images"),
        ({"labels": LABELS[:3]}, ValueError, r"labels of shape \(3,\) for 8 images"),
        ({"images": (IMAGES, LABELS)}, ValueError, "Labels came twice"),
        ({"targets": 4}, ValueError, r"`targets` must be classes.*Received: \[4\]"),
        ({"targets": [0, 1]}, ValueError, "Received: 2 for 8 images"),
        ({"class_names": "abcd"}, ValueError, "list of names, or a dictionary.*'abcd'"),
        ({"class_names": {0: "a", 1: "b"}}, ValueError, r"without \[2, 3\]"),
        ({"class_names": NAMES[:3]}, ValueError, "each of the 4 classes. Received: 3 names"),
        ({"to_rgb": "vgg"}, ValueError, "`preprocessing` must be .*Received: 'vgg'"),
        ({"colormap": "rainbow"}, ValueError, "`colormap` must be one of"),
        ({"image_format": "gif"}, ValueError, "`image_format` must be one of"),
    ],
)
def test_bad_input_is_refused_before_training(arguments, error, message, tmp_path):
    model = compiled()
    begun = []
    look = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: begun.append(1))
    logger = HeatmapLogger(tmp_path, **{"images": IMAGES, "labels": LABELS, **arguments})
    with pytest.raises(error, match=message):
        fit(model, (IMAGES, LABELS), [logger, look])
    assert not begun
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"update_freq": "batch"}, "`update_freq` must be .*Received: update_freq='batch'"),
        ({"update_freq": 0}, "`update_freq` must be"),
        ({"max_images": 0}, "`max_images` must be an integer of at least 1"),
        ({"on_error": "ignore"}, '`on_error` must be "warn" or "raise"'),
        ({"scale": "all"}, '`scale` must be "image", "shared"'),
        ({"targets": "top"}, '`targets` must be "label"'),
        ({"explainer": "cam"}, "`explainer` must be a class.*Received: str"),
    ],
)
def test_bad_settings_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        HeatmapLogger("logs", IMAGES, **arguments)


def test_a_model_without_the_pattern_is_refused(data, tmp_path):
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Flatten(name="flat")(keras.layers.Conv2D(4, 3)(inputs))
    model = compiled(keras.Model(inputs, keras.layers.Dense(4, "softmax")(x)))
    with pytest.raises(ValueError, match="'flat' .* stands in the way"):
        fit(model, data, [HeatmapLogger(tmp_path, *data)])


def test_a_log_dir_that_cannot_be_written(data, tmp_path):
    (tmp_path / "file").write_text("")
    logger = HeatmapLogger(tmp_path / "file", *data)
    with pytest.raises(OSError, match="`log_dir` must be a directory that can be written"):
        fit(compiled(), data, [logger])


def test_an_empty_data_set(data, tmp_path):
    empty = tf.data.Dataset.from_tensor_slices(data).take(0)
    with pytest.raises(ValueError, match="an empty data set"):
        fit(compiled(), data, [HeatmapLogger(tmp_path, empty)])


def test_labels_of_a_data_set_may_be_those_of_all_its_images(data, tmp_path):
    dataset = tf.data.Dataset.from_tensor_slices(data[0])
    logger = HeatmapLogger(tmp_path, dataset, data[1], max_images=3)
    fit(compiled(), data, [logger], epochs=1)
    np.testing.assert_array_equal(logger._labels, data[1][:3])


def test_an_explainer_that_is_built_already(data):
    with pytest.raises(ValueError, match="`explainer` must be a class.*Received: CAM"):
        HeatmapLogger("logs", data[0], explainer=kc.CAM(small_model(4)))


def test_keras_data_sets_are_refused_with_what_to_do(data, tmp_path):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return data

    with pytest.raises(TypeError, match=r"Received: Batches.*`dataset\[0\]`"):
        fit(compiled(), data, [HeatmapLogger(tmp_path, Batches())])
    fit(compiled(), data, [HeatmapLogger(tmp_path, Batches()[0])], epochs=1)


ARGUMENTS = {
    kc.SmoothGrad: {"samples": 2},
    kc.VarGrad: {"samples": 2},
    kc.IntegratedGradients: {"steps": 2},
    kc.RISE: {"samples": 4},
    kc.Occlusion: {"patch_size": 16},
    kc.GradCAM: {"layer": "backbone"},
}


@pytest.mark.filterwarnings("ignore:.* zero everywhere")
@pytest.mark.parametrize("method", mostly_exhaustive(METHODS, [kc.GradCAM]))
def test_every_method_is_logged_as_a_class_or_with_arguments(method, data, tmp_path):
    model = compiled()
    images, labels = data
    explainer = functools.partial(method, **ARGUMENTS[method]) if method in ARGUMENTS else method
    logger = HeatmapLogger(tmp_path, images, labels, explainer=explainer, max_images=2)
    fit(model, data, [logger])
    group = method.__name__.lower()
    assert event_steps(tmp_path, f"{group}/image_1") == [0, 1]
    found = events(tmp_path)
    heatmaps = method(model, **ARGUMENTS.get(method, {}))(images[:2], labels[:2]).heatmaps
    np.testing.assert_allclose(
        [found[f"{group}_max/image_{index}"][1] for index in (0, 1)],
        heatmaps.max(axis=(1, 2)),
        rtol=1e-3,
        atol=1e-9,
    )
    assert logger._explain._by_class.num_traces == 1


@pytest.mark.exhaustive
def test_subclassed_models_are_logged(data, tmp_path):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = keras.layers.Conv2D(4, 3, activation="relu")
            self.dense = keras.layers.Dense(4, "softmax")

        def call(self, images):
            return self.dense(keras.ops.mean(self.conv(images), axis=(1, 2)))

    images, labels = data
    model = Model()
    model(images)
    logger = HeatmapLogger(tmp_path, images, labels, explainer=kc.HiResCAM, max_images=2)
    fit(compiled(model), data, [logger])
    assert event_steps(tmp_path, "hirescam/image_0") == [0, 1]


def test_methods_whose_maps_cannot_be_shown_are_told_before_training(data, tmp_path):
    images, labels = data
    kept = functools.partial(kc.Saliency, channels=None)
    with pytest.raises(ValueError, match="Heatmaps must"):
        fit(compiled(), data, [HeatmapLogger(tmp_path, images, labels, explainer=kept)])


def test_the_worst_by_loss_are_chosen_anew_each_time(data, tmp_path, written):
    model, (images, labels) = compiled(), data
    logger = HeatmapLogger(tmp_path, images, labels, select="worst", max_images=3)
    fit(model, data, [logger])
    found = events(tmp_path)
    assert set(found) == {
        f"{group}/worst_{rank}" for group in ("cam", "cam_min", "cam_max") for rank in range(3)
    }
    probabilities = model.predict(images, verbose=0)[np.arange(16), labels]
    worst = np.argsort(probabilities)[:3]
    heatmaps = kc.CAM(model)(images, labels).heatmaps
    (inputs, _), (overlays, _), _ = written[-3:]
    for rank, index in enumerate(worst):
        assert inputs[rank] == [f"image {index}", f"true: {labels[index]}"]
        assert overlays[rank][0] == f"true: {labels[index]}"
        assert found[f"cam_max/worst_{rank}"][1] == pytest.approx(heatmaps[index].max(), rel=1e-5)
        shown = decode(found[f"cam/worst_{rank}"][1][0])[:224]
        expected = kc.visualization.enlarge(kc.visualization.to_rgb(images, (0, 1))[[index]])[0]
        np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("with_boxes", [True, False])
def test_the_worst_by_energy_where_the_object_is_known(data, tmp_path, written, with_boxes):
    model, (images, labels) = compiled(), data
    boxes = np.tile([4, 8, 20, 28], (16, 1))
    masks = np.zeros((16, 32, 32), "bool")
    masks[:, 8:28, 4:20] = True
    truth = {"boxes": boxes} if with_boxes else {"masks": masks}
    logger = HeatmapLogger(tmp_path, images, labels, select="worst", max_images=2, **truth)
    fit(model, data, [logger], epochs=1)
    resized = kc.visualization.resize(kc.CAM(model)(images, labels).heatmaps, (32, 32)).clip(0)
    energy = (resized * masks).sum(axis=(1, 2)) / resized.sum(axis=(1, 2))
    worst = np.argsort(energy)[:2]
    assert [line for line, _ in written[-3][0]] == [f"image {index}" for index in worst]
    shown = decode(events(tmp_path)["cam/worst_0"][0][0])
    corner = shown[8 * 7, 4 * 7]
    assert (corner == 255).all() == with_boxes


def test_images_without_an_object_are_the_last_to_be_shown(data, tmp_path, written):
    boxes = np.tile([4, 8, 20, 28], (16, 1, 1))
    boxes[:12] = -1
    logger = HeatmapLogger(tmp_path, *data, select="worst", max_images=4, boxes=boxes)
    fit(compiled(), data, [logger], epochs=1)
    assert {line for line, _ in written[-3][0]} == {f"image {index}" for index in range(12, 16)}


def test_more_images_than_candidates(data, tmp_path):
    fit(compiled(), data, [HeatmapLogger(tmp_path, *data, max_images=300)], epochs=1)
    assert "cam/image_15" in events(tmp_path)


def test_a_function_chooses(data, tmp_path, written):
    images, labels = data

    def select(explanation, given):
        assert explanation.heatmaps.shape[0] == len(given) == 9
        return np.arange(9) % 5

    logger = HeatmapLogger(tmp_path, images, labels, select=select, max_images=3, max_candidates=9)
    fit(compiled(), data, [logger], epochs=1)
    assert "cam/selected_2" in events(tmp_path)
    assert [line for line, _ in written[-3][0]] == ["image 4", "image 3", "image 8"]


def test_boxes_of_the_first_images_are_drawn(data, tmp_path):
    images, labels = data
    boxes = [[[4, 8, 20, 28], [-1, -1, -1, -1]]] * 16
    fit(compiled(), data, [HeatmapLogger(tmp_path, images, labels, boxes=boxes)], epochs=1)
    for sample in events(tmp_path)["cam/image_5"][0][:2]:
        shown = decode(sample)
        assert (shown[8 * 7, 4 * 7 : 20 * 7] == 255).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"select": "best"}, '`select` must be "first", "worst" or a function'),
        ({"select": "worst", "labels": None}, "needs labels, or `boxes` or `masks`"),
        ({"select": lambda explanation, labels: [1, 2]}, "one number for each image"),
        ({"max_candidates": 0}, "`max_candidates` must be an integer of at least 1"),
        ({"boxes": [[4, 4, 2, 2]] * 16}, "left < right"),
        ({"boxes": [[4, 4, 8, 8]] * 2}, "Received: 2 for 16"),
    ],
)
def test_bad_choices_are_refused(arguments, message, data, tmp_path):
    arguments = {"labels": data[1], **arguments}
    with pytest.raises(ValueError, match=message):
        fit(compiled(), data, [HeatmapLogger(tmp_path, data[0], **arguments)])
