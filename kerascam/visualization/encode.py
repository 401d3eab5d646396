"""Pictures as files in memory."""

import cv2
import numpy as np

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
