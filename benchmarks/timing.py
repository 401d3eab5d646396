"""Timing on a machine that is not equally fast all the time."""

import statistics
import time


def seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def in_turns(first, second, turns):
    """Medians of both and of their ratio, turn by turn; the first turn is not counted."""
    times = []
    for turn in range(turns + 1):
        pair = [(0, first), (1, second)]
        measured = dict(
            (index, seconds(function)) for index, function in (pair if turn % 2 else pair[::-1])
        )
        times.append((measured[0], measured[1]))
    times = times[1:]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    return *medians, statistics.median(a / b for a, b in times)
