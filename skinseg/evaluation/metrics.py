"""Every metric as a reduction of result rows; names say which convention was used.

Per image, over non-ignored pixels:
    iou                  TP / (TP + FP + FN)
    iou_background       TN / (TN + FP + FN)
    iou_with_background  (iou + iou_background) / 2
    accuracy             (TP + TN) / (TP + FP + FN + TN)
    f1                   2 TP / (2 TP + FP + FN), the Dice coefficient
A ratio of zero to zero is 1: nothing was there and nothing was claimed.

`*_image_mean` averages over images; `*_pooled` adds up all pixels first, so large images and large skin
areas weigh more. docs/metrics.md says why the image mean is printed first.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
FEW_IMAGES = 20
"""Below this many images a mean says little; reports mark it."""


def with_metrics(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (any frame with tp, fp, fn, tn) plus a float column in [0, 1] per metric named above."""
    tp, fp, fn, tn = (rows[name].to_numpy(np.float64) for name in ("tp", "fp", "fn", "tn"))
    return rows.assign(**_ratios(tp, fp, fn, tn))


def reduce(rows: pd.DataFrame, by: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """One line per group of rows, sorted by the group's keys; rows with a missing key are left out.

    rows: `skinseg.evaluation.rows.as_frame`, one head per group (put "head" into `by`).
    seed: of the bootstrap; the same rows and seed give the same interval, whatever else is in the frame.

    Columns after the keys: images, subjects (0 where unknown), empty_on_empty (images without foreground on
    which none was predicted; each counts 1), iou_image_mean, iou_image_mean_low, iou_image_mean_high (95 %
    interval, see `bootstrap_interval`; over subjects where every image has one), resampled ("images" or
    "subjects"), then the other `*_image_mean` and `*_pooled`.
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


def bootstrap_interval(
    values: Floats,
    units: Sequence[str] | None,
    generator: np.random.Generator,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values`, float (n,) (Efron and Tibshirani 1993, ch. 13).

    units: one name per value; values of one name are drawn together, because two pictures of one person are
    not two independent observations. None draws single values. With fewer than two units both ends are NaN:
    the spread is unknown, not zero.
    """
    codes = np.arange(len(values)) if units is None else pd.factorize(np.asarray(units, dtype=object))[0]
    sums = np.bincount(codes, weights=values)
    sizes = np.bincount(codes)
    if len(sums) < 2:
        return float("nan"), float("nan")
    # How often each unit is drawn, (resamples, units): the mean of a resample is a ratio of two products.
    drawn = generator.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=resamples)
    means = (drawn @ sums) / (drawn @ sizes)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _reduce_group(group: pd.DataFrame, generator: np.random.Generator) -> dict[str, object]:
    tp, fp, fn, tn = (np.array([group[name].sum()], np.float64) for name in ("tp", "fp", "fn", "tn"))
    pooled = {name: float(value[0]) for name, value in _ratios(tp, fp, fn, tn).items()}
    known = bool(group["subject"].notna().all())
    subjects = group["subject"].astype(str).tolist() if known else None
    low, high = bootstrap_interval(group["iou"].to_numpy(np.float64), subjects, generator)
    return {
        "images": len(group),
        "subjects": len(set(subjects)) if subjects else 0,
        "empty_on_empty": int(((group["tp"] + group["fp"] + group["fn"]) == 0).sum()),
        "iou_image_mean": float(group["iou"].mean()),
        "iou_image_mean_low": low,
        "iou_image_mean_high": high,
        "resampled": "subjects" if known else "images",
        "iou_pooled": pooled["iou"],
        "iou_with_background_image_mean": float(group["iou_with_background"].mean()),
        "accuracy_image_mean": float(group["accuracy"].mean()),
        "accuracy_pooled": pooled["accuracy"],
        "f1_image_mean": float(group["f1"].mean()),
        "f1_pooled": pooled["f1"],
    }


def _ratios(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> dict[str, Floats]:
    wrong = fp + fn
    iou = _ratio(tp, tp + wrong)
    background = _ratio(tn, tn + wrong)
    return {
        "iou": iou,
        "iou_background": background,
        "iou_with_background": (iou + background) / 2,
        "accuracy": _ratio(tp + tn, tp + tn + wrong),
        "f1": _ratio(2 * tp, 2 * tp + wrong),
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.ones_like(whole, dtype=np.float64), where=whole > 0)
