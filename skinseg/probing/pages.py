"""A page of what was found, as HTML and as Markdown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skinseg.files import written_whole
from skinseg.reports.markdown import markdown
from skinseg.reports.report import html
from skinseg.reports.tables import Table


def write_page(
    title: str,
    said: str,
    tables: Sequence[Table],
    method: Sequence[str],
    definitions: Sequence[tuple[str, str]],
    command: str,
    out: Path,
) -> Path:
    """report.html and report.md in `out`; gives the page."""
    origin: dict[str, Any] = {
        "method": list(method),
        "definitions": definitions,
        "versions": [],
        "commands": [command],
        "facts": [],
    }
    texts = {
        "report.html": html(title, said, tables, [], [], origin),
        "report.md": markdown(title, said, tables, **origin),
    }
    for name, text in texts.items():
        with written_whole(out / name) as beside:
            beside.write_text(text, encoding="utf-8")
    return out / "report.html"
