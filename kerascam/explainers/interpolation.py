"""Linear interpolation of maps with any number of spatial axes, inside a compiled function."""

from keras import ops


def resize(maps, size):
    """Resizes maps by linear interpolation, pixel centres on pixel centres.

    For two axes this is `keras.ops.image.resize(..., "bilinear")`; it also takes one and three.

    Args:
        maps: `(batch, *spatial)`.
        size: The new sizes of the spatial axes, integers or scalar tensors.

    Returns:
        `(batch, *size)`.
    """
    for axis, new in enumerate(size, start=1):
        old = ops.shape(maps)[axis]
        centres = (_arange(new) + 0.5) * (ops.cast(old, "float32") / ops.cast(new, "float32")) - 0.5
        maps = contract(maps, linear_weights(centres, old), axis)
    return maps


def linear_weights(positions, size):
    """How much each of `size` points counts at positions between them: `(..., size)`."""
    last = ops.cast(size - 1, "float32")
    positions = ops.clip(positions, 0.0, last)
    return ops.relu(1.0 - ops.abs(ops.expand_dims(positions, -1) - _arange(size)))


def blur(images, sigma):
    """Gaussian blur of every spatial axis of `(batch, *spatial, channels)`.

    At the border the weights of the pixels that exist are scaled to a sum of one.

    Args:
        images: The images.
        sigma: Standard deviation, as a share of the length of the shortest axis.
    """
    sizes = ops.shape(images)[1:-1]
    shortest = ops.cast(sizes[0], "float32")
    for size in sizes[1:]:
        shortest = ops.minimum(shortest, ops.cast(size, "float32"))
    for axis, size in enumerate(sizes, start=1):
        distance = _arange(size)[:, None] - _arange(size)[None]
        weights = ops.exp(-0.5 * ops.square(distance / (sigma * shortest)))
        images = contract(images, weights / ops.sum(weights, axis=1, keepdims=True), axis)
    return images


def contract(tensor, weights, axis):
    """Replaces an axis by its weighted sums, with weights `(new, old)`."""
    return ops.moveaxis(ops.tensordot(tensor, weights, axes=[[axis], [1]]), -1, axis)


def _arange(size):
    return ops.cast(ops.arange(size), "float32")
