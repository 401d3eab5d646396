"""RISE."""

from keras import ops
from typing_extensions import Unpack

from kerascam._checks import check_integer, check_number
from kerascam.backend import random_uniform
from kerascam.explainers import samples
from kerascam.explainers.explainer import Explainer
from kerascam.explainers.interpolation import linear_weights
from kerascam.explainers.pixels import explained_image
from kerascam.explainers.predictor import PredictorArguments


class RISE(Explainer):
    """Mean of random masks, each weighed by the class's probability for the masked image.

    `1 / (N p) sum_i f(x m_i) m_i`. A mask is a coarse grid of zeros and ones (one with probability
    p), enlarged by linear interpolation and shifted at random. The masks depend on `seed` alone and
    are the same for all images. The map has a constant part, the mean of `f`: look at differences
    and ranks. It needs one forward pass for each mask and no gradient.

    Args:
        model: See `Explainer`.
        samples: Number of masks; the authors use 2000 to 8000.
        grid: Number of cells along each side of the coarse grid.
        probability: Probability that a cell is visible.
        seed: Seed of the masks.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If an argument is wrong, or the model takes no images.

    Example:
        >>> explain = RISE(model, samples=8)
        >>> explain(images, verbose=0).heatmaps.shape
        (2, 64, 64)

    Reference:
        Petsiuk et al. 2018, RISE: Randomized Input Sampling for Explanation of Black-box Models,
        section 3.
    """

    has_offset = True

    def __init__(
        self,
        model,
        *,
        samples=2000,
        grid=8,
        probability=0.5,
        seed=0,
        **kwargs: Unpack[PredictorArguments],
    ):
        super().__init__(model, **kwargs)
        self.samples = check_integer("samples", samples)
        self.grid = check_integer("grid", grid)
        self.probability = check_number("probability", probability, low=0, high=1)
        if not 0 < self.probability < 1:
            raise ValueError(
                f"`probability` must lie between 0 and 1. Received: probability={probability!r}."
            )
        self.seed = check_integer("seed", seed, low=0)
        self._axes = len(explained_image(self._network).shape) - 2

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        image = self._network.image
        images = ops.cast(inputs[image], "float32")
        scores = self._network.scores(inputs)
        target = target.fixed(scores)
        size = ops.shape(images)[1:-1]

        def add(total, indices):
            masks = self._masks(size, indices)
            masked = images * ops.expand_dims(ops.expand_dims(masks, 1), -1)
            replaced = samples.replace(inputs, image, masked)
            repeated = target.repeated(ops.shape(masked)[0])
            confidence = repeated.confidence(self._network, self._network.scores(replaced))
            confidence = ops.transpose(samples.unflatten(confidence, masked))
            return total + ops.tensordot(confidence, masks, axes=[[1], [0]])

        zeros = ops.zeros((ops.shape(scores)[0], *size))
        total = self._fold(add, zeros, self.samples, inputs)
        return total / (self.samples * self.probability), scores

    def _masks(self, size, indices):
        """Masks `(samples, *size)` from 0 to 1."""
        cells = self.grid**self._axes
        drawn = random_uniform((cells + self._axes,), self.seed, indices)
        visible = ops.cast(drawn[:, :cells] < self.probability, "float32")
        masks = ops.reshape(visible, (-1, *[self.grid] * self._axes))
        for axis in range(self._axes):
            # The grid is enlarged to one cell more than the image, which is cut out at random.
            cell = -(-size[axis] // self.grid)
            shift = ops.floor(drawn[:, cells + axis] * ops.cast(cell, "float32"))
            pixels = ops.cast(ops.arange(size[axis]), "float32") + shift[:, None]
            scale = self.grid / ops.cast((self.grid + 1) * cell, "float32")
            weights = linear_weights((pixels + 0.5) * scale - 0.5, self.grid)
            moved = ops.moveaxis(masks, 1 + axis, -1)
            flat = ops.reshape(moved, (ops.shape(moved)[0], -1, self.grid))
            flat = ops.matmul(flat, ops.transpose(weights, (0, 2, 1)))
            shape = (*ops.shape(moved)[:-1], size[axis])
            masks = ops.moveaxis(ops.reshape(flat, shape), -1, 1 + axis)
        return masks
