"""How the pages are built: `python -m sphinx -W --keep-going -n -b html docs build/docs`."""

import inspect
import os
import pathlib
import re
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import kerascam

HERE = pathlib.Path(__file__).parent
shutil.rmtree(HERE / "notebooks", ignore_errors=True)
(HERE / "notebooks").mkdir()
for notebook in HERE.parent.glob("notebooks/*.ipynb"):  # Sphinx reads its own folder alone.
    shutil.copy(notebook, HERE / "notebooks")

project = html_title = "kerascam"
author = copyright = "The kerascam authors"
version = release = kerascam.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
python_maximum_signature_line_length = 88

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"

default_role = "py:obj"  # In docstrings code stands between single backticks.
nitpick_ignore_regex = [("py:obj", "(?s).*"), ("py:class", r"numpy\..*")]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "special-members": "__call__"}
napoleon_custom_sections = [
    ("Call arguments", "params_style"),
    *("Input shape", "Output shape", "Reference"),
]
napoleon_use_ivar = True
napoleon_use_rtype = False

BASES = {
    "Explainer": "kerascam.Explainer",
    "Comparison": "kerascam.explainers.cam.Comparison",
    "FeatureExplainer": "kerascam.explainers.features.FeatureExplainer",
    "PixelExplainer": "kerascam.explainers.pixels.PixelExplainer",
}


def skip(app, what, name, item, is_skipped, options):
    """Leaves out fields of tuples, which their class lists, and what only overrides a base."""
    if type(item).__name__ == "_tuplegetter":
        return True
    owner = getattr(item, "__qualname__", "").rpartition(".")[0]
    owner = getattr(sys.modules.get(getattr(item, "__module__", None)), owner, None)
    if inspect.isroutine(item) and inspect.isclass(owner) and name != "update_state":
        return True if any(name in vars(base) for base in owner.__mro__[1:]) else None
    return None


def sign(app, what, name, item, options, signature, returns):
    """Shows the arguments of layers, which Keras hides behind those of `__new__`."""
    return (str(inspect.signature(item)), None) if signature == "(*args, **kwargs)" else None


def link(app, what, name, item, options, lines):
    """Links the classes to which the docstrings of all explainers point."""
    known = "|".join(BASES)
    replace = lambda found: f"`{found[1]} <{BASES[found[1]]}>`"  # noqa: E731
    lines[:] = [re.sub(rf"`({known})`", replace, line) for line in lines]


def write_formula(translator, node):
    """Writes a formula as MathML, which browsers show without a script or a network."""
    is_block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=is_block)
    translator.body.append(f'<div class="math">{formula}</div>' if is_block else formula)
    raise nodes.SkipNode


def setup(app):
    """Connects the functions above."""
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", sign)
    app.connect("autodoc-process-docstring", link)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_formula, None))
