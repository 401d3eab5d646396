"""What `import kerascam` does, in a process of its own."""

import subprocess
import sys


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_builds_no_model_and_loads_no_tool():
    result = python(
        "import sys, keras\n"
        "before = set(sys.modules)\n"  # Keras takes what is installed, such as matplotlib.
        "import kerascam\n"
        "print(keras.Sequential().name, keras.layers.Conv2D(1, 1).name)\n"
        "tools = {'typer', 'matplotlib', 'scipy', 'tensorboard.main'}\n"
        "print(sorted(tools & set(sys.modules) - before))"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:2] == ["sequential conv2d", "[]"]


def test_other_backends_are_refused_with_what_to_do():
    result = python("import keras; keras.backend.backend = lambda: 'jax'; import kerascam")
    assert result.returncode == 1
    assert "Received: backend 'jax'. Set the environment variable" in result.stderr
