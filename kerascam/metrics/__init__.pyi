from .box_overlap import BoxIoU, GTKnownLocalization, Top1Localization
from .complexity import entropy, gini
from .confidence import average_drop, average_gain, increase_in_confidence
from .energy import EnergyPointingGame, Enrichment
from .max_box_accuracy import MaxBoxAccuracy
from .perturbation_curves import Curve, deletion, insertion
from .pixel_average_precision import PixelAveragePrecision
from .pointing_game import PointingGame
from .randomization import (
    Randomization,
    cascading_randomization,
    independent_randomization,
    random_logit,
)
from .remove_and_debias import Road, impute, road
from .scorer import Scorer
from .sensitivity import infidelity, max_sensitivity, sensitivity_n
from .similarity import ssim
from .training import border_mass, class_sensitivity, drift

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
