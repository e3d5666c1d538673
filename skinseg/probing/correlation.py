"""Does a dimension of an audit say how well what was trained on a set does on photographs?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau, pearsonr, spearmanr

from skinseg.evaluation.bootstrap import Floats, interval
from skinseg.probing.streams import Part, stream

RESAMPLES = 1000
RIDGE = 1.0  # of the combined score, on standardised dimensions


@dataclass(frozen=True)
class Correlation:
    """Spearman's, Kendall's and Pearson's correlation of a dimension with transfer, over variants, each with its 95 %
    interval by resampling variants; NaN where one of both does not vary."""

    dimension: str
    srcc: tuple[float, float, float]
    krcc: tuple[float, float, float]
    plcc: tuple[float, float, float]


@dataclass(frozen=True)
class Foretold:
    """Root mean squared error of transfer foretold for each variant from the others: by their mean, by the dimension
    that goes best with it among them, and by all dimensions (ridge)."""

    mean: float
    single: float
    combined: float

    @property
    def combining_pays(self) -> bool:
        return self.combined < min(self.single, self.mean)


def correlations(
    dimensions: Sequence[Mapping[str, float]], transfer: Sequence[float], seed: int = 0
) -> list[Correlation]:
    """Every dimension that all variants have, the highest |SRCC| first; transfer: a score per variant."""
    values = np.asarray(transfer, np.float64)
    names = [name for name in dimensions[0] if all(_is_there(each.get(name)) for each in dimensions)]
    rng = stream(Part.BOOTSTRAP, seed)
    drawn = rng.integers(len(values), size=(RESAMPLES, len(values)))
    found = []
    for name in names:
        column = np.array([each[name] for each in dimensions])
        found.append(Correlation(name, *(_with_interval(kind, column, values, drawn) for kind in _KINDS)))
    return sorted(found, key=lambda each: (-np.nan_to_num(abs(each.srcc[0])), each.dimension))


def foretold(dimensions: Sequence[Mapping[str, float]], transfer: Sequence[float]) -> Foretold:
    """How well transfer is foretold, leaving one variant out."""
    values = np.asarray(transfer, np.float64)
    names = [name for name in dimensions[0] if all(_is_there(each.get(name)) for each in dimensions)]
    table = np.array([[each[name] for name in names] for each in dimensions]).reshape(len(values), -1)
    errors: list[tuple[float, float, float]] = []
    for out in range(len(values)):
        rest = np.arange(len(values)) != out
        inputs, known = table[rest], values[rest]
        centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
        scale = np.where(scale > 1e-12, scale, 1.0)
        inputs, asked, mean = (inputs - centre) / scale, (table[out] - centre) / scale, known.mean()
        slopes = inputs.T @ (known - mean) / len(known)  # of single standardised dimensions: their covariance
        best = int(np.abs(slopes).argmax()) if len(names) else 0
        single = mean + (slopes[best] * asked[best] if len(names) else 0.0)
        gram = inputs @ inputs.T + RIDGE * np.eye(len(known))
        combined = mean + asked @ inputs.T @ np.linalg.solve(gram, known - mean)
        errors.append((mean - values[out], single - values[out], float(combined) - values[out]))
    mean_error, single_error, combined_error = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    return Foretold(float(mean_error), float(single_error), float(combined_error))


def _srcc(one: Floats, other: Floats) -> float:
    return float(spearmanr(one, other).statistic)


def _krcc(one: Floats, other: Floats) -> float:
    return float(kendalltau(one, other).statistic)


def _plcc(one: Floats, other: Floats) -> float:
    return float(pearsonr(one, other).statistic)


_KINDS = (_srcc, _krcc, _plcc)


def _with_interval(
    kind: Callable[[Floats, Floats], float], one: Floats, other: Floats, drawn: npt.NDArray[np.int64]
) -> tuple[float, float, float]:
    def of(one: Floats, other: Floats) -> float:
        return kind(one, other) if np.ptp(one) > 0 and np.ptp(other) > 0 else float("nan")

    low, high = interval(np.array([of(one[places], other[places]) for places in drawn]))
    return of(one, other), float(low), float(high)


def _is_there(value: float | None) -> bool:
    return value is not None and value == value
