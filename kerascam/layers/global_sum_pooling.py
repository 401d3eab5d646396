"""Global sum pooling."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerascam")
class GlobalSumPooling2D(keras.layers.Layer):
    """Sums each channel over all positions: `F_k = sum_xy f_k(x, y)`.

    The pooling that the CAM paper writes down. It differs from
    `keras.layers.GlobalAveragePooling2D` by the number of positions only.

    Args:
        keepdims: Whether to keep the two spatial axes with length 1.
        **kwargs: Passed to `keras.layers.Layer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, channels)`, or `(batch, 1, 1, channels)` with `keepdims=True`.

    Example:
        >>> import numpy as np
        >>> GlobalSumPooling2D()(np.ones((2, 4, 4, 3))).shape
        TensorShape([2, 3])

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 2.
    """

    def __init__(self, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = keepdims
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        """Sums over height and width."""
        return ops.sum(inputs, axis=(1, 2), keepdims=self.keepdims)

    def compute_output_shape(self, input_shape):
        """Shape of the output for `input_shape`."""
        batch, _, _, channels = input_shape
        return (batch, 1, 1, channels) if self.keepdims else (batch, channels)

    def get_config(self):
        """Arguments to make the layer again."""
        return {**super().get_config(), "keepdims": self.keepdims}
