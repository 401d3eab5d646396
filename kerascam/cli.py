"""The command line."""

import sys
from pathlib import Path

import typer

app = typer.Typer(
    help="See where a Keras image classifier looks, while it trains and after.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def _main():
    """Keeps each command under its own name."""


@app.command()
def demo(
    quick: bool = typer.Option(False, "--quick", help="Train for seconds instead of a minute."),
    epochs: int = typer.Option(None, min=1, help="Number of epochs. Default: 12, or 3 if quick."),
    log_dir: Path = typer.Option(  # noqa: B008 - how typer reads defaults
        None, help="Where to write. Default: a new folder under logs/."
    ),
):
    """Train a small GAP network on drawn shapes and log its heatmaps to TensorBoard."""
    from kerascam.demo import run_demo

    run_demo(quick=quick, epochs=epochs, log_dir=log_dir)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def board(
    context: typer.Context,
    log_dir: Path = typer.Argument(help="TensorBoard's log directory."),  # noqa: B008
):
    """Start TensorBoard so that it shows all steps; other options go to TensorBoard."""
    from tensorboard import main

    if not log_dir.is_dir():
        typer.echo(
            f"There is no directory {str(log_dir)!r}. The log directory comes first: "
            "kerascam board LOGDIR [TensorBoard's options]",
            err=True,
        )
        raise typer.Exit(2)
    all_steps = ["--samples_per_plugin", "images=1000"]
    sys.argv = ["tensorboard", "--logdir", str(log_dir), *all_steps, *context.args]
    main.run_main()


if __name__ == "__main__":
    app()
