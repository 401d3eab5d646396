"""What computes scores of a model's images, batch by batch."""

import difflib
import inspect
from typing import Any

import numpy as np
from keras import ops
from typing_extensions import TypedDict

from kerascam._checks import check_integer
from kerascam.explainers.inputs import Inputs
from kerascam.explainers.progress import Progress
from kerascam.graph import Network, classes


class ScoreArguments(TypedDict, total=False):
    """Which scores are looked at, see `Explainer`."""

    output: str | int | None
    score: str | None


class PredictorArguments(ScoreArguments, total=False):
    """Arguments of everything that computes scores, see `Explainer`."""

    batch_size: int


class Predictor:
    """A model, and what is common to explaining and scoring its images.

    Args:
        model: See `Explainer`.
        output: See `Explainer`.
        score: See `Explainer`.
        batch_size: See `Explainer`.
    """

    def __init__(self, model, *, output=None, score=None, batch_size=32, **unknown):
        if unknown:
            raise TypeError(_refusal(type(self), sorted(unknown)))
        self.batch_size = check_integer("batch_size", batch_size)
        self._network = Network(model, output, score)
        self._inputs = Inputs(self._network.graph.input_names, self._network.inputs)
        self._progress: Any = None

    @property
    def num_classes(self):
        """Number of scores of each image; 1 for a single unit, which has two classes."""
        return self._network.num_scores

    @property
    def inputs(self):
        """Symbolic tensors of the model's inputs, with their shapes and dtypes."""
        return self._network.inputs

    def probabilities(self, scores):
        """Probabilities as the network has them, `(batch, classes)`.

        A network that ends in scores without an activation is taken to be trained with softmax, or
        with sigmoid if it has a single unit.

        Args:
            scores: `(batch, classes)`, as in an `Explanation`.
        """
        return classes.probabilities(np.asarray(scores, "float64"), self._network.activation)

    def class_probabilities(self, scores):
        """The same for each class: of a single unit, for the classes 0 and 1.

        Args:
            scores: `(batch, classes)`, as in an `Explanation`.
        """
        return classes.class_probabilities(np.asarray(scores, "float64"), self._network.activation)

    def arrange(self, images):
        """Puts the inputs of one batch into the order of `model.inputs`.

        Args:
            images: As in a call.

        Returns:
            A list with what was passed for each input.

        Raises:
            ValueError: If an input is missing.
        """
        return self._inputs.arrange(images)

    def check_images(self, images):
        """Checks images, before any work.

        Args:
            images: As in a call.

        Returns:
            A list of arrays, one for each input of the model, with the dtype that it takes.

        Raises:
            TypeError: If the dtype is wrong.
            ValueError: If the number of inputs, the shape or the values are wrong.
        """
        return self._inputs.check(images)

    def _in_batches(self, compute, arguments, verbose):
        """What a compiled function makes of arrays, `batch_size` entries at once, put together."""
        num_images = len(arguments[0])
        self._progress = Progress(num_images, verbose)
        batches = []
        for start in range(0, num_images, self.batch_size):
            batch = [array[start : start + self.batch_size] for array in arguments]
            self._progress.begin(len(batch[0]))
            batches.append([ops.convert_to_numpy(tensor) for tensor in compute(*batch)])
            self._progress.end()
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _refusal(kind, unknown):
    """What is said of arguments that a class does not take: it passes on what it does not know."""
    names = {
        name
        for base in kind.__mro__
        if "__init__" in vars(base)
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    near = [match for name in unknown for match in difflib.get_close_matches(name, names, n=1)]
    hint = f" The nearest is {near[0]!r}." if near else ""
    return f"`{kind.__name__}` takes {sorted(names)}. Received: {unknown}.{hint}"
