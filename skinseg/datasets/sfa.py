"""SFA: 1118 face photographs, drawn from FERET and AR."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from skinseg.datasets.base import Dataset, Part
from skinseg.datasets.mask_forms import cut_out_mask
from skinseg.datasets.sample import Mask
from skinseg.images.decoding import Image


class Sfa(Dataset):
    """Masks are JPEG-compressed colour cut-outs on black: skin where max(R, G, B) > 24.

    Compression leaves dark fringes on the black; pixels with a maximum of 9 to 24 may be either and are
    ignored, or background where labels say unsure=cut. The patches in SKIN/ and NS/ are not read. No subjects
    and no split are published.
    """

    name = "sfa"
    title = "SFA"
    citation = "Casati, Moraes, Rodrigues: SFA: a human skin image database based on FERET and AR, WVC, 2013"
    published = 1118
    offer = "the authors' page, http://www.sel.eesc.usp.br/sfa/, after a form"
    layout = ("SFA/ORI/img (N).jpg", "SFA/GT/img (N).jpg, N = 1 to 1118", "SFA/SKIN and SFA/NS are not read")
    mask_form = "colour cut-out on black"
    label_policy = (
        "faces and necks as the cut-outs show them; the dark fringe that JPEG leaves at their rim is unsure"
    )
    label_defaults: ClassVar[Mapping[str, str]] = {"unsure": "ignore"}
    parts = (Part("ORI", "GT"),)

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        mask = cut_out_mask(
            pixels, image, path, on_white=False, sure=24, unsure=8, ignore_unsure=self.ignores_unsure
        )
        return {"skin": mask}
