"""`skinseg data list`: where each dataset is offered, on which terms, and the folders to unpack it into."""

from rich.console import Console
from rich.text import Text

from skinseg.datasets.base import Dataset
from skinseg.datasets.folder import Folder
from skinseg.datasets.registry import PHOTOGRAPHS


def print_catalogue(console: Console | None = None) -> None:
    """One paragraph a dataset. All of it is read off the dataset's own class."""
    console = console or Console()
    console.print(
        "Nothing is downloaded: get each dataset from its publisher, on the publisher's terms, and unpack it below "
        "one folder (`skinseg data unpack`). Folder names may be in upper or lower case, and lie up to two deep."
    )
    kinds: tuple[type[Dataset], ...] = (*PHOTOGRAPHS, Folder)
    for kind in kinds:
        console.print()
        for line in _described(kind):
            console.print(line, soft_wrap=True)


def _described(kind: type[Dataset]) -> list[Text]:
    title = "Any folder of your own" if kind is Folder else kind.title
    facts = [
        ("offered", kind.offer),
        ("images", "" if kind.published is None else str(kind.published)),
        ("terms", kind.terms),
        ("cite", kind.citation),
        ("unpack to", "\n             ".join(kind.layout)),
        ("masks", kind.mask_form),
        ("labels", kind.label_policy),
        ("switchable", ", ".join(f"{part}={choice}" for part, choice in kind.label_defaults.items())),
    ]
    lines = [Text(title, style="bold")]
    lines += [Text(f"  {name:<11}{value}") for name, value in facts if value]
    return lines
