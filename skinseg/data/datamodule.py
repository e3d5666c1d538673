"""Batches for training, whole images for validation and test, of one dataset."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from skinseg.data.augmentation import Augmentation, training_transform
from skinseg.data.cache import DecodedCache, open_cache
from skinseg.data.splits import Split, make_split, subset
from skinseg.datasets.base import Dataset
from skinseg.datasets.label_policy import parse_labels
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.sample import HEADS, IGNORE, Image, Mask, Sample
from skinseg.errors import UserError

Batch = dict[str, torch.Tensor]


class SkinDataModule(pl.LightningDataModule):
    """One dataset, split, cached, augmented and batched.

    Training batches: `image` uint8 (B, 3, S, S), RGB; `skin` and `person` uint8 (B, S, S) in {0, 1, 255},
    all 255 where the head is not labelled. Validation and test: lists of `Sample` of any size, validation
    from the cache, test at the images' own resolution from the files.

    What an epoch shows is a function of (seed, epoch): the sampler draws its order when the epoch begins and
    hands the epoch to each sample, whose augmentation is seeded by (seed, epoch, position). A run resumed at
    an epoch's boundary therefore sees what the uninterrupted one would have seen, with any number of workers.

    Args:
        dataset: name of the dataset, one of `skinseg.datasets.registry.DATASETS`.
        data_root: folder that holds the dataset, or the dataset's own.
        size: side of a training patch, pixels.
        batch_size: images per step.
        num_workers: processes that augment; 0 augments in the training process.
        seed: of the order and the augmentation.
        split: your own split, a CSV with the columns image and part (train, validation or test).
        labels: changes to the dataset's label policy, such as "lips=ignore,nails=background"; see
            `skinseg.datasets.label_policy`.
        split_seed: of the split and of `limit_train`'s subset; evaluation splits by 0, so leave it there unless
            you pass it the same.
        augmentation: "strong", or "paper" for the paper's patches and flips.
        cache_dir: where decoded images are kept.
        cache_long_side: their long side in pixels; twice `size` where not given.
        limit_train: train on this many images only, a nested subset.
        repeat: how often an epoch shows each training image, under another augmentation each time.
        mosaic: share of training patches that are put together of four images, each at half its size: groups
            and small figures, which sets of single people lack.
    """

    def __init__(
        self,
        dataset: str = "rendered",
        data_root: str = "data",
        size: int = 256,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        split: str | None = None,
        labels: str | None = None,
        split_seed: int = 0,
        augmentation: Literal["strong", "paper"] = "strong",
        cache_dir: str = ".cache/skinseg",
        cache_long_side: int | None = None,
        limit_train: int | None = None,
        repeat: int = 1,
        mosaic: float = 0.0,
    ) -> None:
        super().__init__()
        for option, value in (("size", size), ("batch_size", batch_size), ("repeat", repeat)):
            if value < 1:
                raise UserError(f"--data.{option} {value}: expected 1 or more")
        if not 0 <= mosaic <= 1:
            raise UserError(f"--data.mosaic {mosaic}: expected a share from 0 to 1")
        self.dataset_name = dataset
        self.data_root = Path(data_root)
        self.size = size
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.split_file = None if split is None else Path(split)
        self.labels = parse_labels(labels)
        self.split_seed = split_seed
        self.augmentation = augmentation
        self.cache_dir = Path(cache_dir)
        self.cache_long_side = cache_long_side or 2 * size
        self.limit_train = limit_train
        self.repeat = repeat
        self.mosaic = mosaic

    def prepare_data(self) -> None:
        """Check the dataset and, where the run will train or validate, build its cache."""
        dataset, split = self._open()
        if not split.train and (self.trainer is None or self.trainer.state.fn == "fit"):
            raise UserError(
                f"--data.split {self.split_file}: no image to train on; name some with part train"
            )
        if self.trainer is None or self.trainer.state.fn != "test":
            open_cache(dataset, self.cache_long_side, self.cache_dir)

    def setup(self, stage: str | None = None) -> None:
        """Open dataset and split, and the cache unless `stage` is "test"."""
        self.dataset: Dataset
        self.split: Split
        self.dataset, self.split = self._open()
        self.train_ids = self.split.train
        if self.limit_train is not None:
            self.train_ids = subset(self.split.train, self.limit_train, self.split_seed)
        if stage != "test":
            self.cache: DecodedCache = open_cache(self.dataset, self.cache_long_side, self.cache_dir)

    def _open(self) -> tuple[Dataset, Split]:
        dataset = open_dataset(self.dataset_name, self.data_root, self.labels)
        return dataset, make_split(dataset, self.split_seed, self.split_file)

    def train_dataloader(self) -> DataLoader[Batch]:
        patches = TrainingPatches(
            self.cache,
            [self.cache.position[image_id] for image_id in self.train_ids] * self.repeat,
            training_transform(self.size, self.augmentation),
            training_transform(self.size // 2, self.augmentation),
            self.mosaic,
            self.seed,
        )
        return DataLoader(
            patches,
            batch_size=self.batch_size,
            sampler=EpochSampler(len(patches), self.seed, self._epoch),
            num_workers=self.num_workers,
            drop_last=len(patches) > self.batch_size,  # a last batch of one starves batch normalisation
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_single_threaded,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        positions = [self.cache.position[image_id] for image_id in self.split.validation]
        return self._whole(Samples(self.cache.sample, positions))

    def test_dataloader(self) -> DataLoader[Any]:
        ids = set(self.split.test)
        positions = [i for i, item in enumerate(self.dataset.items) if item.image_id in ids]
        return self._whole(Samples(self.dataset.__getitem__, positions))

    def class_weights(self) -> dict[str, tuple[float, float]]:
        """(background, foreground) weight per labelled head: inverse to the classes' share of the training
        pixels, mean 1. Raises UserError where a class is missing from the training split.
        """
        weights: dict[str, tuple[float, float]] = {}
        entries = [self.cache.entries[self.cache.position[image_id]] for image_id in self.train_ids]
        for head in self.cache.heads:
            background, foreground = (
                sum(entry.counts[head][i] for entry in entries if head in entry.counts) for i in (0, 1)
            )
            if not (background and foreground):
                raise UserError(
                    f"dataset {self.dataset_name}: the training split has {background} background "
                    f"and {foreground} {head} pixels, expected some of both; check its masks"
                )
            total = background + foreground
            # 1 / share, scaled to a mean of 1 over the two classes
            weights[head] = (2 * foreground / total, 2 * background / total)
        return weights

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0

    def _whole(self, samples: "Samples") -> DataLoader[Any]:
        # In the main process: sizes differ, so nothing is stacked, and an unreadable file stays one sentence.
        return DataLoader(samples, batch_size=self.batch_size, collate_fn=list)


class TrainingPatches(TorchDataset[Batch]):
    """Augmented patches; an index is (epoch, position in `positions`).

    transform, half: the augmentation at the patch's size and at half of it, for mosaics of four images.
    """

    def __init__(
        self,
        cache: DecodedCache,
        positions: Sequence[int],
        transform: Augmentation,
        half: Augmentation,
        mosaic: float,
        seed: int,
    ) -> None:
        self.cache = cache
        self.positions = positions
        self.transform = transform
        self.half = half
        self.mosaic = mosaic
        self.seed = seed

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: tuple[int, int]) -> Batch:
        epoch, i = index
        generator = np.random.default_rng([self.seed, epoch, i])
        if self.mosaic > 0 and generator.random() < self.mosaic:
            others = generator.integers(len(self.positions), size=3)
            tiles = [self._patch(self.positions[j], self.half, generator) for j in (i, *others)]
            rows = [[np.hstack(pair) for pair in zip(*tiles[k : k + 2], strict=True)] for k in (0, 2)]
            image, skin, person = (np.vstack(pair) for pair in zip(*rows, strict=True))
        else:
            image, skin, person = self._patch(self.positions[i], self.transform, generator)
        return {
            "image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
            "skin": torch.from_numpy(np.ascontiguousarray(skin)),
            "person": torch.from_numpy(np.ascontiguousarray(person)),
        }

    def _patch(
        self, position: int, transform: Augmentation, generator: np.random.Generator
    ) -> tuple[Image, Mask, Mask]:
        image = np.array(self.cache.image(position))
        masks = [self.cache.mask(position, head) for head in HEADS]
        unlabelled = np.full(image.shape[:2], IGNORE, np.uint8)
        skin, person = (unlabelled if mask is None else np.array(mask) for mask in masks)
        return transform(image, skin, person, generator)


class Samples(TorchDataset[Sample]):
    """Whole images by position, through a function that reads one."""

    def __init__(self, read: Callable[[int], Sample], positions: Sequence[int]) -> None:
        self.read = read
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Sample:
        return self.read(self.positions[index])


class EpochSampler(Sampler[tuple[int, int]]):
    """(epoch, index) in an order drawn from (seed, epoch).

    The epoch is asked for when iteration begins and travels with the index, so that worker processes, which
    hold a copy of the dataset from an earlier moment, augment by the right one.
    """

    def __init__(self, length: int, seed: int, epoch: Callable[[], int]) -> None:
        self.length = length
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self.epoch()
        order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
        return ((epoch, int(i)) for i in order)


def _single_threaded(_: Any) -> None:
    """Worker processes are the parallelism; OpenCV's own threads would fight them for the cores."""
    import cv2

    cv2.setNumThreads(0)
