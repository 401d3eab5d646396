"""Small labelled images with boxes and masks, drawn on the fly."""

from kerascam.datasets.shapes import SHAPES, Shapes, shapes

__all__ = ["SHAPES", "Shapes", "shapes"]
