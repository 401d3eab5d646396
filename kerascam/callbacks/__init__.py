"""Callbacks for `model.fit`: heatmaps and class models in TensorBoard, numbers in the logs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
