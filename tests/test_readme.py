"""The README's Python runs as it stands."""

import inspect
import pathlib
import re

import keras
import numpy as np
import PIL.Image
import pytest
from test_docs import small_network

import kerascam as kc

README = pathlib.Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("size", ["small", pytest.param("large", marks=pytest.mark.exhaustive)])
@pytest.mark.filterwarnings("ignore:.* zero everywhere")
def test_the_code_runs_as_it_stands(size, tmp_path, monkeypatch, rng, imagenet_cache):
    if size == "small":  # Networks that compile in seconds stand for those of the README.
        monkeypatch.setattr(kc.models, "EfficientNetLite0", small_network)
        monkeypatch.setattr(keras.applications, "MobileNetV2", small_network)
    cells = 32 if size == "large" else 16  # Pixels of the image along a cell of the map.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":0")  # With a screen, `show` opens a viewer.
    monkeypatch.setattr(PIL.Image.Image, "show", lambda picture: None)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    images = rng.uniform(-1, 1, size=(8, 96, 96, 3)).astype("float32")
    labels = np.arange(8)
    names = {"x_train": images, "y_train": labels, "x_val": images, "y_val": labels}
    names["boxes_val"] = np.tile([10, 20, 60, 90], (8, 1))
    keras.utils.save_img("photo.jpg", images[0])
    exec(blocks[0], names)
    assert names["heatmaps"].shape == (1, 224 // cells, 224 // cells)
    exec(blocks[1], names)
    assert names["pictures"].shape == (8, 96, 96, 3)
    assert names["heatmaps"].shape == (8, 96 // cells, 96 // cells)
    assert (tmp_path / "logs" / "kerascam").is_dir()
    for block in blocks[2:]:
        exec(block, names)
    assert names["saliency"].shape == (8, 96, 96)


def test_every_picture_and_file_exists():
    text = README.read_text()
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", text):
        assert (README.parent / path).is_file(), path


def test_every_public_name_is_listed():
    text = README.read_text()
    modules = [name for name in kc.__all__ if inspect.ismodule(getattr(kc, name))]
    for module in modules:
        for name in getattr(kc, module).__all__:
            if name.islower() or (name[0].isupper() and not name.isupper()):
                assert name in text or name == "Shapes", f"{module}.{name}"
