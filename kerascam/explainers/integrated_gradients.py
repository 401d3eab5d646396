"""Integrated gradients, and expected gradients."""

import numpy as np
from keras import ops
from typing_extensions import Unpack

from kerascam._checks import check_integer
from kerascam.explainers.baselines import Baseline
from kerascam.explainers.pixels import PixelExplainer, explained_image
from kerascam.explainers.predictor import PredictorArguments

_RULES = ("gauss-legendre", "midpoint")


class IntegratedGradients(PixelExplainer):
    """Change of the score on the straight way from a baseline to the image, pixel by pixel.

    `(x - x') * integral of dS/dx(x' + a (x - x')) da` for a from 0 to 1. The values add up to
    `S(x) - S(x')`, up to the error of the numerical integral.

    With a set of images as baseline it gives *expected gradients*: the mean over the set, by one
    random point between the image and one image of the set for each step. Each image of the set
    is used equally often, if there are as many steps.

    Args:
        model: See `Explainer`.
        steps: Number of points on the way. Default 50; for expected gradients 100 to 200 are usual.
        baseline: A number (0 by default, which is mean grey for many preprocessings and black for
            others), an image `(height, width, channels)`, `"blurred"` (each image, blurred by a
            tenth of its shorter side), `"rise"` (blurred less, see `deletion`), or a set of images
            `(num, height, width, channels)`.
        rule: How the integral is computed: `"gauss-legendre"` (most exact for a smooth network) or
            `"midpoint"`.
        seed: Seed of the random points of expected gradients.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`; or if the baseline does not fit the images.

    Example:
        >>> explain = IntegratedGradients(model, steps=4, baseline="blurred")
        >>> explain(images, verbose=0).heatmaps.shape
        (2, 64, 64)

    Reference:
        Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks, section 3; Erion et al.
        2019, Improving performance of deep learning models with axiomatic attribution priors and
        expected gradients, section 3.
    """

    def __init__(
        self,
        model,
        *,
        steps=50,
        baseline=0.0,
        rule="gauss-legendre",
        seed=0,
        channels="sum",
        **kwargs: Unpack[PredictorArguments],
    ):
        super().__init__(model, channels=channels, **kwargs)
        self.steps = check_integer("steps", steps)
        self.seed = check_integer("seed", seed, low=0)
        if rule not in _RULES:
            raise ValueError(f"`rule` must be one of {_RULES}. Received: rule={rule!r}.")
        spec = explained_image(self._network)
        is_set = np.ndim(baseline) == len(spec.shape)
        self._baseline = None if is_set else Baseline(baseline, spec)
        if is_set:
            if len(baseline) == 0:
                raise ValueError("`baseline` must have at least one image. Received: none.")
            for image in baseline:
                Baseline(image, spec)  # Checks it.
            self._set = np.asarray(baseline, "float32")
            self._chosen, positions = _random_points(len(baseline), self.steps, self.seed)
            weights = np.full(steps, 1 / steps)
        else:
            positions, weights = _rule(rule, steps)
        self._positions = positions.astype("float32")
        self._weights = weights.astype("float32")

    def attribute(self, inputs, target):
        """The integral."""
        images = self._images(inputs)
        scores = self._network.scores(inputs)
        target = target.fixed(scores)
        images = ops.cast(images, "float32")
        fixed = None if self._baseline is None else self._baseline.of(images)[None]

        def along(values, indices):
            return ops.reshape(ops.take(values, indices), (-1, *[1] * len(images.shape)))

        def add(total, indices):
            if fixed is None:
                chosen = ops.take(self._set, ops.take(self._chosen, indices), axis=0)[:, None]
            else:
                chosen = fixed
            way = images - chosen
            points = chosen + along(self._positions, indices) * way
            gradients = self._gradient_at(points, inputs, target)
            return total + ops.sum(along(self._weights, indices) * way * gradients, axis=0)

        zeros = ops.zeros_like(images, dtype="float32")
        return self._fold(add, zeros, self.steps, inputs), scores


def _rule(rule, steps):
    """Positions in [0, 1] and their weights."""
    if rule == "midpoint":
        return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)
    positions, weights = np.polynomial.legendre.leggauss(steps)
    return 0.5 * (positions + 1), 0.5 * weights


def _random_points(num_baselines, steps, seed):
    """A baseline and a position in [0, 1) for each step.

    Each baseline is used equally often, and the positions of each are spread evenly over the way:
    random points as in the paper, but their mean is less so.
    """
    rng = np.random.default_rng(seed)
    rounds = -(-steps // num_baselines)
    order = np.array([rng.permutation(num_baselines) for _ in range(rounds)])
    parts = np.array([rng.permutation(rounds) for _ in range(num_baselines)])
    positions = (parts.T + rng.uniform(size=parts.T.shape)) / rounds
    chosen = np.take_along_axis(positions, order, axis=1)
    return order.ravel()[:steps].astype("int32"), chosen.ravel()[:steps]
