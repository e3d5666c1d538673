"""Answers to how dark a skin is: their measures against loops that anyone can read, and the tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.evaluation.tone_answers import (
    ITA,
    absolute_error,
    confusion,
    covered,
    difference,
    light_of,
    mean_of,
    rank_correlation,
    read_others,
    spread_over_lights,
    within,
)
from tests import fakes


def answers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    truth = rng.uniform(-60, 75, 200)
    table = pd.DataFrame(
        {
            "source": ITA, "test_set": "rendered", "image": [f"{i:06d}" for i in range(200)],
            "subject": [f"person {i // 2}" for i in range(200)], "true_ita": truth,
            "true_group": [6 - int(np.searchsorted([-30, 10, 28, 41, 55], x, "right")) for x in truth],
            "ita": truth + rng.normal(0, 12, 200), "deviation": np.nan, "light": "outdoors",
        }
    )  # fmt: skip
    better = table.assign(source="recogniser", ita=truth + rng.normal(0, 6, 200), deviation=6.0)
    both = pd.concat([table, better], ignore_index=True)
    both["group"] = [6 - int(np.searchsorted([-30, 10, 28, 41, 55], x, "right")) for x in both["ita"]]
    return both.assign(rank=both["ita"])


def test_measures_are_what_a_loop_says() -> None:
    table = answers()
    one = table[table["source"] == "recogniser"]
    errors = [abs(row.ita - row.true_ita) for row in one.itertuples()]
    found = mean_of(absolute_error(one), one)
    assert found.value == pytest.approx(np.mean(errors))
    assert found.low < found.value < found.high
    assert found.images == 200
    inside = [abs(row.ita - row.true_ita) <= 1.6449 * row.deviation for row in one.itertuples()]
    assert covered(one).mean() == pytest.approx(np.mean(inside))
    assert 0.8 < covered(one).mean() < 0.97
    assert covered(table[table["source"] == ITA]).isna().all()
    counts = confusion(one)
    assert counts.sum() == 200
    assert np.trace(counts) / 200 == pytest.approx(within(one, 0).mean())
    assert rank_correlation(one) > 0.95
    less = difference(table, "recogniser")
    assert less.high < 0
    ours, theirs = (absolute_error(table[table["source"] == name]).mean() for name in ("recogniser", ITA))
    assert less.value == pytest.approx(ours - theirs)


def test_a_person_seen_twice_has_a_spread() -> None:
    rows = pd.DataFrame({"subject": ["a", "a", "b", None], "ita": [10.0, 20.0, 5.0, 7.0]})
    found = spread_over_lights(rows)
    assert found.to_dict() == {"a": pytest.approx(np.std([10, 20], ddof=1))}


def test_light_in_words() -> None:
    scenes = pd.DataFrame(
        {
            "outdoors": [True, False, False],
            "temperature": [6500.0, 3000.0, 6000.0],
            "panorama": ["", "", "sunset"],
        }
    )
    assert light_of(scenes).tolist() == ["outdoors", "room, warm", "panorama"]


def test_other_tools_tables_are_read_by_their_columns(tmp_path: Path) -> None:
    table = tmp_path / "stone.csv"
    table.write_text(
        "file,image type,face id,skin tone,tone label\n000001.png,color,1,#c58c85,CG\n000001.png,color,2,#373028,CA\n"
        "b,color,NA,NA,NA\n"
    )
    found = read_others(table)
    assert found.name == "stone"
    assert 10 < found.rows.loc["000001", "ita"] < 60
    assert np.isnan(found.rows.loc["b", "ita"])
    table.write_text("image,tone\na,1\nb,6\n")
    tones = read_others(table).rows
    assert tones["group"].tolist() == [1, 6]
    assert tones.loc["a", "rank"] > tones.loc["b", "rank"], "lighter ranks higher, as ITA does"
    table.write_text("image,label\na,9\n")
    assert read_others(table).rows["group"].isna().all(), "another scale's steps are no groups"
    for text, said in (
        ("image,tone\na,9\n", "other than 1 to 6"),
        ("image,monk\na,9\n", "expected image"),
        ("image,ita\na,dark\n", "column ita"),
        ("image,ita\na,1e999\n", "not finite"),
    ):
        table.write_text(text)
        with pytest.raises(UserError, match=said):
            read_others(table)


def test_labelled_photographs_are_compared_by_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes.make_folder(tmp_path / "data" / "mine", 24, table=True)
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("image,label\n" + "".join(f"photo-{i:02d},{i % 6}\n" for i in range(1, 24)))
    out = tmp_path / "out"
    command = ["tones", "compare", "--data-root", str(tmp_path / "data"), "--answers", str(theirs)]
    assert main([*command, "--out", str(out)]) == 0
    text = (out / "compare.md").read_text(encoding="utf-8")
    assert "same group" in text
    assert "mean error" not in text, "a label is no angle"
    rows = pd.read_csv(out / "answers.csv")
    assert rows["source"].value_counts().to_dict() == {"ITA": 24, "theirs": 23}
    assert main(["tones", "compare", "--out", str(out)]) == 2
    assert "nothing to compare on" in capsys.readouterr().err
