"""What probing says of models that fail in known ways, and what it keeps of it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.probing import failures, probe
from skinseg.probing.effects import effects, gap, ranked
from skinseg.probing.probe import factors_named, run_probe, write
from skinseg.probing.probe_page import probe_tables, verdict, write_probe
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.rendering.scene_list import read_scenes
from tests.probing_fakes import Sets, misses_dark, studio

CONFIG = GeneratorConfig(p_second=0.0, p_crowd=0.0)


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> Sets:
    made = Sets()
    for module in (probe, failures):
        monkeypatch.setattr(module, "shoot", made.shoot)
    return made


def test_a_paired_effect_is_far_narrower_than_an_unpaired_one() -> None:
    rng = np.random.default_rng(0)
    scenes = rng.normal(0.6, 0.2, 40)
    iou = {
        level: scenes + offset + rng.normal(0, 0.02, 40)
        for level, offset in zip("123456", (0.03, 0.02, 0.01, 0, -0.01, -0.05), strict=True)
    }
    found = effects("tone", iou, None)
    assert [each.level for each in found] == ["6", "5", "4", "3", "2", "1"]
    for each in found:
        assert each.low < each.value < each.high
        assert each.width < 0.5 * each.unpaired
    widest = gap("tone", iou)
    assert widest is not None
    assert (widest.level, widest.against) == ("1", "6")
    assert widest.low < 0.08 < widest.high
    assert ranked(found)[0].level == "6"


def test_scenes_without_a_level_are_in_no_pair() -> None:
    iou = {"as drawn": np.array([0.5, 0.6, 0.7]), "beard": np.array([0.4, np.nan, 0.6])}
    (only,) = effects("worn", iou, "as drawn")
    assert (only.scenes, round(only.value, 6)) == (2, -0.1)
    nobody = effects("worn", iou | {"beard": np.full(3, np.nan)}, "as drawn")[0]
    assert nobody.scenes == 0
    assert gap("tone", {"1": np.full(2, np.nan), "2": np.ones(2)}) is None


def test_it_says_that_a_model_misses_dark_skin_and_goes_on_without_rendering(
    tmp_path: Path, sets: Sets
) -> None:
    def run() -> probe.Probed:
        return run_probe(CONFIG, 0, 8, ["tone", "background"], 30, 8, misses_dark, "abc", studio(tmp_path))

    probed = run()
    tone = {each.level: each for each in probed.effects["tone"]}
    assert {each.level for each in probed.effects["tone"][:2]} == {"5", "6"}
    assert tone["6"].value < -0.1 < 0 < tone["1"].value
    worst = probed.gaps["tone"].against
    assert worst in ("5", "6")
    assert set(sets.scenes) == {"as-drawn", "tone", "background", "search-abc-8", "again-abc-8-30"}
    # Eight scenes in six tones: one of each is the scene as it was drawn.
    assert len(sets.scenes["tone"]) == 40

    assert probed.search is not None
    assert len(probed.search.found) == 30
    assert probed.confirmed
    assert len(probed.chosen) == 8
    assert len({scene.to_json() for scene in probed.chosen}) == 8
    # Half fail or descend from what does, half are scenes that were not probed.
    probed_scenes = set(range(8 + probed.given_up))
    assert [scene.index in probed_scenes for scene in probed.chosen] == [True] * 4 + [False] * 4

    count = sets.rendered
    again = run()
    assert sets.rendered == count
    assert repr(again) == repr(probed)

    write(probed, tmp_path)
    table = pd.read_parquet(tmp_path / "probe.parquet")
    assert len(table) == len(probed.rows)
    assert (tmp_path / table["frame"].iloc[0]).is_file()
    assert ((table["tp"] / (table["tp"] + table["fp"] + table["fn"])) - table["iou"]).abs().max() < 1e-9
    assert read_scenes(tmp_path / "chosen.jsonl") == probed.chosen
    assert len(read_scenes(tmp_path / "probe.parquet")) == len(table)
    assert json.loads((tmp_path / "probe.json").read_text())["search"]["renders"] == 30

    said, tables = write_probe(probed, misses_dark, "a model", "skinseg probe", tmp_path)
    assert f"group {worst}" in said
    page = (tmp_path / "report.html").read_text()
    assert "data:image/jpeg;base64," in page
    failed = table[(table["factor"] == "search") & (table["iou"] < probed.search.threshold)]
    failed = failed[failed["skin_share"] >= CONFIG.min_skin_share]
    roots = {json.loads(scene)["index"] for scene in failed["scene"]}
    assert f"{len(failed)} come from {len(roots)} of the scenes at random" in page
    assert "All effects by size" in page
    only = dataclasses.replace(probed, effects={"tone": probed.effects["tone"]})
    assert "All effects by size" not in {each.title for each in probe_tables(only)}
    assert len(tables) == len(probe_tables(probed)) + 1
    assert (tmp_path / "failures.jpg").is_file()
    assert said == verdict(probed)


def test_a_search_finds_more_failures_than_chance(tmp_path: Path, sets: Sets) -> None:
    probed = run_probe(CONFIG, 1, 30, [], 48, 0, misses_dark, "abc", studio(tmp_path))
    assert probed.search is not None
    assert probed.search.searched > 1.5 * probed.search.at_random
    # Worst of its cell, and no cell twice.
    for cell, each in probed.search.grid.items():
        assert each.cell == cell
        assert all(other.cell != cell or other.score.iou >= each.score.iou for other in probed.search.found)


def test_frames_that_nobody_could_label_are_no_failures(tmp_path: Path, sets: Sets) -> None:
    """Of upper bodies 2.8 % is skin here, 8 x 8 of 48 x 48 pixels; of faces 7.3 %."""
    strict = GeneratorConfig(p_second=0.0, p_crowd=0.0, min_skin_share=0.1)
    probed = run_probe(strict, 0, 5, ["framing"], 24, 0, misses_dark, "abc", studio(tmp_path))
    assert probed.given_up > 0
    assert probed.search is not None
    assert all(each.score.skin_share >= 0.1 for each in probed.search.grid.values())
    assert all(
        each.scenes == 0 for each in probed.effects["framing"]
    )  # no scene shows enough in all framings


def test_bad_input_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"no factor 'tones', did you mean tone"):
        factors_named("light,tones")
    out = ["--out", str(tmp_path / "out")]
    assert main(["probe", "--checkpoint", str(tmp_path / "none"), "--choose", "3", *out]) == 2
    assert "--renders" in capsys.readouterr().err
    assert main(["probe", "--checkpoint", str(tmp_path / "none"), *out]) == 2
    assert "none does not exist" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
