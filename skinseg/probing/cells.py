"""What a camera sees of a frame, cut into cells: skin tone as it looks, how much of the picture is skin, its light.

A scene's own words (the tone asked for, the tracked part, its lamps) say what was meant; a cell says what came out.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Mask
from skinseg.errors import UserError, did_you_mean
from skinseg.images.decoding import Image
from skinseg.tones.ita import ITA_RANGES, estimate_tone

Cell = tuple[int, ...]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_ENOUGH = 0.05  # share of the picture that is not skin from which it says how light that is


@dataclass(frozen=True)
class Axis:
    """measure: from an image, uint8 (H, W, 3) RGB, and its true skin mask to a number, or None where it has none.
    levels: names; level i lies between edges i - 1 (excluded) and i (included)."""

    name: str
    measure: Callable[[Image, Mask], float | None]
    edges: tuple[float, ...]
    levels: tuple[str, ...]

    def level(self, value: float) -> int:
        return int(np.searchsorted(self.edges, value))


def _minus_ita(image: Image, skin: Mask) -> float | None:
    """Minus the ITA in degrees, so that it rises with the group."""
    estimate = estimate_tone(image, skin)
    return None if estimate is None else -estimate[0]


def _skin_share(image: Image, skin: Mask) -> float | None:
    """Logarithm of the share of the pixels that are skin."""
    known = int(np.count_nonzero(skin != IGNORE))
    share = int(np.count_nonzero(skin == FOREGROUND)) / max(known, 1)
    return math.log(share) if share > 0 else None


def _brightness(image: Image, skin: Mask) -> float | None:
    """Mean luma, 0 to 1, of what is not skin, which the tone of the skin says nothing about; of all, if all is skin."""
    rest = skin != FOREGROUND
    pixels = image[rest] if np.count_nonzero(rest) >= _ENOUGH * skin.size else image.reshape(-1, 3)
    return float(pixels.mean(axis=0, dtype=np.float64) @ _LUMA) / 255


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis(
            "tone",
            _minus_ita,
            tuple(-low for low, _ in list(ITA_RANGES.values())[:-1]),
            ("I", "II", "III", "IV", "V", "VI"),
        ),
        Axis(
            "framing",
            _skin_share,
            tuple(math.log(share) for share in (0.05, 0.12, 0.25, 0.45)),
            ("far", "small", "middle", "large", "filling"),
        ),
        Axis("light", _brightness, (0.3, 0.5), ("dark", "middle", "bright")),
    )
}


def axes_named(names: str) -> tuple[Axis, ...]:
    """The axes of a list like "tone,framing". Raises UserError for one that does not exist, or none."""
    given = [name.strip() for name in names.split(",") if name.strip()]
    for name in given:
        if name not in AXES:
            raise UserError(
                f"--cells {names}: no axis {name!r}{did_you_mean(name, AXES)}, expected some of {', '.join(AXES)}"
            )
    if not given or len(set(given)) < len(given):
        raise UserError(f"--cells {names}: expected each axis once, and at least one of {', '.join(AXES)}")
    return tuple(AXES[name] for name in given)


def measured(axes: Sequence[Axis], image: Image, skin: Mask) -> tuple[float, ...] | None:
    """A number per axis, None where one of them cannot be had: too little skin."""
    values = [axis.measure(image, skin) for axis in axes]
    return (
        None
        if any(value is None for value in values)
        else tuple(float(each) for each in values if each is not None)
    )


def cell_of(axes: Sequence[Axis], values: Sequence[float]) -> Cell:
    """The level of each axis."""
    return tuple(axis.level(value) for axis, value in zip(axes, values, strict=True))


def all_cells(axes: Sequence[Axis]) -> list[Cell]:
    return list(itertools.product(*(range(len(axis.levels)) for axis in axes)))


def cell_name(axes: Sequence[Axis], cell: Cell) -> str:
    return ", ".join(f"{axis.name} {axis.levels[level]}" for axis, level in zip(axes, cell, strict=True))


def evenness(counts: npt.NDArray[np.int64]) -> float:
    """Entropy of the shares over that of equal ones, 0 to 1; 1 where there is one cell alone."""
    total = counts.sum()
    if len(counts) < 2 or total == 0:
        return 1.0 if len(counts) < 2 else 0.0
    shares = counts[counts > 0] / total
    return float(-(shares * np.log(shares)).sum() / math.log(len(counts)))
