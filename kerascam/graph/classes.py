"""What a network's scores say about classes: one unit stands for two.

A network with a single unit, such as a sigmoid, has the classes 1 (the unit, score `s`) and 0 (its
negative, `-s`, with probability `1 - p`). This file alone knows it. All functions take arrays of
NumPy, and tensors inside compiled functions.
"""

import numpy as np
from keras import ops


def num_classes(num_scores):
    """Number of classes of a network with so many scores."""
    return max(num_scores, 2)


def class_scores(scores):
    """Score of each class, `(batch, classes)`, for scores `(batch, num_scores)`."""
    if scores.shape[-1] > 1:
        return scores
    return _library(scores).concatenate([-scores, scores], axis=-1)


def predicted_classes(scores):
    """Class with the highest score, `(batch,)`; with one unit class 1 where it is positive."""
    return _library(scores).argmax(class_scores(scores), axis=-1)


def probabilities(scores, activation):
    """Probabilities as the network has them, `(batch, num_scores)`.

    Args:
        scores: `(batch, num_scores)`, before the activation.
        activation: That of the network. One that ends in scores, `"linear"`, is taken to be trained
            with softmax, or with sigmoid if it has a single unit.
    """
    library = _library(scores)
    if activation == "sigmoid" or scores.shape[-1] == 1:
        return library.exp(-library.logaddexp(library.zeros_like(scores), -scores))
    exponentials = library.exp(scores - library.max(scores, axis=-1, keepdims=True))
    return exponentials / library.sum(exponentials, axis=-1, keepdims=True)


def class_probabilities(scores, activation):
    """Probability of each class, `(batch, classes)`, see `probabilities`."""
    found = probabilities(scores, activation)
    if found.shape[-1] > 1:
        return found
    return _library(found).concatenate([1 - found, found], axis=-1)


def _library(values):
    return np if isinstance(values, np.ndarray) else ops
