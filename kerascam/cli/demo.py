"""`kerascam demo`: a network learns drawn shapes, or a trained one explains photographs."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from kerascam.cli.explain import explain
from kerascam.cli.options import fail

_PHOTOGRAPHS = ("coffee.png", "chelsea.png", "camera.png", "motorcycle_left.png")


def demo(
    images: Annotated[
        list[Path] | None,
        typer.Argument(help="With --imagenet: photographs. Default: those of scikit-image."),
    ] = None,
    imagenet: Annotated[
        bool,
        typer.Option("--imagenet", help="Instead, explain photographs by a pretrained network."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Train for seconds, only to see that it runs.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs. Default: 12, or 3 if quick.")
    ] = None,
    log_dir: Annotated[
        Path | None,
        typer.Option(help="Where to write. Default: a new folder under logs/, or explanations/."),
    ] = None,
):
    """Train a small GAP network on drawn shapes and log its heatmaps to TensorBoard."""
    if imagenet and (quick or epochs):
        fail("--quick and --epochs are for training, and --imagenet trains nothing.")
    if imagenet:
        explain(images or _photographs(), out=log_dir or Path("explanations"))
        return
    if images:
        fail("Photographs are for `kerascam demo --imagenet`: the demo draws its own images.")
    from kerascam.cli.shapes_demo import run_demo

    run_demo(quick=quick, epochs=epochs, log_dir=log_dir)


def _photographs():
    """The photographs that scikit-image comes with."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        fail(
            "scikit-image, whose photographs are shown, is not installed. Name a photograph, "
            "kerascam demo --imagenet photo.jpg, or pip install scikit-image."
        )
    folder = Path(package.origin).with_name("data")
    return [folder / name for name in _PHOTOGRAPHS]
