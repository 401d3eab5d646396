"""Callbacks for `model.fit`: heatmaps and class models in TensorBoard, numbers in the logs."""

from kerascam.callbacks.class_model_logger import ClassModelLogger
from kerascam.callbacks.heatmap_logger import HeatmapLogger
from kerascam.callbacks.heatmap_metrics import HeatmapMetrics

__all__ = ["ClassModelLogger", "HeatmapLogger", "HeatmapMetrics"]
