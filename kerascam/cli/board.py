"""`kerascam board`: TensorBoard with all steps."""

import sys
import types
from pathlib import Path
from typing import Annotated

import typer

from kerascam.cli.options import fail

_WITHOUT_TENSORFLOW = "tensorboard.compat.notf"


def board(
    context: typer.Context,
    log_dir: Annotated[Path, typer.Argument(help="TensorBoard's log directory.")],
):
    """Start TensorBoard so that it shows all steps; other options go to TensorBoard."""
    from tensorboard import main

    if not log_dir.is_dir():
        fail(
            f"There is no directory {str(log_dir)!r}. The log directory comes first: "
            "kerascam board LOGDIR [TensorBoard's options]"
        )
    # With this module TensorBoard does without TensorFlow, which it would import by itself.
    sys.modules.setdefault(_WITHOUT_TENSORFLOW, types.ModuleType(_WITHOUT_TENSORFLOW))
    all_steps = ["--samples_per_plugin", "images=1000"]
    sys.argv = ["tensorboard", "--logdir", str(log_dir), *all_steps, *context.args]
    main.run_main()
