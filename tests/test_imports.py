"""The house: a room imports only from the rooms above it in `ROOMS`, and no two files import each other."""

import ast
import graphlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import skinseg

PACKAGE = Path(skinseg.__file__).parent
ROOMS = (
    "skinseg", "errors", "presets", "files", "background", "source", "records", "tracking", "images", "tones",
    *(f"synthetic/{room}" for room in (
        "labels", "label_image", "streams", "scene", "geometry", "body", "hair", "clothes", "worn", "room",
        "config", "draw", "blender", "rendering",
    )),
    "datasets", "data", "models", "recognition", "curation", "training", "evaluation", "predict", "export", "reports",
    "probing", "studies", "commands", "cli",
)  # fmt: skip
DOORS = ("skinseg", "skinseg.cli")
"""What opens the house from outside: they import when they are called, and from everywhere."""


def module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str:
    """A folder, or a file beside the folders; in `synthetic`, a folder or file of it."""
    parts = name.split(".")
    return "/".join(parts[1 : 3 if parts[1:2] == ["synthetic"] else 2]) or parts[0]


def imported(path: Path, names: Mapping[str, Path]) -> Iterator[str]:
    """Modules of the package that a file imports anywhere, in functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from [name for name in (whole, node.module) if name in names][:1]


@cache
def graph() -> dict[str, set[str]]:
    """Module to the modules that it imports."""
    names = {module(path): path for path in PACKAGE.rglob("*.py")}
    return {
        name: set() if name in DOORS else set(imported(path, names)) - {name} for name, path in names.items()
    }


def test_no_file_imports_in_a_circle():
    try:
        graphlib.TopologicalSorter(graph()).prepare()
    except graphlib.CycleError as error:
        raise AssertionError(f"a circle of imports: {' <- '.join(error.args[1])}") from None


def test_every_room_imports_only_from_those_above():
    found = {
        f"{name} imports {each}"
        for name, others in graph().items()
        for each in others
        if room(name) != room(each) and ROOMS.index(room(each)) > ROOMS.index(room(name))
    }
    assert not found


def test_the_list_of_rooms_is_whole():
    """Else a new room would stand anywhere, and one that is gone would stay in the list."""
    there = {room(module(path)) for path in PACKAGE.rglob("*.py")} - {"synthetic"}
    assert there == set(ROOMS)
