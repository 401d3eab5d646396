"""The command line as a whole, `kerascam demo` and `kerascam board`."""

import os
import subprocess
import sys

import cv2
import keras
import numpy as np
import pytest
from conftest import event_steps, small_model
from tensorboard import main as tensorboard_main
from tensorboard import main_lib
from typer.testing import CliRunner

import kerascam as kc
from kerascam.cli import app


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def process(*arguments, before="", **environment):
    """Runs a command in a process of its own, in which the user has set no level of logs."""
    variables = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    code = (
        f"import sys\n{before}\nfrom kerascam.cli import main\ntry:\n    main()\n"
        "finally:\n    print(*({'keras', 'tensorflow'} & set(sys.modules)), flush=True)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**variables, **environment},
    )


def test_help_names_the_commands():
    result = run("--help")
    assert result.exit_code == 0
    for name in ("demo", "explain", "class-model", "board", "--version", "--help"):
        assert name in result.output
    assert "Usage" in run().output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *([c, "--help"] for c in ("demo", "explain", "class-model", "board")),
    ],
    ids=" ".join,
)
def test_help_and_version_need_no_tensorflow(arguments):
    result = process(*arguments)
    assert result.returncode == 0
    assert result.stderr == ""
    *page, modules = result.stdout.splitlines()
    assert modules == ""
    assert any("Usage" in line or kc.__version__ in line for line in page)


def test_board_needs_no_tensorflow(tmp_path):
    before = (  # What TensorBoard does first is to look for TensorFlow.
        "from tensorboard import main, main_lib\n"
        "main.run_main = lambda: (main_lib.global_init(), print(*sys.argv))"
    )
    result = process("board", tmp_path, before=before)
    assert result.stderr == ""
    started, modules = result.stdout.splitlines()
    assert started.startswith(f"tensorboard --logdir {tmp_path} ")
    assert modules == ""


@pytest.mark.exhaustive
def test_nothing_is_said_but_what_kerascam_says(tmp_path, rng):
    small_model(3).save(tmp_path / "model.keras")
    picture = rng.integers(0, 256, size=(40, 50, 3)).astype("uint8")
    cv2.imwrite(str(tmp_path / "photo.png"), picture)
    (tmp_path / "broken.png").write_text("")
    arguments = ["-m", tmp_path / "model.keras", "--method", "saliency", "-o", tmp_path / "out"]
    result = process("explain", tmp_path, *arguments, "--class", "1")
    broken = f"'{tmp_path / 'broken.png'}' is not an image, or it is broken."
    assert result.stderr == f"Skipped: {broken}\n"
    *lines, modules = [line for line in result.stdout.splitlines() if " %  " not in line]
    assert [line for line in lines if line] == [
        "Preprocessing: unit (see --preprocess).",
        "Explaining",
        str(tmp_path / "photo.png"),
        f"  wrote {tmp_path / 'out' / 'photo_saliency_1.png'}",
        f"Wrote 1 file to {tmp_path / 'out'}.",
    ]
    assert sorted(modules.split()) == ["keras", "tensorflow"]


SILENCE = """
import os, sys
from kerascam.cli.silence import silence_tensorflow
silence_tensorflow()
print("native code", file=open(2, "w", closefd=False), flush=True)
print("Python", file=sys.stderr)
print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
1 / 0
"""


@pytest.mark.parametrize(
    ("level", "expected", "seen"), [(None, "3", ["Python"]), ("0", "0", ["native code", "Python"])]
)
def test_who_sets_the_level_of_logs_sees_them(level, expected, seen):
    variables = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    variables |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    command = [sys.executable, "-c", SILENCE]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert result.stdout == f"{expected}\n"
    *lines, _, _, error = result.stderr.splitlines()
    assert lines == [*seen]
    assert error == "ZeroDivisionError: division by zero"


def test_without_a_standard_error():
    code = "import os\nos.close(2)\nfrom kerascam.cli import main\nmain()"
    command = [sys.executable, "-c", code, "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"kerascam {kc.__version__}\n"


@pytest.mark.parametrize("module", ["kerascam", "kerascam.cli"])
def test_version_and_module(module):
    assert run("--version").output == f"kerascam {kc.__version__}\n"
    command = [sys.executable, "-m", module, "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"kerascam {kc.__version__}\n"


@pytest.mark.exhaustive
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
    # What the command changes in TensorBoard is put back for the tests that follow.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", None)
    monkeypatch.setattr(main_lib, "global_init", main_lib.global_init)
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
