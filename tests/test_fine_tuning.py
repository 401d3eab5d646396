"""The commonest real use: a pretrained network learns classes of one's own, watched while it does.

With `-s` it prints the accuracies and the seconds.
"""

import time

import cv2
import keras
import numpy as np
import pytest
from conftest import event_steps
from sklearn.datasets import load_digits

import kerascam as kc

SIZE = 64
NUM_TRAIN = 1200


def photographs_of_digits():
    """Handwritten digits as RGB images in 0..255, in a random order."""
    digits = load_digits()
    images = [cv2.resize(image * (255 / 16), (SIZE, SIZE)) for image in digits.images]
    images = np.repeat(np.stack(images)[..., None], 3, axis=-1).astype("float32")
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], digits.target[order]


@pytest.mark.exhaustive
def test_fine_tuning_with_the_callbacks_on(tmp_path, imagenet_cache):
    started = time.monotonic()
    images, labels = photographs_of_digits()
    train, held_out = (
        (images[part], labels[part]) for part in (slice(NUM_TRAIN), slice(NUM_TRAIN, None))
    )
    probes = [array[:32] for array in held_out]
    callbacks = [
        kc.callbacks.HeatmapMetrics(*probes),
        kc.callbacks.HeatmapLogger(tmp_path, *(array[:8] for array in held_out)),
    ]

    backbone = kc.models.EfficientNetLite0(include_top=False, input_shape=(SIZE, SIZE, 3))
    pretrained = backbone.get_weights()
    model = kc.models.cam_classifier(backbone, classes=10)

    def fit(rate, **epochs):
        model.compile(
            keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model.fit(
            *train, 64, validation_data=held_out, callbacks=callbacks, verbose=0, **epochs
        ).history

    backbone.trainable = False
    frozen = fit(5e-3, epochs=3)
    for before, after in zip(pretrained, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)

    backbone.trainable = True
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    num_steps = 3 * -(-NUM_TRAIN // 64)
    tuned = fit(keras.optimizers.schedules.CosineDecay(3e-4, num_steps), initial_epoch=3, epochs=6)
    seconds = time.monotonic() - started
    print(f"\nfrozen {frozen['val_accuracy']}, tuned {tuned['val_accuracy']}, {seconds:.0f} s")

    assert frozen["val_accuracy"][-1] > 0.8
    assert tuned["val_accuracy"][-1] > 0.95
    assert event_steps(tmp_path, "cam/image_0") == list(range(6))
    # The maps move when the features do, and only then.
    assert np.mean(tuned["cam_drift_same"]) > np.mean(frozen["cam_drift_same"][1:])
    assert all(np.isfinite(value).all() for value in (*frozen.values(), *tuned.values()))
    scores = kc.CAM(model)(held_out[0]).scores
    assert np.mean(scores.argmax(axis=-1) == held_out[1]) == pytest.approx(
        tuned["val_accuracy"][-1]
    )
