"""Which parts of a person count as skin: each dataset's own rule, and the user's changes to it.

A dataset states what its masks do with lips, eyes and unsure pixels (`Dataset.label_policy`, in words) and
which of that can be switched (`Dataset.label_defaults`, part to choice). Photographs carry one mask and no
parts: only their unsure pixels can be switched. A rendered set knows every part.
"""

import re
from collections.abc import Mapping

from skinseg.errors import UserError

_SIDES = ("skin", "background", "ignore")

# Part -> what can be said of it.
# unsure: pixels whose bytes leave it open (grey edges of a mask, the fringe of a JPEG-compressed cut-out):
#   "cut" at the dataset's own level, or "ignore".
CHOICES: dict[str, tuple[str, ...]] = {
    "eyes": _SIDES,
    "lips": _SIDES,
    "mouth": _SIDES,
    "nails": _SIDES,
    "unsure": ("cut", "ignore"),
}


def parse_labels(text: str | None) -> dict[str, str]:
    """Changes to the datasets' policies, from "lips=ignore,nails=background"; none from None or "".

    A number for a part is a level of a folder's own masks: "1=skin,2=background".
    Raises UserError for a part or a choice that does not exist, and for a part named twice.
    """
    changes: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in (text or "").split(","))):
        part, _, choice = (word.strip() for word in entry.partition("="))
        choices = _SIDES if is_level(part) else CHOICES.get(part, ())
        if choice not in choices:
            known = "; ".join(
                f"{name}={'|'.join(said)}" for name, said in (*CHOICES.items(), ("LEVEL", _SIDES))
            )
            raise UserError(f"labels {entry!r}: no such choice, expected {known}, divided by commas")
        if part in changes:
            raise UserError(f"labels {text!r}: {part} is named twice; say it once")
        changes[part] = choice
    return changes


def is_level(part: str) -> bool:
    """Whether a part is a level of a mask: 0 to 65535, written in one way."""
    return re.fullmatch(r"0|[1-9][0-9]{0,4}", part) is not None and int(part) <= 65535


def policy_text(labels: Mapping[str, str]) -> str:
    """One line for a policy, equal for equal ones: "eyes=background,lips=ignore"."""
    return ",".join(f"{part}={labels[part]}" for part in sorted(labels))
