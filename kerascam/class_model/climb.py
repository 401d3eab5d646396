"""The way of a batch of images up the objective."""

import math
import time
import warnings

import numpy as np
from keras import ops

from kerascam.backend import random_normal

_SECONDS = 0.3  # A compiled run of steps takes about so long, and then Ctrl-C is heard.
_AUTO_LENGTH = 0.4  # Root mean square of an image with `penalty="auto"`, as a share of the range.
_AUTO_STEP = 0.03  # Of the way to a linear score's maximum, for plain ascent's first step.


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
            params = parameterization.from_images(resize(initial, canvas.size), canvas)
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
            stacklevel=8,
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
        params = self._find._parameterization.from_images(resize(images, canvas.size), canvas)
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
            stacklevel=7,
        )


def resize(images, size):
    """Images of another size, an array; smaller ones without aliasing."""
    if images.shape[1:3] == size:
        return images
    return ops.convert_to_numpy(
        ops.image.resize(images, size, antialias=True, data_format="channels_last")
    )


def _over(flags, params):
    """Flags of images, broadcastable to their parameters."""
    return flags.reshape(-1, *[1] * (params.ndim - 1))
