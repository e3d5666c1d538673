"""Where patches lie: the pixels and the law of albumentations' own steps."""

from typing import Any

import albumentations as A
import cv2
import numpy as np
import pytest
from scipy import stats

from skinseg.data import geometry
from skinseg.data.geometry import FILL, Placement, cut
from skinseg.datasets.sample import IGNORE
from tests.fakes import fake

SIZE = 48


def padded(position: str) -> Any:
    return A.PadIfNeeded(
        SIZE, SIZE, position=position, border_mode=cv2.BORDER_CONSTANT, fill=FILL, fill_mask=IGNORE
    )


def turned(degrees: tuple[float, float], share: float) -> Any:
    return A.Rotate(degrees, border_mode=cv2.BORDER_CONSTANT, fill=FILL, fill_mask=IGNORE, p=share)


def usual(strength: str) -> Any:
    if strength == "paper":
        return A.Compose([padded("center"), A.RandomCrop(SIZE, SIZE), A.HorizontalFlip(p=0.5)])
    crop = A.RandomResizedCrop(
        (SIZE, SIZE), scale=(0.1, 1), ratio=(0.75, 4 / 3), area_for_downscale="image", p=0.7
    )
    sides = [SIZE // 2, SIZE * 3 // 4, SIZE, SIZE]
    whole = A.Sequential([A.LongestMaxSize(sides, area_for_downscale="image"), padded("random")], p=0.3)
    return A.Compose([turned((-25, 25), 0.4), A.OneOf([crop, whole], p=1), A.HorizontalFlip(p=0.5)])


@pytest.mark.parametrize("shape", [(60, 100), (96, 96), (120, 50)])
@pytest.mark.parametrize("degrees", [0.0, 13.0, -25.0])
@pytest.mark.parametrize("side", [30, 48, 60])
def test_pixels_are_those_of_albumentations(shape: tuple[int, int], degrees: float, side: int) -> None:
    """Cut after the whole image is turned, and enlarged or shrunk: but for OpenCV's rounding of places to 1/32."""
    picture = fake(2, *shape)
    skin = picture.skin.astype(np.uint8)
    box = (7, 5, 7 + side - 16, 5 + side - 9) if side < 60 else (0, 0, *shape[::-1])
    rows, columns = (
        (SIZE, SIZE) if side < 60 else (round(30 * shape[0] / max(shape)), round(30 * shape[1] / max(shape)))
    )
    image, (mask,) = cut(picture.image, [skin], SIZE, Placement(degrees, box, (rows, columns), (0, 0), True))
    shrinks = box[3] - box[1] > rows or box[2] - box[0] > columns
    expected = A.Compose([
        turned((degrees, degrees), 1), A.Crop(*box),
        A.Resize(rows, columns, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), padded("top_left"),
        A.HorizontalFlip(p=1),
    ])(image=picture.image, mask=skin)  # fmt: skip
    assert image.shape == (SIZE, SIZE, 3)
    assert np.quantile(abs(image.astype(int) - expected["image"]), 0.995) <= (2 if degrees else 0)
    assert (mask == expected["mask"]).mean() > (0.995 if degrees else 1 - 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("strength", ["strong", "paper"])
@pytest.mark.parametrize("shape", [(64, 64), (60, 100), (30, 100), (40, 20)])
def test_places_have_the_law_of_albumentations(strength: str, shape: tuple[int, int]) -> None:
    """Of 1,000 patches each: where in the image the patch's pixels come from, and how much of it is outside."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    image = np.dstack([columns, rows, np.zeros_like(rows)])
    inside = np.zeros(shape, np.uint8)
    draw, compose = getattr(geometry, strength), usual(strength)
    compose.set_random_seed(4)
    generator = np.random.default_rng(3)
    ours, theirs = [], []
    for _ in range(1000):
        patch, (mask,) = cut(image, [inside], SIZE, draw(*shape, SIZE, generator))
        ours.append(seen(patch, mask))
        made = compose(image=image, mask=inside)
        theirs.append(seen(made["image"], made["mask"]))
    names = ("column", "row", "across", "down", "slant", "outside")
    for name, a, b in zip(names, np.transpose(ours), np.transpose(theirs), strict=True):
        # Many patches show the same place but for rounding: a hundredth of the range makes ties of no matter.
        blur = 0.01 * (np.ptp(a) + np.ptp(b)) + 1e-6
        a, b = (each + generator.normal(0, blur, len(each)) for each in (a, b))
        assert stats.ks_2samp(a, b).pvalue > 1e-3, name


def seen(patch: np.ndarray, mask: np.ndarray) -> tuple[float, ...]:
    """The image's column and row in the middle of a patch, pixels of the image to one of the patch across and down, how
    slanted, and the share that is outside; from pixels whose neighbours are inside."""
    labelled = cv2.erode((mask != IGNORE).astype(np.uint8), np.ones((5, 5)), borderValue=0) > 0
    places = np.argwhere(labelled)[::7]
    known = np.column_stack([places - SIZE / 2, np.ones(len(places))])
    by_down, by_across, middle = np.linalg.lstsq(known, patch[*places.T], rcond=None)[0]
    return (*middle[:2], by_across[0], by_down[1], by_across[1], float((mask == IGNORE).mean()))
