"""Every metric as a reduction of result rows; names say which convention was used.

Per image, over non-ignored pixels:
    iou                  TP / (TP + FP + FN)
    iou_background       TN / (TN + FP + FN)
    iou_with_background  (iou + iou_background) / 2
    accuracy             (TP + TN) / (TP + FP + FN + TN)
    f1                   2 TP / (2 TP + FP + FN), the Dice coefficient
    precision, recall    TP / (TP + FP), TP / (TP + FN)
    boundary_f1          harmonic mean of the shares of predicted contour that is right and of true contour that
                         was found (`skinseg.evaluation.contour`)
    average_precision    of the histogram of scores (`skinseg.evaluation.score_histogram`)
    outside_person       share of the predicted skin where the model sees no person
Where neither the image nor the prediction has foreground, a ratio of zero to zero is 1: nothing was there and
nothing was claimed. Where only one of them has, precision, recall and boundary_f1 are 0. Average precision is
undefined (NaN) without foreground, the share outside the person without predicted skin: such images are left
out of their mean.

`*_image_mean` averages over images; `*_pooled` adds up all pixels first, so large images and large skin
areas weigh more. docs/metrics.md says why the image mean is printed first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from skinseg.evaluation.bootstrap import Floats, bootstrap_interval, codes_of, draws, interval, units_of
from skinseg.evaluation.score_histogram import BINS, average_precision

FEW_IMAGES = 20
"""Below this many images a mean says little; reports mark it."""

IMAGE_METRICS = (
    "iou",
    "iou_with_background",
    "accuracy",
    "f1",
    "precision",
    "recall",
    "boundary_f1",
    "average_precision",
    "outside_person",
)
"""The columns of `with_metrics` that `reduce` averages."""

_COUNTS = ("tp", "fp", "fn", "tn")


def with_metrics(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (`skinseg.evaluation.rows.as_frame`) plus a float column per metric named above, and `skin_share`, the
    share of the non-ignored pixels that are true foreground (NaN where all are ignored)."""
    tp, fp, fn, tn = (rows[name].to_numpy(np.float64) for name in _COUNTS)
    true, found, predicted, right = (
        rows[f"contour_{name}"].to_numpy(np.float64) for name in ("true", "found", "predicted", "right")
    )
    outside = rows["outside_person"].to_numpy(np.float64, na_value=np.nan)
    positives, negatives = _histograms(rows)
    return rows.assign(
        **ratios(tp, fp, fn, tn),
        # The harmonic mean of right / predicted and found / true, which is also right where one of them is 0 / 0.
        boundary_f1=np.where(
            true + predicted == 0, 1.0, _ratio(2 * right * found, right * true + found * predicted, 0.0)
        ),
        average_precision=average_precision(positives, negatives),
        outside_person=_ratio(outside, tp + fp, np.nan),
        outside_pixels=outside,
        skin_share=_ratio(tp + fn, tp + fp + fn + tn, np.nan),
    )


def ratios(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> dict[str, Floats]:
    """The metrics that are ratios of confusion counts, by name; arrays of one shape in, and out."""
    wrong = fp + fn
    empty = np.where(tp + wrong == 0, 1.0, 0.0)
    iou = _ratio(tp, tp + wrong, 1.0)
    background = _ratio(tn, tn + wrong, 1.0)
    return {
        "iou": iou,
        "iou_background": background,
        "iou_with_background": (iou + background) / 2,
        "accuracy": _ratio(tp + tn, tp + tn + wrong, 1.0),
        "f1": _ratio(2 * tp, 2 * tp + wrong, 1.0),
        "precision": _ratio(tp, tp + fp, empty),
        "recall": _ratio(tp, tp + fn, empty),
    }


def reduce(rows: pd.DataFrame, by: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """One line per group of rows, sorted by the group's keys; rows with a missing key are left out.

    rows: `skinseg.evaluation.rows.as_frame`, one head per group (put "head" into `by`).
    seed: of the bootstrap; the same rows and seed give the same intervals, whatever else is in the frame.

    Columns after the keys: images, subjects (0 where unknown), resampled ("images", "subjects", or both where
    some images have no subject), empty_on_empty (images without foreground on which none was predicted), then
    for each metric `<metric>_image_mean` and `<metric>_pooled` (but boundary_f1, which is never pooled), each
    with its 95 % interval in `_low` and `_high`. The intervals of one line come from the same resamples.
    """
    measured = with_metrics(rows)
    lines = []
    for key, group in measured.groupby(list(by), sort=True, observed=True):
        lines.append(dict(zip(by, key, strict=True)) | _reduce_group(group, np.random.default_rng([seed])))
    return pd.DataFrame(lines)


def by_test_set(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """`reduce` per run, test set, subset and head."""
    return reduce(rows, ("run", "test_set", "subset", "head"), seed)


def by_tone(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """`reduce` per run, test set, subset, head, tone_source and tone: labelled and estimated stay apart."""
    return reduce(rows, ("run", "test_set", "subset", "head", "tone_source", "tone"), seed)


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its 95 % interval (NaN where unknown), over `images` images."""

    value: float
    low: float
    high: float
    images: int


def paired_difference(first: pd.DataFrame, second: pd.DataFrame, seed: int = 0) -> Difference | None:
    """Mean over images of the IoU of `first` minus that of `second`, on the images that both have.

    first, second: rows of one test set and head each, of one or more runs (seeds) of the same kind: an image's
    IoU is averaged over them first, because seeds of one image are not independent images. The bootstrap draws
    pairs, over subjects where they are known. None where the two share no image.
    """
    means = [with_metrics(rows).groupby("image")["iou"].mean() for rows in (first, second)]
    shared = means[0].index.intersection(means[1].index).sort_values()
    if not len(shared):
        return None
    units = dict(zip(first["image"], units_of(first), strict=True))
    difference = (means[0][shared] - means[1][shared]).to_numpy(np.float64)
    generator = np.random.default_rng([seed])
    low, high = bootstrap_interval(difference, [units[image] for image in shared], generator)
    return Difference(float(difference.mean()), low, high, len(shared))


@dataclass(frozen=True)
class ToneGap:
    """The best tone group's mIoU minus the worst's, of groups `best` and `worst` (1-6), with its 95 % interval.

    few: one of the groups has fewer than `FEW_IMAGES` images. The interval is that of these two groups: that
    they were chosen for being best and worst is not in it, so it is too sure of a gap.
    """

    gap: Difference
    best: int
    worst: int
    worst_value: float
    few: bool


def tone_gap(rows: pd.DataFrame, seed: int = 0) -> ToneGap | None:
    """The gap between tone groups, of rows of one run, head and tone source.

    Groups of fewer than `FEW_IMAGES` images only count where fewer than two groups have more. None where there
    are not two groups.
    """
    measured = with_metrics(rows[rows["tone"].notna()])
    sizes = measured.groupby("tone").size()
    kept = sizes[sizes >= FEW_IMAGES] if (sizes >= FEW_IMAGES).sum() > 1 else sizes
    if len(kept) < 2:
        return None
    means = measured[measured["tone"].isin(kept.index)].groupby("tone")["iou"].mean()
    tones = means.index.to_numpy(np.int64)
    best, worst = int(tones[means.argmax()]), int(tones[means.argmin()])
    pair = measured[measured["tone"].isin([best, worst])]
    codes = codes_of(units_of(pair))
    drawn = draws(codes.max() + 1, np.random.default_rng([seed]))
    resampled = []
    for tone in (best, worst):
        inside = (pair["tone"] == tone).to_numpy(np.float64)
        if len(set(codes[inside > 0])) < 2:  # one person's spread is unknown, and with it the gap's
            resampled.append(np.full(len(drawn), np.nan))
            continue
        sums = np.bincount(codes, weights=inside * pair["iou"].to_numpy(np.float64))
        # A resample that drew none of the group has no mean, and counts in no interval.
        resampled.append(_ratio(drawn @ sums, drawn @ np.bincount(codes, weights=inside), np.nan))
    low, high = interval(resampled[0] - resampled[1])
    value = float(means[best] - means[worst])
    few = bool(kept[[best, worst]].min() < FEW_IMAGES)
    return ToneGap(
        Difference(value, float(low), float(high), len(pair)), best, worst, float(means[worst]), few
    )


def _reduce_group(group: pd.DataFrame, generator: np.random.Generator) -> dict[str, object]:
    named = group["subject"].notna()
    codes = codes_of(units_of(group))
    drawn = draws(codes.max() + 1, generator)
    once = np.ones((1, codes.max() + 1))  # every unit drawn once: the sample itself
    line: dict[str, object] = {
        "images": len(group),
        "subjects": int(group.loc[named, "subject"].nunique()),
        "resampled": "subjects" if named.all() else "subjects and images" if named.any() else "images",
        "empty_on_empty": int(((group["tp"] + group["fp"] + group["fn"]) == 0).sum()),
    }
    values = group[list(IMAGE_METRICS)].to_numpy(np.float64)
    defined = ~np.isnan(values)
    sums, sizes = _add(np.where(defined, values, 0), codes), _add(defined, codes)
    columns = {f"{name}_image_mean": i for i, name in enumerate(IMAGE_METRICS)}
    means = _with_intervals(lambda d: _ratio(d @ sums, d @ sizes, np.nan), once, drawn)
    line |= {f"{name}{end}": float(part[i]) for name, i in columns.items() for end, part in means.items()}

    counts = group[[*_COUNTS, "outside_pixels"]].to_numpy(np.float64)
    totals = _add(np.concatenate([np.nan_to_num(counts), *_histograms(group)], axis=1), codes)
    knows_person = bool(group["outside_pixels"].notna().any())

    def pooled(draws: Floats) -> Floats:
        added = draws @ totals
        tp, fp, fn, tn, outside = added[:, :5].T
        result = ratios(tp, fp, fn, tn)
        result["average_precision"] = average_precision(added[:, 5 : 5 + BINS], added[:, 5 + BINS :])
        share = _ratio(outside, tp + fp, np.nan)
        result["outside_person"] = share if knows_person else np.full_like(share, np.nan)
        return np.stack([result[name] for name in POOLED_METRICS], axis=1)

    parts = _with_intervals(pooled, once, drawn)
    line |= {
        f"{name}_pooled{end}": float(part[i])
        for i, name in enumerate(POOLED_METRICS)
        for end, part in parts.items()
    }
    return line


POOLED_METRICS = tuple(name for name in IMAGE_METRICS if name != "boundary_f1")


def _with_intervals(statistic: Callable[[Floats], Floats], once: Floats, drawn: Floats) -> dict[str, Floats]:
    """A statistic (resamples, units) -> (resamples, metrics) of the sample, and its interval's two ends."""
    low, high = interval(statistic(drawn))
    return {"": statistic(once)[0], "_low": low, "_high": high}


def _add(values: npt.NDArray[np.generic], codes: npt.NDArray[np.intp]) -> Floats:
    """Sums of the rows of `values` (n, k) with the same code: float (units, k)."""
    sums = np.zeros((codes.max() + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _histograms(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """Positives and negatives, float (rows, BINS)."""
    positives, negatives = (
        np.array(rows[name].tolist(), np.float64).reshape(-1, BINS) for name in ("positives", "negatives")
    )
    return positives, negatives


def _ratio(part: Floats, whole: Floats, otherwise: Floats | float) -> Floats:
    """part / whole, and `otherwise` where whole is 0 (or below)."""
    filled = np.broadcast_to(np.asarray(otherwise, np.float64), np.shape(whole)).copy()
    result: Floats = np.divide(part, whole, out=filled, where=whole > 0)
    return result
