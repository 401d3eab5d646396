"""Compiling, differentiating and looping with TensorFlow."""

import concurrent.futures
import math

import tensorflow as tf

# Gradients of ReLU that let less through than its own, by the name of the rule.
RECTIFIED = ("guided", "deconvnet")
# Operations that pass values on, between an activation and the output.
_PASSING = ("Cast", "Identity", "Reshape", "Squeeze")
_ACTIVATIONS = {
    "Elu": "elu",
    "LeakyRelu": "leaky_relu",
    "LogSoftmax": "log_softmax",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_LINEAR = (
    *("Add", "AddV2", "BiasAdd", "Sub", "Neg", "MatMul", "BatchMatMulV2", "Einsum", "Conv2D"),
    *("Mean", "Sum", "Max", "ConcatV2", "Pack", "GatherV2", "StridedSlice", "Transpose"),
)
_STRIPPED = ("softmax", "log_softmax", "sigmoid")
# Operations with weights: what comes before them is inside the network, not at its end.
_WEIGHTED = ("MatMul", "BatchMatMulV2", "Einsum", "Conv2D", "Conv3D", "DepthwiseConv2dNative")


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
    _check_connected(found)
    return [tf.cast(gradient, "float32") / scale for gradient in found], marked, result


def rectified_gradient(function, tensor, rule, scale=1.0):
    """Gradient with respect to a tensor, with another rule for every ReLU on the way.

    TensorFlow's graph replaces the rule operation by operation, so it reaches each ReLU and ReLU6
    whatever layer, function or Python code made it. `tf.GradientTape` ignores such a replacement;
    `tf.gradients` is its counterpart inside a compiled function.

    Args:
        function: A function from the tensor to what is differentiated (summed over all elements)
            and anything else. Traced inside a compiled function.
        tensor: The tensor.
        rule: `"guided"` (pass a gradient where the ReLU is open and the gradient is positive) or
            `"deconvnet"` (where the gradient is positive).
        scale: See `gradients`.

    Returns:
        The gradient, the second thing that `function` returned, and the number of ReLUs.

    Raises:
        ValueError: If there is a ReLU inside a loop, which can't be reached.
    """
    graph = tf.compat.v1.get_default_graph()
    known = set(graph.get_operations())
    names = dict.fromkeys(("Relu", "Relu6"), f"KerascamRectified_{rule}")
    with graph.gradient_override_map(names):
        value, result = function(tensor)
    made = [op for op in graph.get_operations() if op not in known and op.type in names]
    functions = graph.as_graph_def().library.function
    if any(node.op in names for function in functions for node in function.node_def):
        raise ValueError(
            "The network has a ReLU inside a loop or a condition, such as a recurrent layer, where "
            "its gradient can't be changed. Use `kc.Saliency`, or build the layer with "
            "`unroll=True`."
        )
    found = tf.gradients(value * scale, [tensor])
    _check_connected(found)
    return tf.cast(found[0], "float32") / scale, result, len(made)


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


def before_activation(tensor):
    """What a symbolic tensor was before its last activation.

    Returns:
        The tensor before softmax, log-softmax or sigmoid, else the same tensor; and the name of
        the activation, `"linear"` if there is none, or the name of an operation that may be one.
    """
    operation = tensor.op
    while operation.type in _PASSING:
        operation = operation.inputs[0].op
    name = _ACTIVATIONS.get(operation.type)
    if name in _STRIPPED:
        return tf.reshape(operation.inputs[0], tf.shape(tensor)), name
    if name is not None:
        return tensor, name
    scaled = operation.type in ("Mul", "RealDiv") and any(
        tensor.op.type == "Const" for tensor in operation.inputs
    )
    if operation.type not in _LINEAR and not scaled:
        return tensor, operation.type
    for found in _upstream([tensor], stop=_WEIGHTED):
        if _ACTIVATIONS.get(found.type) in _STRIPPED:
            return tensor, f"{_ACTIVATIONS[found.type]} and operations after it"
    return tensor, "linear"


def ancestors(tensor):
    """A function that tells of another symbolic tensor whether this one is computed from it."""
    operations = _upstream([tensor])
    return lambda other: other.op in operations


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


def _upstream(tensors, stop=()):
    """Operations that symbolic tensors are computed by; nothing before those in `stop`."""
    found, waiting = set(), [tensor.op for tensor in tensors]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            if operation.type not in stop:
                waiting += [tensor.op for tensor in operation.inputs]
    return found


def _random(draw, shape, seed, indices):
    seed, indices = tf.cast(seed, tf.int32), tf.cast(indices, tf.int32)
    both = tf.broadcast_dynamic_shape(tf.shape(seed), tf.shape(indices))
    pairs = tf.stack([tf.broadcast_to(seed, both), tf.broadcast_to(indices, both)], axis=-1)
    return tf.map_fn(lambda pair: draw(shape, seed=pair), pairs, fn_output_signature=tf.float32)


def _check_connected(gradients):
    if any(gradient is None for gradient in gradients):
        raise ValueError(
            "The explained score does not depend on what it was to be explained by: the target is "
            "a function that ignores the scores, or `layer` does not lead to this output."
        )


def _register(rule):
    @tf.RegisterGradient(f"KerascamRectified_{rule}")
    def rectified(operation, gradient):
        passed = tf.nn.relu(gradient)
        if rule == "deconvnet":
            return passed
        output = operation.outputs[0]
        highest = 6 if operation.type == "Relu6" else math.inf
        return tf.where((output > 0) & (output < highest), passed, tf.zeros_like(passed))


for _rule in RECTIFIED:
    _register(_rule)
