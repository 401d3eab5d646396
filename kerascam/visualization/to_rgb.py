"""From what a model takes back to what a person sees."""

import numpy as np

# Mean and standard deviation of the ImageNet preprocessing modes of `keras.applications`, RGB.
_TORCH = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_CAFFE_MEAN = np.array([123.68, 116.779, 103.939])


def to_rgb(images, preprocessing=None):
    """Undoes the preprocessing of a model, so that its images can be shown.

    Args:
        images: Images as the model takes them, `(batch, height, width, channels)` with one channel
            (grey) or three.
        preprocessing: What was done to the images: a range `(low, high)` such as `(0, 255)`,
            `(0, 1)` or `(-1, 1)`; `"tf"` (the same as `(-1, 1)`), `"torch"` or `"caffe"`, the
            modes of `keras.applications`; or a function from such images to RGB
            `(batch, height, width, 3)`, uint8 or float in 0..255. Default: guessed from the values
            of all images together; what fits none of these is stretched from the lowest to the
            highest value.

    Returns:
        RGB pictures `(batch, height, width, 3)`, uint8.

    Raises:
        ValueError: If the shape or the name is wrong.

    Example:
        >>> to_rgb(np.array([[[[-1.0, 0.0, 1.0]]]]), (-1, 1)).tolist()
        [[[[0, 128, 255]]]]

    Reference:
        `keras.applications.imagenet_utils.preprocess_input`.
    """
    images = np.asarray(images)
    if callable(preprocessing):
        return _checked_result(np.asarray(preprocessing(images)), len(images))
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "Images must have the shape (batch, height, width, channels) with 1 or 3 channels to "
            f"be shown. Received: {images.shape}. For others, pass a function from images to RGB "
            "pictures (`to_rgb=` in a callback)."
        )
    if preprocessing is None:
        preprocessing = _guess(images)
    images = images.astype("float64")
    low, high = black_and_white(preprocessing)
    rgb = 255 * (images - low) / (high - low)
    if isinstance(preprocessing, str) and preprocessing == "caffe":
        rgb = rgb[..., ::-1]
    rgb = np.rint(np.clip(np.nan_to_num(rgb), 0, 255)).astype("uint8")
    return np.ascontiguousarray(np.broadcast_to(rgb, (*rgb.shape[:-1], 3)))


def black_and_white(preprocessing):
    """What a preprocessing makes of black and of white, each a number or one for each channel.

    Args:
        preprocessing: A range or a mode, as in `to_rgb`.

    Raises:
        ValueError: If it is none of these.
    """
    mode = preprocessing if isinstance(preprocessing, str) else None
    if mode == "tf":
        return -1.0, 1.0
    if mode == "torch":
        mean, deviation = _TORCH
        return -mean / deviation, (1 - mean) / deviation
    if mode == "caffe":  # Keras has turned RGB into BGR.
        return -_CAFFE_MEAN[::-1], 255 - _CAFFE_MEAN[::-1]
    try:
        low, high = (float(value) for value in preprocessing)
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise ValueError(
            '`preprocessing` must be (low, high) with low < high, "tf", "torch", "caffe" or a '
            f"function. Received: {preprocessing!r}."
        )
    return low, high


def _guess(images):
    """The usual ranges, with some room, as resizing overshoots."""
    low, high = float(images.min()), float(images.max())
    has_colors = images.shape[-1] == 3
    if low >= -0.1 and high <= 1.1:
        return 0.0, 1.0
    if low >= -1.1 and high <= 1.1:
        return -1.0, 1.0
    if has_colors and low >= -2.2 and high <= 2.7:
        return "torch"
    if low >= -10 and 20 < high <= 265:
        return 0.0, 255.0
    if has_colors and low >= -124 and 20 < high <= 152:
        return "caffe"
    return low, high if high > low else low + 1.0


def _checked_result(rgb, number):
    if rgb.ndim != 4 or rgb.shape[-1] != 3 or len(rgb) != number:
        raise ValueError(
            "The function to RGB must return pictures of shape (batch, height, width, 3). "
            f"Received: {rgb.shape} for {number} images."
        )
    if rgb.dtype == np.uint8:
        return rgb
    return np.rint(np.clip(np.nan_to_num(rgb), 0, 255)).astype("uint8")
