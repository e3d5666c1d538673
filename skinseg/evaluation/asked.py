"""What an evaluation is asked for, checked: this file needs no torch, so a refusal comes before its import."""

from collections.abc import Collection, Sequence
from pathlib import Path

from skinseg.datasets.base import Dataset
from skinseg.datasets.label_policy import parse_labels
from skinseg.datasets.name_table import check_speaks_of
from skinseg.datasets.registry import find_datasets, open_dataset
from skinseg.datasets.rendered import Rendered
from skinseg.errors import UserError

SUBSETS = ("test", "all")
RECOGNISED = Path("recognised")
"""The word of --tones that asks for a recogniser instead of a table."""


def asked(
    checkpoint: Path | None,
    masks: Path | None,
    name: str | None,
    subset: str,
    data_root: Path | None,
    rendered: Path | None,
    labels: str | None,
    names: Collection[str] | None,
    tables: Sequence[Path | None],
) -> tuple[dict[str, str], list[Dataset]]:
    """Changes to label policies, and the datasets to score on, opened.

    The arguments are those of `skinseg.evaluation.command.evaluate`; tables: what speaks of images, where given.
    Raises UserError where they do not go together, for a dataset that is not there, and for a table that does not
    say of which of several datasets it speaks.
    """
    if (checkpoint is None) == (masks is None):
        found = "neither" if masks is None else "both"
        raise UserError(f"{found} of --checkpoint and --masks given, expected one; name what is to be scored")
    if (masks is None) != (not name):
        raise UserError(
            f"--name {name}: only masks take a name; leave it out"
            if masks is None
            else f"--masks {masks}: --name is missing, expected what made the masks; give --name 'last year'"
        )
    if subset not in SUBSETS:
        raise UserError(f"--subset {subset}: one of {', '.join(SUBSETS)} expected")
    changes = parse_labels(labels)
    datasets = _datasets(data_root, rendered, changes, names)
    for table in filter(None, tables):
        check_speaks_of(table, [dataset.name for dataset in datasets])
    return changes, datasets


def _datasets(
    data_root: Path | None, rendered: Path | None, labels: dict[str, str], names: Collection[str] | None
) -> list[Dataset]:
    """What to score on; of datasets that are not named none is opened, so a broken one stops nothing."""
    if names is not None and data_root is None and set(names) - {Rendered.name}:
        raise UserError(
            f"--datasets {' '.join(names)}: --data-root is missing, expected the folder that holds them"
        )
    wanted = None if names is None else [name for name in names if name != Rendered.name]
    found = []
    if rendered is not None and (names is None or Rendered.name in names):
        found.append(open_dataset(Rendered.name, rendered, labels, strict_labels=False))
    if data_root is not None and wanted is None:
        found += find_datasets(data_root, labels)
    elif data_root is not None:
        found += [
            open_dataset(name, data_root, labels, strict_labels=False) for name in dict.fromkeys(wanted or ())
        ]
    if not found:
        raise UserError(
            "nothing to evaluate on: name a folder of datasets (--data-root, DATA_ROOT= with make) "
            "or a rendered set (--rendered)"
        )
    return found
