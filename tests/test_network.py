"""Scores, layers and cuts of a classifier, in graphs and in Python code."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import assert_same, mostly_exhaustive, randomize, snapshot
from forms import Subclassed, build

import kerascam as kc
from kerascam.backend import compile_function
from kerascam.graph import Network

L = keras.layers


@pytest.fixture
def images(rng):
    return rng.normal(size=(3, 16, 16, 3)).astype("float32")


def compiled(network, function):
    return compile_function(lambda inputs: function(inputs), network.inputs)


@pytest.mark.parametrize(
    ("form", "layer"),
    [
        ("Functional", "conv1"),
        ("nested twice in Functional", "middle/backbone/conv1"),
        ("nested twice in Functional", "middle"),
        ("skip connection", "conv2"),
        ("image and table", "conv2"),
        ("subclassed", "conv1"),
        ("subclassed", "backbone/conv2"),
        ("subclassed backbone in Functional", "inner/conv"),
        ("layer made of layers", "block/inner_conv"),
    ],
)
def test_head_of_trunk_is_the_network(form, layer, tmp_path, images, rng):
    """And the head listens to the features that it is given, and to nothing of the trunk."""
    model = build(form, tmp_path)
    network = Network(model)
    place = network.places.find(layer)
    trunk, head = network.cut(place)
    inputs = [images]
    if form == "image and table":
        inputs.append(rng.normal(size=(3, 4)).astype("float32"))
    features, rest, scores, through, other = compiled(
        network,
        lambda inputs: (
            *trunk(inputs),
            network.scores(inputs),
            head(*trunk(inputs)),
            head(trunk(inputs)[0] * 0, trunk(inputs)[1]),
        ),
    )([*inputs])
    np.testing.assert_allclose(scores, through, rtol=1e-5, atol=1e-6)
    assert features.shape[1:] == tuple(place.output.shape[1:]) or None in place.output.shape[1:]
    assert not np.allclose(scores, other, rtol=1e-3)
    if form in ("Functional", "nested twice in Functional"):
        assert list(rest) == []
        np.testing.assert_allclose(other, np.repeat(other[:1], 3, axis=0), rtol=1e-5)


def test_the_head_of_a_graph_does_not_compute_the_trunk(images):
    """The trunk breaks after the cut was made, and the head still works."""

    class Fragile(L.Layer):
        broken = False

        def call(self, x):
            assert not self.broken
            return x

    fragile = Fragile()
    inputs = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, name="conv")(fragile(inputs))
    outputs = L.Dense(5)(L.GlobalAveragePooling2D()(x))
    network = Network(keras.Model(inputs, outputs))
    trunk, head = network.cut(network.places.find("conv"))
    features, rest = trunk([images])
    fragile.broken = True
    assert head(features, rest).shape == (3, 5)


def test_python_code_is_released_also_after_an_error(images):
    class Failing(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.dense = L.Conv2D(4, 3, name="conv"), L.Dense(5)
            self.fail = False

        def call(self, x):
            x = self.conv(x)
            if self.fail:
                raise RuntimeError("from the model")
            return self.dense(keras.ops.mean(x, axis=(1, 2)))

    model = Failing()
    model(images)
    explain = kc.GradCAM(model, layer="conv")
    before = sorted(vars(model.conv))
    model.fail = True
    with pytest.raises(RuntimeError, match="from the model"):
        explain(images)
    assert sorted(vars(model.conv)) == before
    assert not tf.config.functions_run_eagerly()
    model.fail = False
    assert explain(images).heatmaps.shape == (3, 14, 14)
    with pytest.raises(ValueError, match=r"'conv6'. The nearest are \['conv'"):
        kc.GradCAM(model, layer="conv6")
    assert sorted(vars(model.conv)) == before


def test_a_layer_that_carries_a_call_of_its_own_keeps_it(images):
    """Some packages, and some users, set `layer.call`."""
    model = Subclassed()
    model(images)
    conv = model.backbone.get_layer("conv1")
    own = conv.call
    vars(conv)["call"] = own
    assert kc.GradCAM(model, layer="conv1")(images).heatmaps.shape == (3, 8, 8)
    assert vars(conv)["call"] is own


class Ending(keras.Model):
    """Ends in any function."""

    def __init__(self, ending, outputs=lambda x: x):
        super().__init__()
        self.pool, self.dense = L.GlobalAveragePooling2D(), L.Dense(5, name="logits")
        self.conv, self.ending, self.outputs_of = L.Conv2D(4, 3, name="conv"), ending, outputs

    def call(self, images):
        return self.outputs_of(self.ending(self.dense(self.pool(self.conv(images)))))


@pytest.mark.parametrize(
    ("ending", "activation"),
    [
        (lambda x: x, "linear"),
        (keras.ops.softmax, "softmax"),
        (tf.nn.softmax, "softmax"),
        (keras.ops.sigmoid, "sigmoid"),
        (L.Softmax(), "softmax"),
        (L.Activation("sigmoid"), "sigmoid"),
        (lambda x: keras.ops.cast(keras.ops.softmax(x), "float64"), "softmax"),
    ],
)
def test_scores_of_python_code(ending, activation, images):
    model = Ending(ending)
    outputs = model(images).numpy()
    randomize(model)
    outputs = model(images).numpy()
    explain = kc.HiResCAM(model, layer="conv")
    heatmaps, _, scores = explain(images, 1)
    assert explain._network.activation == activation
    if activation == "linear":
        np.testing.assert_allclose(scores, outputs, rtol=1e-5)
    else:
        np.testing.assert_allclose(explain.probabilities(scores), outputs, atol=1e-6)
    bias = model.dense.get_weights()[1]
    total = heatmaps.sum(axis=(1, 2))
    np.testing.assert_allclose(total, scores[:, 1] - bias[1], rtol=1e-3, atol=1e-5)


def test_python_code_that_ends_in_something_else_is_refused(images):
    model = Ending(lambda x: x / keras.ops.sum(x))
    model(images)
    with pytest.raises(ValueError, match=r"ends in '.*' \(Ending\) with RealDiv.*Pass `score=`"):
        kc.Saliency(model)
    explain = kc.Saliency(model, score="logits")
    features = model.pool(model.conv(images))
    np.testing.assert_allclose(explain(images).scores, model.dense(features), rtol=1e-5)


@pytest.mark.parametrize("kind", ["dictionary", "list"])
def test_outputs_of_python_code(kind, images):
    def outputs(x):
        return {"a": x[:, :2], "b": x} if kind == "dictionary" else [x[:, :2], x]

    model = Ending(keras.ops.softmax, outputs)
    model(images)
    which = "b" if kind == "dictionary" else 1
    assert kc.Saliency(model, output=which, score="logits").num_classes == 5
    with pytest.raises(ValueError, match="`output` must be the name or index"):
        kc.Saliency(model)
    with pytest.raises(ValueError, match="`output` must be the name or index"):
        kc.Saliency(model, output="c")


@pytest.mark.parametrize("kind", ["list", "dictionary"])
def test_inputs_of_python_code(kind, images, rng):
    keys = (0, 1) if kind == "list" else ("picture", "table")

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.dense = L.Conv2D(4, 3, name="conv"), L.Dense(5)

        def call(self, inputs):
            x = keras.ops.mean(self.conv(inputs[keys[0]]), axis=(1, 2))
            return self.dense(keras.ops.concatenate([x, inputs[keys[1]]], axis=-1))

    model = Model()
    arrays = [images, rng.normal(size=(3, 2)).astype("float32")]
    inputs = arrays if kind == "list" else dict(zip(keys, arrays, strict=True))
    expected = model(inputs).numpy()
    explain = kc.GradCAM(model)
    result = explain(inputs, verbose=0)
    assert explain.layer == "conv"
    np.testing.assert_allclose(result.scores, expected, rtol=1e-5, atol=1e-6)
    occluded = kc.Occlusion(model)(inputs).heatmaps
    assert occluded.shape == (3, 16, 16)


def test_sizes_of_python_code(images, rng):
    """One that takes any size is explained at any; one that does not says what it takes."""
    model = Subclassed()
    model(images)
    larger = rng.normal(size=(2, 20, 24, 3)).astype("float32")
    explain = kc.Saliency(model)
    assert explain(larger).heatmaps.shape == (2, 20, 24)
    assert explain(images).heatmaps.shape == (3, 16, 16)
    assert explain._by_class.num_traces == 1

    class Flat(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.flat, self.dense = L.Conv2D(4, 3), L.Flatten(), L.Dense(5)

        def call(self, x):
            return self.dense(self.flat(self.conv(x)))

    flat = Flat()
    flat(images)
    explain = kc.GradCAM(flat)
    assert explain(images).heatmaps.shape == (3, 14, 14)
    with pytest.raises(ValueError, match=r"the shape \(batch, 16, 16, 3\). Received: \(2, 20, 24"):
        explain(larger)


def test_a_model_of_two_arguments_says_what_to_do(images):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(5)

        def call(self, picture, table):
            return self.dense(keras.ops.mean(picture, axis=(1, 2))) + self.dense(table)

    model = Model()
    model(images, np.ones((3, 3), "float32"))
    with pytest.raises(
        ValueError, match="all inputs in the first argument of `call`; it said: TypeE"
    ):
        kc.Saliency(model)


def test_a_layer_called_twice_stands_for_its_last_call(images):
    conv = L.Conv2D(3, 3, padding="same", activation="relu", name="shared")
    inputs = keras.Input((16, 16, 3))
    second = conv(conv(inputs))
    outputs = L.Dense(5)(L.GlobalAveragePooling2D()(second))
    model = keras.Model(inputs, outputs)

    class Python(keras.Model):
        def __init__(self):
            super().__init__()
            self.shared, self.dense = conv, model.layers[-1]

        def call(self, x):
            return self.dense(keras.ops.mean(self.shared(self.shared(x)), axis=(1, 2)))

    python = Python()
    python(images)
    expected = keras.Model(inputs, second)(images).numpy() @ model.layers[-1].kernel.numpy()
    for network in (model, python):
        heatmaps = kc.HiResCAM(network, layer="shared")(images, 2).heatmaps
        np.testing.assert_allclose(heatmaps, expected[..., 2] / 256, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "ending",
    [
        [L.GlobalAveragePooling2D(), L.Dense(10), L.Reshape((5, 2))],
        [L.Conv2D(5, 1)],
    ],
)
def test_scores_must_be_one_for_each_class(ending):
    x = inputs = keras.Input((16, 16, 3))
    for layer in ending:
        x = layer(x)
    with pytest.raises(ValueError, match=r"scores of shape \(batch, classes\). This network gives"):
        kc.GradCAM(keras.Model(inputs, x))


def test_losses_of_the_last_call_stay(images):
    """Keras drops them at the next call; a training loop may not have read them yet."""
    inputs = keras.Input((16, 16, 3))
    x = L.Conv2D(4, 3, activity_regularizer="l2")(inputs)
    model = keras.Model(inputs, L.Dense(5)(L.GlobalAveragePooling2D()(x)))
    model(images, training=True)
    before = [float(loss) for loss in model.losses]
    assert len(before) == 1
    kc.GradCAM(model)(images)
    assert [float(loss) for loss in model.losses] == before


def test_model_is_untouched_where_explaining_fails_half_way(images, tmp_path):
    """The target fails while the function is traced, in a model of Python code."""
    model = Subclassed()
    model(images)
    before = snapshot(model, images, tmp_path / "before.keras")
    for method in (kc.GradCAM, kc.AblationCAM, kc.ScoreCAM, kc.GuidedBackprop):
        explain = method(model)
        with pytest.raises(ZeroDivisionError):
            explain(images, lambda scores: scores[:, 0] * (1 // 0))
    assert_same(before, snapshot(model, images, tmp_path / "after.keras"))


def classify(*ending):
    """A convolution, pooling, and layers or functions."""
    inputs = keras.Input((16, 16, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(6, 3, activation="relu", name="conv")(inputs))
    for layer in ending:
        x = layer(x)
    return keras.Model(inputs, x)


class SoftmaxHead(L.Layer):
    """A layer of the user's that ends in softmax."""

    def __init__(self):
        super().__init__()
        self.dense = L.Dense(5, "softmax")

    def call(self, x):
        return self.dense(x)


class Gate(L.Layer):
    """Has an activation, and does not end in it."""

    def __init__(self):
        super().__init__()
        self.dense, self.gate = L.Dense(5), L.Dense(6)
        self.activation = keras.activations.sigmoid

    def call(self, x):
        return self.dense(x * self.activation(self.gate(x)))


@pytest.mark.parametrize(
    ("ending", "activation"),
    [
        ([L.Dense(5), L.Lambda(lambda x: tf.nn.softmax(x))], "softmax"),
        ([SoftmaxHead()], "softmax"),
        ([L.SpectralNormalization(L.Dense(5, "softmax"))], "softmax"),
        ([Gate()], "linear"),
        ([L.Dense(5), lambda x: keras.ops.multiply(x, 2.0)], "linear"),
    ],
)
def test_endings_of_the_users_own_are_looked_into(ending, activation, images):
    model = classify(*ending)
    randomize(model)
    explain = kc.Saliency(model)
    scores = explain(images).scores
    assert explain._network.activation == activation
    outputs = model(images).numpy()
    found = scores if activation == "linear" else explain.probabilities(scores)
    np.testing.assert_allclose(found, outputs, rtol=1e-4, atol=1e-6)


def own_softmax(x):
    return keras.ops.softmax(x / 5)


own_softmax.__name__ = "softmax"


@pytest.mark.parametrize(
    "ending",
    [
        [L.Dense(5, "softmax"), lambda x: keras.ops.clip(x, 1e-7, 1 - 1e-7)],
        [lambda x: L.Average()([L.Dense(5, "softmax")(x), L.Dense(5, "softmax")(x)])],
        [L.Dense(1, "sigmoid"), lambda x: L.Concatenate()([1 - x, x])],
        [L.Reshape((2, 3)), L.TimeDistributed(L.Dense(5, "softmax")), L.GlobalAveragePooling1D()],
        [L.Reshape((2, 3)), L.Dense(5, "softmax"), lambda x: x[:, 0]],
        [L.Dense(5), L.Lambda(lambda x: 1 - tf.nn.softmax(x))],
        [L.Dense(5, own_softmax)],
    ],
)
def test_probabilities_are_not_taken_for_scores(ending):
    with pytest.raises(ValueError, match="score before the last activation can't be found"):
        kc.Saliency(classify(*ending))


def test_outputs_in_a_dictionary_have_its_keys(images):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.pool, self.two, self.four = L.GlobalAveragePooling2D(), L.Dense(2), L.Dense(4)

        def call(self, x):
            x = self.pool(x)
            return {"z": self.two(x), "a": self.four(x)}

    model = Model()
    model(images)
    inputs = keras.Input((16, 16, 3))
    functional = keras.Model(inputs, model(inputs))
    for network in (model, functional):
        assert kc.Saliency(network, output="z").num_classes == 2
        assert kc.Saliency(network, output="a").num_classes == 4


def test_the_last_spatial_layer_is_not_inside_attention(images):
    inputs = keras.Input((16, 16, 3))
    x = L.Reshape((16, 8))(L.Conv2D(8, 4, 4, name="patch")(inputs))
    x = L.LayerNormalization(name="tokens")(L.MultiHeadAttention(2, 4, name="mha")(x, x))
    model = keras.Model(inputs, L.Dense(5)(L.GlobalAveragePooling1D()(x)))
    assert kc.GradCAM(model).layer == "patch"
    assert kc.HiResCAM(model, layer="tokens")(images).heatmaps.shape == (3, 16)
    for method in (kc.ScoreCAM, kc.GuidedGradCAM):
        with pytest.raises(ValueError, match="and the axes of the images. Received: 'tokens'"):
            method(model, layer="tokens")


class Backbone(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = L.Conv2D(4, 3, activation="relu", name="conv")

    def call(self, x):
        return self.conv(x)


def test_a_backbone_of_python_code_that_is_called_twice(images):
    """The last call is meant, of the layers inside too."""
    backbone = Backbone(name="bb")
    inputs = keras.Input((16, 16, 3))
    pool, dense = L.GlobalAveragePooling2D(), L.Dense(5)
    one, two = backbone(inputs), backbone(1 - 2 * inputs)
    model = keras.Model(inputs, dense(L.Concatenate()([pool(one), pool(two)])))
    inner = kc.HiResCAM(model, layer="bb/conv")(images, 1).heatmaps
    np.testing.assert_allclose(inner, kc.HiResCAM(model, layer="bb")(images, 1).heatmaps)
    assert not np.allclose(inner, kc.HiResCAM(model, layer="bb")(images, 2).heatmaps)


def test_branches_that_do_not_lead_to_the_output(images):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.ca, self.cb = L.Conv2D(4, 3, name="ca"), L.Conv2D(4, 3, name="cb")
            self.pool, self.da, self.db = L.GlobalAveragePooling2D(), L.Dense(5), L.Dense(5)

        def call(self, x):
            return self.da(self.pool(self.ca(x))), self.db(self.pool(self.cb(x)))

    model = Model()
    model(images)
    assert kc.EigenCAM(model, output=0).layer == "ca"
    assert kc.GradCAM(model, output=1).layer == "cb"
    for method in (kc.EigenCAM, kc.AblationCAM, kc.GradCAM):
        with pytest.raises(ValueError, match="must lead to the explained output. Received: 'cb'"):
            method(model, output=0, layer="cb")


def test_a_shared_layer_stands_for_the_call_that_leads_to_the_output(images):
    conv, pool = L.Conv2D(3, 3, padding="same", name="shared"), L.GlobalAveragePooling2D()
    inputs = keras.Input((16, 16, 3))
    first = conv(inputs)
    second = conv(first)
    p, q = L.Dense(5, name="p")(pool(second)), L.Dense(5, name="q")(pool(first))
    sides = L.Dense(5, name="side")(pool(conv(second)))
    model = keras.Model(inputs, [p, q, sides])
    found = kc.HiResCAM(model, layer="shared", output="q")(images, 1).heatmaps
    expected = keras.Model(inputs, first)(images).numpy() @ model.get_layer("q").kernel.numpy()
    np.testing.assert_allclose(found, expected[..., 1] / 256, rtol=1e-3, atol=1e-6)


def test_names_inside_python_code(images):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.backbone = Subclassed().backbone
            self.last = self.backbone.get_layer("conv2")  # The same layer by another name.
            self.twins = [L.Conv2D(3, 3, name="twin") for _ in range(2)]
            self.pool, self.dense = L.GlobalAveragePooling2D(), L.Dense(5)

        def call(self, x):
            x = self.backbone(x)
            for twin in self.twins:
                x = twin(x)
            return self.dense(self.pool(x))

    model = Model()
    model(images)
    for name in ("backbone/conv2", "conv2"):
        assert kc.GradCAM(model, layer=name).layer in ("backbone/conv2", "conv2")
    with pytest.raises(ValueError, match=r"'twin', the name of several.*or the layer itself"):
        kc.GradCAM(model, layer="twin")
    assert kc.GradCAM(model, layer=model.twins[0])(images).heatmaps.shape == (3, 6, 6)
    assert kc.GradCAM(model, layer=model.twins[1])(images).heatmaps.shape == (3, 4, 4)


@pytest.mark.exhaustive
def test_threads_leave_the_model_as_it_was(images):
    import threading

    model = Subclassed()
    model(images)
    found, expected = [], kc.GradCAM(model, layer="conv2")(images, 1).heatmaps

    def explain():
        found.append(kc.GradCAM(model, layer="conv2")(images, 1).heatmaps)

    threads = [threading.Thread(target=explain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for heatmaps in found:
        np.testing.assert_allclose(heatmaps, expected, rtol=1e-5)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())
    assert not tf.config.functions_run_eagerly()


def test_python_code_with_sizes_of_its_own(images):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.dense = L.Conv2D(4, 3), L.Dense(5)

        def call(self, x):
            x = self.conv(x)
            x = keras.ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
            return self.dense(keras.ops.mean(x, axis=1))

    model = Model()
    model(images)
    assert kc.GradCAM(model)(images).heatmaps.shape == (3, 14, 14)


@pytest.mark.parametrize(
    "dtype", mostly_exhaustive(["float16", "bfloat16", "float64"], ["float16"])
)
@pytest.mark.parametrize(
    "method",
    mostly_exhaustive(
        [kc.SmoothGrad, kc.IntegratedGradients, kc.RISE, kc.Occlusion, kc.GuidedGradCAM],
        [kc.RISE, kc.SmoothGrad],
    ),
)
def test_images_of_another_precision(method, dtype, rng):
    inputs = keras.Input((16, 16, 3), dtype=dtype)
    x = L.Conv2D(4, 3, activation="relu")(inputs)
    model = keras.Model(inputs, L.Dense(5)(L.GlobalAveragePooling2D()(x)))
    kwargs = {"samples": 3} if method in (kc.SmoothGrad, kc.RISE) else {}
    heatmaps = method(model, **kwargs)(rng.uniform(size=(2, 16, 16, 3))).heatmaps
    assert np.isfinite(heatmaps).all()
