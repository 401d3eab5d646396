"""See where a Keras image classifier looks, while it trains and after."""

from kerascam import callbacks, datasets, layers, models, visualization
from kerascam.explainers import CAM, Explainer, Explanation

__version__ = "0.1.0"

__all__ = [
    "CAM",
    "Explainer",
    "Explanation",
    "callbacks",
    "datasets",
    "layers",
    "models",
    "visualization",
]
