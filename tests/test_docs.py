"""The pages in `docs` are complete, and their Python runs as it stands."""

import inspect
import pathlib
import re

import keras
import numpy as np
import PIL.Image
import pytest
from conftest import randomize
from test_docstrings import OBJECTS

import kerascam as kc
from kerascam.explainers import METHODS

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "notebooks")
BLOCKS = {
    page.relative_to(DOCS).as_posix(): re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for page, text in ((page, page.read_text()) for page in PAGES)
}
SIZE = 96
HEADINGS = ["Formula", "Source", "When to use it", "When not", "Cost"]
HEADINGS += ["What is special here", "API"]


def small_network(include_top=True, weights=None, input_shape=(None, None, 3), classes=1000):
    """Stands for the large networks of the pages."""
    backbone = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(4, 8, 8, activation="relu", name="conv1"),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(6, 3, 2, padding="same", activation="relu", name="conv2"),
        ]
    )
    return kc.models.cam_classifier(backbone, classes) if include_top else backbone


@pytest.fixture
def names(tmp_path, monkeypatch, rng):
    """What the pages take as given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kc.models, "EfficientNetLite0", small_network)
    monkeypatch.setattr(keras.applications, "MobileNetV2", small_network)
    monkeypatch.setenv("DISPLAY", ":0")  # With a screen, `show` opens a viewer.
    monkeypatch.setattr(PIL.Image.Image, "show", lambda picture: None)
    images = rng.uniform(-1, 1, size=(8, SIZE, SIZE, 3)).astype("float32")
    labels = np.arange(8)
    model = small_network(input_shape=(SIZE, SIZE, 3), classes=10)
    randomize(model)
    model.save("model.keras")
    keras.utils.save_img("photo.jpg", images[0])
    given = {"kc": kc, "rng": rng, "model": model, "boxes_val": np.tile([10, 20, 60, 90], (8, 1))}
    for part in ("train", "val"):
        given |= {f"x_{part}": images, f"y_{part}": labels}
    return given


@pytest.mark.filterwarnings("ignore:.* zero everywhere")
@pytest.mark.parametrize(
    "page",
    [
        page if page == "contributing.md" else pytest.param(page, marks=pytest.mark.exhaustive)
        for page, blocks in BLOCKS.items()
        if blocks
    ],
)
def test_the_code_runs_as_it_stands(page, names):
    for block in BLOCKS[page]:
        exec(compile(block, page, "exec"), names)
    for test in [value for name, value in names.items() if name.startswith("test_")]:
        test(*(names[argument] for argument in inspect.signature(test).parameters))
    if "heatmaps" in names:
        assert np.isfinite(names["heatmaps"]).all()


@pytest.mark.parametrize("method", [*METHODS, kc.ClassModel])
def test_every_method_has_a_page(method):
    name = method.__module__.rsplit(".", 1)[-1]
    index = (DOCS / "methods" / "index.md").read_text()
    assert f"\n{name}\n" in index.split("```{toctree}")[1]
    assert f"[{method.__name__}]({name}.md)" in index
    text = (DOCS / "methods" / f"{name}.md").read_text()
    assert text.startswith(f"# {method.__name__}\n")
    assert re.findall("^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert f"{{py:class}}`kerascam.{method.__name__}`" in text
    assert f"kc.{method.__name__}(model" in text


def test_every_public_name_is_in_the_reference():
    documented = set()
    for page in (DOCS / "api").glob("*.md"):
        for module, options in re.findall(
            r"automodule:: kerascam\.?(\w*)((?:\n +:.*)*)", page.read_text()
        ):
            public = getattr(kc, module).__all__ if module else kc.__all__
            left_out = re.findall(r"\w+", "".join(re.findall("exclude-members:(.*)", options)))
            prefix = f"{module}." if module else ""
            documented |= {prefix + name for name in public if name not in left_out}
    missing = set(OBJECTS) - documented
    assert not missing


@pytest.mark.parametrize("module", [name for name in kc.__all__ if name.islower()])
def test_every_constant_is_in_the_reference(module):
    text = (DOCS / "api" / f"{module}.md").read_text()
    for name in getattr(kc, module).__all__:
        assert callable(getattr(getattr(kc, module), name)) or f"py:data:: {name}\n" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for link in re.findall(r"\]\(((?!http|#)[^)]+)\)", page.read_text()):
        assert (page.parent / link.split("#")[0]).is_file(), link


@pytest.mark.parametrize("folder", ["tasks", "methods", "api"])
def test_every_page_is_listed(folder):
    index = (DOCS / folder / "index.md").read_text()
    for page in (DOCS / folder).glob("*.md"):
        assert page.stem == "index" or f"\n{page.stem}\n" in index


def test_the_changelog_begins_with_this_version():
    text = (DOCS.parent / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (\S+) - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert versions[0] == kc.__version__
