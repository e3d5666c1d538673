"""`skinseg fit` on a tiny rendered set: learns, keeps what it promises to keep, resumes exactly."""

import csv
import json
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import skinseg
from skinseg import cli
from skinseg.cli import main
from skinseg.errors import UserError
from skinseg.evaluation.rows import read_rows
from skinseg.export.command import drawn_images
from skinseg.models.checkpoint import load_model, newest_checkpoint, read_checkpoint
from skinseg.models.configuration import configuration_of
from skinseg.models.lineage import Training, lineage_of
from skinseg.training import command, machine
from skinseg.training.module import SkinPersonModule, warmup_cosine
from tests.fakes import make_ecu, make_rendered

SIDE = 64
CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a small run, in a working folder of its own."""
    make_rendered(tmp_path / "set", count=30, size=SIDE)
    monkeypatch.chdir(tmp_path)
    return [
        *("--data.data_root", "set", "--data.size", str(SIDE), "--data.batch_size", "8"),
        *("--data.augmentation", "paper", "--data.cache_long_side", str(SIDE)),
        *("--model.decoder_channels", "[16,16,8,8,8]", "--trainer.accelerator", "cpu"),
        *("--trainer.enable_progress_bar", "false", "--model.lr", "0.003"),
    ]


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def column(run: Path, name: str) -> list[float]:
    return [float(row[name]) for row in rows(run) if row[name]]


@pytest.mark.slow
def test_fit_learns_and_leaves_a_whole_run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["fit", *arguments, "--job", "pretrain", "--trainer.max_epochs", "8", "--data.repeat", "2"])
    (run,) = Path("runs", "pretrain").iterdir()
    result = json.loads((run / "result.json").read_text())

    losses = column(run, "train/loss")
    assert len(losses) == 8
    assert losses[-1] < 0.6 * losses[0]
    scores = column(run, "val/skin_miou")
    assert len(scores) == 8
    assert result["val/skin_miou"] == pytest.approx(max(scores), abs=1e-6)
    # Calling every pixel skin scores the share of skin, below 0.3 in each of these frames.
    assert max(scores) > 0.5
    assert len(column(run, "val/person_miou")) == 8

    best = newest_checkpoint(Path("runs"))
    assert best == run / "checkpoints" / "best.ckpt"
    checkpoint = read_checkpoint(best)
    assert (checkpoint.size, checkpoint.metadata["patch_size"]) == (SIDE * 5 // 4, SIDE)
    assert checkpoint.sha256 == result["sha256"]
    assert checkpoint.metadata["split"] == result["split"]
    assert load_model(best).config["decoder_channels"] == [16, 16, 8, 8, 8]
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert "data_root: set" in (run / "config.yaml").read_text()
    assert list(run.glob("wandb/offline-run-*/run-*.wandb"))
    assert str(run) in capsys.readouterr().out
    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])

    # The same numbers again through `validate`, which takes the model's options from the checkpoint.
    command.main(["validate", "--data.data_root", "set", "--data.cache_long_side", str(SIDE)])
    assert "val/skin_miou" in capsys.readouterr().out

    # A second run starts from the first: the best weights, and says so.
    command.main(
        [
            "fit",
            *arguments,
            "--job",
            "finetune",
            "--model.pretrained",
            "runs/pretrain",
            "--trainer.max_epochs=1",
        ]
    )
    tuned = read_checkpoint(newest_checkpoint(Path("runs")))
    assert tuned.path.parts[1] == "finetune"
    assert tuned.metadata["parent"] == checkpoint.sha256
    # The same data under the same split: one training more, nothing else seen.
    trained = Training("rendered", checkpoint.metadata["split"])
    assert lineage_of(tuned.metadata) == lineage_of(checkpoint.metadata) == (trained,)
    assert str(best) in (tuned.path.parents[1] / "config.yaml").read_text()
    assert list(tuned.path.parents[1].glob("wandb/offline-run-*/run-*.wandb"))


@pytest.mark.slow
def test_photographs_move_the_skin_head_and_leave_the_person_head(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    make_ecu(Path("photographs"), count=20)
    command.main(["fit", *arguments, "--job", "pretrain", "--trainer.max_epochs", "1"])
    before = load_model(newest_checkpoint(Path("runs", "pretrain")))
    command.main(
        [
            *("fit", *arguments, "--job", "finetune", "--model.pretrained", "runs/pretrain"),
            *("--data.dataset", "ecu", "--data.data_root", "photographs", "--trainer.max_epochs", "1"),
        ]
    )
    (run,) = Path("runs", "finetune").iterdir()
    after = load_model(run / "checkpoints" / "last.ckpt")
    for head, same in (("person", True), ("skin", False)):
        pairs = zip(before.head_parameters(head), after.head_parameters(head), strict=True)
        assert all(torch.equal(old, new) == same for old, new in pairs), head
    assert "val/person_miou" not in rows(run)[0]
    assert "train/person_loss" not in rows(run)[0]

    with pytest.raises(UserError, match=r"best\.ckpt holds weights of .* which do not fit"):
        command.main(["fit", *arguments, "--model.pretrained", "runs/pretrain", "--model.head_split", "conv"])


@pytest.mark.slow
def test_a_third_head_is_trained_scored_predicted_and_exported(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name alone: nothing but the table of heads knows it."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    three = ["--model.heads", "[skin, person, hair]"]
    command.main(["fit", *arguments, *three, "--job", "three", "--trainer.max_epochs", "3"])
    (run,) = Path("runs", "three").iterdir()
    assert column(run, "train/hair_loss")[-1] < column(run, "train/hair_loss")[0]
    assert len(column(run, "val/hair_miou")) == 3
    best = newest_checkpoint(run)
    capsys.readouterr()
    command.main(["test", "--ckpt_path", str(best), "--data.data_root", "set"])  # heads are the checkpoint's
    assert "test/hair_miou" in capsys.readouterr().out

    make_ecu(Path("photographs", "ecu"), count=12)
    scored = [("rendered", "skin"), ("rendered", "person"), ("rendered", "hair"), ("ecu", "skin")]

    def evaluated(out: str, *options: str) -> dict[tuple[str, str, str], tuple[int, int]]:
        assert (
            main(["evaluate", *options, "--rendered", "set", "--data-root", "photographs", "--out", out]) == 0
        )
        found = read_rows(Path(out, "rows.parquet"))
        assert {(row.test_set, row.head) for row in found} == set(scored)
        return {(row.test_set, row.image, row.head): (row.tp, row.fp) for row in found}

    counts = evaluated("results", "--checkpoint", str(best))
    for images, name in (("set/images", "rendered"), ("photographs/ecu/origin_images", "ecu")):
        assert (
            main(["predict", images, "--checkpoint", str(best), "--out", f"found/{name}", "--overlays"]) == 0
        )
        for path in Path("found", name).glob("*.png"):
            image_id, _, head = path.stem.rpartition("_")
            Path("masks", name, head).mkdir(parents=True, exist_ok=True)
            path.rename(Path("masks", name, head, f"{image_id}.png"))
    # What was predicted, scored as somebody's masks, are the same numbers.
    assert evaluated("again", "--masks", "masks", "--name", "predicted") == counts

    assert main(["export", str(best), "--out", "exported", "--int8", "photographs"]) == 0
    assert "int8 on ecu" in capsys.readouterr().out
    record = json.loads(Path("exported", "config.json").read_text())
    assert record["model"]["heads"] == ["skin", "person", "hair"]
    image = drawn_images()[0]
    expected = skinseg.load(best, "cpu").predict(image).probabilities
    found = skinseg.load(Path("exported", "model.onnx")).predict(image).probabilities
    assert found.keys() == expected.keys() == {"skin", "person", "hair"}
    assert all(abs(found[head] - value).max() < 1e-4 for head, value in expected.items())

    # Back to two heads, on photographs, which label one of them; and to three again.
    tune = [
        "fit",
        *arguments,
        "--data.dataset",
        "ecu",
        "--data.data_root",
        "photographs",
        "--trainer.max_epochs",
        "1",
    ]
    command.main([*tune, "--job", "two", "--model.pretrained", "runs/three"])
    assert capsys.readouterr().out.count("head hair: dropped") == 1
    (two,) = Path("runs", "two").iterdir()
    assert "val/person_miou" not in rows(two)[0]
    command.main([*tune, *three, "--job", "back", "--model.pretrained", "runs/two"])
    assert capsys.readouterr().out.count("head hair: begins fresh") == 1
    assert load_model(newest_checkpoint(Path("runs", "back"))).heads == ("skin", "person", "hair")


@pytest.mark.parametrize(
    ("heads", "sentence"),
    [
        (
            "[skin, hairs]",
            "--model.heads hairs: no such head, did you mean hair?, expected some of skin, person, hair",
        ),
        ("[skin, hair, hair]", "--model.heads: hair is named 2 times, expected each head once"),
        ("[hair]", "--model.heads [hair]: skin is missing, expected it among them"),
    ],
)
def test_heads_that_cannot_be_trained_are_refused(arguments: list[str], heads: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        command.main(["fit", *arguments, "--model.heads", heads])
    assert not Path("runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "amx"), [("0", True), ("2", False)])
def test_resumed_is_uninterrupted_bit_for_bit(
    arguments: list[str], workers: str, amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a processor of the other kind, too: what the decoders compute in is kept."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(machine, "has_amx", lambda: amx)
    options = ["fit", *arguments, "--trainer.max_epochs", "2", "--data.num_workers", workers]
    command.main([*options, "--job", "whole"])

    class Stopped(Exception):
        pass

    usual = SkinPersonModule.on_train_batch_start

    def stop_in_the_second_epoch(self: SkinPersonModule, batch: Any, batch_idx: int) -> None:
        if self.current_epoch == 1 and batch_idx == 1:
            raise Stopped
        usual(self, batch, batch_idx)

    with monkeypatch.context() as broken:
        broken.setattr(SkinPersonModule, "on_train_batch_start", stop_in_the_second_epoch)
        with pytest.raises(Stopped):
            command.main([*options, "--job", "parts"])
    with pytest.raises(UserError, match="has finished"):
        newest_checkpoint(Path("runs", "parts"))
    monkeypatch.setattr(machine, "has_amx", lambda: not amx)
    torch.rand(17)  # whatever else drew from the global generator must not matter
    command.main([*options, "--job", "parts", "--ckpt_path", "last"])

    (whole,) = Path("runs", "whole").iterdir()
    (parts,) = Path("runs", "parts").iterdir()
    assert (parts / "metrics-1.csv").is_file()
    assert column(whole, "train/loss")[1:] == column(parts, "train/loss")
    assert column(whole, "val/skin_miou")[1:] == column(parts, "val/skin_miou")
    for name in ("last.ckpt", "best.ckpt"):
        expected, resumed = (read_checkpoint(run / "checkpoints" / name) for run in (whole, parts))
        assert resumed.sha256 == expected.sha256
        assert resumed.metadata["lineage"] == expected.metadata["lineage"]
        assert configuration_of(resumed.metadata) == configuration_of(expected.metadata)
        assert resumed.metadata["options"]["model.lr"] == 0.003
        assert resumed.metadata["options"]["model.decoder_precision"] == ("bf16" if amx else "32")
    assert newest_checkpoint(Path("runs", "parts")) == parts / "checkpoints" / "best.ckpt"


@pytest.mark.slow
def test_a_fit_that_diverges_stops_and_keeps_its_last_whole_epoch(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = SkinPersonModule.on_train_batch_start

    def absurd_in_the_second_epoch(self: SkinPersonModule, batch: Any, batch_idx: int) -> None:
        for group in self.trainer.optimizers[0].param_groups if self.current_epoch == 1 else ():
            group["lr"] = 1e30
        usual(self, batch, batch_idx)

    monkeypatch.setattr(SkinPersonModule, "on_train_batch_start", absurd_in_the_second_epoch)
    assert cli.main(["fit", *arguments, "--job", "wild", "--trainer.max_epochs", "3"]) == 2
    (run,) = Path("runs", "wild").iterdir()
    last = run / "checkpoints" / "last.ckpt"
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "diverged" in line]
    assert re.search(r"training diverged at step \d+ \(epoch 2\): .*finite.*--model.lr below 0.003", said)
    assert said.endswith(f"the last whole epoch is kept in {last}")
    assert not (run / "result.json").exists()
    assert read_checkpoint(last).metadata["epoch"] == 0
    assert read_checkpoint(run / "checkpoints" / "best.ckpt").metadata["epoch"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["fit", "--data.data_root", "nowhere"], "nowhere"),
        (["fit", "--data.data_root", "set", "--data.dataset", "skins"], "skins"),
        (["fit", "--data.data_root", "set", "--model.pretrained", "runs"], "make pretrain"),
        (["fit", "--data.data_root", "set", "--ckpt_path", "last"], "last"),
        (["fit", "--data.data_root", "set", "--ckpt_path", "no.ckpt"], "no.ckpt"),
        (["fit", "--data.data_root", "set", "--model.encoder", "resnet99"], "resnet99"),
        (["fit", "--data.data_root", "set", "--data.size", "100"], "multiple of 32"),
        (["test", "--data.data_root", "set"], "make pretrain"),
    ],
)
def test_what_a_user_gets_wrong_is_one_sentence_and_leaves_no_run(
    arguments: list[str], options: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        command.main([*options, "--trainer.accelerator", "cpu"])
    assert "\n" not in str(error.value)
    assert not list(Path("runs").glob("*/*"))


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is not there")
def test_a_gpu_that_is_not_there_is_one_sentence(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.raises(UserError, match=r"trainer refuses.*gpu"):
        command.main(["fit", *arguments, "--trainer.accelerator", "gpu"])


@pytest.mark.slow
def test_an_image_that_breaks_is_one_sentence_from_a_worker_process_too(arguments: list[str]) -> None:
    with pytest.raises(UserError) as error:
        raise_from_worker()
    assert command._without_worker_trace(str(error.value)) == "image 3 does not decode"


def raise_from_worker() -> None:
    from torch.utils.data import DataLoader

    list(DataLoader(Broken(), num_workers=1))


class Broken(torch.utils.data.Dataset[int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        raise UserError("image 3 does not decode")


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["cpu", "gpu"])
@pytest.mark.parametrize("job", ["pretrain", "finetune", "adapt"])
@pytest.mark.parametrize("paper", [False, True])
def test_every_recipe_is_one_that_fit_accepts(
    preset: str, job: str, paper: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [preset, job, *(["paper"] if paper else [])]
    options = [option for name in names for option in ("--config", str(CONFIGS / f"{name}.yaml"))]
    with pytest.raises(SystemExit) as leaving:
        command.main(["fit", *options, "--print_config"])
    assert leaving.value.code == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["job"] == job
    if paper:
        assert (config["model"]["lr"], config["model"]["schedule"]) == (1e-5, "constant")
        assert (config["trainer"]["max_epochs"], config["data"]["size"]) == (20, 256)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--model.learning_rate", "1", "model.learning_rate"),
        ("--model.lr", "big", r"model.lr.*big"),
        ("--config", "nowhere.yaml", r"nowhere.yaml"),
    ],
)
def test_a_wrong_option_gets_one_sentence(option: str, value: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        command.main(["fit", option, value])


@pytest.mark.parametrize(
    ("accelerator", "precision", "amx", "expected"),
    [
        ("cpu", "32-true", True, "bf16"), ("cpu", None, True, "bf16"), ("cpu", "32-true", False, "32"),
        ("cpu", "bf16-mixed", True, "32"), ("gpu", "32-true", True, "32"),
    ],
)  # fmt: skip
def test_decoders_train_in_bf16_where_the_processor_has_it(
    accelerator: str, precision: str | None, amx: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "has_amx", lambda: amx)
    assert machine.decoder_precision(accelerator, precision) == expected


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    curve = [warmup_cosine(step, steps=100, warmup=10) for step in range(101)]
    assert curve[:11] == pytest.approx([(step + 1) / 10 for step in range(10)] + [1.0])
    assert all(a > b for a, b in pairwise(curve[10:]))
    assert curve[100] == pytest.approx(0)
    assert curve[55] == pytest.approx(0.5)
