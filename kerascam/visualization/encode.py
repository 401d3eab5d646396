"""Pictures as files in memory."""

import io

import cv2
import numpy as np
import PIL.Image

from kerascam._checks import check_pictures

_PARAMETERS = {"png": [], "jpeg": [cv2.IMWRITE_JPEG_QUALITY, 90]}


def encode(picture, image_format="png"):
    """Encodes one picture.

    Args:
        picture: RGB `(height, width, 3)`, uint8.
        image_format: `"png"` (exact) or `"jpeg"` (five times smaller, edges of colours smeared).

    Returns:
        The bytes of the file.

    Raises:
        ValueError: If the format is unknown.

    Example:
        >>> encode(np.zeros((2, 2, 3), "uint8"))[1:4]
        b'PNG'
    """
    if image_format not in _PARAMETERS:
        raise ValueError(
            f"`image_format` must be one of {sorted(_PARAMETERS)}. Received: "
            f"image_format={image_format!r}."
        )
    bgr = np.ascontiguousarray(np.asarray(picture)[..., ::-1])
    return cv2.imencode(f".{image_format}", bgr, _PARAMETERS[image_format])[1].tobytes()


def encode_animation(pictures, milliseconds=300):
    """Encodes pictures as an animated GIF that begins again at its end.

    Args:
        pictures: RGB `(frames, height, width, 3)`, uint8.
        milliseconds: How long each picture is shown; the last one three times as long.

    Returns:
        The bytes of the file.

    Raises:
        ValueError: If there is no picture.

    Example:
        >>> encode_animation(np.zeros((2, 4, 4, 3), "uint8"))[:6]
        b'GIF89a'
    """
    frames = [PIL.Image.fromarray(picture) for picture in check_pictures(pictures)]
    if not frames:
        raise ValueError("There must be at least one picture. Received: none.")
    content = io.BytesIO()
    durations = [milliseconds] * (len(frames) - 1) + [3 * milliseconds]
    frames[0].save(
        content, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    return content.getvalue()


def decode(content):
    """Decodes a picture that `encode` made: RGB `(height, width, 3)`, uint8."""
    return np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))
