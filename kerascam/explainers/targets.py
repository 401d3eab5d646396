"""Which score of each image is explained."""

import numpy as np
from keras import ops

from kerascam.graph.classes import (
    class_probabilities,
    class_scores,
    num_classes,
    predicted_classes,
)

PREDICTED = -1


def check_targets(targets, num_images, num_scores, name="targets"):
    """Class index of each image, `PREDICTED` where the network shall choose.

    Args:
        targets: `None` (the predicted class), one integer, or one integer for each image.
        num_images: Number of images.
        num_scores: Number of scores of each image; one score has the classes 0 and 1.
        name: What the user calls them, for the messages.

    Returns:
        `(num_images,)`, int32.

    Raises:
        TypeError: If the targets are no integers.
        ValueError: If a class does not exist, or there is not one target for each image.
    """
    if targets is None:
        return np.full(num_images, PREDICTED, "int32")
    values = np.asarray(targets)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]  # Labels as `keras.datasets.cifar10` has them.
    if values.ndim > 1:
        raise ValueError(
            f"`{name}` must be one class index, or one for each image. Received: shape "
            f"{values.shape}. For one-hot labels, pass `labels.argmax(axis=-1)`."
        )
    if values.dtype.kind not in "iu":
        raise TypeError(
            f"`{name}` must be integers. Received: dtype {values.dtype}. Pass class indices, for "
            "example `labels.astype(int)`."
        )
    if values.ndim == 1 and len(values) != num_images:
        raise ValueError(
            f"`{name}` must be one class index, or one for each image. Received: "
            f"{len(values)} for {num_images} images."
        )
    highest = num_classes(num_scores) - 1
    if values.size and (values.min() < 0 or values.max() > highest):
        outside = np.unique(values[(values < 0) | (values > highest)])
        raise ValueError(
            f"`{name}` must be classes of this network, 0..{highest}. Received: "
            f"{outside[:5].tolist()}."
        )
    classes = np.empty(num_images, "int32")
    classes[:] = values
    return classes


class ClassTarget:
    """The score of one class of each image, by index. Used inside a compiled function.

    Args:
        classes: `(batch,)`, int32; `PREDICTED` for the class with the highest score.
    """

    def __init__(self, classes):
        self._classes = classes

    def classes(self, scores):
        """Class of each image, `(batch,)`, for scores `(batch, classes)`."""
        predicted = ops.cast(predicted_classes(scores), "int32")
        return ops.where(self._classes == PREDICTED, predicted, self._classes)

    def __call__(self, scores):
        """Score of each image, `(batch,)`."""
        return self._chosen(class_scores(scores), scores)

    def fixed(self, scores):
        """The target with the predicted classes chosen by these scores, for images made of these.

        Args:
            scores: Scores `(batch, classes)` of the clean images.
        """
        return ClassTarget(self.classes(scores))

    def repeated(self, times):
        """The target for so many copies of the batch, one after the other."""
        return ClassTarget(ops.tile(self._classes, [times]))

    def confidence(self, network, scores):
        """Probability of the class of each image, `(batch,)`."""
        return self._chosen(class_probabilities(scores, network.activation), scores)

    def _chosen(self, values, scores):
        # Not `take_along_axis`: the operations of its gradient take as long to trace as all others.
        # What the other classes have, NaN too, does not count.
        classes = ops.arange(values.shape[-1], dtype="int32")
        is_chosen = ops.equal(self.classes(scores)[:, None], classes)
        return ops.sum(ops.where(is_chosen, values, ops.zeros_like(values)), axis=-1)


class CallableTarget:
    """A number that the user's function makes of the scores of each image.

    Args:
        function: Maps scores `(batch, classes)` to `(batch,)`.
    """

    def __init__(self, function):
        self._function = function

    def classes(self, scores):
        """No class: an empty tensor."""
        return ops.zeros((0,), "int32")

    def __call__(self, scores):
        """Value for each image, `(batch,)`."""
        value = ops.convert_to_tensor(self._function(scores))
        # A size that is known is not that of the batch, which may be any.
        if len(value.shape) != 1 or value.shape[0] is not None:
            raise ValueError(
                "A callable target must map scores (batch, classes) to one number for each image, "
                f"(batch,). Received: shape {tuple(value.shape)}. For one class, index it: "
                "`lambda scores: scores[:, 3]`."
            )
        return value

    def fixed(self, scores):
        """The same target."""
        return self

    def repeated(self, times):
        """The same target."""
        return self

    def confidence(self, network, scores):
        """The value itself: a function has no probability."""
        return self(scores)
