"""Class activation mapping."""

from keras import ops

from kerascam.autodiff import gradients
from kerascam.explainers.base import Explainer
from kerascam.explainers.targets import CallableTarget
from kerascam.graph import Place, find_gap_head
from kerascam.layers.cam_head import weighted_sum


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
        output: See `Explainer`.
        score: See `Explainer`.
        batch_size: See `Explainer`.

    Raises:
        ValueError: If the network ends otherwise; the message names the layer in the way.

    Example:
        >>> import numpy as np
        >>> model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
        >>> explain = CAM(model)
        >>> heatmaps, targets, scores = explain(np.zeros((2, 96, 96, 3), "float32"), targets=7)
        >>> heatmaps.shape, targets.tolist(), scores.shape
        ((2, 3, 3), [7, 7], (2, 1000))

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 2.
    """

    def __init__(self, model, *, output=None, score=None, batch_size=32):
        super().__init__(model, output=output, score=score, batch_size=batch_size)
        graph = self._network.graph
        self._head = find_gap_head(graph, self._network.score)
        features = self._head.features
        self._place = Place("features", graph.tensors[features], features)

    def explain(self, inputs, target):
        """Maps and scores of one batch."""
        features, scores = self._network.features_and_scores(inputs, self._place)
        return weighted_sum(features, self._weights(scores, target)), scores

    def _weights(self, scores, target):
        """Weight of each channel for each image, `(batch, channels)`."""
        kernel = self._head.kernel()
        if isinstance(target, CallableTarget):
            direction = gradients(lambda watch: (target(watch(scores)), None))[0][0]
            return direction if kernel is None else ops.matmul(direction, ops.transpose(kernel))
        classes = target.classes(scores)
        if self.num_classes == 1:
            sign = ops.expand_dims(ops.cast(2 * classes - 1, "float32"), 1)
            return sign if kernel is None else sign * ops.transpose(kernel)
        if kernel is None:
            return ops.one_hot(classes, self.num_classes, dtype="float32")
        return ops.transpose(ops.take(kernel, classes, axis=1))
