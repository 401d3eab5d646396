"""A GAP network learns drawn shapes, and one sees where it looks."""

import datetime
import pathlib

import keras
import numpy as np

from kerascam import callbacks, datasets, models, visualization
from kerascam.explainers import CAM

_NUM_SHOWN = 6


def demo_model(num_classes, image_size=64, pooling="average"):
    """A small GAP network for RGB images in 0..1; its maps have an eighth of the image's size."""
    backbone = keras.Sequential(name="backbone")
    backbone.add(keras.Input((image_size, image_size, 3)))
    for filters, strides, pool in [(16, 2, 1), (32, 1, 2), (64, 1, 1), (64, 1, 2), (64, 1, 1)]:
        backbone.add(
            keras.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)
        )
        backbone.add(keras.layers.BatchNormalization(momentum=0.9))
        backbone.add(keras.layers.ReLU())
        if pool > 1:
            backbone.add(keras.layers.MaxPooling2D(pool))
    return models.cam_classifier(backbone, num_classes, pooling=pooling, name="shapes_gap")


def run_demo(quick=False, epochs=None, log_dir=None):
    """Trains, logs, saves the model and a strip of pictures, and prints what came out.

    Args:
        quick: Whether to train for seconds only; the network then learns little.
        epochs: Number of epochs.
        log_dir: Where to write. Default: a new folder under `logs/`.

    Returns:
        `{"accuracy": ..., "pointing": ..., "chance": ...}` on held-out images.
    """
    keras.utils.set_random_seed(0)
    epochs = epochs or (3 if quick else 12)
    if log_dir is None:
        log_dir = f"logs/demo-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    folder = pathlib.Path(log_dir)
    train = datasets.shapes(600 if quick else 4000, seed=1)
    held_out = datasets.shapes(100 if quick else 400, seed=2)
    shown = held_out.images[:_NUM_SHOWN], held_out.labels[:_NUM_SHOWN]

    model = demo_model(len(train.class_names))
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * -(-len(train.images) // 32))
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    explain = CAM(model)
    keep = sorted({0, (epochs - 1) // 2, epochs - 1})
    heatmaps = {}

    def remember(epoch, logs):
        if epoch in keep:
            heatmaps[epoch] = explain(*shown).heatmaps

    model.fit(
        train.images,
        train.labels,
        validation_data=(held_out.images, held_out.labels),
        epochs=epochs,
        verbose=2,
        callbacks=[
            callbacks.HeatmapLogger(folder, shown, class_names=train.class_names),
            keras.callbacks.TensorBoard(folder),
            keras.callbacks.LambdaCallback(on_epoch_end=remember),
        ],
    )
    model.save(folder / "model.keras")
    strip = _strip(shown[0], [heatmaps[epoch] for epoch in keep], keep)
    (folder / "strip.png").write_bytes(visualization.encode(strip))
    results = evaluate(explain, held_out)
    print(
        f"\nHeld-out accuracy: {results['accuracy']:.0%}\n"
        "The map's maximum falls on the object in "
        f"{results['pointing']:.0%} of the images (by chance: {results['chance']:.0%})\n"
        f"Model: {folder / 'model.keras'}\n"
        f"Pictures of epochs {', '.join(map(str, keep))}: {folder / 'strip.png'}\n"
        f"See it all: kerascam board {folder}"
    )
    return results


def evaluate(explain, data):
    """Accuracy, and how often the maximum of the true class's map falls on the object.

    Args:
        explain: An `Explainer`.
        data: A `datasets.Shapes`.

    Returns:
        `{"accuracy": ..., "pointing": ..., "chance": ...}`; chance is the share of the image that
        the objects cover.
    """
    heatmaps, _, scores = explain(data.images, data.labels)
    maps = visualization.resize(heatmaps, data.masks.shape[1:]).reshape(len(heatmaps), -1)
    masks = data.masks.reshape(len(maps), -1)
    return {
        "accuracy": float(np.mean(scores.argmax(axis=-1) == data.labels)),
        "pointing": float(np.mean(masks[np.arange(len(maps)), maps.argmax(axis=-1)])),
        "chance": float(np.mean(masks)),
    }


def _strip(images, heatmaps, epochs):
    """The same images in columns; a row of inputs, then a row for each epoch."""
    pictures = visualization.enlarge(visualization.to_rgb(images, (0, 1)), 160)
    rows = [pictures, *(visualization.overlay(pictures, maps) for maps in heatmaps)]
    titles = ["input", *(f"epoch {epoch}" for epoch in epochs)]
    labelled = [
        visualization.add_labels(row, [[title]] * len(row))
        for row, title in zip(rows, titles, strict=True)
    ]
    return visualization.grid(np.concatenate(labelled), columns=len(images))
