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


def _leaves(layer):
    """The layers without layers inside, in the order in which they were put together."""
    inner = keras_internals.direct_layers(layer)
    if not inner:
        yield layer
    for one in inner:
        yield from _leaves(one)
