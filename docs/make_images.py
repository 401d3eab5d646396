"""Makes the pictures of the documentation: `python docs/make_images.py`, or only those named.

`python docs/make_images.py demo board` makes two. The one of TensorBoard needs Chromium.
"""

import functools
import os
import pathlib
import subprocess
import sys
import tempfile

import cv2
import keras
import numpy as np

import kerascam as kc

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from handwritten import digit_images, digit_network
from photographs import photographs
from shortcuts import train, with_mark

IMAGES = pathlib.Path(__file__).resolve().parent / "images"
TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests"
METHODS = [
    *(kc.HiResCAM, kc.AblationCAM, kc.ScoreCAM, kc.Occlusion),
    *(kc.Saliency, kc.SmoothGrad, kc.GuidedBackprop, kc.GuidedGradCAM),
]


def imagenet():
    """Photographs, and what EfficientNetLite0 sees in them and where."""
    network, names = kc.models.EfficientNetLite0(), kc.datasets.imagenet_names()
    images = photographs()
    explanation = kc.CAM(network)(images)
    classes = explanation.targets
    probabilities = network.predict(images, verbose=0)[range(len(images)), classes]
    labels = [f"{names[c]} {100 * p:.0f} %" for c, p in zip(classes, probabilities, strict=True)]
    return kc.visualization.sheet(images, explanation, labels)[..., ::-1]


def methods(model):
    """Three images of the demo by several methods, which stand in the columns."""
    data = kc.datasets.shapes(400, seed=2)
    images, labels = data.images[:3], data.labels[:3]
    shown = kc.visualization.enlarge(kc.visualization.to_rgb(images, (0, 1)), 128)
    columns = [kc.visualization.add_labels(shown, [["input"]] * 3)]
    for method in METHODS:
        heatmaps = method(model)(images, labels).heatmaps
        overlays = kc.visualization.overlay(shown, heatmaps, alpha=0.7)
        columns.append(kc.visualization.add_labels(overlays, [[method.__name__]] * 3))
    return np.concatenate(np.concatenate(columns, axis=2), axis=0)[..., ::-1]


def _row(pictures, size=112):
    return np.concatenate(list(kc.visualization.enlarge(pictures, size)), axis=1)


def class_models():
    """Class models of handwritten digits: a row by the paper's objective, a row by the robust."""
    network, (images, _) = digit_network(), digit_images()
    rows = [
        _row(kc.ClassModel(network, preset=preset, mean=images.mean(axis=0))(range(10)).pictures)
        for preset in ("paper", "robust")
    ]
    return np.concatenate(rows)[..., ::-1]


def class_models_training():
    """The same while a network is trained: a row for each epoch."""
    images, _ = digit_images()
    find = functools.partial(kc.ClassModel, mean=images.mean(axis=0))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        logger = kc.callbacks.ClassModelLogger(folder, range(10), class_model=find, steps=16)

        def keep(epoch, logs):
            rows.append(_row(logger._find.pictures(logger._climb.images()), 84))

        digit_network(callbacks=[logger, keras.callbacks.LambdaCallback(on_epoch_end=keep)])
    return np.concatenate(rows)[..., ::-1]


def shortcut():
    """Maps and their boxes while a network learns a mark: rows after epochs 0, 1 and 6."""
    keras.utils.set_random_seed(0)
    held_out = kc.datasets.shapes(200, seed=2)
    images, labels = with_mark(held_out)[:6], held_out.labels[:6]
    shown = kc.visualization.enlarge(kc.visualization.to_rgb(images, (0, 1)), 112)
    rows = []

    class Draw(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch in (0, 1, 6):
                heatmaps = kc.CAM(self.model)(images, labels).heatmaps
                overlays = kc.visualization.overlay(shown, heatmaps)
                rows.append(
                    kc.visualization.draw_boxes(
                        overlays, kc.localization.boxes(heatmaps, shown.shape[1:3])
                    )
                )

    _, history = train(held_out, marked=True, callbacks=[Draw()])
    for name in ("val_accuracy", "cam_enrichment"):
        print(name, np.round(history[name], 2))
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])[..., ::-1]


def run(*command, **environment):
    """Runs a part of the package in a process of its own."""
    subprocess.run([sys.executable, "-m", *command], env={**os.environ, **environment}, check=True)


@functools.cache
def demo():
    """Folder of a demo's run, below the working directory: TensorBoard shows its name."""
    run("kerascam", "demo", "--log-dir", "logs/demo")
    return pathlib.Path("logs/demo")


def strip():
    """Maps of the demo after the first, a middle and the last epoch."""
    return cv2.imread(str(demo() / "strip.png"))


def board():
    """TensorBoard on the demo's run, as its test sees it."""
    environment = {"KERASCAM_SCREENSHOT": "board.png", "KERASCAM_LOG_DIR": str(demo())}
    run("pytest", "-n", "0", "-m", "", str(TESTS / "test_board.py"), **environment)
    return cv2.imread("board.png")[:1080]


PICTURES = {
    "photographs.jpg": imagenet,
    "shortcut.jpg": shortcut,
    "class_models.png": class_models,
    "class_models_training.jpg": class_models_training,
    "demo.jpg": strip,
    "methods.jpg": lambda: methods(keras.models.load_model(demo() / "model.keras", compile=False)),
    "board.jpg": board,
}


def main():
    wanted = sys.argv[1:] or [name.split(".")[0] for name in PICTURES]
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, make in PICTURES.items():
            if name.split(".")[0] in wanted:
                cv2.imwrite(str(IMAGES / name), make(), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
