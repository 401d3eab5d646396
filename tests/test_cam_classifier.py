import keras
import numpy as np
import pytest
from conftest import small_backbone

from kerascam.layers import CAMHead
from kerascam.models import cam_classifier


def test_adds_head_and_convolution_to_any_backbone(rng):
    backbone = small_backbone()
    model = cam_classifier(
        backbone, 5, conv_filters=12, groups=2, pooling="sum", dropout=0.3, use_bias=False
    )
    names = [layer.name for layer in model.layers[1:]]
    assert names == ["backbone", "cam_conv", "cam_dropout", "predictions"]
    assert model.name == "backbone_cam"
    convolution, head = model.get_layer("cam_conv"), model.get_layer("predictions")
    assert convolution.kernel.shape == (3, 3, 4, 12)
    assert isinstance(head, CAMHead)
    assert (head.pooling, head.use_bias) == ("sum", False)
    images = rng.normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(np.sum(model(images), axis=-1), 1, rtol=1e-5)


def test_shares_the_backbones_weights():
    backbone = small_backbone()
    model = cam_classifier(backbone, 5)
    assert {id(w) for w in backbone.weights} < {id(w) for w in model.weights}
    backbone.trainable = False
    assert len(model.trainable_weights) == 2


def test_dropout_drops_whole_pooled_features():
    """Spatial dropout before pooling is dropout after it."""
    head = CAMHead(1, use_bias=False, kernel_initializer="ones")
    dropout = keras.layers.SpatialDropout2D(0.5, seed=0)
    features = np.ones((1, 3, 3, 1000), "float32")
    pooled = np.asarray(dropout(features, training=True)).mean(axis=(1, 2))
    assert set(np.unique(pooled)) == {0.0, 2.0}
    assert 800 < float(head(dropout(features, training=True))[0, 0]) < 1200


def test_input_shape_of_a_subclassed_backbone():
    class Backbone(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.convolution = keras.layers.Conv2D(4, 3)

        def call(self, images):
            return self.convolution(images)

    with pytest.raises(ValueError, match=r"'own' is not known. Pass `input_shape="):
        cam_classifier(Backbone(), 3)
    assert cam_classifier(Backbone(), 3, input_shape=(16, 16, 3)).output_shape == (None, 3)


def test_a_refused_backbone_is_left_alone():
    backbone = keras.applications.MobileNetV2(
        include_top=False, pooling="avg", weights=None, input_shape=(32, 32, 3)
    )
    nodes = len(backbone._inbound_nodes)
    with pytest.raises(ValueError, match=r"feature maps.*gives \(None, 1280\).*pooling=None"):
        cam_classifier(backbone, 3)
    assert len(backbone._inbound_nodes) == nodes


def test_bad_arguments():
    with pytest.raises(ValueError, match="groups=2 with conv_filters=None"):
        cam_classifier(small_backbone(), 3, groups=2)
    inputs = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    two = keras.Model(inputs, keras.layers.Add()(inputs), name="two")
    with pytest.raises(ValueError, match="one input, the image. Received: 'two' with 2 inputs"):
        cam_classifier(two, 3)
