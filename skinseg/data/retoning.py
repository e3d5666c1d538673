"""Training photographs in the tones that their set lacks: `--data.retone`, and which groups are left out."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from skinseg.data import streams
from skinseg.data.cache import DecodedCache
from skinseg.data.splits import ranked
from skinseg.data.streams import Part
from skinseg.datasets.sample import Mask
from skinseg.errors import UserError
from skinseg.images.decoding import Image
from skinseg.tones.ita import ITA_RANGES, estimate_tone, fitzpatrick_of
from skinseg.tones.retone import GROUPS_AWAY, Refusal, Retoned, retone

VERSION = 1  # raise it when the rule of what is re-toned, or `skinseg.tones.retone`, changes
GROUPS = tuple(ITA_RANGES)
SOURCES = ("real", "re-toned", "rendered")

Counts = dict[str, list[int]]
"""Images of each of `SOURCES`, of groups 1 to 6."""


@dataclass(frozen=True)
class Tone:
    """Of an image: its group, labelled or by ITA, and the ITA of its skin's pixels, None where too little is seen."""

    group: int
    ita: float | None


@dataclass(frozen=True)
class Copy:
    """An image of the cache, at `position`, in another tone: degrees before and after, and the group that it fills.
    offset: of its pixels in copies.u8, as the cache's."""

    position: int
    group: int
    own: float
    ita: float
    offset: int


class RetonedCache(DecodedCache):
    """A cache with copies in other tones after its images: a copy's masks are its image's."""

    def __init__(self, folder: Path, copies: Path) -> None:
        super().__init__(folder)
        self.copies_folder = copies
        self.first = len(self.entries)
        record = json.loads((copies / "copies.json").read_text(encoding="utf-8"))
        self.copies = tuple(Copy(**each) for each in record["copies"])
        self.refused: dict[str, int] = record["refused"]
        self.entries += tuple(
            replace(
                self.entries[each.position],
                image_id=f"{self.entries[each.position].image_id} in tone {each.group}",
                tone=each.group,
            )
            for each in self.copies
        )
        self.position = {entry.image_id: i for i, entry in enumerate(self.entries)}

    def __reduce__(self) -> tuple[type["RetonedCache"], tuple[Path, Path]]:  # type: ignore[override]
        return RetonedCache, (self.folder, self.copies_folder)

    @cached_property
    def _pixels(self) -> npt.NDArray[np.uint8]:
        return np.memmap(self.copies_folder / "copies.u8", np.uint8, mode="r")

    def image(self, index: int) -> Image:
        if index < self.first:
            return super().image(index)
        entry, start = self.entries[index], 3 * self.copies[index - self.first].offset
        pixels = self._pixels[start : start + 3 * entry.height * entry.width]
        return pixels.reshape(entry.height, entry.width, 3)

    @property
    def copy_ids(self) -> tuple[str, ...]:
        return tuple(entry.image_id for entry in self.entries[self.first :])


def tones_of(cache: DecodedCache, image_ids: Iterable[str]) -> dict[str, Tone]:
    """The tone of each image that has one: its label, else its estimate from the cached pixels."""
    found = {}
    for image_id in image_ids:
        position = cache.position[image_id]
        label, skin = cache.entries[position].tone, cache.mask(position, "skin")
        estimate = None if skin is None else estimate_tone(cache.image(position), skin)
        ita = None if estimate is None else estimate[0]
        if label is not None:
            found[image_id] = Tone(label, ita)
        elif ita is not None:
            found[image_id] = Tone(fitzpatrick_of(ita), ita)
    return found


def parse_groups(text: str | None) -> frozenset[int]:
    """The groups of `--data.without_tones`, such as "5,6". Raises UserError for other words, and for all six."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    groups = frozenset(int(word) for word in words if word in {str(group) for group in GROUPS})
    if len(groups) != len(set(words)) or len(groups) == len(GROUPS):
        raise UserError(f"--data.without_tones {text}: some of the groups 1 to 6 expected, such as 5,6")
    return groups


def open_retoned(
    cache: DecodedCache, tones: Mapping[str, Tone], seed: int, cache_dir: Path, placebo: bool = False
) -> RetonedCache:
    """The cache with copies that bring each rare group to a sixth of the images, as far as there are images at most
    two groups away whose tone can be changed; each gives a group one copy. Made once for the same images and seed.

    placebo: the same images in their own tone instead, to tell re-toning from seeing them more often.
    """
    decides = json.dumps(
        [
            VERSION,
            cache.folder.name,
            seed,
            placebo,
            sorted((name, asdict(tone)) for name, tone in tones.items()),
        ],
        default=asdict,
    )
    folder = cache_dir / f"retoned-{hashlib.sha256(decides.encode()).hexdigest()[:16]}"
    if not (folder / "copies.json").is_file():
        beside = cache_dir / f".{folder.name}.{os.getpid()}"
        try:
            beside.mkdir(parents=True)
            _write(cache, tones, seed, placebo, beside)
            try:
                beside.rename(folder)
            except OSError:
                if not (folder / "copies.json").is_file():  # anything but another process that was first
                    raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return RetonedCache(cache.folder, folder)


def candidates(tones: Mapping[str, Tone], group: int, seed: int) -> list[str]:
    """Images that may be given the group's tone, the nearest groups first, shuffled within each by their names."""
    order = []
    for away in range(1, GROUPS_AWAY + 1):
        for other in (group - away, group + away):
            names = [name for name, tone in tones.items() if tone.group == other and tone.ita is not None]
            order += ranked(names, f"retone/{seed}/{group}/{other}")
    return order


def target(tone: Tone, group: int, generator: np.random.Generator) -> float:
    """The ITA that an image is given for a group: drawn from the group's range. Where the image's label is not what
    its ITA says, as light and label differ, it is moved by as much as the groups' middles are apart."""
    low, high = ITA_RANGES[group]
    drawn = float(generator.uniform(low, high))
    assert tone.ita is not None
    if fitzpatrick_of(tone.ita) == tone.group:
        return drawn
    return float(np.clip(tone.ita + (low + high) / 2 - sum(ITA_RANGES[tone.group]) / 2, -60, 75))


def counts_of(groups: Iterable[int | None]) -> list[int]:
    """Images of groups 1 to 6."""
    counted = Counter(groups)
    return [counted[group] for group in GROUPS]


def said(counts: Mapping[str, Sequence[int]]) -> list[str]:
    """A line per group, and a sentence where some groups are all synthetic and others are real."""
    lines = [
        f"group {group}: "
        + ", ".join(f"{counts[source][i]} {source}" for source in SOURCES if source in counts)
        for i, group in enumerate(GROUPS)
    ]
    real = counts.get("real", [0] * 6)
    made = [sum(counts[source][i] for source in SOURCES[1:] if source in counts) for i in range(6)]
    only = [str(group) for i, group in enumerate(GROUPS) if made[i] and not real[i]]
    if only and any(real):
        lines.append(
            f"groups {', '.join(only)} are all synthetic beside real ones: a network can learn to tell the two kinds "
            "apart instead of skin"
        )
    return lines


def balanced(
    tones: Mapping[str, Tone], seed: int, read: Callable[[str], tuple[Image, Mask | None]]
) -> Iterator[tuple[str, int, Retoned | Refusal]]:
    """Images in the tones that are rare among them: name, group, and the picture or why there is none, until each group
    has a sixth of all images or no more candidates. read: an image and the mask of its skin, by name."""
    have = counts_of(tone.group for tone in tones.values())
    aim = -(-len(tones) // len(GROUPS))
    for group in GROUPS:
        missing = aim - have[group - 1]
        generator = streams.generator(seed, Part.RETONE, group)
        for name in candidates(tones, group, seed):
            if missing <= 0:
                break
            image, skin = read(name)
            made = retone(image, skin, target(tones[name], group, generator), groups=len(GROUPS))
            missing -= isinstance(made, Retoned)
            yield name, group, made


def _write(cache: DecodedCache, tones: Mapping[str, Tone], seed: int, placebo: bool, folder: Path) -> None:
    def read(name: str) -> tuple[Image, Mask | None]:
        position = cache.position[name]
        return np.array(cache.image(position)), cache.mask(position, "skin")

    copies: list[Copy] = []
    refused: Counter[str] = Counter()
    offset = 0
    with (folder / "copies.u8").open("wb") as pixels:
        for name, group, made in balanced(tones, seed, read):
            if isinstance(made, Refusal):
                refused[str(made)] += 1
                continue
            if placebo:
                own = retone(*read(name), made.own)
                assert isinstance(own, Retoned), "the own tone changes nothing, and nothing clips"
                made = own
            pixels.write(made.image.tobytes())
            copies.append(Copy(cache.position[name], group, made.own, made.ita, offset))
            offset += made.image.shape[0] * made.image.shape[1]
        if not copies:
            pixels.write(b"\0")  # an empty file cannot be mapped
    record = {"copies": [asdict(each) for each in copies], "refused": dict(refused)}
    (folder / "copies.json").write_text(json.dumps(record), encoding="utf-8")
