"""Options that several commands have, and how mistakes in them are told."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

MODEL = (
    "A saved model (.keras, .h5), a network by its name such as keras.applications.ResNet50, which "
    "downloads its ImageNet weights, or a file of weights, see --architecture."
)
Architecture = Annotated[
    str | None,
    typer.Option(
        help="What a file of weights (.weights.h5) belongs to: a network by its name, a function "
        "of yours as module.function, or a .json file of the model."
    ),
]
Classes = Annotated[
    Path | None,
    typer.Option(help="File with the names of the classes, one in each line or JSON."),
]
Output = Annotated[str | None, typer.Option(help="Output to explain, for a model with several.")]
Preprocess = Annotated[
    str | None,
    typer.Option(
        help="What the model was trained on: none (0..255), unit (0..1), tf, torch or caffe. "
        "Default: that of a network by its name; none if the model rescales its images itself; "
        "else unit."
    ),
]


def index_or_name(output):
    """An output as the models have it, from the command line."""
    return int(output) if output is not None and output.isdigit() else output


def check_choice(name, value, known):
    """Ends the command if a value is not among the known ones."""
    if value not in known:
        fail(f"{name} must be one of {', '.join(known)}. Received: {value!r}.")


def fail(message) -> NoReturn:
    """Ends the command with a message."""
    typer.echo(message, err=True)
    raise typer.Exit(2)
