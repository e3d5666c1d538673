"""Results folders in; the page, and the same as Markdown, CSV and LaTeX, out, from stored rows and panels only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from skinseg.errors import UserError
from skinseg.evaluation.bootstrap import RESAMPLES
from skinseg.evaluation.contour import TOLERANCE
from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.evaluation.panels import level
from skinseg.files import written_whole
from skinseg.reports.charts import cell_colors
from skinseg.reports.comparison import Comparison
from skinseg.reports.curves import curve_frame, curve_table
from skinseg.reports.gallery import galleries
from skinseg.reports.latex import latex
from skinseg.reports.markdown import markdown
from skinseg.reports.provenance import commands, facts, method, provenance_tables, versions
from skinseg.reports.results import Results, read_results
from skinseg.reports.slices import slices
from skinseg.reports.tables import (
    Table,
    convention_tables,
    dataset_tables,
    long_table,
    table_frame,
    tone_tables,
    verdict,
)

TITLE = "Skin segmentation report"
DEFINITIONS = (
    ("mIoU", "mean over images of the IoU of the foreground: TP / (TP + FP + FN) over pixels not ignored; 1 where it "
     "is neither there nor predicted."),
    ("Interval", f"95 %, percentile bootstrap, {RESAMPLES} resamples of the images, or of the subjects where they are "
     "known."),
    ("Pooled IoU", "TP, FP and FN added up over all images first: large images weigh more."),
    ("F1, precision, recall", "2 TP / (2 TP + FP + FN), the Dice coefficient; TP / (TP + FP); TP / (TP + FN); mean "
     "over images."),
    ("Boundary F1", "harmonic mean of two shares, of the predicted outline that lies on the true one and of the true "
     f"one that was found, within {TOLERANCE:.2%} of the image's diagonal; mean over images."),
    ("Average precision", "area under precision over recall, from the scores in 128 bins; mean over the images that "
     "have foreground."),
    ("IoU with background", "mean over images of the mean of foreground IoU and background IoU."),
    ("Accuracy", "(TP + TN) / all pixels not ignored, mean over images."),
    ("Outside person", "share of the predicted skin where the same model sees no person, mean over the images with "
     "predicted skin; less is better, and no label is needed."),
    ("Threshold", "0.5 everywhere, tuned nowhere."),
    ("Resolution", "each image's own: the probability map is resized, the mask never is."),
    ("Tone", "Fitzpatrick group 1 (lightest) to 6: labelled; recognised by a model trained on rendered people; or "
     "estimated from the ITA of the true skin pixels, which follows the light as well as the skin. Two sources are "
     "never in one table."),
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What was written where, by the keys of `NAMES`, and what it says."""

    paths: dict[str, Path]
    verdict: str
    tables: list[Table]


NAMES = {
    "html": "report.html",
    "markdown": "report.md",
    "latex": "report.tex",
    "csv": "report.csv",
    "tables": "tables.csv",
    "curves": "learning-curves.csv",
    "slices": "slices.csv",
}
"""curves: of several runs, where they are known (one run's are in its folder); slices: only where asked for."""


def write_report(results: Sequence[Path], out: Path | None = None, with_slices: bool = False) -> Report:
    """Write a report of one results folder or of several into `out`; the same folders give the same bytes.

    results: folders that `skinseg evaluate` wrote, or their rows.parquet. Of one, its report: data sets, tones,
    curves, images, other conventions. Of several, what each model was trained on against what it was scored on, and
    paired differences. report.csv has every metric at full precision, tables.csv every entry of every table.
    out: the folder itself where there is only one. with_slices: add who wins where, and write slices.csv.
    Raises UserError as `read_results`, for a folder named twice, and for several without `out`.
    """
    if out is None and len(results) > 1:
        raise UserError(
            f"report of {len(results)} results folders: --out is missing, expected where to write it"
        )
    runs = [read_results(folder) for folder in results]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise UserError("report: a results folder is named twice, each once expected; leave one out")
    out = out or runs[0].folder
    single = runs[0] if len(runs) == 1 else None
    if single:
        named = [("", single)]
        said, frame = verdict(single), long_table(single)
        tables = [*dataset_tables(single), *tone_tables(named)]
        more = convention_tables(single)
    else:
        comparison = Comparison(runs)
        named = [
            (f"{arm.label} (seed {run.run['training'].get('seed')})" if len(arm.runs) > 1 else arm.label, run)
            for arm in comparison.arms
            for run in arm.runs
        ]
        said, frame = comparison.verdict(), comparison.frame()
        matrix, *differences = comparison.tables()
        tables = [matrix, *tone_tables(named, heads=("skin",), together=True), *differences]
        more = []
    tables.append(curve_table(named))
    sliced = pd.DataFrame()
    if with_slices:
        found, sliced = slices(named)
        more += found
    more += provenance_tables(named)
    every = [*tables, *more]
    inputs = [run for _, run in named]
    origin: dict[str, Any] = {
        "method": method(inputs),
        "definitions": DEFINITIONS,
        "versions": versions(inputs),
        "commands": commands(runs, out, with_slices),
        "facts": [facts(run) for run in inputs],
    }
    curves = curve_frame(named)
    texts = {
        "html": html(TITLE, said, tables, more, named, origin),
        "markdown": markdown(TITLE, said, every, **origin),
        "latex": latex(TITLE, said, every, [f"{name}: {text}" for name, text in DEFINITIONS]),
        "csv": _csv(frame),
        "tables": _csv(table_frame(every)),
    }
    texts |= {"curves": _csv(curves)} if len(curves) and not single else {}
    texts |= {"slices": _csv(sliced)} if with_slices else {}
    paths = {kind: out / name for kind, name in NAMES.items() if kind in texts}
    for kind, path in paths.items():
        with written_whole(path) as beside:
            beside.write_text(texts[kind], encoding="utf-8")
    return Report(paths, said, every)


def html(
    title: str,
    said: str,
    tables: Sequence[Table],
    more: Sequence[Table],
    named: Sequence[tuple[str, Results]],
    origin: dict[str, Any],
) -> str:
    """The page: self-contained, nothing from the network; every value is escaped. tables: above the images; more:
    below them. named: the runs whose images it shows, with a title each; none of them, and there is no such section."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = galleries([run for _, run in named])
    tones = sorted({picture.tone for each in shown for picture in each.pictures if picture.tone})
    # The first sentence is for a reader with one minute.
    lead, stop, rest = said.partition(". ")
    return environment.get_template("report.html.j2").render(
        title=title,
        lead=lead + stop.rstrip(),
        rest=rest,
        tables=tables,
        more=more,
        galleries=shown,
        tones=tones,
        unknown_tones=any(not picture.tone for each in shown for picture in each.pictures),
        models=[title for title, _ in named],
        few=FEW_IMAGES,
        cell_colors=cell_colors,
        lookups=_lookups(),
        legend=LEGEND,
        **origin,
    )


# Okabe and Ito's colours, apart in hue and in lightness for every common colour vision deficiency. They lie on the
# grey picture: on the coloured one, orange and yellow drown in skin.
LEGEND = {
    "true, and found": "#0072b2",
    "false alarm": "#d55e00",
    "missed": "#f0e442",
    "ignored": "#1e1e1e",
}
_SEES = {"truth": (0, 1, 0, 1, 4), "prediction": (0, 1, 1, 0, 4), "difference": (0, 1, 2, 3, 4)}
"""Per view, what each of `skinseg.evaluation.panels.OUTCOMES` is shown as: 0 nothing, else a colour of the legend."""


def _lookups() -> dict[str, dict[str, str]]:
    """Per view, the entries of an SVG filter's discrete look-up in each channel, for outcomes in order."""
    colors = ["#000000", *LEGEND.values()]
    assert [level(i) * len(colors) // 256 for i in range(len(colors))] == list(range(len(colors)))
    return {
        view: {
            channel: " ".join(f"{int(colors[i][at : at + 2], 16) / 255:.3f}" for i in seen)
            for channel, at in (("R", 1), ("G", 3), ("B", 5))
        }
        | {"A": " ".join("1" if i else "0" for i in seen)}
        for view, seen in _SEES.items()
    }


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
