"""What the tests share."""

import gc
import io
import json
import os
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import kerascam as kc

# Two logical devices, for the tests of `tf.distribute`; must be set before TensorFlow starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
tf.config.threading.set_intra_op_parallelism_threads(1)
# What was imported stays, so the garbage collector need not look through it again and again.
gc.collect()
gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Same random numbers in each test, and no policy left over from another."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
    keras.backend.clear_session(free_memory=False)  # Its own collection takes longer than a test.


def mostly_exhaustive(values, quick):
    """Values of a parameter, of which the quick tests have some: those that `quick` holds."""
    return [
        value if value in quick else pytest.param(value, marks=pytest.mark.exhaustive)
        for value in values
    ]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def imagenet_cache(tmp_path_factory):
    """A cache directory of the tests' own, for the weights of ImageNet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        yield


def small_backbone(size=32, channels=3, filters=8):
    """Two convolutions with stride 2: maps of a quarter of the size."""
    return keras.Sequential(
        [
            keras.Input((size, size, channels)),
            keras.layers.Conv2D(filters, 3, 2, padding="same", activation="relu"),
            keras.layers.Conv2D(filters, 3, 2, padding="same", activation="relu"),
        ],
        name="backbone",
    )


def small_model(classes=4, size=32, channels=3, **kwargs):
    """A GAP network that computes in no time, with weights that are not all alike."""
    model = kc.models.cam_classifier(small_backbone(size, channels), classes, **kwargs)
    randomize(model)
    return model


_traced = []  # The model of `compiled_model`, its variables and their values.


@pytest.fixture(scope="session")
def traced_model():
    """Makes what `compiled_model` gives: most of a short training is the tracing of its step."""
    keras.utils.set_random_seed(0)
    model = small_model(4)
    weights = model.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.zeros((8, 32, 32, 3)), np.zeros(8, "int64"), batch_size=4, verbose=0)
    model.set_weights(weights)
    model.optimizer.iterations.assign(0)
    variables = [*model.variables, *model.optimizer.variables]
    _traced[:] = model, variables, [variable.numpy() for variable in variables]


def compiled_model():
    """A `small_model(4)` that is compiled: the same object for all tests, as new each time.

    A test that calls it uses the fixture `traced_model`.
    """
    model, variables, values = _traced
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return model


def randomize(model, scale=0.3):
    """Random biases and batch statistics too: those of a new model are zeros and ones."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        if len(weight.shape) == 1 and "seed" not in weight.path:
            start = 1.0 if "variance" in weight.path or "gamma" in weight.path else 0.0
            weight.assign(start + scale * np.abs(generator.normal(size=weight.shape)))


def events(log_dir):
    """All events of the run `kerascam`: `{tag: {step: [bytes or number, ...]}}`."""
    accumulator = EventAccumulator(
        os.path.join(str(log_dir), "kerascam"), size_guidance={"tensors": 0}
    )
    accumulator.Reload()
    found = {}
    for tag in accumulator.Tags()["tensors"]:
        found[tag] = {}
        for event in accumulator.Tensors(tag):
            values = event.tensor_proto.string_val
            found[tag][event.step] = (
                list(values[2:]) if values else float(tf.make_ndarray(event.tensor_proto))
            )
    return found


def event_steps(log_dir, tag):
    """Steps of a tag in the order in which they were written."""
    steps = []
    for path in sorted((log_dir / "kerascam").iterdir(), key=lambda path: path.stat().st_mtime_ns):
        for event in EventFileLoader(str(path)).Load():
            steps += [event.step for value in event.summary.value if value.tag == tag]
    return steps


def state(model):
    """What of a model must stay as it is, as far as that is read without running or saving it."""
    layers = list(model._flatten_layers())
    return {
        "config": keras.saving.serialize_keras_object(model),
        "weights": [weight.numpy() for weight in model.variables],
        "outputs": [getattr(layer, "output", None) is not None for layer in layers],
        "nodes": [len(layer._inbound_nodes) for layer in layers],
        "trainable": [layer.trainable for layer in layers],
        "attributes": [sorted(vars(layer)) for layer in layers],
        "losses": len(model.losses),
    }


def snapshot(model, images, path):
    """Everything about a model that must stay as it is."""
    predictions = keras.tree.flatten(model.predict(images, verbose=0))
    found = {**state(model), "predictions": predictions}
    model.save(path)
    with zipfile.ZipFile(path) as file:
        found["config in file"] = json.loads(file.read("config.json"))
        with h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
            found["weights in file"] = []
            weights.visititems(
                lambda _, item: (
                    found["weights in file"].append(item[()]) if hasattr(item, "dtype") else None
                )
            )
    return found


def assert_same(before, after, when=""):
    """Compares two snapshots, or two states."""
    assert list(before) == list(after)
    for name, value in before.items():
        message = f"{name} {when}"
        if name in ("weights", "predictions", "weights in file"):
            for old, new in zip(value, after[name], strict=True):
                np.testing.assert_array_equal(old, new, err_msg=message)
        else:
            assert value == after[name], message
