import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kerascam.layers import CAMHead


def slow_maps(features, kernel):
    """M_c(x, y) = sum_k w_k^c f_k(x, y), written as loops."""
    batch, height, width, channels = features.shape
    maps = np.zeros((batch, height, width, kernel.shape[1]))
    for n, y, x, c in np.ndindex(maps.shape):
        maps[n, y, x, c] = sum(kernel[k, c] * features[n, y, x, k] for k in range(channels))
    return maps


def built_head(rng, units=5, channels=6, **kwargs):
    head = CAMHead(units, **kwargs)
    head.build((None, None, None, channels))
    head.set_weights([rng.normal(size=weight.shape) for weight in head.weights])
    return head


@pytest.fixture
def features(rng):
    return rng.normal(size=(2, 3, 4, 6)).astype("float32")


def test_maps_equal_the_papers_sum(features, rng):
    head = built_head(rng)
    maps = ops.convert_to_numpy(head.class_activation_maps(features))
    np.testing.assert_allclose(maps, slow_maps(features, head.get_weights()[0]), atol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "reduce"), [("average", np.mean), ("sum", np.sum), ("max", None)]
)
def test_scores_are_pooled_maps_plus_bias(features, rng, pooling, reduce):
    head = built_head(rng, pooling=pooling)
    kernel, bias = head.get_weights()
    if reduce is None:
        expected = features.max(axis=(1, 2)) @ kernel + bias
    else:
        expected = reduce(slow_maps(features, kernel), axis=(1, 2)) + bias
    np.testing.assert_allclose(ops.convert_to_numpy(head(features)), expected, atol=1e-5)


def test_no_bias_means_scores_are_the_mean_of_the_maps(features, rng):
    head = built_head(rng, use_bias=False)
    assert len(head.weights) == 1
    maps = ops.convert_to_numpy(head.class_activation_maps(features))
    scores = ops.convert_to_numpy(head(features))
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), scores, atol=1e-5)


@pytest.mark.parametrize("classes", [3, [1, 4], np.array([0, 0])])
def test_chosen_classes_are_those_of_all_maps(features, rng, classes):
    head = built_head(rng)
    everything = ops.convert_to_numpy(head.class_activation_maps(features))
    chosen = ops.convert_to_numpy(head.class_activation_maps(features, classes))
    expected = [
        everything[n, :, :, c] for n, c in enumerate(np.broadcast_to(np.asarray(classes), 2))
    ]
    np.testing.assert_allclose(chosen, expected, atol=1e-5)


def test_chosen_classes_do_not_compute_the_others(rng):
    head = built_head(rng, units=1000)
    compiled = tf.function(head.class_activation_maps)
    features = tf.zeros((2, 3, 4, 6))
    graph = compiled.get_concrete_function(features, tf.constant([1, 2])).graph
    sizes = [
        tensor.shape.num_elements() or 0 for op in graph.get_operations() for tensor in op.outputs
    ]
    assert max(sizes) < 2 * 3 * 4 * 1000  # The kernel itself is the largest, 6000 numbers.


def test_activation_acts_on_the_scores_only(features, rng):
    head = built_head(rng, activation="softmax")
    assert np.allclose(ops.sum(head(features), axis=-1), 1)
    linear = built_head(np.random.default_rng(0))
    linear.set_weights(head.get_weights())
    maps = [ops.convert_to_numpy(h.class_activation_maps(features)) for h in (head, linear)]
    np.testing.assert_array_equal(*maps)


def test_symbolic_maps_make_a_model_that_survives_saving(features, rng, tmp_path):
    head = CAMHead(5, activation="softmax", name="head")
    inputs = keras.Input((None, None, 6))
    classes = keras.Input((), dtype="int32")
    outputs = {
        "scores": head(inputs),
        "all": head.class_activation_maps(inputs),
        "chosen": head.class_activation_maps(inputs, classes),
        "third": head.class_activation_maps(inputs, 3),
    }
    assert outputs["all"].shape == (None, None, None, 5)
    assert outputs["chosen"].shape == outputs["third"].shape == (None, None, None)
    model = keras.Model([inputs, classes], outputs)
    assert len(model.weights) == 2
    model.save(tmp_path / "model.keras")
    arguments = [features, np.array([1, 4])]
    loaded = keras.models.load_model(tmp_path / "model.keras")
    before, after = (
        keras.tree.map_structure(ops.convert_to_numpy, network(arguments))
        for network in (model, loaded)
    )
    for name in outputs:
        np.testing.assert_array_equal(before[name], after[name])
    np.testing.assert_allclose(before["third"], before["all"][..., 3], atol=1e-6)
    np.testing.assert_allclose(before["chosen"][1], before["all"][1, ..., 4], atol=1e-6)


def test_spatial_sizes_may_change_from_call_to_call(rng):
    head = built_head(rng)
    for shape in [(1, 2, 2, 6), (3, 9, 5, 6)]:
        maps = head.class_activation_maps(np.ones(shape, "float32"))
        assert maps.shape == (*shape[:3], 5)
        np.testing.assert_allclose(
            ops.mean(maps, axis=(1, 2)) + head.bias, head(np.ones(shape, "float32")), atol=1e-5
        )


@pytest.mark.parametrize("shape", [(2, 7, 6), (2, 3, 4, 5, 6)])
def test_signals_and_volumes(rng, shape):
    head = CAMHead(5, pooling="sum")
    features = rng.normal(size=shape).astype("float32")
    scores = ops.convert_to_numpy(head(features))
    maps = ops.convert_to_numpy(head.class_activation_maps(features, [1, 2]))
    assert maps.shape == shape[:-1]
    expected = maps.reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(scores[[0, 1], [1, 2]], expected, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_float32(rng, policy):
    head = CAMHead(5, pooling="sum", dtype=policy)
    # Sums beyond the largest float16, 65504, and small differences between them.
    features = 100 + rng.normal(size=(2, 40, 40, 6)).astype("float16")
    maps = head(features, return_maps=True)
    assert head(features).dtype == head.compute_dtype
    assert maps.dtype == "float32"
    assert head.kernel.dtype == "float32"
    assert np.isfinite(ops.convert_to_numpy(maps)).all()
    exact = CAMHead(5, pooling="sum", dtype="float32")
    exact(features)
    exact.set_weights(head.get_weights())
    rounded = ops.cast(features, head.compute_dtype)
    expected = ops.convert_to_numpy(exact.class_activation_maps(rounded))
    np.testing.assert_allclose(ops.convert_to_numpy(maps), expected, rtol=1e-5, atol=1e-4)


def test_config_holds_every_argument():
    arguments = {
        "units": 7,
        "pooling": "max",
        "activation": "sigmoid",
        "use_bias": False,
        "kernel_initializer": "ones",
        "bias_initializer": "ones",
        "kernel_regularizer": "l2",
        "bias_regularizer": "l1",
        "kernel_constraint": "non_neg",
        "bias_constraint": "max_norm",
    }
    parameters = set(inspect.signature(CAMHead.__init__).parameters) - {"self", "kwargs"}
    assert set(arguments) == parameters
    config = CAMHead(**arguments, name="head").get_config()
    assert parameters <= set(config)
    copy = CAMHead.from_config(config)
    defaults = CAMHead(1).get_config()
    for name in parameters:
        assert copy.get_config()[name] == config[name] != defaults[name], name


def test_is_trained_by_fit(rng):
    """A class whose feature lights up in one corner is found there."""
    features = rng.normal(size=(64, 4, 4, 3), scale=0.1).astype("float32")
    labels = np.arange(64) % 2
    features[labels == 1, 0, 0, 1] += 4
    model = keras.Sequential([keras.Input((4, 4, 3)), CAMHead(2, activation="softmax")])
    model.compile(
        keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(features, labels, epochs=20, verbose=0)
    assert model.evaluate(features, labels, verbose=0)[1] == 1
    maps = ops.convert_to_numpy(model.layers[0].class_activation_maps(features[1:2], 1))
    assert maps.argmax() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a positive integer. Received: units=0"),
        ({"units": 2.5}, "Received: units=2.5"),
        ({"units": 3, "pooling": "mean"}, "`pooling` must be one of .* Received: pooling='mean'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CAMHead(**arguments)


def test_features_that_are_pooled_already_are_refused():
    with pytest.raises(ValueError, match=r"Received: shape \(2, 6\).*pooling=None"):
        CAMHead(3)(np.ones((2, 6), "float32"))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (5, "must lie in 0..4"),
        (-1, "must lie in 0..4"),
        ([0, 1, 2], "3 classes for 2 images"),
        ([[0, 1], [1, 0]], "one class index or one for each image"),
        ([0.0, 1.0], "dtype float64"),
        (tf.constant([0, 7]), "must lie in 0..4"),
    ],
)
def test_classes_that_do_not_exist(features, rng, classes, message):
    with pytest.raises(ValueError, match=message):
        built_head(rng).class_activation_maps(features, classes)
