"""What TensorFlow says by itself is kept from the terminal."""

import faulthandler
import os
import sys

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def silence_tensorflow():
    """Hides the messages of TensorFlow's native code, unless the user has set its log level.

    For a process of the command line's own, before TensorFlow is imported. Not all messages heed
    the level: those about CUDA that come while TensorFlow is loaded do not. So what is written to
    the standard error by other means than Python's `sys.stderr` goes nowhere.
    """
    if _LEVEL in os.environ:
        return
    os.environ[_LEVEL] = "3"
    try:
        terminal = os.dup(2)
    except OSError:  # There is no standard error.
        return
    sys.stderr = open(  # noqa: SIM115 - for as long as the process lives
        terminal, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    faulthandler.enable(sys.stderr)  # Should the native code crash, that is seen.
