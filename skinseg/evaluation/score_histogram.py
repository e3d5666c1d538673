"""How many pixels got which probability: enough for precision, recall and average precision at any later time."""

import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Mask

BINS = 128
"""Bins of equal width from 0 to 1. A power of two, so that float32 bounds are exact and one of them is 0.5."""

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def score_histogram(
    probability: npt.NDArray[np.float32], mask: Mask
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Pixels per bin: of the foreground, and of the background; ignored pixels are in neither.

    probability: float32 (H, W) in [0, 1]. mask: uint8 (H, W) in {0, 1, 255}. Bin b holds b / BINS to
    (b + 1) / BINS, its upper bound only in the last.
    """
    bins = np.minimum(probability * BINS, BINS - 1).astype(np.uint8)
    positive = np.bincount(bins[mask == FOREGROUND], minlength=BINS)
    ignored = np.bincount(bins[mask == IGNORE], minlength=BINS)
    negative = np.bincount(bins.reshape(-1), minlength=BINS) - positive - ignored
    return tuple(positive.tolist()), tuple(negative.tolist())


def average_precision(positives: npt.ArrayLike, negatives: npt.ArrayLike) -> Floats:
    """Sum of (R_k - R_k-1) P_k over the bins' lower bounds as thresholds, from high to low, float (...).

    positives, negatives: pixels per bin (..., BINS). NaN where there is no positive: recall is then undefined.
    Pixels of one bin are tied, as if the model had said only 128 different things.
    """
    found = np.cumsum(np.asarray(positives, np.float64)[..., ::-1], axis=-1)
    claimed = found + np.cumsum(np.asarray(negatives, np.float64)[..., ::-1], axis=-1)
    precision = np.divide(found, claimed, out=np.zeros_like(found), where=claimed > 0)
    total = found[..., -1]
    weighted = np.sum(np.diff(found, axis=-1, prepend=0) * precision, axis=-1)
    result: Floats = np.divide(weighted, total, out=np.full_like(total, np.nan), where=total > 0)
    return result
