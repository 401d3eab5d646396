"""Small labelled images with boxes and masks, drawn on the fly, and the classes of ImageNet."""

# Not lazy as other packages are: NumPy and OpenCV load at once, and functions have the names of
# their modules, which would take their places.
from kerascam.datasets.imagenet import imagenet_names, imagenet_wordnet_ids
from kerascam.datasets.shapes import SHAPES, Shapes, shapes

__all__ = ["SHAPES", "Shapes", "imagenet_names", "imagenet_wordnet_ids", "shapes"]
