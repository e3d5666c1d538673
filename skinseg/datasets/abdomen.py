"""Abdomen: 1400 photographs of bellies, 227x227 pixels."""

from collections.abc import Mapping
from pathlib import Path

from skinseg.datasets.base import Dataset, Part
from skinseg.datasets.mask_forms import binary_mask
from skinseg.datasets.sample import Mask
from skinseg.images.decoding import Image


class Abdomen(Dataset):
    """Published split: 1200 images to train, 200 to test. White is skin, cut at level 127: some masks are
    1-bit, some grey with soft edges.

    `train/01227` is left out: its mask is all black over an image full of skin.
    """

    name = "abdomen"
    title = "Abdomen"
    citation = (
        "Topiwala et al.: Adaptation and evaluation of deep learning techniques for skin segmentation, 2019"
    )
    published = 1400
    offer = (
        "links in the authors' repository, https://github.com/MRE-Lab-UMD/abd-skin-segmentation; "
        "the archive of this set alone is enough"
    )
    layout = (
        "Dataset8_Abdomen/train/original_images, Dataset8_Abdomen/train/skin_masks",
        "Dataset8_Abdomen/test/original_images, Dataset8_Abdomen/test/skin_masks",
    )
    label_policy = "bellies, marked by hand; masks are cut at level 127, also where their edges are soft"
    parts = (
        Part("train/original_images", "train/skin_masks", prefix="train/"),
        Part("test/original_images", "test/skin_masks", prefix="test/"),
    )
    excluded = frozenset({"train/01227"})

    @property
    def native_split(self) -> Mapping[str, str]:
        return {item.image_id: item.image_id.split("/")[0] for item in self.items}

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        return {"skin": binary_mask(pixels, path, grey_share=0.25, ignore_grey=self.ignores_unsure)}
