"""What the networks of the CAM paper share: their input, their top and their weights."""

import os

import keras

from kerascam.layers import CAMHead


def image_input(input_tensor, input_shape, default_size):
    """Input tensor of a network, as in `keras.applications`.

    Returns:
        The tensor to build on, and the model inputs that it comes from.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "The networks take images with their channels last. Received: the image data format "
            f"{keras.config.image_data_format()!r} in Keras's configuration. Call "
            '`keras.config.set_image_data_format("channels_last")` first.'
        )
    if input_tensor is None:
        shape = (default_size, default_size, 3) if input_shape is None else tuple(input_shape)
        if len(shape) != 3 or shape[-1] is None:
            raise ValueError(
                "`input_shape` must be (height, width, channels) without the batch axis; height "
                f"and width may be None. Received: input_shape={input_shape!r}."
            )
        tensor = keras.Input(shape)
        return tensor, tensor
    if not isinstance(input_tensor, keras.KerasTensor):
        raise ValueError(
            "`input_tensor` must be a symbolic tensor such as `keras.Input((224, 224, 3))`. "
            f"Received: {type(input_tensor).__name__}. To set the size, pass `input_shape`."
        )
    sources = keras.utils.get_source_inputs(input_tensor)
    return input_tensor, sources[0] if len(sources) == 1 else sources


def relu_convolution(x, filters, kernel_size, name, *, strides=1, padding="same", groups=1):
    """One convolution with ReLU."""
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        groups=groups,
        activation="relu",
        name=name,
    )(x)


def cam_top(x, classes, *, pooling, dropout, activation, use_bias=True):
    """Dropout between pooling and weights, and the `CAMHead`."""
    if dropout:
        # Dropping whole channels before pooling is dropping pooled features.
        x = keras.layers.SpatialDropout2D(dropout, name="cam_dropout")(x)
    head = CAMHead(
        classes, pooling=pooling, activation=activation, use_bias=use_bias, name="predictions"
    )
    return head(x)


def load_weights(model, weights):
    """Loads a file of weights, or leaves the model as it is."""
    if weights is None:
        return model
    if weights == "imagenet":
        raise ValueError(
            f"No ImageNet weights are published for {model.name} in a format of Keras. Pass "
            "`weights=None` or the path of a `.weights.h5` file."
        )
    if not os.path.exists(weights):
        raise ValueError(
            f"There is no file of weights '{weights}'. Pass `weights=None` or the path of a "
            "`.weights.h5` file."
        )
    model.load_weights(weights)
    return model
