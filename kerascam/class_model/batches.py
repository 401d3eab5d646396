"""Climbs of any number of images."""

import numpy as np

from kerascam._warn import warn_user
from kerascam.explainers.progress import Progress


def climb_in_batches(begin, number, batch_size, steps, every, verbose):
    """Climbs in batches of one size, so that the loop is traced once.

    After Ctrl-C it goes no further, with a warning.

    Args:
        begin: A function from the indices of some images to their `Climb`.
        number: Number of images.
        batch_size: Most images of a batch.
        steps: Number of steps.
        every: Keeps the images after every so many steps; `None` to keep none.
        verbose: See `ClassModel`.

    Returns:
        Images, classes, scores, objectives and frames, as `ClassImages` has them.
    """
    num_batches = -(-number // batch_size)
    size = -(-number // num_batches)
    progress = Progress(num_batches * size, verbose)
    found, objectives, frames = [], [], []
    done: list[int] = []
    # The last batch is filled up with images that are found anyway.
    for part in (np.arange(num_batches * size) % number).reshape(num_batches, size):
        progress.begin(size)
        climb = begin(part)
        is_interrupted = done and min(done) < steps
        done.append(climb.advance(0 if is_interrupted else steps, every, progress.report))
        found.append(climb.result())
        objectives.append(climb.objectives(steps))
        frames.append(climb.frames(steps, every))
        if done[-1] == steps:
            progress.end()
    if min(done) < steps:
        warn_user(
            "Interrupted: the images are the best after "
            f"{min(done)} to {max(done)} of {steps} steps."
        )
    return (
        *(np.concatenate(arrays)[:number] for arrays in zip(*found, strict=True)),
        np.concatenate(objectives, axis=1)[:, :number],
        None if every is None else np.concatenate(frames, axis=1)[:, :number],
    )
