"""What every dataset shares: pairing images with masks in the publisher's own folders, and reading a pair.

A new dataset is one file: a subclass that names its folders and, where its masks are not plain white on
black, overrides `masks`; then one line in `registry.py`.
"""

from abc import ABC
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from skinseg.datasets.decoding import binary_mask, read_image, read_mask_pixels
from skinseg.datasets.sample import Image, Mask, Sample
from skinseg.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Item:
    """One image with its mask on disk. `image_id` is unique in its dataset and the same on every machine."""

    image_id: str
    image_path: Path
    mask_path: Path
    subject: str | None = None
    tone: int | None = None


@dataclass(frozen=True)
class Part:
    """A folder of images and the folder of their masks, below the dataset's; `prefix` starts their ids."""

    images: str
    masks: str
    prefix: str = ""


class Dataset(ABC):
    """The images of one dataset, in the order of their ids.

    Subclasses set the class attributes; `name` is what the command line and the result rows say.
    `test_share` is the part of the images that `data.splits` sets aside where no split is published.

    Opening lists the files and raises UserError where masks are missing, or images are; nothing is decoded.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    citation: ClassVar[str]
    terms: ClassVar[str] = "research, non-commercial"
    parts: ClassVar[tuple[Part, ...]]
    parts_are_optional: ClassVar[bool] = False
    excluded: ClassVar[frozenset[str]] = frozenset()
    test_share: ClassVar[float] = 0.2

    def __init__(self, root: Path) -> None:
        self.root = root
        items = (item for item in self.list_items() if item.image_id not in self.excluded)
        self.items = tuple(sorted(items, key=lambda item: item.image_id))
        if not self.items:
            expected = ", ".join(f"{part.images}/" for part in self.parts)
            raise UserError(
                f"{self.title} in {root}: no images found, expected them in {expected}; unpack them there"
            )

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
        """Image id to "train" or "test" where the dataset publishes a split, else None."""
        return None

    def list_items(self) -> Iterator[Item]:
        """All pairs below the root, in any order."""
        for part in self.parts:
            images, masks = find_below(self.root, part.images), find_below(self.root, part.masks)
            if images is None and masks is None and self.parts_are_optional:
                continue
            for found, expected, other in (
                (images, part.images, part.masks),
                (masks, part.masks, part.images),
            ):
                if found is None:
                    raise UserError(
                        f"{self.title} in {self.root}: folder {expected}/ is missing, expected it beside "
                        f"{other}/ with one file for each there; unpack it from the dataset's own archive"
                    )
            assert images is not None
            assert masks is not None
            yield from self._pair(part, images, masks)

    def subject_of(self, stem: str) -> str | None:
        """The person in an image, by its file name without suffix; None where names do not tell."""
        return None

    def mask_stem(self, stem: str) -> str:
        """The image's stem that belongs to a mask's stem: by default the same."""
        return stem

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        """Masks by head, each uint8 (H, W) in {0, 1, 255}, from a mask file's RGB pixels, uint8 (H, W, 3).

        A head that is not in the answer is not labelled. By default: white is skin, nothing else is known.
        """
        return {"skin": binary_mask(pixels, path)}

    def read(self, item: Item) -> Sample:
        """Decode a pair.

        Raises UserError where a file does not decode, sizes differ, or the mask is of another kind.
        """
        image = read_image(item.image_path)
        pixels = read_mask_pixels(item.mask_path)
        if pixels.shape != image.shape:
            raise UserError(
                f"mask {item.mask_path}: {pixels.shape[1]}x{pixels.shape[0]} pixels found, expected "
                f"{image.shape[1]}x{image.shape[0]} as its image {item.image_path.name} has; "
                "restore both from the dataset's own archive"
            )
        masks = self.masks(pixels, image, item.mask_path)
        return Sample(
            image=image,
            skin=masks.get("skin"),
            person=masks.get("person"),
            dataset=self.name,
            image_id=item.image_id,
            subject=item.subject,
            tone=item.tone,
        )

    def _pair(self, part: Part, images: Path, masks: Path) -> Iterator[Item]:
        image_of, mask_of = files_by_stem(images), files_by_stem(masks)
        mask_of = {self.mask_stem(stem): path for stem, path in mask_of.items()}
        for what, missing, folder in (
            ("images have no mask", image_of.keys() - mask_of.keys(), masks),
            ("masks have no image", mask_of.keys() - image_of.keys(), images),
        ):
            if missing:
                names = ", ".join(sorted(missing)[:3]) + (", ..." if len(missing) > 3 else "")
                raise UserError(
                    f"{self.title} in {self.root}: {len(missing)} {what} ({names}), expected a file "
                    f"of the same name in {folder}; restore them from the dataset's own archive"
                )
        for stem, path in image_of.items():
            yield Item(part.prefix + stem, path, mask_of[stem], subject=self.subject_of(stem))


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
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def files_by_stem(folder: Path) -> dict[str, Path]:
    """The image files in `folder` by name without suffix; other files and hidden ones are passed over.

    Raises UserError where two files differ in their suffix only: which of them is meant would be a guess.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            twin = files.setdefault(path.stem, path)
            if twin is not path:
                raise UserError(
                    f"{folder}: both {twin.name} and {path.name} found, expected one file of that name; "
                    "move the one that is not the publisher's away"
                )
    return files
