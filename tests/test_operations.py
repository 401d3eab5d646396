"""The flat list of operations, against the model itself."""

import keras
import numpy as np
import pytest
from conftest import randomize, small_backbone

from kerascam.graph.operations import Graph, run


def flat(model, images):
    """The model's output, computed from the list of its operations."""
    graph = Graph(model)
    arrays = images if isinstance(images, list) else [images]
    values = dict(zip(graph.inputs, arrays, strict=True))
    values = run(graph.between(graph.inputs, graph.outputs), values)
    return [keras.ops.convert_to_numpy(values[slot]) for slot in graph.outputs]


def functional():
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, padding="same")(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Add()([x, y]))
    return keras.Model(inputs, keras.ops.mean(x * 2.0, axis=(1, 2)))


def sequential():
    model = small_backbone()
    model.add(keras.layers.GlobalMaxPooling2D())
    return model


def sequential_called_later():
    model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()])
    model(np.zeros((1, 32, 32, 3), "float32"))
    return model


def nested_twice():
    inner = keras.Sequential([keras.Input((32, 32, 3)), small_backbone()], name="outer")
    return keras.Sequential([keras.Input((32, 32, 3)), inner, keras.layers.Flatten()])


def backbone_called_twice():
    backbone = small_backbone()
    inputs = keras.Input((32, 32, 3))
    difference = keras.layers.Subtract()([backbone(inputs), backbone(keras.ops.flip(inputs, 1))])
    return keras.Model(inputs, keras.layers.Flatten()(difference))


FORMS = [functional, sequential, sequential_called_later, nested_twice, backbone_called_twice]


@pytest.fixture
def images(rng):
    return rng.normal(size=(2, 32, 32, 3)).astype("float32")


@pytest.mark.parametrize("form", FORMS)
def test_gives_what_the_model_gives(form, images):
    model = form()
    randomize(model)
    np.testing.assert_array_equal(flat(model, images)[0], model(images, training=False).numpy())


def test_several_inputs_and_outputs(images, rng):
    picture, number = keras.Input((32, 32, 3)), keras.Input((2,))
    x = keras.layers.GlobalAveragePooling2D()(small_backbone()(picture))
    joined = keras.layers.Concatenate()([x, number])
    model = keras.Model([picture, number], [keras.layers.Dense(3)(joined), x])
    numbers = rng.normal(size=(2, 2)).astype("float32")
    for ours, theirs in zip(flat(model, [images, numbers]), model([images, numbers]), strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())


def test_paths_name_the_nested_models():
    paths = [step.path for step in Graph(nested_twice()).steps]
    assert [path.rsplit("/", 1)[0] for path in paths[:2]] == ["outer/backbone"] * 2
    assert "/" not in paths[2]


def test_between_leaves_out_what_is_not_needed():
    inputs = keras.Input((8,))
    wanted = keras.layers.Dense(4, name="wanted")(inputs)
    other = keras.layers.Dense(4, name="other")(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(2, name="first")(wanted), other])
    graph = Graph(model)
    names = [step.path for step in graph.between(graph.inputs, graph.outputs[:1])]
    assert names == ["wanted", "first"]
    middle = graph.steps[names.index("wanted")].outputs
    assert [step.path for step in graph.between(middle, graph.outputs[:1])] == ["first"]


def test_running_leaves_nothing_in_the_model(images):
    """No inbound node, no loss of a regulariser, no batch statistic, no step of a seed."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(4, 3, activity_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=3),
        ]
    )

    def state():
        nodes = [len(layer._inbound_nodes) for layer in model.layers]
        return nodes, [np.copy(v.numpy()) for v in model.variables], len(model.losses)

    before = state()
    flat(model, images)
    after = state()
    assert before[0] == after[0]
    assert before[2] == after[2]
    for old, new in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(old, new)


def test_inference_mode_also_where_the_user_asked_for_training(images):
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Dropout(0.9)(inputs, training=True))
    np.testing.assert_array_equal(flat(model, images)[0], images)


def test_nested_model_casts_its_inputs(images):
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    model = keras.Model(inputs, small_backbone()(inputs))
    pixels = (50 * np.abs(images)).astype("uint8")
    np.testing.assert_array_equal(flat(model, pixels)[0], model(pixels).numpy())


@pytest.mark.parametrize("as_dictionary", [False, True])
def test_nested_model_called_by_names(images, as_dictionary):
    first, second = keras.Input((32, 32, 3), name="z"), keras.Input((32, 32, 3), name="a")
    difference = keras.layers.Subtract()([2 * first, second])
    struct = {"z": first, "a": second} if as_dictionary else [first, second]
    inner = keras.Model(struct, difference)
    outer = [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))]
    model = keras.Model(outer, inner({"a": outer[0], "z": outer[1]}))
    arrays = [images, images[::-1] ** 2]
    np.testing.assert_allclose(flat(model, arrays)[0], 2 * arrays[1] - arrays[0], rtol=1e-6)


class Subclassed(keras.Model):
    def call(self, images):
        return images


class OverriddenCall(keras.Model):
    """Looks functional, but its own `call` decides."""

    def call(self, images):
        return -super().call(images)


def overridden_call(name):
    inputs = keras.Input((32, 32, 3))
    return OverriddenCall(inputs, keras.layers.Identity()(inputs), name=name)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: Subclassed(name="mine"), ValueError, "'mine' was never called"),
        (
            lambda: keras.Sequential([keras.layers.Dense(3)], name="raw"),
            ValueError,
            "'raw' is not built",
        ),
        (lambda: "model.keras", TypeError, "must be a Keras model. Received: str"),
    ],
)
def test_models_that_cannot_be_read(model, error, message):
    with pytest.raises(error, match=message):
        Graph(model())


def test_a_model_that_is_python_code_is_one_step(images):
    for model in (Subclassed(), overridden_call("own_call")):
        expected = model(images).numpy()
        assert len(Graph(model).steps) == 1
        np.testing.assert_array_equal(flat(model, images)[0], expected)


def test_nested_model_with_its_own_call_is_one_operation(images):
    model = keras.Sequential([keras.Input((32, 32, 3)), overridden_call("inner")])
    assert [step.path for step in Graph(model).steps] == ["inner"]
    np.testing.assert_array_equal(flat(model, images)[0], -images)
