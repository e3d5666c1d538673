"""Which set an adaptation method learns from with labels, and what it is shown beside it."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["source", "target"]


@dataclass(frozen=True)
class Arrangement:
    """labelled: the set that training and validation read with its masks; the length of an epoch is its.

    partner: the set that each step shows beside it, or None; partner_labelled: whether its masks are read.
    partner_photometry: whether its colours are augmented.
    """

    labelled: Side
    partner: Side | None = None
    partner_labelled: bool = False
    partner_photometry: bool = True


PLAIN = {"none": Arrangement("source"), "finetune": Arrangement("target")}
"""The words of `--adapt` that are plain training, and need no method."""
