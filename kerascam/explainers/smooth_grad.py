"""SmoothGrad."""

from keras import ops

from kerascam.explainers.noise import NoisyExplainer


class SmoothGrad(NoisyExplainer):
    """Mean gradient of the score at noisy copies of the image.

    The signed gradients are averaged, as in the paper, and the channels reduced afterwards. The
    target is chosen once, from the clean image.

    Args:
        model: See `Explainer`.
        samples: Number of noisy copies; the paper sees little change beyond 50.
        noise: Standard deviation of the noise as a share of each image's range; 0.1 to 0.2 in the
            paper.
        seed: Seed of the noise.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`.

    Example:
        >>> explain = SmoothGrad(model, samples=4)
        >>> explain(images, verbose=0).heatmaps.shape
        (2, 64, 64)

    Reference:
        Smilkov et al. 2017, SmoothGrad: removing noise by adding noise, section 2.
    """

    def attribute(self, inputs, target):
        """The mean gradient."""
        scores = self._network.scores(inputs)

        def add(total, gradients):
            return total + ops.sum(gradients, axis=0)

        zeros = ops.zeros_like(self._images(inputs), dtype="float32")
        total = self._fold_gradients(add, zeros, inputs, target.fixed(scores))
        return total / self.samples, scores
