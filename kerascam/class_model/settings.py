"""All that is fixed of a class model but its network."""

import dataclasses
from typing import Any

from kerascam._checks import check_integer, check_number
from kerascam.class_model.checks import (
    check_optimizer,
    check_parameterization,
    check_parts,
    check_penalty,
)
from kerascam.class_model.parameterization import Frame, Parameterization
from kerascam.class_model.presets import preset_parts
from kerascam.class_model.regularizers import Regularizer
from kerascam.class_model.resize import resize
from kerascam.class_model.transforms import Transform


@dataclasses.dataclass(frozen=True)
class Settings:
    """How images are made, what is taken off their scores, and how they are changed.

    Attributes:
        frame: The `Frame` of the model's images.
        octaves: The `Frame` of each octave, the smallest first; the last is `frame`.
        parameterization: The `Parameterization`.
        regularizers: The `Regularizer`s.
        transforms: The `Transform`s.
        optimizer: The optimizer that each climb uses a copy of; `None` for plain ascent.
        has_own_optimizer: Whether the user passed it, so that its learning rate is for gradients as
            they are.
        penalty: The paper's lambda, or `"auto"`.
        steps: Number of steps where the user names none.
    """

    frame: Frame
    octaves: tuple[Frame, ...]
    parameterization: Parameterization
    regularizers: tuple[Regularizer, ...]
    transforms: tuple[Transform, ...]
    optimizer: Any
    has_own_optimizer: bool
    penalty: Any
    steps: int

    def check_inverse(self, what):
        """Raises a `ValueError` where a given image has no parameters, which something needs."""
        if not self.parameterization.has_inverse:
            raise ValueError(
                f"{what} need parameters of a given image, and "
                f"`{type(self.parameterization).__name__}` can't be made of one. Pass "
                "`parameterization=kc.class_model.Fourier()`."
            )


def make_settings(
    preset,
    frame,
    *,
    penalty,
    parameterization,
    regularizers,
    transforms,
    optimizer,
    octaves,
    octave_scale,
):
    """The `Settings` of a preset, with what the user passed (not `None`) in the place of its parts.

    Args:
        preset: One of `PRESETS`.
        frame: The `Frame` of the model's images.
        penalty: See `ClassModel`, as all that follows.
        parameterization: See there.
        regularizers: See there.
        transforms: See there.
        optimizer: See there.
        octaves: See there.
        octave_scale: See there.
    """
    parts = preset_parts(preset, frame.size)
    if parameterization is not None:
        parts["parameterization"] = check_parameterization(parameterization)
    if regularizers is not None:
        parts["regularizers"] = check_parts(
            "regularizers", regularizers, Regularizer, "TotalVariation(1.0)"
        )
    if transforms is not None:
        parts["transforms"] = check_parts("transforms", transforms, Transform, "Jitter(8)")
    if optimizer is not None:
        parts["optimizer"] = check_optimizer(optimizer)
    if penalty is not None:
        parts["penalty"] = check_penalty(penalty)
    parts["parameterization"].check(frame)
    octaves = check_integer("octaves", octaves)
    scale = check_number("octave_scale", octave_scale, low=1.0)
    settings = Settings(
        frame=frame,
        octaves=tuple(_smaller(frame, scale**index) for index in range(octaves - 1, -1, -1)),
        has_own_optimizer=optimizer is not None,
        **parts,
    )
    if octaves > 1 or any(part.every for part in settings.regularizers):
        settings.check_inverse("octaves and `BlurEvery`")
    return settings


def _smaller(frame, factor):
    """A frame whose sides are so many times shorter."""
    if factor == 1:
        return frame
    size = tuple(max(2, round(length / factor)) for length in frame.size)
    mean = frame.mean
    if mean is not None and size != frame.size:
        mean = resize(mean[None], size)[0]
    return dataclasses.replace(frame, size=size, mean=mean)
