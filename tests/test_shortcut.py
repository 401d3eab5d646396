"""A network that learns a mark instead of the object is caught while it trains."""

import numpy as np
import pytest
from shortcuts import EPOCHS, train_with_mark

import kerascam as kc


@pytest.mark.slow
def test_early_stopping_on_enrichment_ends_a_training_on_a_shortcut():
    held_out = kc.datasets.shapes(200, seed=2)
    model, history = train_with_mark(held_out, [])
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
