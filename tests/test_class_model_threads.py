"""Threads that share a class model get each their own pictures."""

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import small_model

import kerascam as kc
from kerascam.class_model import class_model

CALLS = 30
STEPS = 6
PAPER = functools.partial(kc.ClassModel, preset="paper")


def in_threads(number, calls):
    """Results of calls that are shared out to threads, which begin all at once."""
    barrier = threading.Barrier(number, timeout=60)

    def work(first):
        barrier.wait()
        return [call() for call in calls[first::number]]

    with ThreadPoolExecutor(number) as threads:
        parts = list(threads.map(work, range(number)))
    results = [None] * len(calls)
    for first, part in enumerate(parts):
        results[first::number] = part
    return results


def assert_right(calls, number):
    """Each call gives in threads what it gives alone, bit for bit."""
    found = in_threads(number, calls)
    expected = [call() for call in calls]
    right = [
        all(np.array_equal(a, b) for a, b in zip(one, other, strict=True) if a is not None)
        for one, other in zip(found, expected, strict=True)
    ]
    assert sum(right) == len(calls), f"{sum(right)} of {len(calls)} calls are right"


@pytest.mark.parametrize(
    ("preset", "threads"), [("paper", 2), pytest.param("robust", 5, marks=pytest.mark.exhaustive)]
)
def test_thirty_calls_of_one_class_model(preset, threads):
    find = kc.ClassModel(small_model(4), preset=preset)
    assert_right(
        [
            functools.partial(find, index % 4, seed=index, steps=STEPS, frames=3, verbose=0)
            for index in range(CALLS)
        ],
        threads,
    )
    assert find._by_class.num_traces == 2


@pytest.mark.exhaustive
def test_threads_with_different_numbers_of_images_and_several_octaves():
    find = PAPER(small_model(4), octaves=2, octave_scale=2)
    calls = [functools.partial(find, [0, 3, 1][:size], steps=4, verbose=0) for size in (1, 3)]
    assert_right(2 * calls, 2)


@pytest.mark.exhaustive
def test_a_function_in_one_thread_and_classes_in_another(monkeypatch):
    find = PAPER(small_model(4))
    functions = []

    class Slow(class_model.Objective):
        def __init__(self, measure, settings, function=None):
            functions.append(function)
            time.sleep(0.3)  # So that other threads come while it is made.
            super().__init__(measure, settings, function)

    monkeypatch.setattr(class_model, "Objective", Slow)

    def contrast(scores):
        return scores[:, 0] - scores[:, 1]

    calls = [
        functools.partial(find, target, seed=index, steps=STEPS, verbose=0)
        for index, target in enumerate([contrast, contrast, 2, lambda scores: scores[:, 3]])
    ]
    assert_right(calls[:3], 3)
    assert functions == [contrast]  # Made once for both threads.
    assert_right(calls[1:], 3)


@pytest.mark.exhaustive
def test_a_logger_beside_a_thread(tmp_path, rng):
    """With a learning rate of 0 the network is the same all the time."""
    model = small_model(4)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 0.0
    images, labels = rng.uniform(size=(16, 32, 32, 3)).astype("float32"), np.arange(16) % 4
    find = PAPER(model)
    alone = find([3, 1], steps=STEPS, seed=7)

    def fit(name, factory):
        logger = kc.callbacks.ClassModelLogger(
            tmp_path / name, [0, 1], steps=STEPS, class_model=factory, on_error="raise"
        )
        model.fit(images, labels, batch_size=4, epochs=4, verbose=0, callbacks=[logger])
        return logger._climb.images()

    expected = fit("alone", PAPER)
    for name, factory in (("own", PAPER), ("shared", lambda model: find)):
        end = threading.Event()

        def look(end=end):
            found = [find([3, 1], steps=STEPS, seed=7, verbose=0)]
            while not end.is_set():
                found.append(find([3, 1], steps=STEPS, seed=7, verbose=0))
            return found

        with ThreadPoolExecutor(1) as threads:
            looks = threads.submit(look)
            try:
                logged = fit(name, factory)
            finally:
                end.set()
        np.testing.assert_array_equal(logged, expected)
        for found in looks.result():
            np.testing.assert_array_equal(found.images, alone.images)
