"""EfficientNet-Lite0, with weights for ImageNet."""

from typing import NamedTuple

import keras

from kerascam.models.cam_top import image_input, load_weights
from kerascam.models.imagenet_weights import load_imagenet_weights


def EfficientNetLite0(  # noqa: N802 - spelt as in keras.applications
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="efficientnet_lite0",
    *,
    dropout=0.0,
):
    """EfficientNet-Lite0: small, fast on a CPU, and a GAP-CAM network as it stands.

    It ends in global average pooling and one Dense layer, so that `kerascam.CAM` takes it without
    a change. It has 4.7 million weights and recognises 75 % of ImageNet's validation images. It
    takes RGB images in 0..255, float32; the scaling to -1..1 is its first layer.

    The weights come with a package, which the extra `imagenet` installs, without a download when
    they are used. At the first use they are converted into Keras's cache directory (`~/.keras`, or
    `KERAS_HOME`).

    Args:
        include_top: Whether to end in pooling and the Dense layer; otherwise in the features
            `(batch, height / 32, width / 32, 1280)`.
        weights: `"imagenet"`, `None` (random) or the path of a `.weights.h5` file.
        input_tensor: A symbolic tensor to build on.
        input_shape: `(height, width, channels)`; height and width may be `None`. Default:
            `(224, 224, 3)`, the size of the training, or `(None, None, 3)` without the top.
        pooling: Without the top, what follows the features: `None`, `"avg"` or `"max"`.
        classes: Number of classes, 1000 for the weights of ImageNet with the top. Their names are
            `kerascam.datasets.imagenet_names()`.
        classifier_activation: Activation of the scores; `None` returns the scores themselves.
        name: Name of the model.
        dropout: Rate of dropout between pooling and the Dense layer, 0.2 in the original training.

    Returns:
        A functional `keras.Model`.

    Raises:
        ImportError: If the weights of ImageNet are asked for and their package is missing.
        ValueError: If an argument is unknown, does not fit the weights of ImageNet, or the weights
            do not exist.

    Example:
        >>> model = EfficientNetLite0(weights=None, classes=10)
        >>> model.output_shape, model.count_params()
        ((None, 10), 3425834)

    Reference:
        Tan and Le 2019, EfficientNet, table 1; the Lite variants have ReLU6 and no
        squeeze-and-excitation (TensorFlow's repository `tpu`, `models/official/efficientnet/lite`).
    """
    if pooling not in (None, "avg", "max"):
        raise ValueError(f'`pooling` must be None, "avg" or "max". Received: pooling={pooling!r}.')
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(
            "The weights of ImageNet are for 1000 classes. Received: "
            f"classes={classes!r}. For classes of your own pass `include_top=False` and put "
            "`kerascam.models.cam_classifier` on the features, or `weights=None`."
        )
    size = 224 if include_top else None
    x, inputs = image_input(input_tensor, input_shape, default_size=size)
    given = keras.Model(inputs, x).layers
    if weights == "imagenet" and x.shape[-1] != 3:
        raise ValueError(
            "The weights of ImageNet are for RGB images. Received: images with "
            f"{x.shape[-1]} channels. Repeat a grey image three times, or pass `weights=None`."
        )
    x = _features(x)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name="top_dropout")(x)
        x = keras.layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    elif pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    model = keras.Model(inputs, x, name=name)
    if weights != "imagenet":
        return load_weights(model, weights)
    pretrained = _pretrained()
    for layer in model.layers:
        if layer.weights and layer not in given:
            layer.set_weights(pretrained.get_layer(layer.name).get_weights())
    return model


def _pretrained():
    """The whole network with its weights in float32, whatever the dtype of the user's layers."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = EfficientNetLite0(weights=None)
        load_imagenet_weights(model)
    finally:
        keras.config.set_dtype_policy(policy)
    return model


class _Block(NamedTuple):
    """An inverted residual."""

    name: str
    filters: int
    kernel_size: int
    strides: int
    expansion: int


def _blocks():
    """The blocks in their order; the first of each stage changes size and filters."""
    stages = [
        (1, 16, 3, 1, 1),
        (2, 24, 3, 2, 6),
        (2, 40, 5, 2, 6),
        (3, 80, 3, 2, 6),
        (3, 112, 5, 1, 6),
        (4, 192, 5, 2, 6),
        (1, 320, 3, 1, 6),
    ]
    return [
        _Block(
            f"block{stage}{'abcd'[i]}", filters, kernel_size, strides if i == 0 else 1, expansion
        )
        for stage, (repeats, filters, kernel_size, strides, expansion) in enumerate(stages, 1)
        for i in range(repeats)
    ]


def _features(x):
    # (x - 127) / 128, what the network was trained on.
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocessing")(x)
    x = _convolution(x, 32, 3, "stem", strides=2)
    for block in _blocks():
        x = _inverted_residual(x, block)
    return _convolution(x, 1280, 1, "top")


def _inverted_residual(inputs, block):
    x = inputs
    if block.expansion > 1:
        x = _convolution(x, block.expansion * inputs.shape[-1], 1, f"{block.name}_expand")
    x = keras.layers.DepthwiseConv2D(
        block.kernel_size,
        strides=block.strides,
        padding="same",
        use_bias=False,
        name=f"{block.name}_depthwise_conv",
    )(x)
    x = _normalized(x, f"{block.name}_depthwise")
    x = _convolution(x, block.filters, 1, f"{block.name}_project", activate=False)
    if block.strides == 1 and inputs.shape[-1] == block.filters:
        x = keras.layers.Add(name=f"{block.name}_add")([inputs, x])
    return x


def _convolution(x, filters, kernel_size, name, *, strides=1, activate=True):
    x = keras.layers.Conv2D(
        filters, kernel_size, strides=strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    return _normalized(x, name, activate)


def _normalized(x, name, activate=True):
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_activation")(x) if activate else x
