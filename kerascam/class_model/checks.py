"""Checks of the settings of `ClassModel`."""

import keras
import numpy as np

from kerascam._checks import check_integer, check_number
from kerascam.class_model.parameterization import Frame, Parameterization
from kerascam.visualization.to_rgb import black_and_white

_DEFAULT_LENGTH = 224  # Of a side, where the model takes any.


def image_input(network):
    """Symbolic tensor of the one image that a network takes; raises if it takes anything else."""
    shapes = [tuple(spec.shape) for spec in network.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] is None:
        raise ValueError(
            "The class model is an image, so the model must take one image (batch, height, width, "
            f"channels) and nothing else. Received: a model with inputs of shape {shapes}."
        )
    if "float" not in network.inputs[0].dtype:
        raise TypeError(
            "The class model needs the gradient with respect to the image, and there is none for "
            f"{network.inputs[0].dtype} images, which this model takes. Build the model with "
            f'`keras.Input({shapes[0][1:]}, dtype="float32")`; its weights fit.'
        )
    return network.inputs[0]


def check_size(image_size, spec):
    """`(height, width)` that the user asked for and the model takes."""
    own = tuple(spec.shape[1:3])
    if image_size is None:
        return tuple(_DEFAULT_LENGTH if length is None else length for length in own)
    given = (image_size,) * 2 if np.ndim(image_size) == 0 else tuple(image_size)
    if len(given) != 2:
        raise ValueError(
            f"`image_size` must be (height, width), or one number. Received: {image_size!r}."
        )
    size = tuple(check_integer("image_size", length) for length in given)
    if any(length not in (None, actual) for length, actual in zip(own, size, strict=True)):
        described = tuple("any" if length is None else length for length in own)
        raise ValueError(
            f"`image_size` must be what the model takes, {described}. Received: {image_size!r}."
        )
    return size


def check_position(position, place):
    """Indices of a neuron in the output of a layer, or `None` for all positions."""
    if position is None:
        return None
    if place is None:
        raise ValueError(
            f"`position` is for `ClassModel(model, layer=...)`. Received: position={position!r} "
            "without a layer."
        )
    shape = place.output.shape[1:-1]
    indices = tuple(position) if np.ndim(position) else (position,)
    if len(indices) != len(shape):
        raise ValueError(
            f"`position` must have {len(shape)} numbers for '{place.path}' of shape "
            f"{tuple(place.output.shape)}. Received: {position!r}."
        )
    return tuple(
        check_integer("position", index, low=0, high=2**31 - 1 if length is None else length - 1)
        for index, length in zip(indices, shape, strict=True)
    )


def check_parameterization(parameterization):
    """Returns the parameterization, or raises a `TypeError`."""
    if not isinstance(parameterization, Parameterization):
        raise TypeError(
            "`parameterization` must be one of `kc.class_model`, such as `Pixels()`. Received: "
            f"{parameterization!r}."
        )
    return parameterization


def check_parts(name, parts, kind, example):
    """Returns a list of parts as a tuple, or raises a `TypeError`.

    Args:
        name: What the user calls them.
        parts: What the user passed.
        kind: Their class.
        example: How one is written, for the message.
    """
    is_list = isinstance(parts, (list, tuple))
    for part in parts if is_list else [parts]:
        if not is_list or not isinstance(part, kind):
            is_for_weights = isinstance(part, keras.regularizers.Regularizer)
            hint = " Keras's are for weights." if is_for_weights else ""
            raise TypeError(
                f"`{name}` must be a list of those of `kc.class_model`, such as `[{example}]`. "
                f"Received: {parts!r}.{hint}"
            )
    return tuple(parts)


def check_optimizer(optimizer):
    """Returns an optimizer that is new, shares nothing between images and can be copied."""
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            "`optimizer` must be a `keras.optimizers.Optimizer`, such as "
            f"`keras.optimizers.Adam(0.05)`. Received: {optimizer!r}."
        )
    if optimizer.built:
        raise ValueError(
            "`optimizer` must be a new one. Received: one that is bound to other variables, such "
            "as those of a model that it trains. Pass "
            f"`keras.optimizers.{type(optimizer).__name__}(...)`."
        )
    if optimizer.global_clipnorm is not None:
        raise ValueError(
            "`optimizer` must not have a `global_clipnorm`, by which images of a batch would "
            "change each other. Pass `clipnorm`, which is for each image."
        )
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            "`optimizer` must not scale its loss: small gradients are seen to. Received: a "
            "LossScaleOptimizer. Pass the one inside it."
        )
    try:
        copy_optimizer(optimizer)
    except Exception as error:
        raise ValueError(
            "`optimizer` must be one that can be made of its config, so that it begins anew with "
            f"each image. Received: {optimizer!r}, where that fails: {error}"
        ) from error
    return optimizer


def copy_optimizer(optimizer):
    """A new optimizer with the same settings."""
    return type(optimizer).from_config(optimizer.get_config())


def check_penalty(penalty):
    """Returns a number of at least 0, or `"auto"`."""
    if isinstance(penalty, str):
        if penalty != "auto":
            raise ValueError(
                f'`penalty` must be a number of at least 0, or "auto". Received: {penalty!r}.'
            )
        return penalty
    return check_number("penalty", penalty, low=0)


def make_frame(size, channels, value_range, mean):
    """The `Frame` of a model's images, from what the user passed."""
    try:
        limits = black_and_white(value_range)
    except ValueError:
        raise ValueError(
            '`value_range` must be (low, high) with low < high, "tf", "torch" or "caffe". '
            f"Received: {value_range!r}."
        ) from None
    black, white = (
        np.broadcast_to(np.asarray(value, "float32"), (channels,))
        if np.ndim(value) == 0 or len(value) == channels
        else None
        for value in limits
    )
    if black is None or white is None:
        raise ValueError(
            f'`value_range` must be (low, high) for images with {channels} channels; "torch" and '
            f'"caffe" are for colours. Received: {value_range!r}.'
        )
    if mean is not None:
        shape = (*size, channels)
        try:
            given = np.asarray(mean, "float32")
            mean = np.broadcast_to(given, shape)
            is_finite = np.isfinite(given).all()
        except (TypeError, ValueError):
            is_finite = False
        if not is_finite:
            raise ValueError(
                f"`mean` must be finite numbers: one, ({channels},) or {shape}. Received: shape "
                f"{np.shape(mean)}, {mean!r}."
            )
    return Frame(size, channels, black, white, mean)
