"""`kerascam class-model`: the images that a network has the highest scores for."""

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


def class_model(
    model: Annotated[str, typer.Argument(help=MODEL)],
    target: Annotated[
        list[str],
        typer.Option("--class", help="Class, by index or name; may be given several times."),
    ],
    preset: Annotated[
        str, typer.Option(help="robust, or paper for the plain objective.")
    ] = "robust",
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps. Default: 256, or 200 for paper.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture.")] = Path(
        "class_model.png"
    ),
    architecture: Architecture = None,
    classes: Classes = None,
    preprocess: Preprocess = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Height and width, for a model that takes any.")
    ] = None,
    output: Output = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Seed of all that is random.")
    ] = 0,
):
    """Write the images that a network has the highest scores for."""
    from kerascam.class_model.presets import PRESETS
    from kerascam.cli.class_model_sheet import write_class_models
    from kerascam.cli.networks import find_network
    from kerascam.cli.preprocessing import PREPROCESSINGS

    check_choice("--preset", preset, PRESETS)
    check_choice("--preprocess", preprocess or "none", PREPROCESSINGS)
    try:
        results = write_class_models(
            find_network(model, architecture, classes),
            *(target, out, preset, steps, preprocess, size),
            output=index_or_name(output),
            seed=seed,
        )
    except (OSError, TypeError, ValueError) as error:
        fail(str(error))
    for name, score, probability in results:
        typer.echo(f"{name}: score {score:.3g}, probability {100 * probability:.1f} %")
    weak = [name for name, _, probability in results if probability < 0.5]
    if weak:
        typer.echo(
            f"The network does not see {', '.join(weak)} in its image: try more --steps, another "
            "--seed, and whether --preprocess is what the network was trained on."
        )
    typer.echo(f"Wrote {out}.")
