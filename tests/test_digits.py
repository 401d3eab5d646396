"""Real data: handwritten digits at random places of a cluttered canvas."""

import cv2
import keras
import numpy as np
import pytest
from conftest import events
from sklearn.datasets import load_digits

import kerascam as kc

SIZE, DIGIT = 48, 24
EPOCHS = 5


def canvases(digits, labels, number, seed):
    """Digits in a quarter of the canvas, among strokes cut out of other digits."""
    rng = np.random.default_rng(seed)
    images = np.zeros((number, SIZE, SIZE, 1), "float32")
    masks = np.zeros((number, SIZE, SIZE), "bool")
    chosen = rng.integers(len(digits), size=number)
    for image, mask, index in zip(images[..., 0], masks, chosen, strict=True):
        for _ in range(12):
            piece = cv2.resize(digits[rng.integers(len(digits))], (DIGIT, DIGIT))
            top, left = rng.integers(DIGIT - 6, size=2)
            piece = piece[top : top + 6, left : left + 6]
            y, x = rng.integers(SIZE - 6, size=2)
            image[y : y + 6, x : x + 6] = np.maximum(image[y : y + 6, x : x + 6], piece)
        y, x = rng.integers(SIZE - DIGIT + 1, size=2)
        image[y : y + DIGIT, x : x + DIGIT] = cv2.resize(digits[index], (DIGIT, DIGIT))
        mask[y : y + DIGIT, x : x + DIGIT] = True
        image += rng.normal(scale=0.05, size=image.shape)
    return np.clip(images, 0, 1), labels[chosen], masks


def digit_model():
    backbone = keras.Sequential([keras.Input((SIZE, SIZE, 1))], name="backbone")
    for filters, pool in [(16, True), (32, True), (64, False), (64, False)]:
        backbone.add(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False))
        backbone.add(keras.layers.BatchNormalization(momentum=0.9))
        backbone.add(keras.layers.ReLU())
        if pool:
            backbone.add(keras.layers.MaxPooling2D(2))
    return kc.models.cam_classifier(backbone, 10)


@pytest.mark.slow
def test_a_gap_network_finds_the_digits_it_was_never_shown_the_place_of(tmp_path):
    data = load_digits()
    digits, labels = (data.images / 16).astype("float32"), data.target
    train = canvases(digits[:1400], labels[:1400], 3000, seed=1)
    held_out = canvases(digits[1400:], labels[1400:], 300, seed=2)
    model = digit_model()
    rate = keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * 94)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    logger = kc.callbacks.HeatmapLogger(tmp_path, held_out[0], held_out[1])
    model.fit(train[0], train[1], epochs=EPOCHS, verbose=0, callbacks=[logger])

    found = events(tmp_path)
    for index in range(8):
        samples = found[f"cam/image_{index}"]
        assert list(samples) == list(range(EPOCHS))
        for encoded in samples.values():
            shown = [cv2.imdecode(np.frombuffer(png, "uint8"), 1) for png in encoded]
            assert [picture.shape for picture in shown] == [(240 + 48, 240, 3)] * 3
            difference = np.abs(shown[1][:240].astype(int) - shown[0][:240])
            assert difference.mean() > 5

    images, classes, masks = held_out
    heatmaps, _, scores = kc.CAM(model)(images, classes)
    maps = kc.visualization.resize(heatmaps, (SIZE, SIZE)).reshape(len(images), -1)
    hits = masks.reshape(len(images), -1)[np.arange(len(images)), maps.argmax(axis=-1)]
    accuracy = np.mean(scores.argmax(axis=-1) == classes)
    print(f"accuracy {accuracy:.3f}, maximum on the digit {hits.mean():.3f}, chance {masks.mean()}")
    assert masks.mean() == 0.25  # A maximum at a random place falls on the digit this often.
    assert accuracy > 0.8
    assert hits.mean() >= 0.8
