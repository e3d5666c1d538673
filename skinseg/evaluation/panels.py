"""Two small pictures per scored image: the photograph, and what became of each pixel.

Written while the prediction is at hand, so that a report needs neither the model nor the data. True mask, prediction
and their difference are all look-ups into the second one: a report colours it, and no mask is stored twice.
"""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Mask
from skinseg.files import written_whole
from skinseg.images.decoding import Image
from skinseg.images.encoding import write_image

PANELS = "panels"
"""The folder in a results folder that they lie in."""
ID = "id.txt"
"""In it: the id of the evaluation that wrote them, as in rows.parquet and run.json."""

LONG_SIDE = 224
"""Pixels. With `_QUALITY` a photograph and its outcomes take 4.0 kB on average (ECU, HGR, Pratheepan), so that a page
with 2000 of them, in base64, stays under 15 MB."""
_QUALITY = 50
_LONGEST = 255 - len(".outcome.webp")  # bytes of a name, on every disk that is in use

OUTCOMES = ("background", "true", "false alarm", "missed", "ignored")
"""What can become of a pixel; a picture of outcomes is grey, see `level`."""


def level(outcome: int) -> int:
    """The grey level that stands for `OUTCOMES[outcome]`: the middle of one of five equal parts of 0 to 255, where a
    discrete look-up of five entries (SVG's feComponentTransfer) finds it."""
    return round((outcome + 0.5) * 255 / len(OUTCOMES))


def panel(image: Image, mask: Mask, predicted: npt.NDArray[np.bool_]) -> tuple[Image, npt.NDArray[np.uint8]]:
    """The photograph, RGB uint8 (h, w, 3), and the outcomes, uint8 (h, w) of `level`s, max(h, w) <= 224.

    image: uint8 (H, W, 3). mask: uint8 (H, W) in {0, 1, 255}. predicted: bool (H, W).
    """
    scale = min(1.0, LONG_SIDE / max(mask.shape))
    height, width = (max(1, round(side * scale)) for side in mask.shape)
    photo = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    # Masks are shrunk first: counting was done before, at full size, and this is for looking.
    truth = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    found = cv2.resize(predicted.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    outcome = np.zeros((height, width), np.uint8)
    outcome[(truth == FOREGROUND) & found] = 1
    outcome[(truth != FOREGROUND) & found] = 2
    outcome[(truth == FOREGROUND) & ~found] = 3
    outcome[truth == IGNORE] = 4
    return photo, np.array([level(i) for i in range(len(OUTCOMES))], np.uint8)[outcome]


def panel_paths(results: Path, test_set: str, image_id: str) -> tuple[Path, Path]:
    """Where an image's photograph and outcomes lie; an id with slashes becomes folders. One that leads out of
    the folder, as a table's absolute or ../ paths do, or leaves no room for an ending, becomes a name made of its hash
    below `outside`."""
    folder, within = results / PANELS / test_set, Path(image_id)
    if within.is_absolute() or ".." in within.parts or len(os.fsencode(within.name)) > _LONGEST:
        digest = hashlib.sha256(image_id.encode(errors="surrogateescape")).hexdigest()
        within = Path("outside", digest[:32])
    stem = folder / within
    return stem.with_name(f"{stem.name}.photo.webp"), stem.with_name(f"{stem.name}.outcome.webp")


def write_panel(paths: tuple[Path, Path], photo: Image, outcome: npt.NDArray[np.uint8]) -> None:
    """Write both as WebP, the outcomes without loss; each file is whole or absent. Raises OSError where it cannot."""
    # Above 100 OpenCV's WebP is lossless.
    write_image(paths[0], photo[..., ::-1], cv2.IMWRITE_WEBP_QUALITY, _QUALITY)
    write_image(paths[1], outcome, cv2.IMWRITE_WEBP_QUALITY, 101)


def write_panels_id(results: Path, results_id: str) -> None:
    """Say whose the panels are."""
    with written_whole(results / PANELS / ID) as beside:
        beside.write_text(results_id + "\n", encoding="utf-8")


def read_panels_id(results: Path) -> str | None:
    """Whose the panels are, None where they do not say. Raises OSError and ValueError as reading a text does."""
    path = results / PANELS / ID
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None
