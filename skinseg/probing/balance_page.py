"""What a balanced set came out as, as a page and as tables."""

import json
from pathlib import Path

from skinseg.files import written_whole
from skinseg.probing.balance import Balanced, least_of_most
from skinseg.probing.cells import all_cells, cell_name
from skinseg.probing.pages import write_page
from skinseg.reports.tables import Entry, Table


def balance_said(balanced: Balanced) -> str:
    chose, every = balanced.seconds
    kept = sum(each.kept for each in balanced.taken)
    tone = next((place for place, axis in enumerate(balanced.axes) if axis.name == "tone"), None)
    ratio = "" if tone is None else f" Tone: least of most {least_of_most(balanced.levels(tone)):.2f}."
    cells = len(all_cells(balanced.axes))
    return (
        f"{len(balanced.empty)} of {cells} cells are empty after {len(balanced.taken)} renders, {kept} of them kept; "
        f"evenness {balanced.evenness:.3f}.{ratio} Choosing took {chose:.0f} of {every:.0f} s."
    )


def balance_tables(balanced: Balanced) -> list[Table]:
    tables = []
    for place, axis in enumerate(balanced.axes):
        lines: list[tuple[Entry, ...]] = [
            (level, str(count)) for level, count in zip(axis.levels, balanced.levels(place), strict=True)
        ]
        tables.append(
            Table(f"Frames by {axis.name}, as measured", (axis.name, "frames"), lines, counted=False)
        )
    counts = balanced.counts
    cells: list[tuple[Entry, ...]] = [
        (cell_name(balanced.axes, cell), str(counts[cell])) for cell in all_cells(balanced.axes)
    ]
    tables.append(
        Table(
            "Frames by cell",
            ("cell", "frames"),
            cells,
            counted=False,
            brief=0,
            folded=True,
            notes=_unlikely(balanced),
        )
    )
    return tables


def _unlikely(balanced: Balanced) -> tuple[str, ...]:
    if not balanced.unlikely:
        return ()
    names = "; ".join(cell_name(balanced.axes, cell) for cell in balanced.unlikely)
    return (
        f"Empty, and no scene that was looked at is likely to show it ({len(balanced.unlikely)}): {names}.",
    )


def write_balance(balanced: Balanced, way: str, command: str, out: Path) -> tuple[str, list[Table]]:
    """The page of a balanced set, cells.csv and balance.json beside it; gives what it says and its tables."""
    said, tables = balance_said(balanced), balance_tables(balanced)
    lines = [",".join(["image", *(axis.name for axis in balanced.axes), "kept"])]
    for each in balanced.taken:
        names = (
            [""] * len(balanced.axes)
            if each.cell is None
            else [axis.levels[level] for axis, level in zip(balanced.axes, each.cell, strict=True)]
        )
        lines.append(",".join([each.shot.path.name, *names, str(int(each.kept))]))
    counts = balanced.counts
    record = {
        "way": way,
        "renders": len(balanced.taken),
        "kept": sum(each.kept for each in balanced.taken),
        "cells": {cell_name(balanced.axes, cell): counts[cell] for cell in all_cells(balanced.axes)},
        "empty": len(balanced.empty),
        "unlikely": [cell_name(balanced.axes, cell) for cell in balanced.unlikely],
        "evenness": balanced.evenness,
        "levels": {axis.name: balanced.levels(place) for place, axis in enumerate(balanced.axes)},
    }
    for name, text in (("cells.csv", "\n".join(lines)), ("balance.json", json.dumps(record, indent=1))):
        with written_whole(out / name) as beside:
            beside.write_text(text + "\n", encoding="utf-8")
    method = [
        f"Way: {way}. Cells are measured on the rendered frame: tone by the ITA of its true skin, framing by the share "
        "of skin, light by the brightness of what is not skin. Frames with too little skin are in no cell and count as "
        "renders. No label of photographs was looked at.",
    ]
    write_page("A balanced set", said, tables, method, (), command, out)
    return said, tables
