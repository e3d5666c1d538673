"""A results folder as `skinseg evaluate` wrote it: rows.parquet, run.json, scenes.parquet, curves.csv, panels."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from skinseg.errors import UserError
from skinseg.evaluation.curves import CURVES, read_curves
from skinseg.evaluation.panels import PANELS, read_panels_id
from skinseg.evaluation.rows import ROWS, RUN, SCENES, as_frame, read_rows_and_id
from skinseg.models.record import TrainingRecord
from skinseg.records import Count, Number, Whole, read_json, typed


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


@dataclass(frozen=True)
class ScoredSet:
    """What run.json says of a data set."""

    title: str
    split: str
    images: Count
    excluded: Count
    labels: dict[str, str]
    complete: Count
    seen: dict[Literal["never", "held out", "unknown", "maybe", "trained on"], Count]
    fingerprint: str | None = None


@dataclass(frozen=True)
class Trained(TrainingRecord):
    """tones: see `skinseg.models.lineage.tones_of`."""

    tones: dict[str, list[Count]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """run.json, as far as anything is read from it. name: of masks. id: None of earlier versions."""

    checkpoint: str
    weights: str
    config: str
    training: Trained
    trained_on: str
    pretrained_on: str | None
    threshold: Annotated[Number, Field(ge=0, le=1)]
    subset: Literal["test", "all"]
    split_seed: Whole
    tables: dict[str, str | None]
    datasets: dict[str, ScoredSet]
    versions: dict[str, str]
    command: str
    date: str
    recogniser: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    views: str = ""
    name: str = ""
    id: str | None = None


def read_results(folder: Path) -> Results:
    """Read a results folder, named itself or by its rows.parquet.

    Raises UserError where a file is missing, broken, empty or not ours, and where they are not of one evaluation.
    """
    folder = folder.parent if folder.name == ROWS else folder
    rows, rows_id = read_rows_and_id(folder / ROWS)
    if not rows:
        raise UserError(f"{folder / ROWS}: holds no rows; write them again with `skinseg evaluate`")
    run = read_run(folder / RUN)
    unknown = {row.test_set for row in rows} - run["datasets"].keys()
    ids = {rows_id, run.get("id"), *_panels_id(folder)}
    if unknown or len(ids) > 1:
        raise UserError(
            f"{folder}: {ROWS}, {RUN} and {PANELS} are not of one evaluation, expected so; write them again with "
            "`skinseg evaluate`"
        )
    return Results(
        folder=folder,
        rows=as_frame(rows),
        run=run,
        scenes=_scenes(folder / SCENES),
        curves=_curves(folder / CURVES, Path(str(run["checkpoint"]))),
    )


def read_run(path: Path) -> dict[str, Any]:
    """What run.json says. Raises UserError where it is missing or broken, or says what it cannot."""
    run: dict[str, Any] = read_json(path, f"`skinseg evaluate` writes it beside {ROWS}")
    typed(RunRecord, run, str(path), "write it again with `skinseg evaluate`")
    return run


def _panels_id(folder: Path) -> list[str | None]:
    """Whose the panels are, nothing where there are none: a report does without."""
    try:
        return [read_panels_id(folder)] if (folder / PANELS).is_dir() else []
    except (OSError, ValueError):
        return ["unreadable"]


def _scenes(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    table = _table(path, _parquet, "image", "")
    if table["image"].duplicated().any():
        raise UserError(f"{path}: an image is in it twice; write it again with `skinseg evaluate`")
    return table


def _curves(path: Path, checkpoint: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return read_curves(checkpoint)
    table = _table(path, pd.read_csv, "epoch", ", or delete it")
    odd = [str(name) for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    epochs = table["epoch"]
    if odd or not len(epochs) or not (epochs % 1 == 0).all() or epochs.duplicated().any():
        what = f"words in the column {odd[0]}" if odd else "epochs that are no whole numbers, each once,"
        raise UserError(
            f"{path}: {what} found, expected numbers; write it again with `skinseg evaluate`, or delete it"
        )
    return table


def _parquet(path: Path) -> pd.DataFrame:
    table = pq.read_table(path, partitioning=None)
    table.validate(full=True)  # words that are no text would fail later
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _table(path: Path, read: Callable[[Path], pd.DataFrame], column: str, way_out: str) -> pd.DataFrame:
    """A table that has the column. way_out: what helps beside writing it again."""
    try:
        table = read(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(
            f"{path}: not a table that can be read; write it again with `skinseg evaluate`{way_out}"
        ) from error
    if column not in table:
        raise UserError(f"{path}: lacks the column {column}; write it again with `skinseg evaluate`{way_out}")
    return table
