"""Another tone for the skin of a photograph: a change of its optical density, through a soft matte.

Skin's linear RGB is multiplied by one factor per channel, which is what more or less melanin in front of the same
tissue does to first order (Beer and Lambert) and leaves shading as it is. Eyes, lips and hair stay what they were,
and so does the light that the photograph was taken in: a re-toned picture is a picture of nobody.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.tones.ita import (
    _A_KNOTS,
    _B_KNOTS,
    _ITA_KNOTS,
    LIT,
    MAX_SKIN_PIXELS,
    estimate_tone,
    fitzpatrick_of,
    lab_to_linear,
    linear_to_lab,
    linear_to_srgb,
    srgb_to_linear,
)

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

GROUPS_AWAY = 2
"""Farther, eyes glow, lips stay pink and the hairline shows a seam."""
CLIPPED = 0.02
"""Largest share of the skin's pixels that may newly lose a channel to black or white."""
NEAR = 3.0
"""Degrees: a picture that comes out farther from its target is refused."""
LEAST_YELLOW = 2.0
"""b* of skin below which an ITA says nothing: the light, or the picture, is blue or grey."""
_ROUNDS = 8
_REACH = 0.008  # of the matte beyond the mask's edge, as a share of the picture's long side
_EDGE = 1e-3  # variance of luminance, in [0, 1]^2, that the matte takes for an edge (He et al. 2013)
_LINEAR = srgb_to_linear(np.arange(256) / 255.0)


class Refusal(StrEnum):
    """Why a picture keeps its tone."""

    NO_SKIN = "no mask, or too little skin"
    NO_HUE = "skin without a skin's hue"
    FAR = "more than two groups away"
    CLIPS = "more than 2 % of the skin would clip"
    MISSED = "more than 3 degrees off its target"


@dataclass(frozen=True)
class Retoned:
    """image: uint8 (H, W, 3), RGB. matte: float32 (H, W) in [0, 1]; where it is 0 no byte has changed.
    own, ita: degrees, as `estimate_tone` measures them before and after. clipped: share of the skin that newly is."""

    image: Image
    matte: Floats
    own: float
    ita: float
    clipped: float


def retone(image: Image, skin: Image | None, ita: float, groups: int = GROUPS_AWAY) -> Retoned | Refusal:
    """The picture with the skin's ITA brought to `ita` degrees, or why not.

    image: uint8 (H, W, 3), sRGB. skin: uint8 (H, W) in {0, 1, 255 ignore}, the *true* mask. groups: how far the
    target's group may lie from the picture's own, as `estimate_tone` has it. The own ITA gives the picture back.

    Hue follows the tones of `skinseg.tones.ita`: a* and b* are scaled as typical skin's differ between the two ITA.
    The skin's brightest twentieth keeps its highlights. One tone per picture: of several people, all are moved alike.
    """
    estimate = None if skin is None else estimate_tone(image, skin)
    if skin is None or estimate is None:
        return Refusal.NO_SKIN
    own = estimate[0]
    if abs(fitzpatrick_of(own) - fitzpatrick_of(ita)) > groups:
        return Refusal.FAR
    pixels = np.flatnonzero(skin == 1)
    matte = soft_matte(image, skin)
    weight = matte * _not_highlight(image, pixels)
    # The very pixels that `estimate_tone` looks at.
    seen = pixels[:: -(-len(pixels) // MAX_SKIN_PIXELS)]
    before, share = image.reshape(-1, 3)[seen], weight.reshape(-1)[seen]
    color = _lit_color(before)
    if color[2] < LEAST_YELLOW:
        return Refusal.NO_HUE
    aim, found, after, density = ita, own, before, np.zeros(3)
    for _ in range(_ROUNDS):
        density = _density(color, own, aim)
        after = _denser(before, share, density)
        measured = estimate_tone(after[None], np.ones((1, len(after)), np.uint8))
        assert measured is not None, "as many pixels as before"
        found = measured[0]
        if abs(found - ita) < 0.25:
            break
        aim = float(np.clip(aim + ita - found, -80, 85))
    lost = ((after == 0) | (after == 255)) & (before != 0) & (before != 255)
    clipped = float(lost.any(axis=1).mean())
    if clipped > CLIPPED:
        return Refusal.CLIPS
    if abs(found - ita) > NEAR:
        return Refusal.MISSED
    changed = np.flatnonzero(weight)
    result = image.copy()
    flat = result.reshape(-1, 3)
    flat[changed] = _denser(flat[changed], weight.reshape(-1)[changed], density)
    return Retoned(result, matte, own, found, clipped)


def soft_matte(image: Image, skin: Image) -> Floats:
    """How much each pixel is skin, float32 (H, W) in [0, 1]: the mask, softened where the picture has an edge near its
    rim (guided filter, He, Sun and Tang 2013), and 0 farther from the mask than it reaches."""
    reach = max(1, round(_REACH * max(image.shape[:2])))
    window = (2 * reach + 1, 2 * reach + 1)
    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    mask = (skin == 1).astype(np.float32)

    def mean(values: npt.NDArray[np.floating]) -> Floats:
        return np.asarray(cv2.blur(values, window), np.float32)

    of_guide, of_mask = mean(guide), mean(mask)
    slope = (mean(guide * mask) - of_guide * of_mask) / (mean(guide * guide) - of_guide**2 + _EDGE)
    soft = mean(slope) * guide + mean(of_mask - slope * of_guide)
    soft = np.clip((soft - 0.05) / 0.9, 0, 1)
    soft[cv2.dilate(mask, np.ones(window, np.uint8)) == 0] = 0
    return soft.astype(np.float32)


def _not_highlight(image: Image, pixels: npt.NDArray[np.intp]) -> Floats:
    """1 where a pixel is as the skin is, falling to 0 at white: a highlight is the lamp's colour, not the skin's."""
    whiteness = image.min(axis=2).astype(np.float32) / 255
    low = max(0.6, float(np.percentile(whiteness.reshape(-1)[pixels], 95)))
    x = np.clip((whiteness - low) / max(1 - low, 1 / 255), 0, 1)
    return np.asarray(1 - x * x * (3 - 2 * x), np.float32)


def _lit_color(pixels: Image) -> npt.NDArray[np.float64]:
    """CIELAB of the skin's lit pixels, uint8 (n, 3): the median that `estimate_tone` takes the ITA of."""
    lab = linear_to_lab(_LINEAR[pixels])
    low, high = np.percentile(lab[:, 0], LIT)
    return np.asarray(np.median(lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)], axis=0), np.float64)


def _density(color: npt.NDArray[np.float64], own: float, ita: float) -> npt.NDArray[np.float64]:
    """Natural logarithm of the factor per channel that turns skin of this CIELAB and ITA into that of another ITA."""

    def typical(knots: tuple[float, ...], at: float) -> float:
        return float(np.interp(at, _ITA_KNOTS, knots))

    a = color[1] * typical(_A_KNOTS, ita) / typical(_A_KNOTS, own)
    b = color[2] * typical(_B_KNOTS, ita) / typical(_B_KNOTS, own)
    # From the measured L*, not from the ITA alone: then the own ITA gives exactly nothing to do.
    lightness = color[0] + b * np.tan(np.radians(ita)) - color[2] * np.tan(np.radians(own))
    ends = [lab_to_linear(lab).clip(1e-4, None) for lab in (color, (max(lightness, 1.0), a, b))]
    density: npt.NDArray[np.float64] = np.log(ends[1] / ends[0])
    return density


def _denser(pixels: Image, weight: Floats, density: npt.NDArray[np.float64]) -> Image:
    """sRGB pixels, uint8 (n, 3), with a share of the density, (n,), laid over them."""
    linear = _LINEAR[pixels] * np.exp(weight[:, None].astype(np.float64) * density)
    return np.rint(255 * linear_to_srgb(linear.clip(0, 1))).astype(np.uint8)
