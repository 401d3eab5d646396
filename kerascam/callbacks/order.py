"""The order of callbacks, which decides who sees whose numbers."""

import sys
import warnings
from typing import Any

import keras


def check_order(callback, keys):
    """Warns of callbacks that stand before this one and need its numbers.

    Numbers in the logs are seen only by callbacks after the one that puts them there. To be called
    from a hook.

    Args:
        callback: The callback that puts numbers into the logs.
        keys: Names of the numbers.

    Raises:
        ValueError: If one that comes after can't know whether more of a number is better.
    """
    listed = _listed(callback)
    place = next((i for i, other in enumerate(listed) if other is callback), 0)
    for other in listed[:place]:
        wanted = _wanted(other, keys)
        if wanted:
            warnings.warn(
                f"{type(other).__name__} is listed before {type(callback).__name__}, so it does "
                f"not see {wanted!r}. List {type(callback).__name__} first.",
                stacklevel=4,
            )
    for other in listed[place + 1 :]:
        monitor = getattr(other, "monitor", None)
        if monitor in keys and getattr(other, "mode", None) == "auto":
            raise ValueError(
                f"{type(other).__name__} can't know whether more or less of {monitor!r} is better, "
                f'and would end the training after its first epoch. Pass `mode="max"` or '
                '`mode="min"` to it.'
            )


def _listed(callback):
    """All callbacks of this training, in their order; from the list that called this hook."""
    frame: Any = sys._getframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.callbacks.CallbackList):
            return list(owner.callbacks)
        frame = frame.f_back
    return [callback]


def _wanted(other, keys):
    """The first of the names that a callback acts on, or `None`."""
    if getattr(other, "monitor", None) in keys:
        return other.monitor
    path = getattr(other, "filepath", None)
    return next((key for key in keys if f"{{{key}" in str(path)), None)
