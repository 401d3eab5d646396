"""Every public name is documented, and its example runs."""

import doctest
import inspect

import keras
import numpy as np
import PIL.Image
import pytest

import kerascam as kc


def public_objects():
    """Everything that a user reaches through `kerascam`, by its name."""
    found = {}
    for name in kc.__all__:
        value = getattr(kc, name)
        if inspect.ismodule(value):
            found |= {f"{name}.{inner}": getattr(value, inner) for inner in value.__all__}
        else:
            found[name] = value
    # What stands in two places is looked at once.
    unique = {id(value): name for name, value in reversed(found.items()) if callable(value)}
    return {name: found[name] for name in reversed(unique.values())}


OBJECTS = public_objects()
BASES = ("Geometry", "Parameterization", "Regularizer", "Transform")
RECORDS = {
    "ClassImages",
    "Explanation",
    "class_model.Frame",
    "localization.BoxLists",
    "localization.Segmentation",
    "metrics.Curve",
    "metrics.Randomization",
    "metrics.Road",
}
WITHOUT_EXAMPLE = {
    *RECORDS,
    *(f"class_model.{name}" for name in BASES),
    "Explainer",
    "datasets.Shapes",
}


@pytest.fixture(scope="module")
def given():
    """What the examples of explainers take as given, see `kerascam.Explainer`."""
    x = inputs = keras.Input((64, 64, 3))
    for name, strides in (("conv3", 4), ("conv4", 2), ("conv5", 2)):
        x = keras.layers.Conv2D(6, 3, strides, "same", activation="relu", name=name)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, "softmax")(x))
    images = np.random.default_rng(0).uniform(size=(2, 64, 64, 3)).astype("float32")
    return {"model": model, "images": images}


@pytest.mark.parametrize("name", OBJECTS)
def test_example_runs(name, tmp_path, monkeypatch, given):
    monkeypatch.setenv("DISPLAY", ":0")  # With a screen, `show` opens a viewer.
    monkeypatch.setattr(PIL.Image.Image, "show", lambda picture: None)
    value = OBJECTS[name]
    module = inspect.getmodule(value)
    names = {**vars(module), "np": np, "keras": keras, "kerascam": kc, "log_dir": tmp_path}
    if inspect.isclass(value) and issubclass(value, (kc.Explainer, kc.ClassModel)):
        names |= given
    (test,) = [test for test in doctest.DocTestFinder(recurse=False).find(value, name, globs=names)]
    assert bool(test.examples) == (name not in WITHOUT_EXAMPLE)
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


@pytest.mark.parametrize("name", OBJECTS)
def test_every_argument_is_explained(name):
    value = OBJECTS[name]
    documented = inspect.getdoc(value)
    parameters = inspect.signature(value).parameters.values()
    names = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    is_tuple = inspect.isclass(value) and issubclass(value, tuple)
    section = "Attributes:" if is_tuple or name in RECORDS else "Args:"
    assert section in documented or not names
    missing = [name for name in names if f"\n    {name}: " not in documented]
    assert not missing
