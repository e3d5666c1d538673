"""The table of heads: what a network can be trained to find, each a union of classes of the rendered label image.

A head is one line of `HEADS`: rendered frames are then labelled for it, and `--model.heads` trains, scores, predicts
and exports it. Photographs are labelled for the heads that somebody marked.
"""

from collections.abc import Sequence

from skinseg.errors import UserError, did_you_mean
from skinseg.synthetic.labels import SKIN_CLASSES, PartClass

HEADS: dict[str, tuple[PartClass, ...]] = {
    "skin": SKIN_CLASSES,  # changed by a label policy, see `skinseg.datasets.label_policy`
    "person": tuple(part for part in PartClass if part != PartClass.BACKGROUND),
    "hair": (PartClass.HAIR,),
}
"""Name to classes, in the order of tables and rows."""

STANDARD = ("skin", "person")
"""The heads of a network that names none."""


def checked_heads(names: Sequence[str], option: str) -> tuple[str, ...]:
    """The names. Raises UserError for one that is not in the table or comes twice, and where skin is not among them."""
    for name in names:
        if name not in HEADS:
            raise UserError(
                f"{option} {name}: no such head{did_you_mean(name, HEADS)}, expected some of {', '.join(HEADS)}"
            )
        if names.count(name) > 1:
            raise UserError(f"{option}: {name} is named {names.count(name)} times, expected each head once")
    if "skin" not in names:
        raise UserError(
            f"{option} [{', '.join(names)}]: skin is missing, expected it among them, as its validation score chooses "
            "the best epoch; add it"
        )
    return tuple(names)
