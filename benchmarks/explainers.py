"""Every method against the least work that gives the same numbers, and against other packages."""

import importlib.util
import pathlib
import re
import subprocess
import sys
import warnings

import keras
import numpy as np
import tensorflow as tf
from timing import in_turns, seconds

import kerascam as kc

SAMPLES = 16
warnings.filterwarnings("ignore")  # Dead maps of a network that is not trained; other packages'.


class Floors:
    """Compiled TensorFlow work without any package, on a network that ends in scores."""

    def __init__(self, model):
        self.model = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
        self.model.set_weights(model.get_weights())
        last = self.model.get_layer("out_relu").output
        self.trunk = keras.Model(self.model.inputs[0], last)
        features = keras.Input(last.shape[1:])
        self.head = keras.Model(features, self.model.layers[-1](self.model.layers[-2](features)))
        self.gradient = self._compile(self._gradient)
        self.scores = self._compile(lambda images, _: self.model(images, training=False))

    def _compile(self, function):
        signature = [tf.TensorSpec((None, 224, 224, 3)), tf.TensorSpec((None,), tf.int32)]
        return tf.function(function, input_signature=signature, autograph=False)

    def _gradient(self, images, classes):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            scores = self.model(images, training=False)
            value = tf.gather(scores, classes, batch_dims=1)
        return tape.gradient(value, images), scores

    def saliency(self):
        """One gradient with respect to the images."""

        def function(images, classes):
            gradient, scores = self._gradient(images, classes)
            return tf.reduce_max(tf.abs(gradient), axis=-1), scores

        return self._run(self._compile(function))

    def cam(self, combine):
        """One gradient of the head with respect to its features."""

        def function(images, classes):
            features = self.trunk(images, training=False)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(features)
                scores = self.head(features, training=False)
                value = tf.gather(scores, classes, batch_dims=1)
            return combine(features, tape.gradient(value, features)), scores

        return self._run(self._compile(function))

    def passes(self, number, chunk):
        """A forward pass, and gradients at copies of the images, `chunk` images at once."""

        def run(images, classes):
            scores = self.scores(tf.constant(images), tf.constant(classes)).numpy()
            copies = np.repeat(images, number, axis=0)
            targets = np.repeat(classes, number)
            total = 0.0
            for start in range(0, len(copies), chunk):
                part = slice(start, start + chunk)
                gradient, _ = self.gradient(tf.constant(copies[part]), tf.constant(targets[part]))
                total += gradient.numpy().sum(axis=0)
            return total, scores

        return run

    def best_passes(self, number, images, classes):
        """The fastest chunk size."""
        sizes = [size for size in (8, 16, 32) if size <= number * len(images)]
        runs = {size: self.passes(number, size) for size in sizes}
        for run in runs.values():
            run(images, classes)
        times = {
            size: min(seconds(lambda run=run: run(images, classes)) for _ in range(3))
            for size, run in runs.items()
        }
        return runs[min(times, key=times.get)]

    @staticmethod
    def _run(compiled):
        return lambda images, classes: [
            tensor.numpy() for tensor in compiled(tf.constant(images), tf.constant(classes))
        ]


def _grad_cam(features, gradient):
    weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))


FLOORS = {
    "Saliency": lambda floors, *_: floors.saliency(),
    "GradCAM": lambda floors, *_: floors.cam(_grad_cam),
    "LayerCAM": lambda floors, *_: floors.cam(
        lambda a, g: tf.nn.relu(tf.reduce_sum(tf.nn.relu(g) * a, axis=-1))
    ),
    "HiResCAM": lambda floors, *_: floors.cam(lambda a, g: tf.reduce_sum(g * a, axis=-1)),
    "SmoothGrad": lambda floors, *data: floors.best_passes(SAMPLES, *data),
    "IntegratedGradients": lambda floors, *data: floors.best_passes(SAMPLES, *data),
}
ARGUMENTS = {
    "SmoothGrad": {"samples": SAMPLES},
    "VarGrad": {"samples": SAMPLES},
    "IntegratedGradients": {"steps": SAMPLES},
    "ScoreCAM": {"max_channels": 32},
    "Occlusion": {"patch_size": 56, "strides": 56},
    "RISE": {"samples": 32},
}


def against_the_floor(turns):
    """Ratios to the least work that gives the same numbers."""
    print(
        "\n| MobileNetV2, 224 px | batch | least work | kerascam | ratio | target |"
        "\n|---|---|---|---|---|---|"
    )
    model, floors = keras.applications.MobileNetV2(weights=None), None
    floors = Floors(model)
    rng = np.random.default_rng(0)
    for name, floor in FLOORS.items():
        explain = getattr(kc, name)(model, **ARGUMENTS.get(name, {}))
        target = 1.05 if name in ARGUMENTS else 1.1
        for batch in (1, 8):
            images = rng.normal(size=(batch, 224, 224, 3)).astype("float32")
            classes = np.arange(batch, dtype="int32")
            least = floor(floors, images, classes)
            if name not in ARGUMENTS:
                heatmaps, scores = least(images, classes)
                found = explain(images, classes)
                np.testing.assert_allclose(found.scores, scores, rtol=1e-3, atol=1e-6)
                tolerance = 1e-3 * np.abs(heatmaps).max()
                np.testing.assert_allclose(found.heatmaps, heatmaps, rtol=1e-2, atol=tolerance)
            number = max(3, turns // 3) if name in ARGUMENTS else turns * (4 if batch == 1 else 1)
            ours, theirs, ratio = in_turns(
                lambda e=explain, i=images, c=classes: e(i, c, verbose=0),
                lambda f=least, i=images, c=classes: f(i, c),
                number,
            )
            print(
                f"| {name} | {batch} | {1e3 * theirs:.1f} ms | {1e3 * ours:.1f} ms "
                f"| **{ratio:.3f}** | {target} |",
                flush=True,
            )


def _tf_keras_vis(model):
    if importlib.util.find_spec("tf_keras_vis") is None:
        return {}
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    def build(kind, **kwargs):
        def make():
            explain = kind(model, model_modifier=ReplaceToLinear(), clone=True)
            return lambda x, c: explain(CategoricalScore(c.tolist()), x, **kwargs)

        return make

    return {
        "Saliency": build(Saliency),
        "SmoothGrad": build(Saliency, smooth_samples=SAMPLES, smooth_noise=0.15),
        "GradCAM": build(Gradcam),
        "GradCAMPlusPlus": build(GradcamPlusPlus),
        "LayerCAM": build(Layercam),
        "ScoreCAM": build(Scorecam, max_N=32),
    }


def _xplique(model):
    if importlib.util.find_spec("xplique") is None:
        return {}
    from xplique import attributions

    def build(name, **kwargs):
        def make():
            explain = getattr(attributions, name)(model, batch_size=32, **kwargs)
            return lambda x, c: explain(x, tf.one_hot(c, 1000))

        return make

    return {
        "Saliency": build("Saliency"),
        "InputXGradient": build("GradientInput"),
        "SmoothGrad": build("SmoothGrad", nb_samples=SAMPLES),
        "VarGrad": build("VarGrad", nb_samples=SAMPLES),
        "IntegratedGradients": build("IntegratedGradients", steps=SAMPLES),
        "GuidedBackprop": build("GuidedBackprop"),
        "Deconvnet": build("DeconvNet"),
        "GradCAM": build("GradCAM"),
        "GradCAMPlusPlus": build("GradCAMPP"),
        "Occlusion": build("Occlusion", patch_size=56, patch_stride=56),
        "RISE": build("Rise", nb_samples=32, grid_size=8),
    }


def _tf_explain(model):
    if importlib.util.find_spec("tf_explain") is None:
        return {}
    from tf_explain import core

    def build(kind, **kwargs):
        def make():
            explain = kind()
            return lambda x, c: explain.explain((x, None), model, class_index=0, **kwargs)

        return make

    return {
        "Saliency": build(core.VanillaGradients),
        "InputXGradient": build(core.GradientsInputs),
        "SmoothGrad": build(core.SmoothGrad, num_samples=SAMPLES),
        "IntegratedGradients": build(core.IntegratedGradients, n_steps=SAMPLES),
        "GradCAM": build(core.GradCAM, layer_name="out_relu"),
        "Occlusion": build(core.OcclusionSensitivity, patch_size=56),
    }


def _ours(model, name):
    explain = getattr(kc, name)(model, **ARGUMENTS.get(name, {}))
    return lambda images, classes: explain(images, classes, verbose=0)


PACKAGES = {"tf-keras-vis": _tf_keras_vis, "xplique": _xplique, "tf-explain": _tf_explain}


def first_call(package, name):
    """Prints the seconds from a model to the first heatmap, in a process of its own."""
    model = keras.applications.MobileNetV2(weights=None)
    image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
    model(image)  # What TensorFlow does once for a process is not counted.
    make = (lambda: _ours(model, name)) if package == "ours" else PACKAGES[package](model)[name]
    print(f"{seconds(lambda: make()(image, np.zeros(1, 'int32'))):.1f}")


def against_other_packages(turns):
    """Time of others divided by ours, and the first call of each, where they are installed."""
    model = keras.applications.MobileNetV2(weights=None)
    packages = {name: build(model) for name, build in PACKAGES.items()}
    packages = {name: methods for name, methods in packages.items() if methods}
    if not packages:
        print("\nNo other package is installed to compare with.")
        return
    print(
        "\n| MobileNetV2, 224 px | batch | package | it | kerascam | times slower | its first call "
        "| our first call |\n|---|---|---|---|---|---|---|---|"
    )
    rng = np.random.default_rng(0)
    for package, methods in packages.items():
        for name, make in methods.items():
            theirs, ours = make(), _ours(model, name)
            firsts = [_in_a_process(f"first_call({who!r}, {name!r})") for who in (package, "ours")]
            for batch in (1, 8):
                images = rng.normal(size=(batch, 224, 224, 3)).astype("float32")
                classes = np.zeros(batch, "int32")
                mine, other, ratio = in_turns(
                    lambda f=ours, i=images, c=classes: f(i, c),
                    lambda f=theirs, i=images, c=classes: f(i, c),
                    max(3, turns // 3),
                )
                first = " | ".join(f"{value} s" for value in firsts) if batch == 1 else "|"
                print(
                    f"| {name} | {batch} | {package} | {1e3 * other:.0f} ms | {1e3 * mine:.0f} ms "
                    f"| **{1 / ratio:.1f}** | {first} |",
                    flush=True,
                )


def ablation_against_the_whole_model(turns):
    """Ablation-CAM against running the whole network for each channel."""
    model = keras.applications.MobileNetV2(weights=None)
    floors = Floors(model)
    image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
    explain = kc.AblationCAM(model)
    target = int(explain(image).targets[0])

    @tf.function(autograph=False)
    def without(image, channel):
        features = floors.trunk(image, training=False)
        return floors.head(features * (1 - tf.one_hot(channel, 1280)), training=False)[:, target]

    def whole():
        features = floors.trunk(image, training=False).numpy()
        score = floors.head(features)[:, target].numpy()
        drops = [score - without(tf.constant(image), tf.constant(k)).numpy() for k in range(1280)]
        weights = np.array(drops)[:, 0] / abs(score)
        return (features @ weights).clip(0)

    whole()
    long = seconds(whole)
    short = min(seconds(lambda: explain(image, target)) for _ in range(turns))
    expected, found = whole(), explain(image, target).heatmaps
    error = np.abs(found - expected).max() / np.abs(expected).max()
    print("\n| AblationCAM, 1280 channels, MobileNetV2, 224 px | |\n|---|---|")
    print(f"| the whole network for each channel | {long:.1f} s |")
    print(f"| kerascam | {short:.3f} s |")
    print(f"| times faster (target 50) | **{long / short:.0f}** |")
    print(f"| largest difference of the maps, relative | {error:.0e} |", flush=True)


def memory():
    """Peaks of memory, each in a process of its own."""
    print("\n| memory | |\n|---|---|")
    grown = float(_in_a_process("score_cam_growth()"))
    print(
        "| ScoreCAM, 1280 channels of MobileNetV2 at 224 px, more than after one forward pass "
        f"(target 150 MB) | **{grown:.0f} MB** |"
    )
    few, many = (float(value) for value in _in_a_process("stream_peaks()").split())
    print(f"| peak after streaming 1,000 images through GradCAM | {few:.0f} MB |")
    print(
        f"| after 10,000 (target 5 % more) | {many:.0f} MB, **{100 * (many / few - 1):+.1f} %** |"
    )


def _in_a_process(call):
    code = f"import explainers; explainers.{call}"
    folder = pathlib.Path(__file__).parent
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip().splitlines()[-1]


def _peak():
    """Highest memory of this process so far, in MB; `getrusage` would count its parent's too."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def score_cam_growth():
    model = keras.applications.MobileNetV2(weights=None)
    image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
    model.predict(image, verbose=0)
    before = _peak()
    kc.ScoreCAM(model)(image, 3, verbose=0)
    print(_peak() - before)


def stream_peaks():
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), alpha=0.35)
    explain, rng = kc.GradCAM(model), np.random.default_rng(0)
    peaks = []
    for done in range(100, 10_001, 100):
        explain(rng.normal(size=(100, 96, 96, 3)).astype("float32"), verbose=0)
        if done in (1000, 10_000):
            peaks.append(_peak())
    print(*peaks)
