"""Is `skinseg fit` as fast as what others train the same network with?

    .venv/bin/uv venv --python .venv/bin/python .venv-speed
    .venv/bin/uv pip install --python .venv-speed/bin/python -c constraints.txt -e '.[imagenet,wandb,dev]' \
        torchgeo requests
    .venv-speed/bin/python benchmarks/training.py --rendered rendered/default \
        --out benchmarks/results/speed/training.json

All train a U-Net on one encoder, from random weights, with two outputs, on the same frames at the same side, images
a step and threads, each as its own introduction does it:

  ours            `skinseg fit --preset cpu --config pretrain`: a decoder for each head, mosaics and strong augmentation
  ours, conv      the same with `--model.head_split conv`: one decoder, as all others have
  ours, float32   the same as "ours" with `--model.decoder_precision 32`
  bare            our network and losses in the shortest loop that trains it, one batch in memory again and again
  smp             segmentation_models_pytorch's introductory example: a Lightning module with its statistics each step
  torchgeo        torchgeo's SemanticSegmentationTask, through Lightning
  monai           MONAI's introductory loop, images in CacheDataset, flips and turns

Peers read JPEGs of the size of our cache's images, with masks in PNG beside them; smp's example and torchgeo's decode
each at every step as they do, MONAI keeps them decoded. The environment of its own is for torchgeo. Arms are processes
that take turns (`turns.py`); raw seconds go to the JSON file, the table to the console.
"""

import argparse
import importlib
import itertools
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from turns import Arm, Clock, keep, machine, rounds, say, table

ARMS = ("ours", "ours, conv", "ours, float32", "bare", "smp", "torchgeo", "monai")
WIDTHS = (128, 64, 32, 24, 16)
HEADS = ("skin", "person")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rendered", type=Path, required=True, help="a rendered set")
    parser.add_argument("--encoder", default="tu-tf_efficientnet_lite0")
    parser.add_argument("--widths", type=int, nargs=5, default=WIDTHS, help="of the decoders")
    parser.add_argument("--size", type=int, default=160, help="side of a patch [160]")
    parser.add_argument("--batch", type=int, default=8, help="images a step [8]")
    parser.add_argument("--images", type=int, default=64, help="frames [64]")
    parser.add_argument("--steps", type=int, default=6, help="of a turn [6]")
    parser.add_argument("--rounds", type=int, default=7, help="[7]")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="torch threads [1 2]")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--preset", default="cpu", choices=("cpu", "gpu"), help="of ours [cpu]")
    parser.add_argument("--out", type=Path, help="JSON of all samples")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        torch.set_num_threads(options.threads[0])
        worker = options.arm.partition(",")[0]
        {"ours": ours, "bare": bare, "smp": smp, "torchgeo": torchgeo, "monai": monai}[worker](options)
        return
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        write_images(options.rendered, options.images, 2 * options.size, Path(folder))
        for threads in options.threads:
            words = [
                *(sys.executable, __file__, *sys.argv[1:], "--folder", folder, "--threads", str(threads)),
            ]
            arms = {name: Arm([*words, "--arm", name], threads) for name in options.arms}
            found = rounds(arms, options.rounds)
            measured.append({"threads": threads, "turns": found})
            print(f"\n{options.encoder}, {threads} threads")
            say(table(found, options.steps * options.batch, options.arms[0]))
    if options.out:
        asked = {name: getattr(options, name) for name in ("encoder", "size", "batch", "images", "steps")}
        keep(options.out, {**asked, **machine(), "torch": torch.__version__, "measured": measured})


def write_images(rendered: Path, count: int, long_side: int, folder: Path) -> None:
    """NNNN.jpg with NNNN_skin.png and NNNN_person.png, 255 on the head, for the peers; never enlarged, as our cache."""
    from skinseg.datasets.registry import open_dataset
    from skinseg.models.prediction import resized

    dataset = open_dataset("rendered", rendered)
    for i in range(count):
        sample = dataset[i]
        image = resized(sample.image, min(long_side, max(sample.image.shape)))
        cv2.imwrite(str(folder / f"{i:04}.jpg"), image[..., ::-1])
        for head in HEADS:
            mask = 255 * (sample.masks[head] == 1).astype(np.uint8)
            shrunk = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(folder / f"{i:04}_{head}.png"), shrunk)


# ---------------------------------------------------------------------------------- ours


def ours(options: argparse.Namespace) -> None:
    from skinseg import presets
    from skinseg.training import command

    build = command.TrainingCLI._instantiate_trainer

    def with_turns(self: Any, config: dict[str, Any], callbacks: list[Any]) -> Any:
        return build(self, config, [*callbacks, turns(options.steps)])

    command.TrainingCLI._instantiate_trainer = with_turns  # type: ignore[method-assign]
    runs = options.folder / f"runs-{options.arm.replace(', ', '-')}-{options.threads[0]}"
    words = [
        *("--preset", options.preset, "--config", "pretrain", "--data.data_root", str(options.rendered)),
        *("--runs", str(runs), "--data.cache_dir", str(runs / "cache"), "--data.size", str(options.size)),
        *("--data.limit_train", str(options.images), "--data.batch_size", str(options.batch)),
        *("--model.encoder", options.encoder, "--model.encoder_weights", "null"),
        *("--model.decoder_channels", str([*options.widths])),
        # One epoch without an end, as validation is not what is measured.
        *("--data.epoch_steps", "1000000", "--trainer.num_sanity_val_steps", "0"),
        *("--trainer.enable_progress_bar", "false"),
    ]
    if options.arm == "ours, conv":
        words += ["--model.head_split", "conv"]
    if options.arm == "ours, float32":
        words += ["--model.decoder_precision", "32"]
    command.main(["fit", *presets.with_files(words)])


def turns(steps: int, package: str = "pytorch_lightning") -> Any:
    """A callback that lets Lightning, by either name of its package, train `steps` steps a turn."""
    pl = importlib.import_module(package)

    class Turns(pl.Callback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.clock = Clock()

        def on_train_start(self, trainer: Any, module: Any) -> None:
            self.clock.begin()

        def on_train_batch_end(
            self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            # Not between two steps' other hooks: the next batch, which comes before them, counts too.
            if trainer.global_step % steps == 0:
                synchronize()
                self.clock.end()
                self.clock.begin()

    return Turns()


def bare(options: argparse.Namespace) -> None:
    from skinseg.training.machine import decoder_precision

    device = "cuda" if options.preset == "gpu" else "cpu"
    bf16 = device == "cpu" and decoder_precision("cpu", "32-true") == "bf16"
    step = bare_step(options.encoder, options.widths, device, bf16)
    pairs = itertools.islice(images(options.folder, 0, options.size), options.batch)
    pixels, masks = (torch.from_numpy(np.stack(each)).to(device) for each in zip(*pairs, strict=True))
    targets = {head: masks[:, place].contiguous() for place, head in enumerate(HEADS)}
    batch = pixels.permute(0, 3, 1, 2)  # channels last as it lies
    clock = Clock()
    while True:
        clock.begin()
        for _ in range(options.steps):
            step(batch, targets)
        synchronize()
        clock.end()


def bare_step(encoder: str, widths: Sequence[int], device: str, bf16_decoders: bool) -> Any:
    """A function (images, targets) that trains our network a step; on a GPU in bf16, as configs/gpu.yaml has it."""
    from skinseg.models.unet import TwoHeadUnet
    from skinseg.training.losses import head_losses

    network: Any = TwoHeadUnet(encoder, widths).to(device).train()
    network.to(memory_format=torch.channels_last)
    network.bf16_decoders = bf16_decoders
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def step(batch: torch.Tensor, targets: dict[str, torch.Tensor]) -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=device != "cpu"):
            losses = head_losses(network(batch), targets, balance=False, dice=1.0)
            total = torch.stack([*losses.values()]).sum()
        total.backward()
        optimizer.step()

    return step


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


# --------------------------------------------------------------------------------- peers


def images(folder: Path, start: int, size: int) -> Iterator[tuple[Any, Any]]:
    """Image uint8 (S, S, 3) and masks uint8 (2, S, S) in {0, 1}, read by Pillow as smp's example does."""
    import PIL.Image

    for path in itertools.cycle(sorted(folder.glob("*.jpg"))[start:]):
        picture = PIL.Image.open(path).convert("RGB").resize((size, size), PIL.Image.Resampling.BILINEAR)
        masks = [
            np.array(
                PIL.Image.open(path.with_name(f"{path.stem}_{head}.png")).resize(
                    (size, size), PIL.Image.Resampling.NEAREST
                )
            )
            for head in HEADS
        ]
        yield np.array(picture), (np.stack(masks) > 0).astype(np.uint8)


class Decoded(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """The pictures, each decoded when it is asked for; `endless` of them."""

    def __init__(self, folder: Path, size: int, scale: float, index_mask: bool) -> None:
        self.folder = folder
        self.size = size
        self.scale = scale
        self.index_mask = index_mask
        self.count = len([*folder.glob("*.jpg")])

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image, masks = next(images(self.folder, index % self.count, self.size))
        pixels = torch.from_numpy(image).permute(2, 0, 1).float() * self.scale
        target = torch.from_numpy(masks)
        return {"image": pixels, "mask": target.argmax(0).long() if self.index_mask else target}


def fitted(module: Any, loader: Any, steps: int, package: str = "pytorch_lightning") -> None:
    pl = importlib.import_module(package)
    trainer = pl.Trainer(
        max_steps=10**6,
        accelerator="auto",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[turns(steps, package)],
        default_root_dir=tempfile.gettempdir(),
    )
    trainer.fit(module, train_dataloaders=loader)


def smp(options: argparse.Namespace) -> None:
    """examples/binary_segmentation_intro.ipynb, with a U-Net and two classes."""
    import pytorch_lightning as pl
    import segmentation_models_pytorch as library

    class Example(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = library.create_model(
                "unet", encoder_name=options.encoder, encoder_weights=None, in_channels=3, classes=len(HEADS),
                decoder_channels=options.widths,
            )  # fmt: skip
            self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1))
            self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1))
            self.loss_fn = library.losses.DiceLoss(library.losses.MULTILABEL_MODE, from_logits=True)
            self.outputs: list[Any] = []

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            image, mask = batch["image"], batch["mask"]
            logits = self.model((image - self.mean) / self.std)
            loss = self.loss_fn(logits, mask)
            found = (logits.sigmoid() > 0.5).float()
            self.outputs.append(library.metrics.get_stats(found.long(), mask.long(), mode="multilabel"))
            return loss

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.Adam(self.parameters(), lr=2e-4)
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1000, eta_min=1e-5)
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": scheduler, "interval": "step", "frequency": 1},
            }

    data = Decoded(options.folder, options.size, 1 / 255, index_mask=False)
    fitted(Example(), torch.utils.data.DataLoader(data, batch_size=options.batch), options.steps)


def torchgeo(options: argparse.Namespace) -> None:
    """Its task as its documentation builds it, with the decoder's widths of the others."""
    import segmentation_models_pytorch as library
    from torchgeo.trainers import SemanticSegmentationTask

    class Task(SemanticSegmentationTask):  # type: ignore[misc]
        def configure_models(self) -> None:
            self.model = library.Unet(
                options.encoder,
                encoder_weights=None,
                in_channels=3,
                classes=2,
                decoder_channels=options.widths,
            )

    task = Task(
        model="unet", backbone="resnet18", in_channels=3, task="multiclass", num_classes=2, loss="ce", lr=1e-3
    )
    data = Decoded(options.folder, options.size, 1 / 255, index_mask=True)
    loader = torch.utils.data.DataLoader(data, batch_size=options.batch)
    fitted(task, loader, options.steps, "lightning.pytorch")


def monai(options: argparse.Namespace) -> None:
    """Its introductory U-Net loop, with the same network, and its cache."""
    import monai.data
    import monai.losses
    import monai.transforms as T
    import segmentation_models_pytorch as library

    keys = ["image", *HEADS]
    files = [
        {"image": str(path), **{head: str(path.with_name(f"{path.stem}_{head}.png")) for head in HEADS}}
        for path in sorted(options.folder.glob("*.jpg"))
    ]
    side = (options.size, options.size)
    transform = T.Compose([
        T.LoadImaged(keys, reader="PILReader"), T.EnsureChannelFirstd(keys), T.ScaleIntensityd(keys),
        T.Resized(keys, side, mode=["bilinear", "nearest", "nearest"]), T.ConcatItemsd(list(HEADS), "mask"),
        T.RandFlipd(["image", "mask"], prob=0.5, spatial_axis=1),
        T.RandRotate90d(["image", "mask"], prob=0.5, spatial_axes=(0, 1)),
    ])  # fmt: skip
    data = monai.data.CacheDataset(files, transform, progress=False)
    loader = monai.data.DataLoader(data, batch_size=options.batch, shuffle=True, drop_last=True)
    network = library.Unet(
        options.encoder, encoder_weights=None, classes=len(HEADS), decoder_channels=options.widths
    ).train()
    loss_function = monai.losses.DiceLoss(sigmoid=True)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    clock = Clock()
    while True:
        clock.begin()
        for batch in itertools.islice(batches, options.steps):
            optimizer.zero_grad()
            loss = loss_function(network(batch["image"]), batch["mask"])
            loss.backward()
            optimizer.step()
            loss.item()
        clock.end()


if __name__ == "__main__":
    main()
