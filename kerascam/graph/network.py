"""A classifier: its scores before softmax, and its two parts before and after a layer."""

import contextlib
from typing import Any

from keras import ops

from kerascam.graph.opaque import inlined, is_python_code
from kerascam.graph.operations import Graph, Taps, run
from kerascam.graph.places import GraphPlace, Place, Places
from kerascam.graph.scores import without_activation


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
        places: The `Places` of its layers.
        activation: What makes the score probabilities: `"softmax"`, `"sigmoid"`, `"log_softmax"` or
            `"linear"`.
        inputs: Symbolic inputs, in the order of `model.inputs`.
        num_scores: Number of scores: of classes, or one for two classes, see `graph.classes`.
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
        self._score_place: Place | None = None
        if score is None:
            self.score, self.activation = without_activation(self.graph, self.score)
            shape = self.graph.tensors[self.score].shape
        else:
            place = Places(self.graph, self.score).find(score, "score")
            shape, self.activation = place.output.shape, "linear"
            if isinstance(place, GraphPlace):
                self.score = place.slot
            else:
                self._score_place = place
        if len(shape) < 2 or shape[-1] is None or any(size != 1 for size in shape[1:-1]):
            raise ValueError(
                "kerascam explains classifiers, with scores of shape (batch, classes). This "
                f"network gives shape {tuple(shape)}. Add a layer that makes one score of each "
                "class: a mean over all positions, or `keras.layers.Reshape((1,))` for one number."
            )
        self.num_scores = shape[-1]
        spatial = [index for index, spec in enumerate(self.inputs) if len(spec.shape) > 2]
        self.image: Any = spatial[0] if spatial else None
        self.places = Places(self.graph, self.score)
        layers = [layer for _, layer in self.places.layers()]
        half = any(getattr(layer, "compute_dtype", None) == "float16" for layer in layers)
        # Float16 ends at 6e-8, which gradients of large images are; and at 65504.
        self.gradient_scale = 1024.0 if half else 1.0
        self._steps = self.graph.between(self.graph.inputs, [self.score])
        self._has_python_code = any(is_python_code(step.operation) for step in self._steps)

    def scores(self, inputs, taps=None):
        """Scores before softmax or sigmoid.

        Args:
            inputs: A tensor for each input.
            taps: For some places, a function from their tensor to what goes on in its stead.

        Returns:
            `(batch, num_scores)`, float32.
        """
        return self.scores_by(self._steps, dict(zip(self.graph.inputs, inputs, strict=True)), taps)

    def scores_by(self, steps, values, taps=None):
        """Scores by some of the steps alone.

        Args:
            steps: The steps, see `Graph.between`.
            values: Tensor of each slot that the steps read and do not make.
            taps: See `scores`.

        Returns:
            `(batch, num_scores)`, float32.
        """
        through = Taps()
        found: list[Any] = []
        for place, function in (taps or {}).items():
            place.tap(through, function)
        if self._score_place is not None:
            self._score_place.tap(through, _keep(found))
        with inlined() if self._has_python_code else contextlib.nullcontext():
            values = run(steps, values, through)
        score = found[0] if found else values[self.score]
        return ops.reshape(ops.cast(score, "float32"), (-1, self.num_scores))

    def features_and_scores(self, inputs, place):
        """What a layer gives, and the scores, both float32."""
        found: list[Any] = []
        scores = self.scores(inputs, {place: _keep(found)})
        return ops.cast(found[0], "float32"), scores

    def cut(self, place):
        """The network before and after a layer.

        Args:
            place: Where to cut it, see `Places`.

        Returns:
            Two functions: `trunk(inputs)` gives the features and a list of all else that the rest
            of the network reads (skip connections, other inputs); `head(features, rest)` gives the
            scores, as `scores` does, without computing the trunk again.
        """
        return place.cut(self)


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
