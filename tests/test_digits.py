"""Real data: handwritten digits at random places of a cluttered canvas."""

import cv2
import keras
import numpy as np
import pytest
from conftest import events
from handwritten import CANVAS, canvas_network, canvases
from sklearn.datasets import load_digits

import kerascam as kc

EPOCHS = 5


@pytest.mark.exhaustive
def test_a_gap_network_finds_the_digits_it_was_never_shown_the_place_of(tmp_path):
    data = load_digits()
    digits, labels = (data.images / 16).astype("float32"), data.target
    train = canvases(digits[:1400], labels[:1400], 3000, seed=1)
    held_out = canvases(digits[1400:], labels[1400:], 300, seed=2)
    model = canvas_network()
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
    maps = kc.visualization.resize(heatmaps, (CANVAS, CANVAS)).reshape(len(images), -1)
    hits = masks.reshape(len(images), -1)[np.arange(len(images)), maps.argmax(axis=-1)]
    accuracy = np.mean(scores.argmax(axis=-1) == classes)
    print(f"accuracy {accuracy:.3f}, maximum on the digit {hits.mean():.3f}, chance {masks.mean()}")
    assert masks.mean() == 0.25  # A maximum at a random place falls on the digit this often.
    assert accuracy > 0.8
    assert hits.mean() >= 0.8
