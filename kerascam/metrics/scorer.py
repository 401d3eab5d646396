"""Scores of images that a metric changes."""

import numpy as np
from typing_extensions import Unpack

from kerascam._checks import check_heatmaps
from kerascam.backend import compile_function
from kerascam.explainers import Explainer
from kerascam.explainers.predictor import Predictor, PredictorArguments
from kerascam.explainers.targets import PREDICTED, check_targets
from kerascam.graph.classes import class_scores, predicted_classes
from kerascam.visualization import resize


class Scorer(Predictor):
    """The scores of a network, for metrics that look at many changed copies of an image.

    Every metric of faithfulness takes a model in its stead; a `Scorer` that is built once spares
    compiling it again for each of them.

    Args:
        model: See `kerascam.Explainer`.
        **kwargs: See `kerascam.Explainer`.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If the model is not built, or its scores can't be found.

    Example:
        >>> inputs = keras.Input((8, 8, 1))
        >>> outputs = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(inputs))
        >>> scorer = Scorer(keras.Model(inputs, outputs))
        >>> scorer.confidence(np.zeros((2, 8, 8, 1)), np.array([0, 2])).shape
        (2,)
    """

    def __init__(self, model, **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, **kwargs)
        self._compiled = compile_function(
            lambda inputs: [self._network.scores(inputs)], self.inputs
        )

    def __call__(self, images, *, verbose="auto"):
        """Scores before softmax or sigmoid, `(batch, classes)`, float32.

        Args:
            images: As the model takes them, `(batch, height, width, channels)`.
            verbose: See `kerascam.Explainer`.

        Raises:
            TypeError: If images have a wrong type.
            ValueError: If they have a wrong shape.
        """
        inputs = self.check_images(images)
        return self._in_batches(lambda *batch: self._compiled(list(batch)), inputs, verbose)[0]

    def classes(self, images, targets=None):
        """Class of each image, `(batch,)`, int32.

        Args:
            images: As in a call.
            targets: `None` (the predicted classes), a class, or one for each image.
        """
        number = len(self.check_images(images)[0])
        classes = check_targets(targets, number, self.num_classes)
        if (classes == PREDICTED).any():
            classes = predicted_classes(self(images, verbose=0)).astype("int32")
        return classes

    def confidence(self, images, classes):
        """Probability of a class of each image, `(batch,)`, float64.

        Args:
            images: As in a call.
            classes: Class of each image, `(batch,)`.
        """
        return self._of_classes(self.class_probabilities, images, classes)

    def class_score(self, images, classes):
        """Score before softmax or sigmoid of a class of each image, `(batch,)`, float64.

        Args:
            images: As in a call.
            classes: Class of each image, `(batch,)`.
        """
        return self._of_classes(class_scores, images, classes).astype("float64")

    def _of_classes(self, values, images, classes):
        scores = self(images, verbose=0)
        classes = check_targets(classes, len(scores), self.num_classes)
        return values(scores)[np.arange(len(classes)), classes]


def to_scorer(model):
    """A `Scorer` of a model; one that is one already stays."""
    return model if isinstance(model, Scorer) else Scorer(model)


def check_pictures_of_one_input(scorer, images):
    """Images `(batch, height, width, channels)`, float32, of a model with no other input.

    Raises:
        TypeError: If images have a wrong type.
        ValueError: If the model takes anything else, or the shape is wrong.
    """
    inputs = scorer.check_images(images)
    if len(inputs) != 1 or inputs[0].ndim != 4 or inputs[0].dtype.kind != "f":
        described = [f"{spec.dtype}, shape {tuple(spec.shape)}" for spec in scorer.inputs]
        raise ValueError(
            "Metrics of faithfulness change images, so the model must take float images (batch, "
            f"height, width, channels) and nothing else. Received: a model of {described}."
        )
    return inputs[0]


def given_maps(scorer, images, heatmaps, targets, verbose=0):
    """The class of each image, and its map as the user or an explainer gave it.

    Args:
        scorer: See `explained`.
        images: See `explained`.
        heatmaps: See `explained`.
        targets: See `explained`.
        verbose: See `explained`.

    Returns:
        Classes `(batch,)` and maps.
    """
    if callable(targets):
        raise TypeError(
            "Metrics of faithfulness need classes: `targets` must be integers or `None`. Received: "
            "a function."
        )
    asks = isinstance(heatmaps, Explainer)
    if not asks and (callable(heatmaps) or np.asarray(heatmaps).dtype.kind not in "fiub"):
        raise TypeError(
            "`heatmaps` must be arrays (batch, h, w), or an explainer such as `kc.CAM(model)`. "
            f"Received: {heatmaps!r}."
        )
    classes = scorer.classes(images, targets)
    if asks:
        heatmaps = heatmaps(images, classes, verbose=verbose).heatmaps
    return classes, heatmaps


def explained(scorer, images, heatmaps, targets, verbose=0):
    """The class of each image, and its map at the size of the image.

    Args:
        scorer: The `Scorer`.
        images: Checked images `(batch, height, width, channels)`.
        heatmaps: Maps `(batch, h, w)`, or an `Explainer`, which is asked for them.
        targets: `None` (each image's predicted class), a class, or one for each image.
        verbose: See `Explainer`.

    Returns:
        Classes `(batch,)` and maps `(batch, height, width)`, float64.
    """
    classes, heatmaps = given_maps(scorer, images, heatmaps, targets, verbose)
    heatmaps = check_heatmaps(heatmaps)
    if len(heatmaps) != len(images):
        raise ValueError(
            "There must be one heatmap for each image. Received: "
            f"{len(heatmaps)} heatmaps for {len(images)} images."
        )
    return classes, resize(heatmaps, images.shape[1:3])
