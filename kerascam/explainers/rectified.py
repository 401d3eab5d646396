"""What the methods share that pass gradients through ReLU by a rule of their own."""

from kerascam.backend import rectified_gradient
from kerascam.explainers.pixels import PixelExplainer


class RectifiedExplainer(PixelExplainer):
    """Explains by a gradient with another rule at every ReLU.

    The rule reaches ReLU and ReLU6 as layers, activations, `keras.ops` or TensorFlow operations,
    in nested models and Python code; also those that `hard_sigmoid`, `hard_silu` and PReLU are made
    of. Other activations keep their own gradient, and so does what is a ReLU by other means, such
    as `keras.ops.maximum(x, 0)` or a ReLU with a threshold.

    Args:
        model: See `Explainer`.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer`.
        ValueError: See `PixelExplainer`; and at the first call if the network has no ReLU, or one
            inside a loop.
    """

    rule: str

    def attribute(self, inputs, target):
        """The gradient by the rule."""
        image = self._network.image

        def score(images):
            scores = self._network.scores([*inputs[:image], images, *inputs[image + 1 :]])
            return target(scores), scores

        gradient, scores, num_relus = rectified_gradient(
            score, inputs[image], self.rule, self._network.gradient_scale
        )
        if num_relus == 0:
            raise ValueError(
                f"{type(self).__name__} changes how ReLU passes gradients, and this network has no "
                "ReLU or ReLU6, so it would be the plain gradient. Use `kc.Saliency`."
            )
        return gradient, scores
