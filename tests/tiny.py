"""Networks so small that NumPy can follow them in double precision."""

import keras
import numpy as np


class Tiny:
    """A smooth or rectified network of two dense layers on flat features, in Keras and in NumPy.

    The input is passed on unchanged as the layer "features", so both are explained by it.
    """

    def __init__(self, shape, classes=3, activation="softplus", seed=0):
        rng = np.random.default_rng(seed)
        units, self.activation = 6, activation
        self.kernels = [
            rng.normal(size=(int(np.prod(shape)), units)) / 2,
            rng.normal(size=(units, classes)),
        ]
        self.biases = [rng.normal(size=units), rng.normal(size=classes)]
        inputs = keras.Input(shape)
        x = keras.layers.Activation("linear", name="features")(inputs)
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dense(units, activation, name="hidden")(x)
        outputs = keras.layers.Dense(classes, "softmax", name="scores")(x)
        self.model = keras.Model(inputs, outputs)
        for name, kernel, bias in zip(("hidden", "scores"), self.kernels, self.biases, strict=True):
            self.model.get_layer(name).set_weights([kernel, bias])

    def scores(self, images):
        """`(batch, classes)`."""
        hidden = self._before(images)
        hidden = np.log1p(np.exp(hidden)) if self.activation == "softplus" else hidden.clip(0)
        return hidden @ self.kernels[1] + self.biases[1]

    def probabilities(self, images):
        exponentials = np.exp(self.scores(images))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def gradient(self, images, c):
        """Gradient of score c of each image, by the chain rule."""
        slope = self._before(images)
        slope = 1 / (1 + np.exp(-slope)) if self.activation == "softplus" else slope > 0
        flat = (slope * self.kernels[1][:, c]) @ self.kernels[0].T
        return flat.reshape(np.shape(images))

    def _before(self, images):
        return np.reshape(images, (len(images), -1)) @ self.kernels[0] + self.biases[0]


def gap_network(shape, classes=3, seed=0):
    """Features that are the input, global average pooling, one linear layer with softmax."""
    rng = np.random.default_rng(seed)
    inputs = keras.Input(shape)
    x = keras.layers.Activation("linear", name="features")(inputs)
    pooling = {2: "1D", 3: "2D", 4: "3D"}[len(shape)]
    x = getattr(keras.layers, f"GlobalAveragePooling{pooling}")()(x)
    model = keras.Model(inputs, keras.layers.Dense(classes, "softmax", name="scores")(x))
    kernel, bias = rng.normal(size=(shape[-1], classes)), rng.normal(size=classes)
    model.get_layer("scores").set_weights([kernel, bias])
    return model, kernel, bias


def linear_network(shape, classes=3, seed=0):
    """Scores that are linear in the image."""
    rng = np.random.default_rng(seed)
    inputs = keras.Input(shape)
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="scores")(x))
    kernel, bias = rng.normal(size=(int(np.prod(shape)), classes)), rng.normal(size=classes)
    model.get_layer("scores").set_weights([kernel, bias])
    return model, kernel.reshape((*shape, classes)), bias
