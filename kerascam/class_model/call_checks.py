"""Checks of the arguments of a call of `ClassModel`."""

import numpy as np

from kerascam.explainers.targets import check_targets


def choose_targets(targets, channel, measure):
    """What is raised, of what the user passed: `targets`, or `channel` with a layer.

    Args:
        targets: See `ClassModel`.
        channel: See there.
        measure: The `Measure`.
    """
    if measure.place is None:
        if channel is not None:
            raise ValueError(
                "`channel` is for `ClassModel(model, layer=...)`. Received: "
                f"channel={channel!r} without a layer. Pass a class as `targets`."
            )
        return targets
    if (channel is None) == (targets is None):
        raise ValueError(
            "With `layer`, pass `channel` (or a function of all channels as `targets`). "
            f"Received: channel={channel!r}, targets={targets!r}."
        )
    return targets if channel is None else channel


def check_classes(targets, number, measure):
    """Class of each image, `(number,)`, int32.

    Args:
        targets: Classes or channels.
        number: Number of images.
        measure: The `Measure`.
    """
    if np.ndim(targets) == 1 and len(targets) == 1:
        targets = targets[0]  # One for all images.
    is_channel = measure.place is not None
    name = "channel" if is_channel else "targets"
    classes = check_targets(targets, number, measure.num_scores, name)
    if is_channel and targets is not None and classes.max() >= measure.num_scores:
        raise ValueError(f"`channel` must be 0, the only one. Received: {targets!r}.")
    return classes + measure.first_class


def check_initial(initial, shape):
    """Images to start from, `(batch, *shape)`, float32."""
    images = np.asarray(initial)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[1:] != shape or len(images) == 0:
        raise ValueError(
            f"`initial` must be an image {shape}, or a batch of them. Received: shape "
            f"{np.shape(initial)}."
        )
    if images.dtype.kind not in "fiu" or not np.isfinite(images).all():
        raise ValueError(
            "`initial` must be finite numbers, as the model takes them. Received: dtype "
            f"{images.dtype}, with values that are not."
        )
    return images.astype("float32")


def check_seeds(seed, number):
    """A seed for each image, `(number,)`, int32."""
    seeds = np.asarray(seed)
    is_integer = seeds.dtype.kind in "iu" and seeds.ndim <= 1
    if not is_integer or (seeds < 0).any() or (seeds >= 2**31).any():
        raise ValueError(
            f"`seed` must be an integer from 0 to {2**31 - 1}, or one for each of the {number} "
            f"images. Received: {seed!r}."
        )
    return np.broadcast_to(seeds, number).astype("int32")


def number_of_images(targets, initial, seed):
    """How many images are asked for: arguments for one image go with any number."""
    given = {"initial": 1 if initial is None else len(initial), "seed": np.size(seed)}
    if not callable(targets) and targets is not None:
        given["targets"] = len(targets) if np.ndim(targets) else 1
    numbers = set(given.values()) - {1}
    if len(numbers) > 1 or 0 in numbers:
        raise ValueError(
            "`targets`, `initial` and `seed` must be for the same number of images, at least one, "
            f"or for one. Received: {given}."
        )
    return numbers.pop() if numbers else 1


def check_finite(images, scores, norms):
    """Raises a `ValueError` if a network can't be climbed from the images that it begins with.

    Args:
        images: The images.
        scores: Their scores, `(batch, classes)`.
        norms: Norms of their gradients, `(batch,)`.
    """
    if not np.isfinite(scores).all():
        raise ValueError(
            "The network's scores for the first image are not finite. Received: an image of "
            f"{images.shape[1:3]} with values from {images.min():.3g} to {images.max():.3g}. Is "
            "the size one that the network takes, and were its weights trained without overflow?"
        )
    if not np.isfinite(norms).all():
        raise ValueError(
            "The gradient of the network's scores is not finite. Received: a network whose scores "
            "are. In half precision gradients of large scores overflow: build it with the policy "
            '"float32" or "mixed_bfloat16".'
        )
