"""The networks of the paper, against its tables and the released prototxt files."""

import keras
import numpy as np
import pytest

import kerascam as kc

M = kc.models


def convolutions(model):
    """(filters, kernel size, groups) of each convolution, in order of their making."""
    return [
        (layer.filters, layer.kernel_size[0], layer.groups)
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("build", "size", "cells", "channels"),
    [
        (M.AlexNetGAP, 227, 13, 1024),
        (lambda **kw: M.AlexNetGAP(variant="star", **kw), 227, 13, 512),
        (lambda **kw: M.AlexNetGAP(variant="plus", **kw), 227, 11, 512),
        (M.VGG16GAP, 224, 14, 1024),
        (M.GoogLeNetGAP, 224, 14, 1024),
    ],
)
def test_map_sizes_at_the_papers_input_sizes(build, size, cells, channels):
    model = build()
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 1000)
    head = model.get_layer("predictions")
    assert head.input.shape == (None, cells, cells, channels)
    assert head.pooling == "average"
    assert head.activation is keras.activations.softmax
    assert build(include_top=False).output_shape == (None, cells, cells, channels)


@pytest.mark.exhaustive
@pytest.mark.parametrize("build", [M.AlexNetGAP, M.VGG16GAP, M.GoogLeNetGAP])
def test_any_input_size(build, rng):
    model = build(classes=3, input_shape=(None, None, 1), classifier_activation=None)
    for size in [(96, 96), (128, 99)]:
        images = rng.normal(size=(1, *size, 1)).astype("float32")
        assert np.isfinite(np.asarray(model(images))).all()


@pytest.mark.exhaustive
@pytest.mark.parametrize("build", [M.AlexNetGAP, M.VGG16GAP, M.GoogLeNetGAP])
def test_paper_text_is_the_default_and_the_release_an_option(build):
    text = build(classes=3)
    assert all(groups == 1 for _, _, groups in convolutions(text))
    assert convolutions(text)[-1] == (1024, 3, 1)
    assert not any("dropout" in layer.name for layer in text.layers)
    release = build(classes=3, groups=2, dropout=0.5, pooling="max")
    assert convolutions(release)[-1] == (1024, 3, 2)
    assert release.get_layer("cam_dropout").rate == 0.5
    assert release.get_layer("predictions").pooling == "max"


def test_alexnet_layers():
    assert convolutions(M.AlexNetGAP()) == [
        (96, 11, 1),
        (256, 5, 1),
        (384, 3, 1),
        (384, 3, 1),
        (256, 3, 1),
        (1024, 3, 1),
    ]
    assert convolutions(M.AlexNetGAP(variant="star"))[-2:] == [(512, 3, 1), (512, 3, 1)]
    assert convolutions(M.AlexNetGAP(variant="plus", groups=2)) == [
        (96, 11, 1),
        (256, 5, 2),
        (384, 3, 1),
        (384, 3, 2),
        (384, 3, 2),
        (512, 3, 2),
        (512, 3, 2),
    ]


@pytest.mark.exhaustive
def test_vgg_is_that_of_keras_applications(rng, tmp_path):
    """Same features as VGG16 up to `block5_conv3`, once the weights are the same."""
    reference = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    model = M.VGG16GAP(classes=3, input_shape=(32, 32, 3))
    for layer in reference.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    images = rng.normal(size=(1, 32, 32, 3)).astype("float32")
    features = [
        keras.Model(network.inputs[0], network.get_layer("block5_conv3").output)(images)
        for network in (model, reference)
    ]
    np.testing.assert_allclose(features[0], features[1], rtol=1e-5, atol=1e-7)
    path = tmp_path / "vgg.weights.h5"
    model.save_weights(path)
    again = M.VGG16GAP(classes=3, input_shape=(32, 32, 3), weights=path)
    np.testing.assert_array_equal(model(images).numpy(), again(images).numpy())


def test_googlenet_modules_have_the_papers_channels():
    model = M.GoogLeNetGAP()
    channels = {
        layer.name: layer.output.shape[1:]
        for layer in model.layers
        if isinstance(layer, keras.layers.Concatenate)
    }
    # Szegedy et al. 2015, table 1.
    assert channels == {
        "inception_3a_output": (28, 28, 256),
        "inception_3b_output": (28, 28, 480),
        "inception_4a_output": (14, 14, 512),
        "inception_4b_output": (14, 14, 512),
        "inception_4c_output": (14, 14, 512),
        "inception_4d_output": (14, 14, 528),
        "inception_4e_output": (14, 14, 832),
    }
    # The released network's 5.97 million parameters without its fully connected layer: table 1's
    # weights up to 4e, and the convolution of 1024 units on 832 channels.
    weights = {
        "conv1": 7 * 7 * 3 * 64 + 64,
        "inception_3a_3x3": 3 * 3 * 96 * 128 + 128,
        "inception_4e_5x5": 5 * 5 * 32 * 128 + 128,
        "cam_conv": 3 * 3 * 832 * 1024 + 1024,
    }
    for name, count in weights.items():
        assert model.get_layer(name).count_params() == count


@pytest.mark.exhaustive
def test_googlenet_starts_as_the_released_network(rng):
    """Symmetric padding before the first convolution: a flipped image gives flipped features."""
    model = M.GoogLeNetGAP(include_top=False, input_shape=(225, 225, 3))
    conv1 = model.get_layer("conv1")
    kernel = conv1.get_weights()[0]
    conv1.set_weights([(kernel + kernel[:, ::-1]) / 2, conv1.get_weights()[1]])
    features = keras.Model(model.inputs[0], conv1.output)
    images = rng.normal(size=(1, 225, 225, 3)).astype("float32")
    flipped = np.asarray(features(images[:, :, ::-1]))
    np.testing.assert_allclose(flipped[:, :, ::-1], features(images), atol=1e-4)
    assert features.output_shape == (None, 113, 113, 64)


def test_builds_on_a_given_tensor():
    inputs = keras.Input((64, 64, 3))
    model = M.VGG16GAP(classes=3, input_tensor=keras.layers.Rescaling(1 / 255)(inputs))
    assert model.inputs[0] is inputs
    assert model.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (224, 224)}, r"\(height, width, channels\).*Received: .*\(224, 224\)"),
        ({"input_shape": (224, 224, None)}, r"\(height, width, channels\)"),
        ({"input_tensor": np.zeros((1, 64, 64, 3))}, "symbolic tensor.*Received: ndarray"),
        ({"weights": "imagenet"}, "No ImageNet weights are published for alexnet_gap"),
        ({"variant": "big"}, "`variant` must be one of .* Received: variant='big'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        M.AlexNetGAP(**arguments)
