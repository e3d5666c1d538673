"""What decides a training tells arms of a report apart; its seed, places and machine do not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from skinseg.cli import main
from skinseg.evaluation.rows import read_rows
from skinseg.models.configuration import (
    UNRECORDED,
    configuration_hash,
    configuration_of,
    deciding,
    differing,
)
from tests import fakes

OPTIONS: dict[str, Any] = {
    "seed_everything": 0, "runs": "runs", "job": "train", "adapt": "fda",
    "data": {"size": 64, "limit_train": None, "seed": 0, "data_root": "a", "num_workers": 0},
    "model": {"lr": 0.001, "encoder": "small", "seed": 0, "compile": False},
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "logger": {"class_path": "CSVLogger", "save_dir": "x"}},
    "fda": {"beta": 0.01}, "pixmatch": {"weight": 1.0},
}  # fmt: skip


def hash_of(**changes: Any) -> str:
    """Changes by dotted name, with __ for the dot."""
    options = {name: dict(each) if isinstance(each, dict) else each for name, each in OPTIONS.items()}
    for name, value in changes.items():
        room, _, option = name.partition("__")
        if option:
            options[room][option] = value
        else:
            options[room] = value
    return configuration_hash(configuration_of({"options": deciding(options), "size": 96}))


@pytest.mark.parametrize(
    "change",
    [
        {"seed_everything": 1, "data__seed": 1, "model__seed": 1}, {"runs": "elsewhere"}, {"job": "another"},
        {"data__data_root": "b"}, {"data__num_workers": 4}, {"model__compile": True}, {"trainer__accelerator": "gpu"},
        {"trainer__logger": None}, {"pixmatch__weight": 2.0},
    ],
)  # fmt: skip
def test_seed_place_and_machine_decide_nothing(change: dict[str, Any]) -> None:
    assert hash_of(**change) == hash_of()


def test_every_other_option_decides() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"data__limit_train": 9}, {"model__lr": 0.01}, {"model__encoder": "large"}, {"trainer__max_epochs": 3},
        {"fda__beta": 0.1}, {"adapt": "pixmatch"}, {"data__not_known_today": 1},
    ]  # fmt: skip
    assert len({hash_of(**change) for change in changes}) == len(changes)


def test_what_differs_is_named_and_what_is_not_recorded_is_said() -> None:
    first, second = (
        {"adapt": "none", "model.encoder": "a", "model.lr": lr, "data.mosaic": 0} for lr in (1, 2)
    )
    old, older = ({"model.encoder": encoder} for encoder in ("a", "b"))
    assert differing([first, second]) == ["model.lr"]
    assert differing([first, first]) == []
    assert differing([first, old]) == [UNRECORDED]
    assert differing([first, older]) == ["model.encoder", UNRECORDED]
    assert differing([old, older]) == ["model.encoder"]
    assert differing([first, first | {"labels": {"lips": "skin"}}]) == ["labels"]


@pytest.mark.slow
def test_seeds_are_one_arm_and_configurations_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    fakes.make_rendered(tmp_path / "set", 30, 32)
    shutil.copytree("set", "copy")
    small = [
        *("--data.size", "32", "--data.batch_size", "8", "--data.cache_long_side", "32"),
        *("--model.decoder_channels", "[8,8,8,8,8]", "--trainer.accelerator", "cpu", "--trainer.max_epochs", "1"),
        *("--trainer.enable_progress_bar", "false", "--trainer.limit_val_batches", "1"),
    ]  # fmt: skip
    runs = {
        "a": ["--data.data_root", "set"],
        "b": ["--data.data_root", "copy", "--seed_everything", "1", "--data.cache_dir", "another"],
        "c": [
            "--data.data_root",
            "set",
            "--seed_everything",
            "2",
            "--model.lr",
            "0.01",
            "--data.limit_train",
            "8",
        ],
        "d": ["--data.data_root", "set", "--seed_everything", "3", "--model.pretrained", "runs/a"],
        "e": ["--data.data_root", "set", "--seed_everything", "4", "--model.pretrained", "runs/b"],
    }
    configs, minutes = {}, {}
    for name, options in runs.items():
        assert main(["fit", *small, *options, "--job", name]) == 0, capsys.readouterr().err
        (result,) = Path("runs", name).glob("*/result.json")
        record = json.loads(result.read_text())
        configs[name], minutes[name] = record["config"], (record["minutes_before"], record["minutes"])
    assert minutes["a"][0] == 0
    assert minutes["d"][0] == minutes["a"][1]
    assert configs["a"] == configs["b"]
    assert configs["d"] == configs["e"], "parents that differ in their seed"
    assert len(set(configs.values())) == 3

    for name in runs:
        assert main(["evaluate", "--checkpoint", f"runs/{name}", "--rendered", "set", "--out", name]) == 0
        assert {row.config for row in read_rows(Path(name, "rows.parquet"))} == {configs[name]}
    assert main(["report", *runs, "--out", "all"]) == 0
    text = Path("all", "report.md").read_text()
    assert "| rendered, limit_train None, lr 0.001, pretrained None | 2 |" in text
    assert "| rendered, limit_train 8, lr 0.01, pretrained None | 1 |" in text
    assert f"| rendered, limit_train None, lr 0.001, pretrained {configs['a'][:12]} | 2 |" in text
    assert "rendered: 3 configurations under one name, which differ in limit_train, lr, pretrained." in text
    table = pd.read_csv("all/report.csv")
    assert table[table["minus"].isna()].groupby("config")["seeds"].first().sort_values().tolist() == [1, 2, 2]
    assert "limit_train 8" in Path("all", "report.html").read_text()
