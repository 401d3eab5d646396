"""How the backend of Keras compiles, differentiates, loops and draws: files for each backend."""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kerascam works with the TensorFlow backend of Keras. Received: backend "
        f"'{keras.backend.backend()}'. Set the environment variable KERAS_BACKEND=tensorflow "
        "before Keras is imported."
    )

from kerascam.backend.tensorflow import (
    Compiled,
    compile_function,
    fold,
    gradients,
    inline_functions,
    outside_strategy,
    random_normal,
    random_uniform,
    repeat,
    trace,
)
from kerascam.backend.tensorflow_graph import (
    INVERTIBLE,
    ancestors,
    before_activation,
    rectified_gradient,
)

__all__ = [
    "INVERTIBLE",
    "Compiled",
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
