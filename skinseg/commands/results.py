"""`skinseg evaluate`, `report` and `dashboard`: from a model or its masks to rows, and from rows to what one reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from skinseg.commands.checks import check_model, check_own, check_rows, check_views
from skinseg.errors import UserError

_REPORTS = (
    "report.html",
    "report.md",
    "report.tex",
    "report.csv",
    "tables.csv",
    "learning-curves.csv",
    "slices.csv",
)
_RESULTS = ("rows.parquet", "run.json", "panels", "scenes.parquet", "curves.csv")
_MARKS = {
    "rows.parquet": b"result rows ",
    "run.json": b'"split_seed"',
    "report.html": b"<title>Skin segmentation report",
    "panels/id.txt": b"",
}
"""See `check_own`: what an evaluation and a report write into a folder, and how they are known."""


def evaluate(
    *,
    checkpoint: Path | None = None,
    masks: Path | None = None,
    name: str | None = None,
    data_root: Path | None = None,
    rendered: Path | None = None,
    subset: Literal["test", "all"] = "test",
    datasets: str | None = None,
    split: Path | None = None,
    tones: Path | None = None,
    recogniser: Path = Path("runs/tones"),
    exclude: Path | None = None,
    labels: str | None = None,
    views: str | None = None,
    device: str = "auto",
    out: Path,
    wandb: bool | None = None,
) -> None:
    """Score a checkpoint, or masks of any other model, on every dataset found; write a report.

    Each image is predicted once, at its own resolution, threshold 0.5; every number is a reduction of the stored rows.
    The report lies in DIR/report.html. Masks are <dataset>/<skin or person>/<image id>.png below their folder: 8 bit
    of two levels, or 16 bit, where 65535 is probability 1.

    Args:
        checkpoint (PATH): a .ckpt, a run, or a folder of runs (newest)
        masks (DIR): instead: somebody's masks, with --name
        name (NAME): what made the masks, for the report
        data_root (DIR): folder that holds the datasets
        rendered (DIR): a rendered set, to score on as well
        subset: [test]
        datasets (NAME,...): score on these only [all found]
        split (CSV): your own split: image,part[,dataset]
        tones (CSV): image,tone[,dataset], tone 1 to 6; or recognised: as --recogniser says
        recogniser (PATH): what `tones train` wrote [runs/tones]
        exclude (CSV): images to leave out, as `data leaks` writes
        labels (PART=CHOICE,...): eyes, lips, mouth, nails: skin, background or ignore; unsure: cut or ignore
        views (PIXELS,...): average what is seen with the long side at these pixels, with the word mirror also mirrored,
            as 240,320,mirror [once, at the model's own size]
        device: auto, cpu or cuda [auto]
        out (DIR): rows, tables and report go here
        wandb: log a Weights & Biases run [where you have a key; --wandb without one logs offline]

    Example:
        skinseg evaluate --checkpoint runs/finetune --data-root data --out results/latest
    """
    from skinseg.evaluation.asked import RECOGNISED, asked

    names = datasets.split(",") if datasets else None
    tables = (split, None if tones == RECOGNISED else tones, exclude)
    asked(checkpoint, masks, name, subset, data_root, rendered, labels, names, tables)
    check_views(views)
    if views is not None and masks is not None:
        raise UserError("--views goes with --checkpoint: masks are seen as they are; leave it out")
    if checkpoint is not None:
        check_model(checkpoint)
    check_own(out, (*_RESULTS, *_REPORTS), _MARKS)

    from skinseg import tracking
    from skinseg.evaluation import command

    tracked = tracking.is_wanted(wandb)
    command.evaluate(
        checkpoint=checkpoint,
        out=out,
        data_root=data_root,
        rendered=rendered,
        subset=subset,
        device=device,
        split_file=split,
        labels=labels,
        tones=tones,
        exclude=exclude,
        names=names,
        masks=masks,
        name=name,
        recogniser=recogniser,
        views=views,
    )
    report([out])
    if tracked:
        from skinseg.reports.wandb_results import log_results

        log_results(out)


def report(results: Sequence[Path], *, out: Path | None = None, slices: bool = False) -> None:
    """Report stored result rows, of one run or of several side by side.

    Nothing is predicted: the report comes from stored rows and panels. Several runs are compared on the same images,
    with paired differences.

    Args:
        results (RESULTS): folders that `evaluate` wrote, or their rows.parquet
        out (DIR): tables and report go here [the folder, where there is one]
        slices: add what goes with an image's IoU: who wins where

    Example:
        skinseg report results/a results/b --out results/both
    """
    if out is not None:
        check_own(out, _REPORTS, _MARKS)
    check_rows(results)

    from skinseg.reports.console import print_tables
    from skinseg.reports.report import write_report

    written = write_report(results, out, slices)
    print_tables(written.tables, written.verdict)
    for kind, path in written.paths.items():
        if kind != "html":
            print(f"{kind}: {path}")
    print(f"report: {written.paths['html']}")


def dashboard(
    *, entity: str | None = None, project: str | None = None, test_sets: Sequence[str] = ()
) -> None:
    """Create the Weights & Biases workspace that shows this project's runs.

    It needs a key and a network; docs/wandb.md says what it shows.

    Args:
        entity (NAME): user or team [WANDB_ENTITY, else your default]
        project (NAME): [WANDB_PROJECT, else skinseg]
        test_sets (NAME): datasets of your own, to show as well

    Example:
        skinseg dashboard --project skinseg
    """
    from skinseg import tracking
    from skinseg.reports.dashboard import create_dashboard

    print(create_dashboard(entity, project or tracking.project(), test_sets))
