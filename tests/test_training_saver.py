"""A run that was moved or copied goes on as it was: its best score and its best checkpoint are its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from skinseg.training import command
from skinseg.training.saver import Saver
from tests.fakes import make_rendered


def saver(folder: Path) -> Saver:
    return Saver(folder, "best", monitor="val/skin_miou", mode="max", enable_version_counter=False)


def test_the_state_names_files_and_no_folder(tmp_path: Path) -> None:
    first = saver(tmp_path / "first")
    path = str(tmp_path / "first" / "best.ckpt")
    first.best_model_path = first.kth_best_model_path = path
    first.best_model_score = first.kth_value = torch.tensor(0.7)
    first.best_k_models = {path: torch.tensor(0.7)}
    state = first.state_dict()
    assert str(tmp_path) not in repr(state)
    second = saver(tmp_path / "second")
    second.load_state_dict(state)
    assert second.best_model_path == str(tmp_path / "second" / "best.ckpt")
    assert second.best_model_score == torch.tensor(0.7)
    assert second.best_k_models == {second.best_model_path: torch.tensor(0.7)}
    # So were runs of before: with the folder they lay in.
    second.load_state_dict(state | {"dirpath": "/elsewhere", "best_model_path": "/elsewhere/best.ckpt"})
    assert second.best_model_path == str(tmp_path / "second" / "best.ckpt")
    assert second.best_model_score == torch.tensor(0.7)


@pytest.mark.slow
def test_a_moved_run_keeps_its_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_rendered(tmp_path / "set", count=30, size=64)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    options = [
        *(
            "--data.data_root",
            "set",
            "--data.size",
            "64",
            "--data.batch_size",
            "8",
            "--data.cache_long_side",
            "64",
        ),
        *("--model.decoder_channels", "[8,8,8,8,8]", "--trainer.accelerator", "cpu", "--model.lr", "0.01"),
        *("--trainer.enable_progress_bar", "false"),
    ]
    command.main(["fit", *options, "--job", "moved", "--trainer.max_epochs", "2"])
    (run,) = Path("runs", "moved").iterdir()
    run = Path(shutil.move(run, tmp_path / "elsewhere"))
    best = (run / "checkpoints" / "best.ckpt").read_bytes()
    known = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["callbacks"]
    assert str(tmp_path) not in repr(
        {key: value for key, value in known.items() if "ModelCheckpoint" in key or "Saver" in key}
    )

    worse: list[Any] = []
    monkeypatch.setattr(
        "skinseg.training.module.SkinPersonModule.training_step",
        lambda self, batch, index: worse.append(index),
    )  # nothing is learnt: no later epoch is better
    last = run / "checkpoints" / "last.ckpt"
    command.main(["fit", *options, "--ckpt_path", str(last), "--trainer.max_epochs", "3"])
    assert worse
    assert (run / "checkpoints" / "best.ckpt").read_bytes() == best
    assert not Path("runs", "moved").exists() or not list(Path("runs", "moved").iterdir())
