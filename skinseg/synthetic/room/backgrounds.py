"""The user's own photographs, for walls: found and checked once, then read by name.

A scene names its photographs by path and hash, so that a set can be rendered again, or on another machine,
only from the very same files.
"""

import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from skinseg.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
LONGEST_SIDE = 1024  # pixels of a loaded photograph: a wall shows no more of it
LARGEST = 80_000_000  # pixels of a file: what is larger may be an attack on the memory
HASH_DIGITS = 12
SHOWN = 3  # names in a message about several files
# How much a decoder can leave out as it reads: of a JPEG, most of the time and the memory.
REDUCTIONS = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
    (1, cv2.IMREAD_COLOR),
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Photos:
    """The photographs of a folder: `names`, relative to it, with "/" and sorted, and of each file's bytes the
    first 12 hex digits of the SHA-256."""

    folder: Path
    names: tuple[str, ...]
    hashes: tuple[str, ...]


def find_photos(folder: Path) -> Photos:
    """All photographs in a folder and the folders in it; every one is known to decode.

    Raises UserError where the folder is missing, is none, cannot be read or has no photograph, and where
    files cannot be read, do not decode or have more than `LARGEST` pixels.
    """
    names = _picture_names(folder)
    # Warnings are set up here, as threads share them.
    with _bombs_as_errors(), ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        checks = list(pool.map(lambda name: _check(folder / name), names))
    bad = [f"{name} ({flaw})" for name, (_, flaw) in zip(names, checks, strict=True) if flaw]
    if bad:
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise UserError(
            f"{folder}: {len(bad)} of {len(names)} photographs cannot be used: {', '.join(bad[:SHOWN])}{more}; "
            "remove them from the folder, or save them again as JPEG or PNG"
        )
    return Photos(folder, tuple(names), tuple(digest for digest, _ in checks))


def load_photo(folder: Path, name: str, digest: str) -> Pixels:
    """A photograph, uint8 (H, W, 3) RGB, turned as its EXIF says, the longest side at most 1024 pixels.

    name, digest: as in `Photos`. Raises UserError where the file is missing, has another hash, does not
    decode or has more than `LARGEST` pixels.
    """
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}), expected a photograph that was there when the set "
            "was begun; restore it, or begin a new set"
        ) from error
    if (found := _digest(data)) != digest:
        raise UserError(
            f"{path}: the photograph changed since the set was begun (SHA-256 {found}…, expected {digest}…); "
            "restore it, or begin a new set"
        )
    try:
        with _bombs_as_errors():
            pixels = _decode(data, LONGEST_SIDE)
    except _Unusable as flaw:
        raise UserError(f"{path}: {flaw}; remove it from the folder and begin a new set") from flaw
    height, width = pixels.shape[:2]
    if max(height, width) > LONGEST_SIDE:
        scale = LONGEST_SIDE / max(height, width)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _picture_names(folder: Path) -> list[str]:
    """Paths of files with a picture's ending, sorted; hidden ones, which systems leave beside, do not count."""
    if not folder.exists():
        raise UserError(f"{folder}: no such folder, expected one with photographs; check --backgrounds")
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder, expected one with photographs; check --backgrounds")

    def fail(error: OSError) -> None:
        raise UserError(
            f"{error.filename}: cannot be read ({error.strerror}), expected a folder with photographs; "
            "check its rights"
        ) from error

    names = []
    for root, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(root).relative_to(folder)
        shown = [file for file in files if not file.startswith(".")]
        names += [(inside / file).as_posix() for file in shown if Path(file).suffix.lower() in ENDINGS]
    if not names:
        raise UserError(
            f"{folder}: no photograph in it, expected files that end in {', '.join(ENDINGS)}; "
            "give --backgrounds another folder"
        )
    return sorted(names)


def _check(path: Path) -> tuple[str, str]:
    """The file's digest, and what is wrong with it or ""."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return "", f"cannot be read, {error.strerror}"
    try:
        _decode(data, 1)
    except _Unusable as flaw:
        return "", str(flaw)
    return _digest(data), ""


class _Unusable(Exception):
    """What is wrong with a picture, as a phrase."""


def _decode(data: bytes, longest_side: int) -> Pixels:
    """BGR pixels, uint8 (H, W, 3), of a picture reduced by at most 8, while it stays above `longest_side`."""
    width, height = _header_size(data)
    if width * height > LARGEST:
        raise _Unusable(f"{width} × {height} pixels, more than {LARGEST // 10**6} million")
    # OpenCV fills what is missing of a truncated JPEG with grey and says nothing.
    if data[:2] == b"\xff\xd8" and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise _Unusable("the JPEG is cut off")
    flags = (flag for factor, flag in REDUCTIONS if max(width, height) >= factor * longest_side)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), next(flags, cv2.IMREAD_COLOR))
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _Unusable("does not decode as a picture")
    return np.asarray(pixels, dtype=np.uint8)


def _header_size(data: bytes) -> tuple[int, int]:
    """Width and height as the header claims them, before anything that large is made."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _Unusable(f"more than {LARGEST // 10**6} million pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _Unusable("does not decode as a picture") from error


@contextmanager
def _bombs_as_errors() -> Iterator[None]:
    """What Pillow warns about as a decompression bomb is above `LARGEST` in any case."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:HASH_DIGITS]
