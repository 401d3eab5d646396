"""`kerascam class-model`."""

import cv2
import keras
import numpy as np
import pytest
from conftest import small_model
from typer.testing import CliRunner

import kerascam as kc
from kerascam.cli import app


@pytest.fixture
def path(tmp_path):
    model = small_model(4)
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def run(*arguments):
    return CliRunner().invoke(app, ["class-model", *map(str, arguments)])


def test_a_sheet_of_classes(path, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\nbird\nfish\n")
    out = tmp_path / "sheet.png"
    result = run(
        *(path, "--class", "dog", "--class", 3, "--steps", 4, "--classes", tmp_path / "names.txt"),
        *("-o", out, "--seed", 5),
    )
    assert result.exit_code == 0, result.output
    found = kc.ClassModel(keras.models.load_model(path))([1, 3], steps=4, seed=5)
    for line in (f"dog: score {found.scores[0, 1]:.3g}, probability", "fish: score", str(out)):
        assert line in result.output
    sheet = cv2.imread(str(out))[..., ::-1]
    assert sheet.shape == (224 + 44, 2 * 224 + 2, 3)
    np.testing.assert_array_equal(sheet[:224, 226:], kc.visualization.enlarge(found.pictures)[1])
    assert [item.name for item in tmp_path.iterdir() if item.name.endswith(".part")] == []


@pytest.mark.exhaustive
def test_presets_and_formats(path, tmp_path):
    out = tmp_path / "sheet.jpg"
    result = run(
        path, "--class", 2, "--preset", "paper", "--steps", 5, "-o", out, "--preprocess", "tf"
    )
    assert result.exit_code == 0, result.output
    model = keras.models.load_model(path)
    found = kc.ClassModel(model, preset="paper", value_range="tf")(2, steps=5)
    assert f"2: score {found.scores[0, 2]:.3g}" in result.output
    assert out.read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.exhaustive
def test_one_unit_and_any_size(tmp_path):
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu")(inputs))
    keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x)).save(tmp_path / "model.keras")
    out = tmp_path / "sheet.png"
    result = run(
        tmp_path / "model.keras", "--class", 0, "--class", 1, "--steps", 3, "--size", 20, "-o", out
    )
    assert result.exit_code == 0, result.output
    scores = [float(part.split(",")[0]) for part in result.output.split("score ")[1:]]
    find = kc.ClassModel(keras.models.load_model(tmp_path / "model.keras"), image_size=20)
    expected = find([0, 1], steps=3).scores[:, 0] * [-1, 1]
    np.testing.assert_allclose(scores, expected, rtol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "4"], "--class must be an index 0..3"),
        (["--class", "cat"], "a name (see --classes). Received: 'cat'"),
        (["--class", "1", "--preset", "best"], "--preset must be one of robust, paper"),
        (["--class", "1", "--preprocess", "x"], "--preprocess must be one of none, unit"),
        (["--class", "1", "-o", "sheet.bmp"], "--out must end in one of .png"),
        (["--class", "1", "-o", "nowhere/sheet.png"], "There is no directory 'nowhere'"),
        (["--class", "1", "--size", "64"], "`image_size` must be what the model takes"),
        (["--class", "1", "--output", "x"], "`output` must be"),
        (["--class", "1", "--classes", "none.txt"], "none.txt"),
    ],
)
def test_bad_input(path, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = run(path, *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert [item.name for item in tmp_path.iterdir()] == ["model.keras"]


def test_no_model(tmp_path):
    result = run(tmp_path / "none.keras", "--class", 1)
    assert result.exit_code == 2
    assert "There is no model" in result.output
    assert run(tmp_path / "none.keras").exit_code == 2  # No class.


def test_other_images(tmp_path):
    small_model(4, channels=5).save(tmp_path / "model.keras")
    result = run(tmp_path / "model.keras", "--class", 1)
    assert result.exit_code == 2
    assert "with 1 or 3 channels" in result.output
