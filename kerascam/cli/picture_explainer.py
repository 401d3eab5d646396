"""A network and a method, for pictures as they lie in files."""

import warnings

import numpy as np

from kerascam.cli.class_names import check_names, find_class
from kerascam.cli.preprocessing import PREPROCESSINGS, preprocess
from kerascam.datasets.image_files import resize_image, size_within
from kerascam.explainers import METHODS
from kerascam.explainers.features import FeatureExplainer
from kerascam.explainers.guided_grad_cam import GuidedGradCAM
from kerascam.explainers.layer_cam import LayerCAM
from kerascam.graph import assumed_range
from kerascam.graph.classes import class_scores, num_classes

METHOD_NAMES = {method.__name__.lower(): method for method in METHODS}
_LARGEST = 512  # Longer side, in pixels, of images for a network that takes any size.
_TRIAL = 256  # Sides of the picture that is tried first.


class PictureExplainer:
    """Explains pictures by a network.

    Args:
        network: A `FoundNetwork`.
        method: One of `METHOD_NAMES`.
        layer: Name of the layer, for a method that takes one.
        output: Name or index of the output, for a model with several.
        target: Index or name of the class to explain. Default: the predicted one.
        top: Number of classes to explain for each image, the most probable ones.
        preprocess: `"none"` (0..255), `"unit"` (0..1), or `"tf"`, `"torch"` or `"caffe"` as in
            `keras.applications`. Default: the network's, if it is known; `"none"` for a model that
            takes integers or has a Rescaling or Normalization layer before its first weights; else
            `"unit"`.

    Raises:
        ValueError: If an argument is wrong.
    """

    def __init__(
        self,
        network,
        method,
        layer=None,
        output=None,
        target=None,
        top=1,
        preprocess=None,
    ):
        if target is not None and top > 1:
            raise ValueError("--class and --top exclude each other. Received: both.")
        kind = METHOD_NAMES[method]
        arguments = {"output": output}
        if layer is not None:
            if not issubclass(kind, (FeatureExplainer, LayerCAM, GuidedGradCAM)):
                raise ValueError(f"--layer is not for {method}, which explains by other means.")
            arguments["layer"] = layer
        self._model = network.model
        self.method = method
        self.explain = kind(self._model, **arguments)
        shapes = [tuple(spec.shape) for spec in self.explain.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] not in (1, 3):
            raise ValueError(
                "The model must take one image (batch, height, width, channels) with 1 or 3 "
                f"channels. Received: inputs of shape {shapes}."
            )
        self.preprocess = preprocess or network.preprocess or self._guess_preprocessing()
        self._check_preprocessing()
        number = num_classes(self.explain.num_classes)
        self.names = check_names(network.class_names, number)
        self.target = None if target is None else find_class(target, self.names)
        self.top = min(top, number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self(np.zeros((_TRIAL, _TRIAL, 3), "uint8"))  # What can't work is told at once.

    def __call__(self, picture):
        """Explains one picture.

        Args:
            picture: RGB `(height, width, 3)`, uint8.

        Returns:
            Classes `(top,)`, heatmaps `(top, h, w)`, scores and probabilities `(classes,)`.
        """
        image = self._prepare(picture)[None]
        first = self.explain(image, self.target, verbose=0)
        probabilities = self.explain.class_probabilities(first.scores)[0]
        if self.target is not None:
            classes = np.array([self.target])
        else:  # By score: several probabilities may be 1.
            scores = class_scores(first.scores)[0]
            classes = np.argsort(-scores, kind="stable")[: self.top]
        heatmaps = [first.heatmaps[0]]
        heatmaps += [self.explain(image, int(c), verbose=0).heatmaps[0] for c in classes[1:]]
        return classes, np.stack(heatmaps), first.scores[0], probabilities

    def _prepare(self, picture):
        """The picture as the model takes it."""
        spec = self.explain.inputs[0]
        given = zip(spec.shape[1:3], size_within(picture, _LARGEST), strict=True)
        image = resize_image(picture, [fixed or free for fixed, free in given]).astype("float32")
        if spec.shape[-1] == 1:
            image = (image @ np.array([0.299, 0.587, 0.114], "float32"))[..., None]
        image = preprocess(image, self.preprocess)
        return (image if "float" in spec.dtype else np.rint(image)).astype(spec.dtype)

    def _guess_preprocessing(self):
        if "float" not in self.explain.inputs[0].dtype:
            return "none"
        assumed = assumed_range(self._model)
        return next(name for name, limits in PREPROCESSINGS.items() if limits == assumed)

    def _check_preprocessing(self):
        spec = self.explain.inputs[0]
        if self.preprocess != "none" and "float" not in spec.dtype:
            raise ValueError(
                f"The model takes {spec.dtype} images, so --preprocess must be none. Received: "
                f"{self.preprocess!r}."
            )
        if self.preprocess in ("torch", "caffe") and spec.shape[-1] != 3:
            raise ValueError(
                f"--preprocess {self.preprocess} is for colour images, and the model takes one "
                "channel. Pass none, unit or tf."
            )
