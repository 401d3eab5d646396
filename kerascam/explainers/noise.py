"""What the methods share that look at noisy copies of an image."""

from keras import ops
from typing_extensions import Unpack

from kerascam._checks import check_integer, check_number
from kerascam.backend import random_normal
from kerascam.explainers.pixels import PixelExplainer
from kerascam.explainers.predictor import PredictorArguments


class NoisyExplainer(PixelExplainer):
    """Explains by gradients at noisy copies of each image.

    The noise of a sample depends on `seed` and its number alone: an image has the same heatmap
    whatever stands beside it in the batch.

    Args:
        model: See `Explainer`.
        samples: Number of noisy copies.
        noise: Standard deviation of the Gaussian noise, as a share of the range (highest minus
            lowest value) of each image.
        seed: Seed of the noise.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.
    """

    def __init__(
        self,
        model,
        *,
        samples=50,
        noise=0.15,
        seed=0,
        channels="max_abs",
        **kwargs: Unpack[PredictorArguments],
    ):
        super().__init__(model, channels=channels, **kwargs)
        self.samples = check_integer("samples", samples)
        self.noise = check_number("noise", noise, low=0)
        self.seed = check_integer("seed", seed, low=0)

    def _fold_gradients(self, step, total, inputs, target):
        """Adds up what `step` makes of the total and the gradients of some samples.

        The gradients are `(samples, batch, height, width, channels)`, float32.
        """
        images = ops.cast(self._images(inputs), "float32")
        axes = tuple(range(1, len(images.shape)))
        spread = ops.max(images, axis=axes, keepdims=True) - ops.min(
            images, axis=axes, keepdims=True
        )

        def body(total, indices):
            noise = random_normal(ops.shape(images)[1:], self.seed, indices)
            points = images + self.noise * spread * ops.expand_dims(noise, 1)
            return step(total, self._gradient_at(points, inputs, target))

        return self._fold(body, total, self.samples, inputs)
