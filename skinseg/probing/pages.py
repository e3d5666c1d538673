"""What probing, balancing and auditing found, as a page and as Markdown."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skinseg.evaluation.bootstrap import RESAMPLES
from skinseg.files import written_whole
from skinseg.images.decoding import Image
from skinseg.probing.audit import Audit, Range
from skinseg.probing.balance import Balanced, least_of_most
from skinseg.probing.cells import AXES, all_cells, cell_name
from skinseg.probing.changes import AS_DRAWN, FACTORS
from skinseg.probing.effects import Effect, ranked
from skinseg.probing.failures import GENERATION, QUANTILE, Found
from skinseg.probing.measures import LONG_SIDE
from skinseg.probing.probe import Probed
from skinseg.probing.scoring import Segment
from skinseg.reports.markdown import markdown
from skinseg.reports.report import html
from skinseg.reports.tables import Entry, Figure, Table, Value

CELL, COLUMNS, MOST = 144, 6, 48  # pixels of a frame on the sheet, pairs in a row, frames at most

_DEFINITIONS = (
    ("Effect", "mean over scenes of the difference in skin IoU between the same scene with one thing changed and with "
     "what the line says it is held against."),
    ("Interval", f"95 %, percentile bootstrap, {RESAMPLES} resamples of the scenes, each with all of its frames."),
    ("Unpaired", "the width that the interval would have were the frames of either side of other scenes."),
    ("Tone", "everybody in the scene in one Fitzpatrick group, nothing drawn anew; cloth is told from all six. Colour "
     "of hair and eyes stays, so some combinations are rare in people."),
)  # fmt: skip


def write_page(
    title: str,
    said: str,
    tables: Sequence[Table],
    method: Sequence[str],
    definitions: Sequence[tuple[str, str]],
    command: str,
    out: Path,
) -> Path:
    """report.html and report.md in `out`; gives the page."""
    origin: dict[str, Any] = {
        "method": list(method),
        "definitions": definitions,
        "versions": [],
        "commands": [command],
        "facts": [],
    }
    texts = {
        "report.html": html(title, said, tables, [], [], origin),
        "report.md": markdown(title, said, tables, **origin),
    }
    for name, text in texts.items():
        with written_whole(out / name) as beside:
            beside.write_text(text, encoding="utf-8")
    return out / "report.html"


def write_probe(
    probed: Probed, segment: Segment, model: str, command: str, out: Path
) -> tuple[str, list[Table]]:
    """The page of a probe and failures.jpg; gives what it says and its tables."""
    said = verdict(probed)
    tables = probe_tables(probed)
    if probed.confirmed:
        sheet = failure_sheet(probed.confirmed[:MOST], segment)
        with written_whole(out / "failures.jpg") as beside:
            beside.write_bytes(sheet)
        tables.append(_sheet_table(sheet, len(probed.confirmed)))
    method = [
        f"Model: {model}. {probed.scenes} scenes at random and their changes; {probed.given_up} more were given up for "
        "showing too little skin. A frame is a function of its scene: all that differs between two frames of a pair is "
        "what the factor changes, and what light makes of it. Frames that show too little skin to be labelled are in "
        "no pair.",
        "Causes within the generator: what they are worth on photographs is a question to photographs.",
    ]
    write_page("Why it fails", said, tables, method, _DEFINITIONS, command, out)
    return said, tables


def verdict(probed: Probed) -> str:
    parts = []
    if "tone" in probed.gaps:
        widest = probed.gaps["tone"]
        parts.append(
            f"The same people in the same scenes: group {widest.level} does better than group {widest.against} by "
            f"{widest.value:.3f} IoU ({widest.low:+.3f} to {widest.high:+.3f}, {widest.scenes} scenes)."
        )
    largest = ranked([each for some in probed.effects.values() for each in some])
    if largest and largest[0].scenes:
        first = largest[0]
        parts.append(
            f"The largest effect of all is {first.factor}, {first.level}: {first.value:+.3f} against {first.against}."
        )
    if probed.search is not None:
        search = probed.search
        parts.append(
            f"The search found {search.searched:.2f} failures (IoU below {search.threshold:.3f}) a render, "
            f"scenes at random {search.at_random:.2f}; {len(probed.confirmed)} cells hold one that other noise "
            "does not mend."
        )
    return " ".join(parts) or "Nothing was asked."


def probe_tables(probed: Probed) -> list[Table]:
    tables = []
    if probed.gaps:
        tables.append(
            Table(
                "Best level against worst",
                ("factor", "best", "worst", "difference", "unpaired width", "scenes"),
                [
                    (name, each.level, each.against, _value(each), f"{each.unpaired:.3f}", str(each.scenes))
                    for name, each in probed.gaps.items()
                ],
                notes=(
                    "Which are best and worst is read off the same frames: a little too large where there is none.",
                ),
                counted=False,
                text_columns=3,
            )
        )
    for name, found in probed.effects.items():
        against = FACTORS[name].reference or "the mean of all levels of the same scene"
        tables.append(
            Table(
                f"{name.capitalize()}: effect on the skin IoU against {against}",
                ("level", "mIoU", "effect", "unpaired width", "scenes"),
                [
                    (
                        each.level,
                        f"{each.mean:.3f}" if each.scenes else None,
                        _value(each),
                        f"{each.unpaired:.3f}" if each.scenes > 1 else None,
                        str(each.scenes),
                    )
                    for each in found
                ],
                counted=False,
            )
        )
    every = [each for some in probed.effects.values() for each in some if each.scenes]
    if every:
        tables.append(
            Table(
                "All effects by size",
                ("factor", "level", "effect", "scenes"),
                [(each.factor, each.level, _value(each), str(each.scenes)) for each in ranked(every)],
                notes=(f"Against: {AS_DRAWN}, bare head (worn), or the mean of all levels (tone, framing).",),
                counted=False,
                text_columns=2,
                brief=0,
            )
        )
    if probed.search is not None:
        tables.append(_search_table(probed))
    return tables


def _search_table(probed: Probed) -> Table:
    search = probed.search
    assert search is not None
    lines: list[tuple[Entry, ...]] = [
        ("scenes at random", str(probed.scenes), f"{search.at_random:.3f}"),
        ("search", str(len(search.found)), f"{search.searched:.3f}"),
    ]
    return Table(
        "Failures a render",
        ("scenes", "renders", "failures a render"),
        lines,
        notes=(
            f"A failure is a frame with an IoU below {search.threshold:.3f}, the {QUANTILE:.0%} quantile of scenes at "
            f"random, that shows enough skin. Grid of tone, framing and light: {len(search.grid)} cells filled, "
            f"generations of {GENERATION}. Looking at the failures again in other noise cost a render each.",
        ),
        counted=False,
    )


def _value(effect: Effect) -> Value | None:
    if not effect.scenes:
        return None
    return Value(effect.value, effect.low, effect.high, effect.scenes, signed=True)


def _sheet_table(sheet: bytes, count: int) -> Table:
    height, width = np.asarray(cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_COLOR)).shape[:2]
    data = base64.b64encode(sheet).decode("ascii")
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/jpeg;base64,{data}"/></svg>'
    )
    alt = f"{min(count, MOST)} scenes on which the model fails, each beside what it found and missed"
    return Table(
        "Failures to look at",
        ("failures",),
        [(str(count),)],
        notes=(
            "The worst of each cell, worst first: the frame, and beside it what was found (blue), a false alarm "
            "(orange) and missed (yellow). Render them to train on: `skinseg render --scenes failures.jsonl`.",
        ),
        figure=Figure(svg, alt),
        brief=0,
    )


def failure_sheet(found: Sequence[Found], segment: Segment) -> bytes:
    """A JPEG grid: each frame beside what the model made of it."""
    pairs = []
    for each in found:
        image, skin = each.shot.read()
        pairs.append(np.hstack([_small(image), _small(_outcomes(image, skin, segment(image)))]))
    blank = np.zeros((CELL, 2 * CELL, 3), np.uint8)
    pairs += [blank] * (-len(pairs) % COLUMNS)
    rows = [np.hstack(pairs[start : start + COLUMNS]) for start in range(0, len(pairs), COLUMNS)]
    _, data = cv2.imencode(".jpg", np.vstack(rows)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()


def _small(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (CELL, CELL), interpolation=cv2.INTER_AREA), np.uint8)


def _outcomes(image: Image, skin: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]) -> Image:
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.float32)
    true, found = skin == 1, predicted > 0
    for where, color in (
        (true & found, (0, 114, 178)),
        (~true & found, (213, 94, 0)),
        (true & ~found, (240, 228, 66)),
    ):
        grey[where] = 0.4 * grey[where] + 0.6 * np.array(color, np.float32)
    return grey.astype(np.uint8)


# --------------------------------------------------------------------------------------------- balancing


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


# ---------------------------------------------------------------------------------------------- auditing

_AUDIT_DEFINITIONS = (
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
        "How a rendered set differs from photographs", said, tables, method, _AUDIT_DEFINITIONS, command, out
    )
    return said, tables
