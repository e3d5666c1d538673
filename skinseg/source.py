"""Which code made a thing: a hash of each source file that decides it, the same however it is worded."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent

_CARRIES = ("cluster", "contact_sheet", "data_card", "lanes", "preload", "renderer", "scene_table", "set_folder",
            "worker_process")  # fmt: skip
GENERATOR = ("synthetic", "tones/ita.py")
GENERATOR_CARRIES = tuple(f"synthetic/rendering/{name}.py" for name in _CARRIES)
"""Rooms and files of the package that decide a rendered frame's bytes, and what in them only carries frames."""


def source_hashes(names: Iterable[str], without: Iterable[str] = ()) -> dict[str, str]:
    """Source file, as its path in the package, to 16 hex digits, for every .py, .csv and .yaml file of `names`.

    names, without: folders or files below the package's folder.
    """
    return dict(_hashes(tuple(names), tuple(without)))


def generator_code() -> dict[str, str]:
    """`source_hashes` of what decides a rendered frame's bytes."""
    return source_hashes(GENERATOR, GENERATOR_CARRIES)


def one_hash(hashes: dict[str, str]) -> str:
    """12 hex digits over all files of `source_hashes`."""
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def _hashes(names: tuple[str, ...], without: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    files: set[Path] = set()
    for name in names:
        path = PACKAGE / name
        files.update([path] if path.is_file() else path.rglob("*"))
    paths = {path.relative_to(PACKAGE).as_posix(): path for path in files}
    return tuple(
        (name, _hash(path))
        for name, path in sorted(paths.items())
        if path.suffix in (".py", ".csv", ".yaml") and name not in without
    )


def _hash(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".py":
        data = without_words(data.decode()).encode()
    return hashlib.sha256(data).hexdigest()[:16]


def without_words(source: str) -> str:
    """Python source without comments, docstrings and blank lines.

    Works on the text, as what `ast.dump` writes differs from one Python to the next.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A string that is a statement of its own does nothing, a docstring or not.
            for each in node.body:
                if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                    text = each.value
                    if isinstance(text.value, str) and text.end_lineno is not None:
                        lines[text.lineno - 1 : text.end_lineno] = [""] * (text.end_lineno - text.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())
