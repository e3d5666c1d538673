"""Which images a report shows, and their panels as data URIs."""

import base64
from dataclasses import dataclass

import pandas as pd

from skinseg.datasets.sample import HEADS
from skinseg.evaluation.metrics import with_metrics
from skinseg.evaluation.panels import panel_path
from skinseg.reports.results import Results

WORST, MEDIAN, BEST = 4, 2, 2
"""Images shown per data set: errors teach more than successes, and the page must stay small."""


@dataclass(frozen=True)
class Figure:
    """uri: the panel as a data URI. tone: e.g. "Fitzpatrick 3, estimated", or empty."""

    image: str
    iou: float
    tone: str
    uri: str


@dataclass(frozen=True)
class Gallery:
    """sections: ("Worst" | "Median" | "Best", figures); figures whose panel is gone are left out."""

    title: str
    head: str
    sections: list[tuple[str, list[Figure]]]


def galleries(results: Results) -> list[Gallery]:
    """One gallery per data set, of the head its panels show: skin where it was scored, else person."""
    measured = with_metrics(results.rows)
    shown = []
    for test_set, group in measured.groupby("test_set", sort=True):
        head = next(head for head in HEADS if (group["head"] == head).any())
        ordered = group[group["head"] == head].sort_values(["iou", "image"])
        sections = [
            (name, figures)
            for name, part in choose(ordered)
            if (figures := _figures(results, str(test_set), part))
        ]
        shown.append(Gallery(title=results.title(str(test_set)), head=head, sections=sections))
    return shown


def choose(ordered: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Worst, median and best rows of a frame sorted by IoU; no row twice, the worst first if few."""
    count = len(ordered)
    worst = min(WORST, max(1, count // 3))
    best = min(BEST, (count - worst + 1) // 2)
    left = ordered.iloc[worst : count - best]
    median = min(MEDIAN, len(left))
    # The median of all rows, moved only as far as the worst and best leave no room.
    start = min(max(0, (count - median) // 2 - worst), len(left) - median)
    return [
        ("Worst", ordered.iloc[:worst]),
        ("Median", left.iloc[start : start + median]),
        ("Best", ordered.iloc[count - best :]),
    ]


def _figures(results: Results, test_set: str, rows: pd.DataFrame) -> list[Figure]:
    figures = []
    for row in rows.to_dict("records"):
        path = panel_path(results.folder, test_set, row["image"])
        if not path.is_file():
            continue
        known = not pd.isna(row["tone"])
        figures.append(
            Figure(
                image=row["image"],
                iou=row["iou"],
                tone=f"Fitzpatrick {row['tone']}, {row['tone_source']}" if known else "",
                uri="data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii"),
            )
        )
    return figures
