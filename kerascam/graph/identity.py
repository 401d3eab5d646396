"""Operations that change no value in inference mode."""

import keras

_IDENTITY_LAYERS = (
    keras.layers.ActivityRegularization,
    keras.layers.AlphaDropout,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.Identity,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)
_RESHAPING_LAYERS = (keras.layers.Flatten, keras.layers.Reshape)
# Operations of `keras.ops`, by the names of their classes, which are not public.
_OPS = ("Cast", "ExpandDims", "Identity", "Reshape", "Squeeze")


def unchanged(tensor, *args, **kwargs):
    """Returns its argument; stands in for an activation that was taken off."""
    return tensor


class Cast:
    """Casts to a dtype, as a nested model does with its inputs."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __call__(self, tensor):
        """Returns the tensor in the dtype."""
        return keras.ops.cast(tensor, self.dtype)


def keeps_values(operation):
    """Whether an operation passes all values on in inference mode, at most in another shape."""
    if operation is unchanged or isinstance(operation, Cast):
        return True
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    if isinstance(operation, keras.layers.Layer):
        return isinstance(operation, (*_IDENTITY_LAYERS, *_RESHAPING_LAYERS))
    return type(operation).__name__ in _OPS
