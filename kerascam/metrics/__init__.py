"""Numbers for heatmaps: do they show the object, and what the network uses?"""

from kerascam.metrics.box_overlap import BoxIoU, GTKnownLocalization, Top1Localization
from kerascam.metrics.complexity import entropy, gini
from kerascam.metrics.confidence import average_drop, average_gain, increase_in_confidence
from kerascam.metrics.deletion import Curve, deletion, insertion
from kerascam.metrics.energy import EnergyPointingGame, Enrichment
from kerascam.metrics.max_box_accuracy import MaxBoxAccuracy
from kerascam.metrics.pixel_average_precision import PixelAveragePrecision
from kerascam.metrics.pointing_game import PointingGame
from kerascam.metrics.randomization import (
    Randomization,
    cascading_randomization,
    independent_randomization,
    random_logit,
)
from kerascam.metrics.road import Road, impute, road
from kerascam.metrics.scorer import Scorer
from kerascam.metrics.sensitivity import infidelity, max_sensitivity, sensitivity_n
from kerascam.metrics.similarity import ssim
from kerascam.metrics.training import border_mass, class_sensitivity, drift

__all__ = [
    "BoxIoU",
    "Curve",
    "EnergyPointingGame",
    "Enrichment",
    "GTKnownLocalization",
    "MaxBoxAccuracy",
    "PixelAveragePrecision",
    "PointingGame",
    "Randomization",
    "Road",
    "Scorer",
    "Top1Localization",
    "average_drop",
    "average_gain",
    "border_mass",
    "cascading_randomization",
    "class_sensitivity",
    "deletion",
    "drift",
    "entropy",
    "gini",
    "impute",
    "increase_in_confidence",
    "independent_randomization",
    "infidelity",
    "insertion",
    "max_sensitivity",
    "random_logit",
    "road",
    "sensitivity_n",
    "ssim",
]
