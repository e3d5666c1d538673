"""What `evaluate` logs to Weights & Biases: a results folder, read back, as summary, table and artifact."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from skinseg import tracking
from skinseg.evaluation.metrics import by_test_set, by_tone, with_metrics
from skinseg.evaluation.panels import OUTCOMES, panel_paths
from skinseg.models import checkpoint as checkpoints
from skinseg.reports.results import Results, read_results

TABLE_IMAGES = 50
"""Images per test set and head in the table, evenly over the order of their IoU, the worst and the best among them."""

COLUMNS = ("picture", "test_set", "image", "head", "iou", "f1", "tone", "tone_source", "seen", "skin_share")


def log_results(folder: Path) -> None:
    """Log a folder that `evaluate` wrote as one run of job type evaluate; its files go to `folder`/wandb.

    The run's group is the job of the checkpoint's run, or WANDB_RUN_GROUP. Raises UserError as `read_results`, and
    where W&B refuses the run; what fails later is printed.
    """
    results = read_results(folder)
    checkpoint = Path(results.run["checkpoint"])
    with tracking.started(
        "evaluate", f"evaluate/{folder.resolve().name}", folder, results.run, _group(checkpoint)
    ) as tracked:
        tracked.attempt(lambda run: run.summary.update(summary(results)))
        tracked.attempt(lambda run: run.log({"predictions": prediction_table(results)}))
        tracked.attempt(lambda run: _log_artifacts(run, results, checkpoint))


def summary(results: Results) -> dict[str, float]:
    """The numbers of a run by name: `miou_<head>/<test set>` with `_low` and `_high`, the ends of its 95 % interval,
    `images_<head>/<test set>`, and `tone_<head>/<test set>/<labelled or estimated>_<Fitzpatrick group>`.

    mIoU is the mean over images; a number that is not known is absent.
    """
    found: dict[str, float] = {}
    for line in by_test_set(results.rows).to_dict("records"):
        head, test_set = line["head"], line["test_set"]
        found[f"images_{head}/{test_set}"] = int(line["images"])
        for end in ("", "_low", "_high"):
            found[f"miou_{head}{end}/{test_set}"] = float(line[f"iou_image_mean{end}"])
    known = results.rows[results.rows["tone"].notna()]
    for line in by_tone(known).to_dict("records") if len(known) else []:
        tone = f"{line['tone_source']}_{int(line['tone'])}"
        found[f"tone_{line['head']}/{line['test_set']}/{tone}"] = float(line["iou_image_mean"])
    return {name: value for name, value in found.items() if not np.isnan(value)}


def prediction_table(results: Results) -> Any:
    """A `wandb.Table` with `COLUMNS`, some images of every test set and head; pictures only where they are wanted."""
    import wandb

    rows = with_metrics(results.rows)
    table = wandb.Table(columns=list(COLUMNS))
    for _, group in rows.groupby(["test_set", "head"], sort=True):
        ordered = group.sort_values(["iou", "image"])
        picked = np.unique(
            np.linspace(0, len(ordered) - 1, min(TABLE_IMAGES, len(ordered))).round().astype(int)
        )
        for line in ordered.iloc[picked].to_dict("records"):
            line["picture"] = _picture(results.folder, line["test_set"], line["image"])
            line["tone"] = None if pd.isna(line["tone"]) else int(line["tone"])
            table.add_data(*(line[name] for name in COLUMNS))
    return table


def _picture(folder: Path, test_set: str, image: str) -> Any:
    """The image's panel, its outcomes as W&B's own mask; None where pictures are not wanted or it is not there."""
    import wandb

    photo, outcome = (cv2.imread(str(path)) for path in panel_paths(folder, test_set, image))
    if not tracking.shows_pictures() or photo is None or outcome is None:
        return None
    mask = outcome[..., 0].astype(np.int64) * len(OUTCOMES) // 256
    labels = dict(enumerate(OUTCOMES))
    return wandb.Image(
        photo[..., ::-1], file_type="jpg", masks={"outcome": {"mask_data": mask, "class_labels": labels}}
    )


def _log_artifacts(run: Any, results: Results, checkpoint: Path) -> None:
    weights = str(results.run["weights"])
    if checkpoint.is_file():
        tracking.use_artifact(run, tracking.model_artifact(checkpoint, weights, results.run["training"]))
    run.log_artifact(tracking.rows_artifact(results.folder, {"weights": weights}))


def _group(checkpoint: Path) -> str:
    """The first folder below the folder of runs that a checkpoint's job lies in, as its training was grouped."""
    run = checkpoint.parents[1] if checkpoint.parts[-2:-1] == checkpoints.BEST.parts[:1] else None
    if run is None or len(run.parts) < 2:
        return "evaluate"
    parts = run.parts
    return parts[parts.index("runs") + 1] if "runs" in parts[:-2] else run.parent.name
