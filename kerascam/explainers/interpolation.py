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


def blur(images, sigma, radius=None):
    """Gaussian blur of every spatial axis of `(batch, *spatial, channels)`.

    The package's only one: baselines, metrics and the class model take it. Beyond its border an
    image is mirrored, as OpenCV does by default; a mirror can't be longer than the image.

    Args:
        images: The images.
        sigma: Standard deviation in pixels, a number or a scalar tensor.
        radius: How far the kernel reaches, in pixels. Default: three deviations.
    """
    sigma = ops.maximum(ops.cast(sigma, "float32"), 1e-3)
    radius = ops.maximum(1.0, ops.round(3 * sigma)) if radius is None else float(radius)
    for axis, size in enumerate(ops.shape(images)[1:-1], start=1):
        here, there = _arange(size)[:, None], _arange(size)[None]
        last = ops.cast(size - 1, "float32")
        weights = _gaussian(here - there, sigma, ops.minimum(radius, last))
        for mirrored, exists in ((-there, there > 0), (2 * last - there, there < last)):
            weights += ops.where(
                exists, _gaussian(here - mirrored, sigma, ops.minimum(radius, last)), 0.0
            )
        images = contract(images, weights / ops.sum(weights, axis=1, keepdims=True), axis)
    return images


def _gaussian(distance, sigma, reach):
    return ops.where(ops.abs(distance) <= reach, ops.exp(-0.5 * ops.square(distance / sigma)), 0.0)


def contract(tensor, weights, axis):
    """Replaces an axis by its weighted sums, with weights `(new, old)`."""
    return ops.moveaxis(ops.tensordot(tensor, weights, axes=[[axis], [1]]), -1, axis)


def _arange(size):
    return ops.cast(ops.arange(size), "float32")
