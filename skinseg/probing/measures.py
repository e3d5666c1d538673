"""What is measured of one picture for an audit: light and colour of its skin and of the rest, and its crops of skin."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Mask
from skinseg.evaluation.bootstrap import Floats
from skinseg.images.decoding import Image
from skinseg.models.prediction import resized
from skinseg.probing.cells import AXES, measured

LONG_SIDE = (
    256  # pixels at which statistics are taken: those of a photograph and of a frame must be of one size
)
CROP, WHOLE = 96, 160  # pixels of what the encoder sees, square and long side
SMALLEST_CROP = 40  # pixels of a crop as it is in the picture; below it says how it was enlarged
MARGIN = 1.3  # side of a crop over the root of its region's area

STATISTICS = ("L*", "a*", "b*", "contrast", "chroma", "sharpness", "clipped")
REGIONS = ("skin", "rest")
NAMES = tuple(f"{region}: {name}" for region in REGIONS for name in STATISTICS)


@dataclass(frozen=True)
class Measured:
    """statistics: float64 in the order of `NAMES`, NaN where the region is missing. values: of all `AXES`, or None.

    skin_share: 0 to 1. crop: uint8 (96, 96, 3) about the largest region of skin, or None; whole: the picture, small.
    """

    statistics: Floats
    values: tuple[float, ...] | None
    skin_share: float
    crop: Image | None
    whole: Image


def measure(image: Image, skin: Mask) -> Measured:
    """All of a picture, uint8 (H, W, 3) RGB, with its true skin, uint8 (H, W) in {0, 1, 255}."""
    small = resized(image, LONG_SIDE)
    mask = cv2.resize(skin, small.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    known = int(np.count_nonzero(mask != IGNORE))
    return Measured(
        statistics=np.concatenate([_statistics(small, mask == FOREGROUND), _statistics(small, mask == 0)]),
        values=measured(tuple(AXES.values()), small, np.asarray(mask, np.uint8)),
        skin_share=int(np.count_nonzero(mask == FOREGROUND)) / max(known, 1),
        crop=_crop(image, skin),
        whole=resized(image, WHOLE),
    )


def _statistics(image: Image, inside: npt.NDArray[np.bool_]) -> Floats:
    """Mean CIELAB, deviation of L*, mean chroma, root mean square of the Laplacian of L*, share at either end."""
    if np.count_nonzero(inside) < 50:
        return np.full(len(STATISTICS), np.nan)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    pixels = lab[inside].astype(np.float64)
    # Away from the region's rim, where the Laplacian sees the other region.
    inner = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    edges = cv2.Laplacian(lab[..., 0], cv2.CV_32F)[inner if inner.any() else inside].astype(np.float64)
    clipped = ((image[inside] <= 2) | (image[inside] >= 253)).any(axis=1)
    return np.array(
        [
            *pixels.mean(axis=0),
            pixels[:, 0].std(),
            np.hypot(pixels[:, 1], pixels[:, 2]).mean(),
            np.sqrt((edges**2).mean()),
            clipped.mean(),
        ]
    )


def _crop(image: Image, skin: Mask) -> Image | None:
    """A square about the middle of the largest region of skin, cut at the picture's rim."""
    _, _, statistics, centres = cv2.connectedComponentsWithStats(
        (skin == FOREGROUND).view(np.uint8), connectivity=8
    )
    if len(statistics) < 2:
        return None
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    height, width = skin.shape
    side = round(MARGIN * float(statistics[largest, cv2.CC_STAT_AREA]) ** 0.5)
    side = min(side, height, width)
    if side < SMALLEST_CROP:
        return None
    left = int(np.clip(centres[largest][0] - side / 2, 0, width - side))
    top = int(np.clip(centres[largest][1] - side / 2, 0, height - side))
    cut = image[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > CROP else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (CROP, CROP), interpolation=method), np.uint8)
