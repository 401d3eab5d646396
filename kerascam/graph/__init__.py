"""Reading a model's graph: its operations, its scores before softmax, its GAP head."""

from kerascam.graph.gap_head import GapHead, find_gap_head
from kerascam.graph.network import Network
from kerascam.graph.operations import Graph, Step
from kerascam.graph.places import GraphPlace, InnerPlace, is_spatial
from kerascam.graph.preprocessing import takes_raw_images
from kerascam.graph.scores import without_activation

__all__ = [
    "GapHead",
    "Graph",
    "GraphPlace",
    "InnerPlace",
    "Network",
    "Step",
    "find_gap_head",
    "is_spatial",
    "takes_raw_images",
    "without_activation",
]
