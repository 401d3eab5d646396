"""How long the package and the command line take to start, each time in a process of its own."""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import skimage.data
from timing import seconds

_TIMES = 5
_COMMAND = [sys.executable, "-m", "kerascam"]


def start():
    """Medians of the help pages, of `import kerascam` and of a photograph that is explained."""
    photograph = pathlib.Path(skimage.data.__path__[0], "coffee.png")
    print("\n| whole process, median of five | time | target |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for title, arguments, target in [
            ("`kerascam --help`", ["--help"], "0.5 s"),
            ("`kerascam explain --help`", ["explain", "--help"], "0.5 s"),
            ("`kerascam explain photo.jpg`", ["explain", photograph, "-o", folder], "5.2 s"),
        ]:
            _run(*_COMMAND, *arguments)  # Its bytecode is written, and its files are read once.
            times = [seconds(lambda a=arguments: _run(*_COMMAND, *a)) for _ in range(_TIMES)]
            print(f"| {title} | {statistics.median(times):.2f} s | {target} |", flush=True)
    times = [_import_time() for _ in range(_TIMES)]
    title = "`import kerascam`, without the start of Python"
    print(f"| {title} | {statistics.median(times):.3f} s | 0.1 s |", flush=True)


def _import_time():
    """Seconds that `python -X importtime` names for the package."""
    report = _run(sys.executable, "-X", "importtime", "-c", "import kerascam").stderr
    return int(re.search(r"\| +(\d+) \| kerascam$", report, re.MULTILINE)[1]) / 1e6


def _run(*command):
    variables = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [str(part) for part in command]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
