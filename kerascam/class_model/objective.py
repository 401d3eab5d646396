"""What is raised, compiled."""

import threading

import keras
from keras import ops

from kerascam.backend import compile_function
from kerascam.class_model.loop import Loop
from kerascam.explainers.targets import CallableTarget, ClassTarget


class Objective:
    """The scores of classes, or a function of them, as they are measured and climbed.

    Climbs share it, in any number of threads: it keeps nothing of a climb.

    Args:
        measure: The `Measure`.
        settings: The `Settings`.
        function: A callable target; `None` for classes.

    Attributes:
        measure: The measure.
        settings: The settings.
        function: The function.
    """

    def __init__(self, measure, settings, function=None):
        self.measure, self.settings, self.function = measure, settings, function
        fixed = None if function is None else CallableTarget(function)
        self._look = compile_function(
            lambda images, classes: measure.look(images, fixed or ClassTarget(classes)),
            measure.image,
            keras.KerasTensor((None,), dtype="int32"),
        )
        self._lock = threading.Lock()
        self._number = 0
        self._loops: list[Loop] = []

    def look(self, images, classes):
        """Arrays of each image's scores, class (as given for a function), and gradient's norm.

        Args:
            images: Images as the model takes them.
            classes: `(batch,)`, int32; `PREDICTED` where the network shall choose.
        """
        scores, chosen, norms = map(ops.convert_to_numpy, self._look(images, classes))
        return scores, chosen if self.function is None else classes, norms

    def loops(self, number):
        """The `Loop` of each octave for so many images; those for another number are let go."""
        with self._lock:
            if self._number != number:
                self._loops = [
                    Loop(self._score, canvas, number, self.settings, self.gradient_scale)
                    for canvas in self.settings.octaves
                ]
                self._number = number
            return self._loops

    @property
    def gradient_scale(self):
        """See `gradients`."""
        return self.measure.network.gradient_scale

    @property
    def num_traces(self):
        """How often a function was traced for all of this."""
        return self._look.num_traces + sum(loop.num_traces for loop in self._loops)

    def _score(self, images, classes):
        scores = self.measure.scores(images)
        return ClassTarget(classes)(scores) if self.function is None else self.function(scores)
