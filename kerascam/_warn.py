"""Warnings that point to the user's line."""

import inspect
import warnings

_PACKAGE = __name__.partition(".")[0]


def warn_user(message):
    """Warns at the line that led into this package, however deep in it this is called."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
