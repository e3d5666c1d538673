"""Where a training patch lies in its image: drawn, then cut in one go by OpenCV.

The same law and pixels as albumentations' Rotate, RandomResizedCrop or LongestMaxSize with PadIfNeeded, and
HorizontalFlip one after the other (tested), in half the time: of a turned image, only what the patch shows is made.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import IGNORE, Mask
from skinseg.images.decoding import Image

FILL = (124, 116, 104)  # ImageNet's mean colour: what lies outside the image says nothing

_TURNED, _MOST_DEGREES = 0.4, 25.0
_CROPPED = 0.7  # else the whole image is inside the patch
_AREA = (0.1, 1.0)
_LOG_RATIO = math.log(4 / 3)
_TRIES = 10


@dataclass(frozen=True)
class Placement:
    """degrees: by which the image is turned about its centre, counter-clockwise.
    box: left, top, right, bottom of what is shown of it, pixels. shape: rows and columns that this becomes.
    corner: top and left of where it lies in the patch. mirrored: whether the patch is, left to right.
    """

    degrees: float
    box: tuple[int, int, int, int]
    shape: tuple[int, int]
    corner: tuple[int, int]
    mirrored: bool


def strong(height: int, width: int, size: int, generator: np.random.Generator) -> Placement:
    """Turned by up to 25 degrees in 4 of 10; in 7 of 10 a tenth to all of the image's area at a side ratio of 3:4 to
    4:3, else the whole image in half the patch's side, three quarters or all of it: groups and small figures."""
    degrees = generator.uniform(-_MOST_DEGREES, _MOST_DEGREES) if generator.random() < _TURNED else 0.0
    if generator.random() < _CROPPED:
        box, shape, corner = _crop(height, width, generator), (size, size), (0, 0)
    else:
        box = (0, 0, width, height)
        side = (size // 2, size * 3 // 4, size, size)[int(generator.integers(4))]
        scale = side / max(height, width)
        shape = max(1, round(height * scale)), max(1, round(width * scale))
        top, left = (int(generator.integers(size - length + 1)) for length in shape)
        corner = top, left
    return Placement(degrees, box, shape, corner, generator.random() < 0.5)


def paper(height: int, width: int, size: int, generator: np.random.Generator) -> Placement:
    """A patch of the image's own pixels, in the middle where the image is smaller."""
    shape = min(height, size), min(width, size)
    top = int(generator.integers(height - shape[0] + 1))
    left = int(generator.integers(width - shape[1] + 1))
    corner = (size - shape[0]) // 2, (size - shape[1]) // 2
    box = (left, top, left + shape[1], top + shape[0])
    return Placement(0.0, box, shape, corner, generator.random() < 0.5)


def _crop(height: int, width: int, generator: np.random.Generator) -> tuple[int, int, int, int]:
    for _ in range(_TRIES):
        area = generator.uniform(*_AREA) * height * width
        ratio = math.exp(generator.uniform(-_LOG_RATIO, _LOG_RATIO))
        columns, rows = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < columns <= width and 0 < rows <= height:
            top = int(generator.integers(height - rows + 1))
            left = int(generator.integers(width - columns + 1))
            return left, top, left + columns, top + rows
    # Of a long image, the middle.
    columns, rows = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows


def cut(
    image: Image, masks: Sequence[Mask], size: int, placement: Placement
) -> tuple[Image, list[npt.NDArray[np.uint8]]]:
    """The patch of an image uint8 (H, W, 3) and of its masks uint8 (H, W), `size` x `size`, in memory of its own.

    What lies outside the image is `FILL`, and 255 in masks. Masks are never mixed: the nearest pixel.
    """
    rows, columns = placement.shape
    left, top, right, bottom = placement.box
    shrinks = bottom - top > rows or right - left > columns
    smooth = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    cuts = [_cut(image, placement, cv2.INTER_LINEAR, smooth, FILL)]
    cuts += [_cut(mask, placement, cv2.INTER_NEAREST, cv2.INTER_NEAREST, (IGNORE,)) for mask in masks]
    if placement.shape != (size, size):
        above, before = placement.corner
        around = (above, size - rows - above, before, size - columns - before)
        fills: list[tuple[int, ...]] = [FILL, *[(IGNORE,)] * len(masks)]
        cuts = [
            cv2.copyMakeBorder(each, *around, cv2.BORDER_CONSTANT, value=fill)
            for each, fill in zip(cuts, fills, strict=True)
        ]
    if placement.mirrored:
        cuts = [cv2.flip(each, 1) for each in cuts]
    patch, *others = (np.asarray(each, np.uint8) for each in cuts)
    return patch, others


def _cut(
    pixels: Image, placement: Placement, turn: int, resize: int, fill: tuple[int, ...]
) -> cv2.typing.MatLike:
    left, top, right, bottom = placement.box
    if placement.degrees:
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), placement.degrees, 1)
        matrix[:, 2] -= left, top
        shown = cv2.warpAffine(pixels, matrix, (right - left, bottom - top), flags=turn, borderValue=fill)
    else:
        shown = pixels[top:bottom, left:right]
    # Of the same size, a copy.
    return cv2.resize(shown, placement.shape[::-1], interpolation=resize)
