"""The way of a batch of images up the objective."""

import math
import time

import numpy as np
from keras import ops

from kerascam._warn import warn_user
from kerascam.backend import random_normal
from kerascam.class_model.ascent import Ascent
from kerascam.class_model.call_checks import check_finite
from kerascam.class_model.resize import resize
from kerascam.class_model.strengths import choose_strengths

_SECONDS = 0.3  # A compiled run of steps takes about so long, and then Ctrl-C is heard.


class Climb:
    """Images of one batch on their way, over all octaves.

    Args:
        objective: The `Objective`.
        classes: `(batch,)`, int32; `PREDICTED` where the network shall choose.
        seeds: `(batch,)`, int32.
        initial: Images to start from, or `None`.

    Attributes:
        classes: Class of each image.
        strengths: The `Strengths` of now.
        ascent: The `Ascent` of this octave.
    """

    def __init__(self, objective, classes, seeds, initial=None):
        self._objective, self._settings = objective, objective.settings
        self._loops = objective.loops(len(classes))
        self._seeds, self.classes = seeds, classes
        self._octave = 0
        self._objectives: list[np.ndarray] = []
        self._kept: list[np.ndarray] = []
        canvas, parameterization = self._settings.octaves[0], self._settings.parameterization

        def noise(index):
            return random_normal(parameterization.shape(canvas), seeds, [index])

        if initial is None:
            params = parameterization.start(canvas, noise(0))
        else:
            params = parameterization.from_images(resize(initial, canvas.size), canvas)
        params = ops.convert_to_numpy(params)
        is_flat = self._begin(params) == 0
        if is_flat.any():
            params = params.copy()
            moved = parameterization.disturb(params, canvas, noise(1))
            params[is_flat] = ops.convert_to_numpy(moved)[is_flat]
            norms = self._begin(params)
            self._warn_of_flat(is_flat, (norms[is_flat] == 0).any())

    def _begin(self, params):
        """Begins with these parameters; returns the norm of each image's gradient there."""
        self.ascent = Ascent(self._loops[0], params, self._seeds)
        self._start_images = self.ascent.images()
        return self.settle()

    def settle(self):
        """Chooses the strengths by the gradients at the start, and returns their norms."""
        images = self._start_images
        scores, self.classes, norms = self._objective.look(images, self.classes)
        check_finite(images, scores, norms)
        self.strengths = choose_strengths(self._settings, norms)
        return norms

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
        last = len(self._loops) - 1
        try:
            for index in range(self._octave, last + 1):
                if index > self._octave:
                    self._next_octave()
                self._climb(steps * (index + 1) // (last + 1), steps, every, report)
        except KeyboardInterrupt:
            if report is None:
                raise
            self.ascent.assign(self._best)
            while self._octave < last:
                self._next_octave()
        return self._done

    def _climb(self, end, steps, every, report):
        """Does the steps of one octave."""
        before = self._best = self.ascent.params()
        highest, chunk = np.full(len(self._seeds), -np.inf), 0
        strengths = self.strengths
        if self._settings.optimizer is None:
            # A coarse pixel stands for several, whose gradients and penalties add up.
            size, whole = self._settings.octaves[self._octave].size, self._settings.frame.size
            share = math.prod(size) / math.prod(whole)
            strengths = strengths._replace(rates=strengths.rates * share)
        while self._done < end:
            if every and self._done % every == 0:
                self._kept.append(self.images())
            due = every - self._done % every if every else steps
            count = min(max(chunk, 1), due, end - self._done)
            begun = time.monotonic()
            objectives = self.ascent.advance(count, self.classes, strengths)
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
            before = self.ascent.params()
            if report is not None:
                report(self._done, steps)
        self._leave_infinity(before)

    def _leave_infinity(self, params):
        """Goes back to the best where the ascent ran away."""
        is_finite = np.isfinite(params).reshape(len(params), -1).all(axis=1)
        if is_finite.all():
            return
        self.ascent.assign(np.where(_over(is_finite, params), params, self._best))
        warn_user(
            f"The ascent diverged for {int((~is_finite).sum())} of {len(params)} images, which are "
            "the best before that. Pass an `optimizer` with a smaller learning rate, or another "
            "`penalty`."
        )

    def _next_octave(self):
        images = self.images()
        self._octave += 1
        canvas = self._settings.octaves[self._octave]
        params = self._settings.parameterization.from_images(resize(images, canvas.size), canvas)
        self.ascent = Ascent(self._loops[self._octave], params, self._seeds)

    def images(self):
        """The images of now."""
        return self.ascent.images()

    def result(self):
        """Images, classes and scores of now."""
        images = self.images()
        scores, _, _ = self._objective.look(images, self.classes)
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

    def _warn_of_flat(self, is_flat, is_still):
        of_function = self._objective.function is not None
        name = "the target" if of_function else f"classes {self.classes[is_flat].tolist()}"
        still = " It is zero there too, so these images can't change." if is_still else ""
        warn_user(
            f"The gradient of {name} at the first image is exactly zero, as at the zero image in a "
            "network whose biases are zero. Random noise (of the given seed) of a hundredth of the "
            f"range was added to begin with.{still}"
        )


def _over(flags, params):
    """Flags of images, broadcastable to their parameters."""
    return flags.reshape(-1, *[1] * (params.ndim - 1))
