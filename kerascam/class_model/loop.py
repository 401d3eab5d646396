"""The compiled steps of gradient ascent."""

import threading
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerascam.backend import compile_function, gradients, random_uniform, repeat
from kerascam.class_model import transforms
from kerascam.class_model.checks import copy_optimizer

_INTEGER = keras.KerasTensor((), dtype="int32")
_INTEGERS = keras.KerasTensor((None,), dtype="int32")
_NUMBERS = keras.KerasTensor((None,), dtype="float32")
_FIRST_STEP = 2  # Random numbers 0 and 1 of a seed are for the start.


class State(NamedTuple):
    """Where an ascent is.

    Attributes:
        params: Parameters of the images, `(num_images, ...)`.
        memory: Values of the optimizer's variables, a list.
    """

    params: Any
    memory: list


class Loop:
    """Steps of so many images on one canvas, compiled into one function that holds all of a step.

    A `State` goes in and the next one comes out, so climbs share a loop, whatever thread they are
    in. The variables that an optimizer of Keras needs have the values of one run at a time.

    Args:
        score: A function from images `(batch, height, width, channels)` and classes `(batch,)` to
            what is raised, `(batch,)`.
        canvas: The `Frame` that is changed; smaller than the images in a coarse octave.
        num_images: Number of images.
        settings: The `Settings`.
        gradient_scale: See `gradients`.
    """

    def __init__(self, score, canvas, num_images, settings, gradient_scale):
        self._score, self._canvas, self._settings = score, canvas, settings
        self._gradient_scale = gradient_scale
        shape = settings.parameterization.shape(canvas)
        # Of each image its own, so that nothing of an optimizer, such as a clipped norm, is shared.
        self._variables = [
            keras.Variable(np.zeros(shape, "float32"), dtype="float32") for _ in range(num_images)
        ]
        optimizer = settings.optimizer
        self._optimizer = (
            keras.optimizers.SGD(1.0) if optimizer is None else copy_optimizer(optimizer)
        )
        self._optimizer.build(self._variables)
        memory = self._optimizer.variables
        self._fresh = [ops.convert_to_numpy(variable.value) for variable in memory]
        self._lock = threading.Lock()
        self._run = compile_function(
            self._steps,
            keras.KerasTensor((num_images, *shape), dtype="float32"),
            [keras.KerasTensor(tuple(variable.shape), variable.dtype) for variable in memory],
            *(_INTEGER, _INTEGER, _INTEGERS, _INTEGERS, _NUMBERS, _NUMBERS, _NUMBERS),
        )

    @property
    def num_traces(self):
        """How often the loop was traced."""
        return self._run.num_traces

    def begin(self, params):
        """The `State` of an ascent that begins with these parameters."""
        return State(params, self._fresh)

    def advance(self, state, start, count, classes, seeds, strengths):
        """Does some steps.

        Args:
            state: The `State`.
            start: Number of the first step.
            count: How many.
            classes: Class of each image, `(num_images,)`.
            seeds: Seed of the transforms of each image, `(num_images,)`.
            strengths: The `Strengths`.

        Returns:
            The new `State`, and the objective of each image before each step,
            `(count, num_images)`, a tensor.
        """
        with self._lock:
            params, memory, objectives = self._run(
                state.params,
                state.memory,
                np.int32(start),
                np.int32(count),
                np.asarray(classes, "int32"),
                np.asarray(seeds, "int32"),
                *(np.asarray(values, "float32") for values in strengths),
            )
        return State(params, memory), objectives

    def images(self, params):
        """Images as the model takes them, `(num_images, height, width, channels)`, a tensor."""
        frame = self._settings.frame
        images = self._settings.parameterization.images(params, self._canvas)
        if self._canvas.size != frame.size:
            images = ops.image.resize(images, frame.size, data_format="channels_last")
        return images

    def _steps(self, params, memory, start, count, classes, seeds, penalties, scales, rates):
        self._assign(params)
        for variable, value in zip(self._optimizer.variables, memory, strict=True):
            variable.assign(value)

        def step(index):
            def objective(watch):
                images = self.images(watch(self._stacked()))
                value = self._value(images, index, classes, seeds, penalties, scales)
                return value, value

            (gradient,), _, value = gradients(objective, self._gradient_scale)
            rate = ops.reshape(rates, (-1, *[1] * (len(gradient.shape) - 1)))
            descent = ops.unstack(-rate * gradient, len(self._variables))
            self._optimizer.apply(descent, self._variables)
            for regularizer in self._settings.regularizers:
                if regularizer.every is not None:
                    self._change(regularizer, ops.equal((index + 1) % regularizer.every, 0))
            return value

        objectives = repeat(step, start, count)
        memory = [variable.value for variable in self._optimizer.variables]
        return self._stacked(), [ops.convert_to_tensor(value) for value in memory], objectives

    def _value(self, images, index, classes, seeds, penalties, scales):
        """The objective of each image at a step, `(batch,)`."""
        settings = self._settings
        center = settings.parameterization.center(settings.frame)
        shown = images
        if settings.transforms:
            number = transforms.num_random(settings.transforms)
            random = random_uniform((number,), seeds, index + _FIRST_STEP)
            fill = np.mean(center, axis=tuple(range(center.ndim - 1)))
            shown = transforms.apply(settings.transforms, images, random, fill)
        value = self._score(shown, classes)
        deviations = images - center
        if settings.penalty != 0:
            value = value - penalties * ops.sum(ops.square(deviations), axis=(1, 2, 3))
        for regularizer in settings.regularizers:
            taken = regularizer(deviations, settings.frame)
            value = value - (scales * taken if regularizer.relative else taken)
        return value

    def _stacked(self):
        return ops.stack([variable.value for variable in self._variables])

    def _assign(self, params):
        for variable, value in zip(
            self._variables, ops.unstack(params, len(self._variables)), strict=True
        ):
            variable.assign(value)

    def _change(self, regularizer, is_due):
        params, parameterization = self._stacked(), self._settings.parameterization

        def changed():
            images = parameterization.images(params, self._canvas)
            images = regularizer.change(images, self._canvas)
            return parameterization.from_images(images, self._canvas)

        self._assign(ops.cond(is_due, changed, lambda: params))
