"""Images of another size."""

from keras import ops


def resize(images, size):
    """Images of another size, an array; smaller ones without aliasing."""
    if images.shape[1:3] == size:
        return images
    return ops.convert_to_numpy(
        ops.image.resize(images, size, antialias=True, data_format="channels_last")
    )
