"""Decoded pixels in memory-mapped files, so that training reads and never decodes.

A cache is one folder: `images.u8`, of each head such as `skin.u8` (flat uint8, one image after the other, a mask's
offset a third of its image's) and `index.json`. It is named by a fingerprint of all that decides its bytes,
written beside and renamed: changed contents, another size or version lead to another folder, never to a stale one.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.base import Dataset
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.heads import HEADS, STANDARD
from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE, Mask, Sample
from skinseg.files import folder_whole
from skinseg.images.decoding import Image

VERSION = 4  # raise it when the layout, the resizing or a reader's rule changes


@dataclass(frozen=True)
class CachedImage:
    """Where an image lies and what is known of it.

    counts: (background, foreground) pixels per labelled head.
    """

    image_id: str
    height: int
    width: int
    offset: int
    subject: str | None
    tone: int | None
    counts: dict[str, tuple[int, int]]


class DecodedCache:
    """A finished cache, opened for reading. Picklable: a worker process maps the files anew.

    Raises ValueError or OSError where the folder is not as it was written: the index by its digest, the rest by size;
    `check` reads all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        digest, _, text = (folder / "index.json").read_text(encoding="utf-8").partition("\n")
        if digest != _digest(text):
            raise ValueError(f"{folder / 'index.json'} is damaged")
        index = json.loads(text)
        self._sums: dict[str, int] = index["sums"]
        for name, size in index["sizes"].items():
            if (folder / name).stat().st_size != size:
                raise ValueError(f"{folder / name} is damaged")
        self.dataset: str = index["dataset"]
        self.entries = tuple(_entry(record) for record in index["entries"])
        self.position = {entry.image_id: i for i, entry in enumerate(self.entries)}

    def __reduce__(self) -> tuple[type["DecodedCache"], tuple[Path]]:
        return DecodedCache, (self.folder,)

    def __len__(self) -> int:
        return len(self.entries)

    def check(self) -> None:
        """Raise ValueError where a bit of the pixels is another than was written: a quarter of a second a gigabyte."""
        for name, meant in self._sums.items():
            if _sum(self.folder / name) != meant:
                raise ValueError(f"{self.folder / name} is damaged")

    @cached_property
    def _images(self) -> npt.NDArray[np.uint8]:
        return _mapped(self.folder / "images.u8")

    @cached_property
    def _masks(self) -> dict[str, npt.NDArray[np.uint8]]:
        return {head: _mapped(self.folder / f"{head}.u8") for head in self.heads}

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """The heads that are labelled on at least one image."""
        return tuple(head for head in HEADS if any(head in entry.counts for entry in self.entries))

    def image(self, index: int) -> Image:
        """uint8 (H, W, 3), RGB: a read-only view of the file."""
        entry = self.entries[index]
        size = entry.height * entry.width
        return self._images[3 * entry.offset : 3 * (entry.offset + size)].reshape(
            entry.height, entry.width, 3
        )

    def mask(self, index: int, head: str) -> Mask | None:
        """uint8 (H, W) in {0, 1, 255}, a view of the file, or None where the head is not labelled."""
        entry = self.entries[index]
        if head not in entry.counts:
            return None
        size = entry.height * entry.width
        return self._masks[head][entry.offset : entry.offset + size].reshape(entry.height, entry.width)

    def sample(self, index: int) -> Sample:
        """A copy of the image with its masks at the cache's resolution."""
        entry = self.entries[index]
        masks = {head: self.mask(index, head) for head in self.heads}
        return Sample(
            image=np.array(self.image(index)),
            masks={head: np.array(mask) for head, mask in masks.items() if mask is not None},
            dataset=self.dataset,
            image_id=entry.image_id,
            subject=entry.subject,
            tone=entry.tone,
        )


def open_cache(
    dataset: Dataset, long_side: int, cache_dir: Path, heads: Collection[str] = STANDARD
) -> DecodedCache:
    """The dataset's cache below `cache_dir`, built first where there is none yet (with a progress bar).

    Images are shrunk to `long_side` pixels, never enlarged. heads: whose masks are wanted. The standard ones are always
    kept, and of the others those that the dataset may label; where none is wanted, no mask file is opened, and the
    cache has none. Raises UserError where a file cannot be read.
    Two processes may build at once: each writes a folder of its own, and the first to finish is kept.
    """
    more = [head for head in HEADS if head in heads and head not in STANDARD and head in dataset.heads]
    kept = (*STANDARD, *more) if heads else ()
    kind = "".join(f"-{head}" for head in more) if heads else "-images"
    meant = "".join(f" {head}={'+'.join(part.name for part in HEADS[head])}" for head in more)
    decides = f"{VERSION} {long_side} {fingerprint(dataset, cache_dir, bool(heads))}{meant}"
    name = f"{dataset.name}-{long_side}{kind}-{hashlib.sha256(decides.encode()).hexdigest()[:16]}"
    folder = cache_dir / name
    if folder.is_dir():
        with suppress(ValueError, OSError):
            found = DecodedCache(folder)
            found.check()
            return found
        shutil.rmtree(folder, ignore_errors=True)  # damaged; all of it can be made again
    try:
        with folder_whole(folder) as beside:
            _write(dataset, long_side, beside, kept)
    except OSError:
        if not (folder / "index.json").is_file():  # anything but another process that was first
            raise
    return DecodedCache(folder)


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    # As a plain array: each view of NumPy's own class costs microseconds more.
    return np.asarray(np.memmap(path, np.uint8, mode="r"))


def _sum(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found = zlib.crc32(part, found)
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def shrink(image: Image, masks: Mapping[str, Mask], long_side: int) -> tuple[Image, Mapping[str, Mask]]:
    """Image and masks by head at a long side of at most `long_side` pixels, averaged over the pixels' area.

    A mask pixel is foreground where more than half of its area is, and ignored where more than half is.
    """
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return image, masks
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return small, {head: _shrink_mask(mask, size) for head, mask in masks.items()}


def _entry(record: dict[str, Any]) -> CachedImage:
    """JSON knows lists only."""
    counts = {head: (background, foreground) for head, (background, foreground) in record["counts"].items()}
    return CachedImage(**(record | {"counts": counts}))


def _shrink_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    def covers(value: int) -> npt.NDArray[np.bool_]:
        share = cv2.resize((mask == value).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return np.asarray(share > 0.5, dtype=np.bool_)

    small = np.where(covers(FOREGROUND), FOREGROUND, BACKGROUND).astype(np.uint8)
    small[covers(IGNORE)] = IGNORE
    return small


def _write(dataset: Dataset, long_side: int, folder: Path, kept: Collection[str]) -> None:
    entries: list[CachedImage] = []
    offset = 0
    with ExitStack() as stack:
        images = stack.enter_context((folder / "images.u8").open("wb"))
        files = {head: stack.enter_context((folder / f"{head}.u8").open("wb")) for head in kept}
        for index in _with_progress(range(len(dataset)), f"caching {dataset.name}"):
            sample = dataset[index] if kept else dataset.read_unlabelled(dataset.items[index])
            wanted = {head: mask for head, mask in sample.masks.items() if head in kept}
            image, masks = shrink(sample.image, wanted, long_side)
            images.write(image.tobytes())
            for head, mask in masks.items():
                files[head].seek(offset)  # an image without this label leaves a hole that nobody reads
                files[head].write(mask.tobytes())
            counts = {
                head: (int(np.count_nonzero(mask == BACKGROUND)), int(np.count_nonzero(mask == FOREGROUND)))
                for head, mask in masks.items()
            }
            height, width = image.shape[:2]
            entries.append(
                CachedImage(sample.image_id, height, width, offset, sample.subject, sample.tone, counts)
            )
            offset += height * width
    paths = sorted(folder.glob("*.u8"))
    record = {
        "dataset": dataset.name,
        "sizes": {path.name: path.stat().st_size for path in paths},
        "sums": {path.name: _sum(path) for path in paths},
        "entries": [asdict(entry) for entry in entries],
    }
    text = json.dumps(record)
    (folder / "index.json").write_text(f"{_digest(text)}\n{text}", encoding="utf-8")


def _with_progress(indices: range, description: str) -> Iterable[int]:
    from rich.console import Console
    from rich.progress import track

    return track(indices, description=description, console=Console(stderr=True))
