"""A GAP-CAM classifier on any backbone."""

import keras

from kerascam.models.cam_top import cam_top, relu_convolution


def cam_classifier(
    backbone,
    classes,
    *,
    conv_filters=None,
    groups=1,
    pooling="average",
    dropout=0.0,
    use_bias=True,
    classifier_activation="softmax",
    input_shape=None,
    name=None,
):
    """Puts an optional 3x3 convolution and a `CAMHead` on a backbone.

    The backbone becomes one layer of the new model and shares its weights, so that
    `backbone.trainable = False` freezes it, as usual in transfer learning.

    Args:
        backbone: A built Keras model with one image input and feature maps as its output, such as
            `keras.applications.MobileNetV2(include_top=False)`.
        classes: Number of classes.
        conv_filters: Filters of an added 3x3 ReLU convolution, 1024 in the paper. Default: none,
            as networks that were trained with global average pooling need no other change.
        groups: Groups of the added convolution: 1 in the paper's text, 2 in its released networks.
        pooling: `"average"`, `"sum"` or `"max"`, see `kerascam.layers.CAMHead`.
        dropout: Rate of dropout between pooling and the weights.
        use_bias: Whether each score has a bias.
        classifier_activation: Activation of the scores; `None` returns the scores themselves.
        input_shape: `(height, width, channels)`. Default: that of the backbone.
        name: Name of the model. Default: the backbone's name with `_cam` added.

    Returns:
        A functional `keras.Model` from images to `(batch, classes)`.

    Raises:
        ValueError: If the backbone does not give feature maps `(batch, height, width, channels)`.

    Example:
        >>> backbone = keras.applications.MobileNetV2(
        ...     include_top=False, weights=None, input_shape=(96, 96, 3)
        ... )
        >>> cam_classifier(backbone, classes=10).output_shape
        (None, 10)

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 3.
    """
    if groups != 1 and conv_filters is None:
        raise ValueError(
            "`groups` divides the added convolution, and there is none. Received: "
            f"groups={groups} with conv_filters=None. Pass `conv_filters=1024` as in the paper."
        )
    inputs = keras.Input(_input_shape(backbone) if input_shape is None else input_shape)
    known = _tensors(backbone, "outputs")
    x = None if known else backbone(inputs)
    features_shape = [tuple(tensor.shape) for tensor in known or keras.tree.flatten(x)]
    if len(features_shape) != 1 or len(features_shape[0]) != 4:
        raise ValueError(
            "`backbone` must give feature maps of shape (batch, height, width, channels). "
            f"Received: {backbone.name!r}, which gives {', '.join(map(str, features_shape))}. "
            "Build it with `include_top=False, pooling=None`, or cut it at its last convolution."
        )
    x = backbone(inputs) if x is None else x
    if conv_filters is not None:
        x = relu_convolution(x, conv_filters, 3, "cam_conv", groups=groups)
    outputs = cam_top(
        x,
        classes,
        pooling=pooling,
        dropout=dropout,
        activation=classifier_activation,
        use_bias=use_bias,
    )
    return keras.Model(inputs, outputs, name=name or f"{backbone.name}_cam")


def _tensors(model, name):
    """Inputs or outputs of a model; `None` if it is subclassed, or a Sequential never built."""
    try:
        return getattr(model, name)
    except (AttributeError, ValueError):
        return None


def _input_shape(backbone):
    inputs = _tensors(backbone, "inputs")
    if not inputs:
        raise ValueError(
            f"The input shape of {backbone.name!r} is not known. Pass "
            "`input_shape=(height, width, channels)`."
        )
    if len(inputs) != 1:
        raise ValueError(
            f"`backbone` must have one input, the image. Received: {backbone.name!r} with "
            f"{len(inputs)} inputs."
        )
    return tuple(inputs[0].shape[1:])
