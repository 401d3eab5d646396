"""A network that learns a mark instead of the object is caught while it trains."""

import numpy as np
import pytest
from shortcuts import EPOCHS, train

import kerascam as kc


@pytest.mark.exhaustive
def test_early_stopping_on_enrichment_ends_a_training_on_a_shortcut():
    held_out = kc.datasets.shapes(200, seed=2)
    model, history = train(held_out, marked=True)
    assert len(history["loss"]) < EPOCHS  # Accuracy alone gave no reason to stop.
    assert history["val_accuracy"][-1] > 0.9
    assert history["cam_enrichment"][0] > 1
    assert max(history["cam_enrichment"][3:]) < 1
    assert history["cam_border"][-1] > history["cam_border"][0]
    # Without the mark the network knows nothing.
    _, accuracy = model.evaluate(held_out.images, held_out.labels, verbose=0)
    assert accuracy < 0.5


@pytest.mark.exhaustive
def test_the_same_training_without_a_shortcut_goes_on():
    _, history = train(kc.datasets.shapes(100, seed=2), marked=False)
    assert len(history["loss"]) == EPOCHS
    assert min(history["cam_enrichment"]) > 1.5
    assert np.argmax(history["cam_enrichment"]) > 3
