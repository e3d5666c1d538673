"""Which images a report shows, and their panels as data URIs."""

import base64
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from skinseg.datasets.heads import HEADS
from skinseg.evaluation.metrics import with_metrics
from skinseg.evaluation.panels import panel_paths
from skinseg.reports.results import Results

BUDGET = 12_500_000
"""Bytes that all pictures take in the page, in base64. With some 400 bytes more per image for its words, a page of 2000
stays under 15 MB, which a mail server still takes."""


@dataclass(frozen=True)
class Panels:
    """photo, outcome: data URIs, see `skinseg.evaluation.panels`. run: position of the run. tone: "1" to "6", or empty;
    tone_source: "labelled" or "estimated", or empty."""

    image: str
    iou: float
    run: int
    tone: str
    tone_source: str
    photo: str
    outcome: str


@dataclass(frozen=True)
class Gallery:
    """pictures: worst IoU first; of runs that show less than all, the best are left out. lost: how many panels are
    gone. left_out: how many the page had no room for."""

    name: str
    title: str
    head: str
    pictures: list[Panels]
    lost: int
    left_out: int


def galleries(runs: Sequence[Results], budget: int = BUDGET) -> list[Gallery]:
    """One gallery per data set, of the head its panels show: skin where it was scored, else person.

    Where the panels of all images are more than `budget` bytes, each data set of each run gets an equal share, and
    what one does not need goes to the others.
    """
    parts = sorted(
        ((str(name), i, group) for i, run in enumerate(runs) for name, group in _by_test_set(run)),
        key=lambda part: part[:2],
    )
    found = [[_files(runs[i], name, row) for row in group.to_dict("records")] for name, i, group in parts]
    sizes = [sum(_bytes(files) for _, files in part if files) for part in found]
    room = _shares(sizes, budget)
    shown: dict[str, Gallery] = {}
    for (name, i, group), files, allowed in zip(parts, found, room, strict=True):
        old = shown.get(name) or Gallery(name, runs[i].title(name), str(group["head"].iloc[0]), [], 0, 0)
        pictures, left_out = [], 0
        for row, paths in files:
            if paths is None:
                continue
            allowed -= _bytes(paths)
            if allowed < 0:
                left_out += 1
            else:
                pictures.append(_picture(row, i, paths))
        shown[name] = Gallery(
            name,
            old.title,
            old.head,
            sorted([*old.pictures, *pictures], key=lambda picture: (picture.iou, picture.image, picture.run)),
            old.lost + sum(paths is None for _, paths in files),
            old.left_out + left_out,
        )
    return list(shown.values())


Row = Mapping[Hashable, Any]
Paths = tuple[Path, Path]


def _by_test_set(run: Results) -> list[tuple[str, pd.DataFrame]]:
    """Rows with IoU of the head that has panels, worst first."""
    parts = []
    for name, group in with_metrics(run.rows).groupby("test_set", sort=True):
        head = next(head for head in HEADS if (group["head"] == head).any())
        parts.append((str(name), group[group["head"] == head].sort_values(["iou", "image"])))
    return parts


def _files(run: Results, test_set: str, row: Row) -> tuple[Row, Paths | None]:
    paths = panel_paths(run.folder, test_set, str(row["image"]))
    return row, paths if all(path.is_file() for path in paths) else None


def _bytes(paths: Paths) -> int:
    return sum((path.stat().st_size + 2) // 3 * 4 for path in paths)


def _shares(wanted: Sequence[int], budget: int) -> list[int]:
    """How much of the budget each gets: what it wants, or an equal share of what those that want less leave."""
    shares = [0] * len(wanted)
    left = budget
    for position, i in enumerate(sorted(range(len(wanted)), key=lambda i: wanted[i])):
        shares[i] = min(wanted[i], left // (len(wanted) - position))
        left -= shares[i]
    return shares


def _picture(row: Row, run: int, paths: Paths) -> Panels:
    known = not pd.isna(row["tone"])
    photo, outcome = (
        "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode("ascii") for path in paths
    )
    return Panels(
        image=str(row["image"]),
        iou=float(row["iou"]),
        run=run,
        tone=str(row["tone"]) if known else "",
        tone_source=str(row["tone_source"]) if known else "",
        photo=photo,
        outcome=outcome,
    )
