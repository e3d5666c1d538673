"""Scores of a study's cells: means over seeds and images, with intervals over both."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from skinseg.evaluation.bootstrap import RESAMPLES, Floats, draws, interval, units_of
from skinseg.evaluation.metrics import Difference, with_metrics

HEAD = "skin"
METRICS = {"iou": "IoU", "accuracy": "accuracy", "f1": "F1"}


class Scores:
    """What each cell reached. rows: `skinseg.evaluation.rows.as_frame` by cell name, of all its seeds.

    A mean is over images, each averaged over the seeds first. Its 95 % interval is a percentile bootstrap that draws
    seeds and, independently, subjects (images where no subject is known), `RESAMPLES` times: the crossed, or
    two-way, cluster bootstrap (Owen 2007), which is on the wide side. With one seed it is over subjects or images only.
    """

    def __init__(self, rows: Mapping[str, pd.DataFrame]) -> None:
        self.rows = {
            cell: with_metrics(part[part["head"] == HEAD]).assign(unit=lambda part: units_of(part))
            for cell, part in rows.items()
        }

    def matrix(
        self, cell: str, test_set: str, metric: str = "iou", tone: int | None = None
    ) -> pd.DataFrame | None:
        """Values by (unit, image), a column per seed; None where there are none."""
        part = self.rows.get(cell)
        if part is None:
            return None
        part = part[part["test_set"] == test_set]
        if tone is not None:
            part = part[part["tone"] == tone]
        if part.empty:
            return None
        return part.pivot_table(index=["unit", "image"], columns="seed", values=metric).sort_index()

    def people(self, test_set: str) -> int:
        """How many subjects a test set shows, where all its images name theirs; else 0."""
        subjects = pd.concat([part[part["test_set"] == test_set]["subject"] for part in self.rows.values()])
        return 0 if subjects.isna().any() else int(subjects.nunique())

    def mean(
        self, cell: str, test_set: str, metric: str = "iou", tone: int | None = None
    ) -> Difference | None:
        """A cell's mean, or None where it was not scored there."""
        found = self.matrix(cell, test_set, metric, tone)
        return None if found is None else estimate([found], lambda means: means[0])

    def seeds_sd(self, cell: str, test_set: str, metric: str = "iou", tone: int | None = None) -> float:
        """Standard deviation over seeds of the mean over images; NaN of one seed."""
        found = self.matrix(cell, test_set, metric, tone)
        return float("nan") if found is None else float(found.mean().std(ddof=1))

    def difference(
        self, first: str, second: str, test_set: str, metric: str = "iou", tone: int | None = None
    ) -> Difference | None:
        """First minus second, on the same images and, where both have them, the same seeds."""
        found = [self.matrix(cell, test_set, metric, tone) for cell in (first, second)]
        if any(each is None for each in found):
            return None
        return estimate([each for each in found if each is not None], lambda means: means[0] - means[1])


def estimate(
    cells: Sequence[pd.DataFrame], statistic: Callable[[Sequence[Floats]], Floats]
) -> Difference | None:
    """A statistic of the cells' means, with its interval: all cells are drawn together.

    cells: matrices as `Scores.matrix`; only images that all have count. statistic: from float (n,) per cell to (n,).
    """
    shared = cells[0].index
    for each in cells[1:]:
        shared = shared.intersection(each.index)
    if not len(shared):
        return None
    shared = shared.sort_values()
    value = statistic([np.array([each.loc[shared].to_numpy(np.float64).mean()]) for each in cells])
    low, high = interval(statistic(drawn_means(cells, shared)))
    return Difference(float(value[0]), float(low), float(high), len(shared))


def drawn_means(cells: Sequence[pd.DataFrame], shared: "pd.MultiIndex | pd.Index") -> list[Floats]:
    """Resampled means, float (RESAMPLES,) per cell; empty where there are fewer than two units."""
    generator = np.random.default_rng([0])
    codes, units = pd.factorize(shared.get_level_values("unit"))
    weights = draws(len(units), generator)[:, codes]
    by_seeds: dict[tuple[object, ...], Floats] = {}
    means = []
    for each in cells:
        seeds: tuple[object, ...] = tuple(each.columns)
        if seeds not in by_seeds:
            # One seed is all there is to draw.
            drawn = draws(len(seeds), generator) if len(seeds) > 1 else np.ones((RESAMPLES, 1))
            by_seeds[seeds] = drawn[: len(weights)] / len(seeds)
        by_image = by_seeds[seeds] @ each.loc[shared].to_numpy(np.float64).T
        means.append((by_image * weights).sum(axis=1) / weights.sum(axis=1))
    return means


def needed(score: Floats, counts: Sequence[float], curve: Sequence[Floats]) -> Floats:
    """How many images the other curve needs for a score: log-linear between its points, float (n,).

    score: (n,). counts: rising, of the curve's points. curve: (n,) per point. The first point that reaches the score
    ends the search; below the first point the answer is the first count, above all of them infinity; of NaN it is NaN.
    """
    result = np.where(score <= curve[0], float(counts[0]), np.inf)
    for (low, high), (before, after) in zip(pairwise(counts), pairwise(curve), strict=True):
        crosses = np.isinf(result) & (after >= score)
        share = np.divide(score - before, after - before, out=np.ones_like(score), where=after > before)
        reached = np.exp(np.log(low) + share.clip(0, 1) * (np.log(high) - np.log(low)))
        result = np.where(crosses, reached, result)
    return np.where(np.isnan(score), np.nan, result)


def images_saved(
    scores: Scores, with_: Sequence[str], without: Sequence[str], counts: Sequence[float], test_set: str
) -> list[tuple[float, float, float] | None]:
    """For each count: how many times its images the training without needs for the same mIoU, with its interval.

    Infinite where no count reaches it; at the first count a factor below 1 is not told from 1.
    """
    cells = [scores.matrix(cell, test_set) for cell in (*with_, *without)]
    found = [each for each in cells if each is not None]
    if len(found) < len(cells):
        return [None] * len(counts)
    shared = found[0].index
    for each in found[1:]:
        shared = shared.intersection(each.index)
    shared = shared.sort_values()
    means = [np.array([each.loc[shared].to_numpy(np.float64).mean()]) for each in found]
    drawn = drawn_means(found, shared)
    result: list[tuple[float, float, float] | None] = []
    for i, count in enumerate(counts):
        value = needed(means[i], counts, means[len(counts) :])[0] / count
        # By rank: a mean of infinity and a number is none.
        low, high = interval(needed(drawn[i], counts, drawn[len(counts) :]) / count, "higher")
        result.append((float(value), float(low), float(high)))
    return result
