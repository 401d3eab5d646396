"""Every classifier of `keras.applications` is explained, with nothing but its name."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import mostly_exhaustive

import kerascam as kc
from kerascam.explainers.targets import PREDICTED, ClassTarget
from kerascam.graph import Network

NETWORKS = sorted(
    name for name, value in vars(keras.applications).items() if inspect.isfunction(value)
)
# Smallest input that the network takes, where it is not 32.
SMALLEST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}
# The smallest of each family; the others repeat its layers, so that they are run uncompiled.
SMALL = {
    *("ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2"),
    *("InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "ResNet50"),
    *("ResNet50V2", "VGG16", "Xception"),
}
# With random weights its own `predict` differs from its own call by half: rounding grows so much.
CHAOTIC = "EfficientNetV2L"


def build(name):
    size = SMALLEST.get(name, 32)
    return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=7)


def with_scores_at_its_end(model):
    """The same layers without the softmax."""
    layer = model.layers[-1]
    if not layer.weights:
        return keras.Model(model.inputs[0], layer.input)
    scores = keras.layers.Dense(layer.units)
    linear = keras.Model(model.inputs[0], scores(layer.input))
    scores.set_weights(layer.get_weights())
    return linear


def test_the_list_is_that_of_keras():
    assert {*NETWORKS} >= SMALL


@pytest.mark.filterwarnings("ignore:.*heatmaps of GradCAM are zero everywhere")
@pytest.mark.parametrize("name", mostly_exhaustive(NETWORKS, ["MobileNet"]))
def test_network(name, rng):
    model = build(name)
    images = rng.uniform(size=(1, *model.input_shape[1:])).astype("float32")
    for method in (kc.GradCAM, kc.HiResCAM, kc.Saliency):
        explain = method(model)
        if name in SMALL:
            heatmaps, targets, scores = explain(images)
            assert targets[0] == scores[0].argmax()
        else:
            target = ClassTarget(np.array([PREDICTED], "int32"))
            result = explain.explain([tf.constant(images)], target)
            heatmaps, scores = (tensor.numpy() for tensor in result)
        assert np.isfinite(heatmaps).all()
        if method is kc.HiResCAM:
            assert heatmaps.ndim == 3
            assert heatmaps.any()
        if method is kc.Saliency:
            assert heatmaps.shape == images.shape[:-1]
            assert heatmaps.any()
    assert model.layers[-1].activation is keras.activations.softmax
    expected = with_scores_at_its_end(model)(images, training=False).numpy()
    tolerance = {"rtol": 1e-4, "atol": 1e-4 * np.abs(expected).max()}
    found = np.asarray(Network(model).scores([images]))
    np.testing.assert_allclose(found, expected, **tolerance)
    if name != CHAOTIC:
        np.testing.assert_allclose(scores, expected, **tolerance)
