"""Callbacks for `model.fit` that write to TensorBoard."""

from kerascam.callbacks.heatmap_logger import HeatmapLogger

__all__ = ["HeatmapLogger"]
