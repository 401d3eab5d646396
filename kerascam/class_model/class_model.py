"""The class model: which image has the highest score?"""

import warnings
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerascam._checks import check_integer, check_number
from kerascam.backend import (
    compile_function,
    gradients,
    outside_strategy,
    trace,
)
from kerascam.class_model.ascent import Ascent
from kerascam.class_model.checks import (
    check_optimizer,
    check_parameterization,
    check_parts,
    check_penalty,
    check_position,
    check_seeds,
    check_size,
    copy_optimizer,
    image_input,
    make_frame,
    number_of_images,
)
from kerascam.class_model.climb import Climb, resize
from kerascam.class_model.parameterization import Frame
from kerascam.class_model.presets import PRESETS, settings
from kerascam.class_model.regularizers import Regularizer
from kerascam.class_model.transforms import Transform
from kerascam.explainers.progress import Progress
from kerascam.explainers.targets import PREDICTED, CallableTarget, ClassTarget, check_targets
from kerascam.graph import Network, takes_raw_images
from kerascam.graph.classes import class_probabilities
from kerascam.visualization.to_rgb import to_rgb


class ClassImages(NamedTuple):
    """What `ClassModel` returns, as NumPy arrays.

    Attributes:
        images: The images as the model takes them, `(batch, height, width, channels)`, float32.
        pictures: The same for a person, RGB `(batch, height, width, 3)`, uint8; `None` for images
            that have neither one nor three channels, without `to_rgb`.
        targets: Class of each image, `(batch,)`; `None` for a callable target.
        scores: Scores of all classes before softmax or sigmoid for the images as they are,
            `(batch, classes)`, float32; with `layer`, the values of all channels.
        objectives: The objective of each image before each step, `(steps, batch)`, float32; NaN for
            steps that were not done as Ctrl-C came first.
        frames: With `frames=k` the images after 0, k, 2 k, ... steps and after the last,
            `(frames, batch, height, width, channels)`; else `None`.
    """

    images: np.ndarray
    pictures: np.ndarray | None
    targets: np.ndarray | None
    scores: np.ndarray
    objectives: np.ndarray
    frames: np.ndarray | None


class ClassModel:
    """Finds the image that has the highest score: `argmax_I S_c(I) - lambda |I|^2`.

    By gradient ascent on the image, with the network's weights fixed. `S_c` is the score before
    softmax. The network stays as it is, and its new weights are seen at the next call.

    Two presets, of which each part can be replaced:

    - `"paper"`: Simonyan's objective. It starts from the zero image, the L2 penalty keeps the
      image small, and the ascent is plain. The image is what the network reacts to most, which
      need not look like anything.
    - `"robust"`: a spectrum instead of pixels, uncorrelated colours, random shifts, scales and
      turns before each look of the network, and total variation, for a picture that a person
      recognises.

    The whole loop is compiled; it is traced once for a number of images. An image does not depend
    on the others of its batch, but for rounding, which a long ascent carries on: TensorFlow rounds
    differently for one image than for several. After Ctrl-C the images found so far are returned,
    with a warning.

    Args:
        model: A built `keras.Model` that takes one image and gives scores of classes.
        preset: `"robust"` or `"paper"`.
        value_range: What the model takes for black and for white: `(low, high)`, or how its images
            were preprocessed, `"tf"`, `"torch"` or `"caffe"`, see `kerascam.visualization.to_rgb`.
            Default: `(0, 255)` for a model that begins with a Rescaling or Normalization layer,
            else `(0, 1)`.
        mean: Mean image of the training set as the model takes it, a number, `(channels,)` or
            `(height, width, channels)`: where the ascent starts from and what the penalty draws
            to. Default: the paper's zero image, which is the mean of centred data; medium grey for
            images that are kept in the range.
        image_size: `(height, width)`, or one number for both. Default: the model's own, 224 where
            it takes any.
        penalty: The paper's lambda, at least 0, for the sum of squares of the image minus `mean`.
            `"auto"` chooses it for each class so that the image of a linear score would have a
            root mean square of r = 0.4 of the range: `|dS/dI| / (2 r sqrt(n))` at the start, for
            n values, since at the maximum `dS/dI = 2 lambda I`. Default: `"auto"` for `"paper"`,
            else 0.
        parameterization: How the image is made of what the ascent changes, such as
            `kerascam.class_model.Pixels()`. Default: the preset's.
        regularizers: What is taken off the objective, a list, such as
            `[kerascam.class_model.TotalVariation(1.0)]`. Default: the preset's.
        transforms: What is done to the image before each look of the network, a list, such as
            `[kerascam.class_model.Jitter(8)]`. Default: the preset's.
        optimizer: Any new `keras.optimizers.Optimizer`; a copy of it is used. Default: plain ascent
            for `"paper"`, which goes 3 % of the way to a linear score's maximum, and
            `Adam(0.05)` for `"robust"`.
        octaves: So many sizes of the image, the coarse ones first; the steps are shared out, and
            the optimizer begins anew with each.
        octave_scale: Ratio of one size to the next.
        layer: Name of a layer, or the layer: its channels are explained in the place of classes,
            each by its mean over all positions.
        position: With `layer`, the position of a single neuron, such as `(y, x)`.
        output: Name or index of the output, for a model with several.
        score: Name of the layer whose output is the score before softmax, where it can't be found.
        to_rgb: How to show the images, see `kerascam.visualization.to_rgb`. Default: `value_range`.
        batch_size: Number of images to compute at once.

    Raises:
        TypeError: If it is no Keras model, or takes integers; if a part is of a wrong kind.
        ValueError: If the model takes no images, or none of this size, or another argument is
            wrong.

    Example:
        >>> model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
        >>> find = ClassModel(model, value_range=(-1, 1))
        >>> find([3, 7], steps=2, verbose=0).images.shape
        (2, 96, 96, 3)

    Reference:
        Simonyan et al. 2013, Deep Inside Convolutional Networks, section 2; Olah et al. 2017,
        Feature Visualization.
    """

    def __init__(
        self,
        model,
        *,
        preset="robust",
        value_range=None,
        mean=None,
        image_size=None,
        penalty=None,
        parameterization=None,
        regularizers=None,
        transforms=None,
        optimizer=None,
        octaves=1,
        octave_scale=1.4,
        layer=None,
        position=None,
        output=None,
        score=None,
        to_rgb=None,
        batch_size=32,
    ):
        if preset not in PRESETS:
            raise ValueError(f"`preset` must be one of {PRESETS}. Received: preset={preset!r}.")
        self._network = Network(model, output, score)
        spec = image_input(self._network)
        size = check_size(image_size, spec)
        self._spec = keras.KerasTensor((None, *size, spec.shape[-1]), dtype="float32")
        self._dtype = spec.dtype
        self._place = None if layer is None else self._network.places.find(layer)
        if self._place is not None:
            self._network.places.check_leads_to_score(self._place)
        self._position = check_position(position, self._place)
        if tuple(spec.shape[1:3]) != size:
            self._check_fit(size)
        preset = settings(preset, size)
        self._parameterization = preset["parameterization"]
        if parameterization is not None:
            self._parameterization = check_parameterization(parameterization)
        self._regularizers = preset["regularizers"]
        if regularizers is not None:
            self._regularizers = check_parts(
                "regularizers", regularizers, Regularizer, "TotalVariation(1.0)"
            )
        self._transforms = preset["transforms"]
        if transforms is not None:
            self._transforms = check_parts("transforms", transforms, Transform, "Jitter(8)")
        self._has_own_optimizer = optimizer is not None
        self._optimizer = preset["optimizer"] if optimizer is None else check_optimizer(optimizer)
        self._penalty = check_penalty(preset["penalty"] if penalty is None else penalty)
        self._default_steps = preset["steps"]
        if value_range is None:
            value_range = (0.0, 255.0) if takes_raw_images(model) else (0.0, 1.0)
        self._frame = make_frame(size, spec.shape[-1], value_range, mean)
        self._to_rgb = value_range if to_rgb is None else to_rgb
        self._parameterization.check(self._frame)
        self._octaves = self._make_octaves(
            check_integer("octaves", octaves), check_number("octave_scale", octave_scale, low=1.0)
        )
        if len(self._octaves) > 1 or any(part.every for part in self._regularizers):
            self._check_inverse("octaves and `BlurEvery`")
        self.batch_size = check_integer("batch_size", batch_size)
        self._measure_class = compile_function(
            lambda images, classes: self._measured(images, ClassTarget(classes)),
            self._spec,
            keras.KerasTensor((None,), dtype="int32"),
        )
        self._ascents: dict[Any, Ascent] = {}
        self._functions: tuple[Any, Any] | None = None

    @property
    def num_classes(self):
        """Number of scores of an image; with `layer`, of channels."""
        return self._network.num_scores if self._place is None else self._place.output.shape[-1]

    @property
    def explains_layer(self):
        """Whether it raises channels of a layer instead of classes."""
        return self._place is not None

    @property
    def image_shape(self):
        """Shape of an image, `(height, width, channels)`."""
        return tuple(self._spec.shape[1:])

    def __call__(
        self,
        targets=None,
        *,
        channel=None,
        steps=None,
        initial=None,
        seed=0,
        frames=None,
        verbose="auto",
    ):
        """Finds images.

        Args:
            targets: A class; or classes, `(batch,)`, each of which gets its own image; or a
                function from scores `(batch, classes)` to what is raised, `(batch,)`. `None` with
                `initial` stands for the predicted class of each image.
            channel: With `layer`, a channel or channels of it, in the place of `targets`.
            steps: Number of steps. Default: 256 for the preset `"robust"`, 200 for `"paper"`.
            initial: Images to start from, as the model takes them, `(height, width, channels)` or
                `(batch, height, width, channels)`.
            seed: Seed of all that is random, or one for each image, `(batch,)`: images of one class
                differ by their seeds only.
            frames: Keeps the images after every so many steps.
            verbose: 0 shows no progress bar, 1 shows it, `"auto"` shows it if the work takes longer
                than a few seconds.

        Returns:
            `ClassImages`.

        Raises:
            TypeError: If an argument has a wrong type.
            ValueError: If a class does not exist, or numbers or shapes do not fit.
        """
        steps = self._default_steps if steps is None else check_integer("steps", steps, low=0)
        every = None if frames is None else check_integer("frames", frames)
        targets = self._choose_targets(targets, channel)
        if initial is not None:
            self._check_inverse("`initial`")
            initial = self._check_initial(initial)
        number = number_of_images(targets, initial, seed)
        seeds = check_seeds(seed, number)
        if targets is None and initial is None:
            raise ValueError(
                "`targets` must say which class is wanted, as there is no image to predict one "
                f"from. Received: targets=None. Pass a class, 0..{max(self.num_classes, 2) - 1}."
            )
        function = targets if callable(targets) else None
        classes = np.full(number, PREDICTED, "int32")
        if function is None:
            classes = self._check_classes(targets, number)
        if initial is not None:
            initial = np.broadcast_to(initial, (number, *self.image_shape))

        return outside_strategy(
            lambda: self._find(classes, function, seeds, initial, steps, every, verbose)
        )

    def _find(self, classes, function, seeds, initial, steps, every, verbose):
        """Finds images in batches of one size, so that the loop is traced once."""
        number = len(classes)
        num_batches = -(-number // self.batch_size)
        size = -(-number // num_batches)
        progress = Progress(num_batches * size, verbose)
        found, kept = [], []
        done: list[int] = []
        # The last batch is filled up with images that are found anyway.
        for part in (np.arange(num_batches * size) % number).reshape(num_batches, size):
            progress.begin(size)
            start = None if initial is None else initial[part]
            climb = Climb(self, classes[part], function, seeds[part], start)
            is_interrupted = done and min(done) < steps
            done.append(climb.advance(0 if is_interrupted else steps, every, progress.report))
            found.append((*climb.result(), climb.objectives(steps)))
            kept.append(climb.frames(steps, every))
            if done[-1] == steps:
                progress.end()
        if min(done) < steps:
            warnings.warn(
                "Interrupted: the images are the best after "
                f"{min(done)} to {max(done)} of {steps} steps.",
                stacklevel=5,
            )
        images, targets, scores = (
            np.concatenate(arrays)[:number] for arrays in list(zip(*found, strict=True))[:3]
        )
        return ClassImages(
            images,
            self.pictures(images),
            None if function is not None else targets - self._is_one_channel,
            scores,
            np.concatenate([arrays[3] for arrays in found], axis=1)[:, :number],
            None if every is None else np.concatenate(kept, axis=1)[:, :number],
        )

    def probabilities(self, scores):
        """Probabilities of the classes, as `kerascam.Explainer.probabilities`.

        Args:
            scores: `(batch, classes)`, as in `ClassImages`.

        Raises:
            ValueError: With `layer`, whose values are no scores of classes.
        """
        if self._place is not None:
            raise ValueError(
                f"The values of '{self._place.path}' are no scores of classes, so they have no "
                "probabilities."
            )
        scores = np.asarray(scores, "float64")
        return class_probabilities(scores, self._network.activation)

    def pictures(self, images):
        """RGB pictures of images, `(batch, height, width, 3)`, uint8, or `None`.

        Args:
            images: As in `ClassImages`.
        """
        if not callable(self._to_rgb) and self._frame.channels not in (1, 3):
            return None
        return to_rgb(images, self._to_rgb)

    @property
    def _is_one_channel(self):
        """A layer with a single channel: its channel 0 is class 1, the unit itself."""
        return int(self._place is not None and self.num_classes == 1)

    def _scores(self, images):
        images = ops.cast(images, self._dtype)
        if self._place is None:
            return self._network.scores([images])
        features, _ = self._network.features_and_scores([images], self._place)
        if self._position is not None:
            for index in self._position:
                features = features[:, index]
            return features
        return ops.mean(features, axis=tuple(range(1, len(features.shape) - 1)))

    def _measured(self, images, target):
        """Scores, classes, and the norm of the gradient of each image."""

        def score(watch):
            scores = self._scores(watch(images))
            return target(scores), scores

        (gradient,), _, scores = gradients(score, self._network.gradient_scale)
        # The norm of what is scaled to one, as squares of small numbers are zero.
        largest = ops.max(ops.abs(gradient), axis=(1, 2, 3))
        divisor = ops.where(largest > 0, largest, 1.0)
        scaled = gradient / ops.reshape(divisor, (-1, 1, 1, 1))
        norms = largest * ops.sqrt(ops.sum(ops.square(scaled), axis=(1, 2, 3)))
        return scores, target.classes(scores), norms

    def _measure(self, images, classes, function):
        if function is None:
            found = self._measure_class(images, classes)
        else:
            found = self._compiled_for(function)(images)
        scores, chosen, norms = (ops.convert_to_numpy(tensor) for tensor in found)
        return scores, classes if function is not None else chosen, norms

    def _compiled_for(self, function):
        if self._functions is None or self._functions[0] is not function:
            target = CallableTarget(function)
            self._ascents = {}
            self._functions = (
                function,
                compile_function(lambda images: self._measured(images, target), self._spec),
            )
        return self._functions[1]

    def _ascent(self, number, canvas, function):
        """The `Ascent` for so many images; those for another number are let go."""
        key = number, canvas.size, function
        if key not in self._ascents:
            self._ascents = {
                other: ascent
                for other, ascent in self._ascents.items()
                if (other[0], other[2]) == (number, function)
            }

            def score(images, classes):
                scores = self._scores(images)
                return ClassTarget(classes)(scores) if function is None else function(scores)

            optimizer = keras.optimizers.SGD(1.0)
            if self._optimizer is not None:
                optimizer = copy_optimizer(self._optimizer)
            self._ascents[key] = Ascent(
                score,
                canvas,
                self._frame,
                number,
                self._parameterization,
                self._regularizers,
                self._transforms,
                optimizer,
                has_penalty=self._penalty != 0,
                gradient_scale=self._network.gradient_scale,
            )
        return self._ascents[key]

    def _make_octaves(self, octaves, scale):
        """The `Frame` of each octave, the smallest first."""
        frames = []
        for index in range(octaves - 1, -1, -1):
            size = tuple(max(2, round(length / scale**index)) for length in self._frame.size)
            size = self._frame.size if index == 0 else size
            mean = self._frame.mean
            if mean is not None and size != self._frame.size:
                mean = resize(mean[None], size)[0]
            frames.append(
                Frame(size, self._frame.channels, self._frame.black, self._frame.white, mean)
            )
        return frames

    def _choose_targets(self, targets, channel):
        if self._place is None:
            if channel is not None:
                raise ValueError(
                    "`channel` is for `ClassModel(model, layer=...)`. Received: "
                    f"channel={channel!r} without a layer. Pass a class as `targets`."
                )
            return targets
        if (channel is None) == (targets is None):
            raise ValueError(
                "With `layer`, pass `channel` (or a function of all channels as `targets`). "
                f"Received: channel={channel!r}, targets={targets!r}."
            )
        return targets if channel is None else channel

    def _check_classes(self, targets, number):
        name = "targets" if self._place is None else "channel"
        if np.ndim(targets) == 1 and len(targets) == 1:
            targets = targets[0]  # One for all images.
        classes = check_targets(targets, number, self.num_classes, name)
        if self._place is not None and targets is not None and classes.max() >= self.num_classes:
            raise ValueError(f"`channel` must be 0, the only one. Received: {targets!r}.")
        return classes + self._is_one_channel

    def _check_initial(self, initial):
        images = np.asarray(initial)
        images = images[None] if images.ndim == 3 else images
        if images.ndim != 4 or images.shape[1:] != self.image_shape or len(images) == 0:
            raise ValueError(
                f"`initial` must be an image {self.image_shape}, or a batch of them. Received: "
                f"shape {np.shape(initial)}."
            )
        if images.dtype.kind not in "fiu" or not np.isfinite(images).all():
            raise ValueError(
                "`initial` must be finite numbers, as the model takes them. Received: dtype "
                f"{images.dtype}, with values that are not."
            )
        return images.astype("float32")

    def _check_inverse(self, what):
        if not self._parameterization.has_inverse:
            raise ValueError(
                f"{what} need parameters of a given image, and "
                f"`{type(self._parameterization).__name__}` can't be made of one. Pass "
                "`parameterization=kc.class_model.Fourier()`."
            )

    def _check_fit(self, size):
        """Whether the network, which takes several sizes, takes this one."""
        try:
            trace(self._scores, self._spec)
        except Exception as error:
            raise ValueError(
                f"The network can't take images of the size {size}: {error}. Pass another "
                "`image_size`."
            ) from error
