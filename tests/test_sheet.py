"""Sheets of images and heatmaps, and how a notebook shows them."""

import subprocess
import sys
import tempfile

import cv2
import numpy as np
import PIL.Image
import pytest
from conftest import small_model

import kerascam as kc
from kerascam.visualization import (
    colorize,
    draw_boxes,
    draw_masks,
    encode,
    overlay,
    resize,
    sheet,
    show,
)

BAND = 9  # Height of a line of text below a picture 96 pixels wide.


@pytest.fixture
def images(rng):
    return rng.uniform(0, 255, size=(5, 96, 96, 3)).astype("float32")


@pytest.fixture
def maps(rng):
    return rng.normal(size=(5, 6, 6)).astype("float32")


def cell(picture, row, column, band=0):
    """One picture of a sheet whose pictures are 96 pixels high."""
    top, left = row * (96 + band + 2), column * 98
    return picture[top : top + 96, left : left + 96]


def test_images_and_maps_stand_below_each_other(images, maps):
    pictures = np.rint(images).astype("uint8")
    shown = sheet(images, {"a": maps, "b": kc.Explanation(-maps, None, None)}, size=96)
    # Rows of inputs have no text, the others have their name.
    first = cell(shown, 0, 3)
    np.testing.assert_array_equal(first, pictures[3])
    top = 96 + 2
    np.testing.assert_array_equal(shown[top : top + 96, :96], overlay(pictures, maps)[0])
    top += 96 + BAND + 2
    np.testing.assert_array_equal(shown[top : top + 96, 98:194], overlay(pictures, -maps)[1])
    assert shown.shape == (3 * 96 + 2 * BAND + 4, 5 * 98 - 2, 3)


def test_more_images_than_columns_go_on_below(images, maps):
    pictures = np.rint(images).astype("uint8")
    shown = sheet(images, maps, columns=3, size=96)
    assert shown.shape == (4 * 98 - 2, 3 * 98 - 2, 3)
    np.testing.assert_array_equal(cell(shown, 2, 0), pictures[3])
    np.testing.assert_array_equal(cell(shown, 3, 1), overlay(pictures, maps)[4])
    assert (cell(shown, 2, 2) == 255).all()


def test_maps_alone(maps):
    shown = sheet(None, maps, size=96, colormap="diverging")
    np.testing.assert_array_equal(
        cell(shown, 0, 2), colorize(resize(maps, (96, 96)), "diverging")[2]
    )
    assert shown.shape == (96, 5 * 98 - 2, 3)
    named = sheet(None, {"a": maps, "b": maps}, ["one"] * 5, size=96)
    assert named.shape == (2 * 96 + 3 * BAND + 2, 5 * 98 - 2, 3)


def test_labels_stand_below_the_images(images):
    shown = sheet(images, labels=["a", "b", ["c"], ("d",), "e"], size=96)
    band = shown[96:, :96]
    assert band.shape[0] == BAND
    assert band.max() > 200
    assert sheet(images, labels=[["a", 0.5]] * 5, size=96).shape[0] == 96 + 2 * BAND


def test_names_of_the_classes_that_are_explained(images, maps):
    explanation = kc.Explanation(maps, np.array([1, 0, 1, 2, 2]), np.zeros((5, 3)))
    expected = sheet(images, {"a": maps, "b": maps}, ["dog", "cat", "dog", "cow", "cow"])
    named = sheet(images, {"a": maps, "b": explanation}, class_names=["cat", "dog", "cow"])
    np.testing.assert_array_equal(named, expected)
    classes = np.array([1, 0, 1, 2, 2])
    named = sheet(images, {"a": maps, "b": maps}, classes, class_names=["cat", "dog", "cow"])
    np.testing.assert_array_equal(named, expected)
    np.testing.assert_array_equal(
        sheet(images, labels=classes), sheet(images, labels=list("10122"))
    )
    with pytest.raises(ValueError, match="2 names, and class 2 to show"):
        sheet(images, explanation, class_names=["cat", "dog"])
    with pytest.raises(ValueError, match="heatmaps without targets, and no labels"):
        sheet(images, maps, class_names=["cat", "dog", "cow"])


def test_a_constant_part_without_a_meaning_is_left_out(images, maps):
    explain = kc.RISE(small_model(3, size=96), samples=4)
    explanation = explain(images)
    assert explanation.has_offset
    maps = explanation.heatmaps
    plain = maps - maps.min(axis=(1, 2), keepdims=True)
    np.testing.assert_array_equal(sheet(images, explanation), sheet(images, plain))
    unlabelled = kc.Explanation(plain, explanation.targets, explanation.scores)
    assert explanation._repr_jpeg_() == unlabelled._repr_jpeg_()
    assert not kc.CAM(small_model(3, size=96))(images).has_offset


def test_small_images_are_enlarged_and_large_ones_shrunk(rng):
    small = rng.integers(0, 256, size=(1, 10, 20, 3)).astype("uint8")
    shown = sheet(small, size=96)
    np.testing.assert_array_equal(shown, small[0].repeat(5, axis=0).repeat(5, axis=1))
    large = rng.integers(0, 256, size=(1, 120, 300, 3)).astype("uint8")
    expected = large.reshape(1, 40, 3, 100, 3, 3).mean(axis=(0, 2, 4))
    np.testing.assert_allclose(sheet(large, size=100), expected, atol=1)


def test_boxes_and_masks(rng):
    pictures = rng.integers(0, 256, size=(2, 32, 32, 3)).astype("uint8")
    boxes = [[[4, 8, 20, 31], [0, 0, 3, 3]], np.zeros((0, 4))]
    masks = rng.uniform(size=(2, 32, 32)) > 0.7
    shown = sheet(pictures, np.ones((2, 4, 4)), boxes=boxes, masks=masks, size=96)
    large = draw_masks(pictures, masks).repeat(3, axis=1).repeat(3, axis=2)
    scaled = [3 * np.array(boxes[0]), boxes[1]]
    np.testing.assert_array_equal(cell(shown, 0, 0), draw_boxes(large, scaled)[0])
    over = draw_boxes(overlay(large, np.ones((2, 4, 4))), scaled)
    np.testing.assert_array_equal(cell(shown, 1, 1), over[1])
    shrunk = sheet(np.zeros((1, 100, 200, 3), "uint8"), boxes=[[20, 40, 60, 80]], size=100)
    ys, xs = np.nonzero(shrunk[..., 0])
    assert (xs.min(), ys.min(), xs.max(), ys.max()) == (10, 20, 29, 39)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": None, "heatmaps": None}, "images or heatmaps to show. Received: neither"),
        ({"heatmaps": np.zeros((4, 6, 6))}, "for each of the 5 images. Received: 4 heatmaps"),
        ({"heatmaps": {"CAM": np.zeros((4, 6, 6))}}, "Received: 4 CAM"),
        ({"labels": ["a"]}, "Received: 1 labels"),
        ({"boxes": [[0, 0, 1, 1]]}, "Received: 1 boxes"),
        ({"masks": np.zeros((1, 96, 96), "bool")}, "Received: 1 masks"),
        ({"images": np.zeros((0, 96, 96, 3))}, "at least one image to show"),
        ({"images": np.zeros((5, 96, 3))}, r"must have a batch axis. Received: \(5, 96, 3\)"),
        ({"images": kc.Explanation(None, None, None)}, "Images come first, then heatmaps"),
        ({"heatmaps": [kc.Explanation(None, None, None)] * 5}, "explanations must have names"),
        (
            {"images": None, "boxes": [[0, 0, 1, 1]] * 5},
            "drawn into images. Received: `images=None",
        ),
        ({"images": None, "alpha": 7}, "`alpha` must lie in 0..1"),
        ({"images": np.zeros((5, 96, 96, 2))}, r"must have the shape \(batch, height, width"),
        ({"heatmaps": np.zeros((6, 6))}, r"pass `heatmap\[None\]`"),
        ({"columns": 0}, "`columns` must be an integer of at least 1"),
        ({"size": 0}, "`size` must be an integer of at least 1"),
        ({"alpha": 2}, "`alpha` must lie in 0..1"),
        ({"colormap": "grey"}, "`colormap` must be one of"),
    ],
)
def test_mistakes(arguments, message, images):
    with pytest.raises(ValueError, match=message):
        sheet(
            **{"images": images, "heatmaps": np.ones((len(images), 6, 6)), **arguments} | arguments
        )


def decoded(content):
    return cv2.imdecode(np.frombuffer(content, "uint8"), cv2.IMREAD_COLOR)[..., ::-1]


def test_an_explanation_is_a_picture_in_a_notebook(maps):
    scores = np.arange(20, dtype="float32").reshape(5, 4)
    explanation = kc.Explanation(maps, np.array([3, 0, 1, 2, 2]), scores)
    picture = decoded(explanation._repr_jpeg_())
    labels = [f"class {c}, score {s[c]:.3g}" for c, s in zip([3, 0, 1, 2, 2], scores, strict=True)]
    expected = decoded(encode(sheet(None, maps, labels), "jpeg"))
    np.testing.assert_array_equal(picture, expected)
    many = kc.Explanation(np.ones((30, 6, 6)), None, np.ones((30, 4)))
    assert decoded(many._repr_jpeg_()).shape == sheet(None, np.ones((12, 6, 6))).shape
    # The negative of a single unit is class 0.
    one_unit = kc.Explanation(maps, np.array([1, 0, 1, 0, 1]), scores[:, :1])
    labels = [
        f"class {c}, score {s:.3g}" for c, s in zip(one_unit[1], [0, -4, 8, -12, 16], strict=True)
    ]
    np.testing.assert_array_equal(
        decoded(one_unit._repr_jpeg_()), decoded(encode(sheet(None, maps, labels), "jpeg"))
    )
    assert kc.Explanation(maps[:0], None, scores[:0])._repr_jpeg_() is None
    # A notebook shows what is no picture by its numbers.
    assert kc.Explanation(np.ones((2, 50)), None, scores[:2])._repr_jpeg_() is None


def test_show_outside_a_notebook(images, maps, monkeypatch):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(PIL.Image.Image, "show", lambda picture: shown.append(np.asarray(picture)))
    assert show(images, maps, columns=2) is None
    np.testing.assert_array_equal(shown, [sheet(images, maps, columns=2)])


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="such machines have a screen")
def test_show_without_a_screen(images, monkeypatch, capsys, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    show(images)
    (file,) = tmp_path.iterdir()
    assert f"Wrote {file}." in capsys.readouterr().out
    np.testing.assert_array_equal(cv2.imread(str(file))[..., ::-1], sheet(images))


def test_show_in_a_notebook(images, maps, monkeypatch):
    shown = []
    ipython = pytest.importorskip("IPython", reason="IPython is not installed")

    class Shell:
        kernel = object()

    monkeypatch.setattr(ipython, "get_ipython", Shell)
    monkeypatch.setattr("IPython.display.display", shown.append)
    show(images, maps)
    (picture,) = shown
    assert picture.format == "jpeg"
    assert decoded(picture.data).shape == sheet(images, maps).shape


def test_the_package_does_not_need_ipython():
    code = "import sys; sys.modules['IPython'] = None; import PIL.Image; import numpy as np\n"
    code += "import os; os.environ['DISPLAY'] = ':0'\n"
    code += "PIL.Image.Image.show = lambda picture: print(picture.size)\n"
    code += "import kerascam as kc; kc.visualization.show(np.zeros((1, 32, 32, 3)), size=32)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "(32, 32)\n"
