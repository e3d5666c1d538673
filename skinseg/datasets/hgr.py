"""Hand Gesture Recognition database: HGR1, HGR2A and HGR2B, 1558 photographs of hands."""

import re
from pathlib import Path

from skinseg.datasets.base import Dataset, Part
from skinseg.datasets.mask_forms import binary_mask
from skinseg.datasets.sample import Mask
from skinseg.errors import UserError
from skinseg.images.decoding import Image


class Hgr(Dataset):
    """Masks are 1-bit BMP and inverted: black is skin. Any of the three parts may be absent.

    File names carry gesture, camera, part and subject: `1_P_hgr1_id03_2` shows subject 03. Whether id 03 of
    HGR1 and of HGR2 is the same person is not published; they count as one, so that no split can put the
    same person on both sides.
    """

    name = "hgr"
    title = "HGR"
    citation = (
        "Kawulok, Kawulok, Nalepa, Smolka: Self-adaptive algorithm for segmenting skin regions, EURASIP, 2014"
    )
    published = 1558
    offer = "the authors' page, http://sun.aei.polsl.pl/~mkawulok/gestures/, as one archive per folder"
    layout = (
        "hgr/hgr1_images/original_images/*.jpg",
        "hgr/hgr1_skin/skin_masks/*.bmp",
        "likewise hgr2a_images, hgr2a_skin, hgr2b_images, hgr2b_skin; any of the three may be absent",
    )
    mask_form = "black is skin"
    label_policy = "hands and forearms; nails are skin"
    parts = tuple(
        Part(f"{part}_images/original_images", f"{part}_skin/skin_masks")
        for part in ("hgr1", "hgr2a", "hgr2b")
    )
    parts_are_optional = True

    def subject_of(self, stem: str) -> str:
        match = re.search(r"_id(\d+)(?:_|$)", stem, re.IGNORECASE)
        if match is None:
            raise UserError(
                f"HGR in {self.root}: file name {stem} names no subject, expected one like 1_P_hgr1_id03_2; "
                "move files that are not the publisher's away"
            )
        return match[1]

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        return {"skin": binary_mask(pixels, path, foreground_is_white=False, ignore_grey=self.ignores_unsure)}
