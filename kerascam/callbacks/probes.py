"""The images that a callback watches during training."""

import keras
import numpy as np

from kerascam.explainers.targets import check_targets


def take_probes(images, labels, max_images, explainer):
    """Takes the first images of what the user passed, and checks them.

    Args:
        images: An array, `(images, labels)`, or a `tf.data.Dataset` of images or of
            `(images, labels)`, batched or not. For a model with several inputs, a list or a
            dictionary of arrays stands for the images.
        labels: Labels for an array of images, or `None`.
        max_images: Number of images to keep.
        explainer: The `Explainer` that shall take them.

    Returns:
        A list of arrays, one for each input of the model, and the labels, `(num,)` or `None`.

    Raises:
        TypeError: If the images are of no such kind, or images or labels have a wrong type.
        ValueError: If their shape or number is wrong, or labels come twice or do not exist.
    """
    own_labels = None
    if isinstance(images, tuple) and len(images) == 2:
        images, own_labels = images
    elif hasattr(images, "element_spec"):
        images, own_labels = _from_dataset(images, max_images, explainer.image_rank)
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
    if not explainer.has_several_inputs and not isinstance(images, dict):
        images = np.asarray(images)
    images = keras.tree.map_structure(np.atleast_1d, images)
    num_images = len(keras.tree.flatten(images)[0])
    images = keras.tree.map_structure(lambda array: array[:max_images], images)
    inputs = explainer.check_images(images)
    if labels is None:
        return inputs, None
    labels = np.asarray(labels)
    if labels.ndim == 0 or len(labels) != num_images:
        raise ValueError(
            "There must be one label for each image. Received: labels of shape "
            f"{labels.shape} for {num_images} images."
        )
    labels = labels[:max_images]
    return inputs, check_targets(labels, len(labels), explainer.num_classes, name="labels")


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
