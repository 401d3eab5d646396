"""What the methods share that explain by pixels."""

import abc

from keras import ops
from typing_extensions import Unpack

from kerascam.backend import gradients
from kerascam.explainers.explainer import Explainer
from kerascam.explainers.predictor import PredictorArguments
from kerascam.explainers.samples import replace, unflatten

_REDUCTIONS = ("max_abs", "max", "sum", None)


class PixelExplainer(Explainer):
    """Explains by the pixels of the images, at their resolution.

    Of several inputs the first with spatial axes is explained; the others stay as they are. Signals
    `(batch, steps, channels)` and volumes `(batch, d, h, w, channels)` work like images.

    Args:
        model: See `Explainer`.
        channels: How the channels of a pixel become one number: `"max_abs"` (largest absolute
            value), `"max"`, `"sum"`, or `None`, which keeps them: `(batch, height, width,
            channels)`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: If the model takes integer images, which have no gradient.
        ValueError: If an argument is wrong, or the model takes no images.
    """

    def __init__(self, model, *, channels="max_abs", **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, **kwargs)
        if channels not in _REDUCTIONS:
            raise ValueError(
                f"`channels` must be one of {_REDUCTIONS}. Received: channels={channels!r}."
            )
        self.channels = channels
        image = explained_image(self._network)
        if "float" not in image.dtype:
            raise TypeError(
                f"{type(self).__name__} needs the gradient with respect to the images, and there "
                f"is none for {image.dtype} images, which this model takes. Build the model with "
                f'`keras.Input({tuple(image.shape[1:])}, dtype="float32")`; its weights fit.'
            )

    @abc.abstractmethod
    def attribute(self, inputs, target):
        """Computes a value for each channel of each pixel; the one function of a method.

        Args:
            inputs: See `Explainer.explain`.
            target: See `Explainer.explain`.

        Returns:
            Values `(batch, height, width, channels)` and scores `(batch, classes)`.
        """

    def explain(self, inputs, target):
        """Values of the pixels, their channels reduced, and scores of one batch."""
        values, scores = self.attribute(inputs, target)
        values = ops.cast(values, "float32")
        if self.channels == "max_abs":
            values = ops.max(ops.abs(values), axis=-1)
        elif self.channels == "max":
            values = ops.max(values, axis=-1)
        elif self.channels == "sum":
            values = ops.sum(values, axis=-1)
        return values, scores

    def _images(self, inputs):
        return inputs[self._network.image]

    def _gradient(self, inputs, target):
        """Gradient of each image's score with respect to it, and the scores."""

        def score(watch):
            replaced = list(inputs)
            replaced[self._network.image] = watch(self._images(inputs))
            scores = self._network.scores(replaced)
            return target(scores), scores

        (gradient,), _, scores = gradients(score, self._network.gradient_scale)
        return gradient, scores

    def _gradient_at(self, points, inputs, target):
        """Gradients at other images `(samples, batch, height, width, channels)`, same shape."""
        inputs = replace(inputs, self._network.image, points)
        gradient, _ = self._gradient(inputs, target.repeated(ops.shape(points)[0]))
        return unflatten(gradient, points)


def explained_image(network):
    """Symbolic tensor of the input that is explained.

    Raises:
        ValueError: If the model takes no images.
    """
    if network.image is None:
        shapes = [tuple(spec.shape) for spec in network.inputs]
        raise ValueError(
            "The model must take images (batch, height, width, channels), or signals or volumes. "
            f"Received: a model with inputs of shape {shapes}."
        )
    return network.inputs[network.image]
