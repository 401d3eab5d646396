"""What `import kerascam` does, in processes of their own."""

import ast
import importlib
import inspect
import os
import pathlib
import pickle
import pkgutil
import pydoc
import subprocess
import sys

import pytest

import kerascam as kc

PACKAGE = pathlib.Path(kc.__file__).parent
HEAVY = {"tensorflow", "keras", "tensorboard", "torch", "jax"}
PACKAGES = [
    "kerascam",
    *(
        f"kerascam.{item.name}"
        for item in pkgutil.iter_modules([str(PACKAGE)])
        if item.ispkg and item.name != "cli"
    ),
]
PACKAGES = [name for name in PACKAGES if hasattr(importlib.import_module(name), "__all__")]


def python(code, check=True, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0 or not check, result.stderr
    return result


def imported(code):
    """What is imported when code has run."""
    return set(python(f"import sys\n{code}\nprint(*sys.modules)").stdout.split())


@pytest.mark.exhaustive
def test_importing_builds_no_model_and_loads_no_tool():
    result = python(
        "import sys, keras\n"
        "before = set(sys.modules)\n"  # Keras takes what is installed, such as matplotlib.
        "import kerascam\n"
        "print(keras.Sequential().name, keras.layers.Conv2D(1, 1).name)\n"
        "tools = {'typer', 'matplotlib', 'scipy', 'tensorboard.main'}\n"
        "print(sorted(tools & set(sys.modules) - before))"
    )
    assert result.stdout.split("\n")[:2] == ["sequential conv2d", "[]"]


def test_importing_loads_nothing_and_changes_no_environment():
    result = python(
        "import os, sys\n"
        "before, environment = set(sys.modules), dict(os.environ)\n"
        "import kerascam\n"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
        "print(kerascam.__version__, environment == dict(os.environ))"
    )
    modules, rest = result.stdout.splitlines()
    assert set(modules.split()) - sys.stdlib_module_names == {"kerascam", "lazy_loader"}
    assert rest == f"{kc.__version__} True"


def test_version_is_one_that_setuptools_reads_without_an_import():
    assert "version = attr: kerascam.__version__\n" in (PACKAGE.parent / "setup.cfg").read_text()
    assert f'\n__version__ = "{kc.__version__}"\n' in (PACKAGE / "__init__.py").read_text()


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("kerascam", []),
        ("kerascam.visualization", ["PIL", "cv2", "numpy"]),
        ("kerascam.localization", ["PIL", "cv2", "numpy"]),
        ("kerascam.datasets", ["cv2", "numpy"]),
        ("kerascam.callbacks", []),
        ("kerascam.class_model", []),
        ("kerascam.models", []),
        ("kerascam.cli", ["typer"]),
    ],
)
def test_a_package_imports_no_more_than_it_needs(module, expected):
    known = {"PIL", "cv2", "h5py", "matplotlib", "numpy", "scipy", "typer", *HEAVY}
    assert sorted(known & imported(f"import {module}")) == expected


@pytest.mark.exhaustive
def test_all_may_be_imported_at_once():
    """By a switch of lazy_loader, for those who want to see errors early."""
    python("import kerascam; kerascam.CAM", EAGER_IMPORT="1")


def test_names_are_those_of_the_stubs():
    """What is lazy reads its names from its stub; what is not has no stub."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        stub = pathlib.Path(package.__file__).with_suffix(".pyi")
        if stub.exists():
            (names,) = [
                ast.literal_eval(item.value)
                for item in ast.parse(stub.read_text()).body
                if isinstance(item, ast.Assign)
            ]
            assert sorted(names) == sorted(package.__all__) == sorted(dir(package))
        assert len(package.__all__) == len(set(package.__all__))
    assert len(kc.__all__) == 31


ORDERS = {
    "each when it is first used": "",
    "all modules before": "everything(modules)",
    "all modules before, the last first": "everything(modules[::-1])",
    "a function's module before": "importlib.import_module('kerascam.metrics.confidence')",
    "a star": "from kerascam import *\nassert CAM is kerascam.CAM",
}
LOOK = f"""
import importlib, inspect, pkgutil, sys
import kerascam, keras
modules = [item.name for item in pkgutil.walk_packages(kerascam.__path__, "kerascam.")]

def everything(modules):
    for name in modules:
        if "main" not in name:
            importlib.import_module(name)

for title, order in {ORDERS!r}.items():
    for name in list(sys.modules):  # TensorFlow takes the gradients of the backend once.
        if name.startswith("kerascam") and not name.startswith("kerascam.backend"):
            del sys.modules[name]
    import kerascam
    exec(order)
    for package in {PACKAGES!r}:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value):
                is_right = value.__name__ == f"kerascam.{{name}}"
            else:
                is_right = name.isupper() or (
                    callable(value) and value.__name__ == name
                    and value.__module__.startswith(f"{{package}}.")
                )
            assert is_right, (title, package, name, value)
"""


@pytest.mark.exhaustive
def test_no_function_is_hidden_by_its_module():
    """In every package a name is what its stub says, whatever was imported before."""
    python(LOOK)


def test_pickle_help_and_source():
    for value in (kc.CAM, kc.ClassModel, kc.callbacks.HeatmapLogger, kc.metrics.deletion):
        assert pickle.loads(pickle.dumps(value)) is value
        assert value.__name__ in dir(inspect.getmodule(value))
    text = pydoc.plain(pydoc.render_doc(kc))
    for name in ("GradCAM", "ClassModel", "visualization", "where a Keras image classifier looks"):
        assert name in text
    with pytest.raises(AttributeError, match="GradCam"):
        kc.GradCam  # noqa: B018


@pytest.mark.exhaustive
def test_other_backends_are_refused_with_what_to_do():
    result = python(
        "import keras; keras.backend.backend = lambda: 'jax'; import kerascam\n"
        "print(kerascam.layers.CAMHead(3).name, flush=True)\n"
        "kerascam.CAM",
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == "cam_head\n"
    assert "Received: backend 'jax'. Set the environment variable" in result.stderr
