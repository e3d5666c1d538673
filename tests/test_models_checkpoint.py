"""Checkpoints: exact there and back, every refusal a sentence, and which one is newest."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from skinseg.errors import UserError
from skinseg.models.checkpoint import (
    heads_that_differ,
    load_model,
    load_weights,
    metadata_of,
    newest_checkpoint,
    read_checkpoint,
)
from skinseg.models.encoder import weights_sha256
from skinseg.models.unet import TwoHeadUnet

CHANNELS = (16, 16, 8, 8, 8)


def saved(path: Path, head_split: str = "decoder", **changes: Any) -> TwoHeadUnet:
    torch.manual_seed(3)
    model = TwoHeadUnet(decoder_channels=CHANNELS, head_split=head_split)
    content: dict[str, Any] = {
        "epoch": 1,
        "state_dict": {f"network.{name}": value for name, value in model.state_dict().items()},
        "skinseg": metadata_of(model, size=96, split="abc"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**content, **changes}, path)
    return model


@pytest.mark.parametrize("head_split", ["conv", "decoder"])
def test_there_and_back_is_bit_exact(tmp_path: Path, head_split: str) -> None:
    model = saved(tmp_path / "a.ckpt", head_split)
    loaded = load_model(tmp_path / "a.ckpt")
    checkpoint = read_checkpoint(tmp_path / "a.ckpt")
    assert not loaded.training
    assert loaded.config == model.config == checkpoint.model
    assert checkpoint.size == 96
    assert checkpoint.metadata["split"] == "abc"
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert checkpoint.sha256 == weights_sha256(model.state_dict()) == weights_sha256(loaded.state_dict())


def test_hash_is_of_the_weights_alone(tmp_path: Path) -> None:
    model = saved(tmp_path / "a.ckpt")
    saved(tmp_path / "b.ckpt", epoch=7)
    first = read_checkpoint(tmp_path / "a.ckpt").sha256
    assert read_checkpoint(tmp_path / "b.ckpt").sha256 == first
    state = dict(model.state_dict())
    name = next(iter(state))
    state[name] = state[name].clone()
    state[name].view(-1)[0] += 1
    assert weights_sha256(state) != first


class Trap:
    """A pickle that makes a folder when it is opened carelessly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_checkpoint_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trapped"
    torch.save({"state_dict": {}, "skinseg": Trap(trap)}, tmp_path / "a.ckpt")
    (tmp_path / "b.ckpt").write_bytes(pickle.dumps(Trap(trap)))
    for name in ("a.ckpt", "b.ckpt"):
        with pytest.raises(UserError, match=name):
            read_checkpoint(tmp_path / name)
    assert not trap.exists()


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ckpt"
    saved(whole)
    (tmp_path / "text.ckpt").write_text("these are not weights")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    (tmp_path / "half.ckpt").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    torch.save([1, 2], tmp_path / "list.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    for name in ("text", "empty", "half", "list", "other", "missing"):
        with pytest.raises(UserError, match=f"{name}.ckpt"):
            read_checkpoint(tmp_path / f"{name}.ckpt")


def test_a_format_of_the_future_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "a.ckpt", skinseg={"format": 2, "model": {}, "size": 96})
    with pytest.raises(UserError, match="format 2, 1 expected"):
        read_checkpoint(tmp_path / "a.ckpt")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "a.ckpt", "conv")
    with pytest.raises(UserError, match=r"conv.*do not fit.*decoder"):
        load_weights(
            TwoHeadUnet(decoder_channels=CHANNELS, head_split="decoder"), read_checkpoint(tmp_path / "a.ckpt")
        )
    saved(tmp_path / "b.ckpt", state_dict={"network.none": torch.zeros(1)})
    with pytest.raises(UserError, match=r"b.ckpt.*do not fit"):
        load_model(tmp_path / "b.ckpt")


@pytest.mark.parametrize("head_split", ["conv", "decoder"])
def test_shared_heads_are_taken_over_and_the_others_left(tmp_path: Path, head_split: str) -> None:
    saved(tmp_path / "two.ckpt", head_split)
    three = TwoHeadUnet(decoder_channels=CHANNELS, head_split=head_split, heads=("skin", "person", "hair"))
    fresh = [value.clone() for value in three.head_parameters("hair")]
    two = read_checkpoint(tmp_path / "two.ckpt")
    load_weights(three, two)
    assert heads_that_differ(three, two) == [f"head hair: begins fresh, {tmp_path / 'two.ckpt'} has none"]
    state = three.state_dict()
    assert all(torch.equal(state[name], value) for name, value in two.state_dict.items())
    assert all(torch.equal(*pair) for pair in zip(fresh, three.head_parameters("hair"), strict=True))

    content = {f"network.{name}": value for name, value in state.items()}
    saved(tmp_path / "three.ckpt", state_dict=content, skinseg=metadata_of(three, size=96))
    skin = TwoHeadUnet(decoder_channels=CHANNELS, head_split=head_split, heads=("skin",))
    load_weights(skin, read_checkpoint(tmp_path / "three.ckpt"))
    assert all(torch.equal(state[name], value) for name, value in skin.state_dict().items())
    said = heads_that_differ(skin, read_checkpoint(tmp_path / "three.ckpt"))
    assert [line.split(",")[0] for line in said] == ["head person: dropped", "head hair: dropped"]


def make_run(runs: Path, job: str, name: str, finished: bool = True) -> Path:
    best = runs / job / name / "checkpoints" / "best.ckpt"
    best.parent.mkdir(parents=True)
    best.touch()
    if finished:
        (runs / job / name / "result.json").write_text("{}")
    return best


def test_newest_is_the_newest_finished_run(tmp_path: Path) -> None:
    make_run(tmp_path, "pretrain", "2026-01-01")
    newest = make_run(tmp_path, "pretrain", "2026-01-03")
    tuned = make_run(tmp_path, "finetune", "2026-01-04")
    going = make_run(tmp_path, "pretrain", "2026-01-05", finished=False)
    assert newest_checkpoint(tmp_path / "pretrain") == newest
    assert newest_checkpoint(tmp_path) == tuned
    assert newest_checkpoint(newest) == newest
    assert newest_checkpoint(newest.parents[1]) == newest
    assert newest_checkpoint(going.parents[1]) == going


def test_no_run_says_what_to_do(tmp_path: Path) -> None:
    for path, found in ((tmp_path, "holds no run"), (tmp_path / "nowhere", "does not exist")):
        with pytest.raises(UserError, match=f"{found}.*make pretrain"):
            newest_checkpoint(path)
    make_run(tmp_path, "pretrain", "2026-01-05", finished=False)
    with pytest.raises(UserError, match=r"no run .* has finished.*last\.ckpt"):
        newest_checkpoint(tmp_path)
