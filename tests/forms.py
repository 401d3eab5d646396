"""The forms in which Keras has models, each as a small classifier with five classes."""

import keras
import numpy as np
from conftest import randomize

L = keras.layers
SIZE = 16


def _convolutions(channels=3, size=(SIZE, SIZE), name="backbone"):
    return keras.Sequential(
        [
            keras.Input((*size, channels)),
            L.Conv2D(4, 3, 2, padding="same", activation="relu", name="conv1"),
            L.Conv2D(6, 3, padding="same", activation="relu", name="conv2"),
        ],
        name=name,
    )


def _head(activation="softmax", name="scores"):
    return [L.GlobalAveragePooling2D(), L.Dense(5, activation, name=name)]


def _apply(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def functional():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(4, 3, 2, padding="same", name="conv1")(inputs)
    x = L.ReLU(6.0)(x)
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="conv2")(x)
    return keras.Model(inputs, _apply(_head(), x))


def sequential():
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), *_convolutions().layers, *_head()])


def sequential_called():
    model = keras.Sequential([*_convolutions().layers, *_head()])
    model(np.zeros((1, SIZE, SIZE, 3), "float32"))
    return model


def sequential_with_softmax_layer():
    return keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), *_convolutions().layers, *_head(None), L.Softmax()]
    )


def nested_in_sequential():
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), _convolutions(), *_head()])


def nested_twice():
    inputs = keras.Input((SIZE, SIZE, 3))
    middle = keras.Model(inputs, _convolutions()(inputs), name="middle")
    outer = keras.Input((SIZE, SIZE, 3))
    x = middle(L.Rescaling(0.5)(outer))
    return keras.Model(outer, _apply([*_head(None), keras.ops.softmax], x))


def skip_connection():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = first = L.Conv2D(4, 3, 2, padding="same", activation="relu")(inputs)
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="conv2")(x)
    return keras.Model(inputs, _apply(_head(), L.Add()([x, first])))


def batch_norm_and_dropout():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(4, 3, 2, use_bias=False)(inputs)
    x = keras.ops.relu(L.BatchNormalization()(x))
    x = L.SpatialDropout2D(0.5)(L.GaussianNoise(1.0)(x))
    x = L.Dropout(0.5)(L.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, L.Dense(5, "softmax", activity_regularizer="l2")(x))


def cam_head():
    import kerascam as kc

    return kc.models.cam_classifier(_convolutions(), 5, dropout=0.5)


def frozen():
    model = functional()
    model.trainable = False
    return model


def several_outputs():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = _convolutions()(inputs)
    species = _apply(_head(name="species"), x)
    weight = L.Dense(1, name="weight")(L.Flatten()(x))
    return keras.Model(inputs, {"weight": weight, "species": species})


def picture_and_table():
    picture, table = keras.Input((SIZE, SIZE, 3), name="picture"), keras.Input((4,), name="table")
    x = L.GlobalAveragePooling2D()(_convolutions()(picture))
    x = L.Concatenate()([x, L.Dense(3, "relu")(table)])
    return keras.Model([picture, table], L.Dense(5, "softmax")(x))


def one_channel():
    return keras.Sequential([keras.Input((SIZE, SIZE, 1)), _convolutions(1), *_head()])


def not_square():
    size = (12, 20)
    return keras.Sequential([keras.Input((*size, 3)), _convolutions(3, size), *_head()])


def any_size():
    size = (None, None)
    return keras.Sequential([keras.Input((*size, 3)), _convolutions(3, size), *_head()])


def fully_connected():
    x = inputs = keras.Input((SIZE, SIZE, 3))
    ending = [L.MaxPooling2D(2), L.Flatten(), L.Dense(7, "relu"), L.Dense(5, "softmax")]
    return keras.Model(inputs, _apply([_convolutions(), *ending], x))


def one_sigmoid():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = L.GlobalAveragePooling2D()(_convolutions()(inputs))
    return keras.Model(inputs, L.Dense(1, "sigmoid")(x))


def mixed(policy):
    def build():
        keras.config.set_dtype_policy(policy)
        try:
            inputs = keras.Input((SIZE, SIZE, 3))
            x = L.GlobalAveragePooling2D()(_convolutions()(inputs))
            x = L.Dense(5, name="scores")(x)
            return keras.Model(inputs, L.Activation("softmax", dtype="float32")(x))
        finally:
            keras.config.set_dtype_policy("float32")

    return build


@keras.saving.register_keras_serializable("kerascam_tests")
class Subclassed(keras.Model):
    """Layers, a nested model and functions, joined by Python code."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.backbone = _convolutions()
        self.dropout = L.Dropout(0.5)
        self.scores = L.Dense(5, "softmax", name="scores")

    def call(self, images, training=False):
        x = keras.ops.relu(self.backbone(images) - 0.01)
        x = keras.ops.mean(x, axis=(1, 2))
        return self.scores(self.dropout(x, training=training))


@keras.saving.register_keras_serializable("kerascam_tests")
class Block(L.Layer):
    """A layer of layers with a skip connection."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = L.Conv2D(3, 3, padding="same", activation="relu", name="inner_conv")

    def build(self, shape):
        self.conv.build(shape)

    def call(self, images):
        return images + self.conv(images)


def subclassed():
    model = Subclassed()
    model(np.zeros((1, SIZE, SIZE, 3), "float32"))
    return model


@keras.saving.register_keras_serializable("kerascam_tests")
class SubclassedBackbone(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = L.Conv2D(6, 3, 2, activation="relu", name="conv")

    def call(self, images):
        return self.conv(images)


def subclassed_backbone():
    inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, _apply(_head(), SubclassedBackbone(name="inner")(inputs)))


def layer_of_layers():
    x = inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, _apply([Block(name="block"), *_head()], x))


def saved(suffix):
    """A form that has been saved and loaded; the test's fixture does it."""

    def build():
        return functional()

    build.suffix = suffix
    return build


def signal():
    inputs = keras.Input((40, 2))
    x = L.Conv1D(4, 5, 2, activation="relu", name="conv1")(inputs)
    return keras.Model(inputs, L.Dense(5, "softmax")(L.GlobalAveragePooling1D()(x)))


def volume():
    inputs = keras.Input((8, 10, 12, 2))
    x = L.Conv3D(4, 3, 2, activation="relu", name="conv1")(inputs)
    return keras.Model(inputs, L.Dense(5, "softmax")(L.GlobalAveragePooling3D()(x)))


FORMS = {
    "Functional": functional,
    "Sequential": sequential,
    "Sequential, unbuilt, then called": sequential_called,
    "Sequential that ends in a Softmax layer": sequential_with_softmax_layer,
    "loaded from .keras": saved(".keras"),
    "loaded from .h5": saved(".h5"),
    "backbone nested in Sequential": nested_in_sequential,
    "nested twice in Functional": nested_twice,
    "skip connection": skip_connection,
    "BatchNormalization, Dropout, noise": batch_norm_and_dropout,
    "CAMHead": cam_head,
    "frozen layers": frozen,
    "several outputs": several_outputs,
    "image and table": picture_and_table,
    "one channel": one_channel,
    "not square": not_square,
    "any size": any_size,
    "fully connected head": fully_connected,
    "one sigmoid unit": one_sigmoid,
    "mixed_bfloat16": mixed("mixed_bfloat16"),
    "mixed_float16": mixed("mixed_float16"),
    "subclassed": subclassed,
    "subclassed backbone in Functional": subclassed_backbone,
    "layer made of layers": layer_of_layers,
    "1-D signals": signal,
    "3-D volumes": volume,
}


def build(name, tmp_path):
    """The model of a form, with weights that are not all alike."""
    keras.utils.set_random_seed(3)
    model = FORMS[name]()
    randomize(model)
    suffix = getattr(FORMS[name], "suffix", None)
    if suffix:
        model.save(tmp_path / f"model{suffix}")
        model = keras.models.load_model(tmp_path / f"model{suffix}", compile=False)
    return model


def draw(model, rng, number=8):
    """Images for a model."""
    inputs = getattr(model, "inputs", None) or [keras.KerasTensor((None, SIZE, SIZE, 3))]
    shapes = [(number, *spec.shape[1:]) for spec in inputs]
    arrays = [
        rng.normal(size=[size or SIZE + 2 for size in shape]).astype("float32") for shape in shapes
    ]
    return arrays if len(arrays) > 1 else arrays[0]


def first(images, number):
    """The first few images."""
    return [a[:number] for a in images] if isinstance(images, list) else images[:number]
