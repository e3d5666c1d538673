"""From a picture's bytes to RGB pixels: the one place that decodes what is not ours.

Every kind of file comes out as 8-bit RGB: grey and palette pictures in their colours, CMYK converted, of 16 bits the
upper eight, and an alpha channel left out (its colours are taken as stored). Pillow decodes everything: it refuses what
is cut off, stops at a JPEG's own end whatever lies behind it, and reads EXIF and colour profiles of all containers that
carry them.
"""

import contextlib
import errno
import functools
import importlib.util
import io
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageCms

from skinseg.errors import UserError, install

Image = npt.NDArray[np.uint8]
Taken = TypeVar("Taken")

LARGEST = 1 << 29  # pixels that a picture may have
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION = 0x0112
_COMPRESSION, _DEFLATED = 259, (8, 32946)
_PARTS = ((273, 279), (324, 325))
"""Of a TIFF's strips, and of its tiles: the tags of where they begin and of how many bytes they have."""
_HEIC = tuple(
    b"ftyp" + brand for brand in (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
)
# What Pillow's parsers raise about bytes that are no picture, or are one no more.
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError,
    AttributeError, NotImplementedError, struct.error, zlib.error, PIL.Image.DecompressionBombError,
    PIL.Image.DecompressionBombWarning,
)  # fmt: skip

# How stored pixels are turned as EXIF's orientation says: (transposed, flip code of cv2.flip or None).
_TURNS: dict[int, tuple[bool, int | None]] = {
    1: (False, None),
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


@dataclass(frozen=True)
class Stored:
    """A picture as its file stores it: uint8 (H, W, 3), RGB, and EXIF's orientation, 1 (upright) to 8."""

    pixels: Image
    orientation: int

    @property
    def turned(self) -> Image:
        """The pixels as a viewer shows them."""
        return turn(self.pixels, self.orientation)


@dataclass(frozen=True)
class Levels(Stored):
    """What a mask file stores, uint8 or uint16, (H, W), or (H, W, C) of several channels.

    white: the level of white. coloured: whether the pixels are indices of a palette with colours in it.
    """

    pixels: npt.NDArray[Any]
    white: int = 255
    coloured: bool = False


def read_image(path: Path) -> Image:
    """A picture as a viewer shows it: RGB in sRGB, uint8 (H, W, 3), turned as its EXIF orientation says.

    Raises UserError where the file is missing, cut off or no picture.
    """
    return read_stored(path).turned


def read_reduced(path: Path, most: int, left: int) -> tuple[Image, tuple[int, int]]:
    """A picture as `read_image`, and its own (H, W); one of more than `most` pixels at a half, a quarter, ... of its
    sides, averaged, with at most `left`, without being held whole as an array.

    Raises UserError as `read_image`.
    """
    width = height = 0
    factor = 1

    def before(image: PIL.Image.Image) -> None:
        nonlocal width, height, factor
        width, height = image.size
        while width * height > most and width * height > left * factor**2:
            factor *= 2
        if factor > 1:
            image.draft(None, (width // factor, height // factor))  # a JPEG shrinks while it is decoded

    def take(data: bytes, image: PIL.Image.Image) -> Stored:
        if factor == 1:
            return _stored(data, image, True)
        left = round(factor * image.width / width)
        return Stored(_averaged(image, left), _orientation(image))

    stored = _read(path, take, before)
    transposed, _ = _TURNS[stored.orientation]
    return stored.turned, (width, height) if transposed else (height, width)


def check_sums(path: Path) -> None:
    """Raise UserError where a PNG is not as it was written, by its own sums, which decoding alone does not look at."""
    _read(path, lambda data, image: None)


def read_levels(path: Path) -> Levels:
    """Decode a mask file to the levels that it stores. Raises UserError as `read_stored`."""
    return _read(path, _levels)


def read_stored(path: Path, *, profile: bool = True) -> Stored:
    """Decode a picture or mask file.

    profile: convert from the file's colour profile to sRGB, on which tones depend (a Display P3 picture taken for
    sRGB is 2° to 4° of ITA off); without, levels are as stored, which masks need.
    Raises UserError where the file is missing, cut off or no picture.
    """
    return _read(path, lambda data, image: _stored(data, image, profile))


def _read(
    path: Path,
    take: Callable[[bytes, PIL.Image.Image], Taken],
    before: Callable[[PIL.Image.Image], None] = lambda image: None,
) -> Taken:
    """What `take` makes of a file's bytes and the picture decoded from them. before: sees the picture undecoded."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")  # a pipe would be waited for
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); check the file and its rights"
        ) from error
    try:
        return _decoded(data, take, before)
    except _BROKEN as error:
        if data[4:12] in _HEIC and importlib.util.find_spec("pillow_heif") is None:
            raise UserError(f"{path}: a HEIC picture, which needs pillow-heif; {install('heic')}") from error
        raise UserError(f"{path}: {_reason(data, error)}; restore it from where it came from") from error


def _decoded(
    data: bytes,
    take: Callable[[bytes, PIL.Image.Image], Taken],
    before: Callable[[PIL.Image.Image], None],
) -> Taken:
    _readers()
    with warnings.catch_warnings():
        # Broken tags and profiles are as good as none; a bomb is an error of its own.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        with PIL.Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > LARGEST:
                raise PIL.Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError(f"it holds {getattr(image, 'n_frames', 1)} pictures")
            if image.format == "PNG":
                _check_chunks(data)
            before(image)
            image.load()
            return take(data, image)


def _check_chunks(data: bytes) -> None:
    """Raise where a PNG has a chunk whose sum is wrong, or no end: loading alone stops at the last pixel."""
    with PIL.Image.open(io.BytesIO(data)) as image:
        image.verify()
    if data.find(b"IEND", data.rfind(b"IDAT")) < 0:
        raise EOFError("truncated")


def _stored(data: bytes, image: PIL.Image.Image, profile: bool) -> Stored:
    pixels = _rgb(image, profile)
    if image.format == "TIFF":
        _agree(data, image)
    return Stored(pixels, _orientation(image))


def _levels(data: bytes, image: PIL.Image.Image) -> Levels:
    turned = _orientation(image)
    if image.format == "TIFF":
        _agree(data, image)
    if image.mode in (*_DEEP, "I", "F"):
        levels = np.asarray(image)
        # Not negated: NaN compares as false.
        if not (levels.min() >= 0 and levels.max() <= 65535 and (levels == np.floor(levels)).all()):
            raise ValueError(f"its levels run from {levels.min():g} to {levels.max():g}")
        return Levels(levels.astype(np.uint16), turned, 65535)
    if _is_deep(data, image):  # of several channels, of which Pillow keeps the upper eight bits
        deep = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
        )
        if deep is None or deep.dtype != np.uint16 or deep.ndim != 3 or deep.shape[1::-1] != image.size:
            raise ValueError("two decoders find different pixels in it: it is damaged")
        return Levels(np.concatenate([deep[..., 2::-1], deep[..., 3:]], axis=2), turned, 65535)
    if image.mode == "P":
        indices = np.asarray(image, np.uint8)
        colours = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        if not (colours[np.unique(indices)] == colours[np.unique(indices)][:, :1]).all():
            return Levels(indices, turned, coloured=True)
        return Levels(colours[indices][..., 0], turned)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):  # CMYK's first channel is no grey
        image = image.convert("L" if image.mode == "1" else "RGB")
    return Levels(np.asarray(image, np.uint8), turned)


def _is_deep(data: bytes, image: PIL.Image.Image) -> bool:
    """Whether a PNG's or a TIFF's file has 16 bits a channel."""
    if image.format == "PNG":
        return data[24] == 16  # of the header, which has been read
    bits = getattr(image, "tag_v2", {}).get(258, ())
    return 16 in (bits if isinstance(bits, tuple) else (bits,))


def turn(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Stored pixels (H, W) or (H, W, C), turned upright from EXIF's orientation 1 to 8; 5 to 8 exchange H and W."""
    transposed, flip = _TURNS[orientation]
    if transposed:
        pixels = np.ascontiguousarray(pixels.swapaxes(0, 1))
    return pixels if flip is None else cv2.flip(pixels, flip).astype(pixels.dtype, copy=False)


@functools.cache
def _readers() -> None:
    """HEIC where pillow-heif is installed (the extra heic)."""
    # One limit, ours; Pillow alone would warn at 12,000 x 9,000.
    PIL.Image.MAX_IMAGE_PIXELS = LARGEST
    # A broken file is one sentence of ours, not ten of OpenCV's.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()


def _rgb(image: PIL.Image.Image, profile: bool) -> Image:
    if image.mode in _DEEP or image.mode in ("I", "F"):
        levels = np.asarray(image)
        if image.mode == "F" or (image.mode == "I" and (levels.min() < 0 or levels.max() > 65535)):
            raise ValueError(f"its levels run from {levels.min():g} to {levels.max():g}")
        return np.repeat((levels >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    if profile:
        image = _in_srgb(image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), np.uint8)


def _averaged(image: PIL.Image.Image, factor: int) -> Image:
    """The picture in sRGB with each `factor` x `factor` pixels averaged, a strip of rows at a time."""
    width = -(-image.width // factor)
    small = np.empty((-(-image.height // factor), width, 3), np.uint8)
    for top in range(0, image.height, 256 * factor):
        strip = _rgb(image.crop((0, top, image.width, min(top + 256 * factor, image.height))), True)
        rows = -(-strip.shape[0] // factor)
        place = small[top // factor : top // factor + rows]
        place[:] = cv2.resize(strip, (width, rows), interpolation=cv2.INTER_AREA)
    return small


def _in_srgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image converted from its colour profile to sRGB; as it is where it has none, or one that cannot be read."""
    stored = image.info.get("icc_profile")
    if not stored or image.mode not in ("RGB", "CMYK"):
        return image
    transform = _transform(stored, image.mode)
    return image if transform is None else transform.apply(image)


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    try:
        found = PIL.ImageCms.getOpenProfile(io.BytesIO(profile))
        if "sRGB" in PIL.ImageCms.getProfileDescription(found):
            return None
        return PIL.ImageCms.buildTransform(found, PIL.ImageCms.createProfile("sRGB"), mode, "RGB")
    except (PIL.ImageCms.PyCMSError, *_BROKEN):
        return None


def _orientation(image: PIL.Image.Image) -> int:
    """What turns the decoded pixels upright; Pillow turns some kinds of file by itself, and then says 1."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:  # a tag that cannot be parsed turns nothing, as in every viewer
        return 1
    return orientation if orientation in _TURNS else 1


def _agree(data: bytes, image: PIL.Image.Image) -> None:
    """Raise ValueError where OpenCV finds other pixels in a TIFF, which has no sum of its own to tell damage by, and
    zlib.error where a part of one that is deflated fails its sum, which both decoders leave out."""
    _check_deflated(data, image)
    if image.mode in _DEEP:
        kind, pixels = cv2.IMREAD_UNCHANGED, np.asarray(image)
    elif image.mode in ("1", "L", "RGB"):
        kind, pixels = cv2.IMREAD_COLOR, _rgb(image, False)[..., ::-1]
    else:
        return
    other = cv2.imdecode(np.frombuffer(data, np.uint8), kind | cv2.IMREAD_IGNORE_ORIENTATION)
    if other is None or not np.array_equal(other, pixels):
        raise ValueError("two decoders find different pixels in it: it is damaged")


def _check_deflated(data: bytes, image: PIL.Image.Image) -> None:
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    if tags.get(_COMPRESSION) not in _DEFLATED:
        return
    most = image.width * image.height * 16  # bytes of four channels of 32 bits
    for starts, lengths in _PARTS:
        # Of one part Pillow gives the number itself.
        pairs = zip(np.atleast_1d(tags.get(starts, ())), np.atleast_1d(tags.get(lengths, ())), strict=True)
        for start, length in pairs:
            left, once = data[int(start) : int(start) + int(length)], zlib.decompressobj()
            while left and not once.eof:
                most -= len(once.decompress(left, 1 << 20))
                left = once.unconsumed_tail if most >= 0 else b""
            if not once.eof:
                raise zlib.error("a part of it ends too early")


def _reason(data: bytes, error: BaseException) -> str:
    kind = "JPEG" if data[:2] == b"\xff\xd8" else "PNG" if data[:4] == b"\x89PNG" else "file"
    text = str(error)
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"the {kind} is cut off after {len(data)} bytes"
    if isinstance(error, PIL.Image.DecompressionBombError | MemoryError):
        return f"more pixels than fit ({text}), expected at most {LARGEST // 10**6} million"
    if isinstance(error, ValueError) and text.startswith(("it holds", "its levels", "two decoders")):
        return f"{text}, expected one still picture of 8 or 16 bits"
    return f"does not decode as an image ({len(data)} bytes)"
