"""Batches, whole images, weights, and an order that resumes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from skinseg.data.datamodule import SkinDataModule
from skinseg.data.patches import StreamSampler
from skinseg.data.streams import Part, Role, generator
from skinseg.datasets.sample import IGNORE, Sample
from skinseg.errors import UserError
from tests import fakes


def datamodule(root: Path, dataset: str = "rendered", **options: Any) -> SkinDataModule:
    defaults: dict[str, Any] = {"size": 32, "batch_size": 4, "cache_dir": str(root / "cache")}
    return SkinDataModule(dataset, str(root / "data"), **(defaults | options))


def ready(module: SkinDataModule) -> SkinDataModule:
    module.prepare_data()
    module.setup("fit")
    return module


def test_training_batches_of_a_rendered_set(tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "data", 20)
    module = ready(datamodule(tmp_path))
    batches = list(module.train_dataloader())
    assert len(batches) == len(module.split.train) // 4
    for batch in batches:
        assert batch["image"].shape == (4, 3, 32, 32)
        assert batch["skin"].shape == batch["person"].shape == (4, 32, 32)
        assert {tensor.dtype for tensor in batch.values()} == {torch.uint8}
        assert set(batch["person"].unique().tolist()) <= {0, 1, IGNORE}
        assert (batch["person"] == 1).any()


def test_absent_label_is_ignored_everywhere(tmp_path: Path) -> None:
    fakes.make_hgr(tmp_path / "data", 20)
    for batch in ready(datamodule(tmp_path, "hgr")).train_dataloader():
        assert (batch["person"] == IGNORE).all()
        assert (batch["skin"] == 1).any()


def test_repeat_and_limit_decide_the_length_of_an_epoch(tmp_path: Path) -> None:
    fakes.make_ecu(tmp_path / "data", 20)
    whole = ready(datamodule(tmp_path, "ecu"))
    assert len(ready(datamodule(tmp_path, "ecu", limit_train=3, repeat=4)).train_dataloader()) == 3
    limited = ready(datamodule(tmp_path, "ecu", limit_train=3))
    assert set(limited.train_ids) < set(whole.train_ids)
    assert limited.split.hash == whole.split.hash
    (batch,) = list(limited.train_dataloader())  # fewer than a batch is a batch, not nothing
    assert len(batch["image"]) == 3


def test_validation_from_the_cache_and_test_at_full_resolution(tmp_path: Path) -> None:
    fakes.make_pratheepan(tmp_path / "data", 20)
    module = ready(datamodule(tmp_path, "pratheepan", size=24, batch_size=3))
    shown: dict[str, list[Sample]] = {
        "validation": [sample for batch in module.val_dataloader() for sample in batch],
        "test": [sample for batch in module.test_dataloader() for sample in batch],
    }
    assert [sample.image_id for sample in shown["validation"]] == list(module.split.validation)
    assert [sample.image_id for sample in shown["test"]] == list(module.split.test)
    assert {sample.image.shape for sample in shown["validation"]} == {(36, 48, 3)}
    assert {sample.image.shape for sample in shown["test"]} == {(fakes.HEIGHT, fakes.WIDTH, 3)}


def test_class_weights_are_inverse_frequencies_of_the_training_pixels(tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "data", 20)
    module = ready(datamodule(tmp_path))
    weights = module.class_weights()
    assert set(weights) == {"skin", "person"}
    for head, (background, foreground) in weights.items():
        pixels = np.concatenate(
            [sample.masks[head].ravel() for sample in module.dataset if sample.image_id in module.split.train]
        )
        assert background + foreground == pytest.approx(2)
        assert foreground / background == pytest.approx((pixels == 0).sum() / (pixels == 1).sum())


@pytest.mark.parametrize(
    ("level", "said"), [(0, "none of 4 images to train on has a pixel of skin"), (255, "0 background")]
)
def test_a_set_of_one_class_cannot_be_trained_on(tmp_path: Path, level: int, said: str) -> None:
    root = fakes.make_ecu(tmp_path / "data", 6)
    for mask in (root / "skin_masks").iterdir():
        fakes.write(mask, np.full((fakes.HEIGHT, fakes.WIDTH), level, np.uint8))
    with pytest.raises(UserError, match=said):
        ready(datamodule(tmp_path, "ecu")).class_weights()


def test_errors_arise_before_the_first_step(tmp_path: Path) -> None:
    root = fakes.make_ecu(tmp_path / "data", 6)
    (root / "origin_images" / "im00001.jpg").write_bytes(b"broken")
    with pytest.raises(UserError, match="does not decode"):
        datamodule(tmp_path, "ecu").prepare_data()
    with pytest.raises(UserError, match=r"--data\.batch_size 0"):
        datamodule(tmp_path, batch_size=0)


def test_the_users_split_and_labels(tmp_path: Path) -> None:
    fakes.make_sfa(tmp_path / "data", 12)
    table = tmp_path / "mine.csv"
    table.write_text(
        "image,part\n" + "".join(f"img ({i}),{'test' if i < 3 else 'train'}\n" for i in range(1, 9))
    )
    module = ready(datamodule(tmp_path, "sfa", split=str(table), labels="unsure=cut"))
    assert module.split.test == ("img (1)", "img (2)")
    assert len(module.split.train) + len(module.split.validation) == 6  # four are in no part
    assert all((batch["skin"] != IGNORE).any() for batch in module.train_dataloader())
    masks = [module.cache.mask(i, "skin") for i in range(len(module.cache))]
    assert all(mask is not None and IGNORE not in mask for mask in masks)
    assert ready(datamodule(tmp_path, "sfa")).cache.folder != module.cache.folder
    with pytest.raises(UserError, match="does not mark lips"):
        datamodule(tmp_path, "sfa", labels="lips=ignore").prepare_data()
    table.write_text("image,part\nimg (1),test\n")
    with pytest.raises(UserError, match="no image to train on"):
        datamodule(tmp_path, "sfa", split=str(table)).prepare_data()


def test_order_is_drawn_from_seed_and_epoch() -> None:
    epoch = 0
    sampler = StreamSampler(30, 30, 5, Role.TRAINED_ON, lambda: epoch)
    first = list(sampler)
    assert list(sampler) == first
    assert sorted(i for _, i in first) == list(range(30))
    epoch = 1
    second = list(sampler)
    assert {e for e, _ in second} == {1}
    assert [i for _, i in second] != [i for _, i in first]
    others = ((6, Role.TRAINED_ON), (5, Role.PARTNER))
    for seed, role in others:
        assert [i for _, i in StreamSampler(30, 30, seed, role, lambda: 1)] != [i for _, i in second]


class Recorder(pl.LightningModule):
    """Keeps what every step was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.shown: dict[int, list[bytes]] = {}

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        self.shown.setdefault(self.current_epoch, []).append(batch["image"].numpy().tobytes())
        return self.weight * batch["image"].float().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


def record(
    root: Path, epochs: int, resume: Path | None = None, reload: int = 0, **options: Any
) -> dict[int, list[bytes]]:
    trainer = pl.Trainer(
        max_epochs=epochs,
        reload_dataloaders_every_n_epochs=reload,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    )
    model = Recorder()
    trainer.fit(model, datamodule=datamodule(root, **options), ckpt_path=resume)
    trainer.save_checkpoint(root / f"{epochs}.ckpt")
    return model.shown


@pytest.mark.slow
@pytest.mark.parametrize("reload", [0, 1])
def test_a_resumed_run_sees_what_the_uninterrupted_one_saw(reload: int, tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "data", 14)
    whole = record(tmp_path, 4, reload=reload)
    assert len(whole) == 4
    assert whole[0] != whole[1]
    record(tmp_path, 2)
    resumed = record(tmp_path, 4, resume=tmp_path / "2.ckpt", reload=reload)
    assert resumed == {epoch: whole[epoch] for epoch in (2, 3)}
    assert record(tmp_path, 2, num_workers=2, reload=reload) == {epoch: whole[epoch] for epoch in (0, 1)}


def test_a_stream_goes_on_where_the_epoch_before_ended() -> None:
    epoch = 0
    sampler = StreamSampler(7, 10, 5, Role.TRAINED_ON, lambda: epoch)
    shown: list[tuple[int, int]] = []
    while epoch < 7:
        shown += list(sampler)
        epoch += 1
        assert len(shown) == 10 * epoch
    for cycle in range(10):
        indices = [i for c, i in shown if c == cycle]
        # Each patch once a cycle, in the cycle's own order.
        own = generator(5, Part.SHUFFLE, Role.TRAINED_ON, cycle)
        assert indices == own.permutation(7).tolist()


@pytest.mark.slow
def test_epochs_of_a_set_number_of_steps_resume_too(tmp_path: Path) -> None:
    fakes.make_rendered(tmp_path / "data", 14)
    options: dict[str, Any] = {"epoch_steps": 2, "reload": 1}
    whole = record(tmp_path, 4, **options)
    assert [len(steps) for steps in whole.values()] == [2] * 4
    assert len({image for steps in whole.values() for image in steps}) == 8
    record(tmp_path, 2, **options)
    resumed = record(tmp_path, 4, resume=tmp_path / "2.ckpt", num_workers=2, **options)
    assert resumed == {epoch: whole[epoch] for epoch in (2, 3)}
