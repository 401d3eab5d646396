"""What a model was trained on, and images as it takes them."""

# What a model may have been trained on, and what it takes for black and white then.
PREPROCESSINGS = {
    "none": (0.0, 255.0),
    "unit": (0.0, 1.0),
    "tf": "tf",
    "torch": "torch",
    "caffe": "caffe",
}


def preprocess(images, mode):
    """Images as a model takes them.

    Args:
        images: `(batch, height, width, channels)` in 0..255, float32.
        mode: One of `PREPROCESSINGS`.
    """
    if mode == "none":
        return images
    if mode == "unit":
        return images / 255
    import keras

    # It works in place.
    return keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
