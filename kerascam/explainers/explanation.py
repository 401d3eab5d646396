"""What an explainer returns."""

from typing import NamedTuple

import numpy as np

from kerascam.graph.classes import class_scores

_NUM_SHOWN = 12  # Heatmaps in the picture of an explanation.


class _Explanation(NamedTuple):
    heatmaps: np.ndarray
    targets: np.ndarray | None
    scores: np.ndarray


class Explanation(_Explanation):
    """What an explainer returns, as NumPy arrays: a tuple of three. A notebook shows its maps.

    Attributes:
        heatmaps: `(batch, h, w)`, float32: raw, signed where the method is signed, at the method's
            own resolution. Signals give `(batch, steps)`, volumes `(batch, d, h, w)`.
        targets: Explained class of each image, `(batch,)`; `None` for a callable target.
        scores: Scores of all classes before softmax or sigmoid, `(batch, classes)`, float32.
    """

    has_offset = False
    """Whether the maps have a constant part without a meaning, to be left out of pictures."""

    def _repr_jpeg_(self):
        """The first maps in colours: what a notebook shows instead of three arrays."""
        from kerascam.visualization import encode, sheet  # Nothing else here makes pictures.

        if self.heatmaps.ndim != 3 or len(self.heatmaps) == 0:
            return None
        labels = None
        if self.targets is not None:
            labels = [
                f"class {target}, score {score[target]:.3g}"
                for target, score in zip(self.targets, class_scores(self.scores), strict=True)
            ][:_NUM_SHOWN]
        shown = Explanation(self.heatmaps[:_NUM_SHOWN], None, self.scores[:_NUM_SHOWN])
        shown.has_offset = self.has_offset
        return encode(sheet(None, shown, labels), "jpeg")
