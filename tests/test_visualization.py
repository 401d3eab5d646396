import io

import cv2
import numpy as np
import PIL.Image
import pytest

from kerascam import visualization as v


@pytest.fixture
def maps(rng):
    return rng.normal(size=(3, 5, 7))


# Scaling ---------------------------------------------------------------------------------------


def test_normalize_by_hand():
    heatmap = np.array([[[-2.0, 0.0], [1.0, 4.0]]])
    np.testing.assert_allclose(v.normalize(heatmap, "max"), [[[0, 0], [0.25, 1]]])
    np.testing.assert_allclose(v.normalize(heatmap, "sum"), [[[0, 0], [0.2, 0.8]]])
    np.testing.assert_allclose(v.normalize(heatmap, "minmax"), [[[0, 1 / 3], [0.5, 1]]])
    np.testing.assert_allclose(v.normalize(heatmap, "percentile", 50), [[[0, 0], [1, 1]]])


@pytest.mark.parametrize("method", ["max", "sum", "minmax", "percentile"])
@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1e8])
def test_scale_of_the_map_does_not_matter(maps, method, scale):
    np.testing.assert_allclose(
        v.normalize(maps * scale, method), v.normalize(maps, method), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("method", ["max", "sum", "percentile"])
@pytest.mark.parametrize("value", [0.0, -3.0])
def test_maps_without_positive_values_give_zeros(method, value):
    assert not v.normalize(np.full((1, 3, 3), value), method).any()


def test_constant_map_gives_zeros_by_minmax():
    assert not v.normalize(np.full((1, 3, 3), 7.0), "minmax").any()


def test_percentile_of_few_positive_values_falls_back_to_the_maximum():
    heatmap = np.zeros((1, 20, 20))
    heatmap[0, 3, 4] = 5
    assert v.normalize(heatmap, "percentile")[0, 3, 4] == 1


def test_each_map_is_scaled_by_itself(maps):
    scaled = v.normalize(maps * np.array([1, 10, 1e-6])[:, None, None])
    np.testing.assert_allclose(scaled.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(scaled[1], v.normalize(maps[1:2])[0])


# Colours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("inferno", (0, 0, 4), (252, 255, 164)),
        ("turbo", (48, 18, 59), (122, 4, 3)),
        ("jet", (0, 0, 128), (128, 0, 0)),
    ],
)
def test_colours_are_those_of_the_field_in_rgb(name, first, last):
    ends = v.colorize([[[0.0, 1.0]]], name)[0, 0]
    np.testing.assert_allclose(ends.astype(int), [first, last], atol=1)


def test_small_values_have_the_same_colours(maps):
    np.testing.assert_array_equal(v.colorize(maps * 1e-8), v.colorize(maps))


def test_diverging_map_is_blue_white_red_around_zero():
    blue, white, red = v.colorize([[[-2.0, 0.0, 1.0]]], "diverging")[0, 0].astype(int)
    assert blue[2] > blue[0]
    assert white.min() > 200
    assert red[0] > red[2]
    strongest = v.colorize([[[-1.0, 1.0]]], "diverging")[0, 0].astype(int)
    assert strongest[0, 2] > strongest[0, 0] + 50
    assert strongest[1, 0] > strongest[1, 2] + 50
    zeros = v.colorize(np.zeros((1, 1, 1)), "diverging")[0, 0, 0]
    np.testing.assert_array_equal(zeros, white)


def test_dead_map_has_the_first_colour():
    np.testing.assert_array_equal(
        v.colorize(np.full((1, 2, 2), -1.0), "viridis")[0, 0, 0], [68, 1, 84]
    )


def test_shared_range_makes_maps_comparable():
    pair = np.array([[[0.0, 1.0]], [[0.0, 2.0]]])
    shared = v.colorize(pair, "viridis", (0, 2))
    assert tuple(shared[1, 0, 1]) == (253, 231, 37)
    np.testing.assert_array_equal(
        shared[0, 0, 1], cv2.applyColorMap(np.uint8([[128]]), cv2.COLORMAP_VIRIDIS)[0, 0, ::-1]
    )


# Sizes -----------------------------------------------------------------------------------------


def test_resize_is_bilinear_with_pixel_centres():
    """Against the interpolation written out, half-pixel centres, edges held."""
    small = np.random.default_rng(0).normal(size=(1, 3, 4))
    height, width = 9, 10
    expected = np.empty((height, width))
    for y, x in np.ndindex(height, width):
        sy = np.clip((y + 0.5) * 3 / height - 0.5, 0, 2)
        sx = np.clip((x + 0.5) * 4 / width - 0.5, 0, 3)
        y0, x0 = min(int(sy), 1), min(int(sx), 2)
        fy, fx = sy - y0, sx - x0
        expected[y, x] = (
            small[0, y0, x0] * (1 - fy) * (1 - fx)
            + small[0, y0, x0 + 1] * (1 - fy) * fx
            + small[0, y0 + 1, x0] * fy * (1 - fx)
            + small[0, y0 + 1, x0 + 1] * fy * fx
        )
    np.testing.assert_allclose(v.resize(small, (height, width))[0], expected, atol=1e-6)


def test_resize_keeps_tiny_values():
    assert v.resize(np.full((1, 2, 2), 1e-12), (4, 4)).max() == pytest.approx(1e-12)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((64, 64), (256, 256)), ((224, 30), (224, 30)), ((28, 20), (224, 160)), ((300, 9), (300, 9))],
)
def test_enlarge_repeats_pixels(rng, shape, expected):
    pictures = rng.integers(0, 255, size=(2, *shape, 3), dtype="uint8")
    large = v.enlarge(pictures)
    assert large.shape[1:3] == expected
    step = expected[0] // shape[0]
    np.testing.assert_array_equal(large[:, ::step, ::step], pictures)
    np.testing.assert_array_equal(large[:, step - 1 :: step, step - 1 :: step], pictures)


# Overlay and grid ------------------------------------------------------------------------------


def test_overlay_is_the_weighted_mean(rng, maps):
    pictures = rng.integers(0, 255, size=(3, 50, 70, 3), dtype="uint8")
    mixed = v.overlay(pictures, maps, "jet", alpha=0.3).astype(float)
    colors = v.colorize(v.resize(maps, (50, 70)), "jet").astype(float)
    np.testing.assert_allclose(mixed, 0.7 * pictures + 0.3 * colors, atol=0.51)
    np.testing.assert_array_equal(v.overlay(pictures, maps, alpha=0), pictures)


def test_overlay_marks_the_right_place():
    heatmap = np.zeros((1, 7, 7))
    heatmap[0, 1, 5] = 1e-9
    mixed = v.overlay(np.full((1, 70, 70, 3), 128, "uint8"), heatmap, "viridis")[0]
    y, x = np.unravel_index(mixed[..., 1].argmax(), (70, 70))
    assert 10 <= y < 20
    assert 50 <= x < 60


def test_grid_places_pictures_in_rows():
    pictures = np.arange(1, 6, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 3, 3), "uint8")
    sheet = v.grid(pictures, columns=2, padding=1, background=99)
    assert sheet.shape == (14, 7, 3)
    corners = sheet[::5, ::4, 0]
    np.testing.assert_array_equal(corners, [[1, 2], [3, 4], [5, 99]])
    assert (sheet[4] == 99).all()
    assert v.grid(pictures).shape == (4 * 2 + 2, 3 * 3 + 4, 3)


# Back to RGB -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
@pytest.mark.parametrize("guess", [False, True])
def test_to_rgb_undoes_keras_preprocessing(rng, mode, guess):
    from keras.src.applications.imagenet_utils import preprocess_input

    pictures = rng.integers(0, 256, size=(2, 8, 9, 3), dtype="uint8")
    images = preprocess_input(pictures.astype("float32"), mode=mode)
    np.testing.assert_array_equal(v.to_rgb(images, None if guess else mode), pictures)


@pytest.mark.parametrize("value_range", [(0, 255), (0, 1), (-1, 1), (-3, 7)])
def test_to_rgb_of_ranges_and_grey(rng, value_range):
    grey = rng.integers(0, 256, size=(2, 8, 9, 1), dtype="uint8")
    low, high = value_range
    images = grey / 255 * (high - low) + low
    np.testing.assert_array_equal(v.to_rgb(images, value_range), grey.repeat(3, axis=-1))
    if high != 7:
        grey[0, 0, :2, 0] = 0, 255
        images = grey / 255 * (high - low) + low
        np.testing.assert_array_equal(v.to_rgb(images), grey.repeat(3, axis=-1))


def test_to_rgb_stretches_what_it_does_not_know():
    images = np.array([[[[-500.0], [0.0], [1000.0]]]])
    assert v.to_rgb(images)[0, 0, :, 0].tolist() == [0, 85, 255]
    assert not v.to_rgb(np.full((1, 2, 2, 1), 1e6)).any()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255)])
def test_to_rgb_allows_for_the_overshoot_of_resizing(low, high):
    width = high - low
    images = np.linspace(low - 0.03 * width, high + 0.03 * width, 64).reshape(1, 8, 8, 1)
    expected = np.clip((images - low) / width, 0, 1) * 255
    np.testing.assert_allclose(v.to_rgb(images)[..., :1], expected, atol=0.51)


def test_what_is_not_finite_becomes_zero():
    heatmap = np.array([[[np.nan, np.inf, -np.inf, 0.0, 2.0]]])
    for method in ("max", "sum", "minmax", "percentile"):
        assert v.normalize(heatmap, method)[0, 0].tolist() == [0, 0, 0, 0, 1]
    for value_range in (None, (0, 2)):
        colors = v.colorize(heatmap, "viridis", value_range)[0, 0]
        np.testing.assert_array_equal(colors[:4], [[68, 1, 84]] * 4)


def test_to_rgb_by_a_function(rng):
    images = rng.normal(size=(2, 4, 4, 5))
    picture = v.to_rgb(images, lambda x: np.full((*x.shape[:3], 3), 300.0))
    assert picture.dtype == np.uint8
    assert (picture == 255).all()


# Words and files -------------------------------------------------------------------------------


def test_labels_stand_below_the_picture(rng):
    pictures = rng.integers(0, 255, size=(2, 224, 224, 3), dtype="uint8")
    lines = [["true: cat", "predicted: dog 93 %"], ["", ""]]
    labelled = v.add_labels(pictures, lines, [(255, 0, 0), (0, 255, 0)])
    assert labelled.shape == (2, 224 + 44, 224, 3)
    np.testing.assert_array_equal(labelled[:, :224], pictures)
    band = labelled[0, 224:].astype(int)
    assert band[..., 0].max() > 200 > 100 > band[..., 1].max()
    assert len(np.unique(labelled[1, 224:])) == 1


def test_long_labels_stay_inside_and_say_so():
    picture = np.zeros((1, 100, 100, 3), "uint8")
    text = v.add_labels(picture, [["a very long name of a class that does not fit at all"]])
    assert len(np.unique(text[0, 100:, -1])) == 1
    shorter = v.add_labels(picture, [["a very long name"]])
    assert not np.array_equal(text, shorter)


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_encoded_pictures_can_be_read_back(image_format):
    picture = np.zeros((20, 30, 3), "uint8")
    picture[:, :15] = 200, 100, 50
    decoded = cv2.imdecode(np.frombuffer(v.encode(picture, image_format), "uint8"), 1)[..., ::-1]
    np.testing.assert_allclose(
        decoded.astype(int), picture, atol=0 if image_format == "png" else 60
    )
    assert decoded[10, 5, 0] > decoded[10, 5, 2]


# Bad input -------------------------------------------------------------------------------------

PICTURES = np.zeros((2, 8, 8, 3), "uint8")
MAPS = np.zeros((2, 4, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: v.normalize(MAPS[0]), r"\(batch, h, w\).*Received: \(4, 4\).*`heatmap\[None\]`"),
        (lambda: v.normalize(MAPS, "l2"), "`method` must be .*Received: method='l2'"),
        (lambda: v.normalize(MAPS, "percentile", 101), "0..100. Received: percentile=101"),
        (lambda: v.colorize(MAPS, "rainbow"), "`colormap` must be one of .*'rainbow'"),
        (lambda: v.colorize(MAPS, value_range=(1, 1)), "low < high. Received"),
        (lambda: v.overlay(PICTURES[0], MAPS), r"RGB, .*Received: shape \(8, 8, 3\)"),
        (lambda: v.overlay(PICTURES / 255, MAPS), "dtype float64. `kc.visualization.to_rgb`"),
        (lambda: v.overlay(PICTURES, MAPS[:1]), "1 heatmaps for 2 pictures"),
        (lambda: v.overlay(PICTURES, MAPS, alpha=2), "`alpha` must lie in 0..1"),
        (lambda: v.grid(PICTURES[:0]), "at least one picture"),
        (lambda: v.grid(PICTURES, columns=0), "`columns` must be positive"),
        (lambda: v.to_rgb(np.zeros((1, 4, 4, 5))), r"1 or 3 channels.*\(1, 4, 4, 5\)"),
        (lambda: v.to_rgb(np.zeros((1, 4, 4, 3)), "vgg"), "Received: 'vgg'"),
        (lambda: v.to_rgb(np.zeros((1, 4, 4, 3)), (1, 0)), r"low < high.*Received: \(1, 0\)"),
        (lambda: v.to_rgb(MAPS, lambda x: x), r"must return pictures .*Received: \(2, 4, 4\)"),
        (lambda: v.add_labels(PICTURES, [["a"]]), r"Received: lengths \[1\] for 2 pictures"),
        (lambda: v.encode(PICTURES[0], "gif"), "`image_format` must be one of .*'gif'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_animations(rng):
    coarse = rng.integers(0, 256, size=(3, 4, 4, 3), dtype="uint8")
    pictures = coarse.repeat(8, axis=1).repeat(8, axis=2)
    animation = PIL.Image.open(io.BytesIO(v.encode_animation(pictures, 120)))
    assert animation.n_frames == 3
    assert animation.info["loop"] == 0
    for index, picture in enumerate(pictures):
        animation.seek(index)
        assert animation.info["duration"] == (360 if index == 2 else 120)
        assert np.abs(np.asarray(animation.convert("RGB")).astype(int) - picture).mean() < 3
    with pytest.raises(ValueError, match="at least one picture"):
        v.encode_animation(pictures[:0])
