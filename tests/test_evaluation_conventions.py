"""Every line of the Rosetta table against the package whose number it claims to be."""

import dataclasses
import importlib.util
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import torch
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryF1Score,
    BinaryJaccardIndex,
    MulticlassJaccardIndex,
)
from torchmetrics.segmentation import MeanIoU as TorchmetricsMeanIoU

from skinseg.datasets.confusion import confusion
from skinseg.evaluation.conventions import CONVENTIONS, rosetta
from skinseg.evaluation.metrics import by_test_set
from skinseg.evaluation.rows import as_frame
from tests.test_evaluation_rows import ROW

Masks = list[np.ndarray]


def images(*shares: tuple[float, float]) -> tuple[Masks, Masks]:
    """Predictions and masks, bool (10, 14), with these shares of predicted and of true foreground."""
    rng = np.random.default_rng(len(shares))
    masks = [rng.random((10, 14)) < true for _, true in shares]
    return [
        (rng.random((10, 14)) < found) ^ (mask & (found > 0))
        for (found, _), mask in zip(shares, masks, strict=True)
    ], masks


SETS = {
    "random": images(*[(0.2, 0.4)] * 3, (0.6, 0.1), (0.1, 0.9)),
    "with an empty mask, missed and met": images((0.3, 0.5), (0.0, 0.0), (0.4, 0.0), (0.1, 0.2)),
    "with a full mask": images((0.3, 0.5), (0.0, 1.0), (0.4, 1.0)),
    "with a full mask that is found": ([np.ones((10, 14), bool)] * 2, [np.ones((10, 14), bool)] * 2),
    "nothing predicted": images((0.0, 0.5), (0.0, 0.1)),
}


def binary(values: Masks) -> torch.Tensor:
    return torch.from_numpy(np.stack(values).astype(np.int64))


def one_hot(values: Masks) -> torch.Tensor:
    stacked = np.stack(values)
    return torch.from_numpy(np.stack([~stacked, stacked], axis=1).astype(np.float32))


def smp_metric(
    function: Callable[..., torch.Tensor], mode: str, reduction: str
) -> Callable[[Masks, Masks], float]:
    def compute(predicted: Masks, masks: Masks) -> float:
        if mode == "binary":
            stats = smp.metrics.get_stats(
                binary(predicted)[:, None], binary(masks)[:, None], mode="binary", threshold=0.5
            )
        else:
            stats = smp.metrics.get_stats(binary(predicted), binary(masks), mode="multiclass", num_classes=2)
        return float(function(*stats, reduction=reduction, zero_division=1.0))

    return compute


def torchmetric(metric: Callable[[], object]) -> Callable[[Masks, Masks], float]:
    def compute(predicted: Masks, masks: Masks) -> float:
        made = metric()
        for p, m in zip(predicted, masks, strict=True):
            made.update(binary([p]), binary([m]))  # type: ignore[attr-defined]
        return float(made.compute())  # type: ignore[attr-defined]

    return compute


def monai(metric: str, **options: bool) -> Callable[[Masks, Masks], float]:
    def compute(predicted: Masks, masks: Masks) -> float:
        import monai.metrics  # takes seconds, and every worker of pytest imports this file

        made = getattr(monai.metrics, metric)(reduction="mean", **options)
        made(y_pred=one_hot(predicted), y=one_hot(masks))
        return float(made.aggregate())

    return compute


def mmsegmentation(predicted: Masks, masks: Masks) -> dict[str, float]:
    """`IoUMetric.intersect_and_union` and `total_area_to_metrics` of mmsegmentation 1.2, transcribed.

    mmsegmentation needs a compiled mmcv, and OpenMMLab's metric package mmeval brings an OpenCV that overwrites
    the headless one; `test_mmsegmentation_is_transcribed_right` compares with mmeval where it is installed.
    """
    intersect, pred, label = (np.zeros(2) for _ in range(3))
    for p, m in zip(predicted, masks, strict=True):
        p, m = p.astype(np.int64), m.astype(np.int64)
        intersect += np.histogram(p[p == m], bins=2, range=(0, 1))[0]
        pred += np.histogram(p, bins=2, range=(0, 1))[0]
        label += np.histogram(m, bins=2, range=(0, 1))[0]
    with np.errstate(invalid="ignore"):
        iou = intersect / (pred + label - intersect)
        dice = 2 * intersect / (pred + label)
        accuracy = intersect / label
    return {
        "aAcc": intersect.sum() / label.sum(),
        "mIoU": float(np.nanmean(iou)),
        "mAcc": float(np.nanmean(accuracy)),
        "mDice": float(np.nanmean(dice)),
        "IoU of the class": float(iou[1]),
        "Dice of the class": float(dice[1]),
    }


THEIRS: dict[str, Callable[[Masks, Masks], float]] = {
    **{
        f"smp iou_score, {mode}, {reduction}": smp_metric(smp.metrics.iou_score, mode, reduction)
        for mode in ("binary", "multiclass")
        for reduction in ("micro", "macro", "micro-imagewise", "macro-imagewise")
    },
    "smp f1_score, binary, micro": smp_metric(smp.metrics.f1_score, "binary", "micro"),
    "smp f1_score, binary, micro-imagewise": smp_metric(smp.metrics.f1_score, "binary", "micro-imagewise"),
    "smp accuracy, binary, micro-imagewise": smp_metric(smp.metrics.accuracy, "binary", "micro-imagewise"),
    "torchmetrics BinaryJaccardIndex": torchmetric(BinaryJaccardIndex),
    "torchmetrics BinaryF1Score": torchmetric(BinaryF1Score),
    "torchmetrics BinaryAccuracy": torchmetric(BinaryAccuracy),
    "torchmetrics MulticlassJaccardIndex": torchmetric(lambda: MulticlassJaccardIndex(2)),
    "torchmetrics MulticlassJaccardIndex, micro": torchmetric(lambda: MulticlassJaccardIndex(2, average="micro")),
    "torchmetrics segmentation MeanIoU": torchmetric(lambda: TorchmetricsMeanIoU(2, input_format="index")),
    "torchmetrics segmentation MeanIoU, include_background=False": torchmetric(
        lambda: TorchmetricsMeanIoU(2, include_background=False, input_format="index")
    ),
    "MONAI MeanIoU": monai("MeanIoU"),
    "MONAI MeanIoU, ignore_empty=False": monai("MeanIoU", ignore_empty=False),
    "MONAI MeanIoU, include_background=False": monai("MeanIoU", include_background=False),
    "MONAI MeanIoU, include_background=False, ignore_empty=False": monai(
        "MeanIoU", include_background=False, ignore_empty=False
    ),
    "MONAI DiceMetric, include_background=False": monai("DiceMetric", include_background=False),
    "MONAI DiceMetric, include_background=False, ignore_empty=False": monai(
        "DiceMetric", include_background=False, ignore_empty=False
    ),
    **{
        f"mmsegmentation {name}": lambda predicted, masks, name=name: mmsegmentation(predicted, masks)[name]
        for name in ("aAcc", "mIoU", "mAcc", "mDice", "IoU of the class", "Dice of the class")
    },
}  # fmt: skip

OURS = {
    "mIoU": "iou_image_mean",
    "pooled IoU": "iou_pooled",
    "IoU with background": "iou_with_background_image_mean",
    "pooled accuracy": "accuracy_pooled",
    "accuracy": "accuracy_image_mean",
    "F1": "f1_image_mean",
    "pooled F1": "f1_pooled",
}


def frame(predicted: Masks, masks: Masks) -> object:
    counts = [
        dataclasses.asdict(confusion(p, m.astype(np.uint8))) for p, m in zip(predicted, masks, strict=True)
    ]
    return as_frame([dataclasses.replace(ROW, image=str(i), **each) for i, each in enumerate(counts)])


def test_every_publisher_is_computed() -> None:
    named = [name for convention in CONVENTIONS for name in convention.publishers]
    assert len(set(named)) == len(named)
    assert {name for name in named if not name.endswith(" of this report")} == set(THEIRS)
    assert {
        name.removesuffix(" of this report") for name in named if name.endswith(" of this report")
    } == set(OURS)


@pytest.mark.parametrize("name", SETS)
def test_against_the_packages(name: str) -> None:
    predicted, masks = SETS[name]
    rows = frame(predicted, masks)
    line = by_test_set(rows).iloc[0]
    for convention, value in rosetta(rows):
        for publisher in convention.publishers:
            if publisher in THEIRS:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    theirs = THEIRS[publisher](predicted, masks)
            else:
                theirs = line[OURS[publisher.removesuffix(" of this report")]]
            assert value == pytest.approx(theirs, abs=1e-6, nan_ok=True), publisher


def test_random_masks_tell_the_conventions_apart() -> None:
    values = [value for _, value in rosetta(frame(*SETS["with an empty mask, missed and met"]))]
    # But one: images of one size have the same accuracy, pooled or not.
    assert len({round(value, 9) for value in values}) == len(values) - 1


@pytest.mark.skipif(importlib.util.find_spec("mmeval") is None, reason="mmeval is not installed")
@pytest.mark.parametrize("name", SETS)
def test_mmsegmentation_is_transcribed_right(name: str) -> None:
    from mmeval import MeanIoU as MmevalMeanIoU

    predicted, masks = SETS[name]
    with np.errstate(invalid="ignore"):
        theirs = MmevalMeanIoU(num_classes=2)(
            [p.astype(int) for p in predicted], [m.astype(int) for m in masks]
        )
    ours = mmsegmentation(predicted, masks)
    for key in ("aAcc", "mIoU", "mAcc", "mDice"):
        assert ours[key] == pytest.approx(float(theirs[key])), key
