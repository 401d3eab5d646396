import inspect

import numpy as np
import pytest
import tensorflow as tf

from kerascam.layers import LocalResponseNormalization


@pytest.mark.parametrize("size", [1, 3, 5])
def test_equals_tensorflows_own(rng, size):
    images = rng.normal(size=(2, 3, 4, 7), scale=30).astype("float32")
    layer = LocalResponseNormalization(size=size, alpha=0.02, beta=0.6, bias=2.0)
    # TensorFlow's alpha is not divided by the number of channels.
    expected = tf.nn.local_response_normalization(
        images, depth_radius=size // 2, bias=2.0, alpha=0.02 / size, beta=0.6
    )
    np.testing.assert_allclose(layer(images), expected, rtol=1e-4)


def test_config_holds_every_argument():
    arguments = {"size": 3, "alpha": 0.1, "beta": 0.5, "bias": 2.0}
    parameters = inspect.signature(LocalResponseNormalization.__init__).parameters
    assert set(arguments) == set(parameters) - {"self", "kwargs"}
    config = LocalResponseNormalization(**arguments).get_config()
    assert {name: config[name] for name in arguments} == arguments
    assert LocalResponseNormalization.from_config(config).get_config() == config


def test_even_size_is_refused():
    with pytest.raises(ValueError, match="odd positive integer. Received: size=4"):
        LocalResponseNormalization(4)
