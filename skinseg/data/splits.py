"""Splits: which images train, which choose the checkpoint, which are scored; by name, the same everywhere."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from skinseg.datasets.base import Dataset
from skinseg.errors import UserError

VALIDATION_SHARE = 0.1  # of what is not tested on


@dataclass(frozen=True)
class Split:
    """Image ids per part. Raises ValueError where two parts share an id."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        every = self.train + self.validation + self.test
        if len(set(every)) != len(every):
            raise ValueError(
                f"{len(every) - len(set(every))} image ids are in more than one place of the split"
            )

    @property
    def hash(self) -> str:
        """12 hex digits of the SHA-256 over the sorted ids of each part: equal splits, equal hash."""
        text = "\0".join("\n".join(sorted(part)) for part in (self.train, self.validation, self.test))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def make_split(dataset: Dataset, seed: int = 0) -> Split:
    """The dataset's published split, else a seeded one; the validation images come out of the training ones.

    Subjects, where they are known, are never on two sides. Names and seed alone decide, through a hash: no
    order of files and no version of a random generator matters.

    Raises UserError where there are too few images or subjects to fill the three parts.
    """
    subjects = {item.image_id: item.subject or item.image_id for item in dataset.items}
    native = dataset.native_split
    if native is None:
        test = draw(subjects, dataset.test_share, f"test/{seed}")
    else:
        test = {image_id for image_id in subjects if native[image_id] == "test"}
    rest = {image_id: subject for image_id, subject in subjects.items() if image_id not in test}
    validation = draw(rest, VALIDATION_SHARE, f"validation/{seed}")
    split = Split(
        train=tuple(sorted(rest.keys() - validation)),
        validation=tuple(sorted(validation)),
        test=tuple(sorted(test)),
    )
    if not (split.train and split.validation and split.test):
        raise UserError(
            f"{dataset.title} in {dataset.root}: {len(dataset)} images in {len(set(subjects.values()))} "
            f"groups do not fill a split (train {len(split.train)}, validation {len(split.validation)}, test "
            f"{len(split.test)}), expected at least one each; add the rest of the dataset"
        )
    return split


def draw(groups: Mapping[str, str], share: float, salt: str) -> set[str]:
    """About `share` of the names, at least one, in whole groups; `groups` maps each name to its group.

    Groups join in the order of their hashes as long as that brings the count nearer to the share.
    """
    members: dict[str, list[str]] = {}
    for name, group in groups.items():
        members.setdefault(group, []).append(name)
    target = max(1.0, share * len(groups))
    drawn: set[str] = set()
    for group in ranked(members, salt):
        if drawn and len(drawn) + len(members[group]) / 2 > target:
            break
        drawn.update(members[group])
    return drawn


def subset(names: Collection[str], count: int, seed: int = 0) -> tuple[str, ...]:
    """`count` of the names, sorted; a smaller subset of the same seed lies within a larger one.

    Raises UserError where there are fewer names, or `count` is below 1.
    """
    if not 1 <= count <= len(names):
        raise UserError(
            f"limit_train {count}: the training split has {len(names)} images, expected 1 to {len(names)}; "
            "lower it, or leave it out to use all"
        )
    return tuple(sorted(ranked(names, f"subset/{seed}")[:count]))


def ranked(names: Iterable[str], salt: str) -> list[str]:
    """The names in the order of the SHA-256 of salt and name: a shuffle that never changes."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{salt}/{name}".encode()).digest())
