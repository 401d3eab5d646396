"""A training set whose classes are given away by a mark."""

import keras

import kerascam as kc
from kerascam.cli.shapes_demo import demo_model

EPOCHS = 10


def with_mark(data):
    """The images with a small square in the corner whose grey tells the class."""
    images = data.images.copy()
    images[:, 1:6, 1:6] = (0.2 + 0.2 * data.labels)[:, None, None, None]
    return images


def train(held_out, marked, callbacks=()):
    """Trains on images with or without a mark, and stops when `cam_enrichment` does not rise.

    Args:
        held_out: Validation data, see `datasets.shapes`.
        marked: Whether training and validation data have the mark.
        callbacks: More callbacks.

    Returns:
        The model and its history.
    """
    data = kc.datasets.shapes(2000, seed=1)
    images, held_out_images = (
        with_mark(part) if marked else part.images for part in (data, held_out)
    )
    model = demo_model(4)
    model.compile(
        keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(
        images,
        data.labels,
        validation_data=(held_out_images, held_out.labels),
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            kc.callbacks.HeatmapMetrics(
                held_out_images[:64], held_out.labels[:64], masks=held_out.masks[:64]
            ),
            keras.callbacks.EarlyStopping("cam_enrichment", mode="max", patience=7),
            *callbacks,
        ],
    )
    return model, history.history
