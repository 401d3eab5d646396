"""Methods that explain one score of one image by a heatmap."""

from kerascam.explainers.base import Explainer, Explanation
from kerascam.explainers.cam import CAM

__all__ = ["CAM", "Explainer", "Explanation"]
