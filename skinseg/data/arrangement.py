"""Which set an adaptation method learns from with labels, and what it is shown beside it."""

from dataclasses import dataclass
from typing import Literal

from skinseg.errors import UserError

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


ARRANGEMENTS: dict[str, Arrangement] = {
    "none": Arrangement("source"),  # the only one that does without a source: it then trains on the dataset
    "finetune": Arrangement("target"),
    "bgc": Arrangement("target", "source", partner_labelled=True),
    # The target's own colours are what these two want.
    "fda": Arrangement("source", "target", partner_photometry=False),
    "pixmatch": Arrangement("source", "target", partner_photometry=False),
    # A discriminator would tell augmented colours from others, not the domains.
    "dann": Arrangement("source", "target"),
}
ADAPTATIONS = ("none", "finetune", "bgc", "fda", "dann", "pixmatch")


def arrangement(adapt: str, source: str | None) -> Arrangement:
    """What a word of `--adapt` means. Raises UserError for another word, and where a source is missing."""
    if adapt not in ARRANGEMENTS:
        raise UserError(f"--adapt {adapt}: no such method; choose one of {', '.join(ADAPTATIONS)}")
    found = ARRANGEMENTS[adapt]
    if source is not None or adapt == "finetune":
        return found
    if adapt == "none":
        return Arrangement("target")
    raise UserError(
        f"--adapt {adapt}: no source set to adapt from, expected a labelled one beside --data.dataset, the target; "
        "name it with --data.source (such as rendered) and --data.source_root"
    )
