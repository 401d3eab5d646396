import subprocess
import sys

import cv2
import keras
import numpy as np
import pytest
from conftest import event_steps
from tensorboard import main as tensorboard_main
from typer.testing import CliRunner

import kerascam as kc
from kerascam.cli import app


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_help_names_the_commands():
    result = run("--help")
    assert result.exit_code == 0
    assert "demo" in result.output
    assert "board" in result.output


def test_version_and_module():
    result = run("--version")
    assert result.output == f"kerascam {kc.__version__}\n"
    command = [sys.executable, "-m", "kerascam", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"kerascam {kc.__version__}\n"


@pytest.mark.slow
def test_demo_writes_what_it_says(tmp_path):
    result = run("demo", "--quick", "--epochs", "2", "--log-dir", tmp_path)
    assert result.exit_code == 0, result.output
    for line in [
        "Held-out accuracy:",
        "The map's maximum falls on the object in",
        f"kerascam board {tmp_path}",
    ]:
        assert line in result.output
    assert event_steps(tmp_path, "cam/image_0") == [0, 1]
    model = keras.models.load_model(tmp_path / "model.keras")
    data = kc.datasets.shapes(2)
    assert kc.CAM(model)(data.images, data.labels).heatmaps.shape == (2, 8, 8)
    strip = cv2.imread(str(tmp_path / "strip.png"))
    # Six images in columns; a row of inputs, then the first and the last epoch.
    height = 192 + 19
    assert strip.shape == (3 * height + 4, 6 * 192 + 10, 3)
    first, last = strip[height : 2 * height, :192], strip[2 * height + 4 : 3 * height, :192]
    assert not np.array_equal(first[:150], last[:150])


def test_board_shows_all_steps_and_passes_options_on(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(tensorboard_main, "run_main", lambda: started.append(sys.argv))
    monkeypatch.setattr(sys, "argv", ["kerascam"])
    assert run("board", tmp_path, "--port", "7007", "--bind_all").exit_code == 0
    (arguments,) = started
    assert arguments[1:] == [
        *("--logdir", str(tmp_path), "--samples_per_plugin", "images=1000"),
        *("--port", "7007", "--bind_all"),
    ]


def test_board_without_a_directory(tmp_path):
    result = run("board", tmp_path / "none")
    assert result.exit_code == 2
    assert "There is no directory" in result.output
    assert "The log directory comes first" in run("board", "--port", "7", tmp_path).output
    help_page = run("board", "--help")
    assert help_page.exit_code == 0
    assert "TensorBoard" in help_page.output
