"""How strongly things act on each image."""

import math
from typing import NamedTuple

import numpy as np

_AUTO_LENGTH = 0.4  # Root mean square of an image with `penalty="auto"`, as a share of the range.
_AUTO_STEP = 0.03  # Of the way to a linear score's maximum, for plain ascent's first step.


class Strengths(NamedTuple):
    """A number of each image, `(batch,)`.

    Attributes:
        penalties: Penalty on its squared norm.
        scales: Unit of the relative regularizers.
        rates: What its gradient is multiplied by.
    """

    penalties: np.ndarray
    scales: np.ndarray
    rates: np.ndarray


def choose_strengths(settings, norms):
    """The `Strengths` by the gradients at the start.

    Args:
        settings: The `Settings`.
        norms: Norm of each image's gradient, `(batch,)`.
    """
    frame = settings.frame
    number = math.prod(frame.size) * frame.channels
    spread = float(frame.spread.mean()) * math.sqrt(number)
    length = _AUTO_LENGTH * spread
    scales = spread * norms
    if settings.penalty == "auto":
        penalties = norms / (2 * length)
    else:
        penalties = np.full(len(norms), settings.penalty)
    if settings.has_own_optimizer:
        rates = np.ones(len(norms))
    elif settings.optimizer is not None:
        # Gradients of the size of one: Adam's epsilon is too large for small ones.
        rates = number / np.where(scales > 0, scales, 1)
    else:
        # The way to a linear score's maximum is the gradient by 2 lambda; without a penalty there
        # is none, and an image of the length that "auto" aims at stands for it.
        divisor = np.where(penalties > 0, 2 * penalties, norms / length)
        rates = _AUTO_STEP / np.where(divisor > 0, divisor, 1)
    return Strengths(penalties, scales, rates)
