"""How the package is laid out; `pytest -n 0 -s tests/test_structure.py` prints the figures."""

import ast
import collections
import pathlib
import statistics

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "kerascam"
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}
# A part imports those of later rows alone; see docs/contributing.md.
ROWS = [
    {"cli", "__main__"},
    {"callbacks"},
    {"metrics"},
    {"localization", "class_model"},
    {"explainers"},
    {"graph", "models"},
    {"backend", "layers"},
    {"visualization", "datasets"},
    {"_checks", "_warn"},
]
# Who may import what is heavy.
HEAVY = {
    "tensorflow": ("backend/", "callbacks/summary.py"),
    "cv2": ("visualization/", "localization/", "datasets/"),
}


def imports(path):
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "kerascam":
            yield from (f"kerascam.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def name(path):
    return path.relative_to(PACKAGE).as_posix()


def part(module):
    return module.split(".")[1]


@pytest.mark.parametrize("path", [path for path in FILES if path.parent != PACKAGE], ids=name)
def test_imports_go_one_way(path):
    row = {part: index for index, parts in enumerate(ROWS) for part in parts}
    own = name(path).split("/")[0]
    for module in imports(path):
        if module.startswith("kerascam.") and part(module) != own:
            assert row[part(module)] > row[own], f"{name(path)} imports {module}"


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_libraries_are_imported_in_few_places(library):
    users = {
        name(path)
        for path in FILES
        if any(module.split(".")[0] == library for module in imports(path))
    }
    assert users
    assert {user for user in users if not user.startswith(HEAVY[library])} == set()


def test_private_attributes_of_keras_are_used_in_one_file():
    """What an upgrade of Keras may break: private names of other objects than one's own."""
    users = collections.defaultdict(set)
    own = {"_asdict", "_replace", "_fields", "_getframe", "_meta_path"}
    for path, tree in TREES.items():
        defined = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("self", "cls")
        } | {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef))}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                is_dunder = node.attr.startswith("__")
                if not is_dunder and node.attr not in defined | own:
                    users[name(path)].add(node.attr)
    assert set(users) == {"backend/keras_internals.py"}, dict(users)


def test_files_are_short():
    lengths = {name(path): len(path.read_text().splitlines()) for path in FILES}
    longest = max(lengths, key=lengths.get)
    median = statistics.median(lengths.values())
    print(f"\n{len(lengths)} files, median {median} lines, {lengths[longest]} in {longest}")
    assert median < 100
    assert lengths[longest] < 300


def test_documentation_does_not_repeat_itself():
    lines = collections.Counter()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                stripped = map(str.strip, (ast.get_docstring(node) or "").splitlines())
                lines.update(line for line in stripped if len(line) >= 40)
    repeated = {line: count for line, count in lines.items() if count >= 4}
    share = sum(repeated.values()) / sum(lines.values())
    print(f"\n{100 * share:.1f} % of {sum(lines.values())} long lines of documentation four times")
    assert share < 0.03, repeated


def test_readme_is_short():
    length = len((ROOT / "README.md").read_text().splitlines())
    print(f"\nREADME: {length} lines")
    assert length <= 200
