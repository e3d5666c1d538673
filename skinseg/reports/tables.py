"""Result rows to the tables of a report: plain data that Markdown, HTML and the console all print."""

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from skinseg.datasets.heads import HEADS
from skinseg.evaluation.conventions import rosetta
from skinseg.evaluation.metrics import FEW_IMAGES, by_test_set, by_tone, reduce, tone_gap
from skinseg.reports.published import RENDERED
from skinseg.reports.results import Results
from skinseg.tones.ita import fitzpatrick_of

TONES = (1, 2, 3, 4, 5, 6)
"""Fitzpatrick groups, light to dark."""


@dataclass(frozen=True)
class Value:
    """A number over `images` images, with its 95 % interval.

    low, high: NaN where unknown; None where the table gives none. signed: a difference, printed with its sign.
    stressed: printed bold, unless there are few images. notes: what is said about it, in a few words each.
    """

    value: float
    low: float | None
    high: float | None
    images: int
    signed: bool = False
    stressed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def few(self) -> bool:
        """Whether so few images stand behind it that it must not be stressed."""
        return self.images < FEW_IMAGES

    @property
    def bold(self) -> bool:
        """Whether it is printed bold."""
        return self.stressed and not self.few

    @property
    def text(self) -> str:
        """The number, e.g. "0.412", or "+0.031" where it is a difference; "–" where it is undefined."""
        if math.isnan(self.value):
            return "–"
        return f"{self.value:+.3f}" if self.signed else f"{self.value:.3f}"

    @property
    def interval(self) -> str:
        """The interval, e.g. "0.41–0.52" or "-0.012 to +0.031"; "unknown" for fewer than two images or subjects."""
        if self.low is None or self.high is None or math.isnan(self.value):
            return ""
        if math.isnan(self.low):
            return "unknown"
        return f"{self.low:+.3f} to {self.high:+.3f}" if self.signed else f"{self.low:.3f}–{self.high:.3f}"


Entry = str | Value | None


@dataclass(frozen=True)
class Figure:
    """svg: what the page shows above a table. alt: what it shows, in words."""

    svg: str
    alt: str


@dataclass(frozen=True)
class Table:
    """lines: entries in the order of `header`; the first is the line's title, None an empty cell.

    notes: sentences below it. brief: how many columns the console has room for, 0 to leave the table out.
    chart: the column whose values the page also draws. counted: whether each value's number of images is printed
    with it (else a column says it). text_columns: leading columns of words. heat: the columns that the page colours
    by value, 0 to 1. figure: drawn from these lines. folded: the page shows the lines on demand only.
    """

    title: str
    header: tuple[str, ...]
    lines: list[tuple[Entry, ...]]
    notes: tuple[str, ...] = ()
    brief: int | None = None
    chart: int | None = None
    counted: bool = True
    text_columns: int = 1
    heat: tuple[int, ...] = ()
    figure: Figure | None = None
    folded: bool = False


COLUMNS = (
    ("mIoU", "iou_image_mean"),
    ("pooled IoU", "iou_pooled"),
    ("F1", "f1_image_mean"),
    ("boundary F1", "boundary_f1_image_mean"),
    ("average precision", "average_precision_image_mean"),
    ("precision", "precision_image_mean"),
    ("recall", "recall_image_mean"),
    ("IoU with background", "iou_with_background_image_mean"),
    ("accuracy", "accuracy_image_mean"),
    ("outside person", "outside_person_image_mean"),
)
"""What a report prints of each data set, under which name; report.csv has the rest."""


def dataset_tables(results: Results) -> list[Table]:
    """One table per head, skin first, with a line per data set; a head that was scored nowhere is absent."""
    reduced = by_test_set(results.rows)
    tables = []
    for head in HEADS:
        lines: list[tuple[Entry, ...]] = []
        for record in reduced[reduced["head"] == head].to_dict("records"):
            people = record["subjects"]
            subjects = f" ({people} subject{'s' if people > 1 else ''})" if people else ""
            values = [value_of(record, column) for _, column in COLUMNS]
            values[0] = replace(values[0], stressed=True)
            lines.append((results.title(record["test_set"]), f"{record['images']}{subjects}", *values))
        if lines:
            part = "the test part of each split" if results.run["subset"] == "test" else "all images"
            tables.append(
                Table(
                    title=f"{head.capitalize()} head, per data set, on {part}",
                    header=("data set", "images", *(title for title, _ in COLUMNS)),
                    lines=lines,
                    notes=(
                        *_empty_note(reduced[reduced["head"] == head], results),
                        *scoring_notes(
                            results, {str(name) for name in reduced.loc[reduced["head"] == head, "test_set"]}
                        ),
                    ),
                    brief=6,
                    chart=2,
                    counted=False,
                    text_columns=2,
                    # Of what the model sees outside a person less is better: no colour of these would say so.
                    heat=tuple(range(2, 2 + len(COLUMNS) - 1)),
                )
            )
    return tables


def tone_tables(
    runs: Sequence[tuple[str, Results]], heads: Iterable[str] = HEADS, together: bool = False
) -> list[Table]:
    """One table per head and tone source, labelled first: mIoU per group, the gap and the worst. Where a recogniser
    told the groups, those that ITA gives the same images stand in a table of their own.

    runs: a title for each, empty where there is only one. together: photographs of all data sets in one line.
    """
    tables = []
    for head in heads:
        for source in ("labelled", "recognised", "estimated"):
            lines: list[tuple[Entry, ...]] = []
            for title, results in runs:
                rows = results.rows
                part = _told_by(source, rows[rows["head"] == head])
                for name, group in _tone_groups(part, results, together):
                    lines.append((f"{title}: {name}" if title else name, *_tone_line(group)))
            if lines:
                tables.append(
                    Table(
                        title=f"{head.capitalize()} head, mIoU per Fitzpatrick group, {source}",
                        header=("data set", *(str(tone) for tone in TONES), "gap", "worst group"),
                        lines=lines,
                        notes=(_TONE_NOTES[source], _GAP_NOTE),
                        heat=tuple(range(1, 1 + len(TONES))),
                    )
                )
    return tables


def convention_tables(results: Results) -> list[Table]:
    """The Rosetta table: the skin head's numbers (or the only head's) as others count, a column per data set."""
    rows = results.rows
    head = next(head for head in HEADS if (rows["head"] == head).any())
    groups = [(str(name), part) for name, part in rows[rows["head"] == head].groupby("test_set", sort=True)]
    values = [rosetta(part) for _, part in groups]
    lines: list[tuple[Entry, ...]] = []
    for i, (convention, _) in enumerate(values[0]):
        cells = [
            Value(column[i][1], None, None, len(part))
            for column, (_, part) in zip(values, groups, strict=True)
        ]
        lines.append((convention.definition, "; ".join(convention.publishers), *cells))
    return [
        Table(
            title=f"{head.capitalize()} head, the same predictions as others count them",
            header=(
                "definition",
                "printed by",
                *(f"{results.title(name)} (n = {len(part)})" for name, part in groups),
            ),
            lines=lines,
            notes=("Compare a published number only with the line that its definition is on.",),
            brief=0,
            counted=False,
            text_columns=2,
        )
    ]


def long_table(results: Results) -> pd.DataFrame:
    """Every reduction in one frame for CSV: tone_source and tone are empty for whole data sets."""
    whole = by_test_set(results.rows).assign(tone_source=None, tone=None)
    return pd.concat([whole, by_tone(results.rows)], ignore_index=True)[[*_KEYS, *_metrics(whole)]]


def table_frame(tables: Sequence[Table]) -> pd.DataFrame:
    """Every entry of every table in one frame for CSV: a line per entry, words in `text`, numbers in `value`."""
    entries = [
        {"table": table.title, "line": number, "title": line[0], "column": name}
        | (
            {"value": entry.value, "low": entry.low, "high": entry.high, "images": entry.images,
             "text": "; ".join(entry.notes)}
            if isinstance(entry, Value)
            else {"text": entry}
        )
        for table in tables
        for number, line in enumerate(table.lines, 1)
        for name, entry in zip(table.header[1:], line[1:], strict=True)
    ]  # fmt: skip
    columns = ["table", "line", "title", "column", "value", "low", "high", "images", "text"]
    return pd.DataFrame(entries, columns=columns).astype({"images": "Int64"})


def verdict(results: Results) -> str:
    """The number and its interval in one sentence, of the skin head where it was scored, else of the other.

    Data sets with few images are passed over unless there are no others.
    """
    reduced = by_test_set(results.rows)
    head = next(head for head in HEADS if (reduced["head"] == head).any())
    every = [
        (results.title(record["test_set"]), value_of(record, "iou_image_mean"))
        for record in reduced[reduced["head"] == head].to_dict("records")
    ]
    lines = [line for line in every if not line[1].few] or every
    low = min(lines, key=lambda line: line[1].value)
    high = max(lines, key=lambda line: line[1].value)
    if len(lines) == 1:
        return f"{head.capitalize()} mIoU {_said(low[1])} on {low[0]}."
    return (
        f"{head.capitalize()} mIoU is lowest on {low[0]}, {_said(low[1])}, "
        f"and highest on {high[0]}, {_said(high[1])}."
    )


def value_of(record: Mapping[Hashable, Any], column: str) -> Value:
    """A metric of a line of `skinseg.evaluation.metrics.reduce`."""
    return Value(record[column], record[f"{column}_low"], record[f"{column}_high"], record["images"])


def scoring_notes(results: Results, test_sets: Collection[str]) -> tuple[str, ...]:
    """A sentence for each of these data sets that training may have shown, and for each with images left out."""
    notes = []
    for name, entry in results.run["datasets"].items():
        if name not in test_sets:
            continue
        for seen, count in sorted(entry["seen"].items()):
            if seen in _SEEN:
                said = _SEEN[seen].format(count=count, images=entry["images"])
                notes.append(f"{results.title(name)}: {said}")
        if entry["excluded"]:
            table = results.run["tables"].get("exclude")
            notes.append(f"{results.title(name)}: {entry['excluded']} images are left out, as {table} says.")
    return tuple(notes)


_SEEN = {
    "held out": "the model was trained on the training part of this split; {count} of {images} images were held "
    "out from it.",
    "trained on": "the model was trained on {count} of these {images} images.",
    "maybe": "the model was trained on this data set under another split, which may have any of these images in its "
    "training part.",
    "unknown": "what the model was trained on is not recorded, so it may have seen these images.",
}

_TONE_NOTES = {
    "labelled": "Groups as the data set, or its user, labels them.",
    "recognised": "Groups recognised by a model that was trained on rendered people; its errors: docs/tones.md.",
    "estimated": "Groups estimated from the ITA of the true skin pixels. They follow the light of the picture as "
    "well as the skin.",
}

_GAP_NOTE = (
    f"Gap: best minus worst group, of those with at least {FEW_IMAGES} images where two groups have as many. Its "
    "interval is that of these two groups, and does not know that they were picked."
)

_KEYS = ["run", "test_set", "subset", "head", "tone_source", "tone"]


def _metrics(reduced: pd.DataFrame) -> list[str]:
    return [name for name in reduced.columns if name not in _KEYS]


def _said(value: Value) -> str:
    images = "1 image" if value.images == 1 else f"{value.images} images"
    return f"{value.text} (95 % interval {value.interval}, {images})"


def _empty_note(reduced: pd.DataFrame, results: Results) -> tuple[str, ...]:
    counts = [
        f"{results.title(record['test_set'])} {record['empty_on_empty']}"
        for record in reduced.to_dict("records")
        if record["empty_on_empty"]
    ]
    return (
        f"Images without foreground where none was predicted, counted as 1: {', '.join(counts)}.",
    ) * bool(counts)


def _told_by(source: str, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose tone comes from there; ITA has one for recognised rows too."""
    part = rows[rows["tone_source"] == source]
    if source != "estimated":
        return part
    beside = rows[(rows["tone_source"] == "recognised") & rows["ita"].notna()]
    if not len(beside):
        return part
    groups = pd.array([fitzpatrick_of(float(ita)) for ita in beside["ita"]], dtype="Int64")
    beside = beside.assign(tone=groups, tone_source=source)
    return pd.concat([part, beside]) if len(part) else beside


def _tone_groups(rows: pd.DataFrame, results: Results, together: bool) -> list[tuple[str, pd.DataFrame]]:
    """Rows per data set, by title, and of all photographs together where there is more than one set."""
    photographs = rows[rows["test_set"] != RENDERED]
    several = photographs["test_set"].nunique() > 1
    groups = [
        (results.title(str(name)), part)
        for name, part in rows.groupby("test_set", sort=True)
        if not (together and several) or name == RENDERED
    ]
    return [*groups, ("all photographs", photographs)] if several else groups


def _tone_line(rows: pd.DataFrame) -> list[Entry]:
    records = reduce(rows, ("tone",)).to_dict("records")
    values = {record["tone"]: value_of(record, "iou_image_mean") for record in records}
    cells: list[Entry] = [values.get(tone) for tone in TONES]
    gap = tone_gap(rows)
    if gap is None:
        return [*cells, None, None]
    # The smaller group's images stand behind a gap: that is what makes it grey.
    images = min(values[tone].images for tone in (gap.best, gap.worst))
    return [
        *cells,
        Value(
            gap.gap.value,
            gap.gap.low,
            gap.gap.high,
            images,
            signed=True,
            notes=(f"{gap.best} over {gap.worst}",),
        ),
        replace(values[gap.worst], notes=(f"group {gap.worst}",)),
    ]
