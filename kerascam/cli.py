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


@app.command()
def explain(
    images: list[Path] = typer.Argument(help="Image files, or directories of them."),  # noqa: B008
    model: Path = typer.Option(..., "--model", "-m", help="A saved Keras model."),  # noqa: B008
    method: str = typer.Option("gradcam", help="The method, such as gradcam, hirescam, saliency."),
    target: str = typer.Option(
        None, "--class", help="Class to explain, by index or name. Default: the predicted one."
    ),
    classes: Path = typer.Option(  # noqa: B008
        None, help="File with the names of the classes, one in each line or JSON."
    ),
    top: int = typer.Option(1, min=1, help="Explain the K most probable classes."),
    out: Path = typer.Option("explanations", "--out", "-o", help="Where to write."),  # noqa: B008
    preprocess: str = typer.Option(
        None,
        help="What the model was trained on: none (0..255), unit (0..1), tf, torch or caffe. "
        "Default: none if the model rescales its images itself, else unit.",
    ),
    layer: str = typer.Option(None, help="Layer to explain by. Default: the last spatial one."),
    output: str = typer.Option(None, help="Output to explain, for a model with several."),
    raw: bool = typer.Option(False, "--raw", help="Write the raw maps too, as .npz."),
    colormap: str = typer.Option("turbo", help="Colours of the heatmaps."),
    alpha: float = typer.Option(0.5, min=0, max=1, help="Share of the heatmap in the overlay."),
):
    """Write heatmaps of image files, laid over them."""
    from kerascam.explain_files import METHOD_NAMES, FileExplainer, explain_files
    from kerascam.model_files import PREPROCESSINGS
    from kerascam.visualization import COLORMAPS

    _check_choice("--method", method, METHOD_NAMES)
    _check_choice("--preprocess", preprocess or "none", PREPROCESSINGS)
    _check_choice("--colormap", colormap, COLORMAPS)
    missing = [str(path) for path in images if not path.exists()]
    if missing:
        _fail(f"There is no {', '.join(missing)}.")
    try:
        explainer = FileExplainer(model, method, layer, output, classes, target, top, preprocess)
    except (OSError, TypeError, ValueError) as error:
        _fail(str(error))
    typer.echo(f"Preprocessing: {explainer.preprocess} (see --preprocess).")

    def progress(files):
        with typer.progressbar(files, label="Explaining") as bar:
            yield from bar

    try:
        written, skipped = explain_files(
            images, explainer, out, progress, raw=raw, colormap=colormap, alpha=alpha
        )
    except OSError as error:
        _fail(f"Nothing can be written to {out}: {error}")
    typer.echo(f"Wrote {len(written)} files to {out}.")
    for reason in skipped:
        typer.echo(f"Skipped: {reason}", err=True)
    if not written and not skipped:
        _fail("There are no images in " + ", ".join(map(str, images)) + ".")
    if skipped:
        raise typer.Exit(1)


@app.command()
def class_model(
    model: Path = typer.Argument(help="A saved Keras model."),  # noqa: B008
    target: list[str] = typer.Option(  # noqa: B008
        ..., "--class", help="Class, by index or name; may be given several times."
    ),
    preset: str = typer.Option("robust", help="robust, or paper for the plain objective."),
    steps: int = typer.Option(None, min=1, help="Steps. Default: 256, or 200 for paper."),
    out: Path = typer.Option("class_model.png", "--out", "-o", help="The picture."),  # noqa: B008
    classes: Path = typer.Option(  # noqa: B008
        None, help="File with the names of the classes, one in each line or JSON."
    ),
    preprocess: str = typer.Option(
        None,
        help="What the model was trained on: none (0..255), unit (0..1), tf, torch or caffe. "
        "Default: none if the model rescales its images itself, else unit.",
    ),
    size: int = typer.Option(None, min=1, help="Height and width, for a model that takes any."),
    output: str = typer.Option(None, help="Output to explain, for a model with several."),
    seed: int = typer.Option(0, min=0, max=2**31 - 1, help="Seed of all that is random."),
):
    """Write the images that a network has the highest scores for."""
    from kerascam.class_model.presets import PRESETS
    from kerascam.class_model_file import write_class_models
    from kerascam.explain_files import index_or_name
    from kerascam.model_files import PREPROCESSINGS

    _check_choice("--preset", preset, PRESETS)
    _check_choice("--preprocess", preprocess or "none", PREPROCESSINGS)
    try:
        results = write_class_models(
            *(model, target, out, preset, steps, classes, preprocess, size),
            output=index_or_name(output),
            seed=seed,
        )
    except (OSError, TypeError, ValueError) as error:
        _fail(str(error))
    for name, score, probability in results:
        typer.echo(f"{name}: score {score:.3g}, probability {100 * probability:.1f} %")
    typer.echo(f"Wrote {out}.")


def _check_choice(name, value, known):
    if value not in known:
        _fail(f"{name} must be one of {', '.join(known)}. Received: {value!r}.")


def _fail(message):
    typer.echo(message, err=True)
    raise typer.Exit(2)


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
