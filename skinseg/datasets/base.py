"""What every dataset shares: pairing images with masks in the publisher's own folders, and reading a pair.

A new dataset is one file: a subclass that names its folders and, where its masks are not plain white on
black, overrides `masks`; then one line in `registry.py`.
"""

from abc import ABC
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from skinseg.datasets.label_policy import policy_text
from skinseg.datasets.mask_forms import binary_mask, read_mask_pixels
from skinseg.datasets.name_table import find_image, read_name_table
from skinseg.datasets.sample import Mask, Sample
from skinseg.errors import UserError
from skinseg.images.decoding import Image, Stored, read_image, read_stored
from skinseg.images.files import PassedOver, canonical, is_clutter, is_image_name

TONES_FILE = "tones.csv"


@dataclass(frozen=True)
class Item:
    """One image with its mask on disk. `image_id` is unique in its dataset and the same on every machine.

    more_masks: by head, the masks that the dataset keeps in files of their own.
    """

    image_id: str
    image_path: Path
    mask_path: Path
    subject: str | None = None
    tone: int | None = None
    more_masks: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """A folder of images and the folder of their masks, below the dataset's; `prefix` starts their ids."""

    images: str
    masks: str
    prefix: str = ""


@dataclass(frozen=True)
class Flaw:
    """One file or folder that is not as the dataset's layout has it, and why."""

    path: Path
    reason: str


class Dataset(ABC):
    """The images of one dataset, in the order of their ids.

    Subclasses set the class attributes; `name` is what the command line and the result rows say.
    `test_share` is the part of the images that `data.splits` sets aside where no split is published.
    `published` is the number of images of a complete copy, `offer` where its publisher offers it, `layout` the
    folders to unpack it into, `mask_form` what its mask bytes mean, `label_policy` what its annotators did
    about lips, eyes and the like, `label_defaults` the part of that which can be switched.

    labels: the user's changes to `label_defaults`, see `label_policy.parse_labels`; those on parts that this
        dataset does not know change nothing here.
    strict: raise for the first flaw. Otherwise what does not pair is left out and listed in `flaws`.
    `passed_over` are what lies in the folders of images and masks and is no picture by its name.

    Opening lists the files and raises UserError where masks are missing, or images are; nothing is decoded.
    """

    name: str
    title: str
    citation: ClassVar[str]
    terms: ClassVar[str] = "research, non-commercial"
    published: ClassVar[int | None] = None
    offer: ClassVar[str] = ""
    layout: ClassVar[tuple[str, ...]] = ()
    mask_form: ClassVar[str] = "white is skin"
    label_policy: ClassVar[str] = ""
    label_defaults: ClassVar[Mapping[str, str]] = {"unsure": "cut"}
    parts: ClassVar[tuple[Part, ...]]
    parts_are_optional: ClassVar[bool] = False
    excluded: ClassVar[frozenset[str]] = frozenset()
    test_share: ClassVar[float] = 0.2

    def __init__(self, root: Path, labels: Mapping[str, str] | None = None, *, strict: bool = True) -> None:
        self.root = root
        self.labels = {part: (labels or {}).get(part, choice) for part, choice in self.label_defaults.items()}
        self.strict = strict
        self.flaws: list[Flaw] = []
        self.passed_over: list[PassedOver] = []
        items = (item for item in self.list_items() if item.image_id not in self.excluded)
        self.items = tuple(sorted(items, key=lambda item: item.image_id))
        if not self.items and not self.flaws:
            expected = ", ".join(f"{part.images}/" for part in self.parts)
            raise UserError(
                f"{self.title} in {root}: no images found, expected them in {expected}; unpack them there"
            )
        if (root / TONES_FILE).is_file():
            try:
                self.label_tones(root / TONES_FILE)
            except UserError as error:
                if strict:
                    raise
                self.flaws.append(Flaw(root / TONES_FILE, str(error)))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        return self.read(self.items[index])

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        """Whether `folder` is this dataset's: it has one of the image folders, complete or not."""
        return any(find_below(folder, part.images) is not None for part in cls.parts)

    @property
    def native_split(self) -> Mapping[str, str] | None:
        """Image id to "train", "validation" or "test" where the dataset comes with a split, else None."""
        return None

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that some image may be labelled for. To be overridden where `masks` tells of more than skin."""
        return ("skin", *dict.fromkeys(head for item in self.items for head in item.more_masks))

    @property
    def policy(self) -> str:
        """The label policy in force, in one line: equal for equal masks. Part of the cache's fingerprint."""
        return policy_text(self.labels)

    def list_items(self) -> Iterator[Item]:
        """All pairs below the root, in any order."""
        for part in self.parts:
            images, masks = find_below(self.root, part.images), find_below(self.root, part.masks)
            if images is None and masks is None and self.parts_are_optional:
                continue
            if images is not None and masks is not None:
                yield from self._pair(part, images, masks)
                continue
            for found, expected, other in (
                (images, part.images, part.masks),
                (masks, part.masks, part.images),
            ):
                if found is None:
                    self.complain(
                        [self.root / expected],
                        f"folder {expected}/ is missing, expected it beside {other}/ with one file for each there; "
                        "unpack it from the dataset's own archive",
                    )

    def subject_of(self, stem: str) -> str | None:
        """The person in an image, by its file name without suffix; None where names do not tell.

        Raises UserError where the names of this dataset tell, and this one does not.
        """
        return None

    def mask_stem(self, stem: str) -> str:
        """The image's stem that belongs to a mask's stem: by default the same."""
        return stem

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        """Masks by head, each uint8 (H, W) in {0, 1, 255}, from a mask file's RGB pixels, uint8 (H, W, 3).

        A head that is not in the answer is not labelled. By default: white is skin, nothing else is known.
        """
        return {"skin": binary_mask(pixels, path, ignore_grey=self.ignores_unsure)}

    def read_masks(self, item: Item, image: Stored) -> dict[str, Mask]:
        """Masks by head of an item whose image is decoded, each as `masks` gives it."""
        pixels = read_mask_pixels(item.mask_path, image, item.image_path)
        return self.masks(pixels, image.turned, item.mask_path)

    @property
    def ignores_unsure(self) -> bool:
        return self.labels["unsure"] == "ignore"

    def read(self, item: Item) -> Sample:
        """Decode a pair.

        Raises UserError where a file does not decode, sizes differ, or the mask is of another kind.
        """
        stored = read_stored(item.image_path)
        return Sample(
            image=stored.turned,
            masks=self.read_masks(item, stored),
            dataset=self.name,
            image_id=item.image_id,
            subject=item.subject,
            tone=item.tone,
        )

    def read_unlabelled(self, item: Item) -> Sample:
        """Decode the image alone: no mask file is opened, and no head is labelled."""
        return Sample(
            image=read_image(item.image_path),
            masks={},
            dataset=self.name,
            image_id=item.image_id,
            subject=item.subject,
            tone=item.tone,
        )

    def label_tones(self, path: Path) -> None:
        """Take tones from a CSV with the columns image and tone (Fitzpatrick 1 to 6, or empty for unknown).

        A table with a column dataset may speak of several; only the rows of this one count. Images that are
        not listed keep what they have. Raises UserError for another tone and for an image that is not here.
        """
        tones: dict[str, int | None] = {}
        ids = {item.image_id for item in self.items}
        for row in read_name_table(path, "tone", self.name):
            if row.value not in {"1", "2", "3", "4", "5", "6", ""}:
                raise UserError(
                    f"{path} line {row.line}: tone {row.value!r} of {row.image}, expected a Fitzpatrick group from 1 "
                    "to 6, or nothing where it is unknown; correct the line"
                )
            tones[find_image(row, ids, self.name, path)] = int(row.value) if row.value else None
        self.items = tuple(
            replace(item, tone=tones[item.image_id]) if item.image_id in tones else item
            for item in self.items
        )

    def complain(self, paths: Collection[Path], sentence: str, each: str | None = None) -> None:
        """Raise a UserError about these files or, where the dataset is not opened strictly, note each as a flaw,
        for the reason `each`: what the sentence says of all of them."""
        if self.strict:
            raise UserError(f"{self.title} in {self.root}: {sentence}")
        self.flaws += [Flaw(path, each or sentence) for path in sorted(paths)]

    def _pair(self, part: Part, images: Path, masks: Path) -> Iterator[Item]:
        image_of, mask_of = self.files_by_stem(images), self.files_by_stem(masks)
        mask_of = {self.mask_stem(stem): path for stem, path in mask_of.items()}
        for what, missing, file_of, folder in (
            ("images have no mask", image_of.keys() - mask_of.keys(), image_of, masks),
            ("masks have no image", mask_of.keys() - image_of.keys(), mask_of, images),
        ):
            if missing:
                names = ", ".join(sorted(missing)[:3]) + (", ..." if len(missing) > 3 else "")
                self.complain(
                    [file_of[stem] for stem in missing],
                    f"{len(missing)} {what} ({names}), expected a file "
                    f"of the same name in {folder}; restore them from the dataset's own archive",
                    each=f"no file of the same name in {folder}",
                )
        for stem in image_of.keys() & mask_of.keys():
            try:
                subject = self.subject_of(stem)
            except UserError as error:
                if self.strict:
                    raise
                self.flaws.append(Flaw(image_of[stem], str(error)))
                continue
            yield Item(part.prefix + stem, image_of[stem], mask_of[stem], subject=subject)

    def files_by_stem(self, folder: Path) -> dict[str, Path]:
        """The image files in `folder` by `canonical` name without suffix; other files are `passed_over`.

        Complains where two files have one such name: which of them is meant would be a guess.
        """
        files: dict[str, Path] = {}
        twins: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            if is_image_name(path):
                stem = canonical(path.stem)
                first = files.setdefault(stem, path)
                if first is not path:
                    twins.setdefault(stem, [first]).append(path)
            elif not is_clutter(path.name):
                why = (
                    "a folder, which is not looked into"
                    if path.is_dir()
                    else f"no picture's ending ({path.suffix})"
                )
                self.passed_over.append(PassedOver(path, why))
        for stem, paths in twins.items():
            names = " and ".join(path.name for path in paths)
            self.complain(
                paths,
                f"both {names} found in {folder}, expected one file of that name; "
                "move the one that is not the publisher's away",
            )
            del files[stem]
        return files


def find_below(folder: Path, relative: str) -> Path | None:
    """The sub-folder `relative` ("a/b") of `folder`, whatever the case of its letters, or None."""
    for name in relative.split("/"):
        exact = folder / name
        if not exact.is_dir():
            alike = [path for path in sub_folders(folder) if path.name.lower() == name.lower()]
            if not alike:
                return None
            exact = alike[0]
        folder = exact
    return folder


def sub_folders(folder: Path) -> list[Path]:
    """The visible folders in `folder`, sorted; none where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not is_clutter(path.name))
    except OSError:
        return []
