"""Many images made of each image of a batch, and computed like one larger batch."""

import keras
from keras import ops


def flatten(samples):
    """`(samples, batch, ...)` as one batch `(samples * batch, ...)`."""
    return ops.reshape(samples, (-1, *ops.shape(samples)[2:]))


def unflatten(values, samples):
    """What was computed for a flattened batch of samples, with their first two axes again."""
    return ops.reshape(values, (*ops.shape(samples)[:2], *ops.shape(values)[1:]))


def repeat(tensor, times):
    """So many copies of a batch, one after the other."""
    return ops.tile(tensor, [times] + [1] * (len(tensor.shape) - 1))


def replace(inputs, image, samples):
    """The inputs with samples of the images in their place, and copies of the other inputs.

    Args:
        inputs: Inputs of one batch.
        image: Index of the input whose images are replaced.
        samples: `(samples, batch, ...)`.
    """
    times = ops.shape(samples)[0]
    replaced = [
        tensor if index == image else repeat(tensor, times) for index, tensor in enumerate(inputs)
    ]
    dtype, flat = inputs[image].dtype, flatten(samples)
    is_float = "float" in keras.backend.standardize_dtype(dtype)
    replaced[image] = ops.cast(flat if is_float else ops.round(flat), dtype)
    return replaced
