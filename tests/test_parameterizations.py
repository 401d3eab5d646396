"""How images are made of what the ascent changes."""

import numpy as np
import pytest
from conftest import small_model
from keras import ops

import kerascam as kc
from kerascam.class_model import FixedMagnitude, Fourier, Frame, Pixels
from kerascam.class_model.fourier import frequencies, inverse_transform, transform

SIZES = [(8, 8), (6, 9), (7, 4)]


def frame(size=(8, 8), channels=3, black=0.0, white=1.0, mean=None):
    return Frame(
        size,
        channels,
        np.full(channels, black, "float32"),
        np.full(channels, white, "float32"),
        mean,
    )


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("size", SIZES)
def test_transforms_are_those_of_numpy(size, rng):
    canvas = rng.normal(size=(2, *size, 3)).astype("float32")
    expected = np.fft.rfft2(np.moveaxis(canvas, -1, 1))
    real, imaginary = transform(canvas)
    np.testing.assert_allclose(numpy(real) + 1j * numpy(imaginary), expected, atol=1e-4)
    back = numpy(inverse_transform(real, imaginary, size[1]))
    np.testing.assert_allclose(back, canvas, atol=1e-5)
    # Half a spectrum that no real image has: NumPy's rule for what does not fit.
    noise = rng.normal(size=(2, *expected.shape)).astype("float32")
    real = np.fft.irfft2(noise[0] + 1j * noise[1], s=size)
    found = numpy(inverse_transform(noise[0], noise[1], size[1]))
    np.testing.assert_allclose(found, np.moveaxis(real, 1, -1), atol=1e-5)


@pytest.mark.parametrize(("length", "expected"), [(64, 0.017), (128, 0.018), (224, 0.020)])
def test_spread_of_the_first_canvas(length, expected, rng):
    """methods.md 4: about the same for all sizes."""
    fourier, place = Fourier(), frame((length, length))
    params = fourier.start(place, rng.normal(size=(8, *fourier.shape(place))).astype("float32"))
    canvas = numpy(fourier.canvas(params, place))
    assert canvas.std() == pytest.approx(expected, abs=0.001)


def test_scale_of_the_frequencies():
    """Lucid's formula, from its description."""
    height, width = 6, 9
    scale = Fourier(decay=0.85)._scale(frame((height, width)))[..., 0]
    for y, x in [(0, 0), (1, 0), (0, 2), (5, 3), (3, 4)]:
        vertical = (y if y <= height // 2 else y - height) / height
        length = max(np.hypot(vertical, x / width), 1 / max(height, width))
        assert scale[y, x] == pytest.approx(np.sqrt(height * width) / length**0.85 / 4, rel=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("decorrelated", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("kind", [Pixels, Fourier])
def test_parameters_of_an_image_give_the_image(kind, bounded, decorrelated, channels, size, rng):
    mean = rng.uniform(-1, 3, size=(*size, channels)).astype("float32")
    for place in (frame(size, channels, -1, 3), frame(size, channels, -1, 3, mean)):
        images = rng.uniform(-0.9, 2.9, size=(2, *size, channels)).astype("float32")
        made = kind(decorrelated=decorrelated, bounded=bounded)
        params = made.from_images(images, place)
        assert params.shape[1:] == made.shape(place)
        np.testing.assert_allclose(numpy(made.images(params, place)), images, atol=1e-3)


def test_colors_of_natural_images(rng):
    """The columns of Lucid's matrix, divided by the longest: 0.46195."""
    place = frame((2, 2))
    for column, direction in enumerate([[0.26, 0.27, 0.27], [0.09, 0, -0.09], [0.02, -0.05, 0.03]]):
        canvas = np.zeros((1, 2, 2, 3), "float32")
        canvas[..., column] = 1.0
        found = numpy(Pixels(decorrelated=True).images(canvas, place))[0, 0, 0]
        np.testing.assert_allclose(found, np.array(direction) / 0.46195, atol=1e-4)


def test_images_are_kept_in_their_range(rng):
    place = frame((8, 8), 3, -2, 5)
    for made in (Pixels(bounded=True), Fourier(), FixedMagnitude()):
        params = 50 * rng.normal(size=(2, *made.shape(place))).astype("float32")
        images = numpy(made.images(params, place))
        assert images.min() >= -2
        assert images.max() <= 5
        assert images.std() > 0.1


def test_where_images_begin(rng):
    noise = np.ones((1, 8, 8, 3), "float32")
    assert not numpy(Pixels().images(Pixels().start(frame(), noise), frame())).any()
    grey = frame((8, 8), 3, 0, 255)
    start = numpy(Pixels(bounded=True).images(0 * noise, grey))
    np.testing.assert_allclose(start, 127.5)
    mean = rng.uniform(0.1, 0.9, size=(8, 8, 3)).astype("float32")
    for bounded in (False, True):
        found = numpy(Pixels(bounded=bounded).images(0 * noise, frame(mean=mean)))[0]
        np.testing.assert_allclose(found, mean, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_magnitudes_stay_and_phases_change(size, rng):
    made, place = FixedMagnitude(), frame(size)
    params = rng.normal(size=(2, *made.shape(place))).astype("float32")
    canvas = numpy(made.canvas(params, place))
    np.testing.assert_allclose(canvas.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(canvas.std(axis=(1, 2, 3)), 1, atol=1e-3)
    # The inverse transform leaves out a part of the first column, and of an even last one.
    inner = slice(1, (size[1] + 1) // 2)
    spectrum = np.abs(np.fft.rfft2(np.moveaxis(canvas, -1, 1)))[..., inner]
    shares = spectrum / made.magnitude(place)[..., inner]
    for image in shares:
        np.testing.assert_allclose(image, image.mean(), rtol=1e-3)
    np.testing.assert_allclose(
        made.magnitude(place)[0], np.sqrt(size[0] * size[1]) / frequencies(size), rtol=1e-5
    )
    other = numpy(made.canvas(params[:, :, ::-1].copy(), place))
    assert np.abs(other - canvas).max() > 0.1


def test_magnitudes_of_images(rng):
    images = rng.uniform(0, 255, size=(4, 8, 8, 3))
    place = frame((8, 8), 3, 0, 255)
    found = FixedMagnitude(images, decorrelated=False).magnitude(place)
    expected = np.mean([np.abs(np.fft.rfft2(image / 255, axes=(0, 1))) for image in images], axis=0)
    np.testing.assert_allclose(found, np.moveaxis(expected, -1, 0), rtol=1e-4)


def test_fixed_magnitudes_are_not_made_of_images():
    find = kc.ClassModel(small_model(4), parameterization=FixedMagnitude())
    with pytest.raises(ValueError, match="`FixedMagnitude` can't be made of one"):
        find(0, initial=np.zeros((32, 32, 3)))


@pytest.mark.parametrize("arguments", [{"decay": "x"}, {"deviation": -1}])
def test_bad_arguments_of_fourier(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"`{name}` must be a number"):
        Fourier(**arguments)
