"""The same predictions under the conventions that others publish: which of our numbers to compare with which.

Each line is a reduction of the confusion counts of one run, test set and head. tests/test_evaluation_conventions.py
computes the same with the packages that are named, on random, empty and full masks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from skinseg.evaluation.metrics import ratios

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Confusion counts per image, float (images,)."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    def pooled(self) -> "Counts":
        """The counts added up over all images, float (1,)."""
        return Counts(*(values.sum(keepdims=True) for values in (self.tp, self.fp, self.fn, self.tn)))

    def background(self) -> "Counts":
        """The counts of the background as the class that is looked for."""
        return Counts(self.tn, self.fn, self.fp, self.tp)

    def ratio(self, name: str) -> Floats:
        """A metric of `skinseg.evaluation.metrics.ratios`."""
        return ratios(self.tp, self.fp, self.fn, self.tn)[name]

    def iou_where_something_is(self) -> Floats:
        """IoU, NaN where neither the mask nor the prediction has the class."""
        return np.where(self.tp + self.fp + self.fn > 0, self.ratio("iou"), np.nan)

    def where_labelled(self, name: str) -> Floats:
        """A metric, NaN where the mask lacks the class."""
        return np.where(self.tp + self.fn > 0, self.ratio(name), np.nan)

    def over_both_classes(self, name: str) -> tuple[Floats, Floats]:
        """A metric of the background and of the foreground."""
        return self.background().ratio(name), self.ratio(name)

    def micro(self) -> Floats:
        """IoU of the counts of both classes added up: (TP + TN) / (TP + TN + 2 (FP + FN))."""
        right, wrong = self.tp + self.tn, self.fp + self.fn
        return Counts(right, wrong, wrong, right).ratio("iou")


@dataclass(frozen=True)
class Convention:
    """definition: in words. publishers: who prints this number, as they call it. value: of the images' counts."""

    definition: str
    publishers: tuple[str, ...]
    value: Callable[[Counts], float]


def _mean(*values: Floats) -> float:
    """Of all values that are defined; NaN where none is."""
    every = np.concatenate(values)
    return float(np.nanmean(every)) if np.isfinite(every).any() else float("nan")


def _mean_of_image_means(*values: Floats) -> float:
    """Over the classes of an image first, then over the images."""
    each = np.stack(values)
    defined = np.isfinite(each).any(axis=0)
    return _mean(np.nanmean(each[:, defined], axis=0)) if defined.any() else float("nan")


CONVENTIONS = (
    Convention(
        "IoU of the class, mean over images; 1 where it is neither there nor predicted",
        (
            "mIoU of this report",
            "smp iou_score, binary, micro-imagewise",
            "smp iou_score, binary, macro-imagewise",
            "MONAI MeanIoU, include_background=False, ignore_empty=False",
        ),
        lambda counts: _mean(counts.ratio("iou")),
    ),
    Convention(
        "the same over the images where the mask has the class",
        ("MONAI MeanIoU, include_background=False",),
        lambda counts: _mean(counts.where_labelled("iou")),
    ),
    Convention(
        "the same over the images where the mask or the prediction has the class",
        ("torchmetrics segmentation MeanIoU, include_background=False",),
        lambda counts: _mean(counts.iou_where_something_is()),
    ),
    Convention(
        "IoU of the class, pixels of all images added up",
        (
            "pooled IoU of this report",
            "smp iou_score, binary, micro",
            "smp iou_score, binary, macro",
            "torchmetrics BinaryJaccardIndex",
            "mmsegmentation IoU of the class",
        ),
        lambda counts: _mean(counts.pooled().ratio("iou")),
    ),
    Convention(
        "mean over both classes of their IoU, then over images; 1 for a class neither there nor predicted",
        (
            "IoU with background of this report",
            "smp iou_score, multiclass, macro-imagewise",
            "MONAI MeanIoU, ignore_empty=False",
        ),
        lambda counts: _mean_of_image_means(*counts.over_both_classes("iou")),
    ),
    Convention(
        "the same without the classes that the image's mask lacks",
        ("MONAI MeanIoU",),
        lambda counts: _mean_of_image_means(
            counts.background().where_labelled("iou"), counts.where_labelled("iou")
        ),
    ),
    Convention(
        "mean of the IoU of every image and class that is there or predicted",
        ("torchmetrics segmentation MeanIoU",),
        lambda counts: _mean(counts.background().iou_where_something_is(), counts.iou_where_something_is()),
    ),
    Convention(
        "mean over both classes of their IoU, pixels of all images added up",
        (
            "smp iou_score, multiclass, macro",
            "torchmetrics MulticlassJaccardIndex",
            "mmsegmentation mIoU",
        ),
        lambda counts: _mean(
            counts.background().pooled().iou_where_something_is(), counts.pooled().iou_where_something_is()
        ),
    ),
    Convention(
        "counts of both classes and all images added up, then one IoU",
        ("smp iou_score, multiclass, micro", "torchmetrics MulticlassJaccardIndex, micro"),
        lambda counts: _mean(counts.pooled().micro()),
    ),
    Convention(
        "counts of both classes added up, one IoU per image, mean over images",
        ("smp iou_score, multiclass, micro-imagewise",),
        lambda counts: _mean(counts.micro()),
    ),
    Convention(
        "share of right pixels, all images added up (called IoU in places)",
        ("pooled accuracy of this report", "mmsegmentation aAcc", "torchmetrics BinaryAccuracy"),
        lambda counts: _mean(counts.pooled().ratio("accuracy")),
    ),
    Convention(
        "share of right pixels, mean over images",
        ("accuracy of this report", "smp accuracy, binary, micro-imagewise"),
        lambda counts: _mean(counts.ratio("accuracy")),
    ),
    Convention(
        "mean over both classes of their recall, pixels of all images added up",
        ("mmsegmentation mAcc",),
        lambda counts: _mean(
            counts.background().pooled().where_labelled("recall"), counts.pooled().where_labelled("recall")
        ),
    ),
    Convention(
        "F1 (Dice) of the class, mean over images; 1 where it is neither there nor predicted",
        (
            "F1 of this report",
            "smp f1_score, binary, micro-imagewise",
            "MONAI DiceMetric, include_background=False, ignore_empty=False",
        ),
        lambda counts: _mean(counts.ratio("f1")),
    ),
    Convention(
        "the same over the images where the mask has the class",
        ("MONAI DiceMetric, include_background=False",),
        lambda counts: _mean(counts.where_labelled("f1")),
    ),
    Convention(
        "F1 (Dice) of the class, pixels of all images added up",
        (
            "pooled F1 of this report",
            "smp f1_score, binary, micro",
            "torchmetrics BinaryF1Score",
            "mmsegmentation Dice of the class",
        ),
        lambda counts: _mean(counts.pooled().ratio("f1")),
    ),
    Convention(
        "mean over both classes of their F1 (Dice), pixels of all images added up",
        ("mmsegmentation mDice",),
        lambda counts: _mean(
            *(np.where(np.isnan(both.iou_where_something_is()), np.nan, both.ratio("f1"))
              for both in (counts.background().pooled(), counts.pooled()))
        ),
    ),
)  # fmt: skip


def rosetta(rows: pd.DataFrame) -> list[tuple[Convention, float]]:
    """Every convention with its value, of rows of one run, test set and head."""
    counts = Counts(*(rows[name].to_numpy(np.float64) for name in ("tp", "fp", "fn", "tn")))
    return [(convention, convention.value(counts)) for convention in CONVENTIONS]
