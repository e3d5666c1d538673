"""From a file's bytes to RGB pixels, and from a published mask's pixels to {0, 1, 255}.

Every kind of file comes out as 8-bit RGB: grey and palette images in their colours, CMYK converted, of 16 bits
the upper eight, and an alpha channel left out (its colours are taken as stored).
"""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE, Image, Mask
from skinseg.errors import UserError

# A level this far from black and white is grey; closer is what a resampled or recompressed mask shows.
GREY_LOW, GREY_HIGH = 32, 223

# What OpenCV does to turn stored pixels as EXIF's orientation says: (transposed, flip code of cv2.flip or None).
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
_ORIENTATION = 0x0112

# One limit for both libraries (OpenCV's is 2^30 pixels); Pillow alone would warn at 12,000 x 9,000.
PIL.Image.MAX_IMAGE_PIXELS = 1 << 29
# A broken file is one sentence of ours, not ten of OpenCV's.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


@dataclass(frozen=True)
class Stored:
    """An image as its file stores it: uint8 (H, W, 3), RGB, and EXIF's orientation, 1 (upright) to 8."""

    pixels: Image
    orientation: int

    @property
    def turned(self) -> Image:
        """The pixels as a viewer shows them."""
        return turn(self.pixels, self.orientation)


def read_stored(path: Path) -> Stored:
    """Decode an image or mask file. Raises UserError where it is missing, cut off or not an image."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); check the file and its rights"
        ) from error
    # OpenCV fills what is missing of a truncated JPEG with grey and says nothing.
    cut_off = (
        data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
        if data[:2] == b"\xff\xd8"
        else data[:4] == b"\x89PNG" and b"IEND" not in data[-4096:]
    )
    if cut_off:
        kind = "JPEG" if data[:2] == b"\xff\xd8" else "PNG"
        raise UserError(
            f"{path}: the {kind} is cut off after {len(data)} bytes; "
            "restore the file from the dataset's own archive"
        )
    try:
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except (cv2.error, MemoryError):
        pixels = None
    if pixels is None:
        raise UserError(
            f"{path}: does not decode as an image ({len(data)} bytes); "
            "restore the file from the dataset's own archive"
        )
    cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)  # in place: the image may fill a good part of memory
    return Stored(np.asarray(pixels, np.uint8), _orientation(data))


def read_image(path: Path) -> Image:
    """Decode an image file to RGB, uint8 (H, W, 3), turned as its EXIF orientation says.

    Raises UserError where the file is missing, truncated or not an image.
    """
    return read_stored(path).turned


def read_mask_pixels(path: Path, image: Stored, image_path: Path) -> Image:
    """Decode the mask of an image to RGB, uint8 (H, W, 3), turned so that it lies on `image.turned`.

    Where the image has an EXIF orientation and the mask has none, the mask may have been drawn on the stored
    pixels or on the turned ones. Their sizes tell; where they cannot (a square image, a turn by 180 degrees),
    it would be a guess. Raises UserError then, where no size fits, and as `read_stored`.
    """
    mask = read_stored(path)
    height, width = image.turned.shape[:2]
    shown, stored = mask.turned.shape[:2] == (height, width), mask.pixels.shape == image.pixels.shape
    if mask.orientation == 1 and image.orientation != 1:
        if shown and stored:
            raise UserError(
                f"mask {path}: {width}x{height} pixels fit its image {image_path.name} both as stored and as "
                f"turned by its EXIF orientation {image.orientation}, expected a size that tells; store the "
                "image turned and without the orientation"
            )
        if stored:
            return turn(mask.pixels, image.orientation)
    if not shown:
        raise UserError(
            f"mask {path}: {mask.turned.shape[1]}x{mask.turned.shape[0]} pixels found, expected "
            f"{width}x{height} as its image {image_path.name} has; "
            "restore both from the dataset's own archive"
        )
    return mask.turned


def turn(pixels: Image, orientation: int) -> Image:
    """Stored pixels (H, W, 3), turned upright from EXIF's orientation 1 to 8; 5 to 8 exchange H and W."""
    transposed, flip = _TURNS[orientation]
    if transposed:
        pixels = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    return pixels if flip is None else cv2.flip(pixels, flip).astype(np.uint8, copy=False)


def binary_mask(
    pixels: Image,
    path: Path,
    *,
    foreground_is_white: bool = True,
    grey_share: float = 0.01,
    ignore_grey: bool = False,
) -> Mask:
    """Mask, uint8 (H, W) in {0, 1, 255}, from black-and-white pixels, uint8 (H, W, 3), cut at level 127.

    ignore_grey: pixels between black and white are 255 instead of falling on one side of the cut.

    Raises UserError where more than `grey_share` of the pixels are coloured or lie between black and white:
    such a file is a photograph, a cut-out or a probability map, and a threshold on it would be a guess. And
    where 0 and 1 are its only levels: noise on black, or a map of labels.
    """
    low, high = channel_extremes(pixels)
    if high.max() == 1 and low.min() == 0:
        raise UserError(
            f"mask {path}: 0 and 1 are its only levels, expected black and white (0 and 255); multiply it by 255"
        )
    grey = (low < GREY_HIGH) & (high > GREY_LOW)
    share = float(grey.mean())
    if share > grey_share:
        raise UserError(
            f"mask {path}: {share:.0%} of its pixels are neither black nor white, expected a binary mask "
            f"(at most {grey_share:.0%} between); restore the file from the dataset's own archive"
        )
    white = pixels[:, :, 1] > 127
    mask = (white if foreground_is_white else ~white).astype(np.uint8)
    if ignore_grey:
        mask[grey] = IGNORE
    return mask


def cut_out_mask(
    pixels: Image,
    image: Image,
    path: Path,
    *,
    on_white: bool,
    sure: int,
    unsure: int,
    ignore_unsure: bool = True,
) -> Mask:
    """Mask, uint8 (H, W) in {0, 1, 255}, from a colour cut-out: the image's own pixels on black or white.

    A pixel's distance from the paper is its largest channel on black, and 255 minus its smallest on white.
    Above `sure` it is foreground, up to `unsure` background, between them 255 (ignored), or background too
    where `ignore_unsure` is off.

    Raises UserError where the foreground does not show the image's own colours (mean difference over 32
    levels): the file is then not a cut-out of this image.
    """
    low, high = channel_extremes(pixels)
    distance = 255 - low if on_white else high
    mask = np.full(distance.shape, IGNORE if ignore_unsure else BACKGROUND, np.uint8)
    mask[distance > sure] = FOREGROUND
    mask[distance <= unsure] = BACKGROUND
    cut = mask == FOREGROUND
    if cut.any():
        difference = float(cv2.absdiff(pixels, image)[cut].mean())
        if difference > 32:
            paper = "white" if on_white else "black"
            raise UserError(
                f"mask {path}: its colours differ from its image's by {difference:.0f} levels on average, "
                f"expected a cut-out of the image on {paper}; restore the file from the dataset's own archive"
            )
    return mask


def channel_extremes(pixels: Image) -> tuple[Mask, Mask]:
    """Smallest and largest channel of each pixel, (H, W): NumPy's own over an axis of 3 take ten times as long."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)


def _orientation(data: bytes) -> int:
    """EXIF's orientation; 1 where there is none. OpenCV turns TIFF by itself, whatever it is told."""
    if not ((data[:2] == b"\xff\xd8" and b"Exif\0\0" in data[: 1 << 17]) or b"eXIf" in data[: 1 << 17]):
        return 1  # nearly always: Pillow's parser costs more than the search
    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a tag that cannot be parsed turns nothing, as in every viewer
        return 1
    return orientation if orientation in _TURNS else 1
