"""A set that `skinseg render` wrote: people with exact masks of every head."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skinseg.datasets.base import Dataset, Item, Part
from skinseg.datasets.heads import HEADS
from skinseg.datasets.mask_levels import MEANINGS
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.images.decoding import check_sums, read_image
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import PartClass

if TYPE_CHECKING:
    import pandas as pd

# Parts of the label policy, as classes of the label image.
_CLASS_OF = {
    "eyes": PartClass.EYES,
    "lips": PartClass.LIPS,
    "mouth": PartClass.MOUTH_INTERIOR,
    "nails": PartClass.NAILS,
}


class Rendered(Dataset):
    """`images/NNNNNN.png`, `masks/NNNNNN.png` (a `PartClass` per pixel, as index into a palette) and
    `scenes.parquet`, a row per frame.

    Every head is labelled; the tone is the Fitzpatrick group that the scene asked for. A frame without a row
    in `scenes.parquet` is not finished and not part of the set.
    """

    name = "rendered"
    title = "rendered set"
    citation = "skinseg, after Gopalakrishnan et al.: S2MGen"
    terms = "yours"
    offer = "`skinseg render`"
    layout = ("images/NNNNNN.png", "masks/NNNNNN.png", "scenes.parquet")
    mask_form = "a class per pixel"
    label_policy = "as most annotators of photographs: eyes, lips and the mouth are not skin, nails are"
    label_defaults: ClassVar[Mapping[str, str]] = {
        "eyes": "background",
        "lips": "background",
        "mouth": "background",
        "nails": "skin",
    }
    parts = (Part("images", "masks"),)
    test_share = 0.1

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        return (folder / "scenes.parquet").is_file()

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(HEADS)

    def list_items(self) -> Iterator[Item]:
        # By the table, not by the folders: a crash may have left an image without its mask.
        tones = self._tones()
        images, masks = self._files("images"), self._files("masks")
        for what, folder, files in (("an image", "images", images), ("a mask", "masks", masks)):
            missing = sorted(tones.keys() - files.keys())
            if missing:
                self.complain(
                    [self.root / folder / f"{image_id}.png" for image_id in missing],
                    f"{len(missing)} of {len(tones)} frames of scenes.parquet "
                    f"lack {what} ({', '.join(missing[:3])}), expected {folder}/{missing[0]}.png; "
                    f"run `skinseg render --verify {self.root}`",
                    each="missing, although scenes.parquet names it",
                )
        for image_id, tone in tones.items():
            if image_id in images and image_id in masks:
                yield Item(image_id, images[image_id], masks[image_id], tone=tone)

    def read(self, item: Item) -> Sample:
        # The base class decodes masks to colours; here the value of a pixel is its index.
        check_sums(item.mask_path)
        image, labels = read_image(item.image_path), read_labels(item.mask_path)
        if labels.shape != image.shape[:2]:
            raise UserError(
                f"mask {item.mask_path}: {labels.shape[1]}x{labels.shape[0]} pixels found, expected "
                f"{image.shape[1]}x{image.shape[0]} as its image has; run `skinseg render --verify {self.root}`"
            )
        masks = {head: np.isin(labels, classes).astype(np.uint8) for head, classes in HEADS.items()}
        for part, value in _CLASS_OF.items():
            masks["skin"][labels == value] = MEANINGS[self.labels[part]]
        return Sample(
            image=image,
            masks=masks,
            dataset=self.name,
            image_id=item.image_id,
            subject=item.subject,
            tone=item.tone,
        )

    def _files(self, folder: str) -> dict[str, Path]:
        path = self.root / folder
        return self.files_by_stem(path) if path.is_dir() else {}

    def _tones(self) -> dict[str, int]:
        path = self.root / "scenes.parquet"
        rows = read_scenes_table(path, ("image", "fitzpatrick"))
        tones: dict[str, int] = {}
        for image, tone in zip(rows["image"], rows["fitzpatrick"], strict=True):
            if not isinstance(image, str) or tone not in range(1, 7) or Path(image).stem in tones:
                raise UserError(
                    f"{path}: a row of image {image!r} and group {tone!r} found, expected each image once, with a "
                    f"Fitzpatrick group from 1 to 6; run `skinseg render --verify {self.root}`"
                )
            tones[Path(image).stem] = int(tone)
        return tones


def read_scenes_table(path: Path, columns: Collection[str] | None = None) -> "pd.DataFrame":
    """A set's scenes.parquet, or these columns of it. Raises UserError where it cannot be read or lacks one."""
    import pyarrow  # slow to import, and only this dataset needs it
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, columns=columns and list(columns))
        table.validate(full=True)  # words that are no text would fail later
        frame: pd.DataFrame = table.to_pandas()
        return frame
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise UserError(
            f"{path}: no table with the columns {' and '.join(columns or ('image',))}, expected the one that "
            f"`skinseg render` writes; run `skinseg render --verify {path.parent}`"
        ) from error
