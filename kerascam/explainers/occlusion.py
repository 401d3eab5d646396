"""Occlusion."""

import numpy as np
from keras import ops
from typing_extensions import Unpack

from kerascam._checks import check_integer
from kerascam.explainers import samples
from kerascam.explainers.baselines import Baseline
from kerascam.explainers.explainer import Explainer
from kerascam.explainers.pixels import explained_image
from kerascam.explainers.predictor import PredictorArguments

_SHARE = 8  # Patches of an eighth of each side, where nothing else is asked for.


class Occlusion(Explainer):
    """How much the score falls when a patch of the image is covered.

    `S(x) - S(x with the patch replaced by the baseline)`, for patches at regular strides; a pixel
    has the mean over the patches that cover it. The last patch of a row or column ends at the
    border, so that every pixel is covered. Signed. It needs one forward pass for each patch.

    Args:
        model: See `Explainer`.
        patch_size: Side of a patch in pixels, or one for each axis `(height, width)`. Default: an
            eighth of each side of the image.
        strides: Distance of patches in pixels, or one for each axis, at most `patch_size`, which
            must be passed too. Default: half of a patch.
        baseline: What covers: a number, an image `(height, width, channels)`, `"blurred"` or
            `"rise"`, see `IntegratedGradients`.
        **kwargs: See `Explainer`.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If an argument is wrong, or the model takes no images.

    Example:
        >>> explain = Occlusion(model, patch_size=32)
        >>> explain(images, verbose=0).heatmaps.shape
        (2, 64, 64)

    Reference:
        Zeiler and Fergus 2013, Visualizing and Understanding Convolutional Networks, section 4.2.
    """

    def __init__(
        self,
        model,
        *,
        patch_size=None,
        strides=None,
        baseline=0.0,
        **kwargs: Unpack[PredictorArguments],
    ):
        super().__init__(model, **kwargs)
        spec = explained_image(self._network)
        self._axes = len(spec.shape) - 2
        self.patch_size = _per_axis("patch_size", patch_size, self._axes)
        self.strides = _per_axis("strides", strides, self._axes)
        if self.strides is not None and self.patch_size is None:
            raise ValueError(
                "`strides` must come with `patch_size`. Received: "
                f"strides={self.strides}, patch_size=None."
            )
        sizes = spec.shape[1:-1]
        for patch, size in zip(self.patch_size or (), sizes, strict=False):
            if size is not None and patch > size:
                raise ValueError(
                    f"`patch_size` must fit into images of {tuple(sizes)} pixels. Received: "
                    f"{self.patch_size}."
                )
        pairs = zip(self.strides or (), self.patch_size or (), strict=False)
        if any(stride > patch for stride, patch in pairs):
            raise ValueError(
                "`strides` must be at most `patch_size`, so that every pixel is covered. "
                f"Received: strides={self.strides}, patch_size={self.patch_size}."
            )
        self._baseline = Baseline(baseline, spec)

    def explain(self, inputs, target):
        """Heatmaps and scores of one batch."""
        image = self._network.image
        images = ops.cast(inputs[image], "float32")
        scores = self._network.scores(inputs)
        target = target.fixed(scores)
        score, baseline = target(scores), self._baseline.of(images)
        size = ops.shape(images)[1:-1]
        patches = self._patches(size)
        counts = [ops.shape(starts)[0] for _, starts in patches]

        def covered(indices):
            """Masks `(patches, *size)`, one where a patch covers a pixel."""
            masks = ops.ones((1,) * (1 + self._axes))
            for axis in reversed(range(self._axes)):
                patch, starts = patches[axis]
                begin = ops.take(starts, indices % counts[axis])[:, None]
                indices = indices // counts[axis]
                pixel = ops.arange(size[axis])[None]
                inside = ops.cast((pixel >= begin) & (pixel < begin + patch), "float32")
                shape = [-1] + [1] * self._axes
                shape[1 + axis] = size[axis]
                masks = masks * ops.reshape(inside, shape)
            return masks

        def add(total, indices):
            drops, coverage = total
            masks = covered(indices)
            shaped = ops.expand_dims(ops.expand_dims(masks, 1), -1)
            occluded = images * (1 - shaped) + baseline * shaped
            replaced = samples.replace(inputs, image, occluded)
            without = target.repeated(ops.shape(occluded)[0])(self._network.scores(replaced))
            drop = score - samples.unflatten(without, occluded)
            drops = drops + ops.tensordot(ops.transpose(drop), masks, axes=[[1], [0]])
            return drops, coverage + ops.sum(masks, axis=0)

        start = (ops.zeros((ops.shape(score)[0], *size)), ops.zeros(size))
        number = counts[0]
        for count in counts[1:]:
            number = number * count
        drops, coverage = self._fold(add, start, number, inputs)
        return drops / coverage, scores

    def _patches(self, size):
        """For each axis the length of a patch and where patches begin."""
        found = []
        for axis in range(self._axes):
            length = size[axis]
            patch = self.patch_size[axis] if self.patch_size else ops.maximum(length // _SHARE, 1)
            patch = ops.minimum(patch, length)
            stride = self.strides[axis] if self.strides else ops.maximum(patch // 2, 1)
            stride = ops.minimum(stride, patch)
            number = -(-(length - patch) // stride) + 1
            found.append((patch, ops.minimum(ops.arange(number) * stride, length - patch)))
        return found


def _per_axis(name, value, axes):
    if value is None:
        return None
    values = list(value) if np.ndim(value) == 1 else [value] * axes
    if len(values) != axes:
        raise ValueError(
            f"`{name}` must be an integer, or one for each of {axes} axes. Received: {value!r}."
        )
    return tuple(check_integer(name, item) for item in values)
