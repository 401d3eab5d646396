"""What all explainers share."""

import abc
from typing import Any

import keras
from keras import ops

from kerascam._warn import warn_user
from kerascam.backend import compile_function, fold
from kerascam.explainers.explanation import Explanation
from kerascam.explainers.predictor import Predictor
from kerascam.explainers.targets import CallableTarget, ClassTarget, check_targets


class Explainer(Predictor, abc.ABC):
    """Explains scores of a Keras model by heatmaps.

    An explainer is built once for a model and called often: it is compiled once for all batch
    sizes and sees new weights of the model without being compiled again. The model stays as it is.

    A **target** says which score of each image is explained:

    - `None`: the predicted class of each image;
    - an integer: this class, for all images;
    - integers `(batch,)`: one class for each image;
    - a function from scores `(batch, classes)` to `(batch,)`, such as the contrast
      `lambda scores: scores[:, 3] - scores[:, 5]`. Keep it in a variable if you use it often: each
      new function is compiled anew.

    A network with a single unit has the classes 1 (the unit) and 0 (its negative).

    In the examples of all methods `model` is a classifier of RGB images of 64 x 64 pixels, and
    `images` are two of them, `(2, 64, 64, 3)`, float32.

    Args:
        model: A built `keras.Model`: Functional, Sequential or subclassed, nested models included.
        output: Name or index of the output to explain, for a model with several.
        score: Name of the layer whose output is the score before softmax, where it can't be found.
        batch_size: Number of images to compute at once, those that a method makes of an image
            included.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If the model is not built, or its scores can't be found.
    """

    has_offset = False
    """Whether the maps have a constant part without a meaning, to be left out of pictures."""

    _is_rectified = False  # Whether the method cuts off what is negative.

    def __init__(self, model, *, output=None, score=None, batch_size=32, **unknown):
        super().__init__(model, output=output, score=score, batch_size=batch_size, **unknown)
        self._by_class = compile_function(
            lambda inputs, classes: self._run(inputs, ClassTarget(classes)),
            self.inputs,
            keras.KerasTensor((None,), dtype="int32"),
        )
        self._by_function: tuple[Any, Any] | None = None
        self._warned = False

    @abc.abstractmethod
    def explain(self, inputs, target):
        """Computes heatmaps; the one function that a method implements.

        It is compiled: it sees symbolic tensors and runs `keras.ops`.

        Args:
            inputs: Tensors of the model's inputs, in the order of `model.inputs`.
            target: A function from scores `(batch, classes)` to those to explain, `(batch,)`, see
                `ClassTarget`.

        Returns:
            Heatmaps `(batch, h, w)` and scores `(batch, classes)`.
        """

    def __call__(self, images, targets=None, verbose="auto"):
        """Explains images.

        Args:
            images: Images as the model takes them, preprocessed, `(batch, height, width,
                channels)`; for a model with several inputs a list of arrays in the order of
                `model.inputs`, or a dictionary by their names.
            targets: See the class. Default: the predicted class of each image.
            verbose: 0 shows no progress bar, 1 shows it, `"auto"` shows it if the work takes
                longer than a few seconds.

        Returns:
            An `Explanation`.

        Raises:
            TypeError: If images or targets have a wrong type, such as integer images for a model
                that takes floats.
            ValueError: If they have a wrong shape, or a target does not exist.
        """
        inputs = self.check_images(images)
        if callable(targets):
            compute, arguments = self._compiled_for(targets), inputs
        else:
            classes = check_targets(targets, len(inputs[0]), self.num_classes)
            compute = lambda *batch: self._by_class(list(batch[:-1]), batch[-1])  # noqa: E731
            arguments = [*inputs, classes]
        heatmaps, classes, scores = self._in_batches(compute, arguments, verbose)
        self._warn_of_dead(heatmaps)
        explanation = Explanation(heatmaps, None if callable(targets) else classes, scores)
        explanation.has_offset = self.has_offset
        return explanation

    def _run(self, inputs, target):
        heatmaps, scores = self.explain(inputs, target)
        return ops.cast(heatmaps, "float32"), target.classes(scores), scores

    def _fold(self, step, total, count, inputs):
        """Adds up many samples of each image, see `fold`, with `batch_size` images at once."""
        size = self.batch_size // ops.shape(inputs[0])[0]
        return fold(step, total, count, size, lambda done, of: self._progress.report(done, of))

    def _warn_of_dead(self, heatmaps):
        if not self._is_rectified or self._warned:
            return
        dead = int((~heatmaps.any(axis=tuple(range(1, heatmaps.ndim)))).sum())
        if dead:
            self._warned = True
            warn_user(
                f"{dead} of {len(heatmaps)} heatmaps of {type(self).__name__} are zero everywhere. "
                "That is a result: the method keeps only what raises the score, and there is "
                "nothing, as for many classes of a network that is not trained. `kc.HiResCAM` "
                "also shows what lowers it. This is said once for each explainer."
            )

    def _compiled_for(self, function):
        if self._by_function is None or self._by_function[0] is not function:
            target = CallableTarget(function)
            compiled = compile_function(lambda inputs: self._run(inputs, target), self.inputs)
            self._by_function = function, lambda *batch: compiled(list(batch))
        return self._by_function[1]
