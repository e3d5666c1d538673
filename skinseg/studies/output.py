"""A study's tables and figure from its scores: Markdown, CSV, LaTeX, HTML and SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from skinseg.evaluation.metrics import Difference
from skinseg.files import written_whole
from skinseg.reports.charts import along
from skinseg.reports.latex import latex
from skinseg.reports.markdown import markdown
from skinseg.reports.report import DEFINITIONS, html
from skinseg.reports.tables import Entry, Figure, Table, Value
from skinseg.studies.claims import RULES, Grid, Verdict, factor_text, judge, said, share_held
from skinseg.studies.definition import Study
from skinseg.studies.estimates import METRICS, Scores, images_saved

TONES = (1, 2, 3, 4, 5, 6)
FEW_PEOPLE = 10
_CONDITIONS = (
    "The paper's values stand beside ours for orientation: other renders (its own were never published), another "
    "network, other numbers of images and steps, another split."
)


@dataclass(frozen=True)
class Measure:
    """One number per cell: a metric on a test set, of one tone group or of all."""

    title: str
    test_set: str
    metric: str
    tone: int | None = None


@dataclass(frozen=True)
class Outcome:
    """All that the tables are made of. label: of the scale, for every output. titles: of arms and test sets. runs:
    a line per scored run: arm, point, seed, identity, steps. command: that made it."""

    study: Study
    label: str
    scores: Scores
    grid: Grid
    titles: Mapping[str, str]
    notes: Sequence[str]
    missing: Sequence[str]
    command: str
    runs: Sequence[Sequence[str]]


def write(outcome: Outcome, out: Path) -> dict[str, Path]:
    """Write study.md, study.csv, study.tex, report.html and, along an axis, study.svg; paths by kind."""
    study = outcome.study
    verdicts = [judge(claim, outcome.scores, outcome.grid) for claim in study.claims]
    main = _main_table(outcome)
    tables = [main, *_difference_tables(outcome), *_saved_table(outcome)]
    tables += [_claims_table(outcome, verdicts)] if verdicts else []
    tables.append(_runs_table(outcome))
    sentence = _sentence(outcome, verdicts)
    title = f"{study.title} ({outcome.label})"
    svg = _figure(outcome)
    if svg:
        alt = f"Skin mIoU along {_axis(study)}, a line per arm; the table below has the values"
        tables[0] = replace(main, figure=Figure(svg, alt))
    origin: dict[str, Any] = {
        "method": [_CONDITIONS],
        "definitions": DEFINITIONS,
        "versions": [],
        "commands": [outcome.command],
        "facts": [],
    }
    texts = {
        "md": markdown(title, sentence, tables, **origin),
        "csv": _frame(outcome).to_csv(index=False, float_format="%.6f", lineterminator="\n"),
        "tex": latex(title, sentence, tables[:-1], [_CONDITIONS]),
        "html": html(title, sentence, tables, [], [], origin),
    } | ({"svg": svg} if svg else {})
    paths = {kind: out / ("report.html" if kind == "html" else f"study.{kind}") for kind in texts}
    for kind, path in paths.items():
        with written_whole(path) as beside:
            beside.write_text(texts[kind], encoding="utf-8")
    return paths


def columns(outcome: Outcome) -> list[Measure]:
    """The main table's: each metric on each test set, or the tone groups of the first."""
    names = outcome.titles
    if outcome.study.columns == ("tones",):
        first = outcome.grid.test_sets[0]
        return [Measure(f"{names[first]}, tone {tone}", first, "iou", tone) for tone in TONES]
    several = len(outcome.study.columns) > 1
    return [
        Measure(f"{names[each]}, {METRICS[metric]}" if several else names[each], each, metric)
        for each in outcome.grid.test_sets
        for metric in outcome.study.columns
    ]


def _main_table(outcome: Outcome) -> Table:
    study, scores = outcome.study, outcome.scores
    shown = columns(outcome)
    published = study.published
    there = published.values if published else {}
    heads = [f"paper: {each}" for each in published.columns] if published else []
    lines: list[tuple[Entry, ...]] = []
    for arm, points in outcome.grid.points.items():
        for point in points:
            cell = outcome.grid.cell(arm, point)
            line: list[Entry] = [outcome.titles[arm], *([", ".join(point)] if study.axes else [])]
            for column in shown:
                mean = scores.mean(cell, column.test_set, column.metric, column.tone)
                sd = scores.seeds_sd(cell, column.test_set, column.metric, column.tone)
                spread = () if math.isnan(sd) else (f"seeds ± {sd:.3f}",)
                line.append(None if mean is None else _value(mean, notes=spread))
            line += [None for _ in outcome.missing]
            values = there.get(cell, there.get(arm, ()) if not point else ())
            line += [
                None if i >= len(values) or (value := values[i]) is None else f"{value:.3f}"
                for i in range(len(heads))
            ]
            lines.append(tuple(line))
    first = ["arm", *([", ".join(axis.title or axis.name for axis in study.axes)] if study.axes else [])]
    notes = [
        f"{outcome.label}. Mean over images and seeds, last weights of each run, threshold 0.5; no epoch was chosen, "
        "so no label selects anything. In brackets the 95 % interval over seeds and subjects "
        "(images where no subject is known), drawn together; seeds ±: standard deviation over seeds.",
        *(
            f"{outcome.titles[fit.name]} has another number of steps: {fit.budget}."
            for fit in study.fits
            if fit.budget
        ),
    ]
    notes += _few_people(outcome)
    if published:
        notes += [f"Paper: {published.source or study.paper}. {_CONDITIONS}"]
        notes += [published.note] if published.note else []
    return Table(
        title=f"{study.title}: {study.paper}",
        header=(
            *first,
            *(each.title for each in shown),
            *(f"{name} (not here)" for name in outcome.missing),
            *heads,
        ),
        lines=lines,
        notes=(*notes, *outcome.notes),
        text_columns=len(first),
    )


def _few_people(outcome: Outcome) -> list[str]:
    """A sentence for each test set that shows too few people for its intervals to say much."""
    people = {test_set: outcome.scores.people(test_set) for test_set in outcome.grid.test_sets}
    return [
        f"{outcome.titles[test_set]} shows {count} people: an interval over so few is a hint at best, and is too "
        "narrow wherever they happen to agree."
        for test_set, count in people.items()
        if 0 < count < FEW_PEOPLE
    ]


def _difference_tables(outcome: Outcome) -> list[Table]:
    lines: list[tuple[Entry, ...]] = []
    shown = [each for each in columns(outcome) if each.metric == "iou"]
    for first, second in outcome.study.compare:
        points = [
            point
            for point in outcome.grid.points.get(first, ())
            if point in outcome.grid.points.get(second, ())
        ] or [()]
        for point in points:
            cells = [outcome.grid.cell(arm, point) for arm in (first, second)]
            at = f", {', '.join(point)}" if point else ""
            line: list[Entry] = [f"{outcome.titles[first]} minus {outcome.titles[second]}{at}"]
            for column in shown:
                value = outcome.scores.difference(cells[0], cells[1], column.test_set, "iou", column.tone)
                line.append(None if value is None else _value(value, signed=True))
            lines.append(tuple(line))
    if not lines:
        return []
    return [
        Table(
            title="Paired differences in mIoU, on the same images and seeds",
            header=("arms", *(column.title.removesuffix(", IoU") for column in shown)),
            lines=lines,
            notes=("The first line is the headline. Bold: the 95 % interval excludes zero.",),
        )
    ]


def _saved_table(outcome: Outcome) -> list[Table]:
    grid = outcome.grid
    if grid.saved is None:
        return []
    with_, without = grid.saved
    counts = grid.counts(with_)
    factors = {
        name: images_saved(outcome.scores, grid.cells(with_), grid.cells(without), counts, name)
        for name in grid.test_sets
    }
    lines: list[tuple[Entry, ...]] = [
        (
            f"{count:g}",
            *(None if each[i] is None else factor_text(each[i] or (0, 0, 0)) for each in factors.values()),
        )
        for i, count in enumerate(counts)
    ]
    return [
        Table(
            title="Factor of real images saved",
            header=("real images", *(outcome.titles[name] for name in factors)),
            lines=lines,
            notes=(
                f"How many times as many images {outcome.titles[without]} needs to reach the mIoU of "
                f"{outcome.titles[with_]}, log-linear between its points, with its 95 % interval. Not reached: it "
                f"stays below with {counts[-1]:g} images too. At {counts[0]:g} images 1.0 stands for anything up to 1.",
            ),
            text_columns=1 + len(factors),
        )
    ]


def _claims_table(outcome: Outcome, verdicts: Sequence[Verdict]) -> Table:
    used = dict.fromkeys(claim.rule for claim in outcome.study.claims)
    return Table(
        title="The paper's claims",
        header=("claim", "paper", "held here", "by"),
        lines=[(each.claim, each.paper, each.held, each.why) for each in verdicts],
        notes=(
            share_held(verdicts),
            *(f"Rule of {rule}: {RULES[rule]}." for rule in used),
            "Not tested: a cell is missing, fewer than 20 images, or the interval is unknown. "
            "Undecided: the numbers here allow both.",
            *_few_people(outcome),
        ),
        text_columns=4,
    )


def _runs_table(outcome: Outcome) -> Table:
    return Table(
        title="Runs",
        header=("arm", "point", "seed", "identity", "steps in all"),
        lines=[tuple(line) for line in outcome.runs],
        notes=(
            "Identity: of options, data, split, seed, what it goes on from, and the code that trained it.",
        ),
        brief=0,
        text_columns=5,
    )


def _sentence(outcome: Outcome, verdicts: Sequence[Verdict]) -> str:
    parts = []
    for first, second in outcome.study.compare[:1]:
        points = outcome.grid.points.get(first, ())
        if points:
            cells = [outcome.grid.cell(arm, points[0]) for arm in (first, second)]
            test_set = outcome.grid.test_sets[0]
            value = outcome.scores.difference(cells[0], cells[1], test_set)
            at = f" at {', '.join(points[0])}" if points[0] else ""
            if value is not None:
                headline = (
                    f"{outcome.titles[first]} minus {outcome.titles[second]}{at} on {outcome.titles[test_set]}: "
                    f"{said(value)}."
                )
                parts.append(headline[0].upper() + headline[1:])
    return " ".join([*parts, share_held(verdicts), f"{outcome.label[0].upper()}{outcome.label[1:]}."])


def _frame(outcome: Outcome) -> pd.DataFrame:
    lines: list[dict[str, Any]] = []

    def add(
        cell: str, minus: str, column: Measure, value: Difference | None, sd: float = float("nan")
    ) -> None:
        if value is not None:
            lines.append(
                {
                    "study": outcome.study.name, "scale": outcome.label, "cell": cell, "minus": minus,
                    "test_set": column.test_set, "metric": column.metric, "tone": column.tone, "value": value.value,
                    "low": value.low, "high": value.high, "images": value.images, "seeds_sd": sd,
                }
            )  # fmt: skip

    for column in columns(outcome):
        what = (column.test_set, column.metric, column.tone)
        for arm in outcome.grid.points:
            for cell in outcome.grid.cells(arm):
                add(cell, "", column, outcome.scores.mean(cell, *what), outcome.scores.seeds_sd(cell, *what))
        for first, second in outcome.study.compare:
            for point in outcome.grid.points.get(first, ()):
                cells = [outcome.grid.cell(arm, point) for arm in (first, second)]
                add(cells[0], cells[1], column, outcome.scores.difference(cells[0], cells[1], *what))
    return pd.DataFrame(lines)


def _value(number: Difference, signed: bool = False, notes: tuple[str, ...] = ()) -> Value:
    stressed = signed and number.low * number.high > 0
    return Value(number.value, number.low, number.high, number.images, signed, stressed, notes)


def _figure(outcome: Outcome) -> str:
    """mIoU along the study's axis, a line per arm with its interval, a panel per test set; "" without one axis."""
    if len(outcome.study.axes) != 1:
        return ""
    panels: dict[str, dict[str, list[tuple[float | str | None, float, float, float]]]] = {}
    for test_set in outcome.grid.test_sets:
        lines = panels.setdefault(outcome.titles[test_set], {})
        for arm, points in outcome.grid.points.items():
            counts = outcome.grid.counts(arm)
            for i, point in enumerate(points):
                found = outcome.scores.mean(outcome.grid.cell(arm, point), test_set)
                if found is not None:
                    place = None if point == () else counts[i] if counts else ", ".join(point)
                    lines.setdefault(outcome.titles[arm], []).append(
                        (place, found.value, found.low, found.high)
                    )
    return along(panels, _axis(outcome.study), "skin mIoU, 95 % interval")


def _axis(study: Study) -> str:
    return study.axes[0].title or study.axes[0].name
