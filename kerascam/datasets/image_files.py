"""Image files."""

import pathlib

import cv2
import numpy as np

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def list_images(paths, outside=None):
    """Image files among paths: files as they are, and all images below directories.

    Args:
        paths: Files and directories.
        outside: A directory whose files are left out where it lies below one of `paths`.

    Returns:
        A list of `pathlib.Path`, each file once, those of a directory in alphabetical order.
    """
    found = []
    outside = None if outside is None else pathlib.Path(outside).resolve()
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            inner = sorted(item for item in path.rglob("*") if item.is_file())
            inner = [item for item in inner if item.suffix.lower() in SUFFIXES]
            found += [item for item in inner if outside not in item.resolve().parents]
        else:
            found.append(path)
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def resize_image(picture, size):
    """Resizes a picture, without aliasing where it becomes smaller.

    Args:
        picture: `(height, width, 3)`, uint8.
        size: The new `(height, width)`.
    """
    height, width = size
    smaller = height * width < picture.shape[0] * picture.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=interpolation)


def size_within(picture, largest):
    """Height and width of a picture, made smaller where the longer side is too long."""
    scale = min(1, largest / max(picture.shape[:2]))
    return [max(1, round(scale * length)) for length in picture.shape[:2]]


def read_image(path):
    """Reads an image file.

    Args:
        path: Of a file in a format that OpenCV reads: JPEG, PNG, WebP, BMP, TIFF, GIF.

    Returns:
        RGB `(height, width, 3)`, uint8, turned as its EXIF orientation says.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it is no image.
    """
    content = np.fromfile(path, "uint8")
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except cv2.error:  # Such as a size beyond OpenCV's limit.
        picture = None
    if picture is None:
        raise ValueError(f"'{path}' is not an image, or it is broken.")
    return np.ascontiguousarray(picture[..., ::-1])
