"""One picture of many frames, to look at before training on them."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.errors import UserError
from skinseg.images.encoding import write_image
from skinseg.synthetic.label_image import PALETTE, read_labels
from skinseg.synthetic.labels import PartClass

CELL = 160  # pixels, side of a frame on the sheet
COLUMNS = 6  # pairs of frame and overlay in a row

Pixels = npt.NDArray[np.uint8]


def tinted(image: Pixels, labels: Pixels) -> Pixels:
    """The image, uint8 (H, W, 3) RGB, with each class of labels, uint8 (H, W), but the background tinted half."""
    colors = image.astype(np.float32)
    for part, color in PALETTE.items():
        inside = (labels == part) & (part != PartClass.BACKGROUND)
        colors[inside] = 0.5 * colors[inside] + 0.5 * np.array(color, np.float32)
    return colors.astype(np.uint8)


def write_contact_sheet(frames: list[tuple[Path, Path]], path: Path) -> None:
    """Write a JPEG grid: each frame with its label overlay to the right.

    frames: (image, labels) files, as many as the sheet is to show; it has `COLUMNS` pairs in a row.
    """
    pairs = [np.hstack(_cell(image, labels)) for image, labels in frames]
    blank = np.zeros((CELL, 2 * CELL, 3), np.uint8)
    pairs += [blank] * (-len(pairs) % COLUMNS)
    rows = [np.hstack(pairs[start : start + COLUMNS]) for start in range(0, len(pairs), COLUMNS)]
    write_image(path, np.vstack(rows)[:, :, ::-1], cv2.IMWRITE_JPEG_QUALITY, 90)


def _cell(image_path: Path, labels_path: Path) -> tuple[Pixels, Pixels]:
    """Frame and overlay; black where the files do not decode, as after a crash of the machine."""
    image = cv2.imread(str(image_path), cv2.IMREAD_COLOR)
    try:
        labels = read_labels(labels_path)
    except UserError:
        image = None
    if image is None:
        blank = np.zeros((CELL, CELL, 3), np.uint8)
        return blank, blank
    shown = np.asarray(cv2.resize(image[:, :, ::-1], (CELL, CELL), interpolation=cv2.INTER_AREA), np.uint8)
    parts = np.asarray(cv2.resize(labels, (CELL, CELL), interpolation=cv2.INTER_NEAREST), np.uint8)
    return shown, tinted(shown, parts)
