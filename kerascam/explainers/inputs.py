"""What a model takes, and what the user passed for it."""

import numpy as np


class Inputs:
    """The inputs of a model.

    Args:
        names: Name of each, the keys where a dictionary is taken.
        tensors: Symbolic tensor of each, with its shape and dtype.
    """

    def __init__(self, names, tensors):
        self._names, self._tensors = names, tensors

    def arrange(self, images):
        """Puts the inputs of one batch into the order of `model.inputs`.

        Args:
            images: An array; for a model with several inputs a list of arrays in the order of
                `model.inputs`, or a dictionary by their names.

        Returns:
            A list with what was passed for each input.

        Raises:
            ValueError: If an input is missing.
        """
        names = self._names
        if isinstance(images, dict):
            missing = [name for name in names if name not in images]
            if missing:
                raise ValueError(
                    f"`images` must have the model's inputs {names}. Received: a "
                    f"dictionary with {sorted(images)}, so {missing} are missing."
                )
            return [images[name] for name in names]
        several = len(names) > 1 and isinstance(images, (list, tuple))
        arrays = list(images) if several else [images]
        if len(arrays) != len(names):
            raise ValueError(
                f"The model takes {len(names)} inputs, {names}. Received: "
                f"{len(arrays)}. Pass a list of arrays in this order, or a dictionary."
            )
        return arrays

    def check(self, images):
        """Checks images, before any work.

        Args:
            images: As in `arrange`.

        Returns:
            A list of arrays, one for each input of the model, with the dtype that it takes.

        Raises:
            TypeError: If the dtype is wrong.
            ValueError: If the number of inputs, the shape or the values are wrong.
        """
        arrays = self.arrange(images)
        checked = [
            _check_array(array, tensor) for array, tensor in zip(arrays, self._tensors, strict=True)
        ]
        if len({len(array) for array in checked}) != 1:
            raise ValueError(
                "All inputs must have one entry for each image. Received: lengths "
                f"{[len(array) for array in checked]}."
            )
        return checked


def _check_array(array, tensor):
    """Checks one input; the first mistake found is raised."""
    array = np.asarray(array)
    if tensor.shape[-1] == 1 and array.ndim == len(tensor.shape) - 1 > 1 and array.shape[-1] != 1:
        array = array[..., None]  # Grey images without a channel axis, as Keras takes them.
    expected = ("batch", *tensor.shape[1:])
    described = "(" + ", ".join("any" if size is None else str(size) for size in expected) + ")"
    if array.ndim == len(expected) - 1:
        raise ValueError(
            f"Images must have the shape {described}. Received: {array.shape}. A single image "
            "needs a batch axis: pass `image[None]`."
        )
    if array.ndim != len(expected) or any(
        size not in (None, actual)
        for size, actual in zip(tensor.shape[1:], array.shape[1:], strict=True)
    ):
        raise ValueError(f"Images must have the shape {described}. Received: {array.shape}.")
    if len(array) == 0:
        raise ValueError("There must be at least one image. Received: none.")
    wants_float = "float" in tensor.dtype
    if wants_float and array.dtype.kind in "iub":
        raise TypeError(
            f"The model takes {tensor.dtype} images. Received: {array.dtype}. Pass what "
            "`model.fit` is given, scaled as the model was trained, for example "
            '`images.astype("float32")`.'
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Images must be numbers. Received: dtype {array.dtype}.")
    if not wants_float and array.dtype.kind == "f":
        raise TypeError(
            f"The model takes {tensor.dtype} images. Received: {array.dtype}, of which the "
            "fractions would be lost. Pass what `model.fit` is given."
        )
    if not wants_float and tensor.dtype != "bool":
        limits = np.iinfo(tensor.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(
                f"The model takes {tensor.dtype} images, {limits.min} to {limits.max}. Received: "
                f"values from {array.min()} to {array.max()}."
            )
    # In parts: what says which values are finite is as large as what it was made of.
    bad = sum(
        int(np.size(part) - np.isfinite(part).sum())
        for part in (array[start : start + 64] for start in range(0, len(array), 64))
    )
    if bad:
        raise ValueError(f"Images must be finite. Received: {bad} values that are NaN or infinite.")
    return array.astype(tensor.dtype, copy=False)
