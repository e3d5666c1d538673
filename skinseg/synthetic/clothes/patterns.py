"""Patterns of cloth as tiles: how much of the second colour there is.

Free of everything but the standard library and NumPy: the render worker imports it in its own environment.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.geometry.arrays import Array, Floats
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Part, stream

TILE = 192  # pixels of a pattern's side


@dataclass(frozen=True)
class Pattern:
    """What is known of one pattern.

    tile: (192, 192) in [0, 1], of random numbers; None is no pattern. share: how often cloth has it unless the
    configuration says otherwise. repeats: how many of the garment's repeats a tile shows, which then repeats without a
    seam. once: it stands on the chest instead.
    """

    tile: Callable[[np.random.Generator], Array | Floats] | None
    share: float
    repeats: int = 1
    once: bool = False


def placed_pattern(garment: Garment) -> tuple[Floats, tuple[float, float], float] | None:
    """How much of the second colour there is, (192, 192) in [0, 1], and where in metres the square lies.

    Its corner and its extent; None without a pattern. Raises KeyError for a pattern that does not exist.
    """
    pattern = PATTERNS[garment.pattern]
    if pattern.tile is None:
        return None
    rng = stream(Part.PATTERN, garment.seed)
    if pattern.once:
        extent = float(rng.uniform(0.2, 0.32))
        tile = pattern.tile(rng)
        corner = (-extent / 2, float(rng.uniform(0.08, 0.14)))
    else:
        extent, corner = pattern.repeats / garment.pattern_scale, (0.0, 0.0)
        tile = pattern.tile(rng)
    return np.asarray(tile, np.float32), corner, extent


def _stripes(rng: np.random.Generator) -> Array:
    return np.broadcast_to(_bands(rng)[:, None], (TILE, TILE))


def _checks(rng: np.random.Generator) -> Array:
    bands = _bands(rng)
    return np.asarray(0.5 * (bands[:, None] + bands[None, :]))


def _bands(rng: np.random.Generator) -> Array:
    """One repeat of a striped cloth: a broad band, and in every other cloth a narrow one beside it."""
    along = (np.arange(TILE) + 0.5) / TILE
    share = rng.uniform(0.15, 0.55)
    bands = (along < share).astype(np.float64)
    if rng.random() < 0.5:
        middle, half = (1 + share) / 2, (1 - share) * rng.uniform(0.06, 0.2)
        bands[np.abs(along - middle) < half] = rng.uniform(0.4, 1)
    return bands


def _blotches(rng: np.random.Generator) -> Array:
    """Camouflage or batik: soft or hard patches of noise."""
    white = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    frequency = TILE * np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    field = np.fft.irfft2(white / (1 + (frequency / 6) ** 2.5), s=(TILE, TILE))
    contrast, middle = rng.uniform(0.6, 4), rng.uniform(-0.5, 0.5)
    return np.asarray(np.clip(0.5 + contrast * (field / field.std() - middle), 0, 1))


def _flowers(rng: np.random.Generator) -> Array:
    """Blossoms of one kind, strewn, with the cloth's own colour in their middle, and small leaves."""
    axis = (np.arange(TILE) + 0.5) / TILE
    tile = np.zeros((TILE, TILE))
    petals, notch = int(rng.integers(4, 8)), rng.uniform(0.25, 0.6)
    for number in range(9):
        cell = np.array(divmod(number, 3)) / 3 + 1 / 6 + rng.uniform(-0.06, 0.06, 2)
        y = (axis[:, None] - cell[0] + 0.5) % 1 - 0.5
        x = (axis[None, :] - cell[1] + 0.5) % 1 - 0.5
        radius, angle = np.hypot(x, y), np.arctan2(y, x) + rng.uniform(0, 6)
        size = rng.uniform(0.06, 0.15)
        edge = size * (1 - notch * np.abs(np.sin(petals * angle / 2)))
        tile = np.maximum(tile, np.clip((edge - radius) * TILE + 0.5, 0, 1) * rng.uniform(0.7, 1))
        tile[radius < 0.25 * size] = 0.2
    return tile


def _print(rng: np.random.Generator) -> Floats:
    """A graphic for the chest: rows of letter-like shapes, a badge, or both. Row 0 is its upper edge."""
    axis = (np.arange(TILE) + 0.5) / TILE
    y, x = axis[:, None] - 0.5, axis[None, :] - 0.5
    tile = np.zeros((TILE, TILE), np.float32)
    badge = rng.random() < 0.6
    if badge:
        lift = rng.uniform(0, 0.15)
        radius, angle = np.hypot(x, y + lift), np.arctan2(x, y + lift)
        edge = rng.uniform(0.2, 0.33) * (1 + rng.uniform(0, 0.35) * np.cos(int(rng.integers(2, 8)) * angle))
        ring = 0.5 + 0.5 * np.cos(2 * np.pi * rng.uniform(1, 4) * radius / edge)
        tile[(radius < edge) & (ring > rng.uniform(0, 0.4))] = 1
    rows = int(rng.integers(1, 3)) if badge else int(rng.integers(1, 6))
    height = int(rng.uniform(0.1, 0.2) * TILE) if badge else TILE // (rows + 1)
    top = TILE - rows * height - 2 if badge else height // 2
    for row in range(rows):
        letters = int(rng.integers(4, 10))
        width = int(TILE * rng.uniform(0.6, 1.0)) // letters
        left = (TILE - letters * width) // 2
        tall = int(0.75 * height)
        for letter in range(letters):
            # Strokes of a grid of three by five, the left one most often whole, as in most letters.
            cells = rng.random((5, 3)) < 0.55
            cells[:, 0] |= rng.random() < 0.6
            cells[[0, 4], 1] |= rng.random(2) < 0.5
            rows_of, columns_of = (
                np.arange(tall) * 5 // tall,
                np.arange(int(0.8 * width)) * 3 // int(0.8 * width),
            )
            glyph = cells[rows_of][:, columns_of]
            y0, x0 = top + row * height, left + letter * width
            area = tile[y0 : y0 + tall, x0 : x0 + glyph.shape[1]]
            area[:] = glyph[: area.shape[0], : area.shape[1]]
    tile[[0, -1]] = tile[:, [0, -1]] = 0
    return tile


PATTERNS: dict[str, Pattern] = {
    "plain": Pattern(None, 0.43),
    "stripes": Pattern(_stripes, 0.13),
    "checks": Pattern(_checks, 0.1),
    "noise": Pattern(_blotches, 0.1, repeats=6),
    "flowers": Pattern(_flowers, 0.12, repeats=4),
    "print": Pattern(_print, 0.12, once=True),
}
