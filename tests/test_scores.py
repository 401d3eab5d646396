"""The score before the last activation."""

import keras
import numpy as np
import pytest
from conftest import randomize

from kerascam.graph import Network

L = keras.layers


def dense(**kwargs):
    return [L.Dense(5, **kwargs)]


ENDINGS = {
    "fused softmax": (dense(activation="softmax"), "softmax"),
    "fused sigmoid": (dense(activation="sigmoid"), "sigmoid"),
    "fused log_softmax": (dense(activation="log_softmax"), "log_softmax"),
    "linear": (dense(), "linear"),
    "Softmax layer": ([*dense(), L.Softmax()], "softmax"),
    "Activation layer": ([*dense(), L.Activation("softmax")], "softmax"),
    "Activation layer, sigmoid": ([*dense(), L.Activation("sigmoid")], "sigmoid"),
    "ops.softmax": ([*dense(), keras.ops.softmax], "softmax"),
    "ops.sigmoid": ([*dense(), keras.ops.sigmoid], "sigmoid"),
    "activations.softmax": ([*dense(), keras.activations.softmax], "softmax"),
    "ops.log_softmax": ([*dense(), keras.ops.log_softmax], "log_softmax"),
    "linear after softmax": (
        [*dense(activation="softmax"), L.Activation("linear", dtype="float32")],
        "softmax",
    ),
    "reshape after softmax": ([*dense(activation="softmax"), L.Reshape((5,))], "softmax"),
    "pooling": ([L.Reshape((1, 2, 3)), L.GlobalAveragePooling2D()], "linear"),
}
INVERSES = {
    "softmax": keras.ops.softmax,
    "sigmoid": keras.ops.sigmoid,
    "log_softmax": keras.ops.log_softmax,
    "linear": lambda scores: scores,
}


def build(ending):
    x = inputs = keras.Input((6,))
    for layer in ending:
        # A copy, as the layers of the table are shared by all tests.
        x = layer.from_config(layer.get_config())(x) if isinstance(layer, L.Layer) else layer(x)
    model = keras.Model(inputs, x)
    randomize(model)
    return model


def scores_of(model, images, score=None):
    network = Network(model, score=score)
    return network.scores([images]), network.activation


@pytest.mark.parametrize("name", ENDINGS)
def test_activation_of_the_score_is_the_output_to_the_last_bit(name, rng):
    ending, expected = ENDINGS[name]
    model = build(ending)
    images = rng.normal(size=(3, 6)).astype("float32")
    scores, activation = scores_of(model, images)
    assert activation == expected
    again = INVERSES[activation](scores)
    np.testing.assert_array_equal(np.asarray(again), model(images).numpy())


def test_users_layer_keeps_its_activation_and_shares_its_variables(rng):
    model = build(ENDINGS["fused softmax"][0])
    images = rng.normal(size=(3, 6)).astype("float32")
    network = Network(model)
    model.layers[-1].kernel.assign(rng.normal(size=(6, 5)))
    kernel, bias = model.layers[-1].get_weights()
    scores = np.asarray(network.scores([images]))
    np.testing.assert_allclose(scores, images @ kernel + bias, rtol=1e-5)
    assert model.layers[-1].activation is keras.activations.softmax


@pytest.mark.parametrize(
    ("ending", "found"),
    [
        (dense(activation="relu"), "'.*' \\(Dense\\) with relu"),
        ([*dense(), L.LeakyReLU(name="leaky")], "'leaky' \\(LeakyReLU\\) with LeakyReLU"),
        ([*dense(), keras.ops.tanh], "'.*' \\(Tanh\\) with tanh"),
        ([*dense(), L.Activation(lambda x: x**2)], ".* with the function <lambda>"),
    ],
)
def test_other_activations_are_refused(ending, found):
    x = inputs = keras.Input((6,))
    for layer in ending:
        x = layer(x)
    with pytest.raises(ValueError, match=f"ends in {found}.*Pass `score=`"):
        scores_of(keras.Model(inputs, x), np.zeros((1, 6), "float32"))


def test_user_may_name_the_score(rng):
    inputs = keras.Input((6,))
    logits = L.Dense(5, name="logits")(inputs)
    model = keras.Model(inputs, L.Activation("relu", name="end")(logits))
    images = rng.normal(size=(3, 6)).astype("float32")
    scores, activation = scores_of(model, images, score="logits")
    assert activation == "linear"
    np.testing.assert_allclose(np.asarray(scores), images @ model.get_weights()[0], rtol=1e-5)
    with pytest.raises(ValueError, match=r"`score` must .*: 'logit'. The nearest are \['logits'"):
        scores_of(model, images, score="logit")
