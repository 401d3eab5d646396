"""Differentiating, looping and compiling with TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascam.backend import (
    before_activation,
    compile_function,
    fold,
    gradients,
    random_normal,
    random_uniform,
    trace,
)

SIGNATURE = keras.KerasTensor((None, 3))


def test_gradients_with_respect_to_tensors_in_the_middle():
    """Of a = x^2 and b = a^3, for b + a: 3 a^2 + 1, and 1, in the order of marking."""
    x = tf.constant([1.0, 2.0])

    def function(watch):
        a = watch(x**2)
        b = watch(a**3)
        return b + a, "more"

    found, marked, result = gradients(function)
    np.testing.assert_allclose(found[0], 3 * x**4 + 1)
    np.testing.assert_allclose(found[1], [1, 1])
    np.testing.assert_allclose(marked[1], x**6)
    assert result == "more"


def test_what_comes_before_the_first_marked_tensor_is_not_differentiated():
    """Counts how often the gradient of the trunk is asked for."""
    calls = []

    @tf.custom_gradient
    def trunk(x):
        def backward(gradient):
            calls.append(1)
            return gradient

        return 2 * x, backward

    found, _, _ = gradients(lambda watch: (watch(trunk(tf.constant([3.0]))) ** 2, None))
    assert found[0].numpy() == [12]
    assert not calls


def test_a_gradient_that_is_missing_is_an_error():
    with pytest.raises(ValueError, match="score does not depend on what it was to be explained by"):
        gradients(lambda watch: (tf.reduce_sum(tf.ones(3)), watch(tf.ones(2))))


@pytest.mark.parametrize("count", [1, 5, 7, 12])
@pytest.mark.parametrize("size", [0, 1, 3, 100])
def test_fold_adds_each_sample_once_in_even_chunks(count, size):
    reported = []

    def function(x):
        def step(total, indices):
            values, chunks = total
            ones = tf.reduce_sum(tf.one_hot(indices, count), axis=0)
            largest = tf.maximum(chunks, tf.size(indices))
            return values + ones, largest

        return fold(
            step,
            (tf.zeros(count), tf.constant(0)),
            tf.shape(x)[0],
            size,
            lambda done, of: reported.append((int(done), int(of))),
        )

    values, largest = compile_function(function, SIGNATURE)(np.zeros((count, 3), "float32"))
    np.testing.assert_array_equal(values, np.ones(count))
    chunks = -(-count // max(size, 1))
    assert int(largest) == -(-count // chunks)
    assert reported[-1] == (count, count)
    assert len(reported) == chunks


def test_random_numbers_depend_on_seed_and_index_alone():
    for draw in (random_normal, random_uniform):
        together = draw((2, 3), 5, tf.range(4)).numpy()
        for index in range(4):
            alone = draw((2, 3), 5, tf.constant([index])).numpy()[0]
            np.testing.assert_array_equal(together[index], alone)
        assert not np.isclose(together[0], together[1]).any()
        assert not np.isclose(together, draw((2, 3), 6, tf.range(4)).numpy()).any()
    many = random_normal((1000,), 0, tf.range(20)).numpy()
    assert abs(many.mean()) < 0.03
    assert abs(many.std() - 1) < 0.03


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (keras.ops.softmax, "softmax"),
        (tf.nn.softmax, "softmax"),
        (keras.ops.sigmoid, "sigmoid"),
        (tf.nn.log_softmax, "log_softmax"),
        (lambda x: tf.cast(tf.nn.softmax(x), "float16"), "softmax"),
        (lambda x: tf.identity(tf.reshape(tf.nn.softmax(x), (-1, 3, 1))), "softmax"),
        (lambda x: x + 1.0, "linear"),
        (lambda x: tf.matmul(x, tf.ones((3, 3))), "linear"),
        (tf.nn.relu, "relu"),
        (tf.nn.tanh, "tanh"),
        (lambda x: x / tf.reduce_sum(x), "RealDiv"),
    ],
)
def test_before_activation(function, name):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    names = []

    def both(x):
        tensor, found = before_activation(function(x))
        names.append(found)
        return tensor, function(x)

    before, after = compile_function(both, SIGNATURE)(x)
    assert names == [name]
    stripped = name in ("softmax", "sigmoid", "log_softmax")
    expected = x.reshape(after.shape) if stripped else after
    np.testing.assert_allclose(before, expected)


def test_compiled_once_for_all_batch_sizes_and_quietly(recwarn, caplog):
    for _ in range(8):
        compiled = compile_function(lambda x, more: x * more[0], SIGNATURE, [SIGNATURE])
        for number in (1, 4, 2):
            x = np.ones((number, 3), "float32")
            np.testing.assert_array_equal(compiled(x, [3 * x]), 3 * x)
        assert compiled.num_traces == 1
    assert "retracing" not in caplog.text
    assert not recwarn.list


def test_trace_runs_a_function_once_on_symbolic_tensors():
    seen = []
    trace(lambda x, y: seen.append((x.shape.as_list(), y.dtype)), SIGNATURE, SIGNATURE)
    assert seen == [([None, 3], tf.float32)]
