"""One results folder in; report.html, report.md and report.csv out, from stored rows and panels only."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from skinseg.evaluation.metrics import FEW_IMAGES, RESAMPLES
from skinseg.evaluation.panels import FALSE_ALARM, IGNORED, MISSED, TRUE, Color
from skinseg.files import written_whole
from skinseg.reports.gallery import galleries
from skinseg.reports.markdown import markdown
from skinseg.reports.results import Results, read_results
from skinseg.reports.tables import TONES, dataset_tables, long_table, tone_tables, verdict

DEFINITIONS = (
    ("mIoU", "mean over images of the IoU of the foreground: TP / (TP + FP + FN) over pixels not ignored."),
    ("Interval", f"95 %, percentile bootstrap of the mean over images, {RESAMPLES} resamples; over subjects "
     "where every image names one."),
    ("Pooled IoU, pooled F1", "TP, FP and FN added up over all images first: large images weigh more."),
    ("IoU with background", "mean over images of the mean of foreground IoU and background IoU."),
    ("F1", "2 TP / (2 TP + FP + FN), the Dice coefficient, mean over images."),
    ("Accuracy", "(TP + TN) / all pixels not ignored, mean over images."),
    ("Empty", "images without foreground on which none was predicted; each counts 1 in every mean."),
    ("Resolution", "each image's own: the probability map is resized, the mask never is."),
    ("Tone", "Fitzpatrick group 1 (lightest) to 6: labelled by the data set, or estimated from the ITA of "
     "the true skin pixels, which follows the light as well as the skin. The two are never in one table."),
)  # fmt: skip


def write_report(results: Path) -> dict[str, Path]:
    """Write the report into a results folder; the same folder gives the same bytes.

    Returns the paths by kind: "html", "markdown", "csv". Raises UserError as `read_results`.
    """
    read = read_results(results)
    paths = {kind: results / f"report.{suffix}" for kind, suffix in _SUFFIXES.items()}
    texts = {
        "html": html(read),
        "markdown": markdown(read, DEFINITIONS),
        "csv": long_table(read).to_csv(index=False, float_format="%.6f", lineterminator="\n"),
    }
    for kind, path in paths.items():
        with written_whole(path) as beside:
            beside.write_text(texts[kind], encoding="utf-8")
    return paths


def html(results: Results) -> str:
    """The page: self-contained, no script, nothing from the network; every value is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        run=results.run,
        verdict=verdict(results),
        tables=dataset_tables(results),
        tone_tables=tone_tables(results),
        tones=TONES,
        galleries=galleries(results),
        definitions=DEFINITIONS,
        few=FEW_IMAGES,
        colors={name: _css(color) for name, color in _LEGEND.items()},
        splits={results.title(name): entry for name, entry in results.run["datasets"].items()},
    )


_SUFFIXES = {"html": "html", "markdown": "md", "csv": "csv"}
_LEGEND = {
    "true, and found": TRUE,
    "false alarm": FALSE_ALARM,
    "missed": MISSED,
    "ignored": IGNORED,
}


def _css(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
