"""`kerascam board`: TensorBoard with all steps."""

import contextlib
import io
import sys
import types
from pathlib import Path
from typing import Annotated

import typer

from kerascam.cli.options import fail


def board(
    context: typer.Context,
    log_dir: Annotated[Path, typer.Argument(help="TensorBoard's log directory.")],
):
    """Start TensorBoard so that it shows all steps; other options go to TensorBoard."""
    if not log_dir.is_dir():
        fail(
            f"There is no directory {str(log_dir)!r}. The log directory comes first: "
            "kerascam board LOGDIR [TensorBoard's options]"
        )
    _do_without_tensorflow()
    from tensorboard import main

    all_steps = ["--samples_per_plugin", "images=1000"]
    sys.argv = ["tensorboard", "--logdir", str(log_dir), *all_steps, *context.args]
    main.run_main()


def _do_without_tensorflow():
    """Spares the seconds that TensorFlow takes to load, which TensorBoard does if it can."""
    name = "tensorboard.compat.notf"  # Where there is such a module, it does without.
    sys.modules.setdefault(name, types.ModuleType(name))
    from tensorboard import main_lib

    begin = main_lib.global_init

    def begin_silently():
        # It would say that TensorFlow is not installed, and that something is missing therefore.
        with contextlib.redirect_stderr(io.StringIO()):
            begin()

    main_lib.global_init = begin_silently
