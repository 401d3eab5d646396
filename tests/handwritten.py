"""A network that knows real handwritten digits, trained in seconds."""

import cv2
import keras
import numpy as np
from sklearn.datasets import load_digits

SIZE = 28


def digit_images(degrees=0.0, shift=0.0, scale=0.0, seed=0, copies=1):
    """The 1797 digits, 28 x 28 pixels in 0..1, turned and shifted at random; and their labels."""
    data, rng = load_digits(), np.random.default_rng(seed)
    images, labels = np.repeat(data.images / 16, copies, axis=0), np.repeat(data.target, copies)
    moved = []
    for image in images.astype("float32"):
        large = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        angle, (x, y) = rng.uniform(-degrees, degrees), rng.uniform(-shift, shift, size=2)
        moved.append(move(large, angle, x, y, 1 + rng.uniform(-scale, scale)))
    return np.stack(moved)[..., None], labels


def move(image, degrees, x, y, scale=1.0):
    """A picture `(height, width)`, turned around its centre, scaled and shifted."""
    middle = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D(middle, degrees, scale)
    matrix[:, 2] += x, y
    return cv2.warpAffine(image, matrix, image.shape[::-1])


def digit_network(epochs=6, callbacks=()):
    """A convolutional network, trained on turned and shifted digits under noise."""
    keras.utils.set_random_seed(0)
    images, labels = digit_images(degrees=15, shift=3, scale=0.15, copies=3)
    rng = np.random.default_rng(1)
    images = images + rng.uniform(0, 0.3, size=(len(images), 1, 1, 1)) * rng.normal(
        size=images.shape
    )
    model = keras.Sequential([keras.Input((SIZE, SIZE, 1))])
    for filters in (16, 32, 32):
        model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dropout(0.4))
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile(
        keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images.astype("float32"), labels, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model
