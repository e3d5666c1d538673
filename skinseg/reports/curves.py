"""Learning curves of the reported runs, as a table with its figure."""

from collections.abc import Sequence

import pandas as pd

from skinseg.reports.charts import curves
from skinseg.reports.results import Results
from skinseg.reports.tables import Entry, Figure, Table

SHOWN = {
    "train/loss": "training loss",
    "val/skin_miou": "skin mIoU, validation",
    "val/skin_worst_tone": "skin mIoU of the worst tone group, validation",
    "val/person_miou": "person mIoU, validation",
}
"""Metrics of metrics.csv that a report draws, with the names people read."""


def curve_table(runs: Sequence[tuple[str, Results]]) -> Table:
    """Every epoch's training loss and validation mIoU of the runs, where they are known. runs: a title for each."""
    found = {title or "this run": run.curves for title, run in runs if run.curves is not None}
    title = "Learning curves"
    missing = len(runs) - len(found)
    notes = []
    if missing:
        which = "of this run" if len(runs) == 1 else f"of {missing} of {len(runs)} runs"
        notes.append(
            f"The learning curves {which} are not at hand: `skinseg evaluate` keeps them where the checkpoint lies in "
            "its training run's folder, runs/JOB/TIME/checkpoints."
        )
    panels = {
        name: drawn
        for metric, name in SHOWN.items()
        if (drawn := {run: _values(table, metric) for run, table in found.items() if metric in table})
    }
    if not panels:
        return Table(title, ("epoch",), [], tuple(notes), brief=0)
    columns = {
        (name if len(runs) == 1 else f"{run}: {name}"): values
        for name, drawn in panels.items()
        for run, values in drawn.items()
    }
    frame = pd.DataFrame(columns)
    lines: list[tuple[Entry, ...]] = [
        (str(int(str(epoch))), *(None if pd.isna(value) else f"{value:.3f}" for value in line))
        for epoch, line in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    notes.append(
        "Validation is a tenth of the training part; its skin mIoU, of all images or of the worst tone group, chooses "
        "the epoch that is kept, and is not to be compared with the test sets'."
    )
    said = "; ".join(
        f"{name} of {run} from {values.iloc[0]:.3f} in epoch {values.index[0]} to {values.iloc[-1]:.3f} in epoch "
        f"{values.index[-1]}"
        for name, drawn in panels.items()
        for run, values in drawn.items()
    )
    figure = Figure(curves(panels), f"Lines over epochs: {said}. The table below has every value.")
    return Table(title, ("epoch", *columns), lines, tuple(notes), brief=0, figure=figure, folded=True)


def curve_frame(runs: Sequence[tuple[str, Results]]) -> pd.DataFrame:
    """All logged metrics of every run for CSV: run, epoch, and a column each."""
    parts = [run.curves.assign(run=title) for title, run in runs if run.curves is not None]
    if not parts:
        return pd.DataFrame()
    frame = pd.concat(parts, ignore_index=True)
    return frame[["run", "epoch", *(name for name in frame if name not in ("run", "epoch"))]]


def _values(table: pd.DataFrame, metric: str) -> "pd.Series[float]":
    return table.set_index("epoch")[metric].dropna()
