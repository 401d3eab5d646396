"""Real data: what a network that knows handwritten digits takes for each of them."""

import numpy as np
import pytest
from handwritten import digit_images, digit_network, move

import kerascam as kc

pytestmark = pytest.mark.exhaustive
DIGITS = np.arange(10)


@pytest.fixture(scope="module")
def network():
    return digit_network()


@pytest.fixture(scope="module")
def means():
    images, labels = digit_images()
    return np.stack([images[labels == digit].mean(axis=0) for digit in DIGITS])


def confidences(network, images):
    return network.predict(images, verbose=0)[DIGITS, DIGITS]


def test_paper_preset_finds_every_digit(network):
    found = kc.ClassModel(network, preset="paper")(DIGITS)
    lowest = confidences(network, found.images).min()
    print(f"paper preset: lowest probability {lowest:.4f}")
    assert lowest > 0.99


def test_robust_preset_finds_what_a_person_recognises(network, means):
    found = kc.ClassModel(network, mean=means.mean(axis=0))(DIGITS)
    lowest = confidences(network, found.images).min()
    rng = np.random.default_rng(0)
    still = []
    for _ in range(5):
        moved = [
            move(image[..., 0], rng.choice([-10, 10]), *rng.choice([-2, 2], size=2))[..., None]
            for image in found.images
        ]
        predicted = network.predict(np.stack(moved), verbose=0).argmax(axis=1)
        still.append(int((predicted == DIGITS).sum()))
    flat = np.concatenate([found.images.reshape(10, -1), means.reshape(10, -1)])
    correlations = np.corrcoef(flat)[:10, 10:]
    own = int((correlations.argmax(axis=1) == DIGITS).sum())
    print(f"robust preset: lowest probability {lowest:.4f}, moved {still}, own mean {own} of 10")
    assert lowest > 0.99
    assert min(still) >= 9
    assert own >= 8
