"""The validation score that chooses a run's best epoch: the mean over images, or the worst tone group's."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from skinseg.errors import UserError

Criterion = Literal["val/skin_miou", "val/skin_worst_tone"]
MEAN: Criterion = "val/skin_miou"
WORST_TONE: Criterion = "val/skin_worst_tone"

LEAST = 5
"""Validation images from which a tone group counts: the mean of fewer says more about the images than the tone."""


def worst_tone(scores: Mapping[int, Sequence[float]]) -> float | None:
    """The least mean over the tone groups with at least `LEAST` scores, None where there is no such group.

    scores: Fitzpatrick group to the skin IoU of each of its images.
    """
    means = [float(np.mean(values)) for values in scores.values() if len(values) >= LEAST]
    return min(means, default=None)


def groups_compared(images: Mapping[int, int], dataset: str) -> str:
    """Which tone groups `WORST_TONE` is over, and which are left out, in a sentence.

    images: Fitzpatrick group to its validation images. Raises UserError where no group has enough of them.
    """

    def listed(groups: Sequence[int]) -> str:
        return ", ".join(f"{group} ({images[group]})" for group in groups)

    counted = [group for group in sorted(images) if images[group] >= LEAST]
    left_out = [group for group in sorted(images) if images[group] < LEAST]
    if not counted:
        found = f"groups {listed(left_out)}" if left_out else "none"
        raise UserError(
            f"--model.criterion {WORST_TONE}: a tone group with at least {LEAST} validation images expected in dataset "
            f"{dataset}, {found} found; choose {MEAN}, or give it more images or tones (tones.csv)"
        )
    rest = f"; left out, with fewer than {LEAST}: {listed(left_out)}" if left_out else ""
    return f"{WORST_TONE} is over tone groups (validation images) {listed(counted)}{rest}"
