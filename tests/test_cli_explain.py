"""`kerascam explain`: image files in, overlays and raw maps out."""

import json

import cv2
import keras
import numpy as np
import pytest
from conftest import small_model
from typer.testing import CliRunner

import kerascam as kc
from kerascam.cli import app
from kerascam.cli.picture_explainer import METHOD_NAMES
from kerascam.datasets.image_files import list_images, read_image, resize_image
from kerascam.graph import takes_raw_images

pytestmark = pytest.mark.filterwarnings("ignore:.* zero everywhere")
NAMES = ["circle", "square", "five pointed star", "moon/crescent"]


def run(*arguments):
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


@pytest.fixture
def model(tmp_path):
    model = small_model(4)
    model.save(tmp_path / "model.keras")
    return model


@pytest.fixture
def files(tmp_path, rng):
    folder = tmp_path / "images"
    (folder / "inner").mkdir(parents=True)
    for name, size in [("a.png", (48, 64)), ("b.jpg", (32, 32)), ("inner/a.png", (20, 90))]:
        picture = rng.integers(0, 256, size=(*size, 3)).astype("uint8")
        cv2.imwrite(str(folder / name), picture)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_overlays_and_raw_maps_are_those_of_the_explainer(model, files, tmp_path):
    out = tmp_path / "out"
    arguments = ["--model", tmp_path / "model.keras", "--method", "hirescam", "--raw", "-o", out]
    result = run(files / "a.png", files / "b.jpg", *arguments)
    assert result.exit_code == 0, result.output
    assert "Preprocessing: unit" in result.output
    assert "Wrote 4 files" in result.output
    explain = kc.HiResCAM(model)
    for name in ("a.png", "b.jpg"):
        picture = read_image(files / name)
        image = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
        expected = explain(image[None].astype("float32") / 255)
        with np.load(out / f"{name[0]}_hirescam.npz") as raw:
            np.testing.assert_allclose(raw["heatmaps"], expected.heatmaps, rtol=1e-4, atol=1e-7)
            np.testing.assert_array_equal(raw["classes"], expected.targets)
            np.testing.assert_allclose(raw["scores"], expected.scores[0], rtol=1e-4)
        overlay = read_image(out / f"{name[0]}_hirescam_{expected.targets[0]}.png")
        shown = kc.visualization.enlarge(picture[None])
        clean = kc.visualization.overlay(shown, expected.heatmaps)[0]
        different = np.abs(overlay[: shown.shape[1]].astype(int) - clean).max(axis=-1) > 2
        assert different.mean() < 0.01


def test_directories_names_and_top(model, files, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES))
    out = tmp_path / "out"
    arguments = ["-m", tmp_path / "model.keras", "--classes", names, "-o", out]
    result = run(files, *arguments, "--top", 9)
    assert result.exit_code == 0, result.output
    endings = ["circle", "five-pointed-star", "moon-crescent", "square"]
    expected = [f"{stem}_gradcam_{end}.png" for stem in ("a", "a-2", "b") for end in endings]
    assert sorted(path.name for path in out.iterdir()) == sorted(expected)
    for target in ("five pointed star", "2"):
        run(files / "b.jpg", *arguments[:-1], tmp_path / target, "--class", target)
        assert [p.name for p in (tmp_path / target).iterdir()] == [
            "b_gradcam_five-pointed-star.png"
        ]


@pytest.mark.parametrize(
    "content",
    [NAMES, dict(enumerate(NAMES)), {str(i): [f"n{i}", name] for i, name in enumerate(NAMES)}],
)
def test_json_files_of_names(content, model, files, tmp_path):
    names = tmp_path / "names.json"
    names.write_text(json.dumps(content))
    arguments = ["-m", tmp_path / "model.keras", "--classes", names, "-o", tmp_path / "out"]
    assert run(files / "b.jpg", *arguments, "--class", "circle").exit_code == 0
    assert (tmp_path / "out" / "b_gradcam_circle.png").exists()


def test_a_broken_file_is_named_and_skipped_and_the_rest_is_done(model, files, tmp_path):
    (files / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    (files / "empty.png").write_bytes(b"")
    out = tmp_path / "out"
    result = run(files, files / "notes.txt", "-m", tmp_path / "model.keras", "-o", out)
    assert result.exit_code == 1
    for name in ("broken.jpg", "empty.png", "notes.txt"):
        assert f"{name}' is not an image, or it is broken." in result.output
    assert len(list(out.iterdir())) == 3
    assert "Wrote 3 files" in result.output


@pytest.mark.parametrize(
    "method",
    [
        method
        if method in ("cam", "hirescam", "occlusion")
        else pytest.param(method, marks=pytest.mark.exhaustive)
        for method in METHOD_NAMES
    ],
)
def test_every_method(method, files, tmp_path):
    keras.utils.set_random_seed(2)
    model = kc.models.cam_classifier(
        keras.Sequential(
            [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, 2, activation="relu")]
        ),
        3,
    )
    model.save(tmp_path / "model.keras")
    result = run(
        files / "b.jpg", "-m", tmp_path / "model.keras", "--method", method, "-o", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "out").glob(f"b_{method}_?.png"))) == 1


@pytest.mark.parametrize(
    ("preprocess", "expected"),
    [
        ("none", [255, 0, 0]),
        ("unit", [1, 0, 0]),
        ("tf", [1, -1, -1]),
        ("torch", [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225]),
        ("caffe", [-103.939, -116.779, 255 - 123.68]),
    ],
)
def test_preprocessing(preprocess, expected, tmp_path):
    """A model whose scores are the mean of each channel, on a red picture."""
    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(tmp_path / "m.keras")
    cv2.imwrite(str(tmp_path / "red.png"), np.full((30, 20, 3), [0, 0, 255], "uint8"))
    arguments = ["-m", tmp_path / "m.keras", "-o", tmp_path / "out", "--raw"]
    result = run(
        tmp_path / "red.png", *arguments, "--preprocess", preprocess, "--method", "saliency"
    )
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "out" / "red_saliency.npz") as raw:
        np.testing.assert_allclose(raw["scores"], expected, rtol=1e-4, atol=1e-4)
        assert raw["heatmaps"].shape == (1, 30, 20)


def nested(rescale):
    """A backbone in a backbone in a model, with BatchNormalization and convolutions after it."""
    inner = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3)])
    if rescale:
        inner = keras.Sequential([keras.Input((32, 32, 3)), rescale, *inner.layers])
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inner(inputs)))
    return kc.models.cam_classifier(keras.Model(inputs, x), 4)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lambda: nested(None), False),
        (lambda: nested(keras.layers.Rescaling(1 / 255)), True),
        (lambda: nested(keras.layers.Normalization(mean=[1, 2, 3], variance=[1, 2, 3])), True),
        (
            lambda: kc.models.cam_classifier(
                kc.models.EfficientNetLite0(include_top=False, weights=None), 4
            ),
            True,
        ),
        pytest.param(
            lambda: kc.models.cam_classifier(
                keras.applications.EfficientNetB0(include_top=False, weights=None), 4
            ),
            True,
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            lambda: kc.models.cam_classifier(
                keras.applications.MobileNet(include_top=False, weights=None), 4
            ),
            False,
            marks=pytest.mark.exhaustive,
        ),
        (
            lambda: keras.Sequential(
                [
                    keras.Input((32, 32, 3)),
                    keras.layers.Conv2D(4, 3),
                    keras.layers.Rescaling(1 / 255),
                ]
            ),
            False,
        ),
    ],
)
def test_whether_a_model_rescales_its_images(model, expected):
    assert takes_raw_images(model()) == expected


def test_a_caption_can_be_read_below_a_narrow_picture(model, tmp_path):
    cv2.imwrite(str(tmp_path / "tall.png"), np.full((400, 100, 3), 90, "uint8"))
    cv2.imwrite(str(tmp_path / "line.png"), np.full((900, 2, 3), 90, "uint8"))
    for name in ("tall", "line"):
        arguments = ["-m", tmp_path / "model.keras", "--method", "CAM", "-o", tmp_path / "out"]
        assert run(tmp_path / f"{name}.png", *arguments).exit_code == 0
    (tall,) = (tmp_path / "out").glob("tall_cam_*")
    assert cv2.imread(str(tall)).shape == (3 * 400 + 2 * 29, 300, 3)
    (line,) = (tmp_path / "out").glob("line_cam_*")
    assert cv2.imread(str(line)).shape[0] < 5000


def test_preprocessing_is_none_where_the_model_rescales(files, tmp_path):
    inputs = keras.Input((32, 32, 1))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(inputs))
    keras.Model(inputs, kc.layers.CAMHead(4)(x)).save(tmp_path / "model.keras")
    result = run(files / "b.jpg", "-m", tmp_path / "model.keras", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "Preprocessing: none" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "magic"], "--method must be one of cam, gradcam.*Received: 'magic'"),
        (["--preprocess", "half"], "--preprocess must be one of none, unit.*Received: 'half'"),
        (["--colormap", "grey"], "--colormap must be one of.*Received: 'grey'"),
        (["--class", "7"], "--class must be an index 0..3, or a name.*Received: '7'"),
        (["--class", "cat"], "--class must be .*Received: 'cat'"),
        (["--class", "1", "--top", "2"], "--class and --top exclude each other"),
        (["--layer", "conv9"], "`layer` must name a layer of the model. Received: 'conv9'"),
        (["--method", "saliency", "--layer", "x"], "--layer is not for saliency"),
        (["--classes", "no_file"], "No such file"),
        (["--output", "b"], "`output` must be the name or index"),
    ],
)
def test_mistakes_are_told_before_any_work(arguments, message, model, files, tmp_path):
    import re

    out = tmp_path / "out"
    result = run(files, "-m", tmp_path / "model.keras", "-o", out, *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.output.replace("\n", " "))
    assert not out.exists()


def test_files_that_are_missing(model, files, tmp_path):
    result = run(tmp_path / "none.png", "-m", tmp_path / "model.keras")
    assert result.exit_code == 2
    assert "There is no" in result.output
    assert "none.png" in result.output
    result = run(files, "-m", tmp_path / "none.keras")
    assert result.exit_code == 2
    assert "There is no model" in result.output
    (tmp_path / "bare").mkdir()
    result = run(tmp_path / "bare", "-m", tmp_path / "model.keras", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "There are no images in" in result.output
    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\n")
    result = run(files, "-m", tmp_path / "model.keras", "--classes", names)
    assert result.exit_code == 2
    assert "--classes must name the 4 classes" in result.output
    assert "Received: 2 names" in result.output


def test_models_that_take_something_else(files, tmp_path):
    inputs = keras.Input((32, 2))
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(4, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(3)(x)).save(tmp_path / "model.keras")
    result = run(files, "-m", tmp_path / "model.keras", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "must take one image" in result.output


def test_image_files(files, rng):
    found = list_images([files, files / "notes.txt"])
    expected = ["a.png", "b.jpg", "inner/a.png", "notes.txt"]
    assert [str(path.relative_to(files)) for path in found] == expected
    picture = read_image(files / "a.png")
    assert picture.shape == (48, 64, 3)
    np.testing.assert_array_equal(picture, cv2.imread(str(files / "a.png"))[..., ::-1])
    with pytest.raises(OSError, match="No such file"):
        read_image(files / "none.png")
    assert resize_image(picture, (12, 16)).shape == (12, 16, 3)
    np.testing.assert_allclose(
        resize_image(picture, (12, 16)),
        picture.reshape(12, 4, 16, 4, 3).mean(axis=(1, 3)),
        atol=1,
    )


def test_top_classes_have_maps_of_their_own(model, files, tmp_path):
    arguments = ["-m", tmp_path / "model.keras", "--method", "hirescam", "--raw", "--top", "3"]
    assert run(files / "b.jpg", *arguments, "-o", tmp_path / "out").exit_code == 0
    image = cv2.resize(read_image(files / "b.jpg"), (32, 32)).astype("float32")[None] / 255
    explain = kc.HiResCAM(model)
    classes = np.argsort(-explain(image).scores[0])[:3]
    with np.load(tmp_path / "out" / "b_hirescam.npz") as raw:
        np.testing.assert_array_equal(raw["classes"], classes)
        for c, heatmap in zip(classes, raw["heatmaps"], strict=True):
            expected = explain(image, int(c)).heatmaps[0]
            np.testing.assert_allclose(heatmap, expected, rtol=1e-3, atol=1e-6)
    pictures = [read_image(path) for path in sorted((tmp_path / "out").glob("*.png"))]
    assert not np.array_equal(pictures[0][:200], pictures[1][:200])


def test_saturated_probabilities_and_names_that_are_alike(files, tmp_path):
    """The highest score is explained where two probabilities are 1; no file replaces another."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(4, "sigmoid", use_bias=True, name="scores")(x)
    model = keras.Model(inputs, outputs)
    model.get_layer("scores").set_weights([np.zeros((3, 4)), np.array([40.0, -9, 60, -8])])
    model.save(tmp_path / "model.keras")
    names = tmp_path / "names.txt"
    names.write_text("\ufeffcrane\ncrane\na/b\n" + "a b" * 100, encoding="utf-8")
    arguments = ["-m", tmp_path / "model.keras", "--classes", names, "--method", "saliency"]
    assert run(files / "b.jpg", *arguments, "-o", tmp_path / "one").exit_code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["b_saliency_a-b.png"]
    assert run(files / "b.jpg", *arguments, "-o", tmp_path / "all", "--top", "4").exit_code == 0
    assert len(list((tmp_path / "all").iterdir())) == 4


def test_turned_grey_and_transparent_pictures(tmp_path):
    """A model whose scores are the mean of the left and of the right half."""
    inputs = keras.Input((10, 20, 1))
    halves = [
        keras.ops.mean(inputs[:, :, part], axis=(1, 2, 3)) for part in (slice(0, 10), slice(10, 20))
    ]
    keras.Model(inputs, keras.ops.stack(halves, axis=-1)).save(tmp_path / "m.keras")
    picture = np.zeros((20, 10, 3), "uint8")
    picture[:10] = [0, 0, 200]  # Red above; turned by a quarter it is to the right.
    content = cv2.imencode(".jpg", picture)[1].tobytes()
    orientation = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + orientation + bytes(4)
    exif = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "turned.jpg").write_bytes(content[:2] + exif + content[2:])
    arguments = [
        "-m",
        tmp_path / "m.keras",
        "-o",
        tmp_path / "out",
        "--raw",
        "--method",
        "saliency",
    ]
    result = run(tmp_path / "turned.jpg", *arguments, "--preprocess", "none")
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "out" / "turned_saliency.npz") as raw:
        np.testing.assert_allclose(raw["scores"], [0, 0.299 * 200], atol=4)


def test_its_own_pictures_are_not_explained_again(model, files, tmp_path):
    for _ in range(2):
        result = run(files, files / "a.png", "-m", tmp_path / "model.keras", "-o", files / "maps")
        assert result.exit_code == 0
        assert "Wrote 3 files" in result.output
    assert len(list((files / "maps").iterdir())) == 3


def test_a_picture_that_the_network_cannot_take_is_skipped(files, tmp_path):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 9)(inputs)
    keras.Model(inputs, kc.layers.CAMHead(3)(x)).save(tmp_path / "model.keras")
    cv2.imwrite(str(files / "0.png"), np.zeros((2, 2, 3), "uint8"))
    result = run(files, "-m", tmp_path / "model.keras", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "0.png'" in result.output
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_models_that_take_integers_get_them(files, tmp_path):
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.ops.cast(inputs, "float32") / 255
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    model.save(tmp_path / "model.keras")
    arguments = ["-m", tmp_path / "model.keras", "-o", tmp_path / "out", "--method", "occlusion"]
    result = run(files / "b.jpg", *arguments, "--raw")
    assert result.exit_code == 0, result.output
    assert "Preprocessing: none" in result.output
    with np.load(tmp_path / "out" / "b_occlusion.npz") as raw:
        expected = read_image(files / "b.jpg").mean(axis=(0, 1)) / 255
        np.testing.assert_allclose(raw["scores"], expected, rtol=1e-3)
    result = run(files / "b.jpg", *arguments, "--preprocess", "torch")
    assert result.exit_code == 2
    assert "takes uint8 images, so --preprocess must be none" in result.output


def test_what_cannot_work_is_told_before_any_picture(model, files, tmp_path):
    inputs = keras.Input((32, 32, 1))
    x = keras.layers.Conv2D(4, 3, activation="gelu")(inputs)
    keras.Model(inputs, kc.layers.CAMHead(3)(x)).save(tmp_path / "gelu.keras")
    (tmp_path / "broken.keras").write_bytes(b"PK nothing")
    (tmp_path / "file").write_text("")
    good = ["-m", tmp_path / "gelu.keras", "-o", tmp_path / "out"]
    for arguments, message in [
        ([*good, "--method", "guidedbackprop"], "has no ReLU"),
        ([*good, "--preprocess", "caffe"], "is for colour images"),
        (["-m", tmp_path / "broken.keras", "-o", tmp_path / "out"], "can't be loaded"),
        (
            ["-m", tmp_path / "gelu.keras", "-o", tmp_path / "file" / "out"],
            "Nothing can be written",
        ),
    ]:
        result = run(files, *arguments)
        assert result.exit_code == 2, result.output
        assert message in result.output
        assert not (tmp_path / "out").exists()
