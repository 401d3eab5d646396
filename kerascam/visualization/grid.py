"""Many pictures in one."""

import math

import numpy as np

from kerascam._checks import check_pictures


def grid(pictures, columns=None, padding=2, background=255):
    """Lays pictures out in rows.

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8.
        columns: Pictures in a row. Default: as many as make the grid about square.
        padding: Pixels between two pictures.
        background: Grey level of the padding and of empty places, 0 to 255.

    Returns:
        One RGB picture `(rows * height + ..., columns * width + ..., 3)`, uint8.

    Raises:
        ValueError: If there is no picture, or `columns` is not positive.

    Example:
        >>> grid(np.zeros((6, 10, 10, 3), "uint8"), columns=3).shape
        (22, 34, 3)
    """
    pictures = check_pictures(pictures)
    number, height, width, _ = pictures.shape
    if number == 0:
        raise ValueError("There must be at least one picture. Received: none.")
    if columns is None:
        columns = math.ceil(math.sqrt(number))
    if columns < 1:
        raise ValueError(f"`columns` must be positive. Received: columns={columns!r}.")
    rows = math.ceil(number / columns)
    cells = np.full((rows, columns, height + padding, width + padding, 3), background, "uint8")
    cells.reshape(-1, *cells.shape[2:])[:number, :height, :width] = pictures
    sheet = cells.swapaxes(1, 2).reshape(rows * (height + padding), -1, 3)
    return sheet[: sheet.shape[0] - padding, : sheet.shape[1] - padding]
