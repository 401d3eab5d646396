"""A network that knows real handwritten digits, trained in seconds."""

import cv2
import keras
import numpy as np
from sklearn.datasets import load_digits

import kerascam as kc

SIZE = 28
CANVAS, DIGIT = 48, 24


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


def canvases(digits, labels, number, seed):
    """Digits in a quarter of the canvas, among strokes cut out of other digits."""
    rng = np.random.default_rng(seed)
    images = np.zeros((number, CANVAS, CANVAS, 1), "float32")
    masks = np.zeros((number, CANVAS, CANVAS), "bool")
    chosen = rng.integers(len(digits), size=number)
    for image, mask, index in zip(images[..., 0], masks, chosen, strict=True):
        for _ in range(12):
            piece = cv2.resize(digits[rng.integers(len(digits))], (DIGIT, DIGIT))
            top, left = rng.integers(DIGIT - 6, size=2)
            piece = piece[top : top + 6, left : left + 6]
            y, x = rng.integers(CANVAS - 6, size=2)
            image[y : y + 6, x : x + 6] = np.maximum(image[y : y + 6, x : x + 6], piece)
        y, x = rng.integers(CANVAS - DIGIT + 1, size=2)
        image[y : y + DIGIT, x : x + DIGIT] = cv2.resize(digits[index], (DIGIT, DIGIT))
        mask[y : y + DIGIT, x : x + DIGIT] = True
        image += rng.normal(scale=0.05, size=image.shape)
    return np.clip(images, 0, 1), labels[chosen], masks


def canvas_network(pooling="average"):
    """A GAP network for such canvases."""
    backbone = keras.Sequential([keras.Input((CANVAS, CANVAS, 1))], name="backbone")
    for filters, pool in [(16, True), (32, True), (64, False), (64, False)]:
        backbone.add(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False))
        backbone.add(keras.layers.BatchNormalization(momentum=0.9))
        backbone.add(keras.layers.ReLU())
        if pool:
            backbone.add(keras.layers.MaxPooling2D(2))
    return kc.models.cam_classifier(backbone, 10, pooling=pooling)
