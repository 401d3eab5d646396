"""A training set whose classes are given away by a mark."""

import keras

import kerascam as kc
from kerascam.demo import demo_model

EPOCHS = 15


def with_mark(data):
    """The images with a small square in the corner whose grey tells the class."""
    images = data.images.copy()
    images[:, 1:6, 1:6] = (0.2 + 0.2 * data.labels)[:, None, None, None]
    return images


def train_with_mark(held_out, callbacks):
    """Trains and validates on such images until `EarlyStopping` on the enrichment stops it.

    Returns:
        The model and its history.
    """
    train = kc.datasets.shapes(1500, seed=1)
    marked, labels = with_mark(held_out), held_out.labels
    model = demo_model(4)
    model.compile(
        keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(
        with_mark(train),
        train.labels,
        validation_data=(marked, labels),
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            kc.callbacks.HeatmapMetrics(marked[:64], labels[:64], masks=held_out.masks[:64]),
            keras.callbacks.EarlyStopping("cam_enrichment", mode="max", patience=4),
            *callbacks,
        ],
    )
    return model, history.history
