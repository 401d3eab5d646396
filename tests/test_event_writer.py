"""The only file that writes events."""

import gc

import tensorflow as tf
from conftest import events

from kerascam.callbacks.summary import EventWriter


def test_a_writer_that_is_collected_while_a_function_is_traced_leaves_it_alone(tmp_path):
    """The garbage collector may come at any time; writing then could hang the training."""
    writer = EventWriter.open(tmp_path)
    with writer.at(3):
        writer.scalar("loss", 0.5)
    cycle = [writer]
    cycle.append(cycle)
    del writer

    @tf.function
    def traced(x):
        cycle.clear()
        gc.collect()
        return x + 1

    graph = traced.get_concrete_function(tf.constant(1.0)).graph
    types = {operation.type for operation in graph.get_operations()}
    assert not [name for name in types if "Summary" in name]
    assert events(tmp_path) == {"loss": {3: 0.5}}
    assert not EventWriter._shared
