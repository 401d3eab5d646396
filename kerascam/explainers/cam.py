"""Class activation mapping."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops
from typing_extensions import Unpack

from kerascam.backend import compile_function, gradients
from kerascam.explainers.explainer import Explainer
from kerascam.explainers.predictor import PredictorArguments
from kerascam.explainers.targets import CallableTarget, ClassTarget, check_targets
from kerascam.graph import GraphPlace, find_gap_head
from kerascam.graph.classes import class_scores
from kerascam.layers.cam_head import weighted_sum


class Comparison(NamedTuple):
    """Maps of two classes of each image, from one forward pass.

    Attributes:
        heatmaps: Of the class of each image, `(batch, h, w)`.
        rivals: Of the class with the highest score among all others.
        means: Mean of the maps of all classes. The maps of a softmax head are defined only up to
            one map that is the same for all classes; maps minus their mean do not depend on it.
        targets: Class of each image, `(batch,)`.
        scores: Scores of all classes before softmax or sigmoid, `(batch, classes)`.
    """

    heatmaps: np.ndarray
    rivals: np.ndarray
    means: np.ndarray
    targets: np.ndarray
    scores: np.ndarray


class CAM(Explainer):
    """Class activation maps of a network that ends in global pooling and one linear layer.

    One forward pass gives the scores and the map `M_c(x, y) = sum_k w_k^c f_k(x, y)` of where the
    score of class `c` comes from: `mean_xy M_c + b_c = S_c` with average pooling, and
    `sum_xy M_c + b_c = S_c` with sum pooling. The bias is not part of the map.

    The network may end in global average, sum or max pooling (a layer, `keras.ops.mean`, or
    pooling with a window as large as the map), followed by Dropout, BatchNormalization (folded
    into the weights) and one linear layer (`Dense`, a 1x1 convolution, `CAMHead`); or in a
    convolution to classes followed by pooling, where the class channel is the map.

    A callable target is explained by the same sum over its gradient with respect to the scores,
    which is exact for a linear one such as a contrast of two classes.

    Args:
        model: See `Explainer`.
        **kwargs: See `Explainer`.

    Raises:
        ValueError: If the network ends otherwise; the message names the layer in the way.

    Example:
        >>> explain = CAM(model)
        >>> heatmaps, targets, scores = explain(images, targets=7)
        >>> heatmaps.shape, targets.tolist(), scores.shape
        ((2, 4, 4), [7, 7], (2, 10))

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 2.
    """

    def __init__(self, model, **kwargs: Unpack[PredictorArguments]):
        super().__init__(model, **kwargs)
        graph = self._network.graph
        self._head = find_gap_head(graph, self._network.score)
        features = self._head.features
        self._place = GraphPlace("features", graph.tensors[features], features)
        self._both = compile_function(
            self._compare, self.inputs, keras.KerasTensor((None,), dtype="int32")
        )

    def compare(self, images, targets=None, verbose="auto"):
        """Maps of each image's class, of its strongest rival, and the mean over all classes.

        Args:
            images: See `Explainer`.
            targets: Class of each image, or one for all. Default: the predicted ones.
            verbose: See `Explainer`.

        Returns:
            A `Comparison` tuple.

        Raises:
            TypeError: If images or targets have a wrong type.
            ValueError: If they have a wrong shape, or a target does not exist.
        """
        inputs = self.check_images(images)
        classes = check_targets(targets, len(inputs[0]), self.num_classes)
        return Comparison(
            *self._in_batches(
                lambda *batch: self._both(list(batch[:-1]), batch[-1]),
                [*inputs, classes],
                verbose,
            )
        )

    def shift_ambiguity(self):
        """How much of the weights all classes share, `|mean_c w_c| / mean_c |w_c|`, 0 to 1.

        Softmax does not see this part, but each map has it: where it is large, look at maps minus
        their mean, or at the contrast of two classes. `None` where there are no two classes or
        each channel is a class.
        """
        kernel = self._head.kernel()
        if kernel is None or self.num_classes == 1:
            return None
        kernel = ops.convert_to_numpy(kernel).astype("float64")
        lengths = np.linalg.norm(kernel, axis=0).mean()
        return 0.0 if lengths == 0 else float(np.linalg.norm(kernel.mean(axis=1)) / lengths)

    def explain(self, inputs, target):
        """Maps and scores of one batch."""
        features, scores = self._network.features_and_scores(inputs, self._place)
        return weighted_sum(features, self._weights(scores, target)), scores

    def _kernel(self):
        """Weights `(channels, num_scores)`: the identity where each channel is a class."""
        kernel = self._head.kernel()
        return ops.eye(self.num_classes) if kernel is None else kernel

    def _weights(self, scores, target):
        """Weight of each channel for each image, `(batch, channels)`."""
        if isinstance(target, CallableTarget):
            direction = gradients(lambda watch: (target(watch(scores)), None))[0][0]
            return ops.matmul(direction, ops.transpose(self._kernel()))
        kernel = class_scores(self._kernel())  # Of one unit also that of the other class.
        return ops.transpose(ops.take(kernel, target.classes(scores), axis=1))

    def _compare(self, inputs, classes):
        target = ClassTarget(classes)
        features, scores = self._network.features_and_scores(inputs, self._place)
        own = target.classes(scores)
        every = class_scores(scores)
        hidden = ops.one_hot(own, every.shape[-1], dtype="bool")
        rival = ops.cast(ops.argmax(ops.where(hidden, -np.inf, every), axis=-1), "int32")
        maps, rivals = (
            weighted_sum(features, self._weights(scores, ClassTarget(chosen)))
            for chosen in (own, rival)
        )
        means = weighted_sum(features, ops.mean(class_scores(self._kernel()), axis=1))
        return maps, rivals, means, own, scores
