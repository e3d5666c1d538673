"""What a changed factor does to the IoU: paired effects over scenes, beside the interval of unpaired frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinseg.evaluation.bootstrap import Floats, draws, interval
from skinseg.probing.streams import Part, stream


@dataclass(frozen=True)
class Effect:
    """Mean difference of the IoU between a level and what it is held against, over the scenes that have both.

    low, high: its 95 % interval, of the scenes, each with both of its frames. unpaired: the width of the interval where
    as many frames on either side were of other scenes. mean: the level's own mean IoU over these scenes.
    """

    factor: str
    level: str
    against: str
    mean: float
    value: float
    low: float
    high: float
    unpaired: float
    scenes: int

    @property
    def width(self) -> float:
        return self.high - self.low


def paired(factor: str, level: str, against: str, values: Floats, others: Floats, seed: int) -> Effect:
    """The effect of `level` from the IoU of the same scenes in it and in the other, float (n,) each."""
    if not len(values):
        nothing = float("nan")
        return Effect(factor, level, against, nothing, nothing, nothing, nothing, nothing, 0)
    rng = stream(Part.BOOTSTRAP, seed)
    drawn = draws(len(values), rng)
    low, high = interval(_means(drawn, values - others))
    apart = interval(_means(drawn, values) - _means(draws(len(values), rng), others))
    return Effect(
        factor=factor,
        level=level,
        against=against,
        mean=float(values.mean()),
        value=float((values - others).mean()),
        low=float(low),
        high=float(high),
        unpaired=float(apart[1] - apart[0]),
        scenes=len(values),
    )


def effects(factor: str, iou: dict[str, Floats], reference: str | None, seed: int = 0) -> list[Effect]:
    """Every level of a factor, the worst first. iou: per level, float (scenes,), NaN where a scene has no such frame.

    reference: the level that the others are held against; None: the mean of all levels, over the scenes that have all.
    """
    if reference is None:
        table = np.stack(list(iou.values()))
        table = table[:, ~np.isnan(table).any(axis=0)]
        against = table.mean(axis=0)
        found = [
            paired(factor, level, "the mean of all", values, against, seed)
            for level, values in zip(iou, table, strict=True)
        ]
    else:
        found = []
        for level, values in iou.items():
            both = ~np.isnan(values) & ~np.isnan(iou[reference])
            if level != reference:
                found.append(paired(factor, level, reference, values[both], iou[reference][both], seed))
    return sorted(found, key=lambda each: (np.nan_to_num(each.value), each.level))


def gap(factor: str, iou: dict[str, Floats], seed: int = 0) -> Effect | None:
    """The best level against the worst, as the same scenes have them; None where no scene has all levels.

    Which are the best and the worst is read off the same frames, so this is a little too large where there is none.
    """
    table = np.stack(list(iou.values()))
    table = table[:, ~np.isnan(table).any(axis=0)]
    if not table.shape[1]:
        return None
    means, levels = table.mean(axis=1), list(iou)
    best, worst = int(means.argmax()), int(means.argmin())
    return paired(factor, levels[best], levels[worst], table[best], table[worst], seed)


def ranked(found: Sequence[Effect]) -> list[Effect]:
    """Effects by size, whatever their sign; those of no scene last."""
    return sorted(found, key=lambda each: -np.nan_to_num(abs(each.value)))


def _means(drawn: Floats, values: Floats) -> Floats:
    means: Floats = drawn @ values / len(values)
    return means
