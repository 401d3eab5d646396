"""Where the outputs of a network's layers are."""

import dataclasses
import difflib
from typing import Any

import keras
from keras import ops

from kerascam.graph.opaque import InnerCall, inner_calls, inner_layers, is_python_code
from kerascam.graph.operations import Graph, run


@dataclasses.dataclass(frozen=True)
class GraphPlace:
    """The output of one layer in the graph.

    Attributes:
        path: Name of the layer, after the names of the models that it stands in.
        output: Symbolic tensor with its shape and dtype.
        slot: Its slot in the graph.
    """

    path: str
    output: Any
    slot: int

    def tap(self, taps, function):
        """Lets the output pass through a function, see `Taps`."""
        taps.slots[self.slot] = function

    def leads_to(self, graph, slot):
        """Whether the tensor in a slot depends on it."""
        steps = graph.between([self.slot], [slot])
        return self.slot == slot or any(self.slot in step.inputs.values() for step in steps)

    def cut(self, network):
        """See `Network.cut`."""
        graph = network.graph
        steps = graph.between([self.slot], [network.score])
        made = {self.slot, *(slot for step in steps for slot in step.outputs)}
        read = sorted({slot for step in steps for slot in step.inputs.values()} - made)
        before = graph.between(graph.inputs, [self.slot, *read])

        def trunk(inputs):
            values = run(before, dict(zip(graph.inputs, inputs, strict=True)))
            return values[self.slot], [values[slot] for slot in read]

        def head(features, rest):
            values = {**dict(zip(read, rest, strict=True)), self.slot: features}
            return network.scores_by(steps, values)

        return trunk, head


@dataclasses.dataclass(frozen=True)
class InnerPlace:
    """The output of one layer inside a layer or model that is Python code.

    Attributes:
        path: Name of the layer, after the names of the models and layers that it stands in.
        output: Symbolic tensor with its shape and dtype.
        call: The call of the layer.
        step: Output slots of the step in which this call is.
    """

    path: str
    output: Any
    call: InnerCall
    step: tuple[int, ...]

    def tap(self, taps, function):
        """Lets the output pass through a function, see `Taps`."""
        numbers = iter(range(10**9))

        def only_this_call(output):
            return function(output) if next(numbers) == self.call.number else output

        taps.calls.setdefault(self.step, []).append((self.call.layer, only_this_call))

    def leads_to(self, graph, slot):
        """Whether the tensor in a slot depends on it."""
        steps = graph.between(graph.inputs, [slot])
        read = {slot, *(used for step in steps for used in step.inputs.values())}
        return any(self.step[index] in read for index in self.call.leads_to)

    def cut(self, network):
        """See `Network.cut`. The trunk stands in the compiled head, too, but nothing reads it."""

        def trunk(inputs):
            return network.features_and_scores(inputs, self)[0], list(inputs)

        def head(features, rest):
            return network.scores(rest, {self: lambda old: ops.cast(features, old.dtype)})

        return trunk, head


Place = GraphPlace | InnerPlace


class Places:
    """The layers of a model, nested models and the layers inside others included.

    Args:
        graph: The `Graph`.
        score: Slot of what is explained.
    """

    def __init__(self, graph: Graph, score: int):
        self._graph = graph
        self._score = score

    def layers(self):
        """Paths and layers."""
        found = [(path, operation) for path, operation, _ in self._graph.calls]
        for step in self._graph.steps:
            found += inner_layers(step.operation, step.path)
        return found

    def find(self, layer, argument="layer") -> Place:
        """Finds the output of a layer.

        Args:
            layer: Its name, its path such as `"backbone/conv5"` where several have the name, or the
                layer itself. A layer that is called several times stands for its last call.
            argument: What the user calls it, for the messages.

        Raises:
            TypeError: If `layer` is neither a name nor a layer.
            ValueError: If there is no such layer, or several.
        """
        if not isinstance(layer, (str, keras.layers.Layer)):
            raise TypeError(
                f"`{argument}` must be the name of a layer, or the layer itself. Received: "
                f"{type(layer).__name__}."
            )
        candidates = self._candidates(layer)
        found = self._places_of(candidates)
        name = layer if isinstance(layer, str) else layer.name
        if len(candidates) == 1 and found:
            return next(iter(found.values()))
        paths = [path for group in candidates.values() for path in group]
        if len(candidates) > 1:
            raise ValueError(
                f"`{argument}` must name one layer. Received: {name!r}, the name of several: "
                f"{sorted(paths)}. Pass the path of one of them, or the layer itself."
            )
        if candidates:
            raise ValueError(
                f"`{argument}` must name a layer that gives one tensor. Received: {paths[0]!r}, "
                "which gives several, or is not used in inference."
            )
        raise ValueError(
            f"`{argument}` must name a layer of the model. Received: {name!r}. The nearest are "
            f"{_nearest(name, [path for path, _ in self.layers()])}."
        )

    def last_spatial(self, rank) -> Place:
        """The output of the last layer that has more than one position, `(batch, ..., channels)`.

        Args:
            rank: Number of axes that it must have, those of the images.

        Raises:
            ValueError: If there is none.
        """
        graph = self._graph
        for step in reversed(graph.between(graph.inputs, [self._score])):
            slot = step.outputs[0]
            if slot != self._score and is_spatial(graph.tensors[slot], rank):
                return GraphPlace(step.path, graph.tensors[slot], slot)
            if is_python_code(step.operation) and inner_layers(step.operation, step.path):
                places = [place for place in self._inside(step) if is_spatial(place.output, rank)]
                places = [place for place in places if self.leads_to_score(place)]
                if places:
                    return places[-1]
        shapes = [tuple(graph.tensors[slot].shape) for slot in graph.inputs]
        raise ValueError(
            f"No layer has a spatial output like the images (inputs of shape {shapes}), so there "
            "is nothing to draw a map of. Pass the name of a layer as `layer`, or use a method "
            "that explains by pixels, such as `kc.Saliency`."
        )

    def leads_to_score(self, place: Place):
        """Whether the score depends on a layer."""
        return place.leads_to(self._graph, self._score)

    def check_leads_to_score(self, place: Place):
        """Raises a `ValueError` if the score does not depend on the layer that the user named."""
        if not self.leads_to_score(place):
            raise ValueError(
                f"`layer` must lead to the explained output. Received: '{place.path}', on which "
                "the score does not depend."
            )

    def _candidates(self, layer):
        """Paths of the layers that are meant, by the `id` of each."""
        layers = self.layers()
        named = any(layer == path for path, _ in layers)
        candidates: dict[int, list[str]] = {}
        for path, operation in layers:
            if layer is operation or path == layer or (not named and _ends_with(path, layer)):
                candidates.setdefault(id(operation), []).append(path)
        return candidates

    def _places_of(self, candidates):
        """The last call of each layer, but one that leads to the score before one that does not."""
        found: dict[int, Place] = {}

        def offer(layer, place):
            known = found.get(id(layer))
            if known is None or self.leads_to_score(place) or not self.leads_to_score(known):
                found[id(layer)] = place

        for path, operation, slots in self._graph.calls:
            if id(operation) in candidates:
                offer(operation, GraphPlace(path, self._graph.tensors[slots[0]], slots[0]))
        inside = set(candidates) - set(found)
        for step in self._graph.steps:
            if inside & {id(layer) for _, layer in inner_layers(step.operation, step.path)}:
                for place in self._inside(step):
                    layer = place.call.layer
                    if id(layer) in inside:
                        offer(layer, dataclasses.replace(place, path=candidates[id(layer)][0]))
        return found

    def _inside(self, step):
        """The places inside a step that is Python code, in the order in which they are computed."""
        return [
            InnerPlace(call.path, call.output, call, step.outputs)
            for call in inner_calls(step.operation, step.path, *self._graph.call(step))
        ]


def is_spatial(tensor, rank=None):
    """Whether a tensor `(batch, ..., channels)` has more than one position."""
    shape = tensor.shape
    right_rank = len(shape) > 2 if rank is None else len(shape) == rank
    return right_rank and any(size != 1 for size in shape[1:-1])


def _ends_with(path, layer):
    return isinstance(layer, str) and f"/{path}".endswith(f"/{layer}")


def _nearest(name, paths):
    """The paths most like a name, whether it is a path or the last part of one."""
    by_name: dict[str, str] = {}
    for path in paths:
        by_name[path] = by_name[path.rpartition("/")[2]] = path
    near = difflib.get_close_matches(name, by_name, n=5, cutoff=0.0)
    return list(dict.fromkeys(by_name[key] for key in near))
