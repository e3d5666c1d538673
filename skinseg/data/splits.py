"""Splits: which images train, which choose the checkpoint, which are scored; by name, the same everywhere.

In this order: the user's file; the split that the dataset comes with; a list of names committed in
`split_lists/`; and a rule, seeded, by subject where names carry one.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skinseg.datasets.base import Dataset
from skinseg.datasets.name_table import find_image, names_datasets, read_name_table
from skinseg.errors import UserError
from skinseg.images.files import as_text

PARTS = ("train", "validation", "test")
LISTS = Path(__file__).parent / "split_lists"

VALIDATION_SHARE = 0.1  # of what is not tested on


@dataclass(frozen=True)
class Split:
    """Image ids per part. Raises ValueError where two parts share an id.

    source: where it comes from, in words.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        every = self.train + self.validation + self.test
        if len(set(every)) != len(every):
            raise ValueError(
                f"{len(every) - len(set(every))} image ids are in more than one place of the split"
            )

    def part(self, name: str) -> tuple[str, ...]:
        """The ids of "train", "validation" or "test"."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    @property
    def hash(self) -> str:
        """12 hex digits of the SHA-256 over the sorted ids of each part: equal splits, equal hash."""
        text = "\0".join("\n".join(sorted(part)) for part in (self.train, self.validation, self.test))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def make_split(dataset: Dataset, seed: int = 0, file: Path | None = None) -> Split:
    """The split of `file` where one is given, else the dataset's published or committed one, else a seeded one.

    Where no validation images are named, they come out of the training ones. The committed lists are what the
    rule gives for seed 0 on a complete copy, so that a later version of the rule cannot move an image; they
    hold for seed 0 only, and for copies that hold nothing else.

    Subjects, where they are known, are never on two sides. Names and seed alone decide, through a hash: no
    order of files and no version of a random generator matters.

    Raises UserError where there are too few images or subjects to fill the three parts, where a subject is on
    two sides of a given split, and as `read_split_file`.
    """
    subjects = {item.image_id: item.subject or item.image_id for item in dataset.items}
    parts, source = _given_parts(dataset, seed, file)
    if parts is None:
        test = draw(subjects, dataset.test_share, f"test/{seed}")
        by = "subject" if any(item.subject for item in dataset.items) else "name"
        source = f"rule, {1 - dataset.test_share:.0%} to train on, by {by}, seed {seed}"
    else:
        test = {image_id for image_id, part in parts.items() if part == "test"}
    rest = {
        image_id: subject
        for image_id, subject in subjects.items()
        if image_id not in test and (parts is None or image_id in parts)
    }
    validation = {image_id for image_id, part in (parts or {}).items() if part == "validation"}
    if not validation and rest:
        validation = draw(rest, VALIDATION_SHARE, f"validation/{seed}")
    split = Split(
        train=tuple(sorted(rest.keys() - validation)),
        validation=tuple(sorted(validation)),
        test=tuple(sorted(test)),
        source=source,
    )
    if file is None and not (split.train and split.validation and split.test):
        raise UserError(
            f"{dataset.title} in {dataset.root}: {len(dataset)} images in {len(set(subjects.values()))} "
            f"groups do not fill a split (train {len(split.train)}, validation {len(split.validation)}, test "
            f"{len(split.test)}), expected at least one each; add the rest of the dataset"
        )
    _check_subjects(split, subjects, dataset, file)
    return split


def read_split_file(path: Path, dataset: Dataset) -> dict[str, str] | None:
    """Image id to part, from a CSV with the columns image and part ("train", "validation" or "test").

    A column dataset, where there is one, says of which dataset a row speaks. Images that are not listed are in
    no part. None where the table speaks of other datasets only. Raises UserError for an image that the dataset
    does not have or that is listed twice, in one part or in two, for a word that is no part, and where the
    table cannot be read.
    """
    ids = {item.image_id for item in dataset.items}
    parts: dict[str, str] = {}
    rows = read_name_table(path, "part", dataset.name)
    if not rows and names_datasets(path):
        return None
    for row in rows:
        if row.value not in PARTS:
            raise UserError(
                f"{path} line {row.line}: part {row.value!r} of {row.image}, expected {', '.join(PARTS)}; "
                "correct the line"
            )
        image_id = find_image(row, ids, dataset.name, path)
        if image_id in parts:
            raise UserError(
                f"{path} line {row.line}: {image_id} is named a second time, now for {row.value} and before for "
                f"{parts[image_id]}, expected each image once; remove one of the lines"
            )
        parts[image_id] = row.value
    if not parts:
        raise UserError(f"{path}: no image in it, expected a line image,part for each; fill it")
    return parts


def _given_parts(dataset: Dataset, seed: int, file: Path | None) -> tuple[dict[str, str] | None, str]:
    """Image id to part and where that is from, or None where no list speaks of the dataset."""
    if file is not None:
        parts = read_split_file(file, dataset)
        if parts is not None:
            return parts, f"file {as_text(file.name)}"
    if dataset.native_split is not None:
        native = dataset.native_split
        return {item.image_id: native[item.image_id] for item in dataset.items}, "comes with the dataset"
    committed = LISTS / f"{dataset.name}.csv"
    if seed == 0 and committed.is_file():
        listed = {row.image: row.value for row in read_name_table(committed, "part", dataset.name)}
        parts = {item.image_id: listed[item.image_id] for item in dataset.items if item.image_id in listed}
        if len(parts) == len(dataset) and {"train", "test"} <= set(parts.values()):
            return parts, "committed list of names"
    return None, ""


def _check_subjects(split: Split, subjects: Mapping[str, str], dataset: Dataset, file: Path | None) -> None:
    """Raise UserError where somebody is on two sides."""
    side_of: dict[str, str] = {}
    for part in PARTS:
        for image_id in split.part(part):
            other = side_of.setdefault(subjects[image_id], part)
            if other != part:
                raise UserError(
                    f"{file or dataset.root}: subject {subjects[image_id]} of dataset {dataset.name} is in both "
                    f"{other} and {part} ({image_id}), expected all images of a person on one side; move them"
                )


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


def subset(names: Collection[str], count: int, seed: int = 0, option: str = "limit_train") -> tuple[str, ...]:
    """`count` of the names, sorted; a smaller subset of the same seed lies within a larger one.

    Raises UserError where there are fewer names, or `count` is below 1.
    """
    if not 1 <= count <= len(names):
        raise UserError(
            f"{option} {count}: the training split has {len(names)} images, expected 1 to {len(names)}; "
            "lower it, or leave it out to use all"
        )
    return tuple(sorted(ranked(names, f"subset/{seed}")[:count]))


def ranked(names: Iterable[str], salt: str) -> list[str]:
    """The names in the order of the SHA-256 of salt and name: a shuffle that never changes.

    The salt names the stream; the rule stays as it is, since committed lists, split hashes and results rest on it.
    """
    return sorted(names, key=lambda name: hashlib.sha256(f"{salt}/{name}".encode()).digest())
