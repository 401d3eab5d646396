"""The private attributes of Keras that are used: what an upgrade of Keras may break."""


def nodes_in_order(function):
    """The calls of operations of a `keras.Function`, in an order that can be run."""
    by_depth = function._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        for node in by_depth[depth]:
            if node.operation and not node.is_input:
                yield node


def inputs_structure(model):
    """Symbolic inputs in the structure that a model was built with, or `None`."""
    return getattr(model, "_inputs_struct", None)


def outputs_structure(model):
    """Symbolic outputs in the structure that a model returns, or `None`."""
    return getattr(model, "_outputs_struct", None)


def build_shapes(model):
    """Shapes of the arguments that a subclassed model was built with; empty if it was not."""
    return getattr(model, "_build_shapes_dict", None) or {}


def all_layers(layer, include_self=True):
    """A layer and the layers inside it, at any depth."""
    return layer._flatten_layers(include_self=include_self)


def direct_layers(layer):
    """The layers that a layer holds itself, whatever list or dictionary they are in."""
    return layer._flatten_layers(include_self=False, recursive=False)


def losses_of_last_call(layer):
    """The list, which may be changed, of what a layer added to the loss in its last call."""
    return layer._losses


def progress_shown(bar):
    """How far a `keras.utils.Progbar` has come."""
    return bar._seen_so_far
