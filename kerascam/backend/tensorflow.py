"""Compiling, differentiating, looping and random numbers with TensorFlow."""

import concurrent.futures

import tensorflow as tf


def compile_function(function, *signature):
    """Compiles a function for all batch sizes: it is traced once.

    XLA is left off: on a CPU its convolutions are about ten times slower.

    Args:
        function: A function of tensors, or of lists of tensors.
        *signature: For each argument, a tensor (or a list of tensors) whose shape and dtype it
            has, such as a `keras.KerasTensor`. The first axis is the batch, of any size; a number
            has none.

    Returns:
        The `Compiled` function. It keeps `function` alive and nothing else keeps the compiled
        function alive.
    """
    specs = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec(
            (None, *tensor.shape[1:]) if tensor.shape else (), tensor.dtype
        ),
        list(signature),
    )
    return Compiled(tf.function(function, input_signature=specs, autograph=False))


class Compiled:
    """A compiled function, traced when it is called first and never again.

    Args:
        function: A `tf.function` with an input signature.
    """

    def __init__(self, function):
        self._function = function
        self._concrete = None

    def __call__(self, *arguments):
        """Calls it on tensors, arrays, or lists of these."""
        if self._concrete is None:
            # Called directly, TensorFlow would warn of many traces: it takes all functions that
            # were made of the same lines for one.
            self._concrete = self._function.get_concrete_function()
        return self._concrete(*tf.nest.map_structure(tf.convert_to_tensor, arguments))

    @property
    def num_traces(self):
        """How often it was traced."""
        return self._function.experimental_get_tracing_count()


def trace(function, *signature):
    """Runs a function of tensors once on symbolic ones, for what can be read from them."""

    def traced(*tensors):
        function(*tensors)
        return ()

    specs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in signature]
    tf.function(traced, input_signature=specs, autograph=False).get_concrete_function()


def gradients(function, scale=1.0):
    """Gradients with respect to tensors that a function names while it runs.

    What the function does before it names the first tensor is not differentiated: with features
    in the middle of a network, only the layers after them.

    Args:
        function: A function of `watch`, which marks a tensor and returns it. It returns what is
            differentiated, summed over all elements, and anything else.
        scale: The value is multiplied by it and the gradients are divided by it, so that they do
            not vanish in half precision.

    Returns:
        The gradients (float32) and the marked tensors, two lists in the order of marking, and the
        second thing that `function` returned.

    Raises:
        ValueError: If the value does not depend on a marked tensor.
    """
    marked = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def watch(tensor):
            tape.watch(tensor)
            marked.append(tensor)
            return tensor

        value, result = function(watch)
        value = value * scale
    found = tape.gradient(value, marked)
    check_connected(found)
    return [tf.cast(gradient, "float32") / scale for gradient in found], marked, result


def fold(step, total, count, size, report=None):
    """Adds up many samples inside a compiled function, in chunks, on tensors of constant memory.

    Args:
        step: A function from the total so far and the indices of some samples, `(chunk,)`, int32,
            to the new total.
        total: Tensor or nested tensors to begin with. The shapes stay.
        count: Number of samples, an integer or a tensor.
        size: Largest number of samples in a chunk, an integer or a tensor. The chunks are made
            equally large.
        report: Called after each chunk with the number of samples done and `count`.

    Returns:
        The last total.
    """
    count = tf.cast(count, tf.int32)
    chunks = -(-count // tf.maximum(tf.cast(size, tf.int32), 1))
    size = -(-count // tf.maximum(chunks, 1))

    def body(start, total):
        stop = tf.minimum(start + size, count)
        new = step(total, tf.range(start, stop))
        new = tf.nest.map_structure(lambda a, b: tf.ensure_shape(a, b.shape), new, total)
        if report is not None:
            # Told when the chunk is done, so after its last tensor.
            with tf.control_dependencies(tf.nest.flatten(new)):
                tf.numpy_function(report, [stop, count], [], stateful=True)
        return stop, new

    # One chunk after the other: side by side they would need the memory of all.
    return tf.while_loop(
        lambda start, total: start < count, body, (tf.constant(0), total), parallel_iterations=1
    )[1]


def repeat(step, start, count):
    """Runs a step that changes variables so many times, inside a compiled function.

    Args:
        step: A function from the number of the step, int32, to a tensor to keep.
        start: Number of the first step, a scalar tensor.
        count: How many steps, a scalar tensor.

    Returns:
        What the steps gave, one after the other along a new first axis.
    """

    def body(index, kept):
        return index + 1, kept.write(index, step(start + index))

    kept = tf.TensorArray("float32", size=count)
    # One step after the other: each reads what the last one wrote.
    return tf.while_loop(
        lambda index, kept: index < count, body, (tf.constant(0), kept), parallel_iterations=1
    )[1].stack()


def random_normal(shape, seed, indices):
    """Standard normal numbers `(chunk, *shape)`; those of a sample depend on its index alone.

    Args:
        shape: Shape of a sample.
        seed: One seed for all samples, or one for each, `(chunk,)`.
        indices: Index of each sample, `(chunk,)`, or one for all.
    """
    return _random(tf.random.stateless_normal, shape, seed, indices)


def random_uniform(shape, seed, indices):
    """Uniform numbers in [0, 1), `(chunk, *shape)`; see `random_normal`."""
    return _random(tf.random.stateless_uniform, shape, seed, indices)


def outside_strategy(function):
    """Calls a function where no `tf.distribute` strategy is in force, and returns its result.

    Variables that are made inside a strategy's scope belong to it, and it can't be left within a
    thread; another thread has none.
    """
    if not tf.distribute.has_strategy():
        return function()
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()


class inline_functions:  # noqa: N801 - used like a function
    """While tracing: a `tf.function` of the user's runs as the Python function it was made of."""

    def __enter__(self):
        self._before = tf.config.functions_run_eagerly()
        tf.config.run_functions_eagerly(True)

    def __exit__(self, *error):
        tf.config.run_functions_eagerly(self._before)


def _random(draw, shape, seed, indices):
    seed, indices = tf.cast(seed, tf.int32), tf.cast(indices, tf.int32)
    both = tf.broadcast_dynamic_shape(tf.shape(seed), tf.shape(indices))
    pairs = tf.stack([tf.broadcast_to(seed, both), tf.broadcast_to(indices, both)], axis=-1)
    return tf.map_fn(lambda pair: draw(shape, seed=pair), pairs, fn_output_signature=tf.float32)


def check_connected(gradients):
    """Raises a `ValueError` if a gradient is missing."""
    if any(gradient is None for gradient in gradients):
        raise ValueError(
            "The explained score does not depend on what it was to be explained by: the target is "
            "a function that ignores the scores, or `layer` does not lead to this output."
        )
