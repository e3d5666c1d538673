"""Metrics against torchmetrics, against a loop anyone can read, and reductions against hand-made rows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torchmetrics.functional.classification import (
    binary_accuracy,
    binary_average_precision,
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
)

from skinseg.datasets.confusion import confusion
from skinseg.evaluation import bootstrap
from skinseg.evaluation.bootstrap import bootstrap_interval, interval
from skinseg.evaluation.contour import contour_counts
from skinseg.evaluation.metrics import (
    IMAGE_METRICS,
    POOLED_METRICS,
    by_test_set,
    by_tone,
    paired_difference,
    tone_gap,
    with_metrics,
)
from skinseg.evaluation.rows import ResultRow, as_frame
from skinseg.evaluation.score_histogram import BINS, score_histogram
from tests.test_evaluation_rows import ROW

IGNORE = 255


def case(seed: int, skin: float, found: float, ignored: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, float32, of which about `found` are 0.5 or more, and a mask."""
    rng = np.random.default_rng(seed)
    mask = (rng.random((13, 17)) < skin).astype(np.uint8)
    mask[rng.random(mask.shape) < ignored] = IGNORE
    high = rng.random(mask.shape) < found
    return ((rng.random(mask.shape) + high) / 2).clip(0, 1).astype(np.float32), mask


# share of skin, share predicted, share ignored: random, empty and full on either side, all ignored
CASES = [
    case(seed, skin, found, ignored)
    for seed, (skin, found, ignored) in enumerate(
        (s, f, i) for s in (0.0, 0.3, 1.0) for f in (0.0, 0.4, 1.0) for i in (0.0, 0.2, 1.0)
    )
]


def scored(probability: np.ndarray, mask: np.ndarray, **more: object) -> ResultRow:
    """The row of a prediction, counted by what `score` counts with."""
    predicted = probability >= 0.5
    positives, negatives = score_histogram(probability, mask)
    counts = dataclasses.asdict(confusion(predicted, mask)) | dataclasses.asdict(
        contour_counts(predicted, mask)
    )
    return dataclasses.replace(ROW, **counts, positives=positives, negatives=negatives, **more)


def measured(probability: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    return with_metrics(as_frame([scored(probability, mask)])).iloc[0].to_dict()


@pytest.mark.parametrize(("probability", "mask"), CASES)
def test_against_torchmetrics(probability: np.ndarray, mask: np.ndarray) -> None:
    ours = measured(probability, mask)
    predicted = torch.from_numpy((probability >= 0.5).astype(np.int64))
    arguments = predicted, torch.from_numpy(mask.astype(np.int64))
    nothing = ours["tp"] + ours["fp"] + ours["fn"] == 0
    # torchmetrics' binary metrics call empty on empty 0; our definition, as its multiclass ones, 1.
    for name, function in (
        ("iou", binary_jaccard_index),
        ("f1", binary_f1_score),
        ("precision", binary_precision),
        ("recall", binary_recall),
    ):
        theirs = float(function(*arguments, ignore_index=IGNORE))
        assert ours[name] == pytest.approx(1.0 if nothing else theirs, abs=1e-6), name
    labelled = mask != IGNORE
    if labelled.any():
        accuracy = float(binary_accuracy(*arguments, ignore_index=IGNORE))
        assert ours["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    else:
        assert ours["accuracy"] == 1
    if (mask == 1).any():
        # The exact curve, over the same bins as scores.
        scores = torch.from_numpy(np.floor(probability.clip(max=0.999) * BINS) / BINS)[labelled]
        theirs = float(binary_average_precision(scores, torch.from_numpy(mask.astype(np.int64))[labelled]))
        assert ours["average_precision"] == pytest.approx(theirs, abs=1e-5)
    else:
        assert np.isnan(ours["average_precision"])


@pytest.mark.parametrize(("probability", "mask"), CASES)
def test_against_a_loop(probability: np.ndarray, mask: np.ndarray) -> None:
    both = either = back_both = back_either = claimed = there = 0
    for p, m in zip(probability.flat, mask.flat, strict=True):
        if m == IGNORE:
            continue
        p = p >= 0.5
        both += bool(p and m)
        either += bool(p or m)
        claimed += bool(p)
        there += bool(m)
        back_both += bool(not p and not m)
        back_either += bool(not p or not m)
    iou = both / either if either else 1
    background = back_both / back_either if back_either else 1
    ours = measured(probability, mask)
    assert ours["iou"] == pytest.approx(iou)
    assert ours["iou_with_background"] == pytest.approx((iou + background) / 2)
    assert ours["precision"] == pytest.approx(both / claimed if claimed else float(not either))
    assert ours["recall"] == pytest.approx(both / there if there else float(not either))


@pytest.mark.parametrize(("probability", "mask"), CASES)
def test_average_precision_against_a_loop(probability: np.ndarray, mask: np.ndarray) -> None:
    area = before = 0.0
    for threshold in np.arange(BINS)[::-1] / BINS:
        claimed = (probability >= threshold) & (mask != IGNORE)
        right = np.count_nonzero(claimed & (mask == 1))
        recall = right / max(1, np.count_nonzero(mask == 1))
        area += (recall - before) * (right / max(1, np.count_nonzero(claimed)))
        before = recall
    if (mask == 1).any():
        assert measured(probability, mask)["average_precision"] == pytest.approx(area)


masks = npst.arrays(np.uint8, (9, 12), elements=st.sampled_from([0, 1, IGNORE]))
probabilities = npst.arrays(np.float32, (9, 12), elements=st.floats(0, 1, width=32))


@given(probabilities, masks)
def test_what_holds_for_every_prediction(probability: np.ndarray, mask: np.ndarray) -> None:
    ours = measured(probability, mask)
    for name in IMAGE_METRICS:
        assert np.isnan(ours[name]) or 0 <= ours[name] <= 1, name
    assert ours["iou"] <= ours["f1"] <= 2 * ours["iou"] + 1e-12
    assert min(ours["precision"], ours["recall"]) - 1e-12 <= ours["f1"]
    assert ours["f1"] <= max(ours["precision"], ours["recall"]) + 1e-12
    # The histogram holds every labelled pixel, and cut at the threshold it is the confusion.
    half = BINS // 2
    assert sum(ours["positives"]) + sum(ours["negatives"]) + ours["ignored"] == mask.size
    assert (sum(ours["positives"][half:]), sum(ours["negatives"][half:])) == (ours["tp"], ours["fp"])
    right = np.where(mask == IGNORE, probability, mask).astype(np.float32)
    best = measured(right, mask)
    assert all(best[name] == 1 or np.isnan(best[name]) for name in IMAGE_METRICS if name != "outside_person")
    assert np.isnan(best["average_precision"]) == (not (mask == 1).any())


@given(masks, st.integers(0, 2**32 - 1))
def test_what_lies_under_ignored_pixels_changes_nothing(mask: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, other = (rng.random(mask.shape).astype(np.float32) for _ in range(2))
    second = np.where(mask == IGNORE, other, first)
    assert scored(first, mask) == scored(second, mask)


def test_share_outside_the_person() -> None:
    frame = as_frame(
        [
            row("half out", 6, 2, 0, 0, outside_person=4),
            row("nothing claimed", 0, 0, 5, 5, outside_person=0),
            row("in", 2, 0, 0, 6, outside_person=0),
        ]
    )
    assert with_metrics(frame)["outside_person"].tolist() == pytest.approx([0.5, np.nan, 0], nan_ok=True)
    line = by_test_set(frame).iloc[0]
    assert line["outside_person_image_mean"] == pytest.approx(0.25)
    assert line["outside_person_pooled"] == pytest.approx(0.4)
    person = by_test_set(as_frame([row("a", 1, 0, 0, 0, head="person", outside_person=None)])).iloc[0]
    assert np.isnan(person["outside_person_image_mean"])
    assert np.isnan(person["outside_person_pooled"])


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


def test_an_interval_leaves_out_what_is_undefined_and_may_be_infinite() -> None:
    values = np.arange(2000.0)
    assert interval(values).tolist() == pytest.approx(np.quantile(values, [0.025, 0.975]).tolist())
    table = np.stack([values, np.where(values < 1000, np.nan, values), np.full(2000, np.nan)], axis=1)
    low, high = interval(table)
    assert low.tolist() == pytest.approx([49.975, 1024.975, np.nan], nan_ok=True)
    assert high.tolist() == pytest.approx([1949.025, 1974.025, np.nan], nan_ok=True)
    assert np.isnan(interval(np.empty((0, 3)))).tolist() == [[True] * 3] * 2
    assert interval(np.where(values < 1900, values, np.inf), "higher").tolist() == [50, np.inf]


def test_nothing_else_in_the_package_draws_resamples() -> None:
    files = [
        path
        for path in Path(bootstrap.__file__).parents[1].rglob("*.py")
        if ".multinomial(" in path.read_text()
    ]
    assert files == [Path(bootstrap.__file__)]


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


def test_pooled_numbers_are_those_of_one_large_image() -> None:
    rng = np.random.default_rng(2)
    pairs = [
        (rng.random((8, 8)).astype(np.float32), rng.integers(0, 2, (8, 8)).astype(np.uint8)) for _ in range(5)
    ]
    rows = [scored(*pair, image=str(i), subject=None, outside_person=3) for i, pair in enumerate(pairs)]
    line = by_test_set(as_frame(rows)).iloc[0]
    whole = measured(np.hstack([pair[0] for pair in pairs]), np.hstack([pair[1] for pair in pairs]))
    for name in POOLED_METRICS:
        if name != "outside_person":
            assert line[f"{name}_pooled"] == pytest.approx(whole[name]), name
        assert line[f"{name}_pooled_low"] <= line[f"{name}_pooled"] <= line[f"{name}_pooled_high"], name
        assert line[f"{name}_image_mean_low"] <= line[f"{name}_image_mean"] <= line[f"{name}_image_mean_high"]
    assert line["outside_person_pooled"] == pytest.approx(15 / (whole["tp"] + whole["fp"]))


def test_the_interval_of_a_line_is_the_bootstrap_of_its_mean() -> None:
    rng = np.random.default_rng(4)
    frame = as_frame([row(str(i), int(rng.integers(50)), 5, 5, 40) for i in range(40)])
    line = by_test_set(frame).iloc[0]
    values = with_metrics(frame)["iou"].to_numpy()
    expected = bootstrap_interval(values, None, np.random.default_rng([0]))
    assert (line["iou_image_mean_low"], line["iou_image_mean_high"]) == pytest.approx(expected)


def test_known_subjects_are_drawn_together_also_beside_unknown_ones() -> None:
    rows = [row(str(i), i, 5, 5, 40) for i in range(12)]
    mixed = [dataclasses.replace(each, subject="a") if i < 6 else each for i, each in enumerate(rows)]
    line = by_test_set(as_frame(mixed)).iloc[0]
    assert (line["resampled"], line["subjects"]) == ("subjects and images", 1)


def test_paired_difference_is_of_the_same_images() -> None:
    rng = np.random.default_rng(6)
    hard = rng.integers(0, 90, 60)
    worse = as_frame([row(str(i), int(tp), 100 - int(tp), 0, 0) for i, tp in enumerate(hard)])
    better = as_frame([row(str(i), int(tp) + 5, 95 - int(tp), 0, 0) for i, tp in enumerate(hard[:50])])
    difference = paired_difference(better, worse)
    assert difference is not None
    assert difference.images == 50
    assert difference.value == pytest.approx(0.05)
    # Images differ by far more than 0.05; only pairing sees that every one of them is better.
    assert (difference.low, difference.high) == pytest.approx((0.05, 0.05))
    back = paired_difference(worse, better)
    assert back is not None
    assert back.value == pytest.approx(-difference.value)
    other = as_frame([row("another", 1, 1, 1, 1)])
    assert paired_difference(better, other) is None


def test_seeds_of_one_image_are_not_more_images() -> None:
    first = [row(str(i), 10 * i, 50, 0, 0) for i in range(10)]
    second = [dataclasses.replace(each, tp=each.tp + 10, seed=1) for each in first]
    zero = as_frame([row(str(i), 0, 1, 0, 0) for i in range(10)])
    difference = paired_difference(as_frame(first + second), zero)
    assert difference is not None
    assert difference.images == 10
    alone = [paired_difference(as_frame(seed), zero) for seed in (first, second)]
    assert difference.value == pytest.approx(np.mean([each.value for each in alone if each]))


def test_tone_gap_names_its_groups() -> None:
    rng = np.random.default_rng(8)
    means = {1: 0.5, 2: 0.8, 3: 0.6}
    rows = [
        row(f"{tone} {i}", int(100 * mean + rng.integers(-9, 10)), 0, 100 - int(100 * mean), 0, tone=tone)
        for tone, mean in means.items()
        for i in range(30)
    ]
    rows += [row(f"6 {i}", 0, 1, 0, 0, tone=6) for i in range(3)]
    gap = tone_gap(as_frame(rows))
    assert gap is not None
    assert (gap.best, gap.worst, gap.few) == (2, 1, False)
    assert gap.gap.value == pytest.approx(0.3, abs=0.03)
    assert gap.gap.low < gap.gap.value < gap.gap.high
    assert gap.gap.low > 0.2
    assert gap.worst_value == pytest.approx(0.5, abs=0.03)
    few = tone_gap(as_frame([each for each in rows if each.tone != 2 and each.tone != 3]))
    assert few is not None
    assert (few.best, few.worst, few.few) == (1, 6, True)
    assert tone_gap(as_frame([each for each in rows if each.tone == 1])) is None
