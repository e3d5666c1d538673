"""From a file's bytes to RGB pixels, and from a published mask's pixels to {0, 1, 255}."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE, Image, Mask
from skinseg.errors import UserError

# A level this far from black and white is grey; closer is what a resampled or recompressed mask shows.
GREY_LOW, GREY_HIGH = 32, 223


def read_image(path: Path) -> Image:
    """Decode an image file to RGB, uint8 (H, W, 3), turned as its EXIF orientation says.

    Raises UserError where the file is missing, truncated or not an image.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def read_mask_pixels(path: Path) -> Image:
    """Decode a mask or label file to RGB, uint8 (H, W, 3), as stored: no EXIF turn, any alpha left out.

    Raises UserError as `read_image`.
    """
    pixels = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def binary_mask(
    pixels: Image, path: Path, *, foreground_is_white: bool = True, grey_share: float = 0.01
) -> Mask:
    """Mask, uint8 (H, W) in {0, 1}, from black-and-white pixels, uint8 (H, W, 3), cut at level 127.

    Raises UserError where more than `grey_share` of the pixels are coloured or lie between black and white:
    such a file is a photograph, a cut-out or a probability map, and a threshold on it would be a guess.
    """
    grey = (pixels.min(axis=2) < GREY_HIGH) & (pixels.max(axis=2) > GREY_LOW)
    share = float(grey.mean())
    if share > grey_share:
        raise UserError(
            f"mask {path}: {share:.0%} of its pixels are neither black nor white, expected a binary mask "
            f"(at most {grey_share:.0%} between); restore the file from the dataset's own archive"
        )
    white = pixels[:, :, 1] > 127
    return (white if foreground_is_white else ~white).astype(np.uint8)


def cut_out_mask(pixels: Image, image: Image, path: Path, *, on_white: bool, sure: int, unsure: int) -> Mask:
    """Mask, uint8 (H, W) in {0, 1, 255}, from a colour cut-out: the image's own pixels on black or white.

    A pixel's distance from the paper is its largest channel on black, and 255 minus its smallest on white.
    Above `sure` it is foreground, up to `unsure` background, between them 255 (ignored).

    Raises UserError where the foreground does not show the image's own colours (mean difference over 32
    levels): the file is then not a cut-out of this image.
    """
    distance = 255 - pixels.min(axis=2) if on_white else pixels.max(axis=2)
    mask = np.full(distance.shape, IGNORE, np.uint8)
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


def _decode(path: Path, flags: int) -> npt.NDArray[np.uint8]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); check the file and its rights"
        ) from error
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise UserError(
            f"{path}: does not decode as an image ({len(data)} bytes); "
            "restore the file from the dataset's own archive"
        )
    # OpenCV fills what is missing of a truncated JPEG with grey and says nothing.
    if data[:2] == b"\xff\xd8" and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise UserError(
            f"{path}: the JPEG is cut off after {len(data)} bytes; "
            "restore the file from the dataset's own archive"
        )
    return np.asarray(pixels, dtype=np.uint8)
