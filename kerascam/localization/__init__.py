"""From heatmaps to masks and boxes: where the object is."""

# Not lazy as other packages are: NumPy and OpenCV load at once, and functions have the names of
# their modules, which would take their places.
from kerascam.localization.boxes import CONVENTIONS, BoxLists, all_boxes, boxes, five_guesses
from kerascam.localization.grabcut import Segmentation, grabcut
from kerascam.localization.masks import masks

__all__ = [
    "CONVENTIONS",
    "BoxLists",
    "Segmentation",
    "all_boxes",
    "boxes",
    "five_guesses",
    "grabcut",
    "masks",
]
