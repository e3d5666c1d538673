"""Another tone for the skin of a photograph: how near it comes, and what it must leave alone."""

import cv2
import numpy as np
import pytest

from skinseg.tones.ita import ITA_RANGES, estimate_tone
from skinseg.tones.retone import CLIPPED, NEAR, Refusal, Retoned, retone
from tests import fakes


def shaded(index: int, top: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A fake with light from one side, brightest `top` of its own colours; image and mask."""
    picture = fakes.fake(index, 144, 192)
    slope = np.linspace(0.55, top, picture.image.shape[1])[None, :, None]
    return (picture.image * slope).clip(0, 255).astype(np.uint8), picture.skin.astype(np.uint8)


@pytest.mark.parametrize("index", range(12))
def test_the_tone_is_met_and_nothing_else_is_touched(index: int) -> None:
    image, skin = shaded(index)
    estimate = estimate_tone(image, skin)
    assert estimate is not None
    accepted = 0
    for group, (low, high) in ITA_RANGES.items():
        found = retone(image, skin, (low + high) / 2)
        if abs(group - estimate[1]) > 2:
            assert found is Refusal.FAR
        if isinstance(found, Refusal):
            continue
        accepted += 1
        measured = estimate_tone(found.image, skin)
        assert measured is not None
        assert abs(measured[0] - (low + high) / 2) <= NEAR
        assert measured[0] == pytest.approx(found.ita, abs=1e-6)
        outside = found.matte == 0
        assert (found.image[outside] == image[outside]).all()
        assert outside[skin == 0].mean() > 0.8, "the matte stays at the skin"
        assert (found.matte[skin == 1] > 0.5).mean() > 0.9
        assert found.clipped <= CLIPPED
    assert accepted >= 2


@pytest.mark.parametrize("index", range(6))
def test_the_own_tone_moves_no_pixel_by_more_than_a_grey_level(index: int) -> None:
    image, skin = shaded(index)
    estimate = estimate_tone(image, skin)
    assert estimate is not None
    found = retone(image, skin, estimate[0])
    assert isinstance(found, Retoned)
    assert np.abs(found.image.astype(int) - image).max() <= 1


def test_shading_is_kept() -> None:
    """Lighter pixels of the skin stay the lighter ones: a factor, not a flat colour."""
    image, skin = shaded(1)
    found = retone(image, skin, 20.0)
    assert isinstance(found, Retoned)
    before, after = (
        cv2.cvtColor(each, cv2.COLOR_RGB2GRAY)[skin == 1].astype(float) for each in (image, found.image)
    )
    assert np.corrcoef(before, after)[0, 1] > 0.99


def test_what_cannot_be_done_is_refused() -> None:
    image, skin = shaded(3)
    assert retone(image, None, 20.0) is Refusal.NO_SKIN
    assert retone(image, np.zeros_like(skin), 20.0) is Refusal.NO_SKIN
    assert retone(image, skin, 70.0) is Refusal.FAR
    grey = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    grey_ita = estimate_tone(grey, skin)
    assert grey_ita is not None
    assert retone(grey, skin, 20.0, groups=6) is Refusal.NO_HUE
    lit = image.copy()
    lit[:, : lit.shape[1] // 2] = (lit[:, : lit.shape[1] // 2] * 1.5).clip(0, 254).astype(np.uint8)
    assert retone(lit, skin, 74.0, groups=6) is Refusal.CLIPS
