"""How the backend of Keras differentiates and compiles: one file for each backend."""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "kerascam works with the TensorFlow backend of Keras. Received: backend "
        f"'{keras.backend.backend()}'. Set the environment variable KERAS_BACKEND=tensorflow "
        "before Keras is imported."
    )

from kerascam.autodiff.tensorflow import compile_function, gradient

__all__ = ["compile_function", "gradient"]
