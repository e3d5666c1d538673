"""`skinseg data leaks`: the same photograph, or nearly, twice: within a dataset, across datasets, across a split.

Two steps. A perceptual hash (the signs of an image's lowest cosine frequencies, after Zauner 2010, as in the
ImageHash package) proposes pairs: it survives scaling, JPEG and small changes of colour; hashes of the mirrored
image and of crops are compared as well. Then the proposed pictures are laid over each other and their fine
detail is compared, because plain walls and hands on black look alike to any hash.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from skinseg.curation.check import THREADS
from skinseg.data.splits import PARTS, make_split
from skinseg.datasets.base import Dataset
from skinseg.datasets.name_table import check_speaks_of
from skinseg.datasets.registry import find_datasets
from skinseg.files import written_whole
from skinseg.images.decoding import Image, read_image
from skinseg.images.encoding import write_image

SIDE = 128  # of the squeezed pictures that are compared, pixels
MAX_DISTANCE = 12  # of 63 bits; unrelated images differ in 31.5 +- 4
# Correlation of fine detail. 40 photographs, each changed in ten ways (JPEG, scaling, mirroring, crops, light): one
# copy had .93, at a third of the size and quality 40, all others .98 and more. Of the different photographs of 268,
# hands of one series reached .92, all else .82.
MIN_SIMILARITY = 0.93
SHEET = (4, 12)  # pairs across and down one contact sheet

_HASHED = 32  # the cosine transform's side, pixels
_CROPS = (1.0, 0.9, 0.8)  # sides of the crops that are hashed, as shares of the image's
_COARSE = 0.7  # correlation of the pictures as a whole below which nothing is laid over each other in detail
_TILE = 16  # pixels of the squeezed pictures
_FLAT = 1.5  # standard deviation of the detail, levels: less is a plain wall, which proves nothing

KINDS = ("across the split", "across datasets", "within a part")


@dataclass(frozen=True)
class Squeezed:
    """One image, squeezed to SIDE x SIDE, uint8 RGB, and where it belongs; part: of the split, or ""."""

    dataset: str
    image: str
    part: str
    pixels: Image


@dataclass(frozen=True)
class Leak:
    """`repeat` shows what `original` shows. distance: of the hashes, bits of 63. similarity: of the detail, -1 to 1."""

    repeat: Squeezed
    original: Squeezed
    distance: int
    similarity: float
    mirrored: bool

    @property
    def kind(self) -> str:
        """One of KINDS."""
        if self.repeat.dataset != self.original.dataset:
            return KINDS[1]
        return KINDS[2] if self.repeat.part == self.original.part else KINDS[0]


def pictures_of(datasets: Sequence[Dataset], split_file: Path | None = None) -> list[Squeezed]:
    """Every image of the datasets, small. Raises UserError where one does not read or a split does not fit."""
    wanted = []
    for dataset in datasets:
        split = make_split(dataset, file=split_file)
        part_of = {image_id: part for part in PARTS for image_id in split.part(part)}
        wanted += [
            (dataset.name, item.image_id, part_of.get(item.image_id, ""), item.image_path)
            for item in dataset.items
        ]
    with ThreadPoolExecutor(THREADS) as pool:
        squeezed = pool.map(lambda entry: squeeze(read_image(entry[3])), wanted)
        console = Console(stderr=True)
        small = list(track(squeezed, "read", len(wanted), console=console, transient=True))
    return [Squeezed(*entry[:3], pixels) for entry, pixels in zip(wanted, small, strict=True)]


def squeeze(image: Image) -> Image:
    """An image at SIDE x SIDE, uint8 RGB, whatever its shape was."""
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def perceptual_hash(grey: Image) -> int:
    """63 bits of a grey image, uint8 (H, W): which of the 8 x 8 lowest cosine frequencies, the constant left out,
    lie above their median."""
    small = cv2.resize(grey, (_HASHED, _HASHED), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].ravel()[1:]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def run_leaks(
    data_root: Path, out: Path, split_file: Path | None = None, min_similarity: float = MIN_SIMILARITY
) -> int:
    """Audit every dataset of photographs under `data_root`; print what is found, and return the number of pairs.

    out: gets leaks.csv, which `skinseg evaluate --exclude` reads, and leaks-N.jpg, thumbnails of the pairs. They
    show the datasets' photographs: for this machine only.
    """
    datasets = find_datasets(data_root)
    if split_file is not None:
        check_speaks_of(split_file, [dataset.name for dataset in datasets])
    pictures = pictures_of(datasets, split_file)
    leaks = find_leaks(pictures, min_similarity)
    write_table(out / "leaks.csv", leaks)
    for old in out.glob("leaks-*.jpg"):
        old.unlink()
    pairs = _once(leaks)
    per_sheet = SHEET[0] * SHEET[1]
    for i in range(0, len(pairs), per_sheet):
        write_sheet(out / f"leaks-{i // per_sheet + 1}.jpg", pairs[i : i + per_sheet])
    counts = Counter(leak.kind for leak in pairs)
    for leak in pairs[:20]:
        print(f"{leak.similarity:.2f}  {_named(leak.repeat)}  repeats  {_named(leak.original)}")
    if len(pairs) > 20:
        print(f"and {len(pairs) - 20} more")
    found = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    print(f"{len(pictures)} images, {len(pairs)} pairs that show the same photograph: {found}")
    print(
        f"{out / 'leaks.csv'}: leave them out with skinseg evaluate --exclude" if pairs else out / "leaks.csv"
    )
    return len(pairs)


def write_table(path: Path, leaks: Sequence[Leak]) -> None:
    """A CSV, a line for each image that repeats another: dataset and image come first."""
    with written_whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "dataset",
                "image",
                "part",
                "of_dataset",
                "of_image",
                "of_part",
                "kind",
                "similarity",
                "mirrored",
                "bits",
            ]
        )
        for leak in leaks:
            pair = [value for p in (leak.repeat, leak.original) for value in (p.dataset, p.image, p.part)]
            writer.writerow(
                [*pair, leak.kind, f"{leak.similarity:.3f}", str(leak.mirrored).lower(), leak.distance]
            )


def write_sheet(path: Path, leaks: Sequence[Leak]) -> None:
    """Thumbnails of pairs with their names, JPEG."""
    columns, _ = SHEET
    tiles = [_tile(leak) for leak in leaks]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    write_image(path, np.vstack(rows)[..., ::-1])


def find_leaks(pictures: Sequence[Squeezed], min_similarity: float = MIN_SIMILARITY) -> list[Leak]:
    """All pairs that show the same photograph, the most similar first.

    Within a dataset one of the two repeats the other: the one nearer to the test part. Across datasets each
    repeats the other, because either may be trained on.
    """
    greys = [_grey(picture.pixels) for picture in pictures]
    plain = np.array([perceptual_hash(grey) for grey in greys], np.uint64)
    best: dict[tuple[int, int], tuple[int, bool]] = {}
    console = Console(stderr=True)
    for i, upright in enumerate(track(greys, "compare hashes", console=console, transient=True)):
        for mirrored in (False, True):
            grey = np.ascontiguousarray(upright[:, ::-1]) if mirrored else upright
            for crop in _crops(grey):
                distance = np.bitwise_count(plain ^ np.uint64(perceptual_hash(crop)))
                for j in np.flatnonzero(distance <= MAX_DISTANCE):
                    pair = (min(i, int(j)), max(i, int(j)))
                    if i != j and (pair not in best or distance[j] < best[pair][0]):
                        best[pair] = (int(distance[j]), mirrored)
    pairs = [(pictures[i], pictures[j], mirrored) for (i, j), (_, mirrored) in best.items()]
    with ThreadPoolExecutor(THREADS) as pool, _one_thread_each():
        values = pool.map(lambda pair: similarity(pair[0].pixels, pair[1].pixels, pair[2]), pairs)
        similarities = list(track(values, "lay over", len(pairs), console=console, transient=True))
    leaks = [
        leak
        for (first, second, mirrored), (distance, _), value in zip(
            pairs, best.values(), similarities, strict=True
        )
        if value >= min_similarity
        for leak in _directed(first, second, distance, value, mirrored)
    ]
    return sorted(leaks, key=lambda leak: (-leak.similarity, leak.repeat.dataset, leak.repeat.image))


def similarity(first: Image, second: Image, mirrored: bool = False) -> float:
    """Correlation, -1 to 1, of the fine detail of two squeezed pictures where they lie over each other.

    One may be a crop of the other, of at least seven tenths of its sides. 0 where they have no detail, and
    where no place is found for one in the other.
    """
    if mirrored:
        first = np.ascontiguousarray(first[:, ::-1])
    (score, warp), (other, other_warp) = _place_of(second, first), _place_of(first, second)
    whole, crop = first, second
    if other > score:
        whole, crop, score, warp = second, first, other, other_warp
    if score < _COARSE:
        return 0.0
    grey_whole, grey_crop = _grey(whole), _grey(crop)
    try:
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-3)
        cv2.findTransformECC(grey_crop, grey_whole, warp, cv2.MOTION_AFFINE, criteria)  # changes warp
    except cv2.error:
        pass  # it does not converge: the coarse place is the best there is
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid_over = cv2.warpAffine(grey_whole, warp, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return _correlation(_detail(laid_over), _detail(grey_crop))


def _place_of(crop: Image, whole: Image) -> tuple[float, npt.NDArray[np.float32]]:
    """Where in `whole` a crop lies best: the correlation there, and the affine map from `crop` to `whole`."""
    half = SIDE // 2
    coarse = cv2.resize(whole, (half, half), interpolation=cv2.INTER_AREA)
    best, warp = -1.0, np.eye(2, 3, dtype=np.float32)
    for share in (1.0, 0.92, 0.84, 0.76):
        side = round(half * share)
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        _, score, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(coarse, small, cv2.TM_CCOEFF_NORMED))
        if score > best:
            scale = side / half
            best, warp = score, np.array([[scale, 0, 2 * x], [0, scale, 2 * y]], np.float32)
    return best, warp


def _grey(image: Image) -> Image:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _detail(grey: npt.ArrayLike) -> npt.NDArray[np.float32]:
    soft = cv2.GaussianBlur(np.asarray(grey, np.float32), (0, 0), 0.8)  # what JPEG and scaling leave alone
    return np.asarray(soft - cv2.GaussianBlur(soft, (0, 0), 3.0), np.float32)


def _correlation(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Mean over the tiles of a chessboard, so that one loud backdrop does not speak for the whole picture.

    Tiles that are flat in both are left out; 0 where fewer than a quarter of all are not.
    """
    values = []
    for y in range(0, SIDE, _TILE):
        for x in range(0, SIDE, _TILE):
            one, other = (detail[y : y + _TILE, x : x + _TILE].ravel() for detail in (first, second))
            low, high = sorted((float(one.std()), float(other.std())))
            if high >= _FLAT:
                values.append(float(np.corrcoef(one, other)[0, 1]) if low > 0 else 0.0)
    return float(np.mean(values)) if len(values) >= (SIDE // _TILE) ** 2 / 4 else 0.0


def _crops(pixels: Image) -> Iterable[Image]:
    for share in _CROPS:
        side = round(SIDE * share)
        spare = SIDE - side
        for y, x in {(spare // 2, spare // 2), (0, 0), (0, spare), (spare, 0), (spare, spare)}:
            yield pixels[y : y + side, x : x + side]


def _directed(
    first: Squeezed, second: Squeezed, distance: int, value: float, mirrored: bool
) -> Iterable[Leak]:
    """Which of the two repeats the other: the one nearer to the test part; across datasets each does."""
    if first.dataset != second.dataset:
        yield Leak(first, second, distance, value, mirrored)
        yield Leak(second, first, distance, value, mirrored)
        return
    order = ("", *PARTS)
    original, repeat = sorted((first, second), key=lambda picture: (order.index(picture.part), picture.image))
    yield Leak(repeat, original, distance, value, mirrored)


def _once(leaks: Sequence[Leak]) -> list[Leak]:
    """Each pair once, those that matter most first."""
    seen: dict[frozenset[tuple[str, str]], Leak] = {}
    for leak in leaks:
        names = frozenset((picture.dataset, picture.image) for picture in (leak.repeat, leak.original))
        seen.setdefault(names, leak)
    return sorted(seen.values(), key=lambda leak: (KINDS.index(leak.kind), -leak.similarity))


def _named(picture: Squeezed) -> str:
    return f"{picture.dataset} {picture.image}" + (f" ({picture.part})" if picture.part else "")


def _tile(leak: Leak) -> Image:
    """Two thumbnails beside each other over their names, uint8 (SIDE + 44, 2 SIDE + 12, 3)."""
    tile = np.full((SIDE + 44, 2 * SIDE + 12, 3), 255, np.uint8)
    tile[:SIDE, :SIDE], tile[:SIDE, SIDE + 4 : 2 * SIDE + 4] = leak.repeat.pixels, leak.original.pixels
    lines = (_named(leak.repeat), _named(leak.original), f"{leak.similarity:.2f} {leak.kind}")
    for row, text in enumerate(lines):
        text = text.encode("ascii", "replace").decode()[:44]
        place = (2, SIDE + 12 + 13 * row)
        cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """OpenCV's own threads would fight with ours for the cores."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
