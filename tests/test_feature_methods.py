"""The CAM family against the papers' formulas in loops, and against each other where they meet."""

import cv2
import keras
import numpy as np
import pytest
from conftest import mostly_exhaustive
from tiny import Tiny, gap_network

import kerascam as kc

SHAPES = [(7, 4), (4, 5, 3), (3, 4, 2, 5)]  # A signal, a picture, a volume.
pytestmark = pytest.mark.filterwarnings("ignore:.* zero everywhere")


@pytest.fixture(params=mostly_exhaustive(SHAPES, SHAPES[1:2]), ids=["1D", "2D", "3D"])
def shape(request):
    return request.param


def draw(rng, shape, number=2):
    """Features as after a ReLU: some are zero."""
    return rng.normal(0.5, size=(number, *shape)).clip(0).astype("float32")


def positions(features):
    return list(np.ndindex(*features.shape[:-1]))


def grad_cam(features, gradient):
    heatmap = np.zeros(features.shape[:-1])
    places = positions(features)
    for k in range(features.shape[-1]):
        weight = sum(gradient[place][k] for place in places) / len(places)
        for place in places:
            heatmap[place] += weight * features[place][k]
    return heatmap.clip(0)


def grad_cam_plus_plus(features, gradient):
    """Equations 19 and 20 as they stand."""
    heatmap = np.zeros(features.shape[:-1])
    places = positions(features)
    for k in range(features.shape[-1]):
        total = sum(features[place][k] for place in places)
        weight = 0.0
        for place in places:
            g = gradient[place][k]
            if g != 0:
                weight += g**2 / (2 * g**2 + total * g**3) * max(g, 0)
        for place in places:
            heatmap[place] += weight * features[place][k]
    return heatmap.clip(0)


def x_grad_cam(features, gradient):
    heatmap = np.zeros(features.shape[:-1])
    places = positions(features)
    for k in range(features.shape[-1]):
        total = sum(features[place][k] for place in places)
        if total:
            weight = sum(gradient[place][k] * features[place][k] / total for place in places)
            for place in places:
                heatmap[place] += weight * features[place][k]
    return heatmap


def hires_cam(features, gradient):
    heatmap = np.zeros(features.shape[:-1])
    for place in positions(features):
        heatmap[place] = sum(g * f for g, f in zip(gradient[place], features[place], strict=True))
    return heatmap


def layer_cam(features, gradient):
    heatmap = np.zeros(features.shape[:-1])
    for place in positions(features):
        pairs = zip(gradient[place], features[place], strict=True)
        heatmap[place] = max(sum(max(g, 0) * f for g, f in pairs), 0)
    return heatmap


REFERENCES = {
    kc.GradCAM: grad_cam,
    kc.GradCAMPlusPlus: grad_cam_plus_plus,
    kc.XGradCAM: x_grad_cam,
    kc.HiResCAM: hires_cam,
    kc.LayerCAM: layer_cam,
}


@pytest.mark.parametrize("features", ["after ReLU", "signed"])
@pytest.mark.parametrize("activation", mostly_exhaustive(["softplus", "relu"], ["relu"]))
@pytest.mark.parametrize("method", REFERENCES)
def test_gradient_cams_are_the_formulas_in_loops(method, shape, activation, features, rng):
    tiny = Tiny(shape, activation=activation)
    images = draw(rng, shape, 3)
    if features == "signed":
        images = rng.normal(size=(3, *shape)).astype("float32")
    explain = method(tiny.model, layer="features")
    for c in range(3):
        heatmaps = explain(images, c).heatmaps
        for image, heatmap in zip(images, heatmaps, strict=True):
            gradient = tiny.gradient(image[None].astype("float64"), c)[0]
            expected = REFERENCES[method](image.astype("float64"), gradient)
            size = np.abs(expected).max()  # Signed features can nearly cancel in a weight.
            np.testing.assert_allclose(heatmap, expected, rtol=1e-3, atol=1e-5 + 1e-4 * size)


def test_a_line_detector():
    """A 5x5 picture with a vertical line: the map falls off to both sides of it."""
    image = np.zeros((1, 5, 5, 1), "float32")
    image[:, :, 2] = 1
    inputs = keras.Input((5, 5, 1))
    x = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    kernel = np.array([[0.25, 0.5, 0.25]] * 3).reshape(3, 3, 1, 1)
    model.set_weights([kernel, np.array([[1.0, -1.0]]), np.zeros(2)])
    heatmap = kc.GradCAM(model, layer="conv")(image, 0).heatmaps[0]
    rows = heatmap[1:-1] / heatmap[1:-1].max()  # Away from the padding above and below.
    np.testing.assert_allclose(rows, [[0, 0.5, 1, 0.5, 0]] * 3, atol=1e-6)


def test_hand_sized_weights():
    """Four channels of 2x2 with mean gradients 1, 1/2, 3/8 and 1/8."""
    gradient = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0.5, 1, 0, 0], [0.5, 0, 0, 0]], "float32")
    features = np.arange(16, dtype="float32").reshape(4, 4) / 8
    gradient, features = (array.T.reshape(1, 2, 2, 4) for array in (gradient, features))
    found = np.asarray(kc.GradCAM.combine(None, features, gradient))
    np.testing.assert_allclose(found, features @ [1, 1 / 2, 3 / 8, 1 / 8], rtol=1e-6)
    total = features.sum(axis=(0, 1, 2))
    weights = [
        4 / (2 + total[0]),
        2 / (2 + total[1]),
        1 / (2 + total[2]) + 0.5 / (2 + 0.5 * total[2]),
        0.5 / (2 + 0.5 * total[3]),
    ]
    found = np.asarray(kc.GradCAMPlusPlus.combine(None, features, gradient))
    np.testing.assert_allclose(found, features @ np.array(weights), rtol=1e-6)


def test_tiny_gradients_are_neither_lost_nor_infinite():
    """Gradients of 1e-14, as untrained networks have: `g^3` would vanish in float32."""
    features = np.ones((1, 2, 2, 1), "float32")
    gradient = np.full((1, 2, 2, 1), 1e-14, "float32")
    for method in REFERENCES:
        combine = getattr(method, "combine", None)
        if combine is not None:
            heatmap = np.asarray(combine(None, features, gradient))
            assert (heatmap > 1e-15).all()
            assert np.isfinite(heatmap).all()
            assert not np.asarray(combine(None, 0 * features, gradient)).any()


class TestReductionsOnGlobalAveragePooling:
    """What each method is where the score is the mean of the map: methods of very different kinds
    must agree to the last digits.
    """

    @pytest.fixture(autouse=True)
    def network(self, shape, rng):
        self.model, self.kernel, self.bias = gap_network(shape)
        self.images = draw(rng, shape)
        self.places = np.prod(shape[:-1])
        self.features = self.images.astype("float64")

    def maps(self, method, c, **kwargs):
        return method(self.model, layer="features", **kwargs)(self.images, c)

    def test_cam(self):
        for c in range(3):
            found = kc.CAM(self.model)(self.images, c).heatmaps
            np.testing.assert_allclose(found, self.features @ self.kernel[:, c], atol=1e-5)

    def test_grad_cam_and_x_grad_cam(self):
        for c in range(3):
            expected = self.features @ self.kernel[:, c] / self.places
            found = self.maps(kc.GradCAM, c).heatmaps
            np.testing.assert_allclose(found, expected.clip(0), atol=1e-6)
            found = self.maps(kc.XGradCAM, c).heatmaps
            np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_hires_cam_adds_up_to_the_score_without_bias(self):
        for c in range(3):
            heatmaps, _, scores = self.maps(kc.HiResCAM, c)
            expected = self.features @ self.kernel[:, c] / self.places
            np.testing.assert_allclose(heatmaps, expected, atol=1e-6)
            total = heatmaps.sum(axis=tuple(range(1, heatmaps.ndim)))
            np.testing.assert_allclose(total, scores[:, c] - self.bias[c], rtol=1e-4, atol=1e-5)

    def test_layer_cam_has_the_positive_weights(self):
        for c in range(3):
            expected = self.features @ self.kernel[:, c].clip(0) / self.places
            np.testing.assert_allclose(
                self.maps(kc.LayerCAM, c).heatmaps, expected, rtol=1e-4, atol=1e-6
            )

    def test_grad_cam_plus_plus(self):
        axes = tuple(range(1, self.features.ndim - 1))
        means = self.features.mean(axis=axes)
        for c in range(3):
            weight = self.kernel[:, c]
            weights = weight.clip(0) / (2 + weight * means)
            expected = np.einsum("b...k,bk->b...", self.features, weights)
            np.testing.assert_allclose(
                self.maps(kc.GradCAMPlusPlus, c).heatmaps, expected, rtol=1e-4, atol=1e-6
            )

    def test_ablation_cam(self):
        axes = tuple(range(1, self.features.ndim - 1))
        means = self.features.mean(axis=axes)
        for c in range(3):
            heatmaps, _, scores = self.maps(kc.AblationCAM, c)
            weights = self.kernel[:, c] * means / np.abs(scores[:, c, None])
            expected = np.einsum("b...k,bk->b...", self.features, weights).clip(0)
            np.testing.assert_allclose(heatmaps, expected, rtol=1e-3, atol=1e-4)
            # The weights of a positive score add up to the share that is not the bias.
            share = 1 - self.bias[c] / scores[:, c]
            signed = np.sign(scores[:, c]) * weights.sum(axis=1)
            np.testing.assert_allclose(signed, share, rtol=1e-3, atol=1e-4)

    def test_guided_grad_cam_is_the_product(self):
        """The features are the image here, behind one ReLU that is open where they are positive."""
        inputs = keras.Input(self.images.shape[1:])
        outputs = self.model(keras.layers.ReLU(name="relu")(inputs))
        model = keras.Model(inputs, outputs)
        for c in range(3):
            guided = kc.GuidedBackprop(model, channels=None)(self.images, c).heatmaps
            cam = self.features @ self.kernel[:, c] / self.places
            found = kc.GuidedGradCAM(model, layer="relu", channels=None)(self.images, c).heatmaps
            np.testing.assert_allclose(found, cam.clip(0)[..., None] * guided, atol=1e-6)


def test_conservation_and_the_masked_head(rng):
    """A head whose weights are zero on the lower half.

    HiResCAM and LayerCAM are exactly zero there; Grad-CAM and XGrad-CAM, which average, are not.
    The sums of HiResCAM and XGrad-CAM are the score without bias, that of Grad-CAM is not.
    """
    inputs = keras.Input((6, 5, 8))
    x = keras.layers.Activation("linear", name="features")(inputs)
    outputs = keras.layers.Dense(3, name="scores")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    kernel = rng.normal(size=(6, 5, 8, 3))
    kernel[3:] = 0
    bias = rng.normal(size=3)
    model.get_layer("scores").set_weights([kernel.reshape(-1, 3), bias])
    images = draw(rng, (6, 5, 8))
    found = {method: method(model, layer="features")(images, 1) for method in REFERENCES}
    for method in (kc.HiResCAM, kc.LayerCAM):
        assert not found[method].heatmaps[:, 3:].any()
        assert found[method].heatmaps[:, :3].any()
    for method in (kc.GradCAM, kc.XGradCAM):
        below, above = found[method].heatmaps[:, 3:], found[method].heatmaps[:, :3]
        assert np.abs(below).max() > 0.3 * np.abs(above).max()
    expected = found[kc.HiResCAM].scores[:, 1] - bias[1]
    for method in (kc.HiResCAM, kc.XGradCAM):
        total = found[method].heatmaps.sum(axis=(1, 2))
        np.testing.assert_allclose(total, expected, rtol=1e-4, atol=1e-4)
    assert not np.allclose(found[kc.GradCAM].heatmaps.sum(axis=(1, 2)), expected, rtol=0.05)


def test_layer_cam_of_several_layers_is_fused_as_in_the_paper(rng):
    inputs = keras.Input((16, 12, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="fine")(inputs)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="coarse")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    images = rng.normal(size=(2, 16, 12, 3)).astype("float32")
    fine, coarse = (kc.LayerCAM(model, layer=n)(images, 1).heatmaps for n in ("fine", "coarse"))
    explain = kc.LayerCAM(model, layer=["fine", "coarse"])
    assert explain.layers == ["fine", "coarse"]
    for index, heatmap in enumerate(explain(images, 1).heatmaps):
        deep = cv2.resize(coarse[index] / coarse[index].max(), (12, 16))
        expected = np.maximum(np.tanh(2 * fine[index] / fine[index].max()), deep)
        np.testing.assert_allclose(heatmap, expected, rtol=1e-4, atol=1e-5)
    for wrong in ([], ["fine", "fine"]):
        with pytest.raises(ValueError, match="`layer` must name each layer once"):
            kc.LayerCAM(model, layer=wrong)


def test_eigen_cam_is_the_projection_on_the_first_singular_vector(shape, rng):
    model, *_ = gap_network(shape)
    images = draw(rng, shape) - 0.7
    heatmaps = kc.EigenCAM(model, layer="features")(images, 1).heatmaps
    for image, heatmap in zip(images, heatmaps, strict=True):
        flat = image.reshape(-1, shape[-1]).astype("float64")
        _, _, right = np.linalg.svd(flat)
        expected = (flat @ right[0]).reshape(shape[:-1])
        expected *= 1 if expected.max() >= -expected.min() else -1
        np.testing.assert_allclose(heatmap, expected, rtol=1e-3, atol=1e-5)
        assert heatmap.max() >= -heatmap.min()


def test_eigen_cam_is_not_changed_by_mixing_channels(rng):
    model, *_ = gap_network((4, 5, 3))
    explain = kc.EigenCAM(model, layer="features")
    images = draw(rng, (4, 5, 3))
    mixing, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    mixed = explain((images @ mixing).astype("float32")).heatmaps
    np.testing.assert_allclose(explain(images).heatmaps, mixed, rtol=1e-3, atol=1e-5)
    for c in (0, 1):
        np.testing.assert_array_equal(explain(images, c).heatmaps, explain(images).heatmaps)
    assert not explain(0 * images).heatmaps.any()


@pytest.mark.parametrize("batch_size", [2, 5, 32])
def test_ablation_cam_in_a_loop(shape, batch_size, rng):
    tiny = Tiny(shape)
    images = draw(rng, shape)
    explain = kc.AblationCAM(tiny.model, layer="features", batch_size=batch_size)
    for c in range(3):
        heatmaps, _, scores = explain(images, c)
        for image, heatmap, score in zip(images, heatmaps, scores[:, c], strict=True):
            expected = np.zeros(shape[:-1])
            for k in range(shape[-1]):
                ablated = image.astype("float64")
                ablated[..., k] = 0
                drop = score - tiny.scores(ablated[None])[0, c]
                expected += drop / abs(score) * image[..., k]
            np.testing.assert_allclose(heatmap, expected.clip(0), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_ablation_cam_runs_the_head_with_its_skip_connection(activation, rng):
    """Against running the whole model with a channel zeroed by its own weights."""
    inputs = keras.Input((8, 8, 3))
    x = first = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation=activation, name="middle")(x)
    x = keras.layers.Add()([x, first])
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    images = rng.normal(size=(2, 8, 8, 3)).astype("float32")
    heatmaps, _, scores = kc.AblationCAM(model, layer="middle", batch_size=4)(images, 2)
    features = keras.Model(inputs, model.get_layer("middle").output)(images).numpy()
    kernel, bias = model.get_layer("middle").get_weights()
    weights = np.zeros((2, 4))
    for k in range(4):
        ablated_kernel, ablated_bias = kernel.copy(), bias.copy()
        ablated_kernel[..., k] = ablated_bias[k] = 0
        model.get_layer("middle").set_weights([ablated_kernel, ablated_bias])
        weights[:, k] = scores[:, 2] - model(images).numpy()[:, 2]
    weights /= np.abs(scores[:, 2:3])
    expected = np.einsum("bhwk,bk->bhw", features, weights).clip(0)
    np.testing.assert_allclose(heatmaps, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("batch_size", [2, 5, 32])
def test_score_cam_in_a_loop(batch_size, rng):
    shape = (4, 5, 6)
    tiny = Tiny(shape)
    images = draw(rng, shape)
    images[0, ..., 2] = 0.8  # A channel that is the same everywhere has no weight.
    images -= np.float32(0.3)  # The map of signed features can be negative, and is cut off.
    explain = kc.ScoreCAM(tiny.model, layer="features", batch_size=batch_size)
    for c in range(3):
        heatmaps = explain(images, c).heatmaps
        for image, heatmap in zip(images.astype("float64"), heatmaps, strict=True):
            confidences, used = [], []
            for k in range(6):
                channel = image[..., k]
                if channel.max() > channel.min():
                    mask = (channel - channel.min()) / (channel.max() - channel.min())
                    masked = image * mask[..., None]
                    confidences.append(tiny.probabilities(masked[None])[0, c])
                    used.append(channel)
            weights = np.exp(confidences) / np.exp(confidences).sum()
            expected = sum(w * channel for w, channel in zip(weights, used, strict=True))
            assert (expected < 0).any()
            np.testing.assert_allclose(heatmap, expected.clip(0), rtol=1e-4, atol=1e-5)


def test_score_cam_enlarges_the_channels_to_the_image(rng):
    """Masks by OpenCV's linear interpolation, for features of half the size."""
    inputs = keras.Input((8, 12, 3))
    x = keras.layers.AveragePooling2D(2, name="features")(inputs)
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    image = rng.uniform(size=(8, 12, 3)).astype("float32")
    features = image.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    confidences = []
    for k in range(3):
        mask = cv2.resize(features[..., k], (12, 8))
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        confidences.append(model((image * mask[..., None])[None]).numpy()[0, 1])
    weights = np.exp(confidences) / np.exp(confidences).sum()
    heatmap = kc.ScoreCAM(model, layer="features")(image[None], 1).heatmaps[0]
    np.testing.assert_allclose(heatmap, features @ weights, rtol=1e-4)


def test_score_cam_of_the_channels_that_vary_most(rng):
    tiny = Tiny((4, 5, 6))
    images = draw(rng, (4, 5, 6))
    explain = kc.ScoreCAM(tiny.model, layer="features", max_channels=2)
    alone = kc.ScoreCAM(tiny.model, layer="features", max_channels=6)
    everything = kc.ScoreCAM(tiny.model, layer="features")
    np.testing.assert_array_equal(alone(images, 1).heatmaps, everything(images, 1).heatmaps)
    for image, heatmap in zip(images, explain(images, 1).heatmaps, strict=True):
        chosen = np.argsort(image.var(axis=(0, 1)))[-2:]
        confidences = []
        for k in chosen:
            channel = image[..., k]
            mask = (channel - channel.min()) / (channel.max() - channel.min())
            confidences.append(tiny.probabilities((image * mask[..., None])[None])[0, 1])
        weights = np.exp(confidences) / np.exp(confidences).sum()
        np.testing.assert_allclose(heatmap, image[..., chosen] @ weights, rtol=1e-4)
    with pytest.raises(ValueError, match="`max_channels` must be an integer of at least 1"):
        kc.ScoreCAM(tiny.model, layer="features", max_channels=0)


@pytest.mark.parametrize("method", [kc.ScoreCAM, kc.EigenCAM, kc.AblationCAM])
def test_channels_that_are_the_same_everywhere_give_no_nan(method):
    tiny = Tiny((4, 5, 6))
    for value in (0, 1):
        heatmaps = method(tiny.model, layer="features")(
            np.full((1, 4, 5, 6), float(value))
        ).heatmaps
        assert np.isfinite(heatmaps).all()
        if value == 0 or method is kc.ScoreCAM:
            assert not heatmaps.any()


@pytest.mark.parametrize(
    "method",
    mostly_exhaustive([kc.GradCAM, kc.HiResCAM, kc.AblationCAM, kc.ScoreCAM], [kc.HiResCAM]),
)
def test_one_unit_has_two_classes(method, rng):
    """Class 0 of a single sigmoid is explained by the negative of the unit."""
    inputs = keras.Input((4, 5, 3))
    x = keras.layers.Activation("linear", name="features")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    one = keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="scores")(x))
    two = keras.Model(inputs, keras.layers.Dense(2, "softmax", name="two")(x))
    kernel = rng.normal(size=(3, 1))
    one.get_layer("scores").set_weights([kernel, np.array([0.3])])
    two.get_layer("two").set_weights([np.hstack([-kernel, kernel]) / 2, np.array([-0.15, 0.15])])
    images = draw(rng, (4, 5, 3))
    for c in (0, 1):
        # The same probabilities by two units, each with half of the score.
        found = method(one, layer="features")(images, c).heatmaps
        expected = method(two, layer="features")(images, c).heatmaps
        halves = 2 if method in (kc.GradCAM, kc.HiResCAM) else 1
        np.testing.assert_allclose(found, halves * expected, rtol=1e-4, atol=1e-5)


class TestLayers:
    """How a layer is named, and what is refused."""

    @pytest.fixture(autouse=True)
    def network(self):
        inner = keras.Sequential(
            [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, name="conv5")], name="inner"
        )
        twin = keras.Sequential(
            [keras.Input((14, 14, 4)), keras.layers.Conv2D(5, 3, name="conv5")], name="twin"
        )
        inputs = keras.Input((16, 16, 3))
        x = twin(inner(inputs))
        x = keras.layers.Conv2D(6, 3, name="conv6")(x)
        unused = keras.layers.Conv2D(2, 3, name="side")(x)
        x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pooled")(x)
        x = keras.layers.Flatten(name="flat")(x)
        outputs = keras.layers.Dense(3, name="scores")(x)
        self.model = keras.Model(inputs, [outputs, unused])

    def build(self, layer, method=kc.GradCAM):
        return method(self.model, layer=layer, output=0)

    def test_names_paths_and_layers(self):
        assert self.build("conv6").layer == "conv6"
        assert self.build("inner/conv5").layer == "inner/conv5"
        assert self.build("twin").layer == "twin"
        assert self.build(None).layer == "conv6"
        layer = self.model.get_layer("twin").get_layer("conv5")
        assert self.build(layer).layer == "twin/conv5"
        images = np.ones((1, 16, 16, 3), "float32")
        np.testing.assert_array_equal(
            self.build("twin", kc.HiResCAM)(images, 1).heatmaps,
            self.build(layer, kc.HiResCAM)(images, 1).heatmaps,
        )

    @pytest.mark.parametrize("method", [kc.GradCAM, kc.LayerCAM, kc.GuidedGradCAM, kc.AblationCAM])
    @pytest.mark.parametrize(
        ("layer", "error", "message"),
        [
            ("conv7", ValueError, r"Received: 'conv7'. The nearest are \['conv6', '.*/conv5'"),
            ("twin/conv6", ValueError, r"The nearest are \['twin/conv5'"),
            ("conv5", ValueError, r"name of several.*\['inner/conv5', 'twin/conv5'\]"),
            ("pooled", ValueError, r"must have a spatial output .*'pooled' with shape \(None, 1,"),
            ("flat", ValueError, r"'flat' with shape \(None, 6\). The last with one is 'conv6'"),
            ("side", ValueError, "must lead to the explained output. Received: 'side'"),
            (-1, TypeError, "`layer` must be the name of a layer, or the layer itself.*int"),
        ],
    )
    def test_wrong_layers(self, method, layer, error, message):
        with pytest.raises(error, match=message):
            self.build(layer, method)

    def test_a_network_without_a_spatial_layer(self):
        inputs = keras.Input((8, 8, 3))
        outputs = keras.layers.Dense(3)(keras.layers.Flatten()(inputs))
        with pytest.raises(ValueError, match="No layer has a spatial output.*use .*kc.Saliency"):
            kc.GradCAM(keras.Model(inputs, outputs))


def test_dead_maps_are_reported_once(rng):
    model, kernel, bias = gap_network((4, 5, 3))
    model.get_layer("scores").set_weights([-np.abs(kernel), bias])
    explain = kc.GradCAM(model, layer="features")
    images = draw(rng, (4, 5, 3))
    with pytest.warns(UserWarning, match="2 of 2 heatmaps of GradCAM are zero everywhere. That is"):
        assert not explain(images).heatmaps.any()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explain(images)
        kc.HiResCAM(model, layer="features")(images)
