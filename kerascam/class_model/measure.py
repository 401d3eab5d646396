"""What can be raised in a network."""

import keras
from keras import ops

from kerascam.backend import gradients, trace


class Measure:
    """Scores of classes, or channels of a layer, of images of one size.

    Its functions are for use inside a compiled one.

    Args:
        network: The `Network`.
        size: `(height, width)` of the images.
        place: The layer whose channels are raised in the place of classes, or `None`.
        position: Indices of a single neuron in its output, or `None` for the mean over all.

    Attributes:
        network: The network.
        place: The place.
        image: Symbolic tensor of the images.

    Raises:
        ValueError: If the network can't take images of the size.
    """

    def __init__(self, network, size, place=None, position=None):
        self.network, self.place = network, place
        self._position = position
        (spec,) = network.inputs
        self._dtype = spec.dtype
        self.image = keras.KerasTensor((None, *size, spec.shape[-1]), dtype="float32")
        if tuple(spec.shape[1:3]) != size:
            self._check_fit(size)

    @property
    def num_scores(self):
        """Number of scores of an image, classes or channels."""
        return self.network.num_scores if self.place is None else self.place.output.shape[-1]

    @property
    def first_class(self):
        """Class of the first score: the only channel of a layer is class 1, the unit itself."""
        return int(self.place is not None and self.num_scores == 1)

    def scores(self, images):
        """Scores `(batch, num_scores)`."""
        images = ops.cast(images, self._dtype)
        if self.place is None:
            return self.network.scores([images])
        features, _ = self.network.features_and_scores([images], self.place)
        if self._position is not None:
            for index in self._position:
                features = features[:, index]
            return features
        return ops.mean(features, axis=tuple(range(1, len(features.shape) - 1)))

    def look(self, images, target):
        """Scores, classes, and the norm of the gradient of each image."""

        def score(watch):
            scores = self.scores(watch(images))
            return target(scores), scores

        (gradient,), _, scores = gradients(score, self.network.gradient_scale)
        # The norm of what is scaled to one, as squares of small numbers are zero.
        largest = ops.max(ops.abs(gradient), axis=(1, 2, 3))
        divisor = ops.where(largest > 0, largest, 1.0)
        scaled = gradient / ops.reshape(divisor, (-1, 1, 1, 1))
        norms = largest * ops.sqrt(ops.sum(ops.square(scaled), axis=(1, 2, 3)))
        return scores, target.classes(scores), norms

    def _check_fit(self, size):
        """Whether the network, which takes several sizes, takes this one."""
        try:
            trace(self.scores, self.image)
        except Exception as error:
            raise ValueError(
                f"The network can't take images of the size {size}: {error}. Pass another "
                "`image_size`."
            ) from error
