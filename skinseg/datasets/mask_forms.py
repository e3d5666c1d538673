"""The forms in which masks are published, each turned into {0, 1, 255}."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE, Mask
from skinseg.errors import UserError
from skinseg.images.decoding import Image, Stored, read_stored, turn

# A level this far from black and white is grey; closer is what a resampled or recompressed mask shows.
GREY_LOW, GREY_HIGH = 32, 223
# Channels of a coloured pixel differ by more levels than JPEG leaves in grey; of those a mask has hardly any.
COLOUR, COLOURED_SHARE = 64, 0.0005


def read_mask_pixels(path: Path, image: Stored, image_path: Path) -> Image:
    """Decode the mask of an image to RGB, uint8 (H, W, 3), turned so that it lies on `image.turned`.

    Where the image has an EXIF orientation and the mask has none, the mask may have been drawn on the stored
    pixels or on the turned ones. Their sizes tell; where they cannot (a square image, a turn by 180 degrees),
    it would be a guess. Raises UserError then, where no size fits, and as `read_stored`.
    """
    return laid_on(read_stored(path, profile=False), path, image, image_path)


def laid_on(mask: Stored, path: Path, image: Stored, image_path: Path) -> npt.NDArray[Any]:
    """A decoded mask's pixels, turned as `read_mask_pixels` says."""
    height, width = image.turned.shape[:2]
    shown, stored = mask.turned.shape[:2] == (height, width), mask.pixels.shape[:2] == image.pixels.shape[:2]
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
    coloured = float((high - low > COLOUR).mean())
    if coloured > COLOURED_SHARE:
        raise UserError(
            f"mask {path}: {max(coloured, 0.001):.1%} of its pixels are coloured, expected a black-and-white mask; "
            "restore the file from the dataset's own archive"
        )
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
