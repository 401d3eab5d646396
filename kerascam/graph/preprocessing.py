"""What images a model takes."""

import keras

from kerascam.backend import keras_internals


def takes_raw_images(model):
    """Whether a model scales images by itself: a Rescaling or Normalization before any weights.

    Args:
        model: A `keras.Model`.
    """
    for layer in _leaves(model):
        if isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization)):
            return True
        if layer.weights:
            return False
    return False


def assumed_range(model):
    """What a float model takes for black and white, where the user does not say.

    Args:
        model: A `keras.Model`.

    Returns:
        `(0, 255)` for a model that scales images by itself, else `(0, 1)`.
    """
    return (0.0, 255.0) if takes_raw_images(model) else (0.0, 1.0)


def _leaves(layer):
    """The layers without layers inside, in the order in which they were put together."""
    inner = keras_internals.direct_layers(layer)
    if not inner:
        yield layer
    for one in inner:
        yield from _leaves(one)
