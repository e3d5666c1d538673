"""What a recogniser of tones is shown of a picture: a square about the skin, and a few colours of it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.images.decoding import Image
from skinseg.synthetic.labels import PartClass
from skinseg.tones.ita import LIT, MIN_SKIN_PIXELS, ita_of

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

SIDE = 128
"""Of the square, pixels."""
GREY = (124, 116, 104)  # ImageNet's mean colour: what is hidden, or lies outside the picture, says nothing
TOLD = (PartClass.HAIR, PartClass.EYES, PartClass.MOUTH_INTERIOR, PartClass.LIPS)
"""Parts of a rendered person whose colour is drawn by the tone, or is the tone's: hidden, that none becomes a short
cut."""
COLORS = 18
"""How many numbers `colors_of` gives."""
LEAST = 16
"""Pixels of the square below which it does not show enough of skin, or of what is about it."""
_MARGIN = 0.35  # of the square about the skin, as a share of its longer side
_SMOOTH = 0.012  # deviation of the blur inside the skin, as a share of the square's side: it has no freckles
_SURE = 0.75  # share of a small pixel that has to be skin


@dataclass(frozen=True)
class View:
    """image: uint8 (S, S, 3), RGB. skin: uint8 (S, S), share of the pixel that is skin, 255 all of it.
    known: uint8 (S, S), 0 where nothing is shown. told: uint8 (S, S), 1 on the parts of `TOLD`, if those are known."""

    image: Image
    skin: Mask
    known: Mask
    told: Mask


def view_of(image: Image, skin: Mask, told: Mask | None = None, side: int = SIDE) -> View | None:
    """The square about a picture's skin, None below `MIN_SKIN_PIXELS` of it.

    image: uint8 (H, W, 3), RGB. skin: uint8 (H, W) in {0, 1, 255}. told: uint8 (H, W), 1 on parts to hide later.
    """
    rows, columns = np.nonzero(skin == 1)
    if len(rows) < MIN_SKIN_PIXELS:
        return None
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    half = round(max(height, width) * (0.5 + _MARGIN)) + 1
    top, left = int(rows.min()) + height // 2 - half, int(columns.min()) + width // 2 - half

    def cut(pixels: npt.NDArray[np.uint8], fill: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        part = pixels[max(0, top) : top + 2 * half, max(0, left) : left + 2 * half]
        above, before = max(0, -top), max(0, -left)
        below, after = 2 * half - above - part.shape[0], 2 * half - before - part.shape[1]
        whole = cv2.copyMakeBorder(part, above, below, before, after, cv2.BORDER_CONSTANT, value=fill)
        method = cv2.INTER_AREA if 2 * half > side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(whole, (side, side), interpolation=method), np.uint8)

    one = (skin == 1).astype(np.uint8)
    share = cut(255 * one, (0,))
    if np.count_nonzero(share) < LEAST:  # specks, far apart
        return None
    return View(
        cut(image, GREY),
        share,
        cut(np.ones_like(one), (0,)),
        np.zeros((side, side), np.uint8) if told is None else (cut(255 * told, (0,)) > 127).astype(np.uint8),
    )


def told_by(labels: npt.NDArray[np.uint8]) -> Mask:
    """The parts of `TOLD` in a frame's label image, uint8 (H, W) in {0, 1}, a pixel wider than they are."""
    parts = np.isin(labels, TOLD).astype(np.uint8)
    return np.asarray(cv2.dilate(parts, np.ones((3, 3), np.uint8)) * (labels != PartClass.SKIN), np.uint8)


def hidden(view: View) -> View:
    """The view with its told parts in grey."""
    image, known = view.image.copy(), view.known.copy()
    image[view.told == 1] = GREY
    known[view.told == 1] = 0
    return View(image, view.skin, known, view.told)


def greyed(view: View, reach: int = 0) -> View:
    """The view with its skin in grey, and what lies within `reach` pixels of it: what is left should say nothing."""
    image = view.image.copy()
    touched = cv2.dilate(view.skin, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    image[touched] = GREY
    return View(image, view.skin, view.known, view.told)


def inputs(view: View) -> tuple[Image, Floats, Floats]:
    """What the network takes: the image with its skin smoothed; weights of skin and of its surroundings, float32
    (2, S, S); and `colors_of` it."""
    share = np.asarray(view.skin / 255, np.float32)
    weight = np.asarray(np.where(share > _SURE, share, 0), np.float32)
    if np.count_nonzero(weight) < LEAST:
        weight = share
    image = _smoothed(view.image, weight)
    around = ((view.skin == 0) & (view.known == 1)).astype(np.float32)
    return image, np.stack([weight, around]), colors_of(image, weight > 0, around > 0)


def colors_of(image: Image, skin: npt.NDArray[np.bool_], around: npt.NDArray[np.bool_]) -> Floats:
    """CIELAB of skin and surroundings, float32 (COLORS,): of the skin its shades, of the surroundings what may tell the
    light, such as the brightest there. Scaled to about 1; zeros where there are no surroundings."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    inside = lab[skin]
    shades = np.percentile(inside[:, 0], (5, 25, 50, 75, 95))
    low, high = np.percentile(inside[:, 0], LIT)
    lit = np.median(inside[(inside[:, 0] >= low) & (inside[:, 0] <= high)], axis=0)
    found = [*shades, *lit, float(ita_of(lit)), *inside.std(axis=0)]
    outside = lab[around]
    if len(outside) < LEAST:
        found += [0.0] * (COLORS - len(found))
        return (np.array(found) / 50).astype(np.float32)
    bright = outside[outside[:, 0] >= np.percentile(outside[:, 0], 95)]
    found += [
        *np.percentile(outside[:, 0], (10, 90)),
        *outside[:, 1:].mean(axis=0),
        *bright[:, 1:].mean(axis=0),
    ]
    return (np.array(found) / 50).astype(np.float32)


def _smoothed(image: Image, weight: Floats) -> Image:
    sigma = _SMOOTH * image.shape[0]
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    mean = cv2.GaussianBlur(image * weight[..., None], (0, 0), sigma) / np.maximum(total, 1e-3)[..., None]
    return np.where((weight > 0)[..., None], mean.clip(0, 255), image).astype(np.uint8)
