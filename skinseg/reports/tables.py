"""Result rows to the tables of a report: plain data that Markdown, CSV, HTML and the console all print."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from skinseg.datasets.sample import HEADS
from skinseg.evaluation.metrics import FEW_IMAGES, by_test_set, by_tone
from skinseg.reports.results import Results

TONES = (1, 2, 3, 4, 5, 6)
"""Fitzpatrick groups, light to dark."""


@dataclass(frozen=True)
class Cell:
    """An mIoU, mean over `images` of the IoU, with its 95 % interval (NaN where unknown)."""

    value: float
    low: float
    high: float
    images: int

    @property
    def few(self) -> bool:
        """Whether so few images stand behind it that it must not be stressed."""
        return self.images < FEW_IMAGES

    @property
    def interval(self) -> str:
        """The interval as text, e.g. "0.41–0.52"; "unknown" for fewer than two images or subjects."""
        return "unknown" if math.isnan(self.low) else f"{self.low:.3f}–{self.high:.3f}"


@dataclass(frozen=True)
class DatasetLine:
    """One data set and head."""

    title: str
    subset: str
    miou: Cell
    subjects: int
    resampled: str
    empty_on_empty: int
    iou_pooled: float
    iou_with_background: float
    f1: float
    f1_pooled: float
    accuracy: float
    accuracy_pooled: float


@dataclass(frozen=True)
class ToneTable:
    """mIoU per Fitzpatrick group, one line per data set; every tone in it comes from one source.

    source: "labelled" or "estimated". lines: title and one Cell per group 1-6, None where there is no image.
    """

    head: str
    source: str
    lines: list[tuple[str, list[Cell | None]]]


def dataset_tables(results: Results) -> dict[str, list[DatasetLine]]:
    """Lines per head, skin first; a head that was scored nowhere is absent."""
    reduced = by_test_set(results.rows)
    tables = {}
    for head in HEADS:
        records = reduced[reduced["head"] == head].to_dict("records")
        lines = [
            DatasetLine(
                title=results.title(record["test_set"]),
                subset=record["subset"],
                miou=_cell(record),
                subjects=record["subjects"],
                resampled=record["resampled"],
                empty_on_empty=record["empty_on_empty"],
                iou_pooled=record["iou_pooled"],
                iou_with_background=record["iou_with_background_image_mean"],
                f1=record["f1_image_mean"],
                f1_pooled=record["f1_pooled"],
                accuracy=record["accuracy_image_mean"],
                accuracy_pooled=record["accuracy_pooled"],
            )
            for record in records
        ]
        if lines:
            tables[head] = lines
    return tables


def tone_tables(results: Results) -> list[ToneTable]:
    """One table per head and tone source, skin and labelled first."""
    reduced = by_tone(results.rows)
    tables = []
    for head in HEADS:
        for source in ("labelled", "estimated"):
            part = reduced[(reduced["head"] == head) & (reduced["tone_source"] == source)]
            lines = []
            for test_set, group in part.groupby("test_set", sort=True):
                cells = {record["tone"]: _cell(record) for record in group.to_dict("records")}
                lines.append((results.title(str(test_set)), [cells.get(tone) for tone in TONES]))
            if lines:
                tables.append(ToneTable(head=head, source=source, lines=lines))
    return tables


def long_table(results: Results) -> pd.DataFrame:
    """Every reduction in one frame for CSV: tone_source and tone are empty for whole data sets."""
    whole = by_test_set(results.rows).assign(tone_source=None, tone=None)
    return pd.concat([whole, by_tone(results.rows)], ignore_index=True)[[*_KEYS, *_metrics(whole)]]


def verdict(results: Results) -> str:
    """The number and its interval in one sentence, of the skin head where it was scored, else of the other.

    Data sets with few images are passed over unless there are no others.
    """
    head, every = next(iter(dataset_tables(results).items()))
    lines = [line for line in every if not line.miou.few] or every
    low = min(lines, key=lambda line: line.miou.value)
    high = max(lines, key=lambda line: line.miou.value)
    if len(lines) == 1:
        return f"{head.capitalize()} mIoU {_said(low)} on {low.title}."
    return (
        f"{head.capitalize()} mIoU is lowest on {low.title}, {_said(low)}, "
        f"and highest on {high.title}, {_said(high)}."
    )


def _said(line: DatasetLine) -> str:
    images = "1 image" if line.miou.images == 1 else f"{line.miou.images} images"
    return f"{line.miou.value:.3f} (95 % interval {line.miou.interval}, {images})"


_KEYS = ["run", "test_set", "subset", "head", "tone_source", "tone"]


def _metrics(reduced: pd.DataFrame) -> list[str]:
    return [name for name in reduced.columns if name not in _KEYS]


def _cell(record: Mapping[Hashable, Any]) -> Cell:
    return Cell(
        value=record["iou_image_mean"],
        low=record["iou_image_mean_low"],
        high=record["iou_image_mean_high"],
        images=record["images"],
    )
