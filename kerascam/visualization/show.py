"""A figure in a notebook."""

import os
import sys
import tempfile

import PIL.Image

from kerascam.visualization.encode import encode
from kerascam.visualization.sheet import sheet


def show(images, heatmaps=None, labels=None, **options):
    """Shows images and heatmaps: in a notebook below the cell, elsewhere in the system's viewer.

    On a machine without a screen it writes a file and prints its name. `sheet` returns the picture
    instead.

    Args:
        images: See `sheet`.
        heatmaps: See `sheet`.
        labels: See `sheet`.
        **options: See `sheet`.

    Raises:
        ValueError: As `sheet` does.

    Example:
        >>> show(np.zeros((2, 64, 64, 3)), np.ones((2, 8, 8)))
    """
    picture = sheet(images, heatmaps, labels, **options)
    if _show_in_notebook(picture):
        return
    if sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        PIL.Image.fromarray(picture).show()
        return
    with tempfile.NamedTemporaryFile(prefix="kerascam-", suffix=".png", delete=False) as file:
        file.write(encode(picture))
    print(f"There is no screen to show the picture on. Wrote {file.name}.")


def _show_in_notebook(picture):
    """Whether a notebook runs this, which the picture is shown in then."""
    try:
        from IPython import get_ipython
        from IPython.display import Image, display
    except ImportError:
        return False
    if not hasattr(get_ipython(), "kernel"):
        return False
    display(Image(encode(picture, "jpeg")))
    return True
