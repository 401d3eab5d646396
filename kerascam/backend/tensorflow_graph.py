"""Reading and changing the operations of TensorFlow's graphs."""

import math

import tensorflow as tf

from kerascam.backend.tensorflow import check_connected

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
# Activations that the score before them is found for.
INVERTIBLE = ("softmax", "log_softmax", "sigmoid")
# Operations with weights: what comes before them is inside the network, not at its end.
_WEIGHTED = ("MatMul", "BatchMatMulV2", "Einsum", "Conv2D", "Conv3D", "DepthwiseConv2dNative")


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
    if name in INVERTIBLE:
        return tf.reshape(operation.inputs[0], tf.shape(tensor)), name
    if name is not None:
        return tensor, name
    scaled = operation.type in ("Mul", "RealDiv") and any(
        tensor.op.type == "Const" for tensor in operation.inputs
    )
    if operation.type not in _LINEAR and not scaled:
        return tensor, operation.type
    for found in _upstream([tensor], stop=_WEIGHTED):
        if _ACTIVATIONS.get(found.type) in INVERTIBLE:
            return tensor, f"{_ACTIVATIONS[found.type]} and operations after it"
    return tensor, "linear"


def ancestors(tensor):
    """A function that tells of another symbolic tensor whether this one is computed from it."""
    operations = _upstream([tensor])
    return lambda other: other.op in operations


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
    check_connected(found)
    return tf.cast(found[0], "float32") / scale, result, len(made)


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
