"""The user's pictures: which files, folders, patterns and videos name them, and their pixels one after another."""

import glob
import itertools
import os
import struct
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from skinseg.errors import UserError
from skinseg.images.decoding import Image, read_reduced
from skinseg.images.files import (
    IMAGE_SUFFIXES,
    PassedOver,
    canonical,
    is_clutter,
    is_image_name,
    no_file,
    walk,
)

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})

# Of MP4 and MOV, at the top.
_BOXES = (
    b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"free", b"skip", b"wide", b"uuid", b"meta", b"udta",
)  # fmt: skip

# A broken video is one sentence of ours, not ten of FFmpeg's.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


LARGE = 64_000_000
"""Pixels above which a photograph is decoded at a part of its size, for memory; the network sees far fewer, but in
windows."""


_NONE: Mapping[Path, str] = {}


@dataclass(frozen=True)
class Source:
    """path: where it is. name: what its outputs are called, a path without suffix below the output folder; of a
    video, their folder."""

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Picture:
    """A photograph, or a frame of a video, upright: uint8 (H, W, 3), RGB; or the reason why there is none.

    shape: the photograph's own (H, W), of which `image` may be a half, a quarter, ...: see `LARGE`.
    facts: "frame", from 0, and "seconds" from the start, where it is a frame.
    """

    path: Path
    name: str
    image: Image | None = None
    shape: tuple[int, int] = (0, 0)
    error: str | None = None
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What was named: what to predict, and what was met beside it and is no photograph."""

    sources: list[Source]
    passed_over: list[PassedOver]


def find_pictures(given: Sequence[str], ours: Mapping[Path, str] = _NONE) -> Found:
    """The photographs and videos that files, folders and patterns name, each once, in order.

    A folder means the photographs in it and below, in linked folders too; videos are named themselves or by a
    pattern, because one is as much work as a folder of photographs. `**` in a pattern means any depth.
    ours: files, resolved, that are passed over, and why.
    Raises UserError for what does not exist or holds no image, and for two outputs of one name.
    """
    sources: dict[Path, Source] = {}
    passed: list[PassedOver] = []
    for each in given:
        path = Path(each)
        if path.is_dir():
            named = []
            for file in walk(path):
                if isinstance(file, PassedOver):
                    passed.append(file)
                elif is_image_name(file):
                    named.append(Source(file, file.relative_to(path).with_suffix("").as_posix()))
                elif Source(file, "").is_video:
                    passed.append(PassedOver(file, "a video; name it itself"))
                else:
                    passed.append(PassedOver(file, _no_photograph(file)))
        else:
            # A file whose name has brackets is itself and no pattern.
            names = [each] if path.is_file() else sorted(glob.glob(each, recursive=True))
            named = []
            fixed = len([*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts)])
            for file in map(Path, names):
                if names != [each] and any(map(is_clutter, file.parts[fixed:])):
                    continue
                if path.is_file() or (file.is_file() and (is_image_name(file) or Source(file, "").is_video)):
                    named.append(Source(file, file.stem))
                elif not file.is_dir():
                    passed.append(PassedOver(file, _no_photograph(file)))
        if not named:
            what = "holds no image" if path.is_dir() else "is no image file and matches none"
            raise UserError(
                f"{each} {what}, expected photographs ({', '.join(sorted(IMAGE_SUFFIXES))}) or videos; name files, "
                "a folder of photographs or a pattern"
            )
        for source in named:
            resolved = source.path.resolve()
            if resolved in ours:
                passed.append(PassedOver(source.path, ours[resolved]))
            else:
                sources.setdefault(resolved, source)
    first: dict[tuple[bool, str], Source] = {}
    for source in sources.values():
        twin = first.setdefault((source.is_video, source.name), source)
        if twin is not source:
            written = f"{source.name}/" if source.is_video else f"{source.name}_skin.png"
            out = (
                "rename one" if twin.path.parent == source.path.parent else "give the folder that holds both"
            )
            raise UserError(
                f"{twin.path} and {source.path} would both be written as {written}, expected names that "
                f"differ; {out}, or predict them into two folders"
            )
    return Found(list(sources.values()), passed)


def _no_photograph(file: Path) -> str:
    """Why a file is passed over."""
    if not file.is_file():
        return no_file(file)
    return f"{file.suffix or 'no suffix'} is no photograph's ending"


def count_pictures(sources: Sequence[Source]) -> int:
    """Photographs, and the frames that videos say they have: for a progress bar."""
    videos = [source.path for source in sources if source.is_video]
    return len(sources) - len(videos) + sum(_frames_said(path) if _is_text(path) else 1 for path in videos)


def read_pictures(sources: Sequence[Source], left: int = LARGE // 4) -> Iterator[Picture]:
    """Pixels one after another, of a photograph of more than `LARGE` at most `left`; what cannot be read comes as a
    picture that says why."""
    for source in sources:
        try:
            if source.is_video:
                yield from _frames(source)
            else:
                yield Picture(source.path, source.name, *read_reduced(source.path, LARGE, left))
        except UserError as error:
            yield Picture(source.path, source.name, error=str(error))


def _frames(source: Source) -> Iterator[Picture]:
    """Raises UserError, after the frames that there are, where the video is cut off or does not decode."""
    if not _is_text(source.path):
        raise UserError(f"{source.path}: its path is no UTF-8, which OpenCV crashes on; rename it")
    video = cv2.VideoCapture(str(source.path))
    count = 0
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        while True:
            there, frame = video.read()
            if not there:
                break
            pixels = np.ascontiguousarray(np.asarray(frame, np.uint8)[..., ::-1])
            facts: dict[str, float] = {"frame": count}
            passed = video.get(cv2.CAP_PROP_POS_MSEC) / 1000  # as the container has it: rates vary
            if passed > 0 or count == 0:
                facts["seconds"] = round(passed, 3)
            elif rate > 0:
                facts["seconds"] = round(count / rate, 3)
            yield Picture(source.path, f"{source.name}/{count:06d}", pixels, pixels.shape[:2], facts=facts)
            count += 1
    finally:
        video.release()
    if not count:
        raise UserError(
            f"{source.path}: does not decode as a video ({source.path.stat().st_size} bytes), expected one that "
            "OpenCV opens; convert it, for instance to MP4 with H.264"
        )
    size, said = source.path.stat().st_size, container_bytes(source.path)
    if said > size:
        raise UserError(
            f"{source.path}: {count} frames decode, expected all; the file is cut off after {size} of {said} bytes"
        )


def container_bytes(path: Path) -> int:
    """How long a video's file says it is, in bytes: by the boxes of MP4 and MOV, the chunks of AVI, the segment of
    Matroska and WebM; 0 where nothing says so. How many frames a container says it has is often a guess."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        if head[:4] == b"RIFF":
            place = 0
            while place + 8 <= size:
                file.seek(place)
                name, length = struct.unpack("<4sI", file.read(8))
                if name != b"RIFF" or length == 0:  # not finished, or what is none of its
                    break
                place += 8 + length + length % 2
            return place
        if head[4:8] in _BOXES:
            place = 0
            while place + 8 <= size:
                file.seek(place)
                box = file.read(16)
                length = int.from_bytes(box[:4])
                if length == 1:
                    length = int.from_bytes(box[8:16])
                if length < 8 or box[4:8] not in _BOXES:  # to the end, or what is none of its
                    break
                place += length
            return place
    if head[:4] == b"\x1aE\xdf\xa3":
        length, width = _ebml_number(head[4:])
        place = 4 + width + length
        if head[place : place + 4] == b"\x18S\x80g":
            length, width = _ebml_number(head[place + 4 :])
            unknown = length == (1 << 7 * width) - 1
            return 0 if unknown else place + 4 + width + length
    return 0


def _ebml_number(data: bytes) -> tuple[int, int]:
    """A number of variable length at the start of some bytes, and how many bytes it takes; 0, 0 where none is."""
    width = 9 - data[0].bit_length() if data and data[0] else 0
    return (int.from_bytes(data[:width]) & (1 << 7 * width) - 1, width) if width else (0, 0)


def _is_text(path: Path) -> bool:
    return canonical(str(path)) == unicodedata.normalize("NFC", str(path))


def _frames_said(path: Path) -> int:
    video = cv2.VideoCapture(str(path))
    try:
        return max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        video.release()
