"""VGGnet-GAP."""

import keras

from kerascam.models.cam_top import cam_top, image_input, load_weights, relu_convolution


def VGG16GAP(  # noqa: N802 - spelt as in keras.applications
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling="average",
    classes=1000,
    classifier_activation="softmax",
    name="vgg16_gap",
    *,
    groups=1,
    dropout=0.0,
):
    """VGG16 with its fully connected layers replaced by a convolution and a `CAMHead`.

    The five blocks of VGG16 up to `block5_conv3` without the last pooling, a 3x3 convolution of
    1024 units, global pooling and one linear layer. Images of 224 px give maps of 14 x 14.

    Args:
        include_top: Whether to end in the `CAMHead`; otherwise in the features before it.
        weights: `None` (random), `"imagenet"` (the five blocks as `keras.applications.VGG16` has
            them, downloaded by Keras; they expect
            `keras.applications.vgg16.preprocess_input`), or the path of a `.weights.h5` file.
        input_tensor: A symbolic tensor to build on.
        input_shape: `(height, width, channels)`, default `(224, 224, 3)`; height and width may be
            `None`.
        pooling: `"average"` (the paper's), `"sum"` or `"max"`, see `kerascam.layers.CAMHead`.
        classes: Number of classes.
        classifier_activation: Activation of the scores; `None` returns the scores themselves.
        name: Name of the model.
        groups: Groups of the added convolution: 1 in the paper's text, 2 in its released network.
        dropout: Rate of dropout before the weights: none in the paper's text, 0.5 in its released
            network.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: If the input is not an image or the weights do not exist.

    Example:
        >>> VGG16GAP(classes=10, input_shape=(64, 64, 3)).output_shape
        (None, 10)

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 3.
    """
    tensor, inputs = image_input(input_tensor, input_shape, default_size=224)
    x = tensor
    for block, (repeats, filters) in enumerate(
        [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1
    ):
        for index in range(1, repeats + 1):
            x = relu_convolution(x, filters, 3, f"block{block}_conv{index}")
        if block < 5:
            x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = relu_convolution(x, 1024, 3, "cam_conv", groups=groups)
    if include_top:
        x = cam_top(x, classes, pooling=pooling, dropout=dropout, activation=classifier_activation)
    model = keras.Model(inputs, x, name=name)
    if weights != "imagenet":
        return load_weights(model, weights)
    pretrained = keras.applications.VGG16(include_top=False, weights="imagenet")
    for layer in pretrained.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model
