"""What the paper claims, and whether it held here, by rules that are stated before the numbers are seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from skinseg.evaluation.metrics import FEW_IMAGES, Difference
from skinseg.records import Number, Whole
from skinseg.studies.estimates import Scores, images_saved

RULES = {
    "difference": "yes where the 95 % interval of the paired difference in mIoU lies above zero, no where "
    "it lies below",
    "most": "yes where it does so in more than half of the pairs of training set and test set, and lies below zero in "
    "none; no where it lies below zero in more than half",
    "saturates": "yes where the interval of what more than that number adds ends below .01, no where it begins above",
    "saves": "yes where the interval of the factor lies above the claimed one at every number of images but the "
    "largest, beyond which there is nothing to compare with; no where it lies below it at one of them",
}
MARGIN = 0.01
NEEDS = {"difference": ("arm", "minus"), "most": ("arm", "minus"), "saturates": ("arm", "by"), "saves": ()}
"""What a claim of each rule cannot do without."""


@dataclass(frozen=True)
class Claim:
    """paper: its number or words. arm, minus: an arm, arm@point, arm@first or arm@last. test_set: the first one where
    it is empty. by: a number of images, or a factor."""

    claim: str
    rule: Literal["difference", "most", "saturates", "saves"]
    paper: str | Whole | Number = ""
    arm: str = ""
    minus: str = ""
    test_set: str = ""
    metric: Literal["iou", "accuracy", "f1"] = "iou"
    tone: Annotated[int, Field(strict=True, ge=1, le=6)] | None = None
    by: Number | None = None
    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Verdict:
    """held: "yes", "no", "undecided" or "not tested"; why: the numbers it rests on."""

    claim: str
    paper: str
    held: str
    why: str


@dataclass(frozen=True)
class Grid:
    """The cells by arm and point. axis: labels of the only axis, in order, and their numbers where they are some."""

    points: Mapping[str, Sequence[tuple[str, ...]]]
    test_sets: Sequence[str]
    saved: tuple[str, str] | None = None

    def cell(self, arm: str, point: tuple[str, ...]) -> str:
        return f"{arm}@{','.join(point)}" if point else arm

    def cells(self, arm: str) -> list[str]:
        return [self.cell(arm, point) for point in self.points.get(arm, ())]

    def counts(self, arm: str) -> list[float]:
        """The axis as numbers, of an arm with one axis of numbers; else none."""
        try:
            return [float(point[0]) for point in self.points.get(arm, ()) if len(point) == 1]
        except ValueError:
            return []


def judge(claim: Claim, scores: Scores, grid: Grid) -> Verdict:
    """Decide one claim by its rule; not tested where a cell is missing, few images stand behind it, or its interval
    is unknown."""
    held, why = _JUDGES[claim.rule](claim, scores, grid)
    return Verdict(claim.claim, str(claim.paper), held, why)


def share_held(verdicts: Sequence[Verdict]) -> str:
    """The sentence that sums the verdicts up."""
    if not verdicts:
        return "No claim of the paper is stated for this study."
    count = {
        held: sum(each.held == held for each in verdicts) for held in ("yes", "no", "undecided", "not tested")
    }
    return (
        f"Of {len(verdicts)} claims of the paper {count['yes']} held here, {count['no']} did not, "
        f"{count['undecided']} stay undecided, and {count['not tested']} could not be tested."
    )


def said(value: Difference) -> str:
    """A difference in words."""
    spread = "interval unknown" if math.isnan(value.low) else f"{value.low:+.3f} to {value.high:+.3f}"
    return f"{value.value:+.3f} ({spread}), {value.images} images"


def _difference(claim: Claim, scores: Scores, grid: Grid) -> tuple[str, str]:
    test_set = claim.test_set or grid.test_sets[0]
    first, second = (_at(name, grid) for name in (claim.arm, claim.minus))
    value = scores.difference(first, second, test_set, claim.metric, claim.tone)
    if value is None:
        return "not tested", f"{first} and {second} were not both scored on {test_set}"
    return _decided(value), f"{first} minus {second} on {test_set}: {said(value)}"


def _most(claim: Claim, scores: Scores, grid: Grid) -> tuple[str, str]:
    found = []
    for point in grid.points.get(claim.arm, ()):
        for test_set in grid.test_sets:
            pair = [grid.cell(arm, point) for arm in (claim.arm, claim.minus)]
            value = scores.difference(pair[0], pair[1], test_set)
            if value is not None and _testable(value):
                found.append(value)
    if not found:
        return "not tested", "no pair was scored on enough images"
    above, below = sum(each.low > 0 for each in found), sum(each.high < 0 for each in found)
    half = len(found) / 2
    held = "yes" if above > half and not below else "no" if below > half else "undecided"
    return held, f"above zero in {above} of {len(found)} pairs, below in {below}"


def _saturates(claim: Claim, scores: Scores, grid: Grid) -> tuple[str, str]:
    arm, by = claim.arm, claim.by or 0.0
    test_set = claim.test_set or grid.test_sets[0]
    counts, cells = grid.counts(arm), grid.cells(arm)
    reached = [i for i, count in enumerate(counts) if count <= by]
    if not reached or reached[-1] == len(counts) - 1:
        return (
            "not tested",
            f"needs fewer and more than {by:g}; there are {', '.join(f'{c:g}' for c in counts)}",
        )
    value = scores.difference(cells[-1], cells[reached[-1]], test_set)
    if value is None or not _testable(value):
        return "not tested", f"too few images of {test_set}"
    held = "yes" if value.high < MARGIN else "no" if value.low >= MARGIN else "undecided"
    return held, f"{counts[-1]:g} minus {counts[reached[-1]]:g} on {test_set}: {said(value)}"


def _saves(claim: Claim, scores: Scores, grid: Grid) -> tuple[str, str]:
    if grid.saved is None:
        return "not tested", "the study compares no numbers of images"
    with_, without = grid.saved
    counts = grid.counts(with_)
    test_set = claim.test_set or grid.test_sets[0]
    factors = images_saved(scores, grid.cells(with_), grid.cells(without), counts, test_set)
    found = [(count, each) for count, each in zip(counts, factors, strict=True) if each is not None]
    # The last number has nothing beyond it to be compared with.
    known = [(count, each) for count, each in found[:-1] if not math.isnan(each[1])]
    if not known:
        return "not tested", "no factor with an interval"
    by = 1.0 if claim.by is None else claim.by
    held = "undecided"
    if all(low > by for _, (_, low, _) in known):
        held = "yes"
    elif any(high < by for _, (_, _, high) in known):
        held = "no"
    return held, "; ".join(f"{count:g} images: {factor_text(each)}" for count, each in known)


def factor_text(factor: tuple[float, float, float]) -> str:
    """For instance "2.1 (1.4 to not reached)"."""
    value, low, high = ("not reached" if math.isinf(each) else f"{each:.1f}" for each in factor)
    return f"{value} ({low} to {high})" if not math.isnan(factor[1]) else f"{value} (interval unknown)"


def _at(name: str, grid: Grid) -> str:
    """A cell by its name; "arm@first" and "arm@last" are the ends of the arm's axis."""
    arm, _, point = name.partition("@")
    cells = grid.cells(arm)
    if point in ("first", "last") and cells:
        return cells[0 if point == "first" else -1]
    return name


def _testable(value: Difference) -> bool:
    return value.images >= FEW_IMAGES and not math.isnan(value.low)


def _decided(value: Difference) -> str:
    if not _testable(value):
        return "not tested"
    return "yes" if value.low > 0 else "no" if value.high < 0 else "undecided"


_JUDGES = {"difference": _difference, "most": _most, "saturates": _saturates, "saves": _saves}
