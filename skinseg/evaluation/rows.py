"""The third data contract: one row of counts per (run, test set, image, head).

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

VERSION = 2

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

SCHEMA = pa.schema(
    [pa.field(field.name, _ARROW[field.type][0], nullable=_ARROW[field.type][1]) for field in _FIELDS],
    metadata={b"skinseg": _FORMAT + str(VERSION).encode()},
)


def write_rows(path: Path, rows: Sequence[ResultRow]) -> None:
    """Write rows as Parquet; the file is whole or absent."""
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in _FIELDS}
    table = pa.Table.from_pydict(columns, schema=SCHEMA)
    with written_whole(path) as beside:
        pq.write_table(table, beside)


def read_rows(path: Path) -> list[ResultRow]:
    """Read what `write_rows` wrote. Raises UserError for a file that is absent, of another version or not ours."""
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
    found = (table.schema.metadata or {}).get(b"skinseg", b"")
    if found.startswith(_FORMAT) and found != SCHEMA.metadata[b"skinseg"]:
        version = found.removeprefix(_FORMAT).decode(errors="replace")
        raise UserError(
            f"{path}: result rows of version {version}, {VERSION} expected: another version of skinseg wrote "
            "them; score the checkpoint again with `skinseg evaluate`"
        )
    if not table.schema.equals(SCHEMA, check_metadata=False):
        missing = [name for name in SCHEMA.names if name not in table.schema.names]
        detail = f"columns {', '.join(missing)} are missing" if missing else "its columns have other types"
        raise UserError(
            f"{path}: not a table of skinseg result rows: {detail}; write it again with `skinseg evaluate`"
        )
    columns = {name: table[name].to_pylist() for name in SCHEMA.names}
    for name in _HISTOGRAMS:
        columns[name] = [tuple(bins) for bins in columns[name]]
    return [ResultRow(*values) for values in zip(*(columns[name] for name in SCHEMA.names), strict=True)]


def as_frame(rows: Sequence[ResultRow]) -> pd.DataFrame:
    """Rows as a DataFrame with the columns of ResultRow.

    Whole numbers that may be absent are nullable Int64, `ita` float with NaN, the histograms tuples.
    """
    frame = pd.DataFrame({field.name: [getattr(row, field.name) for row in rows] for field in _FIELDS})
    kinds = {int: "int64", int | None: "Int64", float: "float64", float | None: "float64"}
    return frame.astype({field.name: kinds[field.type] for field in _FIELDS if field.type in kinds})  # type: ignore[index]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
