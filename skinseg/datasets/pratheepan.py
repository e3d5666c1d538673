"""Pratheepan: 78 photographs from the web, 32 of faces and 46 of families."""

from skinseg.datasets.base import Dataset, Part


class Pratheepan(Dataset):
    """Masks are PNG, white on black, most with an alpha channel that means nothing. No subjects, no split."""

    name = "pratheepan"
    title = "Pratheepan"
    citation = (
        "Tan, Chan, Yogarajah, Condell: A fusion approach for efficient human skin detection, TII 8(1), 2012"
    )
    terms = "non-commercial, cite the paper"
    published = 78
    offer = "the authors' page, http://cs-chan.com/downloads_skin_dataset.html"
    layout = (
        "pratheepan/Pratheepan_Dataset/{FacePhoto,FamilyPhoto}/*.jpg (one is .jpeg)",
        "pratheepan/Ground_Truth/{GroundT_FacePhoto,GroundT_FamilyPhoto}/*.png",
    )
    label_policy = "lips, eyes and brows are not skin, nails are; marked by hand"
    parts = tuple(
        Part(f"Pratheepan_Dataset/{part}", f"Ground_Truth/GroundT_{part}", prefix=f"{part}/")
        for part in ("FacePhoto", "FamilyPhoto")
    )
