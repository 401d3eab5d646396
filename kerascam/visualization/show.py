"""A figure in a notebook."""

import PIL.Image

from kerascam.visualization.encode import encode
from kerascam.visualization.sheet import sheet


def show(images, heatmaps=None, labels=None, **options):
    """Shows images and heatmaps: in a notebook below the cell, elsewhere in the system's viewer.

    `sheet` returns the picture instead.

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
    if not _show_in_notebook(picture):
        PIL.Image.fromarray(picture).show()


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
