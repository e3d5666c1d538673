"""The report's tables for a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.tables import Entry, Table, Value


def print_tables(tables: Sequence[Table], verdict: str, console: Console | None = None) -> None:
    """Print tables as far as a terminal has room for their columns, and the verdict last."""
    console = console or Console()
    for table in tables:
        if table.brief == 0:
            continue
        shown = RichTable(
            title=escape(table.title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        for i, name in enumerate(table.header[: table.brief]):
            shown.add_column(
                escape(name), justify="left" if i < table.text_columns else "right", no_wrap=i == 0
            )
        for line in table.lines:
            shown.add_row(*(_text(entry, table.counted) for entry in line[: table.brief]))
        console.print(shown)
        for note in table.notes:
            console.print(f"[dim]{escape(note)}[/dim]")
        console.print()
    console.print(f"[dim]dim: fewer than {FEW_IMAGES} images; below a number its 95 % interval[/dim]")
    console.print(escape(verdict))


def _text(entry: Entry, counted: bool) -> str:
    if not isinstance(entry, Value):
        return "–" if entry is None else escape(entry)
    below = [entry.interval, f"n {entry.images}" if counted else "", *entry.notes]
    value = f"[bold]{entry.text}[/bold]" if entry.bold else entry.text
    text = "\n".join([value, *(f"[dim]{escape(each)}[/dim]" for each in below if each)])
    return f"[dim]{text}[/dim]" if entry.few else text
