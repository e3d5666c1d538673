"""SFA: 1118 face photographs, drawn from FERET and AR."""

from pathlib import Path

from skinseg.datasets.base import Dataset, Part
from skinseg.datasets.decoding import cut_out_mask
from skinseg.datasets.sample import Image, Mask


class Sfa(Dataset):
    """Masks are JPEG-compressed colour cut-outs on black: skin where max(R, G, B) > 24.

    Compression leaves dark fringes on the black; pixels with a maximum of 9 to 24 may be either and are
    ignored. The patches in SKIN/ and NS/ are not read. No subjects and no split are published.
    """

    name = "sfa"
    title = "SFA"
    citation = "Casati, Moraes, Rodrigues: SFA: a human skin image database based on FERET and AR, WVC, 2013"
    parts = (Part("ORI", "GT"),)

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        return {"skin": cut_out_mask(pixels, image, path, on_white=False, sure=24, unsure=8)}
