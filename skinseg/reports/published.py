"""The paper's Table 1, from published.yaml, and where one of its values may stand beside ours."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RENDERED = "rendered"
"""The name of the synthetic set; the paper's own renders were never published, so ours stands for it."""


@cache
def table() -> dict[str, Any]:
    """What published.yaml says: citation, splits and mIoU."""
    path = Path(__file__).with_name("published.yaml")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def published_miou(trained_on: str, pretrained_on: str | None, test_set: str) -> float | None:
    """The paper's mIoU for this kind of training and test set, or None where it has none."""
    if pretrained_on not in (None, RENDERED):
        return None
    values = table()["miou"].get(trained_on, {}).get(test_set, [])
    position = 0 if pretrained_on is None else 1
    return float(values[position]) if position < len(values) else None


def why_not_comparable(
    test_set: str, subset: str, complete: Mapping[str, int], own_split: bool = False
) -> str | None:
    """What makes our column another one than the paper's, or None where the split convention matches.

    complete: how many images of each data set there were, by name; a set that is not in it is taken as partial.
    own_split: the user gave the split.
    """
    published = table()["splits"].get(test_set)
    if published is None:
        return "not in the paper"
    reasons = []
    if is_partial(test_set, complete):
        reasons.append(
            f"{complete.get(test_set, 'an unknown number')} of {published['images']} images at hand"
        )
    if subset != "test":
        reasons.append("scored on all images, not on a test part")
    if own_split:
        reasons.append("split by a file of the user's own")
    elif not published["repeatable"]:
        reasons.append(f"the paper's split: {published['split']}")
    return "; ".join(reasons) or None


def is_partial(dataset: str, complete: Mapping[str, int]) -> bool:
    """Whether fewer images than the data set has were at hand; never of what the paper does not name."""
    published = table()["splits"].get(dataset)
    return published is not None and complete.get(dataset, 0) < published["images"]
