"""`skinseg tones compare`: answers to how dark a skin is, side by side, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from skinseg.data.splits import make_split
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError
from skinseg.evaluation import tone_answers as said
from skinseg.evaluation.factors import Effect
from skinseg.evaluation.tone_answers import ITA, MODEL, Mean
from skinseg.files import written_whole
from skinseg.recognition.frames import one_person
from skinseg.recognition.recogniser import load
from skinseg.reports.console import print_tables
from skinseg.reports.markdown import table_text
from skinseg.reports.tables import TONES, Entry, Table, Value

SHOWN = 10
"""Attributes in the table of fidelity; fidelity.csv has all."""


def compare(
    out: Path,
    rendered: Path | None = None,
    data_root: Path | None = None,
    recogniser: Path | None = None,
    answers: Sequence[Path] = (),
    subset: Literal["all", "test"] = "all",
) -> None:
    """Compare ITA, a recogniser and other tools' answers, on frames whose tone is known and on labelled photographs.

    The arguments are those of `skinseg tones compare`. Of a rendered set, frames of one person count; of photographs,
    datasets with a tones.csv. Writes answers.csv (every answer), compare.md (tables) and, for frames, fidelity.csv.
    Raises UserError where there is nothing to compare on, and for a recogniser or a table that cannot be read.
    """
    if rendered is None and data_root is None:
        raise UserError("nothing to compare on: give --rendered, a set, or --data-root, labelled photographs")
    trained = None if recogniser is None else load(recogniser)
    others = [said.read_others(path) for path in answers]
    tables: list[Table] = []
    every: list[pd.DataFrame] = []
    datasets = [] if rendered is None else [open_dataset(Rendered.name, rendered)]
    if data_root is not None:
        datasets += [each for each in find_datasets(data_root) if any(item.tone for item in each.items)]
    for dataset in datasets:
        ids = make_split(dataset).test if subset == "test" else [item.image_id for item in dataset.items]
        rows = said.answers_on(dataset, ids, trained, others)
        every.append(rows)
        tables += comparison_tables(rows, dataset.title)
        if isinstance(dataset, Rendered):
            scenes = one_person(dataset)
            found = {
                source: said.fidelity(rows[rows["source"] == source], scenes)
                for source in (ITA, MODEL)
                if (rows["source"] == source).any()
            }
            tables += [_fidelity_table(source, effects) for source, effects in found.items()]
            _write(out / "fidelity.csv", pd.DataFrame(_fidelity_lines(found)))
    if not every:
        raise UserError(
            f"{data_root}: no dataset with labelled tones; write them to its tones.csv (image,tone)"
        )
    _write(out / "answers.csv", pd.concat(every, ignore_index=True))
    text = "\n\n".join(["# Tones, compared", *(part for table in tables for part in _markdown(table))])
    with written_whole(out / "compare.md") as beside:
        beside.write_text(text + "\n", encoding="utf-8")
    print_tables(tables, f"answers: {out / 'answers.csv'}; tables: {out / 'compare.md'}")


def comparison_tables(rows: pd.DataFrame, title: str) -> list[Table]:
    """The tables of one data set's answers; those in degrees only where the true ITA is known."""
    sources = [(str(name), part) for name, part in rows.groupby("source", sort=True)]
    known = bool(rows["true_ita"].notna().any())
    lines: list[tuple[Entry, ...]] = []
    for name, part in sources:
        degrees: list[Entry] = []
        if known:
            less = said.difference(rows, name) if name != ITA else None
            degrees = [
                _value(said.mean_of(said.absolute_error(part), part)),
                None if less is None else _value(less, signed=True),
                _value(said.mean_of(said.covered(part), part)),
            ]
        lines.append(
            (
                name,
                str(len(part)),
                *degrees,
                _value(said.mean_of(said.within(part, 0), part)),
                _value(said.mean_of(said.within(part, 1), part)),
                f"{said.rank_correlation(part):.2f}",
            )
        )
    header = ("mean error, °", "less ITA's, paired", "90 % intervals that hold") if known else ()
    notes = (
        "Error: the answer's distance from the tone that the frame was asked for, in degrees of ITA; paired on the "
        "frames that both answer. Same group, within one: of the six. Rank correlation: Spearman's.",
    )
    tables = [
        Table(
            f"{title}: answers",
            ("source", "answered", *header, "same group", "within one", "rank correlation"),
            lines,
            notes,
            counted=False,
            text_columns=2,
        )
    ]
    if known:
        tables.append(_signed_table(sources, title))
        if rows["light"].fillna("").ne("").any():
            tables.append(_light_table(sources, title))
        spreads = [(name, said.spread_over_lights(part)) for name, part in sources]
        if any(len(each) for _, each in spreads):
            tables.append(
                Table(
                    f"{title}: one person in several lights",
                    ("source", "people", "mean deviation, °"),
                    [
                        (name, str(len(each)), f"{each.mean():.1f}" if len(each) else "–")
                        for name, each in spreads
                    ],
                    text_columns=2,
                )
            )
    return tables + [
        _confusion_table(name, part, title) for name, part in sources if part["group"].notna().any()
    ]


def _signed_table(sources: Sequence[tuple[str, pd.DataFrame]], title: str) -> Table:
    lines: list[tuple[Entry, ...]] = []
    for name, part in sources:
        groups = [part[part["true_group"] == tone] for tone in TONES]
        lines.append((name, *(_value(said.mean_of(said.signed_error(g), g), signed=True) for g in groups)))
    note = "Above 0 the answer is too light. A mean over all groups would hide this."
    return Table(f"{title}: signed error by true group, °", ("source", *map(str, TONES)), lines, (note,))


def _light_table(sources: Sequence[tuple[str, pd.DataFrame]], title: str) -> Table:
    lights = sorted({str(light) for _, part in sources for light in part["light"].dropna()})
    lines: list[tuple[Entry, ...]] = []
    for name, part in sources:
        for what, error in (("mean error", said.absolute_error), ("signed error", said.signed_error)):
            groups = [part[part["light"] == light] for light in lights]
            signed = what == "signed error"
            lines.append((name, what, *(_value(said.mean_of(error(g), g), signed) for g in groups)))
    return Table(f"{title}: error by light, °", ("source", "", *lights), lines, text_columns=2)


def _confusion_table(name: str, part: pd.DataFrame, title: str) -> Table:
    counts = said.confusion(part)
    lines: list[tuple[Entry, ...]] = [
        (f"true {tone}", *(f"{count:.0f}" for count in row)) for tone, row in zip(TONES, counts, strict=True)
    ]
    header = ("", *(f"said {tone}" for tone in TONES))
    return Table(f"{title}: {name}, true against answered group", header, lines, brief=0)


def _fidelity_table(source: str, effects: Sequence[Effect]) -> Table:
    lines: list[tuple[Entry, ...]] = []
    for effect in effects[:SHOWN]:
        low, high = (choose(effect.groups, key=lambda group: group.mean) for choose in (min, max))
        lines.append(
            (
                effect.factor,
                *(
                    f"{each.name}: {each.mean:+.1f} ({each.low:+.1f} to {each.high:+.1f})"
                    for each in (low, high)
                ),
                f"{effect.explained:.2f}",
                f"{effect.q:.3f}",
            )
        )
    note = (
        "Tone fidelity: how far the tone that is seen lies from the one asked for, in the darkest and lightest group "
        f"of each attribute that should not move it, of {len(effects)} tried. Explained: share of the error's variance "
        "(eta squared). q above 0.05: noise. Attributes go together: none is a cause yet."
    )
    return Table(
        f"Tone fidelity, as {source} sees it, °",
        ("attribute", "darkest", "lightest", "explained", "q"),
        lines,
        (note,),
        text_columns=3,
    )


def _fidelity_lines(found: dict[str, list[Effect]]) -> list[dict[str, object]]:
    return [
        {"source": source, "attribute": effect.factor, "group": group.name, "error": group.mean, "low": group.low,
         "high": group.high, "images": group.images, "explained": effect.explained, "q": effect.q}
        for source, effects in found.items()
        for effect in effects
        for group in effect.groups
    ]  # fmt: skip


def _value(mean: Mean, signed: bool = False) -> Value:
    return Value(mean.value, mean.low, mean.high, mean.images, signed=signed)


def _markdown(table: Table) -> list[str]:
    return [f"## {table.title}", table_text(table), *table.notes]


def _write(path: Path, table: pd.DataFrame) -> None:
    with written_whole(path) as beside:
        table.to_csv(beside, index=False, float_format="%.4f", lineterminator="\n")
