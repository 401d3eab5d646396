"""Gradient ascent on a batch of images, in one octave."""

from keras import ops


class Ascent:
    """Images that change step by step, and what an optimizer remembers of them.

    Args:
        loop: The `Loop`.
        params: Parameters to begin with, `(num_images, ...)`, an array.
        seeds: Seed of the transforms of each image, `(num_images,)`.
    """

    def __init__(self, loop, params, seeds):
        self._loop, self._seeds = loop, seeds
        self._state = loop.begin(params)
        self._step = 0

    def assign(self, params):
        """Puts other parameters in the place of the images', and goes on as before."""
        self._state = self._state._replace(params=params)

    def params(self):
        """Parameters of the images, `(num_images, ...)`, an array."""
        return ops.convert_to_numpy(self._state.params)

    def advance(self, count, classes, strengths):
        """Does so many steps.

        Args:
            count: How many.
            classes: Class of each image, `(num_images,)`.
            strengths: The `Strengths`.

        Returns:
            Objective of each image before each step, `(count, num_images)`, an array.
        """
        self._state, objectives = self._loop.advance(
            self._state, self._step, count, classes, self._seeds, strengths
        )
        self._step += count
        return ops.convert_to_numpy(objectives)

    def images(self):
        """The images as the model takes them, `(num_images, height, width, channels)`."""
        return ops.convert_to_numpy(self._loop.images(self._state.params))
