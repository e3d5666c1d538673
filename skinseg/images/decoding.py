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
from collections.abc import Callable, Iterable, Iterator, Mapping
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
_GREY = ("1", "L", "LA")
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
_ROWS = 32  # of a very large picture that are averaged at once, at its smaller size
_PNG, _NEEDED = b"\x89PNG\r\n\x1a\n", (b"PLTE", b"tRNS", b"iCCP")
"""How a PNG begins, and the chunks that say what its pixels mean."""
_SAYING = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_ORIENTATION = 0x0112
_COMPRESSION, _DEFLATED = 259, (8, 32946)
_CHECKED = (1, 2, 3, 4, 5, 7, *_DEFLATED, 32773)
"""Compressions of a TIFF that both decoders read."""
_SAME = 2  # levels: what two profiles of sRGB differ by
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

    def take(data: bytes, image: PIL.Image.Image) -> Stored:
        nonlocal width, height
        width, height = image.size
        factor = 1
        while width * height > most and width * height > left * factor**2:
            factor *= 2
        if factor == 1:
            return _loaded(_photograph)(data, image)
        image.draft(None, (width // factor, height // factor))  # a JPEG shrinks while it is decoded
        shape, factor = image.size[::-1], round(factor * image.width / width)
        small = _averaged(_strips(data, image, _ROWS * factor), shape, factor)
        return Stored(small, _orientation(_without_pixels(data) if image.format == "PNG" else image))

    stored = _read(path, take)
    transposed, _ = _TURNS[stored.orientation]
    return stored.turned, (width, height) if transposed else (height, width)


def check_sums(path: Path) -> None:
    """Raise UserError where a PNG is not as it was written, by its own sums, which decoding alone does not look at."""
    _read(path, _loaded(lambda data, image: None))


def read_levels(path: Path) -> Levels:
    """Decode a mask file to the levels that it stores. Raises UserError as `read_stored`."""
    return _read(path, _loaded(_levels))


def read_stored(path: Path, *, profile: bool = True) -> Stored:
    """Decode a picture or mask file.

    profile: convert from the file's colour profile to sRGB, on which tones depend (a Display P3 picture taken for
    sRGB is 2° to 4° of ITA off); without, levels are as stored, which masks need.
    Raises UserError where the file is missing, cut off or no picture.
    """
    return _read(path, _loaded(_photograph if profile else _unconverted))


def _read(path: Path, take: Callable[[bytes, PIL.Image.Image], Taken]) -> Taken:
    """What `take` makes of a file's bytes and the picture in them, of which no pixel is decoded yet."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")  # a pipe would be waited for
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # a NUL in its name
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path}: cannot be read ({reason}); check the file and its rights") from error
    try:
        return _decoded(data, take)
    except _BROKEN as error:
        if data[4:12] in _HEIC and importlib.util.find_spec("pillow_heif") is None:
            raise UserError(f"{path}: a HEIC picture, which needs pillow-heif; {install('heic')}") from error
        raise UserError(f"{path}: {_reason(data, error)}") from error


def _loaded(
    take: Callable[[bytes, PIL.Image.Image], Taken],
) -> Callable[[bytes, PIL.Image.Image], Taken]:
    """`take` of a decoded picture."""

    def loading(data: bytes, image: PIL.Image.Image) -> Taken:
        image.load()
        return take(data, image)

    return loading


def _decoded(data: bytes, take: Callable[[bytes, PIL.Image.Image], Taken]) -> Taken:
    _readers()
    with warnings.catch_warnings():
        # Broken tags and profiles are as good as none; a bomb is an error of its own.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        with PIL.Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > LARGEST:
                raise PIL.Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
            # Of a JPEG with further ones behind its end (depth, a thumbnail) the first is the picture.
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                raise ValueError(f"it holds {getattr(image, 'n_frames', 1)} pictures")
            if image.format == "PNG":
                _check_chunks(data)
            return take(data, image)


def _check_chunks(data: bytes) -> None:
    """Raise where a PNG has a chunk whose sum is wrong, or no end: loading alone stops at the last pixel."""
    with PIL.Image.open(io.BytesIO(data)) as image:
        image.verify()
    if data.find(b"IEND", data.rfind(b"IDAT")) < 0:
        raise EOFError("truncated")


def _photograph(data: bytes, image: PIL.Image.Image) -> Stored:
    return _stored(data, image, True)


def _unconverted(data: bytes, image: PIL.Image.Image) -> Stored:
    return _stored(data, image, False)


def _stored(data: bytes, image: PIL.Image.Image, profile: bool) -> Stored:
    pixels = _rgb(image, profile)
    if image.format == "TIFF":
        _agree(data, image)
    return Stored(pixels, _orientation(image))


def _levels(data: bytes, image: PIL.Image.Image) -> Levels:
    turned = _orientation(image)
    if image.format == "TIFF":
        _agree(data, image)
    if "transparency" in image.info and image.mode in ("1", "L", "P", "RGB"):
        shown = np.asarray(image.convert("RGBA"))  # one colour, or index, may stand for what is not there
        if (shown[..., :3] == shown[:1, :1, :3]).all():
            return Levels(shown, turned)
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


def _averaged(strips: Iterator[PIL.Image.Image], shape: tuple[int, ...], factor: int) -> Image:
    """A picture of a shape (H, W) in sRGB with each `factor` x `factor` pixels averaged, from strips of its rows."""
    small = np.empty((-(-shape[0] // factor), -(-shape[1] // factor), 3), np.uint8)
    top = 0
    for strip in strips:
        rows = -(-strip.height // factor)
        place = small[top : top + rows]
        place[:] = cv2.resize(_rgb(strip, True), (small.shape[1], rows), interpolation=cv2.INTER_AREA)
        top += rows
    return small


def _strips(data: bytes, image: PIL.Image.Image, rows: int) -> Iterator[PIL.Image.Image]:
    """`rows` rows at a time of a picture. A PNG is decoded strip by strip: whole, it takes four bytes a pixel."""
    header = next(_chunks(data))[1] if image.format == "PNG" else b""
    # Of eight bits a channel, and not interlaced.
    if not header or (header[8], header[12]) != (8, 0):
        image.load()
        for top in range(0, image.height, rows):
            yield image.crop((0, top, image.width, min(top + rows, image.height)))
        return
    length = 1 + image.width * len(image.getbands())  # of a row, and how it is filtered
    kept = [(name, body) for name, body in _chunks(data) if name in _NEEDED]
    parts = (body for name, body in _chunks(data) if name == b"IDAT")
    stream, above = zlib.decompressobj(), b""
    for top in range(0, image.height, rows):
        count = min(rows, image.height - top)
        raw = bytearray()
        while len(raw) < count * length:
            part = stream.unconsumed_tail or next(parts, b"")
            raw += (found := stream.decompress(part, count * length - len(raw)))
            if not part and not found:
                raise EOFError("truncated")
        # A row's filter looks at the row above it, which a strip therefore has again, unfiltered.
        size = struct.pack(">II", image.width, count + bool(above))
        body = zlib.compress(above + raw, 0)
        made = [(b"IHDR", size + header[8:]), *kept, (b"IDAT", body), (b"IEND", b"")]
        with PIL.Image.open(_png(made)) as strip:
            strip.load()
            above = b"\0" + strip.crop((0, strip.height - 1, strip.width, strip.height)).tobytes()
            yield strip.crop((0, strip.height - count, strip.width, strip.height))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk of a PNG whose sums are right."""
    place = len(_PNG)
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        place += 12 + size


def _png(chunks: Iterable[tuple[bytes, bytes]]) -> io.BytesIO:
    """A PNG of these chunks."""
    file = io.BytesIO()
    file.write(_PNG)
    for name, body in chunks:
        file.writelines((struct.pack(">I", len(body)), name, body))
        file.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(name))))
    file.seek(0)
    return file


def _without_pixels(data: bytes) -> PIL.Image.Image:
    """What a PNG says beside its pixels, with a pixel of its own: asked for it, Pillow decodes the whole."""
    said = [(name, body) for name, body in _chunks(data) if name in _SAYING]
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = (b"IDAT", zlib.compress(bytes(2)))
    return PIL.Image.open(_png([(b"IHDR", header), *said, pixel, (b"IEND", b"")]))


def _in_srgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image converted from its colour profile to sRGB; as it is where it has none, or one that cannot be read."""
    stored = image.info.get("icc_profile")
    if not stored or image.mode in _GREY:
        return image
    if image.mode != "CMYK":
        image = image.convert("RGB")  # of a palette or with an alpha channel, the profile is of the colours
    transform = _transform(stored, image.mode)
    return image if transform is None else transform.apply(image)


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    """To sRGB; None from what is no profile of such pixels, and from sRGB itself, by its colours: names are free."""
    try:
        found = PIL.ImageCms.getOpenProfile(io.BytesIO(profile))
        transform = PIL.ImageCms.buildTransform(found, PIL.ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode == "RGB":
            levels = np.linspace(0, 255, 9).astype(np.uint8)
            colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
            converted = np.asarray(transform.apply(PIL.Image.fromarray(colours)), np.int16)
            if np.abs(converted - colours).max() <= _SAME:
                return None
        return transform
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
    compression = getattr(image, "tag_v2", {}).get(_COMPRESSION, 1)
    if compression not in _CHECKED:
        raise NotImplementedError(f"compressed by method {compression}")
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
    """What was found, expected, and the way out."""
    kind = "JPEG" if data[:2] == b"\xff\xd8" else "PNG" if data[:4] == b"\x89PNG" else "file"
    text, restore = str(error), "restore it from where it came from"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"the {kind} is cut off after {len(data)} bytes; {restore}"
    if isinstance(error, PIL.Image.DecompressionBombError | MemoryError):
        return f"more pixels than fit ({text}), expected at most {LARGEST // 10**6} million; save it smaller"
    if isinstance(error, NotImplementedError) and text.startswith("compressed"):
        return f"a TIFF {text}, of which no second decoder tells damage; save it with LZW, deflate or none"
    if isinstance(error, ValueError) and text.startswith(("it holds", "its levels", "two decoders")):
        out = "save the one that is meant by itself" if text.startswith("it holds") else restore
        return f"{text}, expected one still picture of 8 or 16 bits; {out}"
    return f"does not decode as an image ({len(data)} bytes); {restore}"
