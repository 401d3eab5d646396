from .gap_head import GapHead, find_gap_head
from .network import Network
from .operations import Graph, Step
from .places import GraphPlace, InnerPlace, is_spatial
from .preprocessing import assumed_range, takes_raw_images
from .scores import without_activation

__all__ = [
    "GapHead",
    "Graph",
    "GraphPlace",
    "InnerPlace",
    "Network",
    "Step",
    "assumed_range",
    "find_gap_head",
    "is_spatial",
    "takes_raw_images",
    "without_activation",
]
