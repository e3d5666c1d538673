"""What is known of an image without a model: what a model's errors may depend on."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, Sample
from skinseg.images.decoding import Image
from skinseg.models.prediction import resized

LONG_SIDE = 256
"""Pixels. Brightness and sharpness are taken at this size: sharpness as a small network sees it, and
comparable between large and small photographs."""

MIN_REGION = 0.001
"""Share of the image's pixels below which a patch of skin is no region but a speck."""


@dataclass(frozen=True)
class ImageProperties:
    """brightness: mean luma (Rec. 601), 0 to 1.
    sharpness: variance of the Laplacian of the luma in levels of 0 to 255 (Pech-Pacheco et al. 2000, ICPR).
    regions: 8-connected regions of true skin; None where skin is not labelled.
    """

    brightness: float
    sharpness: float
    regions: int | None


def image_properties(sample: Sample) -> ImageProperties:
    """The properties of a sample, from its image and its true skin mask."""
    luma = cv2.cvtColor(_at_most(sample.image, LONG_SIDE), cv2.COLOR_RGB2GRAY)
    return ImageProperties(
        brightness=float(luma.mean()) / 255,
        sharpness=float(cv2.Laplacian(luma, cv2.CV_32F).var(dtype=np.float64)),
        regions=_regions(sample.masks["skin"] == FOREGROUND) if "skin" in sample.masks else None,
    )


def _at_most(image: Image, long_side: int) -> Image:
    # A small image is not blown up: it would look blurred.
    return resized(image, long_side) if max(image.shape[:2]) > long_side else image


def _regions(skin: npt.NDArray[np.bool_]) -> int:
    _, _, statistics, _ = cv2.connectedComponentsWithStats(skin.view(np.uint8), connectivity=8)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    return int(np.count_nonzero(areas >= MIN_REGION * skin.size))
