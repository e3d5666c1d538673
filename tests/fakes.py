"""Fakes of every dataset, generated in its publisher's own layout, names and mask bytes.

Each image is noise on a plain wall with one skin-coloured ellipse, so that a model can learn it in seconds.
Images and masks of a fake agree pixel by pixel; `CENTRE` is skin and `CORNER` is background in all of them.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image as PillowImage

from skinseg.synthetic.label_image import encode_labels
from skinseg.synthetic.labels import PartClass

HEIGHT, WIDTH = 72, 96
CENTRE = (HEIGHT // 2, WIDTH // 2)
CORNER = (2, 2)

Pixels = npt.NDArray[np.uint8]

# sRGB of a cheek, Fitzpatrick 1 to 6
TONES = ((244, 208, 190), (232, 190, 166), (214, 165, 135), (184, 130, 98), (130, 86, 62), (84, 56, 44))
WALLS = ((70, 110, 150), (90, 130, 80), (120, 120, 130), (50, 60, 90))


@dataclass(frozen=True)
class Fake:
    """image: uint8 (H, W, 3), RGB; skin: bool (H, W); tone: Fitzpatrick 1-6."""

    image: Pixels
    skin: npt.NDArray[np.bool_]
    tone: int


def fake(index: int, height: int = HEIGHT, width: int = WIDTH) -> Fake:
    """The same picture for the same index; tones go round the six groups."""
    rng = np.random.default_rng([17, index])
    tone = index % 6 + 1
    skin = np.zeros((height, width), np.uint8)
    axes = (int(rng.integers(width // 6, width // 3)), int(rng.integers(height // 6, height // 3)))
    cv2.ellipse(skin, (width // 2, height // 2), axes, float(rng.integers(0, 180)), 0, 360, 1, -1)
    image = np.empty((height, width, 3), np.float32)
    image[:] = WALLS[index % len(WALLS)]
    image[skin == 1] = TONES[tone - 1]
    image += rng.normal(0, 6, image.shape)
    return Fake(image.clip(0, 255).astype(np.uint8), skin == 1, tone)


def write(path: Path, pixels: Pixels) -> None:
    """RGB, RGBA or grey pixels, in the format of the suffix; JPEG at quality 95."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix.lower() in {".jpg", ".jpeg"} else []
    assert cv2.imwrite(str(path), pixels, options)


def write_bilevel(path: Path, white: npt.NDArray[np.bool_]) -> None:
    """A 1-bit file, which OpenCV cannot write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(white).convert("1").save(path)


def make_ecu(root: Path, count: int = 12, masks: str = "png") -> Path:
    """masks: "png" or "bmp", white is skin; "cut-out" for `imNNNNN_s.bmp`, the skin's colours on white."""
    for i in range(count):
        picture = fake(i)
        name = f"im{i + 1:05d}"
        write(root / "origin_images" / f"{name}.jpg", picture.image)
        if masks == "cut-out":
            cut = np.where(picture.skin[:, :, None], np.minimum(picture.image, 254), 255).astype(np.uint8)
            write(root / "skin_masks" / f"{name}_s.bmp", cut)
        else:
            write(root / "skin_masks" / f"{name}.{masks}", picture.skin.astype(np.uint8) * 255)
    return root


def make_hgr(root: Path, count: int = 16) -> Path:
    """HGR1 and HGR2B in turns, five subjects, 1-bit BMP masks with black skin."""
    for i in range(count):
        picture = fake(i)
        folder, name = (
            ("hgr1", f"{i}_P_hgr1_id{i % 5 + 1:02d}_1")
            if i % 2 == 0
            else ("hgr2b", f"{i}_A_hgr2B_id{i % 5 + 1:02d}_1")
        )
        write(root / f"{folder}_images" / "original_images" / f"{name}.jpg", picture.image)
        write_bilevel(root / f"{folder}_skin" / "skin_masks" / f"{name}.bmp", ~picture.skin)
    return root


def make_sfa(root: Path, count: int = 12) -> Path:
    """JPEG cut-outs on black, with the patch folders that readers ignore."""
    for i in range(count):
        picture = fake(i)
        write(root / "ORI" / f"img ({i + 1}).jpg", picture.image)
        cut = np.where(picture.skin[:, :, None], picture.image, 0).astype(np.uint8)
        write(root / "GT" / f"img ({i + 1}).jpg", cut)
        write(root / "SKIN" / "1" / f"img ({i + 1}).jpg", picture.image[30:35, 40:45])
    return root


def make_abdomen(root: Path, count: int = 12) -> Path:
    """Three in four to train; masks 1-bit and grey in turns, and the known bad label."""
    for i in range(count):
        picture = fake(i, 64, 64)
        part = root / ("test" if i % 4 == 3 else "train")
        write(part / "original_images" / f"{i + 1:05d}.jpg", picture.image)
        mask = part / "skin_masks" / f"{i + 1:05d}.png"
        if i % 2 == 0:
            write_bilevel(mask, picture.skin)
        else:
            write(mask, cv2.GaussianBlur(picture.skin.astype(np.uint8) * 255, (3, 3), 0))
    write(root / "train" / "original_images" / "01227.jpg", fake(1227, 64, 64).image)
    write_bilevel(root / "train" / "skin_masks" / "01227.png", np.zeros((64, 64), np.bool_))
    return root


def make_pratheepan(root: Path, count: int = 12) -> Path:
    """RGBA masks, some RGB; `.jpg`, one `.JPG` and one `.jpeg`."""
    for i in range(count):
        picture = fake(i)
        part, name = ("FacePhoto", "FamilyPhoto")[i % 2], f"photo {i:02d}"
        suffix = {0: "jpeg", 1: "JPG"}.get(i, "jpg")
        write(root / "Pratheepan_Dataset" / part / f"{name}.{suffix}", picture.image)
        white = np.repeat(picture.skin[:, :, None], 3, axis=2).astype(np.uint8) * 255
        alpha = np.full((*picture.skin.shape, 1), 255, np.uint8)
        write(
            root / "Ground_Truth" / f"GroundT_{part}" / f"{name}.png",
            white if i % 4 == 3 else np.concatenate([white, alpha], axis=2),
        )
    return root


def make_folder(root: Path, count: int = 12, table: bool = False) -> Path:
    """Somebody's own pairs: upper-case endings, a name with spaces and brackets; with `table` a `pairs.csv`
    with masks of the person, two images a subject, tones and a split."""
    rows = []
    for i in range(count):
        picture = fake(i)
        name = "My photo (1) [crop]" if i == 0 else f"photo-{i:02d}"
        write(root / "images" / f"{name}.JPG", picture.image)
        mask = picture.skin.astype(np.uint8) * 255
        write(root / "masks" / f"{name}.PNG", mask)
        person = cv2.dilate(mask, np.ones((9, 9), np.uint8))
        if table:
            write(root / "people" / f"{name}.png", person)
        part = ("train", "train", "validation", "test")[i // 2 % 4]
        rows.append(
            {
                "image": f"images/{name}.JPG",
                "mask": f"masks/{name}.PNG",
                "person": f"people/{name}.png" if i % 2 == 0 else "",
                "subject": f"subject {i // 2}",
                "tone": picture.tone,
                "split": part,
            }
        )
    if table:
        pd.DataFrame(rows).to_csv(root / "pairs.csv", index=False)
    return root


def make_rendered(root: Path, count: int = 12, size: int = 64) -> Path:
    """A set as `skinseg render` writes it: hair above the skin, clothing below it, eyes in it."""
    rows = []
    for i in range(count):
        picture = fake(i, size, size)
        labels = np.where(picture.skin, PartClass.SKIN, PartClass.BACKGROUND).astype(np.uint8)
        image = picture.image.copy()
        for value, rows_of, color in (
            (PartClass.HAIR, slice(size // 8, size // 4), (40, 30, 25)),
            (PartClass.CLOTHING, slice(size * 3 // 4, size), (150, 40, 60)),
        ):
            labels[rows_of, size // 4 : size * 3 // 4] = value
            image[rows_of, size // 4 : size * 3 // 4] = color
        labels[size // 2 - 3, size // 2 - 4] = PartClass.EYES
        write(root / "images" / f"{i:06d}.png", image)
        (root / "masks").mkdir(exist_ok=True)
        (root / "masks" / f"{i:06d}.png").write_bytes(encode_labels(labels))
        rows.append({"index": i, "image": f"{i:06d}.png", "fitzpatrick": picture.tone})
    pd.DataFrame(rows).to_parquet(root / "scenes.parquet")
    return root


MAKERS = {
    "ecu": (make_ecu, "ecu"),
    "hgr": (make_hgr, "hgr"),
    "sfa": (make_sfa, "SFA"),
    "abdomen": (make_abdomen, "Dataset8_Abdomen"),
    "pratheepan": (make_pratheepan, "pratheepan"),
}


def make_all(data_root: Path, count: int = 12) -> Path:
    """The five datasets of photographs below one folder, which is returned; `count` is at least 4."""
    for make, folder in MAKERS.values():
        make(data_root / folder, count)
    return data_root
