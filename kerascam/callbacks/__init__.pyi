from .class_model_logger import ClassModelLogger
from .heatmap_logger import HeatmapLogger
from .heatmap_metrics import HeatmapMetrics

__all__ = ["ClassModelLogger", "HeatmapLogger", "HeatmapMetrics"]
