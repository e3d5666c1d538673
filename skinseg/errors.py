"""The one exception the command line turns into a sentence, and a way out that many of them name."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user gave or the machine lacks: a file, an option, an environment.

    The message is one sentence or two that a reader can act on: the file or option, what was found,
    what was expected, and the way out. `skinseg.cli` prints it without a stack trace and exits with 2.
    """


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The words ", did you mean hgr?" where a name is nearly one that there is, else none."""
    nearest = difflib.get_close_matches(given.lower(), list(known), 1)
    return f", did you mean {nearest[0]}?" if nearest else ""


def install(extra: str) -> str:
    """The way to an optional part, for messages; no package index has this distribution."""
    return f"in the checkout, pip install -e '.[{extra}]'"
