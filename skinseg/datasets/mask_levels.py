"""What the levels of a folder's own masks mean, judged by all of them together, never by one file's brightest pixel."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skinseg.datasets.mask_forms import COLOURED_SHARE
from skinseg.datasets.sample import BACKGROUND, FOREGROUND, IGNORE, Mask
from skinseg.errors import UserError
from skinseg.images.decoding import Levels, read_levels

MEANINGS = {"skin": FOREGROUND, "background": BACKGROUND, "ignore": IGNORE}

_NAMED = 8  # levels that a map of labels may have; soft or compressed masks have more
_SOFT = 0.1  # share of pixels between black and white that a soft brush or JPEG leaves
# Of black and white, JPEG and WebP at quality 10 to 95 leave areas up to 5 levels off, and channels up to 1 apart.
_AREA = 0.002  # share of pixels that make a level an area, and no noise
_NOISE = 5 / 255
_TINGE = 4 / 255


@dataclass(frozen=True)
class Seen:
    """What one mask file holds. levels: all of them, or None where they are more than `_NAMED`; white: the level of
    white at its depth; brightest: its highest level; between: share of pixels between black and white; areas: where
    there are more than `_NAMED` levels, those of whole areas; palette: whether levels are indices of colours."""

    levels: tuple[int, ...] | None
    white: int
    brightest: int
    between: float
    areas: tuple[int, ...]
    palette: bool


@dataclass(frozen=True)
class Form:
    """What each level means, or a cut at half of white."""

    meaning: Mapping[int, int] | None

    def mask(self, levels: npt.NDArray[Any], white: int, path: Path, ignore_unsure: bool) -> Mask:
        """uint8 (H, W) in {0, 1, 255} of levels (H, W). Raises UserError for a level without a meaning."""
        if self.meaning is None:
            mask = (levels > white // 2).astype(np.uint8)
            if ignore_unsure:
                mask[_is_between(levels, white)] = IGNORE
            return mask
        unknown = sorted(set(np.unique(levels).tolist()) - self.meaning.keys())
        if unknown:
            raise UserError(f"mask {path}: levels {_said(unknown)} have no meaning; {_way_out(unknown)}")
        mask = np.full(levels.shape, IGNORE, np.uint8)
        for level, value in self.meaning.items():
            mask[levels == level] = value
        return mask


def form_of(paths: Iterable[Path], given: Mapping[int, str]) -> Form:
    """The form of all masks of a folder.

    given: what the user says that levels mean ("skin", "background" or "ignore"); then nothing is judged.
    Without: 0 and one more level are a mask, 0 and 1 with 255 (white, at 16 bits) beside them are labels of which 255
    is ignored, black and white with a soft rim are cut at half. Raises UserError for anything else, with the levels
    found.
    """
    if given:
        return Form({level: MEANINGS[said] for level, said in given.items()})
    files = sorted(paths)
    with ThreadPoolExecutor() as pool:
        seen = dict(zip(files, pool.map(look, files), strict=True))
    for path, one in seen.items():
        if one.palette:
            raise _coloured(path, 1.0)
    whites = {one.white for one in seen.values()}
    if len(whites) > 1:
        raise UserError(
            f"masks in {files[0].parent}: some of 8 bits and some of 16, expected one depth; save them alike"
        )
    white = max(whites, default=255)
    sets = {one.levels for one in seen.values()}
    if None not in sets:
        every = frozenset(level for levels in sets for level in levels or ())
        if every <= {0, 1}:
            return Form({0: BACKGROUND, 1: FOREGROUND})
        if every <= {0, 1, 255, white} and any(levels and {1, max(every)} <= set(levels) for levels in sets):
            return Form({0: BACKGROUND, 1: FOREGROUND, max(every): IGNORE})
        if (len(every) == 2 and 0 in every) or every == {white}:
            return Form({0: BACKGROUND, max(every): FOREGROUND})
        if len(every) <= _NAMED:
            example = next(path for path, one in seen.items() if set(one.levels or ()) - {0, white})
            raise UserError(
                f"masks in {example.parent}: levels {_said(sorted(every))} found ({example.name} for one), expected 0 "
                f"and one more, or 0 and 1 with {white} ignored; {_way_out(sorted(every))}"
            )
    worst = max(seen, key=lambda path: seen[path].between)
    if seen[worst].between > _SOFT:
        raise UserError(
            f"mask {worst}: {seen[worst].between:.0%} of its pixels are neither black nor white, expected a binary "
            f"mask (at most {_SOFT:.0%} between); it may be a photograph or a probability map: cut it"
        )
    for path, one in seen.items():
        if any(_NOISE * white < level < (1 - _NOISE) * white for level in one.areas):
            raise UserError(
                f"mask {path}: areas of the levels {_said(one.areas[:_NAMED])} found, expected black and white; "
                f"{_way_out(list(one.areas))}"
            )
    brightest = max(seen, key=lambda path: seen[path].brightest)
    if seen[brightest].brightest < white - white // 8:
        raise UserError(
            f"masks in {brightest.parent}: levels up to {seen[brightest].brightest} found ({brightest.name}), expected "
            f"black and white (0 and {white}); stretch them, or save them as 0 and one more level"
        )
    return Form(None)


def look(path: Path) -> Seen:
    """What a mask file holds. Raises UserError where it does not decode, or is no picture in grey."""
    stored = read_levels(path)
    grey = grey_levels(stored, path)
    found = np.unique(grey)
    many = len(found) > _NAMED
    return Seen(
        levels=None if many else tuple(int(level) for level in found),
        white=stored.white,
        brightest=int(found[-1]),
        between=float(_is_between(grey, stored.white).mean()),
        areas=_areas(grey) if many else (),
        palette=stored.coloured,
    )


def grey_levels(stored: Levels, path: Path) -> npt.NDArray[Any]:
    """Levels (H, W) of a mask file, as stored: of grey, or a palette's indices.

    Raises UserError where its pixels are coloured, or all of its shape is in the alpha channel.
    """
    levels = stored.pixels
    if levels.ndim == 2:
        return levels
    alpha = levels.shape[2] in (2, 4)
    # Whole numbers of 8 or 16 bits, three channels or one.
    colours = levels[..., : 3 if levels.shape[2] > 2 else 1].astype(np.int32)
    spread = colours.max(axis=2) - colours.min(axis=2)
    if spread.any():
        few = len(np.unique(colours.reshape(-1, colours.shape[2]) @ (1, 1 << 16, 1 << 8))) <= _NAMED
        share = float((spread > (0 if few else _TINGE * stored.white)).mean())
        if share > (0 if few else COLOURED_SHARE):
            raise _coloured(path, share)
    if alpha and len(np.unique(colours)) == 1 and len(np.unique(levels[..., -1])) > 1:
        raise UserError(
            f"mask {path}: one colour everywhere and all of its shape in the alpha channel, expected it in "
            "levels of grey; flatten it onto black"
        )
    return np.ascontiguousarray(levels[..., 0])


def _coloured(path: Path, share: float) -> UserError:
    return UserError(
        f"mask {path}: {max(share, 0.001):.1%} of its pixels are coloured, expected levels of grey; "
        "save the mask as grey or, where it has a palette, say what its indices mean: --labels 1=skin,0=background"
    )


def _areas(grey: npt.NDArray[Any]) -> tuple[int, ...]:
    """The levels that at least `_AREA` of the pixels have in common with those to their right and below."""
    same = (grey[:-1, :-1] == grey[1:, :-1]) & (grey[:-1, :-1] == grey[:-1, 1:])
    found, counts = np.unique(grey[:-1, :-1][same], return_counts=True)
    return tuple(int(level) for level in found[counts >= _AREA * grey.size])


def _is_between(levels: npt.NDArray[Any], white: int) -> npt.NDArray[np.bool_]:
    """Levels between black and white, by a margin that resampled and compressed masks need."""
    return np.asarray((levels > white // 8) & (levels < white - white // 8))


def _said(levels: Iterable[int]) -> str:
    return ", ".join(map(str, levels))


def _way_out(levels: list[int]) -> str:
    meanings = zip(levels, ("background", "skin", "ignore"), strict=False)
    example = ",".join(f"{level}={meaning}" for level, meaning in meanings)
    return f"say what they mean, for instance --labels {example} (--data.labels in training)"
