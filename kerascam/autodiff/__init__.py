"""How the backend of Keras differentiates and compiles: one file for each backend."""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kerascam works with the TensorFlow backend of Keras. Received: backend "
        f"'{keras.backend.backend()}'. Set the environment variable KERAS_BACKEND=tensorflow "
        "before Keras is imported."
    )

from kerascam.autodiff.tensorflow import (
    ancestors,
    before_activation,
    compile_function,
    fold,
    gradients,
    inline_functions,
    outside_strategy,
    random_normal,
    random_uniform,
    rectified_gradient,
    repeat,
    trace,
)

__all__ = [
    "ancestors",
    "before_activation",
    "compile_function",
    "fold",
    "gradients",
    "inline_functions",
    "outside_strategy",
    "random_normal",
    "random_uniform",
    "rectified_gradient",
    "repeat",
    "trace",
]
