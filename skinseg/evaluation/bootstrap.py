"""The one bootstrap: what is drawn, how often, and which part of what comes out is an interval.

Percentile bootstrap (Efron and Tibshirani 1993, ch. 13), of the images or, where they are known, of the subjects.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
LEVEL = (0.025, 0.975)
"""Quantiles of the resampled statistic that bound a 95 % interval."""


def units_of(rows: pd.DataFrame) -> list[str]:
    """What a bootstrap draws together, a name per row: the subject where it is known, else the image.

    Two pictures of one person are not two independent observations. A subject's name counts within its set.
    """
    names = rows["subject"].where(rows["subject"].notna(), "image " + rows["image"].astype(str))
    return [f"{test_set}/{name}" for test_set, name in zip(rows["test_set"], names, strict=True)]


def codes_of(units: Sequence[str]) -> npt.NDArray[np.intp]:
    """A unit's number per name, in the order in which they first appear."""
    return pd.factorize(np.asarray(units, dtype=object))[0]


def draws(units: int, generator: np.random.Generator, resamples: int = RESAMPLES) -> Floats:
    """How often each unit is drawn, (resamples, units); no resamples of fewer than two units."""
    count = resamples if units > 1 else 0
    return generator.multinomial(units, np.full(units, 1 / units), size=count).astype(np.float64)


def resampled_means(
    values: Floats, units: Sequence[str] | None, generator: np.random.Generator, resamples: int = RESAMPLES
) -> Floats:
    """The mean of `values`, float (n,), in each resample, (resamples,); empty with fewer than two units.

    units: one name per value; values of one name are drawn together. None draws single values.
    """
    codes = np.arange(len(values)) if units is None else codes_of(units)
    sums, sizes = np.bincount(codes, weights=values), np.bincount(codes)
    drawn = draws(len(sums), generator, resamples)
    means: Floats = (drawn @ sums) / (drawn @ sizes)
    return means


def interval(resampled: Floats, method: Literal["linear", "higher"] = "linear") -> Floats:
    """Low and high end, (2, ...), of the middle 95 % of a statistic, (resamples, ...).

    Resamples in which it is NaN do not count; both ends are NaN where it is in all of them, or there are none.
    method: "higher" takes values that are there, for a statistic that may be infinite.
    """
    undefined = np.isnan(resampled).all(axis=0)
    if not len(resampled):
        return np.full((2, *undefined.shape), np.nan)
    ends = np.nanquantile(np.where(undefined, 0.0, resampled), LEVEL, axis=0, method=method)
    return np.where(undefined, np.nan, ends)


def bootstrap_interval(
    values: Floats, units: Sequence[str] | None, generator: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % interval of the mean of `values`, float (n,); see `resampled_means`.

    With fewer than two units both ends are NaN: the spread is unknown, not zero.
    """
    low, high = interval(resampled_means(values, units, generator, resamples))
    return float(low), float(high)
