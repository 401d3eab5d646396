"""What a newcomer types first: photographs, explained by a network that knows ImageNet."""

import importlib.util
import pathlib
import re
import socket

import pytest
import skimage.data
from typer.testing import CliRunner

from kerascam.cli import app

PHOTOGRAPHS = pathlib.Path(skimage.data.__path__[0])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, imagenet_cache):
    """A folder of one's own, without a network."""
    monkeypatch.chdir(tmp_path)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, lambda *_: pytest.fail("used the network"))


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_explain_without_a_model(tmp_path):
    result = run("explain", PHOTOGRAPHS / "coffee.png")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    start = lines.index(str(PHOTOGRAPHS / "coffee.png"))
    best = re.fullmatch(r" +([\d.]+) %  espresso", lines[start + 1])
    assert 85 < float(best[1]) < 95
    assert len([line for line in lines if " %  " in line]) == 5
    files = {path.name for path in (tmp_path / "explanations").iterdir()}
    best = [line.split("%  ")[1].replace(" ", "-") for line in lines[start + 1 : start + 4]]
    assert files == {f"coffee_cam_{name}.png" for name in best}
    for name in best:
        assert f"  wrote {pathlib.Path('explanations', f'coffee_cam_{name}.png')}" in lines
    assert "Wrote 3 files to explanations." in result.output


@pytest.mark.exhaustive
def test_explain_a_class_by_its_name(tmp_path):
    arguments = ["--class", "Egyptian cat", "--method", "gradcam", "-o", "out"]
    result = run("explain", PHOTOGRAPHS / "chelsea.png", *arguments)
    assert result.exit_code == 0, result.output
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["chelsea_gradcam_Egyptian-cat.png"]


@pytest.mark.exhaustive
def test_demo_on_photographs(tmp_path):
    result = run("demo", "--imagenet")
    assert result.exit_code == 0, result.output
    for name in ("espresso", "Egyptian cat", "tripod", "moped"):
        assert f"%  {name}" in result.output
    assert len(list((tmp_path / "explanations").iterdir())) == 12
    result = run("demo", "--imagenet", PHOTOGRAPHS / "rocket.jpg", "--log-dir", "here")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "here").glob("rocket_cam_*.png"))) == 3


def test_demo_without_scikit_image(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "skimage" else find(name)
    )
    result = run("demo", "--imagenet")
    assert result.exit_code == 2
    assert "Name a photograph, kerascam demo --imagenet photo.jpg" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--imagenet", "--quick"], "--quick and --epochs are for training"),
        (["--imagenet", "none.jpg"], "There is no none.jpg"),
        (["photo.jpg"], "Photographs are for `kerascam demo --imagenet`"),
    ],
)
def test_mistakes(arguments, message):
    result = run("demo", *arguments)
    assert result.exit_code == 2
    assert message in result.output
