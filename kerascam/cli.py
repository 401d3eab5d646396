"""The command line."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    help="See where a Keras image classifier looks, while it trains and after.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

_MODEL = (
    "A saved model (.keras, .h5), a network by its name such as keras.applications.ResNet50, which "
    "downloads its ImageNet weights, or a file of weights, see --architecture."
)
_PHOTOGRAPHS = ("coffee.png", "chelsea.png", "camera.png", "motorcycle_left.png")

# Options that several commands have.
_Architecture = Annotated[
    str | None,
    typer.Option(
        help="What a file of weights (.weights.h5) belongs to: a network by its name, a function "
        "of yours as module.function, or a .json file of the model."
    ),
]
_Classes = Annotated[
    Path | None,
    typer.Option(help="File with the names of the classes, one in each line or JSON."),
]
_Output = Annotated[str | None, typer.Option(help="Output to explain, for a model with several.")]
_Preprocess = Annotated[
    str | None,
    typer.Option(
        help="What the model was trained on: none (0..255), unit (0..1), tf, torch or caffe. "
        "Default: that of a network by its name; none if the model rescales its images itself; "
        "else unit."
    ),
]


def _print_version(wanted: bool):
    if wanted:
        from kerascam import __version__

        typer.echo(f"kerascam {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
):
    """Keeps each command under its own name."""


@app.command()
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
        _fail("--quick and --epochs are for training, and --imagenet trains nothing.")
    if imagenet:
        explain(images or _photographs(), out=log_dir or Path("explanations"))
        return
    if images:
        _fail("Photographs are for `kerascam demo --imagenet`: the demo draws its own images.")
    from kerascam.demo import run_demo

    run_demo(quick=quick, epochs=epochs, log_dir=log_dir)


def _photographs():
    """The photographs that scikit-image comes with."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        _fail(
            "scikit-image, whose photographs are shown, is not installed. Name a photograph, "
            "kerascam demo --imagenet photo.jpg, or pip install scikit-image."
        )
    folder = Path(package.origin).with_name("data")
    return [folder / name for name in _PHOTOGRAPHS]


@app.command()
def explain(
    images: Annotated[list[Path], typer.Argument(help="Image files, or directories of them.")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help=f"{_MODEL} Default: EfficientNetLite0 with its ImageNet weights, which kerascam's "
            "extra 'imagenet' installs.",
        ),
    ] = None,
    architecture: _Architecture = None,
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
    classes: _Classes = None,
    top: Annotated[
        int | None,
        typer.Option(
            min=1, help="Explain the K most probable classes. Default: 1, or 3 without --model."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write.")] = Path(
        "explanations"
    ),
    preprocess: _Preprocess = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer to explain by. Default: the last spatial one.")
    ] = None,
    output: _Output = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write the raw maps too, as .npz.")] = False,
    colormap: Annotated[str, typer.Option(help="Colours of the heatmaps.")] = "turbo",
    alpha: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the heatmap in the overlay.")
    ] = 0.5,
):
    """Name what is in image files, and write heatmaps laid over them."""
    from kerascam.explain_files import METHOD_NAMES, FileExplainer, explain_files
    from kerascam.find_network import find_network
    from kerascam.model_files import PREPROCESSINGS
    from kerascam.visualization import COLORMAPS

    method = (method or ("cam" if model is None else "gradcam")).lower()
    top = top or (3 if model is None and target is None else 1)
    _check_choice("--method", method, METHOD_NAMES)
    _check_choice("--preprocess", preprocess or "none", PREPROCESSINGS)
    _check_choice("--colormap", colormap, COLORMAPS)
    missing = [str(path) for path in images if not path.exists()]
    if missing:
        _fail(f"There is no {', '.join(missing)}.")
    try:
        network = find_network(model, architecture, classes)
        explainer = FileExplainer(network, method, layer, output, target, top, preprocess)
    except (OSError, TypeError, ValueError) as error:
        _fail(str(error))
    typer.echo(f"Preprocessing: {explainer.preprocess} (see --preprocess).")

    def progress(files):
        with typer.progressbar(files, label="Explaining") as bar:
            yield from bar

    try:
        explained, skipped = explain_files(
            images, explainer, out, progress, raw=raw, colormap=colormap, alpha=alpha
        )
    except OSError as error:
        _fail(f"Nothing can be written to {out}: {error}")
    _report(explained, out)
    for reason in skipped:
        typer.echo(f"Skipped: {reason}", err=True)
    if not explained and not skipped:
        _fail("There are no images in " + ", ".join(map(str, images)) + ".")
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


@app.command()
def class_model(
    model: Annotated[str, typer.Argument(help=_MODEL)],
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
    architecture: _Architecture = None,
    classes: _Classes = None,
    preprocess: _Preprocess = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Height and width, for a model that takes any.")
    ] = None,
    output: _Output = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Seed of all that is random.")
    ] = 0,
):
    """Write the images that a network has the highest scores for."""
    from kerascam.class_model.presets import PRESETS
    from kerascam.class_model_file import write_class_models
    from kerascam.explain_files import index_or_name
    from kerascam.find_network import find_network
    from kerascam.model_files import PREPROCESSINGS

    _check_choice("--preset", preset, PRESETS)
    _check_choice("--preprocess", preprocess or "none", PREPROCESSINGS)
    try:
        results = write_class_models(
            find_network(model, architecture, classes),
            *(target, out, preset, steps, preprocess, size),
            output=index_or_name(output),
            seed=seed,
        )
    except (OSError, TypeError, ValueError) as error:
        _fail(str(error))
    for name, score, probability in results:
        typer.echo(f"{name}: score {score:.3g}, probability {100 * probability:.1f} %")
    weak = [name for name, _, probability in results if probability < 0.5]
    if weak:
        typer.echo(
            f"The network does not see {', '.join(weak)} in its image: try more --steps, another "
            "--seed, and whether --preprocess is what the network was trained on."
        )
    typer.echo(f"Wrote {out}.")


def _check_choice(name, value, known):
    if value not in known:
        _fail(f"{name} must be one of {', '.join(known)}. Received: {value!r}.")


def _fail(message) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def board(
    context: typer.Context,
    log_dir: Annotated[Path, typer.Argument(help="TensorBoard's log directory.")],
):
    """Start TensorBoard so that it shows all steps; other options go to TensorBoard."""
    from tensorboard import main

    if not log_dir.is_dir():
        _fail(
            f"There is no directory {str(log_dir)!r}. The log directory comes first: "
            "kerascam board LOGDIR [TensorBoard's options]"
        )
    all_steps = ["--samples_per_plugin", "images=1000"]
    sys.argv = ["tensorboard", "--logdir", str(log_dir), *all_steps, *context.args]
    main.run_main()


if __name__ == "__main__":
    app()
