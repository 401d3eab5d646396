"""What `HeatmapMetrics` promises, in the logs and beside other callbacks."""

import csv
import functools
import gc
import math
import weakref

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from conftest import compiled_model, events, randomize, small_backbone, small_model

import kerascam as kc
from kerascam.callbacks import HeatmapLogger, HeatmapMetrics, probes

pytestmark = pytest.mark.usefixtures("traced_model")
ALWAYS = {
    *("cam_drift", "cam_drift_same", "cam_focus", "cam_area", "cam_max", "cam_mean", "cam_dead"),
    *("cam_border", "cam_class_sensitivity", "cam_shift_ambiguity"),
}
WITH_TRUTH = {
    *("cam_enrichment", "cam_background", "cam_pointing"),
    *("cam_box_iou", "cam_best_box_iou", "cam_max_box_accuracy"),
}
BOXES = np.array([[2, 3, 15, 20], [8, 0, 32, 12], [1, 1, 9, 31], [12, 12, 20, 20]] * 2)


@pytest.fixture
def data(rng):
    images = rng.uniform(size=(8, 32, 32, 3)).astype("float32")
    return images, np.arange(8) % 4


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
    ).history


def masks_of(boxes, size=32):
    masks = np.zeros((len(boxes), size, size), "bool")
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    return masks


def test_numbers_are_those_of_the_trained_network(data):
    model = compiled()
    images, labels = data
    before = kc.CAM(model)(images, labels)
    history = fit(model, data, [HeatmapMetrics(images, labels, BOXES)], epochs=1)
    assert set(history) == ALWAYS | WITH_TRUTH | {"accuracy", "loss"}
    found = {name: values[0] for name, values in history.items()}
    after = kc.CAM(model)(images, labels)
    maps = after.heatmaps.astype("float64")

    drifts = [
        1 - scipy.stats.spearmanr(new.ravel(), old.ravel()).statistic
        for new, old in zip(maps, before.heatmaps, strict=True)
    ]
    same = after.scores.argmax(axis=1) == before.scores.argmax(axis=1)
    positive = maps.clip(0)
    ring = np.ones((8, 8), "bool")
    ring[1:-1, 1:-1] = False
    kernel = model.layers[-1].kernel.numpy().astype("float64")
    every = np.stack([kc.CAM(model)(images, c).heatmaps for c in range(4)], axis=-1)
    scores = after.scores.copy()
    scores[np.arange(8), labels] = -np.inf
    own, rival = (
        every[np.arange(8), ..., chosen] - every.mean(axis=-1)
        for chosen in (labels, scores.argmax(axis=1))
    )
    cosines = (own * rival).sum(axis=(1, 2)) / np.linalg.norm(own, axis=(1, 2))
    cosines /= np.linalg.norm(rival, axis=(1, 2))
    expected = {
        "drift": np.mean(drifts),
        "drift_same": np.mean(np.array(drifts)[same]),
        "focus": kc.metrics.gini(positive).mean(),
        "area": np.mean(maps > 0.2 * maps.max(axis=(1, 2), keepdims=True)),
        "max": maps.max(axis=(1, 2)).mean(),
        "mean": maps.mean(),
        "dead": 0.0,
        "border": np.mean(positive[:, ring].sum(axis=1) / positive.sum(axis=(1, 2))),
        "class_sensitivity": np.mean(1 - cosines),
        "shift_ambiguity": np.linalg.norm(kernel.mean(axis=1))
        / np.linalg.norm(kernel, axis=0).mean(),
    }
    metrics = {
        "enrichment": kc.metrics.Enrichment((32, 32)),
        "pointing": kc.metrics.PointingGame((32, 32), tolerance=15 / 224 * 32),
        "box_iou": kc.metrics.BoxIoU((32, 32)),
        "max_box_accuracy": kc.metrics.MaxBoxAccuracy((32, 32), num_thresholds=20),
    }
    for name, metric in metrics.items():
        metric.update_state(BOXES, maps)
        expected[name] = float(metric.result())
    energy = kc.metrics.EnergyPointingGame((32, 32))
    energy.update_state(BOXES, maps)
    expected["background"] = 1 - float(energy.result())
    one = kc.metrics.MaxBoxAccuracy(
        (32, 32), num_thresholds=20, iou_thresholds=np.arange(1, 1e3) / 1e3
    )
    one.update_state(BOXES, maps)
    expected["best_box_iou"] = one.accuracies().mean(axis=0).max()
    for name, value in expected.items():
        tolerance = 1e-3 if name == "best_box_iou" else 1e-5
        assert found[f"cam_{name}"] == pytest.approx(value, rel=1e-4, abs=tolerance), name


def test_drift_is_zero_where_nothing_is_learnt(data):
    model = compiled()
    model.optimizer.learning_rate = 0.0
    history = fit(model, data, [HeatmapMetrics(*data)], epochs=3)
    np.testing.assert_allclose(history["cam_drift"], 0, atol=1e-12)
    assert set(history) == ALWAYS | {"accuracy", "loss"}


@pytest.mark.exhaustive
def test_boxes_and_masks_say_the_same(data):
    histories = []
    truths = [
        {"boxes": BOXES},
        {"masks": masks_of(BOXES)},
        {"boxes": list(BOXES[:, None])},
        {"boxes": tf.ragged.constant(BOXES[:, None].tolist())},
    ]
    for truth in truths:
        keras.utils.set_random_seed(1)
        measure = HeatmapMetrics(list(data[0]), data[1], **truth)
        histories.append(fit(compiled(), data, [measure]))
    for history in histories[1:]:
        for name in WITH_TRUTH:
            np.testing.assert_allclose(history[name], histories[0][name], rtol=1e-6)


def test_pixels_are_judged_by_masks_and_boxes_by_boxes_where_both_are_given(data):
    model = compiled()
    inner = masks_of(BOXES + np.array([1, 1, -1, -1]))
    history = fit(model, data, [HeatmapMetrics(*data, BOXES, inner)], epochs=1)
    heatmaps = kc.CAM(model)(*data).heatmaps
    for name, metric, truth in [
        ("enrichment", kc.metrics.Enrichment(), inner),
        ("box_iou", kc.metrics.BoxIoU((32, 32)), BOXES),
    ]:
        metric.update_state(truth, heatmaps)
        assert history[f"cam_{name}"][0] == pytest.approx(float(metric.result()), rel=1e-5)


def test_early_stopping_and_checkpoints_act_on_it(data, tmp_path):
    model = compiled()
    model.optimizer.learning_rate = 0.0
    path = tmp_path / "{epoch}-{cam_box_iou:.3f}.keras"
    history = fit(
        model,
        data,
        [
            HeatmapMetrics(*data, BOXES),
            keras.callbacks.EarlyStopping("cam_box_iou", mode="max", patience=2),
            keras.callbacks.ModelCheckpoint(path, "cam_box_iou", mode="max", save_best_only=True),
        ],
        epochs=9,
    )
    assert len(history["cam_box_iou"]) == 3
    assert [file.name for file in tmp_path.iterdir()] == [
        f"1-{history['cam_box_iou'][0]:.3f}.keras"
    ]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda path: keras.callbacks.EarlyStopping("cam_drift", mode="min"), "EarlyStopping"),
        (
            lambda path: keras.callbacks.ModelCheckpoint(path / "{cam_focus:.2f}.keras"),
            "ModelCheckpoint",
        ),
        (lambda path: keras.callbacks.CSVLogger(path / "log.csv"), "CSVLogger"),
    ],
)
@pytest.mark.filterwarnings("ignore:Early stopping conditioned")
def test_a_callback_that_is_listed_too_early_is_named(make, name, data, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("enough")

    callbacks = [make(tmp_path), HeatmapMetrics(*data), Stop()]
    told = pytest.warns(UserWarning, match=f"{name} is listed before HeatmapMetrics")
    with told, pytest.raises(RuntimeError, match="enough"):
        fit(compiled(), data, callbacks, epochs=1)
    callbacks[0].on_train_end()  # Closes the file.


def test_no_warning_about_callbacks_that_do_not_need_it(data, tmp_path):
    callbacks = [
        keras.callbacks.EarlyStopping("loss"),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "loss"),
        HeatmapMetrics(*data),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "cam_max", mode="max"),
        keras.callbacks.EarlyStopping("cam_drift", mode="min"),
    ]
    fit(compiled(), data, callbacks, epochs=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.callbacks.EarlyStopping("cam_focus"),
        lambda: keras.callbacks.ModelCheckpoint("a.keras", "cam_focus"),
        lambda: keras.callbacks.ReduceLROnPlateau("cam_focus"),
    ],
)
def test_a_monitor_without_a_mode_is_refused_before_training(make, data):
    if not hasattr(make(), "mode"):
        pytest.skip("this version of Keras does not tell the mode of a ModelCheckpoint")
    with pytest.raises(ValueError, match="whether more or less of 'cam_focus' is better"):
        fit(compiled(), data, [HeatmapMetrics(*data), make()])


def test_patience_must_outlast_the_epochs_that_are_left_out(data):
    stop = keras.callbacks.EarlyStopping("cam_focus", mode="max", patience=2)
    with pytest.raises(ValueError, match="patience of 2 epochs, and 'cam_focus' is measured every"):
        fit(compiled(), data, [HeatmapMetrics(*data, every=3), stop])


def test_two_of_one_prefix_are_refused(data, tmp_path):
    callbacks = [
        HeatmapMetrics(*data, log_dir=tmp_path),
        HeatmapMetrics(*data, explainer=kc.Saliency, log_dir=tmp_path),
    ]
    with pytest.raises(ValueError, match="Two HeatmapMetrics have the prefix 'cam'"):
        fit(compiled(), data, callbacks)


def test_images_without_an_object_are_left_out(data):
    images, labels = data
    model = compiled()
    boxes = np.where(np.arange(8)[:, None] < 5, BOXES, -1)[:, None]
    history = fit(model, data, [HeatmapMetrics(images, labels, boxes)], epochs=1)
    metric = kc.metrics.Enrichment((32, 32))
    metric.update_state(BOXES[:5], kc.CAM(model)(images[:5], labels[:5]).heatmaps)
    assert history["cam_enrichment"][0] == pytest.approx(float(metric.result()), rel=1e-5)


@pytest.mark.exhaustive
def test_many_images_are_measured_in_parts(data, monkeypatch):
    histories = []
    for part in (64, 3):
        monkeypatch.setattr("kerascam.metrics.training._PART", part)
        keras.utils.set_random_seed(1)
        histories.append(fit(compiled(), data, [HeatmapMetrics(*data, BOXES)], epochs=1))
    for name in WITH_TRUTH:
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-9)


def test_columns_stay_where_epochs_are_left_out(data, tmp_path):
    history = fit(
        compiled(),
        data,
        [HeatmapMetrics(*data, every=2), keras.callbacks.CSVLogger(tmp_path / "log.csv")],
        epochs=4,
    )
    assert [math.isnan(value) for value in history["cam_focus"]] == [False, True, False, True]
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert len(rows) == 4
    assert set(rows[0]) >= ALWAYS | {"epoch", "accuracy", "loss"}
    assert rows[1]["cam_focus"] == "nan"
    assert float(rows[2]["cam_focus"]) == pytest.approx(history["cam_focus"][2])


def test_scalars_in_tensorboard(data, tmp_path):
    history = fit(compiled(), data, [HeatmapMetrics(*data, BOXES, log_dir=tmp_path)], epochs=3)
    found = events(tmp_path)
    names = {name.removeprefix("cam_") for name in ALWAYS | WITH_TRUTH}
    assert set(found) == {f"cam_metrics/{name}" for name in names}
    for name in names:
        steps = found[f"cam_metrics/{name}"]
        assert list(steps) == [0, 1, 2]
        np.testing.assert_allclose(list(steps.values()), history[f"cam_{name}"], rtol=1e-5)


@pytest.mark.exhaustive
def test_without_a_log_dir_nothing_is_written(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(compiled(), data, [HeatmapMetrics(*data)])
    assert list(tmp_path.iterdir()) == []


def test_two_of_different_names(data):
    callbacks = [
        HeatmapMetrics(*data),
        HeatmapMetrics(*data, explainer=kc.HiResCAM, prefix="hires"),
    ]
    history = fit(compiled(), data, callbacks, epochs=1)
    for name in ("focus", "area", "border", "drift"):
        assert history[f"hires_{name}"] == pytest.approx(history[f"cam_{name}"], rel=1e-3)
    assert "hires_class_sensitivity" in history
    assert "hires_shift_ambiguity" not in history


class Break(keras.callbacks.Callback):
    """Makes a callback fail from the second epoch on."""

    def __init__(self, break_):
        super().__init__()
        self.break_ = break_

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.break_()


def test_a_fault_never_ends_the_training(data, monkeypatch, tmp_path):
    """Other callbacks find no number, as NaN would be no improvement to them."""
    measure = HeatmapMetrics(*data)
    others = [
        keras.callbacks.EarlyStopping("cam_focus", mode="max", patience=1),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{cam_area:.2f}.keras"),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    break_ = Break(lambda: monkeypatch.setattr(measure._signals, "update", lambda *a: 1 / 0))
    told = pytest.warns(UserWarning, match="HeatmapMetrics failed and measures no more.*Zero")
    missing = pytest.warns(UserWarning, match="Early stopping conditioned on metric `cam_focus`")
    with told, missing:
        history = fit(compiled(), data, [measure, break_, *others], epochs=4)
    assert len(history["loss"]) == 4
    assert len(history["cam_focus"]) == 1
    assert [math.isnan(value) for value in history["cam_area"]] == [False, True, True, True]
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["cam_focus"] == "NA" for row in rows] == [False, True, True, True]
    assert (tmp_path / "4-nan.keras").is_file()
    measure.on_error = "raise"
    with pytest.raises(ZeroDivisionError):
        fit(measure.model, data, [measure])


def test_numbers_go_on_where_only_their_writing_fails(data, monkeypatch, tmp_path):
    measure = HeatmapMetrics(*data, log_dir=tmp_path)

    def full(*arguments):
        raise OSError("disk full")

    break_ = Break(lambda: monkeypatch.setattr(measure._writer, "scalar", full))
    with pytest.warns(UserWarning, match="HeatmapMetrics failed and is switched off.*disk full"):
        history = fit(compiled(), data, [measure, break_], epochs=4)
    assert np.isfinite(history["cam_focus"]).all()
    assert len(history["cam_focus"]) == 4
    assert list(events(tmp_path)["cam_metrics/focus"]) == [0]


def test_a_second_fit_goes_on(data):
    model, measure = compiled(), HeatmapMetrics(*data)
    fit(model, data, [measure])
    last = kc.CAM(model)(*data).heatmaps
    history = fit(model, data, [measure], epochs=1)
    expected = kc.metrics.drift(kc.CAM(model)(*data).heatmaps, last).mean()
    assert history["cam_drift"][0] == pytest.approx(expected, abs=1e-6)


def test_compiled_once_and_one_forward_pass_an_epoch(data, monkeypatch):
    """And one before training."""
    passes = []
    in_batches = kc.Explainer._in_batches

    def counted(self, compute, arguments, verbose):
        passes.append(len(arguments[0]))
        return in_batches(self, compute, arguments, verbose)

    monkeypatch.setattr(kc.Explainer, "_in_batches", counted)
    model, measure = compiled(), HeatmapMetrics(*data)
    fit(model, data, [measure], epochs=3)
    assert passes == [8] * 4
    assert measure._probes.explain._both.num_traces == 1


@pytest.mark.exhaustive
def test_the_logger_takes_the_maps_of_the_metrics(data, tmp_path, monkeypatch):
    images, labels = data
    computed = []
    compute = probes.Probes._compute

    def counted(self, pairs):
        computed.append((type(self.explain).__name__, pairs))
        return compute(self, pairs)

    callbacks = [
        HeatmapMetrics(images, labels),
        HeatmapLogger(tmp_path, images.copy(), labels.tolist()),
        HeatmapLogger(tmp_path, images[:3], labels[:3], explainer=kc.HiResCAM),
    ]
    model = compiled()
    fit(model, data, callbacks, epochs=1)
    monkeypatch.setattr(probes.Probes, "_compute", counted)
    fit(model, data, callbacks, epochs=4, initial_epoch=1)
    assert sorted(computed) == [("CAM", True)] * 3 + [("HiResCAM", False)] * 3
    heatmaps = kc.CAM(model)(images, labels).heatmaps
    found = events(tmp_path)
    for index in range(8):
        assert found[f"cam_max/image_{index}"][3] == pytest.approx(heatmaps[index].max(), rel=1e-5)
    assert callbacks[0]._probes._latest is None  # Nothing is kept when training has ended.


@pytest.mark.exhaustive
def test_the_first_of_the_images_are_shared_too_and_changed_weights_are_not(data, tmp_path):
    images, labels = data

    class Swap(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            randomize(self.model, scale=1.0 + epoch)

    for between in ([], [Swap()]):
        model = compiled()
        logger = HeatmapLogger(tmp_path / str(len(between)), images[:3], labels[:3])
        fit(model, data, [HeatmapMetrics(images, labels), *between, logger])
        own = kc.CAM(model)(images[:3], labels[:3]).heatmaps
        np.testing.assert_allclose(logger._probes.explanation().heatmaps, own, rtol=1e-4, atol=1e-6)
        found = events(tmp_path / str(len(between)))
        shown = [found[f"cam_max/image_{index}"][1] for index in range(3)]
        np.testing.assert_allclose(shown, own.max(axis=(1, 2)), rtol=1e-5)


def test_other_targets_are_not_shared(data, tmp_path):
    images, labels = data
    model = compiled()
    logger = HeatmapLogger(tmp_path, images, labels, targets=(labels + 1) % 4)
    fit(model, data, [HeatmapMetrics(images, labels), logger], epochs=1)
    heatmaps = kc.CAM(model)(images, (labels + 1) % 4).heatmaps
    found = events(tmp_path)
    assert found["cam_max/image_0"][0] == pytest.approx(heatmaps[0].max(), rel=1e-5)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["GradCAM", "Saliency", "Occlusion"])
@pytest.mark.filterwarnings("ignore:.* zero everywhere")
def test_other_explainers(name, data):
    measure = HeatmapMetrics(*data, BOXES, explainer=getattr(kc, name), prefix="it")
    history = fit(compiled(), data, [measure], epochs=1)
    wanted = {name.replace("cam_", "it_") for name in ALWAYS | WITH_TRUTH} - {"it_shift_ambiguity"}
    assert wanted <= set(history)
    assert all(math.isfinite(history[name][0]) for name in wanted)


def test_one_unit(data):
    images, labels = data
    model = kc.models.cam_classifier(small_backbone(), 1, classifier_activation="sigmoid")
    randomize(model)
    model.compile("sgd", "binary_crossentropy")
    history = fit(model, (images, labels % 2), [HeatmapMetrics(images, labels % 2)], epochs=1)
    assert history["cam_class_sensitivity"][0] == pytest.approx(2.0)
    assert "cam_shift_ambiguity" not in history


@pytest.mark.exhaustive
def test_data_sets_and_pairs(data):
    images, labels = data
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(3)
    histories = []
    for arguments in ((images, labels), ((images, labels),), (dataset,)):
        keras.utils.set_random_seed(1)
        histories.append(fit(compiled(), data, [HeatmapMetrics(*arguments, boxes=BOXES)], epochs=1))
    assert histories[0] == histories[1] == histories[2]
    few = HeatmapMetrics(dataset, max_images=3)
    fit(compiled(), data, [few], epochs=1)
    assert len(few._probes) == 3


def test_dead_and_diverged_networks_are_numbers(data):
    model = compiled()
    backbone = model.get_layer("backbone")
    backbone.set_weights([0 * weight for weight in backbone.get_weights()])
    history = fit(model, data, [HeatmapMetrics(*data, BOXES)], epochs=1)
    assert history["cam_dead"] == [1.0]
    assert history["cam_drift"] == [0.0]
    finite = {name for name, (value,) in history.items() if math.isfinite(value)}
    assert finite >= ALWAYS | WITH_TRUTH
    for name in ("enrichment", "pointing", "box_iou", "focus", "area"):
        assert history[f"cam_{name}"] == [0.0], name
    assert history["cam_background"] == [1.0]

    model.layers[-1].kernel.assign(np.full(model.layers[-1].kernel.shape, np.nan))
    history = fit(model, data, [HeatmapMetrics(*data, BOXES)], epochs=1)
    assert history["cam_dead"] == history["cam_background"] == [1.0]
    assert history["cam_pointing"] == [0.0]
    for name in ("max", "mean", "shift_ambiguity"):
        assert math.isnan(history[f"cam_{name}"][0])


def test_training_is_the_same_with_and_without(data):
    losses = []
    for callbacks in ([], [HeatmapMetrics(*data, BOXES)]):
        keras.utils.set_random_seed(3)
        losses.append(fit(compiled(), data, callbacks, epochs=3)["loss"])
    assert losses[0] == losses[1]


@pytest.mark.exhaustive
def test_distributed_training(data):
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = compiled(small_model(4))
    history = fit(model, data, [HeatmapMetrics(*data, BOXES)], epochs=2)
    assert all(math.isfinite(value) for value in history["cam_enrichment"])


def test_sequential_model_that_fit_builds(data):
    model = keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, 2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, "softmax"),
        ]
    )
    history = fit(compiled(model), data, [HeatmapMetrics(*data)], epochs=1)
    assert math.isfinite(history["cam_drift"][0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"labels": None}, ValueError, "`labels` must hold the class of each image"),
        ({"labels": [0, 1]}, ValueError, "one label for each image"),
        ({"labels": [9] * 8}, ValueError, "must be classes of this network"),
        ({"boxes": BOXES[:3]}, ValueError, "boxes or a mask for each image. Received: 3 for 8"),
        ({"boxes": [*BOXES, *BOXES]}, ValueError, "for each image. Received: 16 for 8"),
        ({"boxes": [[[-1] * 4]] * 8}, ValueError, "an object in at least one image"),
        ({"boxes": iter(BOXES)}, TypeError, "must be arrays or lists"),
        ({"labels": {"a": [0] * 8}}, ValueError, r"a dictionary with \['a'\]"),
        ({"boxes": BOXES[:, [2, 1, 0, 3]]}, ValueError, "left < right and top < bottom"),
        ({"boxes": BOXES + 20}, ValueError, "must lie in their image of 32 x 32"),
        ({"masks": masks_of(BOXES)[:, :16]}, ValueError, r"the size of the images. Received"),
        ({"masks": masks_of(BOXES).astype("uint8")}, TypeError, "`masks` must be booleans"),
        (
            {"explainer": functools.partial(kc.Saliency, channels=None)},
            ValueError,
            r"maps \(batch, h, w\)",
        ),
    ],
)
def test_bad_input_is_refused_before_training(arguments, error, message, data):
    images, labels = data
    arguments = {"labels": labels, **arguments}
    with pytest.raises(error, match=message):
        fit(compiled(), data, [HeatmapMetrics(images, **arguments)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "`every` must be an integer of at least 1"),
        ({"prefix": ""}, "`prefix` must be a name"),
        ({"threshold": 20}, "`threshold` must be a number"),
        ({"tolerance": -1}, "`tolerance` must be a number"),
        ({"num_thresholds": 0.5}, "`num_thresholds` must be an integer"),
        ({"max_images": 0}, "`max_images` must be an integer"),
        ({"explainer": "cam"}, "`explainer` must be a class"),
        ({"on_error": "ignore"}, '`on_error` must be "warn" or "raise"'),
    ],
)
def test_bad_settings_are_refused_at_once(arguments, message, data):
    with pytest.raises(ValueError, match=message):
        HeatmapMetrics(*data, **arguments)


def test_comparison_of_classes_is_that_of_single_maps(data):
    model = small_model(4)
    explain = kc.CAM(model, batch_size=3)
    heatmaps, rivals, means, targets, scores = explain.compare(data[0], [3] * 8)
    every = np.stack([explain(data[0], c).heatmaps for c in range(4)])
    np.testing.assert_array_equal(targets, 3)
    np.testing.assert_allclose(heatmaps, every[3], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(means, every.mean(axis=0), rtol=1e-4, atol=1e-6)
    best = scores[:, :3].argmax(axis=1)
    np.testing.assert_allclose(rivals, every[best, np.arange(8)], rtol=1e-5, atol=1e-6)


def test_comparison_where_each_channel_is_a_class(data):
    inputs = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(4, 3, 2)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(maps))
    explain = kc.CAM(model)
    found = explain.compare(data[0], 1)
    every = np.stack([explain(data[0], c).heatmaps for c in range(4)])
    np.testing.assert_allclose(found.means, every.mean(axis=0), rtol=1e-4, atol=1e-6)
    assert explain.shift_ambiguity() is None


def test_a_shift_of_all_classes_changes_the_ambiguity_and_not_the_centred_maps(data):
    model = small_model(4)
    explain = kc.CAM(model)
    before, share = explain.compare(data[0], 2), explain.shift_ambiguity()
    kernel = model.layers[-1].kernel
    kernel.assign(kernel + 5 * np.linspace(0, 1, 8)[:, None])
    after = explain.compare(data[0], 2)
    assert explain.shift_ambiguity() > max(share, 0.9)
    assert np.abs(after.heatmaps - before.heatmaps).max() > 0.1
    np.testing.assert_allclose(
        after.heatmaps - after.means, before.heatmaps - before.means, rtol=1e-3, atol=1e-4
    )


def test_nothing_keeps_a_dropped_model_alive(data):
    model = compiled(small_model(4))
    gone = weakref.ref(model)
    measure = HeatmapMetrics(*data)
    fit(model, data, [measure], epochs=1)
    del model, measure
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None
