"""LaTeX: whatever a name holds is printed as it is, and each table has its columns."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinseg.reports.latex import LONG, escape, latex
from skinseg.reports.tables import Table, Value

HOSTILE = r"\input{/etc/passwd} $x_1^2$ & 50 % #1 ~ {unclosed [1] -- ``q'' <a|b> “é” 中 ±"
TABLE = Table(
    "50 % & more",
    ("data_set", "a & b", "mIoU"),
    [
        (HOSTILE, "[*]", Value(0.5, 0.4, 0.6, 30, stressed=True)),
        ("HGR", None, Value(-0.1, -0.2, 0.1, 5, signed=True, notes=("5 over 6",))),
    ],
    notes=("See #1 & $2.",),
    text_columns=2,
)
LONG_TABLE = Table("Long", ("epoch", "loss"), [(str(i), "0.5") for i in range(LONG + 1)])
SPECIAL = set("\\{}$&%#_~^")


@given(st.text())
def test_nothing_in_a_text_is_a_command(text: str) -> None:
    left = escape(text)
    # What remains after the commands that escaping itself writes has no special character.
    left = re.sub(r"\\text[a-z]+\{\}|\\[{}$&%#_]|\{[-\[\]']\}", "", left)
    assert not SPECIAL & set(left)
    assert left.isascii() or all("À" <= each <= "ÿ" for each in left if not each.isascii())
    assert not re.search(r"\n|\r", left)


@given(st.text(), st.text())
def test_escaping_loses_no_difference(first: str, second: str) -> None:
    def plain(text: str) -> str:
        return re.sub(r"\s", " ", text)

    if plain(first) != plain(second) and "U+" not in first + second:
        assert escape(first) != escape(second)


def test_tables_have_rules_and_as_many_cells_as_columns() -> None:
    text = latex(
        "Title", "Verdict: 50 %.", [TABLE, LONG_TABLE, Table("Empty", ("a",), [])], ["IoU: TP / (TP + FP)."]
    )
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 2
    assert r"\begin{tabular}{llr}" in text
    assert r"\begin{longtable}{lr}" in text
    assert "Empty" not in text
    assert r"\textbf{0.500} (0.400\textendash{}0.600), n 30" in text
    assert r"\textit{\textminus{}0.100} (\textminus{}0.200 to +0.100), n 5, 5 over 6" in text
    for line in text.splitlines():
        if line.startswith("{}"):
            assert line.endswith(r"\\")
            assert len(re.findall(r"(?<!\\)&", line)) in (1, 2)
    bare = re.sub(r"\\[\\{}%]", "", text)
    assert bare.count("{") == bare.count("}")
    for kind in ("table", "tabular", "longtable", "document"):
        assert text.count(rf"\begin{{{kind}}}") == text.count(rf"\end{{{kind}}}") == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not on the PATH")
def test_it_compiles(tmp_path: Path) -> None:
    (tmp_path / "report.tex").write_text(
        latex("Title", "Verdict: 50 %.", [TABLE, LONG_TABLE], [HOSTILE]), encoding="utf-8"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "report.pdf").stat().st_size > 10_000
