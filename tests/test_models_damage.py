"""Weights that are not as they were written, or are no numbers, are refused; a run goes on from what is whole."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from skinseg.errors import UserError
from skinseg.models.checkpoint import BEST, LAST, metadata_of, newest_whole, read_checkpoint
from skinseg.models.unet import TwoHeadUnet
from tests.test_models_checkpoint import CHANNELS, saved

FLIPS = 12


def export(path: Path) -> None:
    torch.manual_seed(3)
    model = TwoHeadUnet(decoder_channels=CHANNELS)
    safetensors.torch.save_file(dict(model.state_dict()), path)
    path.with_name("config.json").write_text(json.dumps(metadata_of(model, size=96)))


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


@pytest.mark.parametrize(("name", "write"), [("a.ckpt", saved), ("model.safetensors", export)])
def test_a_flipped_bit_is_refused(name: str, write: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / name
    write(path)
    whole = read_checkpoint(path)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(FLIPS):
        place, bit = int(rng.integers(path.stat().st_size)), int(rng.integers(8))
        flip(path, place, bit)
        try:
            found = read_checkpoint(path)
            assert (found.sha256, found.metadata) == (whole.sha256, whole.metadata), "a bit that says nothing"
        except UserError as error:
            assert name in str(error)  # noqa: PT017
            refused += 1
        flip(path, place, bit)
    assert refused >= FLIPS - 2
    assert read_checkpoint(path).sha256 == whole.sha256


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    """The record is right: its hash is of these weights."""
    model = TwoHeadUnet(decoder_channels=CHANNELS)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = value
    weights = {f"network.{name}": each for name, each in model.state_dict().items()}
    saved(tmp_path / "a.ckpt", state_dict=weights, skinseg=metadata_of(model, size=96, split="abc"))
    with pytest.raises(UserError, match=r"a\.ckpt: .* holds numbers that are not finite"):
        read_checkpoint(tmp_path / "a.ckpt")


def test_a_run_goes_on_from_its_newest_whole_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last, best = tmp_path / LAST, tmp_path / BEST
    saved(last)
    saved(best)
    assert newest_whole(tmp_path).path == last
    flip(last, last.stat().st_size // 2, 3)
    assert newest_whole(tmp_path).path == best
    assert f"{last} is damaged" in capsys.readouterr().out
    last.write_bytes(last.read_bytes()[:1000])
    assert newest_whole(tmp_path).path == best
    last.unlink()
    assert newest_whole(tmp_path).path == best
    best.write_bytes(b"")
    with pytest.raises(UserError, match=f"{LAST} does not exist"):
        newest_whole(tmp_path)
