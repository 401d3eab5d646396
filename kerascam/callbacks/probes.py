"""The images that a callback watches during training."""

import weakref
import zlib
from typing import ClassVar

import keras
import numpy as np

from kerascam.explainers import CAM, Explainer, Explanation
from kerascam.explainers.targets import check_targets
from kerascam.graph.classes import class_scores
from kerascam.metrics.truth import Truth


def take_probes(images, labels, max_images, explainer):
    """Takes the first images of what the user passed, and checks them.

    Args:
        images: An array, `(images, labels)`, or a `tf.data.Dataset` of images or of
            `(images, labels)`, batched or not. For a model with several inputs, a list or a
            dictionary of arrays stands for the images.
        labels: Labels for an array of images, or `None`.
        max_images: Number of images to keep.
        explainer: The `Explainer` that shall take them.

    Returns:
        A list of arrays, one for each input of the model, and the labels, `(num,)` or `None`.

    Raises:
        TypeError: If the images are of no such kind, or images or labels have a wrong type.
        ValueError: If their shape or number is wrong, or labels come twice or do not exist.
    """
    own_labels = None
    is_dataset = hasattr(images, "element_spec")
    if isinstance(images, tuple) and len(images) == 2:
        images, own_labels = images
    elif is_dataset:
        images, own_labels = _from_dataset(images, max_images, explainer)
    elif isinstance(images, keras.utils.PyDataset) or hasattr(images, "__next__"):
        raise TypeError(
            "`images` must be an array, (images, labels) or a `tf.data.Dataset`. Received: "
            f"{type(images).__name__}. Take a batch out of it: `dataset[0]`, or `next(generator)`."
        )
    if labels is not None and own_labels is not None:
        raise ValueError(
            "Labels came twice: in `labels` and with the images. Pass them in one place."
        )
    labels = own_labels if labels is None else labels
    if isinstance(labels, dict):
        raise ValueError(
            "Labels must be those of the explained output. Received: a dictionary with "
            f"{sorted(labels)}. Pass one of them as `labels=`, with the images alone."
        )
    arrays = [np.atleast_1d(array) for array in explainer.arrange(images)]
    num_images = len(arrays[0])
    # Copies: what the user does with his arrays later changes no picture.
    arrays = [np.array(array[:max_images]) for array in arrays]
    inputs = explainer.check_images(arrays if len(arrays) > 1 else arrays[0])
    if labels is None:
        return inputs, None
    labels = np.asarray(labels)
    if is_dataset and own_labels is None:
        labels = labels[:num_images]  # Only so many images were taken.
    if labels.ndim == 0 or len(labels) != num_images:
        raise ValueError(
            "There must be one label for each image. Received: labels of shape "
            f"{labels.shape} for {num_images} images."
        )
    labels = labels[:max_images]
    return inputs, check_targets(labels, len(labels), explainer.num_classes, name="labels")


def take_truth(boxes, masks, images, explainer, number, size):
    """Where the objects of the images are, as far as the user says.

    Args:
        boxes: True boxes, or `None`.
        masks: True masks, or `None`.
        images: As in `take_probes`.
        explainer: As in `take_probes`.
        number: Number of images that were taken, the first ones.
        size: `(height, width)` of the images.

    Returns:
        A `Truth` with boxes and masks each from where they were given, the other from it where
        they were not; `None` where nothing was.

    Raises:
        TypeError: If masks are no booleans.
        ValueError: If boxes or masks are wrong, or not one for each image.
    """
    if masks is not None and np.asarray(masks).dtype != bool:
        raise TypeError(
            f"`masks` must be booleans. Received: dtype {np.asarray(masks).dtype}. Pass them as "
            "`masks > 0`."
        )
    given = None
    if not hasattr(images, "element_spec"):
        pair = isinstance(images, tuple) and len(images) == 2
        given = len(explainer.arrange(images[0] if pair else images)[0])
    truths = []
    for part in (boxes, masks):
        if part is None:
            continue
        part = part.to_list() if hasattr(part, "to_list") else part  # A ragged tensor.
        if not hasattr(part, "__getitem__"):
            raise TypeError(
                f"`boxes` and `masks` must be arrays or lists. Received: {type(part).__name__}."
            )
        if len(part) < number or (given is not None and len(part) != given):
            raise ValueError(
                f"There must be boxes or a mask for each image. Received: {len(part)} for "
                f"{number if given is None else given} images."
            )
        truths.append(Truth(part[:number], size))
    if not truths:
        return None
    truths[0].masks = truths[-1].masks
    return truths[0]


def check_explainer(explainer):
    """Checks that what the user passed makes an explainer of a model.

    Raises:
        ValueError: If it does not.
    """
    if isinstance(explainer, Explainer) or not callable(explainer):
        raise ValueError(
            "`explainer` must be a class such as `kc.CAM`, or a function from the model to an "
            f"explainer. Received: {type(explainer).__name__}. An explainer that was built "
            "already can't follow a model into training: pass its class."
        )


def build_sequential(model, images):
    """Builds a `Sequential` that was not built yet for images, as `fit` is about to do."""
    if isinstance(model, keras.Sequential) and not model.built:
        shape = batch_shape(images)
        if shape is not None:
            model.build(shape)


def batch_shape(images):
    """Shape of a batch of pictures, `(None, height, width, channels)`; `None` for anything else.

    Args:
        images: As in `take_probes`.
    """
    images = images[0] if isinstance(images, tuple) else images
    spec = getattr(images, "element_spec", None)
    array = images if spec is None else keras.tree.flatten(spec)[0]
    shape = getattr(array, "shape", ())
    if getattr(shape, "rank", 0) is None:
        return None
    shape = tuple(shape)
    if spec is not None and len(shape) == 3:
        shape = (None, *shape)
    return (None, *shape[1:]) if len(shape) == 4 else None


def _from_dataset(dataset, max_images, explainer):
    """The first images and labels of a `tf.data.Dataset`."""
    has_labels = isinstance(dataset.element_spec, tuple)
    first = next(iter(dataset), None)
    if first is None:
        raise ValueError("`images` must hold at least one image. Received: an empty data set.")
    ranks = [len(array.shape) for array in explainer.arrange(first[0] if has_labels else first)]
    if ranks == [len(spec.shape) for spec in explainer.inputs]:
        dataset = dataset.unbatch()
    batch = next(iter(dataset.batch(max_images)))
    batch = keras.tree.map_structure(lambda tensor: tensor.numpy(), batch)
    if not has_labels:
        return batch, None
    return batch[0], batch[1] if len(batch) > 1 else None


class Probes:
    """Images that are explained again and again, once for all callbacks that watch them.

    What another callback computed of the same images, with the same explainer and the weights of
    now, is taken from there, if it shares it.

    Args:
        model: The model.
        factory: What the user passed as `explainer`.
        explain: The `Explainer` that it made.
        inputs: Arrays of the model's inputs.
        targets: Class of each image, or another target.
    """

    _known: ClassVar[weakref.WeakKeyDictionary] = weakref.WeakKeyDictionary()

    def __init__(self, model, factory, explain, inputs, targets):
        self.explain = explain
        self.inputs = inputs
        self.targets = targets
        self._factory = factory
        self._weights = model.weights
        self._siblings = self._known.setdefault(model, weakref.WeakSet())
        self._covering: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
        self._latest: tuple | None = None

    def __len__(self):
        return len(self.inputs[0])

    def explanation(self):
        """The `Explanation` with the weights of now."""
        return self._now(False)[0]

    def explanation_and_pair(self):
        """The `Explanation`, and maps of the class and of its strongest rival, a pair of arrays.

        The maps of `kerascam.CAM` are without the mean over all classes.
        """
        return self._now(True)

    def share(self):
        """Lets others take from here what was computed last, until `forget`."""
        self._siblings.add(self)

    def forget(self):
        """Keeps nothing for others any more."""
        self._siblings.discard(self)
        self._latest = None

    def _now(self, pairs):
        others = [other for other in self._siblings if other is not self]
        mark = None
        for other in others:
            if other._latest is not None and self._is_covered_by(other):
                mark = mark or _mark(self._weights)
                if other._latest[0] == mark and (not pairs or other._latest[2] is not None):
                    return _first(len(self), *other._latest[1:])
        explanation, pair = self._compute(pairs)
        if self in self._siblings:
            self._latest = (mark or _mark(self._weights), explanation, pair)
        return explanation, pair

    def _compute(self, pairs):
        inputs = self.inputs if len(self.inputs) > 1 else self.inputs[0]
        if not pairs:
            return self.explain(inputs, self.targets, verbose=0), None
        if isinstance(self.explain, CAM):
            maps, rivals, means, targets, scores = self.explain.compare(inputs, self.targets, 0)
            return Explanation(maps, targets, scores), (maps - means, rivals - means)
        explanation = self.explain(inputs, self.targets, verbose=0)
        scores = class_scores(explanation.scores)
        others = np.where(
            np.eye(scores.shape[1], dtype="bool")[explanation.targets], -np.inf, scores
        )
        rivals = self.explain(inputs, others.argmax(axis=1), verbose=0).heatmaps
        return explanation, (explanation.heatmaps, rivals)

    def _is_covered_by(self, other):
        """Whether another's images begin with these, explained in the same way."""
        if other not in self._covering:
            number = len(self)
            targets = [self.targets, other.targets]
            if all(isinstance(target, np.ndarray) for target in targets):
                same = np.array_equal(targets[0], targets[1][:number])
            else:
                same = targets[0] is targets[1]
            self._covering[other] = (
                same
                and self._factory is other._factory
                and len(self.inputs) == len(other.inputs)
                and all(
                    np.array_equal(mine, theirs[:number])
                    for mine, theirs in zip(self.inputs, other.inputs, strict=True)
                )
            )
        return self._covering[other]


def _mark(weights):
    """A number for the values of all weights, to see that they are the same as before."""
    mark = 0
    for weight in weights:
        value = keras.ops.convert_to_numpy(weight.value)
        mark = zlib.adler32(value.tobytes(), mark)
    return mark


def _first(number, explanation, pair):
    heatmaps, targets, scores = explanation
    targets = None if targets is None else targets[:number]
    cut = Explanation(heatmaps[:number], targets, scores[:number])
    return cut, pair and tuple(maps[:number] for maps in pair)
