"""GoogLeNet-GAP and its Inception v1 modules."""

import keras

from kerascam.layers import LocalResponseNormalization
from kerascam.models.cam_top import cam_top, image_input, load_weights, relu_convolution

# Filters of each module: 1x1, 3x3 after its 1x1 reduction, 5x5 after its reduction, 1x1 after
# pooling. Szegedy et al. 2015, Going Deeper with Convolutions, table 1.
_MODULES = {
    "inception_3a": (64, (96, 128), (16, 32), 32),
    "inception_3b": (128, (128, 192), (32, 96), 64),
    "inception_4a": (192, (96, 208), (16, 48), 64),
    "inception_4b": (160, (112, 224), (24, 64), 64),
    "inception_4c": (128, (128, 256), (24, 64), 64),
    "inception_4d": (112, (144, 288), (32, 64), 64),
    "inception_4e": (256, (160, 320), (32, 128), 128),
}


def GoogLeNetGAP(  # noqa: N802 - spelt as in keras.applications
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling="average",
    classes=1000,
    classifier_activation="softmax",
    name="googlenet_gap",
    *,
    groups=1,
    dropout=0.0,
):
    """GoogLeNet up to its module 4e, a convolution of 1024 units and a `CAMHead`.

    Images of 224 px give maps of 14 x 14. `pooling="max"` is the paper's GoogLeNet-GMP.

    Args:
        include_top: Whether to end in the `CAMHead`; otherwise in the features before it.
        weights: `None` (random) or the path of a `.weights.h5` file.
        input_tensor: A symbolic tensor to build on.
        input_shape: `(height, width, channels)`, default `(224, 224, 3)`; height and width may be
            `None`.
        pooling: `"average"` (the paper's GoogLeNet-GAP), `"max"` (its GoogLeNet-GMP) or `"sum"`,
            see `kerascam.layers.CAMHead`.
        classes: Number of classes.
        classifier_activation: Activation of the scores; `None` returns the scores themselves.
        name: Name of the model.
        groups: Groups of the added convolution: 1 in the paper's text, 2 in its released network.
        dropout: Rate of dropout before the weights: none in the paper and in its release.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: If the input is not an image or the weights do not exist.

    Example:
        >>> GoogLeNetGAP(classes=10, input_shape=(64, 64, 3)).output_shape
        (None, 10)

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 3;
        Szegedy et al. 2015, Going Deeper with Convolutions, table 1.
    """
    x, inputs = image_input(input_tensor, input_shape, default_size=224)
    # Padded by hand: "same" would pad the right and lower side more.
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = relu_convolution(x, 64, 7, "conv1", strides=2, padding="valid")
    x = _halve(x, "pool1")
    x = LocalResponseNormalization(name="norm1")(x)
    x = relu_convolution(x, 64, 1, "conv2_reduce")
    x = relu_convolution(x, 192, 3, "conv2")
    x = LocalResponseNormalization(name="norm2")(x)
    x = _halve(x, "pool2")
    for module, filters in _MODULES.items():
        if module == "inception_4a":
            x = _halve(x, "pool3")
        x = _inception(x, *filters, name=module)
    x = relu_convolution(x, 1024, 3, "cam_conv", groups=groups)
    if include_top:
        x = cam_top(x, classes, pooling=pooling, dropout=dropout, activation=classifier_activation)
    return load_weights(keras.Model(inputs, x, name=name), weights)


def _halve(x, name):
    """3x3 max pooling of stride 2; "same" pads where the original rounds sizes up."""
    return keras.layers.MaxPooling2D(3, 2, padding="same", name=name)(x)


def _inception(x, one, three, five, pooled, name):
    """The original Inception module: four branches side by side."""
    branch_1 = relu_convolution(x, one, 1, f"{name}_1x1")
    branch_3 = relu_convolution(x, three[0], 1, f"{name}_3x3_reduce")
    branch_3 = relu_convolution(branch_3, three[1], 3, f"{name}_3x3")
    branch_5 = relu_convolution(x, five[0], 1, f"{name}_5x5_reduce")
    branch_5 = relu_convolution(branch_5, five[1], 5, f"{name}_5x5")
    branch_p = keras.layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    branch_p = relu_convolution(branch_p, pooled, 1, f"{name}_pool_proj")
    return keras.layers.Concatenate(name=f"{name}_output")([branch_1, branch_3, branch_5, branch_p])
