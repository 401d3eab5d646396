"""The class model: gradient ascent on images, and the parts that it is put together of."""

from kerascam.class_model.class_model import ClassImages, ClassModel
from kerascam.class_model.fixed_magnitude import FixedMagnitude
from kerascam.class_model.fourier import Fourier
from kerascam.class_model.parameterization import Frame, Parameterization
from kerascam.class_model.pixels import Pixels
from kerascam.class_model.regularizers import (
    L1,
    L2,
    BlurEvery,
    PNorm,
    Regularizer,
    TotalVariation,
)
from kerascam.class_model.transforms import (
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
