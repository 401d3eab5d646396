"""What `ClassModel` returns."""

from typing import NamedTuple

import numpy as np


class ClassImages(NamedTuple):
    """What `ClassModel` returns, as NumPy arrays.

    Attributes:
        images: The images as the model takes them, `(batch, height, width, channels)`, float32.
        pictures: The same for a person, RGB `(batch, height, width, 3)`, uint8; `None` for images
            that have neither one nor three channels, without `to_rgb`.
        targets: Class of each image, `(batch,)`; `None` for a callable target.
        scores: Scores of all classes before softmax or sigmoid for the images as they are,
            `(batch, classes)`, float32; with `layer`, the values of all channels.
        objectives: The objective of each image before each step, `(steps, batch)`, float32; NaN for
            steps that were not done as Ctrl-C came first.
        frames: With `frames=k` the images after 0, k, 2 k, ... steps and after the last,
            `(frames, batch, height, width, channels)`; else `None`.
    """

    images: np.ndarray
    pictures: np.ndarray | None
    targets: np.ndarray | None
    scores: np.ndarray
    objectives: np.ndarray
    frames: np.ndarray | None
