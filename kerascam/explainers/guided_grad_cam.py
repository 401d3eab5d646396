"""Guided Grad-CAM."""

from keras import ops
from typing_extensions import Unpack

from kerascam.explainers.features import features_and_gradients, find_place
from kerascam.explainers.grad_cam import grad_cam
from kerascam.explainers.guided_backprop import GuidedBackprop
from kerascam.explainers.interpolation import resize
from kerascam.explainers.predictor import PredictorArguments


class GuidedGradCAM(GuidedBackprop):
    """Guided backpropagation where Grad-CAM sees the class.

    `GradCAM`, enlarged to the image by linear interpolation, times `GuidedBackprop`: the details of
    the one at the places of the other.

    Args:
        model: See `Explainer`.
        layer: Layer of Grad-CAM, see `FeatureExplainer`.
        channels: See `PixelExplainer`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: See `PixelExplainer` and `FeatureExplainer`.
        ValueError: See `GuidedBackprop` and `FeatureExplainer`.

    Example:
        >>> GuidedGradCAM(model)(images).heatmaps.shape
        (2, 64, 64)

    Reference:
        Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks, section 3.3.
    """

    _is_rectified = True

    def __init__(
        self, model, *, layer=None, channels="max_abs", **kwargs: Unpack[PredictorArguments]
    ):
        super().__init__(model, channels=channels, **kwargs)
        self._place = find_place(self._network, layer, like_images=True)

    @property
    def layer(self):
        """Path of the layer of Grad-CAM."""
        return self._place.path

    def attribute(self, inputs, target):
        """Product of both."""
        guided, scores = super().attribute(inputs, target)
        [pair], _ = features_and_gradients(self._network, inputs, [self._place], target)
        size = ops.shape(guided)[1:-1]
        return ops.expand_dims(resize(grad_cam(*pair), size), -1) * guided, scores
