"""The third data contract: one row of confusion counts per (run, test set, image, head).

Every reported number is a reduction of these rows, so no image is predicted twice to get another number.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from skinseg.errors import UserError
from skinseg.files import written_whole


@dataclass(frozen=True)
class ResultRow:
    """What one forward pass said about one head of one image.

    run: the checkpoint's path as given. test_set: name of the dataset.
    subset: "test" (the split's test part) or "all".
    tp, fp, fn, tn, ignored: pixels at the image's own resolution, width x height together.
    tone: Fitzpatrick group 1-6; tone_source says whether it was "labelled" or "estimated" (from ITA).
    ita: individual typology angle of the true skin pixels, degrees.
    threshold: probability from which a pixel counts as foreground.
    weights, config, split: hex SHA-256, or the part of it their writers keep.
    """

    run: str
    test_set: str
    subset: str
    image: str
    head: str
    tp: int
    fp: int
    fn: int
    tn: int
    ignored: int
    width: int
    height: int
    tone: int | None
    tone_source: str | None
    ita: float | None
    subject: str | None
    threshold: float
    weights: str
    config: str
    split: str


_FORMAT = {b"skinseg": b"result rows 1"}
_COUNTS = ("tp", "fp", "fn", "tn", "ignored", "width", "height")
_OPTIONAL = ("tone", "tone_source", "ita", "subject")


def _arrow_type(name: str) -> pa.DataType:
    if name in _COUNTS:
        return pa.int64()
    if name in ("ita", "threshold"):
        return pa.float64()
    return pa.int8() if name == "tone" else pa.string()


SCHEMA = pa.schema(
    [
        pa.field(field.name, _arrow_type(field.name), nullable=field.name in _OPTIONAL)
        for field in dataclasses.fields(ResultRow)
    ],
    metadata=_FORMAT,
)


def write_rows(path: Path, rows: Sequence[ResultRow]) -> None:
    """Write rows as Parquet; the file is whole or absent."""
    table = pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], schema=SCHEMA)
    with written_whole(path) as beside:
        pq.write_table(table, beside)


def read_rows(path: Path) -> list[ResultRow]:
    """Read what `write_rows` wrote. Raises UserError for a file that is absent or not ours."""
    if not path.is_file():
        raise UserError(
            f"{path}: no result rows found; write them with `skinseg evaluate --out {path.parent}`"
        )
    try:
        # partitioning=None: a folder named like "seed=0" must not become a column.
        table = pq.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path}: not a Parquet file that can be read ({_first_line(error)}); "
            "write it again with `skinseg evaluate`"
        ) from error
    if not table.schema.equals(SCHEMA, check_metadata=False):
        missing = [name for name in SCHEMA.names if name not in table.schema.names]
        detail = f"columns {', '.join(missing)} are missing" if missing else "its columns have other types"
        raise UserError(
            f"{path}: not a table of skinseg result rows: {detail}; write it again with `skinseg evaluate`"
        )
    return [ResultRow(**values) for values in table.to_pylist()]


def as_frame(rows: Sequence[ResultRow]) -> pd.DataFrame:
    """Rows as a DataFrame with the columns of ResultRow; `tone` is nullable Int64, `ita` float with NaN."""
    names = [field.name for field in dataclasses.fields(ResultRow)]
    frame = pd.DataFrame([dataclasses.astuple(row) for row in rows], columns=names)
    return frame.astype({"tone": "Int64", "ita": "float64"} | dict.fromkeys(_COUNTS, "int64"))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
