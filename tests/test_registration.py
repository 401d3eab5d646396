"""Keras loads models with layers and metrics of kerascam, whoever was imported first."""

import pathlib

import keras
import pytest
from conftest import small_model
from test_import import python

import kerascam as kc
from kerascam import _registration

PACKAGE = pathlib.Path(kc.__file__).parent


def test_all_modules_with_registered_classes_are_named():
    decorator = "@keras.saving.register_keras_serializable"
    files = [file for file in PACKAGE.rglob("*.py") if decorator in file.read_text()]
    names = {file.relative_to(PACKAGE.parent).with_suffix("").as_posix() for file in files}
    assert {name.replace("/", ".") for name in names} == set(_registration.MODULES)


@pytest.mark.parametrize(
    "order",
    ["kerascam, keras", pytest.param("keras, kerascam", marks=pytest.mark.exhaustive)],
)
def test_keras_loads_models_in_both_orders(order, tmp_path):
    model = small_model(3)
    model.compile("sgd", keras.losses.MeanSquaredError(), metrics=[kc.metrics.PointingGame()])
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"model.{ending}")
    result = python(
        f"import {order}\n"
        "for ending in ('keras', 'h5'):\n"
        f"    model = keras.models.load_model({str(tmp_path / 'model.')!r} + ending)\n"
        "    print([layer.name for layer in model.layers])\n"
        "print(keras.saving.get_registered_object('kerascam>BoxIoU').__name__)"
    )
    names = str([layer.name for layer in model.layers])
    assert result.stdout.splitlines()[-3:] == [names, names, "BoxIoU"]


FIRST = """
import importlib.machinery, sys
import keras, kerascam

class KerasAgain:
    "Gives Keras, which was imported before, to those who import it, in no time."
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "keras" else None
    def create_module(self, spec):
        return keras
    def exec_module(self, module):
        pass

modules = [name for name in sys.modules if name.startswith("kerascam.")]
for first in modules:
    for name in list(sys.modules):
        if name == "keras" or name.startswith("kerascam"):
            del sys.modules[name]
    sys.meta_path.insert(0, KerasAgain())
    import kerascam
    number = len(sys.meta_path)
    assert "kerascam.layers.cam_head" not in sys.modules
    importlib.import_module(first)
    import keras
    assert len(sys.meta_path) == number - 1, "looks for Keras still"
    for name in kerascam._registration.MODULES:
        assert name in sys.modules, (first, name)
print(*modules)
"""


@pytest.mark.exhaustive
def test_any_module_may_be_the_first_to_import_keras():
    """Nothing is registered out of a module that is not whole yet."""
    modules = python(FIRST).stdout.split()
    assert {*_registration.MODULES, "kerascam.metrics.heatmap_mean"} <= set(modules)


def test_keras_that_cannot_be_imported_is_found_the_next_time(tmp_path):
    (tmp_path / "keras.py").write_text("import os\nassert 'WHOLE' in os.environ, 'half of Keras'")
    result = python(
        "import os, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "import kerascam\n"
        "kerascam._registration._register = lambda: print('registered')\n"
        "try:\n    import keras\nexcept AssertionError as error:\n    print(error)\n"
        "os.environ['WHOLE'] = '1'\n"
        "import keras\nimport keras"
    )
    assert result.stdout.splitlines() == ["half of Keras", "registered"]
