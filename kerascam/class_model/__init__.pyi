from .class_images import ClassImages
from .class_model import ClassModel
from .fixed_magnitude import FixedMagnitude
from .fourier import Fourier
from .parameterization import Frame, Parameterization
from .pixels import Pixels
from .regularizers import (
    L1,
    L2,
    BlurEvery,
    PNorm,
    Regularizer,
    TotalVariation,
)
from .transforms import (
    Blur,
    Flip,
    Geometry,
    Jitter,
    Pad,
    Rotate,
    Scale,
    Transform,
)

__all__ = [
    "L1",
    "L2",
    "Blur",
    "BlurEvery",
    "ClassImages",
    "ClassModel",
    "FixedMagnitude",
    "Flip",
    "Fourier",
    "Frame",
    "Geometry",
    "Jitter",
    "PNorm",
    "Pad",
    "Parameterization",
    "Pixels",
    "Regularizer",
    "Rotate",
    "Scale",
    "TotalVariation",
    "Transform",
]
