"""The class model: which image has the highest score?"""

import math
import time
import warnings
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerascam.autodiff import (
    compile_function,
    gradients,
    outside_strategy,
    random_normal,
    trace,
)
from kerascam.class_model.ascent import Ascent
from kerascam.class_model.parameterization import Frame, Parameterization
from kerascam.class_model.presets import PRESETS, settings
from kerascam.class_model.regularizers import check_regularizers
from kerascam.class_model.transforms import check_transforms
from kerascam.explainers.checks import check_integer, check_number
from kerascam.explainers.progress import Progress
from kerascam.explainers.targets import PREDICTED, CallableTarget, ClassTarget, check_targets
from kerascam.graph import Network, takes_raw_images
from kerascam.visualization.to_rgb import black_and_white, to_rgb

_DEFAULT_LENGTH = 224  # Of a side, where the model takes any.
_SECONDS = 0.3  # A compiled run of steps takes about so long, and then Ctrl-C is heard.
_AUTO_LENGTH = 0.4  # Root mean square of an image with `penalty="auto"`, as a share of the range.
_AUTO_STEP = 0.03  # Of the way to a linear score's maximum, for plain ascent's first step.


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
        spec = _image_input(self._network)
        size = _check_size(image_size, spec)
        self._spec = keras.KerasTensor((None, *size, spec.shape[-1]), dtype="float32")
        self._dtype = spec.dtype
        self._place = None if layer is None else _find_place(self._network, layer)
        self._position = _check_position(position, self._place)
        if tuple(spec.shape[1:3]) != size:
            self._check_fit(size)
        preset = settings(preset, size)
        self._parameterization = preset["parameterization"]
        if parameterization is not None:
            self._parameterization = _check_parameterization(parameterization)
        self._regularizers = check_regularizers(
            preset["regularizers"] if regularizers is None else regularizers
        )
        self._transforms = check_transforms(
            preset["transforms"] if transforms is None else transforms
        )
        self._has_own_optimizer = optimizer is not None
        self._optimizer = preset["optimizer"] if optimizer is None else _check_optimizer(optimizer)
        self._penalty = _check_penalty(preset["penalty"] if penalty is None else penalty)
        self._default_steps = preset["steps"]
        if value_range is None:
            value_range = (0.0, 255.0) if takes_raw_images(model) else (0.0, 1.0)
        self._frame = _frame(size, spec.shape[-1], value_range, mean)
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
        return self._network.num_classes if self._place is None else self._place.output.shape[-1]

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
        number = _number_of_images(targets, initial, seed)
        seeds = _check_seeds(seed, number)
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
                stacklevel=4,
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
        probabilities = ops.convert_to_numpy(
            self._network.probabilities(ops.convert_to_tensor(scores, "float32"))
        )
        if probabilities.shape[-1] == 1:
            probabilities = np.concatenate([1 - probabilities, probabilities], axis=-1)
        return probabilities

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
                target = ClassTarget(classes) if function is None else CallableTarget(function)
                scores = self._scores(images)
                if function is not None:  # Checked for any size of the batch elsewhere.
                    return function(scores)
                return target(scores)

            optimizer = keras.optimizers.SGD(1.0)
            if self._optimizer is not None:
                optimizer = _copy(self._optimizer)
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
                mean = _resize(mean[None], size)[0]
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


class Climb:
    """Images of one batch on their way, over all octaves.

    Args:
        find: The `ClassModel`.
        classes: `(batch,)`, int32; `PREDICTED` where the network shall choose.
        function: The callable target, or `None`.
        seeds: `(batch,)`.
        initial: Images to start from, or `None`.
    """

    def __init__(self, find, classes, function, seeds, initial=None):
        self._find, self._function, self._seeds = find, function, seeds
        self.classes = classes
        self._octave = 0
        self._objectives: list[np.ndarray] = []
        self._kept: list[np.ndarray] = []
        self._start_images = None
        canvas, parameterization = find._octaves[0], find._parameterization
        self._ascent = find._ascent(len(classes), canvas, function)

        def noise(index):
            return random_normal(parameterization.shape(canvas), seeds, [index])

        if initial is None:
            params = parameterization.start(canvas, noise(0))
        else:
            params = parameterization.from_images(_resize(initial, canvas.size), canvas)
        params = ops.convert_to_numpy(params)
        self._ascent.start(params, seeds)
        self.settle()
        is_flat = self._norms == 0
        if is_flat.any():
            params = params.copy()
            moved = parameterization.disturb(params, canvas, noise(1))
            params[is_flat] = ops.convert_to_numpy(moved)[is_flat]
            self._ascent.start(params, seeds)
            self.settle()
            self._warn_of_flat(is_flat)
        self._start_images = self._ascent.images()

    def settle(self):
        """Chooses penalties, scales and rates by the gradients at the start."""
        find = self._find
        images = self._ascent.images() if self._start_images is None else self._start_images
        scores, self.classes, self._norms = find._measure(images, self.classes, self._function)
        if not np.isfinite(scores).all():
            raise ValueError(
                "The network's scores for the first image are not finite. Received: an image of "
                f"{find.image_shape[:2]} with values from {images.min():.3g} to "
                f"{images.max():.3g}. Is the size one that the network takes, and were its weights "
                "trained without overflow?"
            )
        if not np.isfinite(self._norms).all():
            raise ValueError(
                "The gradient of the network's scores is not finite. Received: a network whose "
                "scores are. In half precision gradients of large scores overflow: build it with "
                'the policy "float32" or "mixed_bfloat16".'
            )
        number = images[0].size
        spread = float(find._frame.spread.mean()) * math.sqrt(number)
        length = _AUTO_LENGTH * spread
        self._scales = spread * self._norms
        if find._penalty == "auto":
            self._penalties = self._norms / (2 * length)
        else:
            self._penalties = np.full(len(images), find._penalty)
        if find._has_own_optimizer:
            self._rates = np.ones(len(images))
        elif find._optimizer is not None:
            # Gradients of the size of one: Adam's epsilon is too large for small ones.
            self._rates = number / np.where(self._scales > 0, self._scales, 1)
        else:
            # The way to a linear score's maximum is the gradient by 2 lambda; without a penalty
            # there is none, and an image of the length that "auto" aims at stands for it.
            divisor = np.where(self._penalties > 0, 2 * self._penalties, self._norms / length)
            self._rates = _AUTO_STEP / np.where(divisor > 0, divisor, 1)

    def advance(self, steps, every=None, report=None):
        """Does some steps of the way, over all octaves.

        Args:
            steps: How many.
            every: Keeps the images after every so many steps.
            report: Called with the steps done and `steps`; Ctrl-C then ends the way without an
                error. `None` to let it through.

        Returns:
            How many steps were done.
        """
        self._objectives, self._kept = [], []
        self._done = 0
        octaves = self._find._octaves
        ends = [steps * (index + 1) // len(octaves) for index in range(len(octaves))]
        try:
            for index in range(self._octave, len(octaves)):
                if index > self._octave:
                    self._next_octave()
                self._climb(ends[index], steps, every, report)
        except KeyboardInterrupt:
            if report is None:
                raise
            self._ascent.assign(self._best)
            while self._octave < len(octaves) - 1:
                self._next_octave()
        return self._done

    def _climb(self, end, steps, every, report):
        """Does the steps of one octave."""
        before = self._best = self._ascent.params()
        highest, chunk = np.full(len(self._seeds), -np.inf), 0
        # A coarse pixel stands for several, whose gradients and penalties add up.
        share = math.prod(self._find._octaves[self._octave].size) / math.prod(
            self._find._frame.size
        )
        rates = self._rates * (share if self._find._optimizer is None else 1)
        while self._done < end:
            if every and self._done % every == 0:
                self._kept.append(self._ascent.images())
            due = every - self._done % every if every else steps
            count = min(max(chunk, 1), due, end - self._done)
            begun = time.monotonic()
            objectives = self._ascent.advance(
                count, self.classes, self._penalties, self._scales, rates
            )
            took = time.monotonic() - begun
            # The first run was compiled first, so it says nothing.
            chunk = round(_SECONDS * count / took) if chunk else 2
            self._objectives.append(objectives)
            self._done += count
            # An objective is that of the image before the step.
            quality = objectives.mean(axis=0)
            is_better = quality > highest
            highest = np.where(is_better, quality, highest)
            self._best = np.where(_over(is_better, before), before, self._best)
            before = self._ascent.params()
            if report is not None:
                report(self._done, steps)
        self._check_finite(before)

    def _check_finite(self, params):
        """Goes back to the best where the ascent ran away."""
        is_finite = np.isfinite(params).reshape(len(params), -1).all(axis=1)
        if is_finite.all():
            return
        self._ascent.assign(np.where(_over(is_finite, params), params, self._best))
        warnings.warn(
            f"The ascent diverged for {int((~is_finite).sum())} of {len(params)} images, which are "
            "the best before that. Pass an `optimizer` with a smaller learning rate, or another "
            "`penalty`.",
            stacklevel=7,
        )

    def images(self):
        """The images of now."""
        return self._ascent.images()

    def result(self):
        """Images, classes and scores of now."""
        images = self.images()
        scores, _, _ = self._find._measure(images, self.classes, self._function)
        return images, self.classes, scores

    def objectives(self, steps):
        """Objectives of the last `advance`, `(steps, batch)`, NaN for steps not done."""
        objectives = np.full((steps, len(self._seeds)), np.nan, "float32")
        if self._objectives:
            done = np.concatenate(self._objectives)
            objectives[: len(done)] = done
        return objectives

    def frames(self, steps, every):
        """The images that were kept, and the last; the last fills up what was not reached."""
        if every is None:
            return None
        last = self.images()
        missing = len(range(0, steps, every)) + 1 - len(self._kept)
        return np.stack([*self._kept, *[last] * missing])

    def _next_octave(self):
        images = self.images()
        self._octave += 1
        canvas = self._find._octaves[self._octave]
        ascent = self._find._ascent(len(self._seeds), canvas, self._function)
        params = self._find._parameterization.from_images(_resize(images, canvas.size), canvas)
        ascent.start(ops.convert_to_numpy(params), self._seeds)
        self._ascent = ascent

    def _warn_of_flat(self, is_flat):
        name = "the target" if self._function is not None else "classes"
        classes = "" if self._function is not None else f" {self.classes[is_flat].tolist()}"
        still = (
            " It is zero there too, so these images can't change."
            if (self._norms[is_flat] == 0).any()
            else ""
        )
        warnings.warn(
            f"The gradient of {name}{classes} at the first image is exactly zero, as at the zero "
            "image in a network whose biases are zero. Random noise (of the given seed) of a "
            f"hundredth of the range was added to begin with.{still}",
            stacklevel=4,
        )


def _image_input(network):
    shapes = [tuple(spec.shape) for spec in network.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] is None:
        raise ValueError(
            "The class model is an image, so the model must take one image (batch, height, width, "
            f"channels) and nothing else. Received: a model with inputs of shape {shapes}."
        )
    if "float" not in network.inputs[0].dtype:
        raise TypeError(
            "The class model needs the gradient with respect to the image, and there is none for "
            f"{network.inputs[0].dtype} images, which this model takes. Build the model with "
            f'`keras.Input({shapes[0][1:]}, dtype="float32")`; its weights fit.'
        )
    return network.inputs[0]


def _find_place(network, layer):
    place = network.place(layer)
    if not network.leads_to_score(place):
        raise ValueError(
            f"`layer` must lead to the explained output. Received: '{place.path}', on which the "
            "score does not depend."
        )
    return place


def _check_size(image_size, spec):
    """`(height, width)`."""
    own = tuple(spec.shape[1:3])
    if image_size is None:
        return tuple(_DEFAULT_LENGTH if length is None else length for length in own)
    given = (image_size,) * 2 if np.ndim(image_size) == 0 else tuple(image_size)
    if len(given) != 2:
        raise ValueError(
            f"`image_size` must be (height, width), or one number. Received: {image_size!r}."
        )
    size = tuple(check_integer("image_size", length) for length in given)
    if any(length not in (None, actual) for length, actual in zip(own, size, strict=True)):
        described = tuple("any" if length is None else length for length in own)
        raise ValueError(
            f"`image_size` must be what the model takes, {described}. Received: {image_size!r}."
        )
    return size


def _check_position(position, place):
    if position is None:
        return None
    if place is None:
        raise ValueError(
            f"`position` is for `ClassModel(model, layer=...)`. Received: position={position!r} "
            "without a layer."
        )
    shape = place.output.shape[1:-1]
    indices = tuple(position) if np.ndim(position) else (position,)
    if len(indices) != len(shape):
        raise ValueError(
            f"`position` must have {len(shape)} numbers for '{place.path}' of shape "
            f"{tuple(place.output.shape)}. Received: {position!r}."
        )
    return tuple(
        check_integer("position", index, low=0, high=2**31 - 1 if length is None else length - 1)
        for index, length in zip(indices, shape, strict=True)
    )


def _check_parameterization(parameterization):
    if not isinstance(parameterization, Parameterization):
        raise TypeError(
            "`parameterization` must be one of `kc.class_model`, such as `Pixels()`. Received: "
            f"{parameterization!r}."
        )
    return parameterization


def _check_optimizer(optimizer):
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            "`optimizer` must be a `keras.optimizers.Optimizer`, such as "
            f"`keras.optimizers.Adam(0.05)`. Received: {optimizer!r}."
        )
    if optimizer.built:
        raise ValueError(
            "`optimizer` must be a new one. Received: one that is bound to other variables, such "
            "as those of a model that it trains. Pass "
            f"`keras.optimizers.{type(optimizer).__name__}(...)`."
        )
    if optimizer.global_clipnorm is not None:
        raise ValueError(
            "`optimizer` must not have a `global_clipnorm`, by which images of a batch would "
            "change each other. Pass `clipnorm`, which is for each image."
        )
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            "`optimizer` must not scale its loss: small gradients are seen to. Received: a "
            "LossScaleOptimizer. Pass the one inside it."
        )
    try:
        _copy(optimizer)
    except Exception as error:
        raise ValueError(
            "`optimizer` must be one that can be made of its config, so that it begins anew with "
            f"each image. Received: {optimizer!r}, where that fails: {error}"
        ) from error
    return optimizer


def _copy(optimizer):
    return type(optimizer).from_config(optimizer.get_config())


def _check_penalty(penalty):
    if isinstance(penalty, str):
        if penalty != "auto":
            raise ValueError(
                f'`penalty` must be a number of at least 0, or "auto". Received: {penalty!r}.'
            )
        return penalty
    return check_number("penalty", penalty, low=0)


def _frame(size, channels, value_range, mean):
    try:
        limits = black_and_white(value_range)
    except ValueError:
        raise ValueError(
            '`value_range` must be (low, high) with low < high, "tf", "torch" or "caffe". '
            f"Received: {value_range!r}."
        ) from None
    black, white = (
        np.broadcast_to(np.asarray(value, "float32"), (channels,))
        if np.ndim(value) == 0 or len(value) == channels
        else None
        for value in limits
    )
    if black is None or white is None:
        raise ValueError(
            f'`value_range` must be (low, high) for images with {channels} channels; "torch" and '
            f'"caffe" are for colours. Received: {value_range!r}.'
        )
    if mean is not None:
        shape = (*size, channels)
        try:
            given = np.asarray(mean, "float32")
            mean = np.broadcast_to(given, shape)
            is_finite = np.isfinite(given).all()
        except (TypeError, ValueError):
            is_finite = False
        if not is_finite:
            raise ValueError(
                f"`mean` must be finite numbers: one, ({channels},) or {shape}. Received: shape "
                f"{np.shape(mean)}, {mean!r}."
            )
    return Frame(size, channels, black, white, mean)


def _over(flags, params):
    """Flags of images, broadcastable to their parameters."""
    return flags.reshape(-1, *[1] * (params.ndim - 1))


def _resize(images, size):
    if images.shape[1:3] == size:
        return images
    return ops.convert_to_numpy(
        ops.image.resize(images, size, antialias=True, data_format="channels_last")
    )


def _check_seeds(seed, number):
    seeds = np.asarray(seed)
    is_integer = seeds.dtype.kind in "iu" and seeds.ndim <= 1
    if not is_integer or (seeds < 0).any() or (seeds >= 2**31).any():
        raise ValueError(
            f"`seed` must be an integer from 0 to {2**31 - 1}, or one for each of the {number} "
            f"images. Received: {seed!r}."
        )
    return np.broadcast_to(seeds, number).astype("int32")


def _number_of_images(targets, initial, seed):
    """How many images are asked for: arguments for one image go with any number."""
    given = {"initial": 1 if initial is None else len(initial), "seed": np.size(seed)}
    if not callable(targets) and targets is not None:
        given["targets"] = len(targets) if np.ndim(targets) else 1
    numbers = set(given.values()) - {1}
    if len(numbers) > 1 or 0 in numbers:
        raise ValueError(
            "`targets`, `initial` and `seed` must be for the same number of images, at least one, "
            f"or for one. Received: {given}."
        )
    return numbers.pop() if numbers else 1
