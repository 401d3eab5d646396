"""The settings that have a name."""

import keras

from kerascam.class_model.fourier import Fourier
from kerascam.class_model.pixels import Pixels
from kerascam.class_model.regularizers import TotalVariation
from kerascam.class_model.transforms import Jitter, Pad, Rotate, Scale

PRESETS = ("robust", "paper")


def check_preset(preset):
    """Raises a `ValueError` if there is no preset of this name."""
    if preset not in PRESETS:
        raise ValueError(f"`preset` must be one of {PRESETS}. Received: preset={preset!r}.")


def preset_parts(preset, size):
    """Settings that a preset stands for.

    Args:
        preset: One of `PRESETS`.
        size: `(height, width)` of the images.
    """
    if preset == "paper":
        return {
            "parameterization": Pixels(),
            "regularizers": (),
            "transforms": (),
            "optimizer": None,
            "penalty": "auto",
            "steps": 200,
        }
    # Lucid's transforms, which are for images of 224 pixels.
    share = min(size) / 224
    return {
        "parameterization": Fourier(),
        "regularizers": (TotalVariation(0.2, relative=True),),
        "transforms": (
            Pad(round(12 * share)),
            Jitter(round(8 * share)),
            Scale(0.9, 1.1),
            Rotate(10),
            Jitter(round(4 * share)),
        ),
        "optimizer": keras.optimizers.Adam(0.05),
        "penalty": 0.0,
        "steps": 256,
    }
