"""Pictures of images and heatmaps: pure functions on NumPy arrays."""

# Not lazy as other packages are: NumPy and OpenCV load at once, and functions have the names of
# their modules, which would take their places.
from kerascam.visualization.colormaps import COLORMAPS, colorize
from kerascam.visualization.draw import draw_boxes, draw_masks
from kerascam.visualization.encode import encode, encode_animation
from kerascam.visualization.grid import grid
from kerascam.visualization.labels import add_labels
from kerascam.visualization.normalize import normalize
from kerascam.visualization.overlay import blend, overlay
from kerascam.visualization.resize import enlarge, resize
from kerascam.visualization.sheet import sheet
from kerascam.visualization.show import show
from kerascam.visualization.to_rgb import to_rgb

__all__ = [
    "COLORMAPS",
    "add_labels",
    "blend",
    "colorize",
    "draw_boxes",
    "draw_masks",
    "encode",
    "encode_animation",
    "enlarge",
    "grid",
    "normalize",
    "overlay",
    "resize",
    "sheet",
    "show",
    "to_rgb",
]
