"""The images that a callback watches during training."""

from typing import Any, NamedTuple

import keras
import numpy as np


class Probes(NamedTuple):
    """A few images and what is known of them.

    Attributes:
        images: `(num, height, width, channels)`, or a list or dictionary of arrays for a model
            with several inputs.
        labels: `(num,)`, or `None`.
    """

    images: Any
    labels: np.ndarray | None


def take_probes(images, labels, max_images, inputs):
    """Takes the first images of what the user passed.

    Args:
        images: An array, `(images, labels)`, or a `tf.data.Dataset` of images or of
            `(images, labels)`, batched or not. For a model with several inputs, a list or a
            dictionary of arrays stands for the images.
        labels: Labels for an array of images, or `None`.
        max_images: Number of images to keep.
        inputs: Symbolic inputs of the model: their rank tells a batched data set from one of
            single images.

    Returns:
        `Probes`.

    Raises:
        TypeError: If the images are of no such kind.
        ValueError: If labels come twice, or there are more or fewer than images.
    """
    own_labels = None
    if isinstance(images, tuple) and len(images) == 2:
        images, own_labels = images
    elif hasattr(images, "element_spec"):
        images, own_labels = _from_dataset(images, max_images, len(inputs[0].shape))
    elif hasattr(images, "__next__") or callable(images):
        raise TypeError(
            "`images` must be an array, (images, labels) or a `tf.data.Dataset`. Received: "
            f"{type(images).__name__}. Take a batch out of a generator: `next(generator)`."
        )
    if labels is not None and own_labels is not None:
        raise ValueError(
            "Labels came twice: in `labels` and with the images. Pass them in one place."
        )
    labels = own_labels if labels is None else labels
    several = len(inputs) > 1 and isinstance(images, (list, tuple, dict))
    images = keras.tree.map_structure(np.asarray, images) if several else np.asarray(images)
    if labels is not None:
        labels = np.asarray(labels)
        num_images = len(keras.tree.flatten(images)[0])
        if labels.ndim == 0 or len(labels) != num_images:
            raise ValueError(
                "There must be one label for each image. Received: labels of shape "
                f"{labels.shape} for {num_images} images."
            )
        labels = labels[:max_images]
    return Probes(keras.tree.map_structure(lambda array: array[:max_images], images), labels)


def _from_dataset(dataset, max_images, image_rank):
    """The first images and labels of a `tf.data.Dataset`."""
    spec = dataset.element_spec
    has_labels = isinstance(spec, tuple)
    rank = keras.tree.flatten(spec[0] if has_labels else spec)[0].shape.rank
    if rank == image_rank:
        dataset = dataset.unbatch()
    batch = next(iter(dataset.batch(max_images)), None)
    if batch is None:
        raise ValueError("`images` must hold at least one image. Received: an empty data set.")
    batch = keras.tree.map_structure(lambda tensor: tensor.numpy(), batch)
    if not has_labels:
        return batch, None
    return batch[0], batch[1] if len(batch) > 1 else None
