"""Rendered frames of one person, whose tone is known: what a recogniser learns from and is measured on."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from skinseg.datasets.rendered import Rendered, read_scenes_table
from skinseg.errors import UserError
from skinseg.images.decoding import Image, read_image
from skinseg.recognition.view import Mask
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import skin_mask


@dataclass(frozen=True)
class Frame:
    """image: uint8 (H, W, 3). skin: uint8 (H, W) in {0, 1}. ita, group: asked for."""

    image_id: str
    image: Image
    skin: Mask
    ita: float
    group: int


def one_person(dataset: Rendered) -> pd.DataFrame:
    """The rows of a set's table with one person, by `image` without suffix: of several, whose skin it is is not told.

    Raises UserError where the table lacks a column, or no frame has one person.
    """
    path = dataset.root / "scenes.parquet"
    scenes = read_scenes_table(path)
    missing = [name for name in ("people", "ita", "fitzpatrick") if name not in scenes]
    if missing:
        raise UserError(
            f"{path}: columns {', '.join(missing)} are missing, expected the table of `skinseg render`; run it on the "
            "set again"
        )
    alone = scenes[scenes["people"] == 1].copy()
    alone["image"] = [Path(str(name)).stem for name in alone["image"]]
    if not len(alone):
        raise UserError(f"{path}: no frame of one person in {len(scenes)}; render a set with single people")
    return alone.set_index("image", drop=False)


def read_frames(dataset: Rendered, scenes: pd.DataFrame, ids: Collection[str]) -> Iterator[Frame]:
    """The frames of these ids that `scenes` has, one after the other. Raises UserError as the dataset does."""
    wanted = set(ids) & set(scenes.index)
    ita = {str(name): float(value) for name, value in scenes["ita"].items()}
    groups = {str(name): int(value) for name, value in scenes["fitzpatrick"].items()}
    for item in dataset.items:
        if item.image_id in wanted:
            yield Frame(
                item.image_id,
                read_image(item.image_path),
                skin_mask(read_labels(item.mask_path)),
                ita[item.image_id],
                groups[item.image_id],
            )
