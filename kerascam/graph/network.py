"""A classifier: its scores before softmax, and its two parts before and after a layer."""

import contextlib
import dataclasses
import difflib
from typing import Any

import keras
from keras import ops

from kerascam.graph.opaque import (
    InnerCall,
    inlined,
    inner_calls,
    inner_layers,
    is_python_code,
)
from kerascam.graph.operations import Graph, run
from kerascam.graph.scores import without_activation


@dataclasses.dataclass(frozen=True)
class Place:
    """The output of one layer in a network.

    Attributes:
        path: Name of the layer, after the names of the models that it stands in.
        output: Symbolic tensor with its shape and dtype.
        slot: Its slot in the graph, or `None` inside a layer that is Python code.
        inner: The call inside such a layer.
        step: Output slots of the step in which this call is.
    """

    path: str
    output: Any
    slot: int | None = None
    inner: InnerCall | None = None
    step: tuple[int, ...] = ()


class Network:
    """A classifier's scores, and its layers.

    Everything is computed in inference mode on the variables of the user's model, which stays as
    it is. For use inside a compiled function.

    Args:
        model: A built `keras.Model`.
        output: Name or index of the output, for a model with several.
        score: Name of the layer whose output is the score before softmax, where it can't be found.

    Attributes:
        graph: The `Graph`.
        score: Slot of the score.
        activation: What makes the score probabilities: `"softmax"`, `"sigmoid"`, `"log_softmax"` or
            `"linear"`.
        inputs: Symbolic inputs, in the order of `model.inputs`.
        num_classes: Number of scores.
        image: Index of the input that is explained, the first with spatial axes; `None` if there
            is none.
        gradient_scale: What scores are multiplied by to be differentiated, see `gradients`.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If the model is not built, or its scores can't be found.
    """

    def __init__(self, model, output=None, score=None):
        self.graph = Graph(model)
        self.inputs = [self.graph.tensors[slot] for slot in self.graph.inputs]
        self.score = self.graph.outputs[_output_index(self.graph, output)]
        self._inner_score: Place | None = None
        self._steps = self.graph.between(self.graph.inputs, [self.score])
        if score is None:
            self.score, self.activation = without_activation(self.graph, self.score)
            shape = self.graph.tensors[self.score].shape
        else:
            place = self.place(score, "score")
            shape, self.activation = place.output.shape, "linear"
            if place.inner is None:
                self.score = place.slot
            else:
                self._inner_score = place
        if len(shape) < 2 or shape[-1] is None or any(size != 1 for size in shape[1:-1]):
            raise ValueError(
                "kerascam explains classifiers, with scores of shape (batch, classes). This "
                f"network gives shape {tuple(shape)}. Add a layer that makes one score of each "
                "class: a mean over all positions, or `keras.layers.Reshape((1,))` for one number."
            )
        self.num_classes = shape[-1]
        spatial = [index for index, spec in enumerate(self.inputs) if len(spec.shape) > 2]
        self.image: Any = spatial[0] if spatial else None
        self._steps = self.graph.between(self.graph.inputs, [self.score])
        layers = [operation for _, operation in self._layers()]
        half = any(getattr(layer, "compute_dtype", None) == "float16" for layer in layers)
        # Float16 ends at 6e-8, which gradients of large images are; and at 65504.
        self.gradient_scale = 1024.0 if half else 1.0
        self._has_python_code = any(is_python_code(step.operation) for step in self._steps)

    def scores(self, inputs, taps=None):
        """Scores before softmax or sigmoid.

        Args:
            inputs: A tensor for each input.
            taps: For some places, a function from their tensor to what goes on in its stead.

        Returns:
            `(batch, classes)`, float32.
        """
        return self._run(self._steps, dict(zip(self.graph.inputs, inputs, strict=True)), taps)

    def features_and_scores(self, inputs, place):
        """What a layer gives, and the scores, both float32."""
        found: list[Any] = []
        scores = self.scores(inputs, {place: _keep(found)})
        return ops.cast(found[0], "float32"), scores

    def probabilities(self, scores):
        """Probabilities as the network has them, `(batch, classes)`.

        A network that ends in scores without an activation is taken to be trained with softmax, or
        with sigmoid if it has a single unit.
        """
        if self.activation == "sigmoid" or self.num_classes == 1:
            return ops.sigmoid(scores)
        return ops.softmax(scores, axis=-1)

    def cut(self, place):
        """The network before and after a layer.

        Args:
            place: Where to cut it, see `place`.

        Returns:
            Two functions: `trunk(inputs)` gives the features and a list of all else that the rest
            of the network reads (skip connections, other inputs); `head(features, rest)` gives the
            scores, as `scores` does, without computing the trunk again.
        """
        if place.inner is not None:
            return self._cut_in_python_code(place)
        steps = self.graph.between([place.slot], [self.score])
        made = {place.slot, *(slot for step in steps for slot in step.outputs)}
        read = sorted({slot for step in steps for slot in step.inputs.values()} - made)
        before = self.graph.between(self.graph.inputs, [place.slot, *read])

        def trunk(inputs):
            values = run(before, dict(zip(self.graph.inputs, inputs, strict=True)))
            return values[place.slot], [values[slot] for slot in read]

        def head(features, rest):
            return self._run(steps, {**dict(zip(read, rest, strict=True)), place.slot: features})

        return trunk, head

    def place(self, layer, argument="layer"):
        """Finds the output of a layer.

        Args:
            layer: Its name, its path such as `"backbone/conv5"` where several have the name, or the
                layer itself. A layer that is called several times stands for its last call.
            argument: What the user calls it, for the messages.

        Returns:
            The `Place`.

        Raises:
            TypeError: If `layer` is neither a name nor a layer.
            ValueError: If there is no such layer, or several.
        """
        if not isinstance(layer, (str, keras.layers.Layer)):
            raise TypeError(
                f"`{argument}` must be the name of a layer, or the layer itself. Received: "
                f"{type(layer).__name__}."
            )
        named = [path for path, _ in self._layers() if layer == path]
        candidates: dict[int, list[str]] = {}
        found: dict[int, Place] = {}
        for path, operation in self._layers():
            if layer is operation or path == layer or (not named and _ends_with(path, layer)):
                candidates.setdefault(id(operation), []).append(path)
        for path, operation, slots in self.graph.calls:
            place = Place(path, self.graph.tensors[slots[0]], slots[0])
            # The last call, but one that leads to the score before one that does not.
            known = found.get(id(operation))
            if id(operation) in candidates and (known is None or self._prefers(place, known)):
                found[id(operation)] = place
        inside = set(candidates) - set(found)
        for step in self.graph.steps:
            if inside & {id(item) for _, item in inner_layers(step.operation, step.path)}:
                for call in self._inner_calls(step):
                    if id(call.layer) in inside:
                        path = candidates[id(call.layer)][0]
                        place = Place(path, call.output, inner=call, step=step.outputs)
                        known = found.get(id(call.layer))
                        if known is None or self._prefers(place, known):
                            found[id(call.layer)] = place
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
            f"{_nearest(name, [path for path, _ in self._layers()])}."
        )

    def last_spatial_place(self):
        """The output of the last layer that has more than one position, `(batch, ..., channels)`.

        Raises:
            ValueError: If there is none.
        """
        rank = 0 if self.image is None else len(self.inputs[self.image].shape)
        for step in reversed(self._steps):
            slot = step.outputs[0]
            if slot != self.score and is_spatial(self.graph.tensors[slot], rank):
                return Place(step.path, self.graph.tensors[slot], slot)
            if is_python_code(step.operation) and inner_layers(step.operation, step.path):
                places = [
                    Place(call.path, call.output, inner=call, step=step.outputs)
                    for call in self._inner_calls(step)
                    if is_spatial(call.output, rank)
                ]
                places = [place for place in places if self.leads_to_score(place)]
                if places:
                    return places[-1]
        shapes = [tuple(spec.shape) for spec in self.inputs]
        raise ValueError(
            f"No layer has a spatial output like the images (inputs of shape {shapes}), so there "
            "is nothing to draw a map of. Pass the name of a layer as `layer`, or use a method "
            "that explains by pixels, such as `kc.Saliency`."
        )

    def leads_to_score(self, place):
        """Whether the score depends on a layer."""
        if place.inner is not None:
            read = {self.score, *(slot for step in self._steps for slot in step.inputs.values())}
            return any(place.step[index] in read for index in place.inner.leads_to)
        if place.slot == self.score:
            return True
        steps = self.graph.between([place.slot], [self.score])
        return any(place.slot in step.inputs.values() for step in steps)

    def check_leads_to_score(self, place):
        """Raises a `ValueError` if the score does not depend on the layer that the user named."""
        if not self.leads_to_score(place):
            raise ValueError(
                f"`layer` must lead to the explained output. Received: '{place.path}', on which "
                "the score does not depend."
            )

    def _prefers(self, place, known):
        return self.leads_to_score(place) or not self.leads_to_score(known)

    def _run(self, steps, values, taps=None):
        taps = taps or {}
        slots = {place.slot: tap for place, tap in taps.items() if place.inner is None}
        inner: dict[tuple, list] = {}
        found: list[Any] = []
        inner_taps = [(place, tap) for place, tap in taps.items() if place.inner is not None]
        if self._inner_score is not None:
            inner_taps.append((self._inner_score, _keep(found)))
        for place, tap in inner_taps:
            call = place.inner
            inner.setdefault(place.step, []).append((call.layer, _only(call.number, tap)))
        with inlined() if self._has_python_code else contextlib.nullcontext():
            values = run(steps, values, slots, inner)
        score = found[0] if found else values[self.score]
        return ops.reshape(ops.cast(score, "float32"), (-1, self.num_classes))

    def _cut_in_python_code(self, place):
        # The trunk stands in the compiled head, but nothing reads it, so it is not computed.
        def trunk(inputs):
            return self.features_and_scores(inputs, place)[0], list(inputs)

        def head(features, rest):
            return self.scores(rest, {place: lambda old: ops.cast(features, old.dtype)})

        return trunk, head

    def _layers(self):
        """Paths and layers, nested models and the layers inside others included."""
        found = [(path, operation) for path, operation, _ in self.graph.calls]
        for step in self.graph.steps:
            found += inner_layers(step.operation, step.path)
        return found

    def _inner_calls(self, step):
        return inner_calls(step.operation, step.path, *self.graph.call(step))


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


def _only(number, tap):
    """A tap for one of the calls of a layer."""
    calls = iter(range(10**9))
    return lambda output: tap(output) if next(calls) == number else output


def _keep(found):
    """A tap that keeps what it sees."""

    def tap(output):
        found.append(output)
        return output

    return tap


def _output_index(graph, output):
    count = len(graph.outputs)
    names = graph.output_names if len(graph.output_names) == count else list(range(count))
    if output is None and count == 1:
        return 0
    if output in names:
        return names.index(output)
    if isinstance(output, int) and 0 <= output < count:
        return output
    raise ValueError(
        f"`output` must be the name or index of one of the model's outputs {names}. Received: "
        f"output={output!r}."
    )
