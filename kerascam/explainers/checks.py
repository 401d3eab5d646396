"""Checks of arguments."""

import math

import numpy as np


def check_integer(name, value, low=1, high=2**31 - 1):
    """Returns an integer from `low` to `high`.

    Raises:
        ValueError: If it is none.
    """
    whole = hasattr(value, "__index__") and np.ndim(value) == 0 and not isinstance(value, bool)
    if not (whole and low <= value.__index__() <= high):
        limit = "" if high == 2**31 - 1 else f" and at most {high}"
        raise ValueError(
            f"`{name}` must be an integer of at least {low}{limit}. Received: {value!r}."
        )
    return value.__index__()


def check_number(name, value, low=-math.inf, high=math.inf):
    """Returns a finite number from `low` to `high`.

    Raises:
        ValueError: If it is none.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not (math.isfinite(number) and low <= number <= high):
        limits = "" if low == -math.inf else f" of at least {low:g}"
        limits += "" if high == math.inf else f" and at most {high:g}"
        raise ValueError(f"`{name}` must be a number{limits}. Received: {value!r}.")
    return number
