"""The class model against the least work, other packages, and one image after the other."""

import importlib.util
import statistics

import keras
import numpy as np
import tensorflow as tf
from timing import in_turns, seconds

import kerascam as kc

STEPS = 10


def against_the_floor(turns):
    """Steps of the paper preset against compiled forward and backward passes."""
    print(
        "\n| class model, MobileNetV2, 224 px | batch | forward and backward | a step | ratio "
        "(target 1.10) |\n|---|---|---|---|---|"
    )
    model = keras.applications.MobileNetV2(weights=None)
    bare = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    bare.set_weights(model.get_weights())
    find = kc.ClassModel(model, preset="paper", value_range=(-1, 1))

    @tf.function(
        input_signature=[tf.TensorSpec((None, 224, 224, 3)), tf.TensorSpec((None,), tf.int32)],
        autograph=False,
    )
    def floor(images, classes):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            scores = bare(images, training=False)
            value = tf.gather(scores, classes, batch_dims=1)
        return tape.gradient(value, images), value

    rng = np.random.default_rng(0)
    for batch in (1, 8):
        classes = np.arange(batch, dtype="int32")
        images = rng.normal(size=(batch, 224, 224, 3)).astype("float32")
        climb = find.climb(classes, np.zeros(batch, "int32"), images)
        climb.advance(2)
        tensors = tf.constant(images), tf.constant(classes)

        def passes(tensors=tensors):
            for _ in range(STEPS):
                floor(*tensors)[0].numpy()

        def steps(climb=climb):
            climb.ascent.advance(STEPS, climb.classes, climb.strengths)

        ours, theirs, ratio = in_turns(steps, passes, turns)
        print(
            f"| paper preset | {batch} | {1e3 * theirs / STEPS:.1f} ms "
            f"| {1e3 * ours / STEPS:.1f} ms | **{ratio:.3f}** |",
            flush=True,
        )


def _xplique(model, classes):
    from xplique.features_visualizations import Objective, optimize

    def run(steps):
        objective = Objective.neuron(model, -1, classes)
        optimize(objective, nb_steps=steps, values_range=(-1, 1), custom_shape=(224, 224))

    return run


def _tf_keras_vis(model, classes):
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.utils.scores import CategoricalScore

    def run(steps):
        find = ActivationMaximization(model, clone=True)
        seeds = tf.random.uniform((len(classes), 224, 224, 3), -1, 1)
        find(CategoricalScore(classes), seed_input=seeds, input_range=(-1, 1), steps=steps)

    return run


def _ours(model, classes):
    def run(steps):
        kc.ClassModel(model, value_range=(-1, 1))(classes, steps=steps, verbose=0)

    return run


PACKAGES = {"xplique": _xplique, "tf_keras_vis": _tf_keras_vis}


def against_other_packages(turns):
    """The robust preset against other packages' defaults: same network, size, steps and batch."""
    packages = {name: make for name, make in PACKAGES.items() if importlib.util.find_spec(name)}
    if not packages:
        print("\nNo other package is installed to compare the class model with.")
        return
    print(
        "\n| class model, MobileNetV2, 224 px | batch | it, a step | kerascam, a step "
        "| times slower | it, 64 steps from the model | kerascam | times slower |"
        "\n|---|---|---|---|---|---|---|---|"
    )
    # Others raise what the model gives, so it must give scores.
    model = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    for name, make in packages.items():
        for batch in (1, 8):
            classes = list(range(batch))
            runs = make(model, classes), _ours(model, classes)
            few, many = ([], []), ([], [])
            for _ in range(max(3, turns // 5)):
                for index, run in enumerate(runs):
                    few[index].append(seconds(lambda run=run: run(8)))
                    many[index].append(seconds(lambda run=run: run(64)))
            step = [
                statistics.median(b - a for a, b in zip(*pair, strict=True)) / 56
                for pair in zip(few, many, strict=True)
            ]
            whole = [statistics.median(times) for times in many]
            print(
                f"| {name} | {batch} | {1e3 * step[0]:.0f} ms | {1e3 * step[1]:.0f} ms "
                f"| **{step[0] / step[1]:.2f}** | {whole[0]:.1f} s | {whole[1]:.1f} s "
                f"| **{whole[0] / whole[1]:.2f}** |",
                flush=True,
            )


def ten_at_once(turns):
    """Ten classes in one batch against ten runs of one class."""
    print("\n| ten classes, 16 steps | ten runs of one | one batch | times faster |")
    print("|---|---|---|---|")
    digits = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (16, 32, 32):
        digits.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        digits.add(keras.layers.MaxPooling2D(2))
    digits.add(keras.layers.Flatten())
    digits.add(keras.layers.Dense(10))
    networks = {
        "a small network, 28 px": digits,
        "MobileNetV2, 224 px": keras.applications.MobileNetV2(weights=None),
    }
    for name, model in networks.items():
        together, alone = kc.ClassModel(model), kc.ClassModel(model)

        def batch(find=together):
            find(range(10), steps=16, verbose=0)

        def one_by_one(find=alone):
            for c in range(10):
                find(c, steps=16, verbose=0)

        ours, theirs, ratio = in_turns(batch, one_by_one, max(3, turns // 5))
        print(f"| {name} | {theirs:.2f} s | {ours:.2f} s | **{1 / ratio:.1f}** |", flush=True)


def class_models(turns):
    """All of these."""
    against_the_floor(turns)
    against_other_packages(turns)
    ten_at_once(turns)
