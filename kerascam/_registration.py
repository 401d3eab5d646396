"""Keras finds the layers and metrics of kerascam when it loads a model that has them.

Keras knows a class by its name, `kerascam>CAMHead`, once the module of the class was imported.
`import kerascam` imports no such module, as that would import Keras, so they are imported right
after Keras is, by whom ever. `wrapt.when_imported` does the same, but takes longer to import than
all else here.
"""

import importlib
import sys

# The modules with a class for `keras.saving.register_keras_serializable`. They are imported while
# the module is that was the first to import Keras. So that they don't meet it unfinished, each
# package of kerascam from which they take something imports Keras itself, before its modules do.
MODULES = (
    "kerascam.layers.cam_head",
    "kerascam.layers.global_sum_pooling",
    "kerascam.layers.local_response_normalization",
    "kerascam.metrics.box_overlap",
    "kerascam.metrics.energy",
    "kerascam.metrics.max_box_accuracy",
    "kerascam.metrics.pixel_average_precision",
    "kerascam.metrics.pointing_game",
)


def when_keras_is_imported():
    """Registers the classes with Keras: now, or when Keras is imported."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def _register():
    for module in MODULES:
        importlib.import_module(module)


class _KerasFinder:
    """Finds Keras as the other finders do, and has the classes registered when it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            self._register_after(spec.loader)
        return spec

    def _register_after(self, loader):
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            is_whole = module.__name__ == "keras"  # A loader may load other modules, too.
            if is_whole and self in sys.meta_path:  # No other thread has imported it before.
                sys.meta_path.remove(self)
                _register()

        loader.exec_module = exec_module
