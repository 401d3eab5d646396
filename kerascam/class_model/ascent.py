"""Gradient ascent on a batch of images."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerascam.backend import compile_function, gradients, random_uniform, repeat
from kerascam.class_model import transforms
from kerascam.class_model.parameterization import Frame

_INTEGER = keras.KerasTensor((), dtype="int32")
_INTEGERS = keras.KerasTensor((None,), dtype="int32")
_NUMBERS = keras.KerasTensor((None,), dtype="float32")
_FIRST_STEP = 2  # Random numbers 0 and 1 of a seed are for the start.


class Ascent:
    """Changes images step by step, inside a compiled loop that holds all of a step.

    Each image has variables of its own, so that nothing of an optimizer, such as a clipped norm, is
    shared between images.

    Args:
        score: A function from images `(batch, height, width, channels)` and classes `(batch,)` to
            what is raised, `(batch,)`.
        canvas: The `Frame` that is changed; smaller than `frame` in a coarse octave.
        frame: The `Frame` of the model's images.
        num_images: Number of images.
        parameterization: A `Parameterization`.
        regularizers: `Regularizer`s.
        image_transforms: `Transform`s.
        optimizer: A `keras.optimizers.Optimizer` that is not built yet.
        has_penalty: Whether there is a penalty on the squared norm.
        gradient_scale: See `gradients`.
    """

    def __init__(
        self,
        score,
        canvas: Frame,
        frame: Frame,
        num_images,
        parameterization,
        regularizers,
        image_transforms,
        optimizer,
        has_penalty,
        gradient_scale,
    ):
        self._score = score
        self._canvas, self._frame = canvas, frame
        self._parameterization = parameterization
        self._regularizers = regularizers
        self._transforms = image_transforms
        self._has_penalty = has_penalty
        self._gradient_scale = gradient_scale
        shape = parameterization.shape(canvas)
        self._variables = [
            keras.Variable(np.zeros(shape, "float32"), dtype="float32") for _ in range(num_images)
        ]
        self._optimizer = optimizer
        optimizer.build(self._variables)
        self._fresh = [ops.convert_to_numpy(variable.value) for variable in optimizer.variables]
        self._run = compile_function(
            self._steps, _INTEGER, _INTEGER, _INTEGERS, _INTEGERS, _NUMBERS, _NUMBERS, _NUMBERS
        )
        self._step = 0
        self._arguments: Any = None

    @property
    def num_traces(self):
        """How often the loop was traced."""
        return self._run.num_traces

    def start(self, params, seeds):
        """Begins anew.

        Args:
            params: Parameters of the images, `(num_images, ...)`.
            seeds: Seed of the transforms of each image, `(num_images,)`.
        """
        self._step = 0
        self.assign(params)
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        self._seeds = np.asarray(seeds, "int32")

    def assign(self, params):
        """Puts other parameters in the place of the images', and goes on as before."""
        for variable, value in zip(self._variables, params, strict=True):
            variable.assign(value)

    def params(self):
        """Parameters of the images, `(num_images, ...)`, an array."""
        return np.stack([ops.convert_to_numpy(variable.value) for variable in self._variables])

    def advance(self, count, classes, penalties, scales, rates):
        """Does some steps.

        Args:
            count: How many.
            classes: Class of each image, `(num_images,)`.
            penalties: Penalty of each image on its squared norm, `(num_images,)`.
            scales: Unit of the relative regularizers for each image, `(num_images,)`.
            rates: What each image's gradient is multiplied by, `(num_images,)`.

        Returns:
            Objective of each image before each step, `(count, num_images)`.
        """
        objectives = self._run(
            np.int32(self._step),
            np.int32(count),
            np.asarray(classes, "int32"),
            self._seeds,
            np.asarray(penalties, "float32"),
            np.asarray(scales, "float32"),
            np.asarray(rates, "float32"),
        )
        self._step += count
        return ops.convert_to_numpy(objectives)

    def images(self):
        """The images as the model takes them, `(num_images, height, width, channels)`."""
        return ops.convert_to_numpy(self._images(self.params()))

    def _images(self, params):
        images = self._parameterization.images(params, self._canvas)
        if self._canvas.size != self._frame.size:
            images = ops.image.resize(images, self._frame.size, data_format="channels_last")
        return images

    def _steps(self, start, count, classes, seeds, penalties, scales, rates):
        center = self._parameterization.center(self._frame)
        fill = np.mean(center, axis=tuple(range(center.ndim - 1)))
        number = transforms.num_random(self._transforms)

        def step(index):
            def objective(watch):
                images = self._images(watch(self._stacked()))
                shown = images
                if self._transforms:
                    random = random_uniform((number,), seeds, index + _FIRST_STEP)
                    shown = transforms.apply(self._transforms, images, random, fill)
                value = self._score(shown, classes)
                deviations = images - center
                if self._has_penalty:
                    squares = ops.sum(ops.square(deviations), axis=(1, 2, 3))
                    value = value - penalties * squares
                for regularizer in self._regularizers:
                    taken = regularizer(deviations, self._frame)
                    value = value - (scales * taken if regularizer.relative else taken)
                return value, value

            (gradient,), _, value = gradients(objective, self._gradient_scale)
            rate = ops.reshape(rates, (-1, *[1] * (len(gradient.shape) - 1)))
            descent = ops.unstack(-rate * gradient, len(self._variables))
            self._optimizer.apply(descent, self._variables)
            for regularizer in self._regularizers:
                if regularizer.every is not None:
                    self._change(regularizer, ops.equal((index + 1) % regularizer.every, 0))
            return value

        return repeat(step, start, count)

    def _stacked(self):
        return ops.stack([variable.value for variable in self._variables])

    def _change(self, regularizer, is_due):
        params = self._stacked()

        def changed():
            images = self._parameterization.images(params, self._canvas)
            images = regularizer.change(images, self._canvas)
            return self._parameterization.from_images(images, self._canvas)

        new = ops.cond(is_due, changed, lambda: params)
        for variable, value in zip(self._variables, ops.unstack(new), strict=True):
            variable.assign(value)
