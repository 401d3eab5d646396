import inspect

import keras
import numpy as np
import pytest

from kerascam.layers import GlobalSumPooling2D


@pytest.mark.parametrize("keepdims", [False, True])
def test_equals_the_sum_and_survives_saving(rng, tmp_path, keepdims):
    images = rng.normal(size=(2, 5, 3, 4)).astype("float32")
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, GlobalSumPooling2D(keepdims=keepdims)(inputs))
    expected = images.sum(axis=(1, 2), keepdims=keepdims)
    assert model.output_shape == (None, *expected.shape[1:])
    model.save(tmp_path / "model.keras")
    for network in [model, keras.models.load_model(tmp_path / "model.keras")]:
        np.testing.assert_allclose(network(images), expected, atol=1e-5)


def test_is_average_pooling_times_the_number_of_positions(rng):
    images = rng.normal(size=(2, 5, 3, 4)).astype("float32")
    average = keras.layers.GlobalAveragePooling2D()(images)
    np.testing.assert_allclose(GlobalSumPooling2D()(images), 15 * average, rtol=1e-4, atol=1e-5)


def test_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=2"):
        GlobalSumPooling2D()(np.ones((2, 4)))


def test_config_holds_every_argument():
    parameters = set(inspect.signature(GlobalSumPooling2D.__init__).parameters)
    config = GlobalSumPooling2D(keepdims=True).get_config()
    assert parameters - {"self", "kwargs"} == {"keepdims"} <= set(config)
    assert GlobalSumPooling2D.from_config(config).get_config() == config
