"""Results folders in; report.html, report.md and report.csv out, from stored rows and panels only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from skinseg.datasets.label_policy import policy_text
from skinseg.errors import UserError
from skinseg.evaluation.contour import TOLERANCE
from skinseg.evaluation.metrics import FEW_IMAGES, RESAMPLES
from skinseg.evaluation.panels import FALSE_ALARM, IGNORED, MISSED, TRUE, Color
from skinseg.files import written_whole
from skinseg.reports.comparison import Comparison
from skinseg.reports.gallery import galleries
from skinseg.reports.markdown import markdown
from skinseg.reports.results import Results, read_results
from skinseg.reports.slices import slices
from skinseg.reports.tables import Table, long_table, run_tables, tone_tables, verdict

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
    ("Tone", "Fitzpatrick group 1 (lightest) to 6: labelled, or estimated from the ITA of the true skin pixels, which "
     "follows the light as well as the skin. The two are never in one table."),
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What was written where ("html", "markdown", "csv", and "slices" where asked for), and what it says."""

    paths: dict[str, Path]
    verdict: str
    tables: list[Table]


def write_report(results: Sequence[Path], out: Path | None = None, with_slices: bool = False) -> Report:
    """Write a report of one results folder or of several into `out`; the same folders give the same bytes.

    results: folders that `skinseg evaluate` wrote, or their rows.parquet. Of one, its report: data sets, tones,
    other conventions, images. Of several, what each model was trained on against what it was scored on, and paired
    differences.
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
        said, tables, frame = verdict(single), run_tables(single), long_table(single)
        named = [("", single)]
    else:
        comparison = Comparison(runs)
        named = [
            (f"{arm.label} (seed {run.run['training'].get('seed')})" if len(arm.runs) > 1 else arm.label, run)
            for arm in comparison.arms
            for run in arm.runs
        ]
        said, frame = comparison.verdict(), comparison.frame()
        tables = [*comparison.tables(), *tone_tables(named, heads=("skin",), together=True)]
    sliced = pd.DataFrame()
    if with_slices:
        more, sliced = slices(named)
        tables += more
    texts = {
        "html": html(said, tables, runs),
        "markdown": markdown(said, tables, DEFINITIONS, [_origin(run) for run in runs]),
        "csv": _csv(frame),
    } | ({"slices": _csv(sliced)} if with_slices else {})
    paths = {kind: out / name for kind, name in _NAMES.items() if kind in texts}
    for kind, path in paths.items():
        with written_whole(path) as beside:
            beside.write_text(texts[kind], encoding="utf-8")
    return Report(paths, said, tables)


def html(said: str, tables: Sequence[Table], runs: Sequence[Results]) -> str:
    """The page: self-contained, no script, nothing from the network; every value is escaped.

    Images are shown where there is one run.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        verdict=said,
        tables=tables,
        galleries=galleries(runs[0]) if len(runs) == 1 else [],
        definitions=DEFINITIONS,
        few=FEW_IMAGES,
        colors={name: _css(color) for name, color in _LEGEND.items()},
        origins=[_origin(run) for run in runs],
    )


def _origin(results: Results) -> dict[str, Any]:
    """Where a run's numbers come from, by name."""
    run = results.run
    trained = (
        f"{run['trained_on']}, before that {run['pretrained_on']}"
        if run["pretrained_on"]
        else run["trained_on"]
    )
    facts = {
        "command": run["command"],
        "date": run["date"],
        "checkpoint": run["checkpoint"],
        "trained on": trained,
        "seed": run["training"].get("seed"),
        "weights, SHA-256": run["weights"],
        "model config, SHA-256": run["config"],
        "threshold": run["threshold"],
        "split seed": run["split_seed"],
    }
    for name, entry in run["datasets"].items():
        facts[f"split of {results.title(name)}"] = entry["split"]
        facts[f"labels of {results.title(name)}"] = policy_text(entry["labels"])
    return facts | {"versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items())}


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


_NAMES = {"html": "report.html", "markdown": "report.md", "csv": "report.csv", "slices": "slices.csv"}
_LEGEND = {
    "true, and found": TRUE,
    "false alarm": FALSE_ALARM,
    "missed": MISSED,
    "ignored": IGNORED,
}


def _css(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
