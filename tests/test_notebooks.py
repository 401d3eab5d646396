"""The notebook on shortcuts from top to bottom, with fewer images than it draws.

`.ci/run` executes all notebooks as they are, each on a kernel of its own.
"""

import functools
import json
import pathlib

import numpy as np
import PIL.Image

import kerascam as kc

NOTEBOOKS = pathlib.Path(__file__).parents[1] / "notebooks"


def cells(name):
    notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_code_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":0")  # With a screen, `show` opens a viewer.
    pictures = []
    monkeypatch.setattr(PIL.Image.Image, "show", lambda picture: pictures.append(picture))
    draw = kc.datasets.shapes
    fewer = functools.wraps(draw)(lambda number, **kwargs: draw(max(number // 60, 8), **kwargs))
    monkeypatch.setattr(kc.datasets, "shapes", fewer)
    names = {}
    for cell in cells("5_catch_a_shortcut"):
        exec(compile(cell, "5_catch_a_shortcut", "exec"), names)
    assert len(pictures) == 3
    assert len({id(names[name]) for name in ("model", "honest")}) == 2
    assert np.isfinite(names["explanation"].heatmaps).all()
    assert names["boxes"].shape[0] == 6
    assert list((tmp_path / "logs" / "shortcut" / "kerascam").iterdir())
    printed = capsys.readouterr().out
    for line in ("val_accuracy", "cam_enrichment", "cam_pointing", "cam_border"):
        assert printed.count(line) == 2
