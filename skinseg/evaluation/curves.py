"""The learning curves of the run that a checkpoint comes from, kept beside its result rows."""

from pathlib import Path

import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from skinseg.files import written_whole

CURVES = "curves.csv"
"""In a results folder: epoch, and a column per logged metric as `metrics.csv` names it."""


def keep_curves(checkpoint: Path, out: Path) -> None:
    """Write `out`/curves.csv, where something is known of the checkpoint's training."""
    curves = read_curves(checkpoint)
    if curves is None:
        return
    with written_whole(out / CURVES) as beside:
        curves.to_csv(beside, index=False, lineterminator="\n")


def read_curves(checkpoint: Path) -> pd.DataFrame | None:
    """A line per epoch, the last value of each metric in it, of the run `checkpoint` lies in (run/checkpoints/*.ckpt).

    An interrupted run's parts (metrics-1.csv, ...) are joined; where two have an epoch, the later part counts. None
    where there is no such folder or nothing in it that can be read: curves are an extra, no reason to stop.
    """
    run = checkpoint.parent.parent
    if checkpoint.parent.name != "checkpoints":
        return None
    earlier = sorted(run.glob("metrics-*.csv"), key=lambda path: (len(path.name), path.name))
    parts: list[pd.DataFrame] = []
    for path in (*earlier, run / "metrics.csv"):
        try:
            parts.append(pd.read_csv(path).apply(pd.to_numeric, errors="coerce"))
        except (OSError, EmptyDataError, ParserError, UnicodeDecodeError):
            continue
    parts = [part[part["epoch"] % 1 == 0].astype({"epoch": int}) for part in parts if "epoch" in part]
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    by_epoch: pd.DataFrame = pd.concat(parts, ignore_index=True).groupby("epoch").last()
    return by_epoch.drop(columns="step", errors="ignore").reset_index()
