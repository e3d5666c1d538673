"""How fast do training patches come, and how fast as others read them?

    python benchmarks/loading.py --rendered rendered/default --out benchmarks/results/speed/loading.json

Patches a second of one process and one core, batches of 8, by what is shown:

  ours, default    `SkinDataModule` as `fit --config pretrain` makes it: strong augmentation, three of ten in mosaics
  ours, strong     without mosaics
  ours, paper      a patch and a flip
  jpeg, same       decode a JPEG of the frame's own size and two masks in PNG with Pillow, then our strong augmentation
                   as albumentations composes it
  jpeg, usual      the same files, with what albumentations' introduction to segmentation shows: a crop resized, a flip,
                   brightness and contrast
  jpeg, resized    the same files, resized and nothing else: smp's introductory example

Arms are processes that take turns (`turns.py`). Raw seconds go to the JSON file, the table to the console.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from training import HEADS, Decoded, write_images
from turns import Arm, Clock, keep, machine, rounds, say, table

OURS = {"ours, default": ("strong", 0.3), "ours, strong": ("strong", 0.0), "ours, paper": ("paper", 0.0)}
ARMS = (*OURS, "jpeg, same", "jpeg, usual", "jpeg, resized")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rendered", type=Path, required=True, help="a rendered set")
    parser.add_argument("--size", type=int, default=160, help="side of a patch [160]")
    parser.add_argument("--batch", type=int, default=8, help="[8]")
    parser.add_argument("--batches", type=int, default=10, help="of a turn [10]")
    parser.add_argument("--images", type=int, default=64, help="frames [64]")
    parser.add_argument("--rounds", type=int, default=7, help="[7]")
    parser.add_argument("--out", type=Path, help="JSON of all samples")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        torch.set_num_threads(1)
        cv2.setNumThreads(0)
        work(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_images(options.rendered, options.images, 10**6, Path(folder))
        words = [sys.executable, __file__, *sys.argv[1:], "--folder", folder]
        found = rounds({name: Arm([*words, "--arm", name], 1) for name in ARMS}, options.rounds)
    say(table(found, options.batches * options.batch, ARMS[0]))
    if options.out:
        asked = {name: getattr(options, name) for name in ("size", "batch", "batches", "images")}
        keep(options.out, {**asked, **machine(), "turns": found})


def work(options: argparse.Namespace) -> None:
    clock = Clock()
    batches = iter(ours(options) if options.arm in OURS else peers(options))
    while True:
        clock.begin()
        for _ in itertools.islice(batches, options.batches):
            pass
        clock.end()


def ours(options: argparse.Namespace) -> Any:
    from skinseg.data.datamodule import SkinDataModule

    augmentation, mosaic = OURS[options.arm]
    module = SkinDataModule(
        data_root=str(options.rendered),
        size=options.size,
        batch_size=options.batch,
        augmentation=augmentation,  # type: ignore[arg-type]
        mosaic=mosaic,
        limit_train=options.images,
        epoch_steps=10**6,
        cache_dir=str(options.folder / options.arm.replace(", ", "-")),
    )
    module.prepare_data()
    module.setup("fit")
    return module.train_dataloader()


class Augmented(Decoded):
    """JPEG and masks decoded at their own size, then augmented."""

    def __init__(self, folder: Path, size: int, kind: str) -> None:
        super().__init__(folder, size, 1, index_mask=False)
        import albumentations as A

        self.compose = (
            albumentations_way(size)
            if kind == "same"
            else A.Compose([
                A.RandomResizedCrop((size, size)), A.HorizontalFlip(), A.RandomBrightnessContrast(p=0.2)
            ])
        )  # fmt: skip

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        import PIL.Image

        path = self.folder / f"{index % self.count:04}.jpg"
        image = np.array(PIL.Image.open(path).convert("RGB"))
        files = [path.with_name(f"{path.stem}_{head}.png") for head in HEADS]
        masks = [(np.array(PIL.Image.open(file)) > 0).astype(np.uint8) for file in files]
        found = self.compose(image=image, masks=masks)
        made = (found["image"], *found["masks"])
        pixels, *targets = (torch.from_numpy(np.ascontiguousarray(each)) for each in made)
        return {"image": pixels.permute(2, 0, 1).contiguous(), **dict(zip(HEADS, targets, strict=True))}


def albumentations_way(size: int) -> Any:
    """The strong augmentation as it is written where speed is not looked at."""
    import albumentations as A

    from skinseg.data import augmentation
    from skinseg.data.geometry import FILL
    from skinseg.datasets.sample import IGNORE

    def weighted(step: Any, weight: float) -> Any:
        step.p = weight  # which OneOf reads as its share
        return step

    constant: dict[str, Any] = {"border_mode": cv2.BORDER_CONSTANT, "fill": FILL, "fill_mask": IGNORE}
    crop = A.RandomResizedCrop(
        (size, size), scale=(0.1, 1), ratio=(0.75, 4 / 3), area_for_downscale="image", p=0.7
    )
    sides = [size // 2, size * 3 // 4, size, size]
    whole = [
        A.LongestMaxSize(sides, area_for_downscale="image"),
        A.PadIfNeeded(size, size, position="random", **constant),
    ]
    augmentation.QuickShotNoise = A.ShotNoise  # type: ignore[misc]
    choices = [
        A.OneOf([*map(weighted, choice.steps, np.diff([0, *choice.upto, 1]).tolist())], p=choice.share)
        for choice in augmentation._photometry()
    ]
    return A.Compose([
        A.Rotate(25, p=0.4, **constant), A.OneOf([crop, A.Sequential(whole, p=0.3)], p=1), A.HorizontalFlip(),
        *choices,
    ])  # fmt: skip


def peers(options: argparse.Namespace) -> Any:
    kind = options.arm.partition(", ")[2]
    data: Decoded = (
        Decoded(options.folder, options.size, 1, index_mask=False)
        if kind == "resized"
        else Augmented(options.folder, options.size, kind)
    )
    return torch.utils.data.DataLoader(data, batch_size=options.batch)


if __name__ == "__main__":
    main()
