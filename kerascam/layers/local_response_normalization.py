"""Local response normalisation across channels."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="kerascam")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each channel by the strength of its neighbours, as AlexNet and GoogLeNet do.

    `y_c = x_c / (bias + alpha / size * sum_d x_d^2) ** beta`, where `d` runs over the `size`
    channels around `c`. The defaults are those of the released networks, in which `alpha` is
    divided by `size`.

    Args:
        size: Number of neighbouring channels, odd.
        alpha: Weight of the neighbours' mean square.
        beta: Exponent.
        bias: Offset that keeps the divisor away from zero.
        **kwargs: Passed to `keras.layers.Layer`.

    Input shape:
        `(batch, ..., channels)`.

    Output shape:
        That of the input.

    Example:
        >>> import numpy as np
        >>> LocalResponseNormalization()(np.ones((1, 2, 2, 8))).shape
        TensorShape([1, 2, 2, 8])

    Reference:
        Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks,
        section 3.3.
    """

    def __init__(self, size=5, alpha=1e-4, beta=0.75, bias=1.0, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(size, int) or size < 1 or size % 2 == 0:
            raise ValueError(f"`size` must be an odd positive integer. Received: size={size!r}.")
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias

    def call(self, inputs):
        """Normalises across the last axis."""
        channels = np.arange(inputs.shape[-1])
        # A banded matrix of ones: one product sums each channel's neighbourhood.
        window = np.abs(channels[:, None] - channels) <= self.size // 2
        squares = ops.square(ops.cast(inputs, "float32"))
        mean_square = ops.matmul(squares, window.astype("float32")) / self.size
        scale = ops.power(self.bias + self.alpha * mean_square, -self.beta)
        return inputs * ops.cast(scale, inputs.dtype)

    def compute_output_shape(self, input_shape):
        """Shape of the output for `input_shape`."""
        return input_shape

    def get_config(self):
        """Arguments to make the layer again."""
        return {
            **super().get_config(),
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
            "bias": self.bias,
        }
