"""Class activation maps on every ending and every form of model."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import mostly_exhaustive, randomize, small_backbone, small_model

import kerascam as kc
from kerascam.graph.operations import run
from kerascam.layers import CAMHead, GlobalSumPooling2D

L = keras.layers


@pytest.fixture
def images(rng):
    return rng.normal(size=(2, 32, 32, 3)).astype("float32")


def with_ending(*ending):
    """Two convolutions followed by layers or functions."""
    x = inputs = keras.Input((32, 32, 3))
    for layer in [_convolution(), _convolution(), *ending]:
        x = layer(x)
    model = keras.Model(inputs, x)
    randomize(model)
    return model


def _convolution():
    return L.Conv2D(6, 3, 2, padding="same", activation="relu")


def folded_bias(explain):
    """Scores of features that are all zero, by the model's own layers: `b_c` of each class."""
    graph, features = explain._network.graph, explain._head.features
    shape = [size or 4 for size in graph.tensors[features].shape[1:]]
    values = {features: np.zeros((1, *shape), "float32")}
    values = run(graph.between([features], [explain._network.score]), values)
    return keras.ops.convert_to_numpy(values[explain._network.score]).reshape(-1)


ENDINGS = {
    "average, Dense softmax": lambda: [L.GlobalAveragePooling2D(), L.Dense(5, "softmax")],
    "average, Dense linear": lambda: [L.GlobalAveragePooling2D(), L.Dense(5)],
    "no bias": lambda: [L.GlobalAveragePooling2D(), L.Dense(5, use_bias=False)],
    "sigmoid": lambda: [L.GlobalAveragePooling2D(), L.Dense(5, "sigmoid")],
    "Softmax layer": lambda: [L.GlobalAveragePooling2D(), L.Dense(5), L.Softmax()],
    "ops.softmax": lambda: [L.GlobalAveragePooling2D(), L.Dense(5), keras.ops.softmax],
    "sum": lambda: [GlobalSumPooling2D(), L.Dense(5, "softmax")],
    "ops.mean": lambda: [lambda x: keras.ops.mean(x, axis=(1, 2)), L.Dense(5, "softmax")],
    "ops.mean, negative axes": lambda: [
        lambda x: keras.ops.mean(x, axis=[-3, -2]),
        L.Dense(5, "softmax"),
    ],
    "ops.sum": lambda: [lambda x: keras.ops.sum(x, axis=(1, 2)), L.Dense(5, "softmax")],
    "keepdims, 1x1 convolution": lambda: [
        L.GlobalAveragePooling2D(keepdims=True),
        L.Dropout(0.5),
        L.Conv2D(5, 1),
        L.Flatten(),
        L.Softmax(),
    ],
    "window as large as the map": lambda: [
        L.AveragePooling2D(8),
        L.Flatten(),
        L.Dense(5, "softmax"),
    ],
    "Dropout and BatchNormalization": lambda: [
        L.GlobalAveragePooling2D(),
        L.BatchNormalization(),
        L.Dropout(0.3),
        L.Dense(5, "softmax"),
    ],
    "two BatchNormalizations, one without scale": lambda: [
        L.GlobalAveragePooling2D(),
        L.BatchNormalization(scale=False),
        L.BatchNormalization(center=False, epsilon=0.1),
        L.Dense(5, "softmax"),
    ],
    "CAMHead average": lambda: [CAMHead(5, activation="softmax")],
    "CAMHead sum": lambda: [CAMHead(5, pooling="sum")],
    "CAMHead, Softmax layer": lambda: [CAMHead(5), L.Activation("softmax")],
    "convolution, pooling, softmax": lambda: [
        L.Conv2D(5, 1),
        L.GlobalAveragePooling2D(),
        L.Softmax(),
    ],
    "convolution, relu, pooling": lambda: [L.Conv2D(5, 3, activation="relu"), GlobalSumPooling2D()],
}


@pytest.mark.parametrize("name", ENDINGS)
def test_pooled_map_plus_bias_is_the_score(name, images):
    model = with_ending(*ENDINGS[name]())
    explain = kc.CAM(model)
    bias = folded_bias(explain)
    reduce = np.sum if explain._head.pooling == "sum" else np.mean
    for c in range(5):
        heatmaps, targets, scores = explain(images, c)
        assert scores.dtype == heatmaps.dtype == np.float32
        assert targets.tolist() == [c, c]
        pooled = reduce(heatmaps.astype("float64"), axis=(1, 2)) + bias[c]
        error = np.abs(pooled - scores[:, c]).max() / np.abs(scores).max()
        assert error < 1e-5


@pytest.mark.parametrize("name", ENDINGS)
def test_probabilities_are_the_models_output(name, images):
    model = with_ending(*ENDINGS[name]())
    explain = kc.CAM(model)
    scores = explain(images).scores
    expected = model(images, training=False).numpy()
    if explain._network.activation == "linear":
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_allclose(explain.probabilities(scores), expected, atol=1e-6)


def test_map_is_the_papers_sum_in_loops(images):
    model = with_ending(L.GlobalAveragePooling2D(), L.Dense(5, "softmax"))
    features = keras.Model(model.inputs[0], model.layers[-3].output)(images).numpy()
    kernel = model.layers[-1].get_weights()[0]
    expected = np.zeros((2, 8, 8))
    for n, y, x in np.ndindex(expected.shape):
        expected[n, y, x] = sum(kernel[k, 3] * features[n, y, x, k] for k in range(6))
    np.testing.assert_allclose(kc.CAM(model)(images, 3).heatmaps, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["layer", "ops", "head"])
def test_max_pooling_has_the_same_map_as_average(images, pooling):
    ending = {
        "layer": [L.GlobalMaxPooling2D(), L.Dense(5)],
        "ops": [lambda x: keras.ops.max(x, axis=(1, 2)), L.Dense(5)],
        "head": [CAMHead(5, pooling="max")],
    }[pooling]
    model = with_ending(*ending)
    average = with_ending(L.GlobalAveragePooling2D(), L.Dense(5))
    average.set_weights(model.get_weights())
    explain = kc.CAM(model)
    assert explain._head.pooling == "max"
    np.testing.assert_allclose(
        explain(images, 1).heatmaps, kc.CAM(average)(images, 1).heatmaps, rtol=1e-5
    )


class CosineDense(L.Dense):
    """Looks like a linear layer, but normalises its weights."""

    def call(self, inputs):
        return keras.ops.matmul(inputs, keras.ops.normalize(self.kernel, axis=0))


class PowerPooling(L.GlobalAveragePooling2D):
    def call(self, inputs):
        return keras.ops.mean(inputs**3, axis=(1, 2))


REFUSED = {
    "grouped 1x1 convolution": (
        [L.GlobalAveragePooling2D(keepdims=True), L.Conv2D(6, 1, groups=2, name="g"), L.Flatten()],
        "'g' \\(Conv2D\\) stands in the way",
    ),
    "weights after the head": (
        [CAMHead(6, name="head"), L.Dense(5)],
        "'head' .* it is followed by another layer with weights",
    ),
    "normalised without weights": (
        [L.GlobalAveragePooling2D(name="pool"), L.BatchNormalization(name="norm")],
        "'norm' .* it normalises the scores",
    ),
    "activation inside the head": (
        [CAMHead(5, activation="relu", name="head"), L.Softmax()],
        "'head' \\(CAMHead\\) with activation 'relu' stands in the way: it is not linear",
    ),
    "weights on features that were not pooled": (
        [L.Dense(5), L.Reshape((8 * 8 * 5,)), L.Softmax()],
        "it reads features that were not pooled",
    ),
    "own linear layer": (
        [L.GlobalAveragePooling2D(), CosineDense(5)],
        r"not the pooled features times the weights \(CosineDense\)",
    ),
    "own pooling": (
        [PowerPooling(), L.Dense(5)],
        "not the pooled features times the weights",
    ),
    "fully connected": (
        [L.Flatten(name="flat"), L.Dense(5)],
        "'flat' \\(Flatten\\) stands in the way: it reads features that were not pooled",
    ),
    "hidden layer": (
        [L.GlobalAveragePooling2D(), L.Dense(5, "relu", name="fc"), L.Dense(5)],
        "'fc' \\(Dense\\) with activation 'relu' stands in the way",
    ),
    "two linear layers": (
        [L.GlobalAveragePooling2D(), L.Dense(6, name="fc"), L.Dense(5)],
        "'fc' \\(Dense\\) stands in the way: it is a second layer",
    ),
    "layer normalisation": (
        [L.GlobalAveragePooling2D(), L.LayerNormalization(name="norm"), L.Dense(5)],
        "'norm' \\(LayerNormalization\\)",
    ),
    "activation": (
        [L.GlobalAveragePooling2D(), L.Activation("hard_silu", name="act"), L.Dense(5)],
        "'act' \\(Activation\\) with activation 'hard_silu'",
    ),
    "partial window": (
        [L.AveragePooling2D(4, name="pool"), L.Flatten(), L.Dense(5)],
        "it reads features that were not pooled",
    ),
    "pooling over one axis": (
        [lambda x: keras.ops.mean(x, axis=1), L.Flatten(), L.Dense(5)],
        "it reads features that were not pooled",
    ),
    "scores normalised": (
        [L.GlobalAveragePooling2D(), L.Dense(5), L.BatchNormalization(name="norm")],
        "'norm' .* it normalises the scores",
    ),
    "two branches": (
        [
            L.GlobalAveragePooling2D(),
            lambda x: L.Concatenate(name="joined")([x, x * 2]),
            L.Dense(5),
        ],
        "'joined' .* it joins several tensors",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_endings_are_refused_with_the_layer_in_the_way(name):
    ending, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"{message}.*Use `kc.GradCAM`"):
        kc.CAM(with_ending(*ending))


def test_quantised_weights_are_refused():
    model = with_ending(L.GlobalAveragePooling2D(), L.Dense(5))
    model.layers[-1].quantize("int8")
    with pytest.raises(ValueError, match="its weights are quantised. Use `kc.GradCAM`"):
        kc.CAM(model)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_weights_far_smaller_than_the_bias_are_no_reason_to_refuse(policy, images):
    keras.config.set_dtype_policy(policy)
    model = with_ending(L.GlobalAveragePooling2D(), L.Dense(5))
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([1e-5 * kernel, bias + 7])
    assert kc.CAM(model)(images).heatmaps.any()
    model.layers[-1].set_weights([np.nan * kernel, bias])
    assert np.isnan(kc.CAM(model)(images).heatmaps).all()


def test_low_rank_adaptation_is_seen(images, rng):
    model = with_ending(L.GlobalAveragePooling2D(), L.Dense(5, use_bias=False))
    model.layers[-1].enable_lora(2)
    for weight in model.layers[-1].trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    heatmaps, _, scores = kc.CAM(model)(images, 3)
    np.testing.assert_allclose(heatmaps.mean(axis=(1, 2)), scores[:, 3], rtol=1e-4)


def test_tensorflows_own_softmax(images):
    model = with_ending(L.GlobalAveragePooling2D(), L.Dense(5, tf.nn.softmax))
    explain = kc.CAM(model)
    expected = model(images, training=False).numpy()
    np.testing.assert_allclose(explain.probabilities(explain(images).scores), expected, atol=1e-6)


def test_nothing_but_layers_without_pooling_is_refused():
    inputs = keras.Input((8,))
    with pytest.raises(ValueError, match="this one has neither"):
        kc.CAM(keras.Model(inputs, L.Dense(3)(inputs)))


def test_channels_first_is_refused():
    pooled = L.GlobalAveragePooling2D(data_format="channels_first", name="pool")
    with pytest.raises(ValueError, match="'pool' .* channels first"):
        kc.CAM(with_ending(pooled, L.Dense(5)))


# Forms of model --------------------------------------------------------------------------------


def as_functional():
    return with_ending(L.GlobalAveragePooling2D(), L.Dense(5, "softmax"))


def as_sequential():
    model = small_backbone(filters=6)
    model.add(L.GlobalAveragePooling2D())
    model.add(L.Dense(5, "softmax"))
    return model


def as_sequential_called_later():
    model = keras.Sequential([L.Conv2D(6, 3, 4), L.GlobalAveragePooling2D(), L.Dense(5)])
    model(np.zeros((1, 32, 32, 3), "float32"))
    return model


def as_nested():
    inner = keras.Sequential([keras.Input((32, 32, 3)), small_backbone(filters=6)])
    return kc.models.cam_classifier(inner, 5)


def as_backbone_that_pools():
    inputs = keras.Input((32, 32, 3))
    x = small_backbone(filters=6)(inputs)
    backbone = keras.Model(inputs, L.GlobalAveragePooling2D()(x), name="pooled")
    return keras.Sequential([keras.Input((32, 32, 3)), backbone, L.Dense(5, "softmax")])


def as_variable_size():
    return small_model(5, size=None)


def as_sum_pooling():
    return small_model(5, pooling="sum")


FORMS = [
    as_functional,
    as_sequential,
    as_sequential_called_later,
    as_nested,
    as_backbone_that_pools,
    as_variable_size,
    as_sum_pooling,
]


@pytest.mark.parametrize("suffix", mostly_exhaustive([None, ".keras", ".h5"], [".keras"]))
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_model_also_from_a_file(form, suffix, images, tmp_path):
    model = form()
    randomize(model)
    expected = kc.CAM(model)(images, [1, 3])
    if suffix is not None:
        path = tmp_path / f"model{suffix}"
        model.save(path)
        model = keras.models.load_model(path, compile=False)
    explain = kc.CAM(model)
    found = explain(images, [1, 3])
    np.testing.assert_allclose(found.heatmaps, expected.heatmaps, rtol=1e-5, atol=1e-7)
    reduce = np.sum if form is as_sum_pooling else np.mean
    pooled = reduce(found.heatmaps, axis=(1, 2)) + folded_bias(explain)[[1, 3]]
    np.testing.assert_allclose(pooled, found.scores[[0, 1], [1, 3]], rtol=1e-4, atol=1e-6)


def test_several_inputs_and_outputs(images, rng):
    picture, number = keras.Input((32, 32, 3), name="picture"), keras.Input((2,), name="number")
    x = L.GlobalAveragePooling2D()(small_backbone()(picture))
    species = L.Dense(5, "softmax", name="species")(x)
    size = L.Dense(1, name="size")(L.Concatenate()([x, number]))
    model = keras.Model([picture, number], [species, size])
    numbers = rng.normal(size=(2, 2)).astype("float32")
    by_index = kc.CAM(model, output=0)([images, numbers], 2)
    species_name = model.output_names[0]
    by_name = kc.CAM(model, output=species_name)({"picture": images, "number": numbers}, 2)
    np.testing.assert_array_equal(by_index.heatmaps, by_name.heatmaps)
    expected = model([images, numbers])[0].numpy()
    explain = kc.CAM(model, output=0)
    np.testing.assert_allclose(explain.probabilities(by_index.scores), expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"outputs \['species', 'size'\]. Received: output=None"):
        kc.CAM(model)
    with pytest.raises(ValueError, match="'number'.*'number'. are missing"):
        explain({"picture": images})
    with pytest.raises(ValueError, match="takes 2 inputs"):
        explain(images)


@pytest.mark.parametrize("rank", [1, 3])
def test_signals_and_volumes(rank, rng):
    convolution = {1: L.Conv1D, 3: L.Conv3D}[rank]
    pooling = {1: L.GlobalAveragePooling1D, 3: L.GlobalAveragePooling3D}[rank]
    model = keras.Sequential(
        [keras.Input((8,) * rank + (2,)), convolution(6, 3), pooling(), L.Dense(5, "softmax")]
    )
    images = rng.normal(size=(2, *(8,) * rank, 2)).astype("float32")
    heatmaps, _, scores = kc.CAM(model)(images, [1, 4])
    assert heatmaps.shape == (2, *(6,) * rank)
    pooled = heatmaps.reshape(2, -1).mean(axis=1)
    np.testing.assert_allclose(pooled, scores[[0, 1], [1, 4]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy, images):
    keras.config.set_dtype_policy(policy)
    model = small_model(5)
    heatmaps, _, scores = kc.CAM(model)(images, [1, 4])
    assert heatmaps.dtype == scores.dtype == np.float32
    bias = model.get_layer("predictions").bias.numpy()[[1, 4]]
    tolerance = {"mixed_float16": 2e-3, "mixed_bfloat16": 2e-2}[policy]
    np.testing.assert_allclose(
        heatmaps.mean(axis=(1, 2)) + bias, scores[[0, 1], [1, 4]], rtol=tolerance, atol=tolerance
    )


def test_features_of_scale_1e_minus_8_keep_their_maps(images):
    model = with_ending(lambda x: x * 1e-8, L.GlobalAveragePooling2D(), L.Dense(5, use_bias=False))
    plain = with_ending(L.GlobalAveragePooling2D(), L.Dense(5, use_bias=False))
    plain.set_weights(model.get_weights())
    tiny, usual = kc.CAM(model)(images, 1).heatmaps, kc.CAM(plain)(images, 1).heatmaps
    np.testing.assert_allclose(tiny * 1e8, usual, rtol=1e-4)


# Real networks ---------------------------------------------------------------------------------

APPLICATIONS = keras.applications
REAL = {
    "AlexNetGAP": lambda: kc.models.AlexNetGAP(input_shape=(99, 99, 3)),
    "AlexNetGAP star": lambda: kc.models.AlexNetGAP(
        input_shape=(99, 99, 3), variant="star", pooling="sum"
    ),
    "AlexNetGAP plus": lambda: kc.models.AlexNetGAP(
        input_shape=(99, 99, 3), variant="plus", groups=2, dropout=0.5
    ),
    "VGG16GAP": lambda: kc.models.VGG16GAP(input_shape=(64, 64, 3)),
    "GoogLeNetGAP": lambda: kc.models.GoogLeNetGAP(input_shape=(64, 64, 3)),
    "GoogLeNetGAP sum": lambda: kc.models.GoogLeNetGAP(input_shape=(64, 64, 3), pooling="sum"),
    **{
        name: functools.partial(
            getattr(APPLICATIONS, name), weights=None, input_shape=(size, size, 3)
        )
        for size, names in {
            64: ("ResNet50", "MobileNet", "MobileNetV2", "DenseNet121", "EfficientNetB0"),
            96: ("Xception", "InceptionV3"),
        }.items()
        for name in names
    },
    "MobileNetV2, nested, pooled inside": lambda: keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            APPLICATIONS.MobileNetV2(
                include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3)
            ),
            L.BatchNormalization(),
            L.Dense(7, "softmax"),
        ]
    ),
}


@pytest.mark.parametrize("name", mostly_exhaustive(REAL, ["VGG16GAP"]))
def test_real_networks_for_every_class(name, rng, tmp_path):
    """The identity for every class, before and after saving."""
    model = REAL[name]()
    images = rng.uniform(0, 255, size=(1, *model.input_shape[1:])).astype("float32")
    for loaded in [False, True]:
        if loaded:
            model.save(tmp_path / "model.keras")
            model = keras.models.load_model(tmp_path / "model.keras", compile=False)
        explain = kc.CAM(model)
        scores = explain(images).scores[0]
        head, graph = explain._head, explain._network.graph
        values = run(explain._network._steps, {graph.inputs[0]: images})
        maps = np.asarray(values[head.features])[0] @ np.asarray(head.kernel())
        pooled = (np.sum if head.pooling == "sum" else np.mean)(maps, axis=(0, 1))
        error = np.abs(pooled + folded_bias(explain) - scores).max() / np.abs(scores).max()
        assert maps.shape[-1] == len(scores) == model.output_shape[-1]
        assert error < 1e-5
        for c in (0, len(scores) - 1):
            found = explain(images, c).heatmaps[0]
            np.testing.assert_allclose(found, maps[..., c], atol=1e-5 * np.abs(maps).max())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (APPLICATIONS.MobileNetV3Small, "\\(Activation\\) with activation 'hard_silu'"),
        *(
            pytest.param(*pair, marks=pytest.mark.exhaustive)
            for pair in [
                (APPLICATIONS.VGG16, "'fc2' \\(Dense\\) with activation 'relu'"),
                (APPLICATIONS.ConvNeXtTiny, "_head_layernorm' \\(LayerNormalization\\)"),
            ]
        ),
    ],
)
def test_real_networks_that_end_otherwise_are_refused(build, message):
    with pytest.raises(ValueError, match=f"{message}.*stands in the way.*Use `kc.GradCAM`"):
        kc.CAM(build(weights=None, input_shape=(32, 32, 3)))
