"""Metrics against torchmetrics, against a loop anyone can read, and reductions against hand-made rows."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torchmetrics.functional.classification import binary_accuracy, binary_f1_score, binary_jaccard_index

from skinseg.datasets.confusion import confusion
from skinseg.evaluation.metrics import bootstrap_interval, by_test_set, by_tone, with_metrics
from skinseg.evaluation.rows import ResultRow, as_frame
from tests.test_evaluation_rows import ROW

IGNORE = 255


def case(seed: int, skin: float, found: float, ignored: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = (rng.random((13, 17)) < skin).astype(np.uint8)
    mask[rng.random(mask.shape) < ignored] = IGNORE
    return rng.random(mask.shape) < found, mask


# share of skin, share predicted, share ignored: random, empty and full on either side, all ignored
CASES = [
    case(seed, skin, found, ignored)
    for seed, (skin, found, ignored) in enumerate(
        (s, f, i) for s in (0.0, 0.3, 1.0) for f in (0.0, 0.4, 1.0) for i in (0.0, 0.2, 1.0)
    )
]


def measured(predicted: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    counts = dataclasses.asdict(confusion(predicted, mask))
    return with_metrics(pd.DataFrame([counts])).iloc[0].to_dict()


@pytest.mark.parametrize(("predicted", "mask"), CASES)
def test_against_torchmetrics(predicted: np.ndarray, mask: np.ndarray) -> None:
    ours = measured(predicted, mask)
    arguments = torch.from_numpy(predicted.astype(np.int64)), torch.from_numpy(mask.astype(np.int64))
    nothing = ours["tp"] + ours["fp"] + ours["fn"] == 0
    # torchmetrics' binary metrics call empty on empty 0; our definition, as its multiclass ones, 1.
    for name, function in (("iou", binary_jaccard_index), ("f1", binary_f1_score)):
        theirs = float(function(*arguments, ignore_index=IGNORE))
        assert ours[name] == pytest.approx(1.0 if nothing else theirs, abs=1e-6)
    if (mask != IGNORE).any():
        assert ours["accuracy"] == pytest.approx(
            float(binary_accuracy(*arguments, ignore_index=IGNORE)), abs=1e-6
        )
    else:
        assert ours["accuracy"] == 1


@pytest.mark.parametrize(("predicted", "mask"), CASES)
def test_against_a_loop(predicted: np.ndarray, mask: np.ndarray) -> None:
    both = either = back_both = back_either = 0
    for p, m in zip(predicted.flat, mask.flat, strict=True):
        if m == IGNORE:
            continue
        both += bool(p and m)
        either += bool(p or m)
        back_both += bool(not p and not m)
        back_either += bool(not p or not m)
    iou = both / either if either else 1
    background = back_both / back_either if back_either else 1
    ours = measured(predicted, mask)
    assert ours["iou"] == pytest.approx(iou)
    assert ours["iou_with_background"] == pytest.approx((iou + background) / 2)


def row(image: str, tp: int, fp: int, fn: int, tn: int, **more: object) -> ResultRow:
    counts = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    return dataclasses.replace(ROW, image=image, subject=None, **counts, **more)


def test_image_mean_and_pooled_are_told_apart() -> None:
    rows = [row("small", 1, 1, 0, 2), row("large", 90, 0, 10, 100), row("empty", 0, 0, 0, 4)]
    line = by_test_set(as_frame(rows)).iloc[0]
    assert line["images"] == 3
    assert line["empty_on_empty"] == 1
    assert line["iou_image_mean"] == pytest.approx((1 / 2 + 90 / 100 + 1) / 3)
    assert line["iou_pooled"] == pytest.approx(91 / 102)
    with_background = ((1 / 2 + 2 / 3) / 2 + (90 / 100 + 100 / 110) / 2 + 1) / 3
    assert line["iou_with_background_image_mean"] == pytest.approx(with_background)
    assert line["f1_image_mean"] == pytest.approx((2 / 3 + 180 / 190 + 1) / 3)
    assert line["f1_pooled"] == pytest.approx(182 / 193)
    assert line["accuracy_image_mean"] == pytest.approx((3 / 4 + 190 / 200 + 1) / 3)
    assert line["accuracy_pooled"] == pytest.approx(197 / 208)


def test_groups_do_not_mix() -> None:
    rows = [
        row("a", 1, 0, 0, 0, tone=2, tone_source="labelled"),
        row("b", 0, 1, 0, 0, tone=2, tone_source="estimated"),
        row("c", 0, 1, 0, 0, tone=None, tone_source=None),
        row("a", 0, 1, 0, 0, head="person", tone=2, tone_source="labelled"),
    ]
    frame = as_frame(rows)
    tones = by_tone(frame).set_index(["head", "tone_source", "tone"])
    assert tones["images"].tolist() == [1, 1, 1]
    assert tones.loc[("skin", "labelled", 2), "iou_image_mean"] == 1
    assert tones.loc[("skin", "estimated", 2), "iou_image_mean"] == 0
    assert by_test_set(frame).set_index("head")["images"].to_dict() == {"skin": 3, "person": 1}


def test_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(3).random(400)
    low, high = bootstrap_interval(values, None, np.random.default_rng(0))
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + error, abs=0.1 * error)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        low, high = bootstrap_interval(rng.random(60), None, rng, resamples=300)
        covered += low <= 0.5 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_pictures_of_one_person_do_not_narrow_the_interval() -> None:
    people = np.random.default_rng(5).random(12)
    values, units = np.repeat(people, 50), np.repeat([f"p{i}" for i in range(12)], 50).tolist()
    low, high = bootstrap_interval(values, units, np.random.default_rng(0))
    once = bootstrap_interval(people, None, np.random.default_rng(0))
    assert (low, high) == pytest.approx(once)
    images = bootstrap_interval(values, None, np.random.default_rng(0))
    assert high - low > 3 * (images[1] - images[0])


def test_one_unit_has_no_interval() -> None:
    assert np.isnan(bootstrap_interval(np.array([0.5]), None, np.random.default_rng(0))).all()
    assert np.isnan(bootstrap_interval(np.array([0.1, 0.9]), ["a", "a"], np.random.default_rng(0))).all()


def test_intervals_are_repeated_whatever_else_is_in_the_frame() -> None:
    rng = np.random.default_rng(1)
    rows = [row(str(i), int(rng.integers(50)), 5, 5, 40) for i in range(30)]
    alone = by_test_set(as_frame(rows)).iloc[0]
    more = [dataclasses.replace(each, test_set="another") for each in rows[:9]]
    beside = by_test_set(as_frame(more + rows)).set_index("test_set").loc["ecu"]
    for end in ("iou_image_mean_low", "iou_image_mean_high"):
        assert alone[end] == beside[end]
    assert alone["iou_image_mean_low"] < alone["iou_image_mean"] < alone["iou_image_mean_high"]
    subjects = [dataclasses.replace(each, subject=f"s{i % 5}") for i, each in enumerate(rows)]
    by_subject = by_test_set(as_frame(subjects)).iloc[0]
    assert (by_subject["resampled"], by_subject["subjects"]) == ("subjects", 5)
    assert (alone["resampled"], alone["subjects"]) == ("images", 0)
