"""Whole trainings by each method: one command line, equal steps, what they may see, and how they resume."""

import json
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import yaml
from torch import Tensor

from skinseg.data.datamodule import SkinDataModule
from skinseg.datasets.sample import IGNORE
from skinseg.errors import UserError
from skinseg.models.checkpoint import read_checkpoint
from skinseg.models.lineage import Training, lineage_of
from skinseg.training import command
from skinseg.training.adaptation import ADAPTATIONS, METHODS, arrangement
from skinseg.training.module import SkinPersonModule
from tests.fakes import make_hgr, make_rendered

CONFIGS = Path(__file__).parents[1] / "configs"
SIDE = 32


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a target, hgr, and a source, rendered."""
    make_hgr(tmp_path / "hgr", 20)
    make_rendered(tmp_path / "rendered", 20, 64)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return tmp_path


def data(adapt: str, cache: str = "cache", **options: Any) -> SkinDataModule:
    defaults: dict[str, Any] = {"source": "rendered", "source_root": "rendered", "epoch_steps": 2}
    defaults |= {"size": SIDE, "cache_long_side": SIDE, "batch_size": 4, "cache_dir": cache}
    module = SkinDataModule("hgr", "hgr", **(defaults | options))
    module.arrange(arrangement(adapt, module.source_name))
    return module


def ready(module: SkinDataModule) -> SkinDataModule:
    module.prepare_data()
    module.setup("fit")
    return module


def train(adapt: str, epochs: int = 1, resume: str | None = None, **more: Any) -> dict[str, Tensor]:
    """The state after a training of two steps an epoch; `options` are the method's, the others the data's."""
    pl.seed_everything(3, verbose=False)
    module = SkinPersonModule(decoder_channels=[8, 8, 8, 8, 8], head_split="conv", size=SIDE, balance=True)
    options = more.pop("options", {})
    module.adapt_by(METHODS[adapt](**options) if adapt in METHODS else None, adapt)
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        reload_dataloaders_every_n_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        # An epoch before the end of a longer training, not the end of a shorter one.
        callbacks=[Stop(more.pop("stop", epochs))],
    )
    torch.rand(7 if resume else 1)  # whatever else draws must not matter
    trainer.fit(module, datamodule=data(adapt, **more), ckpt_path=resume, weights_only=True)
    trainer.save_checkpoint(f"{adapt}.ckpt")
    return {name: value.clone() for name, value in module.state_dict().items()}


class Stop(pl.Callback):
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.slow
def test_all_six_train_from_one_command_line_with_equal_steps(sets: Path) -> None:
    options = [
        *("--config", str(CONFIGS / "cpu.yaml"), "--config", str(CONFIGS / "adapt.yaml")),
        *("--data.dataset", "hgr", "--data.data_root", "hgr"),
        *("--data.source", "rendered", "--data.source_root", "rendered", "--data.limit_train", "6"),
        *("--data.epoch_steps", "2", "--trainer.max_epochs", "1", "--model.pretrained", "null"),
        *("--data.size", str(SIDE), "--data.batch_size", "4", "--trainer.enable_progress_bar", "false"),
        *("--model.encoder", "tu-mobilenetv3_small_100", "--model.encoder_weights", "null"),
        *("--model.decoder_channels", "[8,8,8,8,8]", "--data.cache_long_side", str(SIDE)),
    ]
    lineages = {}
    for adapt in ADAPTATIONS:
        command.main(["fit", *options, "--adapt", adapt, "--job", adapt])
        (run,) = Path("runs", adapt).iterdir()
        checkpoint = read_checkpoint(run / "checkpoints" / "last.ckpt")
        lineages[adapt] = lineage_of(checkpoint.metadata)
        assert torch.load(checkpoint.path, weights_only=True)["global_step"] == 2
        assert yaml.safe_load((run / "config.yaml").read_text())["adapt"] == adapt
        assert json.loads((run / "result.json").read_text())["split"] == lineages[adapt][-1].split

    target, source = ready(data("finetune")).split.hash, ready(data("none")).split.hash
    rendered, hgr = Training("rendered", source), Training("hgr", target)
    unlabelled = Training("hgr", target, labels=False)
    assert lineages == {
        "none": (rendered,),
        "finetune": (hgr,),
        "bgc": (rendered, hgr),
        "fda": (unlabelled, rendered),
        "dann": (unlabelled, rendered),
        "pixmatch": (unlabelled, rendered),
    }

    # A discriminator does not get into the way of validation and test, which is on the target.
    command.main(
        [
            "test",
            "--ckpt_path",
            str(run.parents[1] / "dann"),
            "--data.dataset",
            "hgr",
            "--data.data_root",
            "hgr",
        ]
    )
    with pytest.raises(UserError, match=r"this run adapts by dann, .* found --adapt fda"):
        command.main(["fit", *options, "--adapt", "fda", "--job", "dann", "--ckpt_path", "last"])


@pytest.mark.slow
@pytest.mark.parametrize("adapt", ["none", "fda", "dann", "pixmatch"])
def test_poisoned_target_masks_change_nothing(adapt: str, sets: Path) -> None:
    options = {"threshold": 0.5} if adapt == "pixmatch" else {}
    clean = train(adapt, options=options)
    for mask in (sets / "hgr").rglob("skin_masks/*.bmp"):
        mask.write_bytes(b"poison")
    assert equal(train(adapt, options=options, cache="another"), clean)
    with pytest.raises(UserError):
        ready(data("finetune", cache="third"))


@pytest.mark.slow
def test_bgc_at_ratio_0_is_fine_tuning_bit_for_bit(sets: Path) -> None:
    tuned = train("finetune", epochs=2)
    assert equal(train("bgc", epochs=2, options={"ratio": 0.0}), tuned)
    assert not equal(train("bgc", epochs=2, options={"ratio": 0.3}), tuned)


@pytest.mark.slow
@pytest.mark.parametrize(("adapt", "options"), [("dann", {}), ("pixmatch", {"ema": 0.5, "threshold": 0.5})])
def test_a_method_with_a_network_of_its_own_resumes_bit_for_bit(
    adapt: str, options: dict[str, Any], sets: Path
) -> None:
    whole = train(adapt, epochs=2, options=options)
    assert any(name.startswith("adaptation.") for name in whole)
    train(adapt, epochs=2, options=options, stop=1)
    assert equal(train(adapt, epochs=2, options=options, resume=f"{adapt}.ckpt"), whole)
    # The network alone is what a reader of the checkpoint gets.
    assert not [name for name in read_checkpoint(Path(f"{adapt}.ckpt")).state_dict if "adaptation" in name]


def test_batches_of_two_sets(sets: Path) -> None:
    module = ready(data("bgc", limit_train=3, limit_source=5))
    assert len(module.train_ids) == 3
    assert module.partner is not None
    assert len(module.partner.train_ids) == 5
    assert set(module.partner.train_ids) < set(ready(data("bgc")).partner.train_ids)  # type: ignore[union-attr]
    batches = list(module.train_dataloader())
    assert len(batches) == 2
    for batch in batches:
        assert batch["target"]["image"].shape == batch["source"]["image"].shape == (4, 3, SIDE, SIDE)
        assert (batch["target"]["person"] == IGNORE).all()
        assert (batch["source"]["person"] == 1).any()

    for adapt in ("fda", "dann", "pixmatch"):
        module = ready(data(adapt))
        assert module.dataset.name == "rendered"
        (first, _) = module.train_dataloader()
        assert set(first["target"]) == {"image", "inside"}
        assert set(first["target"]["inside"].unique().tolist()) <= {0, 1}
        assert (first["source"]["person"] == 1).any()
        validated = {sample.dataset for batch in module.val_dataloader() for sample in batch}
        assert validated == {"rendered"}
        assert module.partner is not None
        assert module.partner.cache.heads == ()


@pytest.mark.parametrize(
    ("adapt", "options", "said"),
    [
        ("cyclegan", {}, r"--adapt cyclegan: .*none, finetune, bgc, fda, dann, pixmatch$"),
        ("bgc", {"source": None}, r"--adapt bgc: no source set.*--data\.source "),
        ("pixmatch", {"source": None}, r"--adapt pixmatch: no source"),
        ("fda", {"source": "hgr", "source_root": "hgr"}, "source and target are one set"),
        ("dann", {"source": "hgr", "source_root": "."}, "source and target are one set"),
        ("bgc", {"source_root": "hgr"}, "rendered not found"),
        ("bgc", {"limit_source": 1000}, "limit_source 1000"),
        ("none", {"epoch_steps": 0}, r"--data\.epoch_steps 0"),
    ],
)
def test_sets_that_do_not_go_together_are_one_sentence(
    adapt: str, options: dict[str, Any], said: str, sets: Path
) -> None:
    with pytest.raises(UserError, match=said) as error:
        ready(data(adapt, **options))
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_the_command_line_says_what_is_missing(sets: Path) -> None:
    for options, said in (
        (["--adapt", "gan"], "none, finetune, bgc, fda, dann, pixmatch"),
        (["--adapt", "bgc", "--data.dataset", "hgr"], "no source set"),
        (["--bgc.ratio", "2"], r"--bgc\.ratio 2"),
        (["--adapt", "fda", "--data.source", "rendered", "--data.data_root", "rendered"], "are one set"),
    ):
        with pytest.raises(UserError, match=said):
            command.main(["fit", *options])
    assert not Path("runs").exists()
