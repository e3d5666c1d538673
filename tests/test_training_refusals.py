"""Options whose run or score would be wrong are refused in one sentence, before a run's folder is made."""

from pathlib import Path

import pytest

from skinseg.errors import UserError
from skinseg.training import command

BGC = ["--adapt", "bgc", "--data.source", "rendered", "--data.source_root", "set"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--trainer.devices", "2"], r"--trainer.devices 2,"),
        (["--trainer.devices", "-1"], r"--trainer.devices -1,"),
        (["--trainer.devices", "0,1"], r"--trainer.devices 0,1,"),
        (["--trainer.devices", "[0,1]"], r"--trainer.devices \[0, 1\],"),
        (["--trainer.num_nodes", "2"], r"--trainer.num_nodes 2"),
        ([*BGC, "--trainer.devices", "2"], r"--trainer.devices 2,"),
        ([*BGC, "--trainer.accumulate_grad_batches", "2"], r"accumulate_grad_batches 2 with --adapt bgc"),
        (["--trainer.accumulate_grad_batches", "0"], r"accumulate_grad_batches 0: expected more than 0"),
        (["--trainer.limit_train_batches", "0"], r"limit_train_batches 0: expected more than 0"),
        (["--trainer.max_epochs", "0"], r"max_epochs 0: expected more than 0"),
        (["--seed_everything", "-1"], r"--seed_everything -1: expected 0 to 4294967295"),
        (["--seed_everything", str(1 << 70)], r"--seed_everything \d+: expected 0 to 4294967295"),
        ([*BGC, "--trainer.precision", "16-mixed"], r"precision 16-mixed with --adapt bgc"),
    ],
)
def test_fit_refuses(tmp_path: Path, options: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        command.main(["fit", *options, "--runs", str(tmp_path / "runs")])
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["validate", "test"])
def test_scores_are_of_one_device(name: str) -> None:
    with pytest.raises(UserError, match=r"--trainer.devices 2,.*expected one device"):
        command.main([name, "--trainer.devices", "2"])


@pytest.mark.parametrize("devices", ["1", "auto", "[0]", "0,", "[3]"])
def test_one_device_may_be_named(devices: str) -> None:
    with pytest.raises(UserError, match="nowhere"):  # further on
        command.main(["test", "--trainer.devices", devices, "--ckpt_path", "nowhere"])
