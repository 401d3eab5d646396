"""The timings in `docs/speed.md`: `python benchmarks/benchmark.py`.

Times are compared in one run, in turns, and ratios are medians over the turns, as a shared machine
is not equally fast all the time.
"""

import argparse
import os
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import class_models
import explainers
import keras
import localization
import numpy as np
import start
import tensorflow as tf
from timing import in_turns, seconds

import kerascam as kc
from kerascam.callbacks.summary import EventWriter
from kerascam.cli.shapes_demo import demo_model


def maps_against_forward_pass(turns):
    """Scores and maps of chosen classes against a compiled function of the bare model."""
    print(
        "\n| network, 224 px | batch | bare forward pass | scores and maps | ratio (target 1.05) |"
    )
    print("|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    networks = {
        "MobileNetV2": lambda: keras.applications.MobileNetV2(weights=None),
        "ResNet50": lambda: keras.applications.ResNet50(weights=None),
        "VGG16GAP": lambda: kc.models.VGG16GAP(),
        "GoogLeNetGAP": lambda: kc.models.GoogLeNetGAP(),
    }
    for name, build in networks.items():
        model = build()
        spec = tf.TensorSpec((None, 224, 224, 3), "float32")
        bare = tf.function(
            lambda images, model=model: model(images, training=False),
            input_signature=[spec],
            autograph=False,
        )
        explain = kc.CAM(model)
        for batch in (1, 8):
            images = rng.normal(size=(batch, 224, 224, 3)).astype("float32")
            targets = np.arange(batch)

            def cam(explain=explain, images=images, targets=targets):
                return explain(images, targets)

            def forward(bare=bare, images=images):
                return bare(tf.constant(images)).numpy()

            # One image takes milliseconds: more turns, as noise weighs more.
            ours, theirs, ratio = in_turns(cam, forward, turns if batch > 1 else 6 * turns)
            print(
                f"| {name} | {batch} | {1e3 * theirs:.1f} ms | {1e3 * ours:.1f} ms "
                f"| **{ratio:.3f}** |",
                flush=True,
            )


def one_logging_step(turns):
    """Where the time of one step of `HeatmapLogger` goes."""
    model = keras.applications.MobileNetV2(weights=None, classes=10)
    model.compile("sgd", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    coarse = rng.uniform(size=(8, 14, 14, 3)).astype("float32")
    images = np.asarray(tf.image.resize(coarse, (224, 224), "bicubic")).clip(0, 1)
    images = (images + rng.normal(scale=0.03, size=images.shape)).clip(0, 1).astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        logger = kc.callbacks.HeatmapLogger(folder, images, np.arange(8) % 10)
        logger.set_model(model)
        logger.prepare()
        writer = EventWriter.open(folder)
        network, drawing, writing = [], [], []
        draw = logger._draw
        for step in range(turns + 1):
            network.append(seconds(logger._probes.explanation))
            drawing.append(seconds(draw))
            samples = draw()
            logger._draw = lambda samples=samples: samples

            def write(step=step):
                with writer.at(step):
                    logger.write(writer)

            writing.append(seconds(write))
        network, drawing, writing = (
            1e3 * statistics.median(times[1:]) for times in (network, drawing, writing)
        )
    print("\n| one logging step, 8 images of 224 px, MobileNetV2 | time |")
    print("|---|---|")
    print(f"| network: scores and maps | {network:.0f} ms |")
    print(f"| pictures: colours, labels, 16 PNG files | {drawing - network:.0f} ms |")
    print(f"| writing the event file | {writing:.0f} ms |", flush=True)


def demo_epoch(turns):
    """An epoch of the demo with `HeatmapLogger`, and with `HeatmapMetrics`, against one without."""
    train, held_out = kc.datasets.shapes(4000, seed=1), kc.datasets.shapes(400, seed=2)
    model = demo_model(4)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def epoch(callbacks):
        model.fit(
            train.images,
            train.labels,
            validation_data=(held_out.images, held_out.labels),
            verbose=0,
            callbacks=callbacks,
        )

    with tempfile.TemporaryDirectory() as folder:
        pair = held_out.images, held_out.labels
        logger = kc.callbacks.HeatmapLogger(folder, *pair, max_images=6)
        metrics = kc.callbacks.HeatmapMetrics(
            *pair, held_out.boxes, held_out.masks, max_images=64, log_dir=folder
        )
        for name, callback, target in [
            ("HeatmapLogger, 6 images", logger, 3),
            ("HeatmapMetrics, 64 images with boxes and masks", metrics, 5),
        ]:
            inside = []
            on_epoch_end = callback.on_epoch_end
            callback.on_epoch_end = lambda *arguments, inside=inside, hook=on_epoch_end: (
                inside.append(seconds(lambda: hook(*arguments)))
            )
            with_it, without, ratio = in_turns(
                lambda callback=callback: epoch([callback]), lambda: epoch([]), turns
            )
            step = statistics.median(inside[1:])
            print(f"\n| an epoch of the demo, {name} | time |")
            print("|---|---|")
            print(f"| without the callback | {without:.2f} s |")
            print(f"| with it | {with_it:.2f} s |")
            print(
                f"| more, median over {turns} turns (target {target} %) "
                f"| **{100 * (ratio - 1):+.1f} %** |"
            )
            print(
                "| time inside the callback, as share of an epoch "
                f"| **{100 * step / without:.1f} %** |",
                flush=True,
            )


PARTS = {
    "start": lambda turns: start.start(),
    "cam": maps_against_forward_pass,
    "floor": explainers.against_the_floor,
    "packages": explainers.against_other_packages,
    "ablation": explainers.ablation_against_the_whole_model,
    "memory": lambda turns: explainers.memory(),
    "class-model": class_models.class_models,
    "logging": one_logging_step,
    "demo": demo_epoch,
    "boxes": lambda turns: localization.speed(),
    "table": lambda turns: localization.table(),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15, help="repetitions of each pair")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    arguments = parser.parse_args()
    for name in arguments.only:
        PARTS[name](arguments.turns)


if __name__ == "__main__":
    main()
