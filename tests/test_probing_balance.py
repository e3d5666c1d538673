"""Cells as a camera sees them, and sets that are even in them."""

import json
from pathlib import Path

import numpy as np
import pytest

from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.probing import balance
from skinseg.probing.balance import WAYS, fill, least_of_most, run_balance
from skinseg.probing.balance_page import write_balance
from skinseg.probing.cells import AXES, all_cells, axes_named, cell_name, cell_of, evenness, measured
from skinseg.probing.foresight import fit
from skinseg.probing.settings import Trial, search_settings
from skinseg.synthetic.config import GeneratorConfig
from skinseg.tones.ita import ITA_RANGES, fitzpatrick_of, lab_to_linear, linear_to_srgb
from tests.probing_fakes import Sets, developed, studio

CONFIG = GeneratorConfig(p_second=0.0, p_crowd=0.0)
EVERY = tuple(AXES.values())


def test_ninety_cells_of_what_a_camera_sees() -> None:
    assert len(all_cells(EVERY)) == 90
    assert cell_name(EVERY, (5, 0, 2)) == "tone VI, framing far, light bright"
    for ita in (80.0, 55.0, 54.9, 41.0, 30.0, 10.0, -29.9, -30.0, -31.0):
        assert AXES["tone"].level(-ita) == fitzpatrick_of(ita) - 1
    image = np.full((100, 100, 3), 230, np.uint8)
    skin = np.zeros((100, 100), np.uint8)
    skin[:50, :60] = 1
    ita = sum(ITA_RANGES[4]) / 2
    color = linear_to_srgb(lab_to_linear((50 + 18 * np.tan(np.radians(ita)), 12, 18)))
    image[skin == 1] = np.round(255 * color)
    values = measured(EVERY, image, skin)
    assert values is not None
    assert cell_of(EVERY, values) == (3, 3, 2)
    assert measured(EVERY, image, np.zeros_like(skin)) is None


def test_evenness() -> None:
    assert evenness(np.array([5, 5, 5])) == pytest.approx(1)
    assert evenness(np.array([15, 0, 0])) == 0
    assert 0 < evenness(np.array([8, 1, 1])) < 1
    assert least_of_most([4, 5, 8]) == 0.5


def test_foresight_knows_a_line_and_how_sure_it_is() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 4))
    values = np.stack([20 * inputs[:, 0] + rng.normal(0, 2, 200), inputs[:, 1] - 2], axis=1)
    foresight = fit(inputs, values)
    assert foresight.spread[0] == pytest.approx(2, rel=0.2)
    axes = (AXES["tone"], AXES["framing"])
    chances = foresight.cells(axes, inputs)
    assert chances.shape == (200, 6, 5)
    assert chances.sum(axis=(1, 2)) == pytest.approx(np.ones(200))
    right = [
        chances[i].argmax() == np.ravel_multi_index(cell_of(axes, row), (6, 5))
        for i, row in enumerate(values)
    ]
    assert np.mean(right) > 0.8


def test_the_emptiest_cell_is_filled_first() -> None:
    counts = np.array([[5.0, 0.0], [3.0, 3.0]])
    sure = np.zeros((4, 2, 2))
    for place, cell in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]):
        sure[(place, *cell)] = 1
    assert fill(counts, sure, 3)[0] == 2
    assert sorted(fill(counts, sure, 9)) == [0, 1, 2, 3]


def cells_empty(way: str, folder: Path, sets: Sets, seed: int = 0) -> balance.Balanced:
    axes = axes_named("tone,framing")
    return run_balance(CONFIG, seed, 72, axes, way, f"set-{way}", studio(folder))


@pytest.mark.slow
def test_a_balanced_set_fills_more_cells_than_one_at_random_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = Sets(developed)
    monkeypatch.setattr(balance, "shoot", sets.shoot)
    found = {way: cells_empty(way, tmp_path, sets) for way in WAYS}
    assert all(len(each.taken) == 72 for each in found.values())
    assert len(found["balance"].empty) < len(found["uniform"].empty)
    assert len(found["rejection"].empty) < len(found["uniform"].empty)
    assert found["balance"].evenness > found["rejection"].evenness > found["uniform"].evenness
    pilot = [[each.shot.scene for each in some.taken[:24]] for some in found.values()]
    assert all(scenes == pilot[0] for scenes in pilot)
    assert sum(each.kept for each in found["queue"].taken) < 72

    count = sets.rendered
    again = cells_empty("balance", tmp_path, sets)
    assert sets.rendered == count
    assert again.taken == found["balance"].taken

    out = tmp_path / "page"
    said, _ = write_balance(again, "balance", "skinseg balance", out)
    assert "72 renders" in said
    lines = (out / "cells.csv").read_text().splitlines()
    assert lines[0] == "image,tone,framing,kept"
    assert len(lines) == 73
    record = json.loads((out / "balance.json").read_text())
    assert sum(record["cells"].values()) == record["kept"]


def test_a_level_that_no_scene_can_show_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "shoot", Sets().shoot)
    light_only = GeneratorConfig(p_second=0.0, p_crowd=0.0, tones={"I": 1.0})
    with pytest.raises(UserError, match=r"likely to show tone (II|III|IV|V)"):
        run_balance(light_only, 0, 60, axes_named("tone"), "balance", "set", studio(tmp_path))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--count", "20"], "90 cells for 20 frames"),
        (["--count", "300", "--cells", "tone,lihgt"], "no axis 'lihgt', did you mean light?"),
        (["--count", "300", "--cells", "tone,tone"], "expected each axis once"),
        (["--count", "300", "--way", "fast"], f"--way: fast found, {' or '.join(WAYS)} expected"),
        (["--count", "300", "--objective", "all"], "--objective: all found, cells or worst-group expected"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert main(["balance", *given, "--out", str(tmp_path / "set")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_settings_move_to_where_the_best_is_known(tmp_path: Path) -> None:
    """A toy: the worst of two groups gains from its own frames, so even tones and much cloth are best."""
    config = GeneratorConfig(tones={"I": 10.0, "VI": 1.0}, track={"face": 1.0}, p_clothed=0.2)
    asked = []

    def objective(each: GeneratorConfig) -> float:
        asked.append(each.hash)
        share = each.tones["VI"] / sum(each.tones.values())
        return min(share, 1 - share) - (each.p_clothed - 0.9) ** 2

    found = search_settings(objective, config, 240, 0, tmp_path)
    best = max(found, key=lambda trial: trial.value)
    assert found[0] == Trial(config, objective(config))
    assert best.value > 0.45
    assert best.config.tones["VI"] == pytest.approx(best.config.tones["I"], rel=0.3)
    assert best.config.p_clothed == pytest.approx(0.9, abs=0.15)

    # Half a line, as after a kill: the rest is not tried again.
    asked.clear()
    with (tmp_path / "trials.jsonl").open("a") as file:
        file.write('{"config_hash": "ab')
    assert search_settings(objective, config, 245, 0, tmp_path)[:240] == found
    assert len(asked) <= 5
