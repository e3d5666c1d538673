"""Batches for training, whole images for validation and test, of one dataset or of a source and a target."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from skinseg.background import in_background
from skinseg.data import retoning
from skinseg.data.arrangement import Arrangement, Side
from skinseg.data.augmentation import training_transform
from skinseg.data.cache import DecodedCache, open_cache
from skinseg.data.patches import PairedPatches, PairSampler, StreamSampler, TrainingPatches, collated
from skinseg.data.splits import Split, make_split, subset
from skinseg.data.streams import Role
from skinseg.datasets.base import Dataset
from skinseg.datasets.fingerprint import CACHE
from skinseg.datasets.heads import STANDARD
from skinseg.datasets.label_policy import parse_labels
from skinseg.datasets.registry import open_dataset
from skinseg.datasets.rendered import Rendered
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError


@dataclass(frozen=True)
class Partner:
    """The set that is shown beside the one that is trained on: its masks are there only where `labelled`."""

    side: Side
    dataset: Dataset
    split: Split
    train_ids: tuple[str, ...]
    cache: DecodedCache
    labelled: bool


class SkinDataModule(pl.LightningDataModule):
    """One dataset, split, cached, augmented and batched; or two of them, for an adaptation method.

    Training batches: `image` uint8 (B, 3, S, S), RGB; of each head by its name uint8 (B, S, S) in {0, 1, 255},
    all 255 where it is not labelled. Validation and test: lists of `Sample` of any size, validation
    from the cache, test at the images' own resolution from the files.

    `dataset` is the target. Which set is trained on with its masks, and validated on, is a matter of the `Arrangement`
    that `arrange` is given, and without one it is the target. Where both are shown, a training batch is {"source":
    ..., "target": ...}, and a target whose labels are not to be known has `image` and `inside`, uint8 (B, S, S), 0
    where a patch reaches over its image's edge: its masks are not opened.

    What an epoch shows is a function of (seed, epoch): a piece of an endless stream of permutations, each drawn
    from (seed, cycle); a patch's augmentation is drawn from (seed, cycle, position), see `skinseg.data.streams`.
    Where `epoch_steps` is not given, a cycle is an epoch. A run resumed at an epoch's boundary therefore sees what
    the uninterrupted one would have seen, with any number of workers. The second set of a method has streams of
    its own.

    Args:
        dataset: name of the dataset, one of `skinseg.datasets.registry.DATASETS`.
        data_root: folder that holds the dataset, or the dataset's own.
        size: side of a training patch, pixels.
        batch_size: images per step.
        num_workers: processes that augment; 0 augments in a thread of the training process.
        seed: of the order and the augmentation.
        split: your own split, a CSV with the columns image and part (train, validation or test).
        labels: changes to the dataset's label policy, such as "lips=ignore,nails=background"; see
            `skinseg.datasets.label_policy`. Of a source and a target, each takes what it marks.
        split_seed: of the splits and of the subsets of `limit_train` and `limit_source`; evaluation splits by 0,
            so leave it there unless you pass it the same.
        augmentation: "strong", "paper" for the paper's patches and flips, or "geometry" or "hsv"; see
            `skinseg.data.augmentation`.
        retone: "balance" fills groups of skin tone that the training photographs lack with copies in another tone,
            "placebo" with the same copies in their own; docs/tones.md.
        without_tones: groups to leave out of the training photographs, such as "5,6", to study what fills them.
        cache_dir: where decoded images, and the digests of the files that they come from, are kept.
        cache_long_side: their long side in pixels; twice `size` where not given.
        limit_train: train on this many images only, a nested subset.
        repeat: how often an epoch shows each training image, under another augmentation each time.
        mosaic: share of training patches that are put together of four images, each at half its size: groups
            and small figures, which sets of single people lack.
        source: name of the labelled set to adapt from, such as rendered; its own split's training part is used.
        source_root: folder that holds the source, or the source's own; `data_root` where not given.
        limit_source: use this many images of the source only, a nested subset.
        epoch_steps: steps in an epoch, so that arms with sets of different sizes take as many; by default an
            epoch shows each training image `repeat` times.
        heads: of the network; skin and person where not given.
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
        augmentation: Literal["strong", "geometry", "hsv", "paper"] = "strong",
        cache_dir: str = str(CACHE),
        cache_long_side: int | None = None,
        limit_train: int | None = None,
        repeat: int = 1,
        mosaic: float = 0.0,
        source: str | None = None,
        source_root: str | None = None,
        limit_source: int | None = None,
        epoch_steps: int | None = None,
        retone: Literal["off", "balance", "placebo"] = "off",
        without_tones: str | None = None,
        heads: list[str] | None = None,
    ) -> None:
        super().__init__()
        for option, value, least in (
            ("size", size, 1),
            ("batch_size", batch_size, 1),
            ("num_workers", num_workers, 0),
            ("cache_long_side", cache_long_side, 1),
            ("limit_train", limit_train, 1),
            ("limit_source", limit_source, 1),
            ("repeat", repeat, 1),
            ("epoch_steps", epoch_steps, 1),
        ):
            if value is not None and value < least:
                raise UserError(f"--data.{option} {value}: expected {least} or more")
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
        self.source_name = source
        self.source_root = self.data_root if source_root is None else Path(source_root)
        self.limit_source = limit_source
        self.epoch_steps = epoch_steps
        self.retone = retone
        self.without_tones = retoning.parse_groups(without_tones)
        self.tone_counts: retoning.Counts = {}
        self.copies: tuple[str, ...] = ()
        self.heads = STANDARD if heads is None else tuple(heads)
        self.arrangement = Arrangement("target")
        self.partner: Partner | None = None

    def arrange(self, arrangement: Arrangement) -> None:
        """Show the sets so from now on. Raises UserError where two are wanted and one is named twice."""
        self.arrangement = arrangement
        alone = arrangement.labelled == "source" and arrangement.partner is None
        if not alone and self.source_name == self.dataset_name and _same(self.source_root, self.data_root):
            raise self._one_set()

    def prepare_data(self) -> None:
        """Check the sets and, where the run will train or validate, build their caches."""
        function = None if self.trainer is None else self.trainer.state.fn
        if function == "test":
            self._open("target")
            return
        self._prepare(self.arrangement.labelled, labelled=True)
        if self.arrangement.partner is not None and function in (None, "fit"):
            root = self._prepare(self.arrangement.partner, self.arrangement.partner_labelled)
            if _same(root, self._open(self.arrangement.labelled)[0].root):
                raise self._one_set()

    def validation_tones(self) -> tuple[dict[int, int], str]:
        """Fitzpatrick group to validation images, of those whose tone is known, and the dataset's name."""
        dataset, split = self._open(self.arrangement.labelled)
        chosen = set(split.validation)
        tones = (item.tone for item in dataset.items if item.image_id in chosen)
        return dict(Counter(tone for tone in tones if tone is not None)), dataset.name

    def _prepare(self, side: Side, labelled: bool) -> Path:
        """Build a set's cache and return its folder."""
        dataset, split = self._open(side)
        trains = self.trainer is None or self.trainer.state.fn in (None, "fit")
        if not split.train and trains:
            raise UserError(
                f"--data.split {self.split_file}: no image to train on; name some with part train"
            )
        cache = self._cached(dataset, labelled)
        if labelled and trains:
            entries = [cache.entries[cache.position[each]] for each in self._train_ids(side, split)]
            if not any(entry.counts["skin"][1] for entry in entries if "skin" in entry.counts):
                raise UserError(
                    f"dataset {dataset.name} in {dataset.root}: none of {len(entries)} images to train on has a pixel "
                    "of skin in its mask, expected some; check what its masks' levels mean"
                )
        return dataset.root

    def setup(self, stage: str | None = None) -> None:
        """Open the set that is trained on, its split and cache, and its partner; for "test" the target alone."""
        self.dataset: Dataset
        self.split: Split
        side: Side = "target" if stage == "test" else self.arrangement.labelled
        self.dataset, self.split = self._open(side)
        self.train_ids = self._train_ids(side, self.split)
        if stage == "test":
            return
        self.cache: DecodedCache = self._cached(self.dataset)
        other = self.arrangement.partner
        if other is not None and stage in (None, "fit"):
            labelled = self.arrangement.partner_labelled
            dataset, split = self._open(other)
            cache = self._cached(dataset, labelled)
            self.partner = Partner(other, dataset, split, self._train_ids(other, split), cache, labelled)
        if stage in (None, "fit"):
            self._balance_tones()

    def _balance_tones(self) -> None:
        """Leave groups out of the photographs that are trained on, and fill groups, as asked; count what there is."""
        self.tone_counts, self.copies = {}, ()
        shown = [(self.dataset, self.train_ids)]
        if self.partner is not None:
            shown.append((self.partner.dataset, self.partner.train_ids))
        for dataset, ids in shown:
            if isinstance(dataset, Rendered):
                chosen = set(ids)
                tones = (item.tone for item in dataset.items if item.image_id in chosen)
                self.tone_counts["rendered"] = retoning.counts_of(tones)
        if self.retone == "off" and not self.without_tones:
            return
        if isinstance(self.dataset, Rendered):
            raise UserError(
                "--data.retone and --data.without_tones are for photographs, and a rendered set is trained on; render "
                "frames of the tones that are wanted instead"
            )
        known = retoning.tones_of(self.cache, self.train_ids)
        out = {name for name, tone in known.items() if tone.group in self.without_tones}
        self.train_ids = tuple(name for name in self.train_ids if name not in out)
        if not self.train_ids:
            raise UserError(
                f"--data.without_tones {','.join(map(str, sorted(self.without_tones)))}: no photograph is left to "
                "train on; leave fewer groups out"
            )
        known = {name: tone for name, tone in known.items() if name not in out}
        self.tone_counts["real"] = retoning.counts_of(tone.group for tone in known.values())
        if self.retone != "off":
            cache = retoning.open_retoned(
                self.cache, known, self.split_seed, self.cache_dir, self.retone == "placebo"
            )
            self.cache, self.copies = cache, cache.copy_ids
            if cache.refused:
                why = "; ".join(f"{count} {reason}" for reason, count in cache.refused.items())
                print(f"not re-toned: {why}")
            # A placebo shows nobody in another tone.
            if self.retone == "balance":
                self.tone_counts["re-toned"] = retoning.counts_of(copy.group for copy in cache.copies)
        print("\n".join(retoning.said(self.tone_counts)))

    def _cached(self, dataset: Dataset, labelled: bool = True) -> DecodedCache:
        return open_cache(dataset, self.cache_long_side, self.cache_dir, self.heads if labelled else ())

    def _open(self, side: Side) -> tuple[Dataset, Split]:
        # Beside a source, a part of the label policy may concern one of the two alone.
        strict = self.source_name is None
        if side == "target" or self.source_name is None:
            dataset = open_dataset(self.dataset_name, self.data_root, self.labels, strict_labels=strict)
            return dataset, make_split(dataset, self.split_seed, self.split_file)
        dataset = open_dataset(self.source_name, self.source_root, self.labels, strict_labels=strict)
        return dataset, make_split(dataset, self.split_seed)

    def _train_ids(self, side: Side, split: Split) -> tuple[str, ...]:
        option, count = (
            ("limit_train", self.limit_train) if side == "target" else ("limit_source", self.limit_source)
        )
        return split.train if count is None else subset(split.train, count, self.split_seed, option)

    def _one_set(self) -> UserError:
        return UserError(
            f"--data.source {self.source_name}: source and target are one set ({self.dataset_name} in "
            f"{self.data_root}), expected two; name the target with --data.dataset and "
            "--data.data_root, and the source with --data.source and --data.source_root"
        )

    def train_dataloader(self) -> DataLoader[Any]:
        first = self._patches(self.cache, (self.train_ids + self.copies) * self.repeat, Role.TRAINED_ON)
        length = len(first) if self.epoch_steps is None else self.epoch_steps * self.batch_size
        patches: TorchDataset[Any] = first
        sampler: Any = StreamSampler(len(first), length, self.seed, first.role, self._epoch)
        if self.partner is not None:
            other = self.partner
            second = self._patches(
                other.cache,
                other.train_ids,
                Role.PARTNER,
                other.labelled,
                self.arrangement.partner_photometry,
            )
            patches = PairedPatches({self.arrangement.labelled: first, other.side: second})
            sampler = PairSampler(
                sampler, StreamSampler(len(second), length, self.seed, second.role, self._epoch)
            )
        _single_threaded(None)  # patches are too small to share
        return PatchLoader(
            patches,
            batch_size=self.batch_size,
            sampler=sampler,
            collate_fn=collated,
            num_workers=self.num_workers,
            drop_last=length > self.batch_size,  # a last batch of one starves batch normalisation
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_single_threaded,
        )

    def _patches(
        self,
        cache: DecodedCache,
        ids: Sequence[str],
        role: Role,
        labelled: bool = True,
        photometry: bool = True,
    ) -> TrainingPatches:
        return TrainingPatches(
            cache,
            [cache.position[image_id] for image_id in ids],
            training_transform(self.size, self.augmentation, photometry),
            training_transform(self.size // 2, self.augmentation, photometry),
            self.mosaic,
            self.seed,
            role,
            self.heads if labelled else (),
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
        for head in (head for head in self.cache.heads if head in self.heads):
            background, foreground = (
                sum(entry.counts[head][i] for entry in entries if head in entry.counts) for i in (0, 1)
            )
            if not (background and foreground):
                raise UserError(
                    f"dataset {self.dataset.name}: the training split has {background} background "
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


class PatchLoader(DataLoader[Any]):
    """A DataLoader that, without worker processes, makes the next batch in a thread while the network works."""

    def __iter__(self) -> Any:
        if self.num_workers or self.pin_memory:
            return super().__iter__()
        return in_background(self._batch, self.batch_sampler or (), ahead=1)

    def _batch(self, indices: Sequence[Any]) -> Any:
        return self.collate_fn([self.dataset[index] for index in indices])


class Samples(TorchDataset[Sample]):
    """Whole images by position, through a function that reads one."""

    def __init__(self, read: Callable[[int], Sample], positions: Sequence[int]) -> None:
        self.read = read
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Sample:
        return self.read(self.positions[index])


def _same(first: Path, second: Path) -> bool:
    return first.resolve() == second.resolve()


def _single_threaded(_: Any) -> None:
    """Worker processes are the parallelism; OpenCV's own threads would fight them for the cores."""
    import cv2

    cv2.setNumThreads(0)
