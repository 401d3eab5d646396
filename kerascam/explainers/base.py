"""What all explainers share."""

import abc
import warnings
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerascam.backend import compile_function, fold
from kerascam.explainers.progress import Progress
from kerascam.explainers.targets import CallableTarget, ClassTarget, check_targets
from kerascam.graph import Network

_NUM_SHOWN = 12  # Heatmaps in the picture of an explanation.


class _Explanation(NamedTuple):
    heatmaps: np.ndarray
    targets: np.ndarray | None
    scores: np.ndarray


class Explanation(_Explanation):
    """What an explainer returns, as NumPy arrays: a tuple of three. A notebook shows its maps.

    Attributes:
        heatmaps: `(batch, h, w)`, float32: raw, signed where the method is signed, at the method's
            own resolution. Signals give `(batch, steps)`, volumes `(batch, d, h, w)`.
        targets: Explained class of each image, `(batch,)`; `None` for a callable target.
        scores: Scores of all classes before softmax or sigmoid, `(batch, classes)`, float32.
    """

    has_offset = False
    """Whether the maps have a constant part without a meaning, to be left out of pictures."""

    def _repr_jpeg_(self):
        """The first maps in colours: what a notebook shows instead of three arrays."""
        from kerascam.visualization import encode, sheet  # Nothing else here makes pictures.

        if self.heatmaps.ndim != 3 or len(self.heatmaps) == 0:
            return None
        labels = None
        if self.targets is not None:
            # With a single unit class 1 is the unit and class 0 its negative.
            scores = np.concatenate([-self.scores, self.scores], axis=-1)
            scores = self.scores if self.scores.shape[-1] > 1 else scores
            labels = [
                f"class {target}, score {score[target]:.3g}"
                for target, score in zip(self.targets, scores, strict=True)
            ][:_NUM_SHOWN]
        shown = Explanation(self.heatmaps[:_NUM_SHOWN], None, self.scores[:_NUM_SHOWN])
        shown.has_offset = self.has_offset
        return encode(sheet(None, shown, labels), "jpeg")


class Explainer(abc.ABC):
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

    def __init__(self, model, *, output=None, score=None, batch_size=32):
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(
                f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}."
            )
        self.batch_size = batch_size
        self._network = Network(model, output, score)
        self._inputs = self._network.inputs
        self._by_class = compile_function(
            lambda inputs, classes: self._run(inputs, ClassTarget(classes)),
            self._inputs,
            keras.KerasTensor((None,), dtype="int32"),
        )
        self._by_function: tuple[Any, Any] | None = None
        self._progress: Any = None
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

    @property
    def num_classes(self):
        """Number of scores of each image."""
        return self._network.num_classes

    @property
    def inputs(self):
        """Symbolic tensors of the model's inputs, with their shapes and dtypes."""
        return self._inputs

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
        num_images = len(inputs[0])
        if callable(targets):
            compute = self._compiled_for(targets)
            arguments = inputs
        else:
            classes = check_targets(targets, num_images, self.num_classes)
            compute = lambda *batch: self._by_class(list(batch[:-1]), batch[-1])  # noqa: E731
            arguments = [*inputs, classes]
        heatmaps, classes, scores = self._in_batches(compute, arguments, verbose)
        self._warn_of_dead(heatmaps)
        explanation = Explanation(heatmaps, None if callable(targets) else classes, scores)
        explanation.has_offset = self.has_offset
        return explanation

    def probabilities(self, scores):
        """Probabilities as the network has them, `(batch, classes)`.

        A network that ends in scores without an activation is taken to be trained with softmax, or
        with sigmoid if it has a single unit.

        Args:
            scores: `(batch, classes)`, as in an `Explanation`.
        """
        scores = np.asarray(scores, "float64")
        if self._network.activation == "sigmoid" or scores.shape[-1] == 1:
            return 0.5 * (1 + np.tanh(0.5 * scores))
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    def arrange(self, images):
        """Puts the inputs of one batch into the order of `model.inputs`.

        Args:
            images: As in `__call__`.

        Returns:
            A list with what was passed for each input.

        Raises:
            ValueError: If an input is missing.
        """
        names = self._network.graph.input_names
        if isinstance(images, dict):
            missing = [name for name in names if name not in images]
            if missing:
                raise ValueError(
                    f"`images` must have the model's inputs {names}. Received: a "
                    f"dictionary with {sorted(images)}, so {missing} are missing."
                )
            return [images[name] for name in names]
        several = len(self._inputs) > 1 and isinstance(images, (list, tuple))
        arrays = list(images) if several else [images]
        if len(arrays) != len(self._inputs):
            raise ValueError(
                f"The model takes {len(self._inputs)} inputs, {names}. Received: "
                f"{len(arrays)}. Pass a list of arrays in this order, or a dictionary."
            )
        return arrays

    def check_images(self, images):
        """Checks images, before any work.

        Args:
            images: As in `__call__`.

        Returns:
            A list of arrays, one for each input of the model, with the dtype that it takes.

        Raises:
            TypeError: If the dtype is wrong.
            ValueError: If the number of inputs, the shape or the values are wrong.
        """
        arrays = self.arrange(images)
        checked = [
            _check_array(array, tensor) for array, tensor in zip(arrays, self._inputs, strict=True)
        ]
        if len({len(array) for array in checked}) != 1:
            raise ValueError(
                "All inputs must have one entry for each image. Received: lengths "
                f"{[len(array) for array in checked]}."
            )
        return checked

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
            warnings.warn(
                f"{dead} of {len(heatmaps)} heatmaps of {type(self).__name__} are zero everywhere. "
                "That is a result: the method keeps only what raises the score, and there is "
                "nothing, as for many classes of a network that is not trained. `kc.HiResCAM` "
                "also shows what lowers it. This is said once for each explainer.",
                stacklevel=3,
            )

    def _compiled_for(self, function):
        if self._by_function is None or self._by_function[0] is not function:
            target = CallableTarget(function)
            compiled = compile_function(lambda inputs: self._run(inputs, target), self._inputs)
            self._by_function = function, lambda *batch: compiled(list(batch))
        return self._by_function[1]


def _check_array(array, tensor):
    """Checks one input; the first mistake found is raised."""
    array = np.asarray(array)
    if tensor.shape[-1] == 1 and array.ndim == len(tensor.shape) - 1 > 1 and array.shape[-1] != 1:
        array = array[..., None]  # Grey images without a channel axis, as Keras takes them.
    expected = ("batch", *tensor.shape[1:])
    described = "(" + ", ".join("any" if size is None else str(size) for size in expected) + ")"
    if array.ndim == len(expected) - 1:
        raise ValueError(
            f"Images must have the shape {described}. Received: {array.shape}. A single image "
            "needs a batch axis: pass `image[None]`."
        )
    if array.ndim != len(expected) or any(
        size not in (None, actual)
        for size, actual in zip(tensor.shape[1:], array.shape[1:], strict=True)
    ):
        raise ValueError(f"Images must have the shape {described}. Received: {array.shape}.")
    if len(array) == 0:
        raise ValueError("There must be at least one image. Received: none.")
    wants_float = "float" in tensor.dtype
    if wants_float and array.dtype.kind in "iub":
        raise TypeError(
            f"The model takes {tensor.dtype} images. Received: {array.dtype}. Pass what "
            "`model.fit` is given, scaled as the model was trained, for example "
            '`images.astype("float32")`.'
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Images must be numbers. Received: dtype {array.dtype}.")
    if not wants_float and array.dtype.kind == "f":
        raise TypeError(
            f"The model takes {tensor.dtype} images. Received: {array.dtype}, of which the "
            "fractions would be lost. Pass what `model.fit` is given."
        )
    if not wants_float and tensor.dtype != "bool":
        limits = np.iinfo(tensor.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(
                f"The model takes {tensor.dtype} images, {limits.min} to {limits.max}. Received: "
                f"values from {array.min()} to {array.max()}."
            )
    # In parts: what says which values are finite is as large as what it was made of.
    bad = sum(
        int(np.size(part) - np.isfinite(part).sum())
        for part in (array[start : start + 64] for start in range(0, len(array), 64))
    )
    if bad:
        raise ValueError(f"Images must be finite. Received: {bad} values that are NaN or infinite.")
    return array.astype(tensor.dtype, copy=False)
