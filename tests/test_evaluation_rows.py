"""Result rows: what is written comes back, and a file that is not ours is refused in one sentence."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skinseg.errors import UserError
from skinseg.evaluation.rows import SCHEMA, ResultRow, as_frame, read_rows, read_rows_and_id, write_rows
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
    width=1_500_000_007,
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


def counted(row: ResultRow, tp: int, fp: int, fn: int, tn: int, **more: Any) -> ResultRow:
    """The row with these counts, and all else that follows from them: of a network that is sure of everything."""
    return dataclasses.replace(
        row, tp=tp, fp=fp, fn=fn, tn=tn, ignored=0, width=tp + fp + fn + tn, height=1, outside_person=min(1, tp + fp),
        positives=(fn,) + (0,) * (BINS - 2) + (tp,), negatives=(tn,) + (0,) * (BINS - 2) + (fp,), **more,
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
        UserError, match=r"earlier.parquet: result rows of version 1, 3 expected: .* evaluate`$"
    ):
        read_rows(earlier)
    assert SCHEMA.metadata == {b"skinseg": b"result rows 3"}
    typed = tmp_path / "typed.parquet"
    pd.DataFrame([dataclasses.asdict(ROW) | {"tp": "three"}]).to_parquet(typed)
    with pytest.raises(UserError, match="other types"):
        read_rows(typed)


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    """Wherever it is: in the file, where Parquet often takes it for another value, and in what it says of itself."""
    path = tmp_path / "rows.parquet"
    write_rows(path, [dataclasses.replace(ROW, image=f"{i}", subject=f"{i}") for i in range(20)], "an id")
    rows, results_id = read_rows_and_id(path)
    assert results_id == "an id"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = [
        *rng.integers(4, len(whole) - 8, 300),
        *(whole.rindex(word) + 1 for word in (b"an id", b"sha256")),
    ]
    for place in places:
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :]
        )
        try:
            assert read_rows_and_id(path) == (rows, results_id), "a bit that says nothing"
        except UserError:
            continue
    path.write_bytes(whole)
    changed = pq.read_table(path)
    changed = changed.set_column(5, SCHEMA.field(5), pa.array([ROW.tp + 1] * 20))
    pq.write_table(changed, path)
    with pytest.raises(UserError, match="not those that were written, by their digest"):
        read_rows(path)


def test_the_digest_cannot_be_left_out(tmp_path: Path) -> None:
    """A file of before has none; one that says that it is of now has to."""
    path = tmp_path / "rows.parquet"
    write_rows(path, [ROW])
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"skinseg": b"result rows 3"}), path)
    with pytest.raises(UserError, match="by their digest"):
        read_rows(path)
    pq.write_table(table.replace_schema_metadata({b"skinseg": b"result rows 2"}), path)
    assert read_rows(path) == [ROW]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fp": -2}, "fp is -2, expected no negative count"),
        ({"tn": 5}, "do not add up to its 3000000014 pixels"),
        ({"fn": 2, "tn": 5}, "positives and negatives do not add up"),
        ({"positives": (3, ROW.tp)}, "are not 128 counts each"),
        ({"contour_found": 10}, "more of the outlines was found"),
        ({"outside_person": 4_000_000_000}, "outside_person is 4000000000"),
        ({"tone": 7}, "tone is 7, expected 1 to 6"),
        ({"brightness": float("nan")}, "is not finite"),
    ],
)
def test_counts_that_cannot_be_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, [ROW, dataclasses.replace(ROW, image="bad", **change)])
    with pytest.raises(UserError, match=f"rows.parquet: ecu, bad, skin: .*{said}"):
        read_rows(path)
