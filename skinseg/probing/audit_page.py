"""How a rendered set differs from photographs, as a page."""

import json
from pathlib import Path

import numpy as np

from skinseg.files import written_whole
from skinseg.probing.audit import Audit, Range
from skinseg.probing.cells import AXES, all_cells
from skinseg.probing.measures import LONG_SIDE
from skinseg.probing.pages import write_page
from skinseg.reports.tables import Entry, Table

_DEFINITIONS = (
    ("Distance", "Wasserstein distance of a number's distributions, in standard deviations among the photographs."),
    ("KID", "kernel inception distance on ImageNet features of EfficientNet-Lite0, times 1000; mean and 95 % interval "
     "over pairs of random halves. Two halves of one set are the zero: see the null."),
    ("Crops", "a square about the largest region of skin, both sides with as many pictures of each framing."),
    ("Coverage", "share of the photographs' crops that have a rendered crop nearer than their fifth neighbour among "
     "photographs."),
    ("Recall", "share of the photographs' crops that lie within a rendered crop's reach of its own fifth neighbour."),
)  # fmt: skip


def audit_said(audit: Audit) -> str:
    ratio = audit.ratio
    if ratio == ratio:
        lead = (
            f"Crops of skin are {ratio:.2f} times as far from photographs as their sets are from each other."
        )
    else:
        lead = "There is no pair of sets of photographs to hold the distance of crops against."
    farthest = max(audit.statistics, key=lambda each: np.nan_to_num(each.distance))
    return (
        f"{lead} Of light and colour, {farthest.name} is farthest off: {farthest.rendered:.2f} rendered, "
        f"{farthest.photographs:.2f} in photographs. There is no total: what a dimension is worth, only transfer tells."
    )


def audit_tables(audit: Audit) -> list[Table]:
    def number(value: float, digits: int = 3) -> str | None:
        return None if value != value else f"{value:.{digits}f}"

    def distance(each: Range) -> str | None:
        if each.value != each.value:
            return None
        return f"{1000 * each.value:.0f} ({1000 * each.low:.0f} to {1000 * each.high:.0f})"

    low_level: list[tuple[Entry, ...]] = [
        (
            each.name,
            number(each.rendered, 2),
            number(each.photographs, 2),
            number(each.distance, 2),
            number(each.real, 2),
        )
        for each in audit.statistics
    ]
    features: list[tuple[Entry, ...]] = [
        *(
            (f"rendered and {name}", distance(each), distance(audit.whole[name]))
            for name, each in audit.kid.items()
        ),
        *((name, distance(each), distance(audit.whole_real[name])) for name, each in audit.real.items()),
        ("halves of the rendered set (null)", distance(audit.null), None),
    ]
    covered: list[tuple[Entry, ...]] = [
        (name, number(coverage), number(recall)) for name, (coverage, recall) in audit.coverage.items()
    ]
    asked: list[tuple[Entry, ...]] = [(name, number(value)) for name, value in audit.asked.items()]
    cells: list[tuple[Entry, ...]] = [
        (name, str(audit.images[name]), str(filled), number(even))
        for name, (filled, even) in audit.cells.items()
    ]
    return [
        Table(
            "Light and colour",
            ("what", "rendered", "photographs", "distance", "between photographs' sets"),
            low_level,
            counted=False,
        ),
        Table(
            "Features that a network sees: KID × 1000",
            ("sets", "crops of skin", "whole pictures"),
            features,
            notes=("Whole pictures tell which data set one is from, real ones too: no measure of realism.",),
            counted=False,
        ),
        Table(
            "Crops of photographs that the set reaches", ("set", "coverage", "recall"), covered, counted=False
        ),
        Table(
            "Asked for against rendered, frames of one person",
            ("what", "value"),
            asked,
            notes=() if asked else ("scenes.parquet does not say what was asked for.",),
            counted=False,
        ),
        Table(
            f"Cells of tone, framing and light, of {len(all_cells(tuple(AXES.values())))}",
            ("set", "images", "filled", "evenness"),
            cells,
            counted=False,
        ),
    ]


def write_audit(audit: Audit, command: str, out: Path) -> tuple[str, list[Table]]:
    """The page of an audit, and audit.json beside it; gives what it says and its tables."""
    said, tables = audit_said(audit), audit_tables(audit)
    with written_whole(out / "audit.json") as beside:
        text = json.dumps({"images": audit.images, "dimensions": audit.dimensions}, indent=1, sort_keys=True)
        beside.write_text(text + "\n", encoding="utf-8")
    counts = ", ".join(f"{name} {count}" for name, count in audit.images.items())
    method = [f"Images looked at: {counts}. Statistics at {LONG_SIDE} pixels on the long side."]
    write_page(
        "How a rendered set differs from photographs", said, tables, method, _DEFINITIONS, command, out
    )
    return said, tables
