"""The third data contract: one row of counts per (run, test set, image, head).

Every reported number is a reduction of these rows, so no image is predicted twice to get another number.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from skinseg.errors import UserError
from skinseg.evaluation.score_histogram import BINS
from skinseg.files import written_whole

VERSION = 3
_WITHOUT_DIGEST = 2
"""The version whose files have neither a digest nor an id; their rows are the same."""

ROWS, RUN = "rows.parquet", "run.json"
SCENES = "scenes.parquet"
"""Beside the rows: what was drawn for each scored frame of a rendered set, but for the Scene itself."""


@dataclass(frozen=True)
class ResultRow:
    """What one forward pass, or a mask of somebody's, said about one head of one image, and what is known of the image.

    run: the path of the checkpoint or of the folder of masks as given. test_set: name of the dataset.
    subset: "test" (the split's test part) or "all".
    tp, fp, fn, tn, ignored: pixels at the image's own resolution, width x height together.
    contour_true, contour_found, contour_predicted, contour_right: pixels, see `skinseg.evaluation.contour`.
    outside_person: predicted skin pixels, ignored ones left out, where the model sees no person; None for every other
        head, and where the model has no person head.
    positives, negatives: pixels per bin of probability, see `skinseg.evaluation.score_histogram`.
    tone: Fitzpatrick group 1-6; tone_source says whether it was "labelled", "estimated" (from ITA) or "recognised"
        (by a model, see `skinseg.recognition`).
    ita: individual typology angle of the true skin pixels, degrees.
    brightness, sharpness, regions: see `skinseg.evaluation.image_properties`; regions is None without a skin mask.
    trained_on, pretrained_on: datasets of the model's last training and of those before it, and seed, that of the
        last; see `skinseg.models.lineage`. seen: whether training showed the image, one of its `SEEN`.
    threshold: probability from which a pixel counts as foreground.
    weights, config, split: hex SHA-256, or the part of it their writers keep; config is of what decided the training
        but for its seed, see `skinseg.models.configuration`, and of changes to the label policy scored by; weights
        of a folder of masks: see `skinseg.evaluation.masks.MaskFolder.hash`.
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
    contour_true: int
    contour_found: int
    contour_predicted: int
    contour_right: int
    outside_person: int | None
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    tone: int | None
    tone_source: str | None
    ita: float | None
    subject: str | None
    brightness: float
    sharpness: float
    regions: int | None
    trained_on: str
    pretrained_on: str | None
    seed: int | None
    seen: str
    threshold: float
    weights: str
    config: str
    split: str


_FORMAT = b"result rows "
_ARROW: dict[object, tuple[pa.DataType, bool]] = {
    int: (pa.int64(), False),
    int | None: (pa.int64(), True),
    float: (pa.float64(), False),
    float | None: (pa.float64(), True),
    str: (pa.string(), False),
    str | None: (pa.string(), True),
    tuple[int, ...]: (pa.list_(pa.int64()), False),
}
_FIELDS = dataclasses.fields(ResultRow)
_HISTOGRAMS = ("positives", "negatives")
_COUNTS = tuple(field.name for field in _FIELDS if field.type is int)
_DIGEST, _ID = b"sha256", b"id"

SCHEMA = pa.schema(
    [pa.field(field.name, _ARROW[field.type][0], nullable=_ARROW[field.type][1]) for field in _FIELDS],
    metadata={b"skinseg": _FORMAT + str(VERSION).encode()},
)


def write_rows(path: Path, rows: Sequence[ResultRow], results_id: str | None = None) -> None:
    """Write rows as Parquet, with their digest; the file is whole or absent.

    results_id: of the evaluation that made them; run.json and the panels beside have the same.
    """
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in _FIELDS}
    table = pa.Table.from_pydict(columns, schema=SCHEMA)
    known = {} if results_id is None else {_ID: results_id.encode()}
    known[_DIGEST] = _digest(_columns(table), known.get(_ID))
    with written_whole(path) as beside:
        pq.write_table(table.replace_schema_metadata({**SCHEMA.metadata, **known}), beside)


def read_rows(path: Path) -> list[ResultRow]:
    """Read what `write_rows` wrote. Raises UserError for a file that is absent, of another version, not ours, or not as
    it was written, and for counts that cannot be."""
    return read_rows_and_id(path)[0]


def read_rows_and_id(path: Path) -> tuple[list[ResultRow], str | None]:
    """As `read_rows`, and the id of the evaluation that made them, None where the file has none."""
    if not path.is_file():
        raise UserError(
            f"{path}: no result rows found; write them with `skinseg evaluate --out {path.parent}`"
        )
    try:
        # partitioning=None: a folder named like "seed=0" must not become a column.
        table = pq.read_table(path, partitioning=None)
        metadata = table.schema.metadata or {}
        ours = table.schema.equals(SCHEMA, check_metadata=False)
        if ours:
            table.validate(full=True)  # what is damaged must not be found by walking over it
        columns = _columns(table) if ours else {}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a Parquet file that can be read ({_first_line(error)}); "
            "write it again with `skinseg evaluate`"
        ) from error
    version = metadata.get(b"skinseg", b"")
    readable = [_FORMAT + str(each).encode() for each in (VERSION, _WITHOUT_DIGEST)]
    if version.startswith(_FORMAT) and version not in readable:
        found = version.removeprefix(_FORMAT).decode(errors="replace")
        raise UserError(
            f"{path}: result rows of version {found}, {VERSION} expected: another version of skinseg wrote "
            "them; score the checkpoint again with `skinseg evaluate`"
        )
    if not ours:
        missing = [name for name in SCHEMA.names if name not in table.schema.names]
        detail = f"columns {', '.join(missing)} are missing" if missing else "its columns have other types"
        raise UserError(
            f"{path}: not a table of skinseg result rows: {detail}; write it again with `skinseg evaluate`"
        )
    known = metadata.keys() & {_DIGEST, _ID}
    if (known or version != readable[1]) and metadata.get(_DIGEST) != _digest(columns, metadata.get(_ID)):
        raise UserError(
            f"{path}: is damaged: the rows are not those that were written, by their digest; copy it again, or write "
            "it again with `skinseg evaluate`"
        )
    for name in _HISTOGRAMS:
        columns[name] = [tuple(bins) for bins in columns[name]]
    rows = [ResultRow(*values) for values in zip(*(columns[name] for name in SCHEMA.names), strict=True)]
    for row in rows:
        flaw = _flaw(row)
        if flaw:
            raise UserError(
                f"{path}: {row.test_set}, {row.image}, {row.head}: {flaw}; write it again with `skinseg evaluate`"
            )
    found_id = metadata.get(_ID)
    return rows, None if found_id is None else found_id.decode()


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    return {name: table[name].to_pylist() for name in SCHEMA.names}


def _digest(columns: Mapping[str, Sequence[Any]], results_id: bytes | None) -> bytes:
    """64 hex digits over every value and the id, whatever pages, codecs and encodings the file has."""
    found = hashlib.sha256(results_id or b"")
    for name, values in columns.items():
        found.update(json.dumps([name, values]).encode())
    return found.hexdigest().encode()


def _flaw(row: ResultRow) -> str | None:
    """What of a row's counts cannot be, or None."""
    bins = (*row.positives, *row.negatives)
    counts = {name: getattr(row, name) for name in _COUNTS}
    pixels = row.width * row.height
    for name, count in counts.items():
        if count < 0:
            return f"{name} is {count}, expected no negative count"
    if len(row.positives) != BINS or len(row.negatives) != BINS or not all((each or 0) >= 0 for each in bins):
        return f"positives and negatives are not {BINS} counts each"
    if row.tp + row.fp + row.fn + row.tn + row.ignored != pixels:
        return f"tp, fp, fn, tn and ignored do not add up to its {pixels} pixels"
    if (sum(row.positives), sum(row.negatives)) != (row.tp + row.fn, row.fp + row.tn):
        return "positives and negatives do not add up to tp + fn and fp + tn"
    if row.contour_found > row.contour_true or row.contour_right > row.contour_predicted:
        return "more of the outlines was found than there is"
    if not 0 <= (row.outside_person or 0) <= row.tp + row.fp:
        return f"outside_person is {row.outside_person}, expected 0 to tp + fp"
    if row.tone not in (None, 1, 2, 3, 4, 5, 6):
        return f"tone is {row.tone}, expected 1 to 6"
    if not all(math.isfinite(each) for each in (row.brightness, row.sharpness, row.threshold, row.ita or 0)):
        return "brightness, sharpness, threshold or ita is not finite"
    return None


def as_frame(rows: Sequence[ResultRow]) -> pd.DataFrame:
    """Rows as a DataFrame with the columns of ResultRow.

    Whole numbers that may be absent are nullable Int64, `ita` float with NaN, the histograms tuples.
    """
    frame = pd.DataFrame({field.name: [getattr(row, field.name) for row in rows] for field in _FIELDS})
    kinds = {int: "int64", int | None: "Int64", float: "float64", float | None: "float64"}
    return frame.astype({field.name: kinds[field.type] for field in _FIELDS if field.type in kinds})  # type: ignore[index]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
