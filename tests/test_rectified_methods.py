"""Guided backpropagation and Deconvnet: which ReLUs they reach, and by which rule."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import mostly_exhaustive

import kerascam as kc

L = keras.layers
METHODS = [kc.GuidedBackprop, kc.Deconvnet]


def on_numbers(function):
    """A network of single numbers: a signal of one channel, one score for each class."""
    inputs = keras.Input((4, 1))
    value = keras.ops.sum(function(inputs), axis=(1, 2))
    return keras.Model(inputs, keras.ops.stack([value, value], axis=-1))


NUMBERS = np.array([[[5], [0], [-5], [10]]], "float32")


def found(method, function):
    return method(on_numbers(function), channels="sum")(NUMBERS, 0).heatmaps[0].tolist()


def test_rules_on_numbers():
    """Hand-sized: the gradient of a negative square, and of ten times a ReLU."""
    negative = lambda x: -(keras.ops.relu(x) ** 2)  # noqa: E731
    assert found(kc.Saliency, negative) == [-10, 0, 0, -20]
    assert found(kc.GuidedBackprop, negative) == [0, 0, 0, 0]
    assert found(kc.Deconvnet, negative) == [0, 0, 0, 0]
    positive = lambda x: 10 * keras.ops.relu(x)  # noqa: E731
    assert found(kc.Saliency, positive) == [10, 0, 0, 10]
    assert found(kc.GuidedBackprop, positive) == [10, 0, 0, 10]
    assert found(kc.Deconvnet, positive) == [10, 10, 10, 10]


def test_relu6_is_closed_above_six():
    capped = lambda x: keras.ops.relu6(x)  # noqa: E731
    assert found(kc.Saliency, capped) == [1, 0, 0, 0]
    assert found(kc.GuidedBackprop, capped) == [1, 0, 0, 0]
    assert found(kc.Deconvnet, capped) == [1, 1, 1, 1]


class OwnRelu(L.Layer):
    def call(self, x):
        return tf.nn.relu(x)


def nested():
    return keras.Sequential([keras.Input((6, 6, 3)), L.ReLU()])


# Each gives the same function as `activation="relu"`.
RELUS = {
    "layer": lambda x: L.ReLU()(x),
    "activation layer": lambda x: L.Activation("relu")(x),
    "keras.ops": lambda x: keras.ops.relu(x),
    "keras.activations": lambda x: keras.activations.relu(x),
    "capped high": lambda x: L.ReLU(max_value=100)(x),
    "nested": lambda x: nested()(x),
    "nested twice": lambda x: keras.Sequential([keras.Input((6, 6, 3)), nested()])(x),
    "own layer": lambda x: OwnRelu()(x),
}


def reference(method, weights, images):
    """Two linear maps with a ReLU after each, by the rule."""
    (first, first_bias), (second, second_bias) = weights
    flat = images.reshape(len(images), -1)
    before = flat @ first + first_bias
    after = before.clip(0) @ second + second_bias
    gradient = np.zeros_like(after)
    gradient[:, 1] = 1
    for value, kernel in ((after, second), (before, first)):
        gradient = gradient.clip(0)
        if method is kc.GuidedBackprop:
            gradient = gradient * (value > 0)
        gradient = gradient @ kernel.T
    return gradient.reshape(images.shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", mostly_exhaustive(RELUS, list(RELUS)[::3]))
def test_every_relu_is_reached(method, form, rng):
    """In a network with a ReLU in each form, before one in `activation="relu"`."""
    inputs = keras.Input((6, 6, 3))
    x = L.Flatten()(inputs)
    x = L.Dense(108, name="first")(x)
    x = RELUS[form](L.Reshape((6, 6, 3))(x))
    x = L.Dense(4, activation="relu", name="second")(L.Flatten()(x))
    model = keras.Model(inputs, x)
    weights = [
        [rng.normal(size=shape) / 10, rng.normal(size=shape[1:])]
        for shape in [(108, 108), (108, 4)]
    ]
    for name, values in zip(("first", "second"), weights, strict=True):
        model.get_layer(name).set_weights(values)
    images = rng.normal(size=(3, 6, 6, 3)).astype("float32")
    explain = method(model, channels=None, score=model.layers[-1].name)
    expected = reference(method, weights, images)
    np.testing.assert_allclose(explain(images, 1).heatmaps, expected, rtol=1e-3, atol=1e-6)
    plain = kc.Saliency(model, channels=None, score=model.layers[-1].name)(images, 1).heatmaps
    assert not np.allclose(plain, expected, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_subclassed_models_and_functions_of_tensorflow_are_reached(method, rng):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = L.Dense(108), L.Dense(4, activation="relu")

        @tf.function
        def call(self, images):
            x = self.first(keras.ops.reshape(images, (-1, 108)))
            return self.second(tf.nn.relu(x))

    model = Model()
    images = rng.normal(size=(3, 6, 6, 3)).astype("float32")
    model(images)
    weights = [model.first.get_weights(), model.second.get_weights()]
    explain = method(model, channels=None, score=model.second.name)
    np.testing.assert_allclose(
        explain(images, 1).heatmaps, reference(method, weights, images), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("method", [*METHODS, kc.GuidedGradCAM])
@pytest.mark.parametrize(
    "activation", mostly_exhaustive(["linear", "gelu", "leaky_relu"], ["gelu"])
)
def test_a_network_without_relu_is_an_error(method, activation):
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, activation=activation)(inputs)
    model = keras.Model(inputs, kc.layers.CAMHead(5)(x))
    message = f"{method.__name__} changes how ReLU passes .* has no ReLU or ReLU6.*Use `kc.Sal"
    with pytest.raises(ValueError, match=message):
        method(model)(np.ones((1, 8, 8, 3), "float32"))


@pytest.mark.parametrize("method", METHODS)
def test_where_all_gates_are_open_all_rules_are_the_gradient(method, rng):
    inputs = keras.Input((6, 6, 3))
    x = L.Conv2D(4, 3, activation="relu", kernel_constraint="non_neg")(inputs)
    outputs = L.Dense(5)(L.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    model.set_weights([np.abs(weight) for weight in model.get_weights()])
    images = rng.uniform(size=(2, 6, 6, 3)).astype("float32")
    plain = kc.Saliency(model)(images, 1).heatmaps
    np.testing.assert_allclose(method(model)(images, 1).heatmaps, plain, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_relus_in_functions_of_tensorflow_and_in_loops(method, rng):
    """A decorated layer is reached like one that is not; a loop is refused."""

    class Decorated(L.Layer):
        @tf.function
        def call(self, x):
            return tf.nn.relu(x)

    def build(layer):
        inputs = keras.Input((6, 6, 3))
        x = layer(L.Conv2D(4, 3, name="first")(inputs))
        x = L.Conv2D(4, 3, activation="relu", name="second")(x)
        return keras.Model(inputs, L.Dense(5)(L.GlobalAveragePooling2D()(x)))

    plain, decorated = build(OwnRelu()), build(Decorated())
    decorated.set_weights(plain.get_weights())
    images = rng.normal(size=(2, 6, 6, 3)).astype("float32")
    expected = method(plain)(images, 1).heatmaps
    np.testing.assert_allclose(method(decorated)(images, 1).heatmaps, expected, rtol=1e-5)

    inputs = keras.Input((8, 3))
    x = L.Conv1D(4, 3, activation="relu")(inputs)
    model = keras.Model(inputs, L.Dense(5)(L.SimpleRNN(4, activation="relu")(x)))
    with pytest.raises(ValueError, match="a ReLU inside a loop or a condition"):
        method(model)(images[:, :, 0].repeat(2, axis=1)[:, :8], 1)
