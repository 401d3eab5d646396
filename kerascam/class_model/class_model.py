"""The class model: which image has the highest score?"""

import threading

import numpy as np

from kerascam._checks import check_integer
from kerascam.backend import outside_strategy
from kerascam.class_model.batches import climb_in_batches
from kerascam.class_model.call_checks import (
    check_classes,
    check_initial,
    check_seeds,
    choose_targets,
    number_of_images,
)
from kerascam.class_model.checks import (
    check_position,
    check_size,
    image_input,
    make_frame,
)
from kerascam.class_model.class_images import ClassImages
from kerascam.class_model.climb import Climb
from kerascam.class_model.measure import Measure
from kerascam.class_model.objective import Objective
from kerascam.class_model.presets import check_preset
from kerascam.class_model.settings import make_settings
from kerascam.explainers.targets import PREDICTED
from kerascam.graph import Network, assumed_range
from kerascam.graph.classes import class_probabilities, num_classes
from kerascam.visualization.to_rgb import to_rgb


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
    with a warning. Threads may share a class model; their steps take turns.

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
        With a classifier `model` of images of 64 x 64 pixels:

        >>> find = ClassModel(model, value_range=(-1, 1))
        >>> find([3, 7], steps=2, verbose=0).images.shape
        (2, 64, 64, 3)

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
        check_preset(preset)
        network = Network(model, output, score)
        spec = image_input(network)
        size = check_size(image_size, spec)
        place = None if layer is None else network.places.find(layer)
        if place is not None:
            network.places.check_leads_to_score(place)
        self._measure = Measure(network, size, place, check_position(position, place))
        if value_range is None:
            value_range = assumed_range(model)
        self._to_rgb = value_range if to_rgb is None else to_rgb
        self._settings = make_settings(
            preset,
            make_frame(size, spec.shape[-1], value_range, mean),
            penalty=penalty,
            parameterization=parameterization,
            regularizers=regularizers,
            transforms=transforms,
            optimizer=optimizer,
            octaves=octaves,
            octave_scale=octave_scale,
        )
        self.batch_size = check_integer("batch_size", batch_size)
        self._by_class = Objective(self._measure, self._settings)
        self._by_function: Objective | None = None
        self._lock = threading.Lock()

    @property
    def num_classes(self):
        """Number of scores of an image; with `layer`, of channels."""
        return self._measure.num_scores

    @property
    def explains_layer(self):
        """Whether it raises channels of a layer instead of classes."""
        return self._measure.place is not None

    @property
    def image_shape(self):
        """Shape of an image, `(height, width, channels)`."""
        return tuple(self._measure.image.shape[1:])

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
        settings, measure = self._settings, self._measure
        steps = settings.steps if steps is None else check_integer("steps", steps, low=0)
        every = None if frames is None else check_integer("frames", frames)
        targets = choose_targets(targets, channel, measure)
        if initial is not None:
            settings.check_inverse("`initial`")
            initial = check_initial(initial, self.image_shape)
        number = number_of_images(targets, initial, seed)
        seeds = check_seeds(seed, number)
        if targets is None and initial is None:
            highest = num_classes(self.num_classes) - 1
            raise ValueError(
                "`targets` must say which class is wanted, as there is no image to predict one "
                f"from. Received: targets=None. Pass a class, 0..{highest}."
            )
        function = targets if callable(targets) else None
        classes = np.full(number, PREDICTED, "int32")
        if function is None:
            classes = check_classes(targets, number, measure)
        if initial is not None:
            initial = np.broadcast_to(initial, (number, *self.image_shape))

        return outside_strategy(
            lambda: self._find(classes, function, seeds, initial, steps, every, verbose)
        )

    def climb(self, classes, seeds, initial=None, function=None):
        """A `Climb` of one batch that is taken step by step, as `ClassModelLogger` does.

        Args:
            classes: Class of each image, `(batch,)`, int32.
            seeds: Seed of each image, `(batch,)`, int32.
            initial: Images to start from, `(batch, height, width, channels)`, or `None`.
            function: A callable target, or `None`.
        """
        return Climb(self._objective(function), classes, seeds, initial)

    def _objective(self, function):
        """The `Objective` of a target; a function's is let go when another function comes."""
        if function is None:
            return self._by_class
        with self._lock:
            if self._by_function is None or self._by_function.function is not function:
                self._by_function = Objective(self._measure, self._settings, function)
            return self._by_function

    def _find(self, classes, function, seeds, initial, steps, every, verbose):
        def begin(part):
            start = None if initial is None else initial[part]
            return self.climb(classes[part], seeds[part], start, function)

        images, targets, scores, objectives, frames = climb_in_batches(
            begin, len(classes), self.batch_size, steps, every, verbose
        )
        targets = None if function is not None else targets - self._measure.first_class
        return ClassImages(images, self.pictures(images), targets, scores, objectives, frames)

    def probabilities(self, scores):
        """Probabilities of the classes, as `kerascam.Explainer.probabilities`.

        Args:
            scores: `(batch, classes)`, as in `ClassImages`.

        Raises:
            ValueError: With `layer`, whose values are no scores of classes.
        """
        measure = self._measure
        if measure.place is not None:
            raise ValueError(
                f"The values of '{measure.place.path}' are no scores of classes, so they have no "
                "probabilities."
            )
        return class_probabilities(np.asarray(scores, "float64"), measure.network.activation)

    def pictures(self, images):
        """RGB pictures of images, `(batch, height, width, 3)`, uint8, or `None`.

        Args:
            images: As in `ClassImages`.
        """
        if not callable(self._to_rgb) and self._settings.frame.channels not in (1, 3):
            return None
        return to_rgb(images, self._to_rgb)
