"""The order of callbacks, which decides who sees whose numbers."""

import re
import sys
import warnings
from typing import Any

import keras


def check_order(callback, keys, every=1):
    """Checks the callbacks that need the numbers of this one, and warns of those before it.

    Numbers in the logs are seen only by callbacks after the one that puts them there. To be called
    from a hook.

    Args:
        callback: The callback that puts numbers into the logs.
        keys: Names of the numbers.
        every: In how many epochs they are measured once.

    Returns:
        The names that stand in the path of a file, which can't be written without them.

    Raises:
        ValueError: If a callback has no mode, or less patience than `every`.
    """
    listed = _listed(callback)
    place = next((i for i, other in enumerate(listed) if other is callback), len(listed))
    for index, other in enumerate(listed):
        acts_on = _monitored(other, keys)
        wanted = [*([acts_on] if acts_on else []), *_in_path(other, keys)]
        if index < place and (wanted or isinstance(other, keras.callbacks.CSVLogger)):
            numbers = repr(wanted[0]) if wanted else f"its numbers, such as {keys[0]!r}"
            warnings.warn(
                f"{type(other).__name__} is listed before {type(callback).__name__}, so it does "
                f"not see {numbers}. List {type(callback).__name__} first.",
                stacklevel=4,
            )
        if index > place and acts_on and other.mode == "auto":
            raise ValueError(
                f"{type(other).__name__} can't know whether more or less of {acts_on!r} is better. "
                'Pass `mode="max"` or `mode="min"` to it.'
            )
        impatient = every > 1 and getattr(other, "patience", every) < every
        if index > place and acts_on and impatient:
            raise ValueError(
                f"{type(other).__name__} has a patience of {other.patience} epochs, and "
                f"{acts_on!r} is measured every {every} epochs; those in between count as no "
                f"improvement. Pass `patience={every}` or more."
            )
    return {key for other in listed for key in _in_path(other, keys)}


def check_prefix(callback):
    """Checks that no other callback of this kind puts numbers of the same names into the logs.

    Args:
        callback: The callback, with a `prefix`.

    Raises:
        ValueError: If one does.
    """
    for other in _listed(callback):
        is_other = other is not callback and isinstance(other, type(callback))
        if is_other and other.prefix == callback.prefix:
            raise ValueError(
                f"Two {type(callback).__name__} have the prefix {callback.prefix!r}, so one would "
                "overwrite the numbers of the other. Pass another `prefix=` to one."
            )


def _listed(callback):
    """All callbacks of this training, in their order.

    Keras keeps them in a local variable of `fit`, so they are looked up in what called this hook.
    """
    frame: Any = sys._getframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.callbacks.CallbackList):
            return list(owner.callbacks)
        frame = frame.f_back
    return [callback]


def _monitored(other, keys):
    """The number by which a callback decides, or `None`."""
    monitor = getattr(other, "monitor", None)
    return monitor if monitor in keys and hasattr(other, "mode") else None


def _in_path(other, keys):
    """The numbers that stand in the path of a callback's file."""
    path = str(getattr(other, "filepath", ""))
    return [key for key in keys if re.search(rf"{{{key}[:!}}]", path)]
