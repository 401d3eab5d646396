"""AlexNet-GAP and AlexNet*-GAP."""

import keras

from kerascam.layers import LocalResponseNormalization
from kerascam.models.cam_top import cam_top, image_input, load_weights, relu_convolution

_VARIANTS = ("plain", "star", "plus")


def AlexNetGAP(  # noqa: N802 - spelt as in keras.applications
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling="average",
    classes=1000,
    classifier_activation="softmax",
    name="alexnet_gap",
    *,
    variant="plain",
    groups=1,
    dropout=0.0,
):
    """AlexNet with its fully connected layers replaced by convolutions and a `CAMHead`.

    Args:
        include_top: Whether to end in the `CAMHead`; otherwise in the features before it.
        weights: `None` (random) or the path of a `.weights.h5` file.
        input_tensor: A symbolic tensor to build on.
        input_shape: `(height, width, channels)`, default `(227, 227, 3)`; height and width may be
            `None`.
        pooling: `"average"` (the paper's), `"sum"` or `"max"`, see `kerascam.layers.CAMHead`.
        classes: Number of classes.
        classifier_activation: Activation of the scores; `None` returns the scores themselves.
        name: Name of the model.
        variant: What follows the fifth convolution: `"plain"`, the paper's AlexNet-GAP (one
            convolution of 1024 units, maps of 13 x 13); `"star"`, its AlexNet*-GAP (two
            convolutions of 512 units, which win back some accuracy, 13 x 13); `"plus"`, the
            released AlexNet+ (384 instead of 256 filters in the fifth convolution, max pooling of
            stride 1, two convolutions of 512 units, 11 x 11).
        groups: Groups of the second, fourth and fifth convolution and of the added ones: 1, or 2
            as in the original AlexNet and the released network. With 2, an added convolution
            that stands alone (`variant="plain"`) is divided as well.
        dropout: Rate of dropout before the weights: none in the paper's text, 0.5 in its released
            network.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: If the variant is unknown, the input is not an image, or the weights do not
            exist.

    Example:
        >>> AlexNetGAP(classes=10, variant="star").output_shape
        (None, 10)

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 3;
        Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks.
    """
    if variant not in _VARIANTS:
        raise ValueError(f"`variant` must be one of {_VARIANTS}. Received: variant={variant!r}.")
    x, inputs = image_input(input_tensor, input_shape, default_size=227)
    x = relu_convolution(x, 96, 11, "conv1", strides=4, padding="valid")
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = LocalResponseNormalization(name="norm1")(x)
    x = relu_convolution(x, 256, 5, "conv2", groups=groups)
    x = keras.layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = LocalResponseNormalization(name="norm2")(x)
    x = relu_convolution(x, 384, 3, "conv3")
    x = relu_convolution(x, 384, 3, "conv4", groups=groups)
    x = relu_convolution(x, 384 if variant == "plus" else 256, 3, "conv5", groups=groups)
    if variant == "plus":
        x = keras.layers.MaxPooling2D(3, 1, name="pool5")(x)
    if variant == "plain":
        x = relu_convolution(x, 1024, 3, "cam_conv", groups=groups)
    else:
        x = relu_convolution(x, 512, 3, "conv6", groups=groups)
        x = relu_convolution(x, 512, 3, "conv7", groups=groups)
    if include_top:
        x = cam_top(x, classes, pooling=pooling, dropout=dropout, activation=classifier_activation)
    return load_weights(keras.Model(inputs, x, name=name), weights)
