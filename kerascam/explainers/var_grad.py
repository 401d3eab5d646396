"""VarGrad."""

from keras import ops
from typing_extensions import Unpack

from kerascam._checks import check_integer
from kerascam.explainers.noise import NoisyExplainer
from kerascam.explainers.predictor import PredictorArguments


class VarGrad(NoisyExplainer):
    """Variance of the gradient of the score over noisy copies of the image.

    `mean(g^2) - mean(g)^2`, so that it and the square of `SmoothGrad` add up to the mean squared
    gradient. Zero for a linear network.

    Args:
        model: See `Explainer`.
        samples: Number of noisy copies, at least 2.
        noise: Standard deviation of the noise as a share of each image's range.
        seed: Seed of the noise.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`.

    Example:
        >>> explain = VarGrad(model, samples=4)
        >>> explain(images, verbose=0).heatmaps.shape
        (2, 64, 64)

    Reference:
        Adebayo et al. 2018, Local Explanation Methods for Deep Neural Networks Lack Sensitivity to
        Parameter Values, section 2.
    """

    def __init__(
        self,
        model,
        *,
        samples=50,
        noise=0.15,
        seed=0,
        channels="max",
        **kwargs: Unpack[PredictorArguments],
    ):
        super().__init__(
            model,
            samples=check_integer("samples", samples, low=2),
            noise=noise,
            seed=seed,
            channels=channels,
            **kwargs,
        )

    def attribute(self, inputs, target):
        """The variance, chunk by chunk from the mean so far: a difference of sums would cancel."""
        scores = self._network.scores(inputs)

        def add(total, gradients):
            count, mean, squares = total
            new = ops.cast(ops.shape(gradients)[0], "float32")
            new_mean = ops.mean(gradients, axis=0)
            difference = new_mean - mean
            squares = squares + ops.sum(ops.square(gradients - new_mean), axis=0)
            squares = squares + ops.square(difference) * (count * new / (count + new))
            return count + new, mean + difference * (new / (count + new)), squares

        zeros = ops.zeros_like(self._images(inputs), dtype="float32")
        start = (ops.convert_to_tensor(0.0), zeros, zeros)
        _, _, squares = self._fold_gradients(add, start, inputs, target.fixed(scores))
        return squares / self.samples, scores
