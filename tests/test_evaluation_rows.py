"""Result rows: what is written comes back, and a file that is not ours is refused in one sentence."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skinseg.errors import UserError
from skinseg.evaluation.rows import SCHEMA, ResultRow, as_frame, read_rows, write_rows
from skinseg.evaluation.score_histogram import BINS

ROW = ResultRow(
    run="runs/a/best.ckpt",
    test_set="ecu",
    subset="test",
    image="im00001",
    head="skin",
    tp=3_000_000_000,
    fp=2,
    fn=3,
    tn=4,
    ignored=5,
    width=7,
    height=2,
    contour_true=9,
    contour_found=8,
    contour_predicted=7,
    contour_right=6,
    outside_person=1,
    positives=(0,) * (BINS - 2) + (3, 3_000_000_000),
    negatives=(4,) + (0,) * (BINS - 2) + (2,),
    tone=4,
    tone_source="estimated",
    ita=-12.25,
    subject="03",
    brightness=0.5,
    sharpness=100.0,
    regions=2,
    trained_on="hgr",
    pretrained_on="rendered",
    seed=0,
    seen="never",
    threshold=0.5,
    weights="aa",
    config="bb",
    split="cc",
)
BARE = dataclasses.replace(
    ROW, image="é/im 2", tone=None, tone_source=None, ita=None, subject=None, outside_person=None, regions=None,
    pretrained_on=None, seed=None,
)  # fmt: skip


def test_rows_come_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "seed=0" / "rows.parquet"
    write_rows(path, [ROW, BARE])
    assert read_rows(path) == [ROW, BARE]
    assert [file.name for file in path.parent.iterdir()] == ["rows.parquet"]


def test_no_rows_come_back_as_none(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", [])
    assert read_rows(tmp_path / "rows.parquet") == []


def test_frame_keeps_absent_values_absent() -> None:
    frame = as_frame([ROW, BARE])
    assert frame["tone"].tolist() == [4, pd.NA]
    assert np.isnan(frame["ita"].iloc[1])
    assert frame["subject"].isna().tolist() == [False, True]
    assert frame["tp"].tolist() == [3_000_000_000] * 2
    assert frame["regions"].tolist() == [2, pd.NA]
    assert frame["positives"].tolist() == [ROW.positives] * 2


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no result rows found"):
        read_rows(tmp_path / "rows.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("image,iou\n")
    with pytest.raises(UserError, match=r"text.parquet: not a Parquet file"):
        read_rows(text)
    other = tmp_path / "other.parquet"
    pd.DataFrame({"image": ["a"], "tp": [1]}).to_parquet(other)
    with pytest.raises(UserError, match=r"other.parquet: not a table of .* run, test_set, .* missing"):
        read_rows(other)
    earlier = tmp_path / "earlier.parquet"
    metadata = {b"skinseg": b"result rows 1"}
    pq.write_table(pa.table({"run": ["a"]}).replace_schema_metadata(metadata), earlier)
    with pytest.raises(
        UserError, match=r"earlier.parquet: result rows of version 1, 2 expected: .* evaluate`$"
    ):
        read_rows(earlier)
    assert SCHEMA.metadata == {b"skinseg": b"result rows 2"}
    typed = tmp_path / "typed.parquet"
    pd.DataFrame([dataclasses.asdict(ROW) | {"tp": "three"}]).to_parquet(typed)
    with pytest.raises(UserError, match="other types"):
        read_rows(typed)
