"""Which code made a thing: a hash of each source file that decides it, the same however it is worded."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypeGuard

PACKAGE = Path(__file__).parent

_CARRIES = ("claim", "cluster", "contact_sheet", "data_card", "lanes", "preload", "renderer", "scene_list",
            "scene_table", "set_folder", "worker_process")  # fmt: skip
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
            lines[row - 1] = lines[row - 1][:column].rstrip()
    nodes = list(ast.walk(ast.parse(source)))
    # A text that is a statement does nothing, a docstring or not; in any other, blank lines count.
    idle = {node.value for node in nodes if isinstance(node, ast.Expr) and _is_text(node.value)}
    kept: set[int] = set()
    for node in nodes:
        if _is_text(node) or isinstance(node, ast.JoinedStr):
            rows = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if node not in idle:
                kept.update(rows[:-1])
                continue
            for row in rows:
                lines[row - 1] = ""
    return "\n".join(line for row, line in enumerate(lines, start=1) if line.strip() or row in kept)


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
