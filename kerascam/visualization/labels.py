"""Words under a picture."""

import cv2
import numpy as np

from kerascam._checks import check_pictures

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BACKGROUND = 32


def add_labels(pictures, lines, color=(255, 255, 255)):
    """Adds a band with lines of text below each picture.

    Nothing of the picture is covered. A line that is too long is set smaller, and cut where it
    would become unreadable. What the font lacks is drawn as `?` (OpenCV 4 has ASCII only).

    Args:
        pictures: RGB `(batch, height, width, 3)`, uint8.
        lines: For each picture a list of strings, all lists of the same length.
        color: RGB of the text, or one RGB for each picture.

    Returns:
        RGB pictures `(batch, height + band, width, 3)`, uint8.

    Raises:
        ValueError: If there is not one list of lines for each picture, or they differ in length.

    Example:
        >>> add_labels(np.zeros((1, 224, 224, 3), "uint8"), [["true: cat"]]).shape
        (1, 246, 224, 3)
    """
    pictures = check_pictures(pictures)
    if len(lines) != len(pictures) or len({len(texts) for texts in lines}) > 1:
        raise ValueError(
            "There must be one list of lines for each picture, all of the same length. Received: "
            f"lengths {[len(texts) for texts in lines]} for {len(pictures)} pictures."
        )
    number, _, width, _ = pictures.shape
    line_height = max(8, round(width / 10.2))
    band_height = line_height * (len(lines[0]) if number else 0)
    band = np.full((number, band_height, width, 3), _BACKGROUND, "uint8")
    colors = np.broadcast_to(np.asarray(color), (number, 3)).tolist()
    for picture, texts, rgb in zip(band, lines, colors, strict=True):
        for row, text in enumerate(texts):
            _draw(picture, text, row * line_height, line_height, rgb)
    return np.concatenate([pictures, band], axis=1)


def _draw(picture, text, top, line_height, color):
    margin = max(2, line_height // 5)
    room = picture.shape[1] - 2 * margin
    scale = line_height / 42
    text, scale = _fit(text, room, scale)
    baseline = top + round(0.72 * line_height)
    cv2.putText(picture, text, (margin, baseline), _FONT, scale, color, 1, cv2.LINE_AA)


def _fit(text, room, scale):
    """Sets a text smaller by up to a quarter, and cuts it if it is still too long."""
    width = _width(text, scale)
    if width > room:
        scale = max(0.75 * scale, scale * room / width)
    while len(text) > 1 and _width(text, scale) > room:
        text = text[:-3].rstrip() + ".." if len(text) > 3 else text[:-1]
    return text, scale


def _width(text, scale):
    return cv2.getTextSize(text, _FONT, scale, 1)[0][0]
