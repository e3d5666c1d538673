"""A results folder as `skinseg evaluate` wrote it: rows.parquet, run.json, scenes.parquet, curves.csv, panels."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from skinseg.errors import UserError
from skinseg.evaluation.curves import CURVES, read_curves
from skinseg.evaluation.rows import SCENES, as_frame, read_rows


@dataclass(frozen=True)
class Results:
    """rows: `skinseg.evaluation.rows.as_frame`. run: what run.json says, see `skinseg.evaluation.command`.
    scenes: what was drawn for each frame of a rendered set, where one was scored. curves: a line per epoch of the
    training, see `skinseg.evaluation.curves`, where they were kept or the checkpoint's run is still there.
    """

    folder: Path
    rows: pd.DataFrame
    run: dict[str, Any]
    scenes: pd.DataFrame | None = None
    curves: pd.DataFrame | None = None

    def title(self, test_set: str) -> str:
        """The data set's name for people."""
        return str(self.run["datasets"].get(test_set, {}).get("title", test_set))


def read_results(folder: Path) -> Results:
    """Read a results folder, named itself or by its rows.parquet.

    Raises UserError where a file is missing, broken, empty or not ours.
    """
    folder = folder.parent if folder.name == "rows.parquet" else folder
    rows = read_rows(folder / "rows.parquet")
    if not rows:
        raise UserError(f"{folder / 'rows.parquet'}: holds no rows; write them again with `skinseg evaluate`")
    path = folder / "run.json"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read as JSON ({error}); `skinseg evaluate` writes it beside rows.parquet"
        ) from error
    missing = [key for key in KEYS if not isinstance(run, dict) or key not in run]
    if missing:
        raise UserError(f"{path}: lacks {', '.join(missing)}; write it again with `skinseg evaluate`")
    return Results(
        folder=folder,
        rows=as_frame(rows),
        run=run,
        scenes=_scenes(folder / SCENES),
        curves=_curves(folder / CURVES, Path(str(run["checkpoint"]))),
    )


def _scenes(path: Path) -> pd.DataFrame | None:
    return _table(path, pd.read_parquet, "image", "") if path.is_file() else None


def _curves(path: Path, checkpoint: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return read_curves(checkpoint)
    return _table(path, pd.read_csv, "epoch", ", or delete it")


def _table(path: Path, read: Callable[[Path], pd.DataFrame], column: str, way_out: str) -> pd.DataFrame:
    """A table that has the column. way_out: what helps beside writing it again."""
    try:
        table = read(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a table that can be read; write it again with `skinseg evaluate`{way_out}"
        ) from error
    if column not in table:
        raise UserError(f"{path}: lacks the column {column}; write it again with `skinseg evaluate`{way_out}")
    return table


KEYS = (
    "checkpoint",
    "weights",
    "config",
    "training",
    "trained_on",
    "pretrained_on",
    "threshold",
    "subset",
    "split_seed",
    "tables",
    "datasets",
    "versions",
    "command",
    "date",
)
"""What a report prints from run.json."""
