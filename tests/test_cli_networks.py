"""Which network the commands use."""

import sys

import keras
import numpy as np
import pytest
from conftest import small_model
from typer.testing import CliRunner

import kerascam as kc
from kerascam.cli import app, networks
from kerascam.cli.class_names import check_names, find_class, read_names
from kerascam.cli.networks import find_network
from kerascam.cli.preprocessing import PREPROCESSINGS, preprocess

# What the networks of keras.applications were trained on, by their documentation.
TRAINED_ON = {
    "caffe": ["ResNet50", "ResNet152", "VGG16", "VGG19"],
    "tf": ["MobileNet", "MobileNetV2", "ResNet50V2", "InceptionV3", "Xception", "NASNetMobile"],
    "torch": ["DenseNet121", "DenseNet201"],
    "none": ["EfficientNetB0", "EfficientNetV2S", "ConvNeXtTiny"],
}


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small_model(3)


def same(first, second):
    return all(
        np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "mode"), [(name, mode) for mode, names in TRAINED_ON.items() for name in names]
)
def test_preprocessing_of_known_networks(name, mode):
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 3)])
    assert networks._preprocessing_of(network, getattr(keras.applications, name)) == mode


@pytest.mark.parametrize("mode", PREPROCESSINGS)
def test_preprocessing_leaves_the_images_as_they_are(mode, rng):
    images = rng.uniform(0, 255, size=(2, 4, 4, 3)).astype("float32")
    before = images.copy()
    result = preprocess(images, mode)
    np.testing.assert_array_equal(images, before)
    back = kc.visualization.to_rgb(result, PREPROCESSINGS[mode])
    np.testing.assert_array_equal(back, np.rint(before).astype("uint8"))


@pytest.mark.exhaustive
def test_a_network_by_its_name_has_names_and_its_preprocessing(monkeypatch, tmp_path):
    original = keras.applications.MobileNetV2

    def MobileNetV2(weights):  # noqa: N802 - a download is not for tests
        assert weights == "imagenet"
        return original(weights=None, alpha=0.35)

    monkeypatch.setattr(keras.applications, "MobileNetV2", MobileNetV2)
    monkeypatch.setattr(keras.applications.mobilenet_v2, "MobileNetV2", MobileNetV2)
    network = find_network("keras.applications.MobileNetV2")
    assert network.model.count_params() == original(weights=None, alpha=0.35).count_params()
    assert network.class_names == kc.datasets.imagenet_names()
    assert network.preprocess == "tf"
    names = [f"name {index}" for index in range(1000)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    network = find_network("keras.applications.MobileNetV2", class_names=tmp_path / "names.txt")
    assert network.class_names == names
    (tmp_path / "names.txt").write_text("")
    network = find_network("keras.applications.MobileNetV2", class_names=tmp_path / "names.txt")
    assert network.class_names == []  # Refused where the number of classes is known.


def test_weights_that_cannot_be_had(monkeypatch):
    def ResNet50(weights):  # noqa: N802
        raise OSError("URL fetch failure")

    monkeypatch.setattr(keras.applications, "ResNet50", ResNet50)
    with pytest.raises(ValueError, match="ResNet50 could not get its ImageNet weights: URL fetch"):
        find_network("keras.applications.ResNet50")
    with pytest.raises(ValueError, match="VGG16GAP has no weights for the classes of ImageNet"):
        find_network("kerascam.models.VGG16GAP")


def test_saved_models_and_names(model, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\nNewt\n")
    for name in ("model.keras", "model.h5"):
        model.save(name)
        network = find_network(name, class_names="names.txt")
        assert same(network.model, model)
        assert network[1:] == (["cat", "dog", "Newt"], None)


def test_weights_with_a_function_that_makes_the_model(model, tmp_path):
    model.save_weights("a.weights.h5")
    (tmp_path / "my_training_script.py").write_text(
        "from conftest import small_model\n"
        "def build():\n    return small_model(3)\n"
        "def nothing():\n    return 3\n"
        "def main():\n    raise SystemExit(2)\n"
    )
    assert same(find_network("a.weights.h5", "my_training_script.build").model, model)
    with pytest.raises(ValueError, match="must make a Keras model. Received: .*gives int"):
        find_network("a.weights.h5", "my_training_script.nothing")
    assert "" not in sys.path
    with pytest.raises(ValueError, match="--architecture must be a network.*SystemExit: 2"):
        find_network("a.weights.h5", "my_training_script.main")
    with pytest.raises(ValueError, match="--architecture must be a network.*no attribute 'x'"):
        find_network("a.weights.h5", "my_training_script.x")
    with pytest.raises(ValueError, match="--architecture must be a network.*No module named"):
        find_network("a.weights.h5", "no_such_script.build")
    with pytest.raises(ValueError, match="--architecture must be a network.*'build'"):
        find_network("a.weights.h5", "build")


def test_weights_with_a_json_file(model, tmp_path):
    model.save_weights("a.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    assert same(find_network("a.weights.h5", "model.json").model, model)
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(ValueError, match="--architecture must "):
        find_network("a.weights.h5", "empty.json")
    small_model(5).save_weights("b.weights.h5")
    with pytest.raises(ValueError, match=r"'b.weights.h5' can't be loaded: "):
        find_network("b.weights.h5", "model.json")


@pytest.mark.exhaustive
def test_weights_with_a_network_by_its_name(model, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    known = kc.models.EfficientNetLite0(weights=None, classes=2)
    known.save_weights("a.weights.h5")
    architecture = "kerascam.models.EfficientNetLite0"
    network = find_network("a.weights.h5", architecture, "names.txt")
    assert same(network.model, known)
    assert network[1:] == (["cat", "dog"], "none")
    with pytest.raises(ValueError, match=r"can't be loaded"):  # 1000 classes without names.
        find_network("a.weights.h5", architecture)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.keras",), "There is no model 'none.keras'.$"),
        (("ResNet50",), "There is no model 'ResNet50'. Known by name are keras.applications.Res"),
        (("tf.keras.applications.VGG16",), "There is no model .*Known by name are keras.app"),
        (("",), "There is no model ''. Known by name"),
        ((None, "x.json"), "--architecture is for a file of weights. Received: no --model"),
        (("keras.applications.ResNet",), "has no network 'ResNet'. It has: .*ResNet50, "),
        (("kerascam.models.cam_classifier",), "has no network 'cam_classifier'. It has: AlexNet"),
        (("a.weights.h5",), "has weights alone. Pass what they belong to with --architecture"),
        (("keras.applications.VGG16", "x.json"), "--architecture is for a file of weights"),
        (("a.weights.h5", "none.json"), "--architecture must be .*No such file"),
    ],
)
def test_mistakes(arguments, message, model):
    model.save_weights("a.weights.h5")
    with pytest.raises(ValueError, match=message):
        find_network(*arguments)


def test_names_of_classes(tmp_path):
    names = kc.datasets.imagenet_names()
    assert find_class("Egyptian cat", names) == find_class("egyptian CAT", names) == 285
    assert find_class("n02124075", names) == 285
    assert find_class("7", names) == 7
    (tmp_path / "names.txt").write_bytes("Käfer".encode("latin-1"))
    with pytest.raises(ValueError, match="names.txt' of names must be UTF-8"):
        read_names(tmp_path / "names.txt")
    assert find_class("7", ["7", "8"]) == 0
    with pytest.raises(ValueError, match="Received: 'egyptian cats'. Near: 'Egyptian cat'"):
        find_class("egyptian cats", names)
    with pytest.raises(ValueError, match="Received: 'B'.$"):  # Two names are alike.
        find_class("B", ["b", "b"])
    assert check_names(None, 3) == ["0", "1", "2"]


@pytest.mark.exhaustive
def test_explain_with_weights_and_architecture(model, tmp_path, rng):
    model.save_weights("a.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    picture = rng.integers(0, 256, size=(32, 32, 3)).astype("uint8")
    (tmp_path / "a.png").write_bytes(kc.visualization.encode(picture))
    arguments = ["-m", "a.weights.h5", "--architecture", "model.json"]
    result = CliRunner().invoke(app, ["explain", "a.png", *arguments, "-o", "out"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    start = lines.index("a.png")
    probabilities = model.predict(picture[None] / np.float32(255), verbose=0)[0]
    expected = [f"{100 * probabilities[c]:5.1f} %  {c}" for c in np.argsort(-probabilities)]
    assert [line.strip() for line in lines[start + 1 : start + 4]] == [e.strip() for e in expected]
    assert lines[start + 4] == f"  wrote out/a_gradcam_{probabilities.argmax()}.png"
    arguments = ["class-model", *arguments[1:], "--class", "1", "--steps", "2", "-o", "sheet.png"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "sheet.png").exists()
