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
    is_dataset = hasattr(images, "element_spec")
    if isinstance(images, tuple) and len(images) == 2:
        images, own_labels = images
    elif is_dataset:
        images, own_labels = _from_dataset(images, max_images, explainer)
    elif isinstance(images, keras.utils.PyDataset) or hasattr(images, "__next__"):
        raise TypeError(
            "`images` must be an array, (images, labels) or a `tf.data.Dataset`. Received: "
            f"{type(images).__name__}. Take a batch out of it: `dataset[0]`, or `next(generator)`."
        )
    if labels is not None and own_labels is not None:
        raise ValueError(
            "Labels came twice: in `labels` and with the images. Pass them in one place."
        )
    labels = own_labels if labels is None else labels
    arrays = [np.atleast_1d(array) for array in explainer.arrange(images)]
    num_images = len(arrays[0])
    # Copies: what the user does with his arrays later changes no picture.
    arrays = [np.array(array[:max_images]) for array in arrays]
    inputs = explainer.check_images(arrays if len(arrays) > 1 else arrays[0])
    if labels is None:
        return inputs, None
    labels = np.asarray(labels)
    if is_dataset and own_labels is None:
        labels = labels[:num_images]  # Only so many images were taken.
    if labels.ndim == 0 or len(labels) != num_images:
        raise ValueError(
            "There must be one label for each image. Received: labels of shape "
            f"{labels.shape} for {num_images} images."
        )
    labels = labels[:max_images]
    return inputs, check_targets(labels, len(labels), explainer.num_classes, name="labels")


def batch_shape(images):
    """Shape of a batch of pictures, `(None, height, width, channels)`; `None` for anything else.

    Args:
        images: As in `take_probes`.
    """
    images = images[0] if isinstance(images, tuple) else images
    spec = getattr(images, "element_spec", None)
    array = images if spec is None else keras.tree.flatten(spec)[0]
    shape = getattr(array, "shape", ())
    if getattr(shape, "rank", 0) is None:
        return None
    shape = tuple(shape)
    if spec is not None and len(shape) == 3:
        shape = (None, *shape)
    return (None, *shape[1:]) if len(shape) == 4 else None


def _from_dataset(dataset, max_images, explainer):
    """The first images and labels of a `tf.data.Dataset`."""
    has_labels = isinstance(dataset.element_spec, tuple)
    first = next(iter(dataset), None)
    if first is None:
        raise ValueError("`images` must hold at least one image. Received: an empty data set.")
    ranks = [len(array.shape) for array in explainer.arrange(first[0] if has_labels else first)]
    if ranks == [len(spec.shape) for spec in explainer.inputs]:
        dataset = dataset.unbatch()
    batch = next(iter(dataset.batch(max_images)))
    batch = keras.tree.map_structure(lambda tensor: tensor.numpy(), batch)
    if not has_labels:
        return batch, None
    return batch[0], batch[1] if len(batch) > 1 else None
