"""A set that `skinseg render` wrote: people with exact masks of skin and person."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from skinseg.datasets.base import Dataset, Item, Part
from skinseg.datasets.sample import Image, Mask
from skinseg.errors import UserError
from skinseg.synthetic.labels import PartClass, person_mask, skin_mask


class Rendered(Dataset):
    """`images/NNNNNN.png`, `labels/NNNNNN.png` (a `PartClass` per pixel) and `scenes.parquet`,
    a row per frame.

    Both heads are labelled; the tone is the Fitzpatrick group that the scene asked for. A frame without a row
    in `scenes.parquet` is not finished and not part of the set.
    """

    name = "rendered"
    title = "rendered set"
    citation = "skinseg, after Gopalakrishnan et al.: S2MGen"
    terms = "yours"
    parts = (Part("images", "labels"),)
    test_share = 0.1

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        return (folder / "scenes.parquet").is_file()

    def list_items(self) -> Iterator[Item]:
        tones = self._tones()
        items = {item.image_id: item for item in super().list_items()}
        missing = sorted(tones.keys() - items.keys())
        if missing:
            raise UserError(
                f"rendered set in {self.root}: {len(missing)} of {len(tones)} frames of scenes.parquet lack "
                f"an image ({', '.join(missing[:3])}), expected images/{missing[0]}.png; "
                "run `skinseg render` on it again"
            )
        for image_id, tone in tones.items():
            yield dataclasses.replace(items[image_id], tone=tone)

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        labels = pixels[:, :, 0]
        if labels.max() > max(PartClass):
            raise UserError(
                f"{path}: label {labels.max()} found, expected classes 0 to {max(PartClass)}; "
                "render the set again"
            )
        return {"skin": skin_mask(labels), "person": person_mask(labels)}

    def _tones(self) -> dict[str, int]:
        import pyarrow.parquet  # slow to import, and only this dataset needs it

        path = self.root / "scenes.parquet"
        try:
            columns = pyarrow.parquet.read_table(path, columns=["image", "fitzpatrick"]).to_pydict()
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{path}: no table with the columns image and fitzpatrick, expected the one that "
                "`skinseg render` writes; run it on the set again"
            ) from error
        return {
            Path(image).stem: int(tone)
            for image, tone in zip(columns["image"], columns["fitzpatrick"], strict=True)
        }
