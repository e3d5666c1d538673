"""The report's tables for a terminal."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.results import read_results
from skinseg.reports.tables import TONES, Cell, dataset_tables, tone_tables, verdict


def print_report(results: Path, console: Console | None = None) -> None:
    """Print mIoU per data set and per Fitzpatrick group with n. Raises UserError as `read_results`."""
    read = read_results(results)
    console = console or Console()
    for head, lines in dataset_tables(read).items():
        table = Table(title=f"{head} head, {lines[0].subset} images per data set", title_justify="left")
        table.add_column("data set", no_wrap=True)
        for name in ("images", "mIoU", "95 % interval", "pooled", "F1"):
            table.add_column(name, justify="right")
        for line in lines:
            table.add_row(
                escape(line.title),
                str(line.miou.images),
                _value(line.miou),
                line.miou.interval,
                f"{line.iou_pooled:.3f}",
                f"{line.f1:.3f}",
            )
        console.print(table)
    for tones in tone_tables(read):
        table = Table(
            title=f"{tones.head} head, mIoU (n) per Fitzpatrick group, {tones.source}", title_justify="left"
        )
        table.add_column("data set", no_wrap=True)
        for tone in TONES:
            table.add_column(str(tone), justify="right")
        for title, cells in tones.lines:
            table.add_row(escape(title), *(_tone(cell) for cell in cells))
        console.print(table)
    console.print(f"[dim]dim: fewer than {FEW_IMAGES} images[/dim]")
    console.print(escape(verdict(read)))


def _value(cell: Cell) -> str:
    return f"[dim]{cell.value:.3f}[/dim]" if cell.few else f"[bold]{cell.value:.3f}[/bold]"


def _tone(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    text = f"{cell.value:.3f}\n({cell.images})"
    return f"[dim]{text}[/dim]" if cell.few else text
