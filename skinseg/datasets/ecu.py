"""ECU face and skin database (also FSD): 4000 photographs of people in colour."""

from pathlib import Path

from skinseg.datasets.base import Dataset, Part
from skinseg.datasets.mask_forms import binary_mask, channel_extremes, cut_out_mask
from skinseg.datasets.sample import Mask
from skinseg.images.decoding import Image


class Ecu(Dataset):
    """Copies of ECU circulate with masks of two kinds, and each file is taken for what it is:

    - black and white, `imNNNNN.png` or `.bmp`, white is skin;
    - colour cut-outs on white, `imNNNNN_s.bmp` (recognised by that name, or by their colours): what is not
      white is skin. Skin that is itself pure white cannot be told from the paper and counts as background.

    No subjects and no split are published.
    """

    name = "ecu"
    title = "ECU"
    citation = (
        "Phung, Bouzerdoum, Chai: Skin segmentation using color pixel classification, TPAMI 27(1), 2005"
    )
    published = 4000
    offer = (
        "the author's page, https://documents.uow.edu.au/~phung/download.html (also called FSD); "
        "permission may have to be asked for"
    )
    layout = ("ecu/origin_images/imNNNNN.jpg", "ecu/skin_masks/imNNNNN.png (or .bmp, or imNNNNN_s.bmp)")
    mask_form = "white is skin; or a colour cut-out on white"
    label_policy = "by several hands: eyes are not skin, brows and lips mostly not, nails are"
    parts = (Part("origin_images", "skin_masks"),)

    def mask_stem(self, stem: str) -> str:
        return stem.removesuffix("_s")

    def masks(self, pixels: Image, image: Image, path: Path) -> dict[str, Mask]:
        low, high = channel_extremes(pixels)
        coloured = (high - low > 16).mean() > 0.001
        if coloured or path.stem.endswith("_s"):
            return {"skin": cut_out_mask(pixels, image, path, on_white=True, sure=0, unsure=0)}
        return {"skin": binary_mask(pixels, path, ignore_grey=self.ignores_unsure)}
