"""What counts as other code, and what is only worded otherwise."""

import ast
from pathlib import Path

import pytest

from skinseg import source
from skinseg.source import generator_code, source_hashes, without_words

CODE = '''"""A module."""

import math  # for pi

# A comment, with "quotes" and # another.
TEXT = "# not a comment"  # but this is


class Circle:
    """Round."""

    def area(self, radius: float) -> float:
        """π·r²; über.

        Several lines.
        """
        # why
        text = """# kept
        too"""
        return math.pi * radius**2 + len(text)

    def nothing(self) -> None:
        """Only words."""
'''


def test_words_do_not_count():
    reworded = (
        CODE.replace("Round.", "A circle.").replace("# why", "# because").replace("über.\n", "unter.\n\n")
    )
    assert without_words(reworded) == without_words(CODE)
    assert without_words(CODE.replace("        # why\n", "")) == without_words(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("**2", "**3"),
        ("# not a comment", "# not one"),
        ("# kept", "# left"),
        ("radius: float", "r: float"),
        ("math", "cmath"),
    ],
)
def test_code_counts(old, new):
    assert without_words(CODE.replace(old, new)) != without_words(CODE)


@pytest.mark.slow
def test_what_is_left_says_the_same():
    """Of every file of the package: the syntax tree without its docstrings."""
    compared = 0
    for path in source.PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        try:
            left = ast.parse(without_words(text))
        except SyntaxError:  # a body that was a docstring alone
            continue
        assert ast.dump(left) == ast.dump(WithoutTexts().visit(ast.parse(text))), path
        compared += 1
    assert compared > 100


class WithoutTexts(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else node


def test_the_generators_code_is_what_decides_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names = set(generator_code())
    assert {
        "synthetic/draw/scene.py",
        "synthetic/streams.py",
        "synthetic/blender/worker.py",
        "tones/ita.py",
    } <= names
    assert names.isdisjoint({"synthetic/rendering/data_card.py", "synthetic/rendering/lanes.py", "cli.py"})
    for name in source.GENERATOR_CARRIES:
        assert (source.PACKAGE / name).is_file(), name


def test_hashes_follow_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source, "PACKAGE", tmp_path)
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "one.py").write_text(CODE)
    (tmp_path / "room" / "list.csv").write_text("a\n")
    (tmp_path / "room" / "notes.md").write_text("a\n")

    def hashes() -> dict[str, str]:
        source._hashes.cache_clear()
        return source_hashes(["room"], ["room/two.py"])

    first = hashes()
    assert set(first) == {"room/one.py", "room/list.csv"}
    (tmp_path / "room" / "one.py").write_text(CODE.replace("Round.", "Rounder."))
    (tmp_path / "room" / "two.py").write_text("1")
    assert hashes() == first
    (tmp_path / "room" / "list.csv").write_text("b\n")
    second = hashes()
    assert second["room/one.py"] == first["room/one.py"]
    assert second["room/list.csv"] != first["room/list.csv"]
    monkeypatch.undo()
    source._hashes.cache_clear()
