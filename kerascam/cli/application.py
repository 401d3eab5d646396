"""The app that the commands belong to."""

import sys
from typing import Annotated

import typer

import kerascam
from kerascam.cli.board import board
from kerascam.cli.class_model import class_model
from kerascam.cli.demo import demo
from kerascam.cli.explain import explain
from kerascam.cli.silence import silence_tensorflow

app = typer.Typer(
    help="See where a Keras image classifier looks, while it trains and after.",
    no_args_is_help=True,
    add_help_option=False,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command()(demo)
app.command()(explain)
app.command()(class_model)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(board)


def main():
    """Runs the command line in a process of its own."""
    if sys.argv[1:2] != ["board"]:  # TensorBoard's own messages are for the user.
        silence_tensorflow()
    app(prog_name="kerascam")


def _print_version(wanted: bool):
    if wanted:
        typer.echo(f"kerascam {kerascam.__version__}")
        raise typer.Exit


def _print_help(context: typer.Context, wanted: bool):
    if wanted:
        typer.echo(context.get_help())
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    # Typer's own option is `None` where it is not given, for which it imports pydantic.
    show_help: Annotated[
        bool,
        typer.Option(
            "--help", callback=_print_help, is_eager=True, help="Show this message and exit."
        ),
    ] = False,
):
    """Keeps each command under its own name."""
