"""The same numbers as a plain tape and as another package, on the forms that these support."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from forms import build, draw

import kerascam as kc

FORMS = ["Functional", "skip connection", "BatchNormalization, Dropout, noise", "frozen layers"]


def linear_copy(model):
    """The network with scores at its end, by a copy of the last layer."""
    layer = model.layers[-1]
    scores = keras.layers.Dense(layer.units)
    copy = keras.Model(model.inputs[0], scores(layer.input))
    scores.set_weights(layer.get_weights())
    return copy


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", FORMS)
def test_gradients_of_a_plain_tape(form, tmp_path, rng):
    model = build(form, tmp_path)
    images = draw(model, rng, 3)
    copy = linear_copy(model)
    for c in range(5):
        with tf.GradientTape() as tape:
            tensor = tf.constant(images)
            tape.watch(tensor)
            score = copy(tensor, training=False)[:, c]
        expected = tape.gradient(score, tensor).numpy()
        found = kc.Saliency(model, channels=None)(images, c).heatmaps
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
def test_raw_grad_cam_of_tf_keras_vis(form, tmp_path, rng):
    reason = "needs tf-keras-vis: pip install '.[peers]'"
    gradcam = pytest.importorskip("tf_keras_vis.gradcam", reason=reason)
    scores = pytest.importorskip("tf_keras_vis.utils.scores", reason=reason)
    model = build(form, tmp_path)
    images = draw(model, rng, 3)
    copy = linear_copy(model)
    explain = kc.GradCAM(copy, layer=last_convolution(copy))
    for c in range(5):
        theirs = gradcam.Gradcam(copy, clone=False)(
            scores.CategoricalScore([c] * 3),
            images,
            penultimate_layer=explain.layer,
            expand_cam=False,
            normalize_cam=False,
        )
        theirs = np.asarray(theirs[0] if isinstance(theirs, list) else theirs)
        ours = explain(images, c).heatmaps
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def last_convolution(model):
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
