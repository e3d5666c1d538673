"""What became of each fault."""

import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skinseg.errors import UserError

KINDS = ("held", "refused", "wrong", "traceback")
"""Read as it was meant, or gone on from as if undisturbed; one sentence; something else that looks like an answer, or
something lost; an error that is no sentence."""


@dataclass
class Tally:
    """Counts by campaign, and a line for each fault that was wrong or ended in a traceback."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, campaign: str, kind: str, note: str = "") -> None:
        self.counts.setdefault(campaign, Counter())[kind] += 1
        if kind in KINDS[2:]:
            self.notes.append(f"{campaign}: {kind}: {note}")

    def judge(self, campaign: str, act: Callable[[], Any], right: Callable[[Any], bool], note: str) -> None:
        """Count what an act ends with: a value that is right or not, a sentence, or another error."""
        try:
            found = act()
        except UserError as error:
            said = str(error)
            # One sentence: no line of somebody's traceback, and not a page of it.
            self.add(campaign, "refused" if "Traceback" not in said and len(said) < 2000 else "wrong", note)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.add(
                campaign,
                "traceback",
                f"{note}: {type(error).__name__}: {error} ({last.filename}:{last.lineno})",
            )
        else:
            self.add(campaign, "held" if right(found) else "wrong", note)

    @property
    def bad(self) -> int:
        return sum(count[kind] for count in self.counts.values() for kind in KINDS[2:])

    def table(self) -> str:
        """Markdown, a row for each campaign and one for all."""
        rows = [(name, count) for name, count in self.counts.items()]
        rows.append(("all", sum((count for _, count in rows), Counter())))
        lines = [f"| campaign | tried | {' | '.join(KINDS)} |", "|---|" + "--:|" * (len(KINDS) + 1)]
        for name, count in rows:
            numbers = [sum(count.values()), *(count[kind] for kind in KINDS)]
            lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
        return "\n".join(lines)
