"""Training patches, and the seeded streams in which they are shown."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from skinseg.data import streams
from skinseg.data.augmentation import Augmentation
from skinseg.data.cache import DecodedCache
from skinseg.data.streams import Part, Role
from skinseg.datasets.heads import STANDARD
from skinseg.datasets.sample import IGNORE

Batch = dict[str, torch.Tensor]
Index = tuple[int, int]


class TrainingPatches(TorchDataset[Batch]):
    """Augmented patches; an index is (cycle, position in `positions`).

    transform, half: the augmentation at the patch's size and at half of it, for mosaics of four images.
    seed, role, and the index: the place of a patch's stream, see `skinseg.data.streams`.
    heads: whose masks a patch has beside its `image`. Of none, it has `inside`, uint8 (S, S), 1 where the pixel comes
        from the image and 0 where it was filled up; no mask is looked at.
    """

    def __init__(
        self,
        cache: DecodedCache,
        positions: Sequence[int],
        transform: Augmentation,
        half: Augmentation,
        mosaic: float,
        seed: int,
        role: Role,
        heads: Sequence[str] = STANDARD,
    ) -> None:
        self.cache = cache
        self.positions = positions
        self.transform = transform
        self.half = half
        self.mosaic = mosaic
        self.seed = seed
        self.role = role
        self.heads = heads

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Index) -> Batch:
        cycle, i = index
        generator = streams.generator(self.seed, Part.AUGMENT, self.role, cycle, i)
        if self.mosaic > 0 and generator.random() < self.mosaic:
            others = generator.integers(len(self.positions), size=3)
            tiles = [self._patch(self.positions[j], self.half, generator, 2) for j in (i, *others)]
            rows = [[np.hstack(pair) for pair in zip(*tiles[k : k + 2], strict=True)] for k in (0, 2)]
            image, *masks = (np.vstack(pair) for pair in zip(*rows, strict=True))
        else:
            image, *masks = self._patch(self.positions[i], self.transform, generator)
        pixels = torch.from_numpy(image).permute(2, 0, 1)  # a view: channels last, as convolutions like it
        if not self.heads:
            return {"image": pixels, "inside": torch.from_numpy((masks[0] != IGNORE).astype(np.uint8))}
        targets = (torch.from_numpy(np.ascontiguousarray(mask)) for mask in masks)
        return {"image": pixels, **dict(zip(self.heads, targets, strict=True))}

    def _patch(
        self, position: int, transform: Augmentation, generator: np.random.Generator, shrink: int = 1
    ) -> list[npt.NDArray[np.uint8]]:
        """The image and its masks, both shrunk first; of no head, one that is 0 inside the image and 255 outside of it.

        Shrunk as the patch is, an image goes through what any other goes through, in a quarter of the pixels.
        """
        image = self.cache.image(position)
        height, width = (max(1, side // shrink) for side in image.shape[:2])
        if shrink > 1:
            whole = image[: height * shrink, : width * shrink]
            image = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        masks = [self.cache.mask(position, head) for head in self.heads]
        unlabelled = np.full((height, width), IGNORE, np.uint8)
        # As everywhere masks are shrunk to patches: the nearest pixel.
        given = [
            unlabelled if mask is None else np.ascontiguousarray(mask[::shrink, ::shrink][:height, :width])
            for mask in masks
        ]
        return transform(image, given or [np.zeros_like(unlabelled)], generator)


def collated(patches: Sequence[Any]) -> Any:
    """A batch of patches, or of what their names lead to; images stay channels last. By NumPy: torch would start
    threads of its own in the thread that calls this."""
    if isinstance(patches[0], torch.Tensor):
        return torch.from_numpy(np.stack([each.numpy() for each in patches]))
    return {name: collated([each[name] for each in patches]) for name in patches[0]}


class PairedPatches(TorchDataset[dict[str, Batch]]):
    """A patch of each of two sets by its name; an index is an index of each, in the same order."""

    def __init__(self, sets: dict[str, TrainingPatches]) -> None:
        self.sets = sets

    def __getitem__(self, index: tuple[Index, Index]) -> dict[str, Batch]:
        return {name: patches[i] for (name, patches), i in zip(self.sets.items(), index, strict=True)}


class StreamSampler(Sampler[Index]):
    """An epoch's piece of an endless stream over `size` patches: (cycle, index), `length` of them.

    The stream is one permutation of all patches after the other, each drawn from (seed, role, cycle), and epoch e
    begins at place e x length. Where length is size, an epoch is a cycle.

    The epoch is asked for when iteration begins and its cycle travels with the index, so that worker
    processes, which hold a copy of the dataset from an earlier moment, augment by the right one.
    """

    def __init__(self, size: int, length: int, seed: int, role: Role, epoch: Callable[[], int]) -> None:
        self.size = size
        self.length = length
        self.seed = seed
        self.role = role
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Index]:
        return self._from(self.epoch() * self.length)

    def _from(self, start: int) -> Iterator[Index]:
        drawn, order = -1, np.empty(0, np.int64)
        for place in range(start, start + self.length):
            cycle, k = divmod(place, self.size)
            if cycle != drawn:
                generator = streams.generator(self.seed, Part.SHUFFLE, self.role, cycle)
                drawn, order = cycle, generator.permutation(self.size)
            yield cycle, int(order[k])


class PairSampler(Sampler[tuple[Index, Index]]):
    """Two streams of the same length, side by side."""

    def __init__(self, first: StreamSampler, second: StreamSampler) -> None:
        self.streams = (first, second)

    def __len__(self) -> int:
        return len(self.streams[0])

    def __iter__(self) -> Iterator[Any]:
        return zip(*self.streams, strict=True)
