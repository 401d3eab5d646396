"""How well maps localise, and how long boxes take."""

import pathlib
import sys

import cv2
import keras
import numpy as np
from sklearn.datasets import load_digits
from timing import in_turns, seconds

import kerascam as kc
from kerascam.cli.shapes_demo import demo_model
from kerascam.localization.boxes import resize_cubic
from kerascam.metrics import overlap

sys.path.append(str(pathlib.Path(__file__).parents[1] / "tests"))
from handwritten import canvas_network, canvases

METHODS = [
    *(kc.CAM, kc.GradCAM, kc.GradCAMPlusPlus, kc.LayerCAM, kc.HiResCAM),
    *(kc.Saliency, kc.SmoothGrad, kc.IntegratedGradients),
]
NUM_IMAGES, NUM_CURVES = 300, 100
TOLERANCE = 15 / 224


def table():
    """Each method by each metric, on data whose truth is known; average against max pooling."""
    pooled = []
    for name, train, held_out, build, epochs in (_shapes(), _digits()):
        networks = {}
        for pooling in ("average", "max"):
            keras.utils.set_random_seed(0)
            networks[pooling] = model = build(pooling)
            rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * -(-len(train[0]) // 32))
            model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
            model.fit(*train, epochs=epochs, verbose=0)
            pooled.append((name, pooling, *_pooling_row(model, *held_out)))
        _methods(name, networks["average"], *held_out)
    print(
        "\n| CAM by the pooling of the network | accuracy | GT-known | MaxBoxAccV2 | PxAP "
        "| enrichment | pointing |\n|---|---|---|---|---|---|---|"
    )
    for name, pooling, accuracy, numbers in pooled:
        print(f"| {name}, {pooling} pooling | {accuracy:.3f} | {_joined(numbers)} |", flush=True)


def _shapes():
    train, held_out = kc.datasets.shapes(4000, seed=1), kc.datasets.shapes(NUM_IMAGES, seed=2)
    return (
        "shapes",
        (train.images, train.labels),
        (held_out.images, held_out.labels, held_out.masks),
        lambda pooling: demo_model(4, pooling=pooling),
        12,
    )


def _digits():
    data = load_digits()
    digits, labels = (data.images / 16).astype("float32"), data.target
    train = canvases(digits[:1400], labels[:1400], 3000, seed=1)
    held_out = canvases(digits[1400:], labels[1400:], NUM_IMAGES, seed=2)
    return "digits on clutter", train[:2], held_out, canvas_network, 8


def _methods(name, model, images, labels, masks):
    size = images.shape[1:3]
    scores = kc.metrics.Scorer(model)(images, verbose=0)
    print(
        f"\n| {name}: accuracy {np.mean(scores.argmax(axis=1) == labels):.3f} | GT-known "
        "| MaxBoxAccV2 | PxAP | enrichment | pointing | deletion | insertion |"
        "\n|---|---|---|---|---|---|---|---|"
    )
    maps = {}
    for method in METHODS:
        maps[method.__name__] = method(model)(images, labels, verbose=0).heatmaps
    pictures = kc.visualization.to_rgb(images, (0, 1))
    segments = kc.localization.grabcut(pictures, maps["Saliency"])
    maps["Saliency with GrabCut"] = segments.masks.astype("float32")
    rows, columns = (np.arange(length) / length - 0.5 + 0.5 / length for length in size)
    gauss = np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 0.2**2))
    maps["Gaussian in the centre"] = np.broadcast_to(gauss, (len(images), *size))
    maps["random"] = np.random.default_rng(0).uniform(size=(len(images), 8, 8))
    for method, heatmaps in maps.items():
        numbers = _localization(heatmaps, masks)
        few = slice(0, NUM_CURVES)
        curves = [
            curve(model, images[few], heatmaps[few], labels[few], pixels=2 * size[1], verbose=0)
            for curve in (kc.metrics.deletion, kc.metrics.insertion)
        ]
        numbers += [float(curve.areas.mean()) for curve in curves]
        print(f"| {method} | {_joined(numbers)} |", flush=True)


def _pooling_row(model, images, labels, masks):
    heatmaps, _, scores = kc.CAM(model)(images, labels, verbose=0)
    return np.mean(scores.argmax(axis=1) == labels), _localization(heatmaps, masks)


def _localization(heatmaps, masks):
    size = masks.shape[1:]
    metrics = [
        kc.metrics.GTKnownLocalization(size),
        kc.metrics.MaxBoxAccuracy(size),
        kc.metrics.PixelAveragePrecision(),
        kc.metrics.Enrichment(),
        kc.metrics.PointingGame(tolerance=TOLERANCE * max(size)),
    ]
    for metric in metrics:
        metric.update_state(masks, heatmaps)
    return [float(metric.result()) for metric in metrics]


def _joined(numbers):
    return " | ".join(f"{number:.3f}" for number in numbers)


def speed():
    """Boxes of many maps, and `MaxBoxAccuracy` against contours anew at each threshold."""
    rng = np.random.default_rng(0)
    size, number, thresholds = (224, 224), 1000, 1000
    coarse = rng.normal(size=(number, 14, 14))
    coarse = np.stack([cv2.GaussianBlur(map_, (0, 0), 1.5) for map_ in coarse])
    kc.localization.boxes(coarse[:10], size)
    taken = seconds(lambda: kc.localization.boxes(coarse, size))
    print("\n| boxes | |\n|---|---|")
    print(f"| 1,000 maps at 224 px, a map (target 3 ms) | **{1e3 * taken / number:.2f} ms** |")

    corners = rng.integers(0, 120, size=(number, 2))
    truth = np.concatenate([corners, corners + rng.integers(40, 104, size=(number, 2))], axis=1)
    resized = resize_cubic(coarse, size)
    maps = kc.visualization.normalize(resized, "minmax")
    results = {}

    def ours():
        metric = kc.metrics.MaxBoxAccuracy(size, num_thresholds=thresholds)
        metric.update_state(truth, maps)
        results["ours"] = float(metric.result())

    def reference():
        results["reference"] = _reference(maps, truth - [0, 0, 1, 1], thresholds)

    fast, slow, ratio = in_turns(ours, reference, 2)
    print(f"| MaxBoxAccV2, 1,000 maps, 1,000 thresholds | {fast:.1f} s |")
    print(f"| contours anew at each threshold | {slow:.1f} s |")
    print(f"| times faster (target 5) | **{1 / ratio:.1f}** |")
    print(f"| the number | {results['ours']!r} |")
    print(f"| the number with contours anew | {results['reference']!r} |", flush=True)


def _reference(maps, truth, thresholds):
    """MaxBoxAccV2, the way in which it is defined: everything again for every threshold."""
    shares, overlaps = np.arange(0, 1, 1 / thresholds), (0.3, 0.5, 0.7)
    hits = np.zeros((len(overlaps), len(shares)))
    for map_, box in zip(maps, truth, strict=True):
        image = (255 * map_).astype("uint8")
        height, width = image.shape
        for index, share in enumerate(shares):
            level = int(share * image.max())
            _, binary = cv2.threshold(image, level, 255, cv2.THRESH_BINARY)
            contours = cv2.findContours(binary, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)[0]
            boxes = [[0, 0, 0, 0]] if len(contours) == 0 else []
            for contour in contours:
                x, y, w, h = cv2.boundingRect(contour)
                boxes.append([x, y, min(x + w, width - 1), min(y + h, height - 1)])
            best = overlap.iou(boxes, box[None], inclusive=True).max()
            hits[:, index] += [best >= least for least in overlaps]
    return float((hits / len(maps)).max(axis=1).mean())
