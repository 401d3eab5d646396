"""The head of a GAP-CAM network."""

import keras
import numpy as np
from keras import ops

_POOLINGS = {"average": ops.mean, "sum": ops.sum, "max": ops.max}


@keras.saving.register_keras_serializable(package="kerascam")
class CAMHead(keras.layers.Layer):
    """Global pooling and one linear layer: class scores, and a map of where each comes from.

    The score of class `c` is `S_c = sum_k w_k^c F_k + b_c`, where `F_k` is channel `k` pooled over
    all positions. The same weights give its activation map `M_c(x, y) = sum_k w_k^c f_k(x, y)`,
    so that `mean_xy M_c + b_c = S_c` with average pooling and `sum_xy M_c + b_c = S_c` with sum
    pooling. The bias belongs to no position and is not part of the map.

    Scores and maps are computed in float32, also under a mixed precision policy.

    Args:
        units: Number of classes.
        pooling: `"average"` (the paper's choice, which finds the extent of an object), `"sum"`
            (the same up to the number of positions) or `"max"` (finds its most telling part only).
        activation: Activation of the scores, for example `"softmax"`. Default: none.
        use_bias: Whether to add a bias to each score. The paper sets it to zero, the networks
            released with it have one.
        kernel_initializer: Initialiser of the weights `(channels, units)`.
        bias_initializer: Initialiser of the bias `(units,)`.
        kernel_regularizer: Regulariser of the weights.
        bias_regularizer: Regulariser of the bias.
        kernel_constraint: Constraint of the weights.
        bias_constraint: Constraint of the bias.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        features: `(batch, height, width, channels)`; sizes may be unknown, and any number of
            spatial axes will do.
        classes: Classes of the maps, see `class_activation_maps`. Default: all.
        return_maps: Whether to return the maps instead of the scores.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, units)`.

    Raises:
        ValueError: If `units` or `pooling` is none of the above, or the features have no spatial
            axis.

    Example:
        >>> import numpy as np
        >>> head = CAMHead(10, activation="softmax")
        >>> features = np.ones((2, 7, 7, 64), "float32")
        >>> head(features).shape
        TensorShape([2, 10])
        >>> head.class_activation_maps(features).shape
        TensorShape([2, 7, 7, 10])
        >>> head.class_activation_maps(features, classes=[3, 5]).shape
        TensorShape([2, 7, 7])

    Reference:
        Zhou et al. 2016, Learning Deep Features for Discriminative Localization, section 2.
    """

    def __init__(
        self,
        units,
        pooling="average",
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 1:
            raise ValueError(f"`units` must be a positive integer. Received: units={units!r}.")
        if pooling not in _POOLINGS:
            raise ValueError(
                f"`pooling` must be one of {sorted(_POOLINGS)}. Received: pooling={pooling!r}."
            )
        self.units = int(units)
        self.pooling = pooling
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.bias = None

    def build(self, features_shape):
        """Makes the weights for features of `features_shape`."""
        if len(features_shape) < 3 or features_shape[-1] is None:
            raise ValueError(
                "`CAMHead` pools features of shape (batch, height, width, channels) with a known "
                f"number of channels. Received: shape {tuple(features_shape)}. Take the features "
                "before they are pooled or flattened (for a network of keras.applications: "
                "`include_top=False, pooling=None`)."
            )
        channels = features_shape[-1]
        # Not cast down under mixed precision: scores and maps must agree to float32.
        self.kernel = self.add_weight(
            shape=(channels, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            autocast=False,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
                name="bias",
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=len(features_shape), axes={len(features_shape) - 1: channels}
        )
        self.built = True

    def call(self, features, classes=None, return_maps=False):
        """Scores of all classes, or the maps if `return_maps` is true."""
        features = ops.cast(features, self._float_dtype)
        if return_maps:
            return self._maps(features, classes)
        pooled = _POOLINGS[self.pooling](features, axis=tuple(range(1, len(features.shape) - 1)))
        scores = ops.matmul(pooled, ops.cast(self.kernel, self._float_dtype))
        if self.bias is not None:
            scores += ops.cast(self.bias, self._float_dtype)
        return ops.cast(self.activation(scores), self.compute_dtype)

    def class_activation_maps(self, features, classes=None):
        """Class activation maps of the features, from the weights that make the scores.

        Args:
            features: What the head is called on, `(batch, height, width, channels)`. Also a
                symbolic tensor, to build a model that returns maps.
            classes: `None` for all classes; one class index, or one for each image, for the maps
                of these alone.

        Returns:
            Signed maps in float32: `(batch, height, width, units)` for all classes,
            `(batch, height, width)` for chosen ones.

        Raises:
            ValueError: If a class does not exist or there is not one for each image.
        """
        if classes is not None and not isinstance(classes, keras.KerasTensor):
            self._check_classes(classes, batch=features.shape[0])
        if isinstance(features, keras.KerasTensor):
            return self(features, classes=classes, return_maps=True)
        if not self.built:
            self.build(features.shape)
        return self._maps(ops.cast(features, self._float_dtype), classes)

    def _maps(self, features, classes):
        kernel = ops.cast(self.kernel, self._float_dtype)
        if classes is None:
            return ops.matmul(features, kernel)
        chosen = ops.transpose(ops.take(kernel, ops.cast(classes, "int32"), axis=1))
        return weighted_sum(features, chosen)

    def _check_classes(self, classes, batch):
        if ops.is_tensor(classes) and not hasattr(classes, "numpy"):
            return  # A tensor inside a compiled function has no values yet.
        values = np.asarray(classes)
        if values.dtype.kind not in "iu" or values.ndim > 1:
            raise ValueError(
                "`classes` must be one class index or one for each image. Received: shape "
                f"{values.shape}, dtype {values.dtype}."
            )
        if values.ndim == 1 and batch is not None and len(values) != batch:
            raise ValueError(
                f"`classes` must have one entry for each image. Received: {len(values)} classes "
                f"for {batch} images."
            )
        if values.size and (values.min() < 0 or values.max() >= self.units):
            raise ValueError(
                f"`classes` must lie in 0..{self.units - 1}, as the head has {self.units} units. "
                f"Received: {classes!r}."
            )

    @property
    def _float_dtype(self):
        """At least float32, whatever the dtype policy."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def compute_output_shape(self, features_shape):
        """Shape of the scores for features of `features_shape`."""
        return (features_shape[0], self.units)

    def compute_output_spec(self, features, classes=None, return_maps=False):
        """Symbolic output for symbolic features."""
        if not return_maps:
            return keras.KerasTensor((features.shape[0], self.units), dtype=self.compute_dtype)
        shape = features.shape[:-1] if classes is not None else (*features.shape[:-1], self.units)
        return keras.KerasTensor(shape, dtype=self._float_dtype)

    def get_config(self):
        """Arguments to make the layer again."""
        return {
            **super().get_config(),
            "units": self.units,
            "pooling": self.pooling,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }

    @classmethod
    def from_config(cls, config):
        """Makes the layer from `get_config`."""
        # Reading a `.h5` file, Keras turns the string "average" into `keras.ops.average`.
        pooling = getattr(config["pooling"], "__name__", config["pooling"])
        return cls(**{**config, "pooling": pooling})


def weighted_sum(features, weights):
    """Sums the channels of each image with the image's own weights.

    Args:
        features: `(batch, ..., channels)`.
        weights: `(batch, channels)`, or `(channels,)` for the whole batch.

    Returns:
        Maps of shape `(batch, ...)`.
    """
    if len(weights.shape) == 1:
        return ops.matmul(features, weights)
    shape = ops.shape(features)
    flat = ops.reshape(features, (shape[0], -1, shape[-1]))
    return ops.reshape(ops.matmul(flat, ops.expand_dims(weights, -1)), shape[:-1])
