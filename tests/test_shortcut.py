"""A network that learns a mark instead of the object is caught while it trains."""

import keras
import numpy as np
import pytest

import kerascam as kc
from kerascam.demo import demo_model

EPOCHS = 15


def with_mark(data):
    """A small square in the corner whose grey tells the class."""
    images = data.images.copy()
    images[:, 1:6, 1:6] = (0.2 + 0.2 * data.labels)[:, None, None, None]
    return images


def train(images, data, callbacks):
    model = demo_model(4)
    model.compile(
        keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(
        images[0],
        data[0].labels,
        validation_data=(images[1], data[1].labels),
        epochs=EPOCHS,
        verbose=0,
        callbacks=callbacks,
    )
    return model, history.history


@pytest.mark.slow
def test_early_stopping_on_enrichment_ends_a_training_on_a_shortcut():
    data = kc.datasets.shapes(1500, seed=1), kc.datasets.shapes(200, seed=2)
    images = [with_mark(part) for part in data]
    held_out = data[1]
    measure = kc.callbacks.HeatmapMetrics(
        images[1][:64], held_out.labels[:64], masks=held_out.masks[:64]
    )
    stop = keras.callbacks.EarlyStopping("cam_enrichment", mode="max", patience=4)
    model, history = train(images, data, [measure, stop])

    print({name: np.round(history[name], 2) for name in ("val_accuracy", "cam_enrichment")})
    assert len(history["loss"]) < EPOCHS  # Accuracy alone gave no reason to stop.
    assert history["val_accuracy"][-1] == max(history["val_accuracy"])
    assert history["val_accuracy"][-1] > 0.9
    assert history["cam_enrichment"][0] > 1.5
    assert history["cam_enrichment"][-1] < 1
    assert history["cam_border"][-1] > history["cam_border"][0]
    # It was right to stop: without the mark the network knows nothing.
    _, accuracy = model.evaluate(held_out.images, held_out.labels, verbose=0)
    assert accuracy < 0.5
