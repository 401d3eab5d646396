"""Callbacks for `model.fit` that write to TensorBoard."""

from kerascam.callbacks.class_model_logger import ClassModelLogger
from kerascam.callbacks.heatmap_logger import HeatmapLogger

__all__ = ["ClassModelLogger", "HeatmapLogger"]
