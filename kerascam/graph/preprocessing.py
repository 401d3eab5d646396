"""What images a model takes."""

import keras


def takes_raw_images(model):
    """Whether a model scales images by itself: a Rescaling or Normalization before any weights.

    Args:
        model: A `keras.Model`.
    """
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization)):
            return True
        if layer.weights and not list(layer._flatten_layers(include_self=False)):
            return False
    return False
