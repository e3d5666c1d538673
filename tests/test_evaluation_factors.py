"""What goes with an image's IoU: planted effects are found, chance is not, and groups are what they say."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skinseg.evaluation.factors import BINS, effects, grouped
from skinseg.evaluation.rows import as_frame
from tests.test_evaluation_rows import ROW


def frame(count: int = 120, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows whose IoU falls with brightness and is low for a hat, and the scenes that say who wears one."""
    rng = np.random.default_rng(seed)
    brightness, hat = rng.random(count), rng.random(count) < 0.3
    iou = np.clip(0.8 - 0.3 * brightness - 0.2 * hat + rng.normal(0, 0.03, count), 0, 1)
    rows = [
        dataclasses.replace(
            ROW, test_set="rendered", image=f"{i:03}", subject=None, tp=int(1000 * iou[i]), fp=0,
            fn=1000 - int(1000 * iou[i]), tn=int(rng.integers(500, 5000)), brightness=float(brightness[i]),
            sharpness=float(rng.random()), regions=int(rng.integers(1, 4)), ita=None, tone=i % 6 + 1,
            tone_source="labelled",
        )
        for i in range(count)
    ]  # fmt: skip
    scenes = pd.DataFrame(
        {
            "image": [f"{i:03}" for i in range(count)],
            "accessories": ["hat glasses" if worn else "glasses" for worn in hat],
            "roll": rng.random(count),
            "outdoors": rng.random(count) < 0.5,
        }
    )
    return as_frame(rows), scenes.sample(frac=1, random_state=1)


def test_planted_effects_lead_and_chance_stays_behind() -> None:
    rows, scenes = frame()
    found = effects(rows, scenes)
    by_name = {effect.factor: effect for effect in found}
    assert {effect.factor for effect in found[:2]} == {"brightness", "accessories: hat"}
    assert by_name["brightness"].rho < -0.5
    assert by_name["brightness"].q < 0.01
    assert [group.name for group in by_name["accessories: hat"].groups] == ["with", "without"]
    assert by_name["accessories: hat"].groups[0].mean < by_name["accessories: hat"].groups[1].mean - 0.1
    for chance in ("sharpness", "scene: roll", "scene: outdoors", "tone, labelled"):
        assert by_name[chance].q > 0.05, chance
    assert "accessories: glasses" not in by_name, "all wear them"
    assert "ita" not in by_name, "unknown of every image"
    assert [effect.explained for effect in found] == sorted((e.explained for e in found), reverse=True)


def test_numbers_are_those_of_scipy() -> None:
    rows, scenes = frame(80, seed=3)
    brightness = {e.factor: e for e in effects(rows, scenes)}["brightness"]
    iou = (rows["tp"] / (rows["tp"] + rows["fn"])).to_numpy()
    assert brightness.rho == pytest.approx(stats.spearmanr(rows["brightness"], iou).statistic)
    codes, names = grouped(rows["brightness"])
    parts = [iou[codes == i] for i in range(len(names))]
    f = stats.f_oneway(*parts)
    between = f.statistic * (len(names) - 1)
    assert brightness.explained == pytest.approx(between / (between + len(iou) - len(names)))
    assert [group.mean for group in brightness.groups] == pytest.approx([part.mean() for part in parts])
    assert sum(group.images for group in brightness.groups) == 80


@pytest.mark.slow
def test_chance_alone_is_seldom_called_an_effect() -> None:
    called = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows, _ = frame(60, seed)
        tp = rng.integers(200, 900, 60)
        called += any(effect.q <= 0.05 for effect in effects(rows.assign(tp=tp, fn=1000 - tp)))
    assert called <= 4


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60))
def test_every_number_is_in_one_bin_and_bins_are_in_order(values: list[float | None]) -> None:
    column = pd.Series(values, dtype="float64")
    codes, names = grouped(column)
    assert len(names) <= BINS
    assert ((codes < 0) == column.isna()).all()
    kept = column[codes >= 0].groupby(codes[codes >= 0]).agg(["min", "max"])
    assert len(kept) == len(names)
    assert (kept["max"].to_numpy()[:-1] < kept["min"].to_numpy()[1:]).all()


def test_many_words_end_in_other() -> None:
    codes, names = grouped(pd.Series(["a"] * 5 + ["b"] * 4 + [f"w{i}" for i in range(20)] + [None]))
    assert len(names) == 8
    assert names[-1] == "other"
    assert codes[-1] == -1
    assert (codes[:5] == 0).all()
