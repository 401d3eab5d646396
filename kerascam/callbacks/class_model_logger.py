"""Class models in TensorBoard, while a network trains."""

import warnings

import numpy as np

from kerascam import visualization
from kerascam._checks import check_integer
from kerascam.backend import outside_strategy
from kerascam.callbacks.class_names import check_class_names
from kerascam.callbacks.summary_callback import SummaryCallback
from kerascam.class_model import ClassModel
from kerascam.class_model.climb import Climb
from kerascam.explainers.targets import check_targets
from kerascam.graph.classes import class_scores, num_classes
from kerascam.visualization.encode import decode

_MOST_FRAMES = 60  # Of an animation; beyond that every second one is left out.


class ClassModelLogger(SummaryCallback):
    """Shows in TensorBoard what image looks most like a class to a network, epoch by epoch.

    For each class it writes a picture with the class's probability below, and its score and
    probability as numbers; when training ends, an animated GIF of all pictures of the class.

    With a warm start the images go on from those of the last epoch, so that a few steps in each
    are enough, and TensorBoard's slider shows how the network's idea of a class comes about. The
    loop is compiled once for the whole training. All arguments are checked when training begins,
    and a step is tried for it; what fails later never ends the training.

    Args:
        log_dir: TensorBoard's log directory, the same as that of `keras.callbacks.TensorBoard`.
            Events go to its run `kerascam`.
        classes: Classes to show, a list of indices.
        class_model: A class such as `kerascam.ClassModel`, or a function from the model to a
            `kerascam.ClassModel`, such as
            `functools.partial(kerascam.ClassModel, value_range=(-1, 1))`.
        class_names: Names of the classes in their order, or a dictionary from index to name.
            Default: their indices.
        update_freq: `"epoch"`, or a number of batches.
        steps: Number of steps of the ascent at each update. Without a warm start, as many are
            needed as for `kerascam.ClassModel`.
        warm_start: Whether to go on from the last images.
        seed: Seed of all that is random.
        image_format: `"png"` or `"jpeg"`, which is five times smaller.
        on_error: `"warn"` (a warning, and the callback is switched off), or `"raise"`.
        name: Name of the tags' group.

    Raises:
        OSError: When training begins, if `log_dir` can't be written.
        TypeError: When training begins, if classes are no integers, or the model takes integers.
        ValueError: When training begins, if anything else is wrong: the model takes no images, a
            class does not exist.

    Example:
        >>> data = kerascam.datasets.shapes(8, classes=("circle", "square"))
        >>> model = kerascam.models.cam_classifier(
        ...     keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(8, 3, 2)]), 2
        ... )
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> logger = ClassModelLogger(log_dir, classes=[0, 1], class_names=data.class_names)
        >>> history = model.fit(data.images, data.labels, verbose=0, callbacks=[logger])

    Reference:
        Simonyan et al. 2013, Deep Inside Convolutional Networks, section 2.
    """

    def __init__(
        self,
        log_dir,
        classes,
        *,
        class_model=ClassModel,
        class_names=None,
        update_freq="epoch",
        steps=32,
        warm_start=True,
        seed=0,
        image_format="png",
        on_error="warn",
        name="class_model",
    ):
        super().__init__(log_dir, update_freq, on_error)
        if isinstance(class_model, ClassModel) or not callable(class_model):
            raise ValueError(
                "`class_model` must be `kc.ClassModel`, or a function from the model to one. "
                f"Received: {type(class_model).__name__}. One that was built already can't follow "
                "a model into training: pass the class."
            )
        self.classes = classes
        self.class_model = class_model
        self.class_names = class_names
        self.steps = check_integer("steps", steps)
        self.warm_start = warm_start
        self.seed = check_integer("seed", seed, low=0)
        self.image_format = image_format
        self.name = name
        self._climb: Climb | None = None
        self._frames: list[list[bytes]] = []
        self._last: list[bytes] | None = None
        self._count, self._stride = 0, 1

    def build(self):
        """Builds the class model and tries one step."""
        self._find = self.class_model(self.model)
        if not isinstance(self._find, ClassModel) or self._find.explains_layer:
            raise TypeError(
                "`class_model` must return a `kc.ClassModel` of classes, without `layer`. "
                f"Received: {self._find!r}."
            )
        classes = np.atleast_1d(np.asarray(self.classes))
        if classes.size == 0 or len(np.unique(classes)) != classes.size:
            raise ValueError(
                "`classes` must be at least one class, none of them twice. Received: "
                f"{self.classes!r}."
            )
        self._classes = check_targets(classes, len(classes), self._find.num_classes, "classes")
        self._names = check_class_names(self.class_names, num_classes(self._find.num_classes))
        if self._find.pictures(np.zeros((1, *self._find.image_shape))) is None:
            raise ValueError(
                "Images can be shown with one channel or three. Received: images of shape "
                f"{self._find.image_shape}. Pass a function to RGB: `class_model=functools.partial("
                "kc.ClassModel, to_rgb=...)`."
            )
        with warnings.catch_warnings():  # It is said when it is done.
            warnings.simplefilter("ignore")
            outside_strategy(self._try)
        self._climb, self._last = None, None
        self._frames, self._count, self._stride = [], 0, 1
        return self.name

    def write(self, writer):
        """Writes pictures and numbers of one step."""
        pictures, scores, probabilities, size = outside_strategy(self._go_on)
        for index, c in enumerate(self._classes):
            tag = f"class_{c}"
            writer.images(f"{self._group}/{tag}", [pictures[index]], *size)
            writer.scalar(f"{self._group}_score/{tag}", scores[index])
            writer.scalar(f"{self._group}_probability/{tag}", probabilities[index])
        if self._count % self._stride == 0:
            self._frames.append(pictures)
        self._last = pictures
        self._count += 1
        if len(self._frames) > _MOST_FRAMES:
            self._frames = self._frames[::2]
            self._stride *= 2

    def finish(self, writer):
        """Writes an animation for each class."""
        if self._last is None:
            return
        shown = self._frames + [self._last] * (self._frames[-1] is not self._last)
        for c, frames in zip(self._classes, zip(*shown, strict=True), strict=True):
            pictures = np.stack([decode(frame) for frame in frames])
            animation = visualization.encode_animation(pictures)
            tag = f"{self._group}_animation/class_{c}"
            writer.images(tag, [animation], *pictures.shape[1:3])

    def _try(self):
        trial = self._begin()
        trial.advance(1)
        self._draw(trial)

    def _go_on(self):
        if self._climb is None or not self.warm_start:
            self._climb = self._begin()
        else:
            self._climb.settle()
        self._climb.advance(self.steps)
        return self._draw(self._climb)

    def _begin(self):
        seeds = np.full(len(self._classes), self.seed, "int32")
        return self._find.climb(self._classes, seeds)

    def _draw(self, climb):
        """For each class its encoded picture, score and probability; and the pictures' size."""
        images, classes, scores = climb.result()
        rows = np.arange(len(classes))
        probabilities = self._find.probabilities(scores)[rows, classes]
        scores = class_scores(scores)[rows, classes]
        lines = [
            [f"class: {self._names[c]}", f"{100 * probability:.0f} %, score {score:.3g}"]
            for c, probability, score in zip(classes, probabilities, scores, strict=True)
        ]
        shown = visualization.enlarge(self._find.pictures(images))
        labelled = visualization.add_labels(shown, lines)
        encoded = [visualization.encode(picture, self.image_format) for picture in labelled]
        return encoded, scores, probabilities, labelled.shape[1:3]
