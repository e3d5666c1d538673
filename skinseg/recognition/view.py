"""What a recogniser of tones is shown of a picture: colours of its skin, and nothing else.

What is about the skin could tell the light. In rendered frames it tells the exposure with r .35 (see
docs/results/tones.md), and is left out: hair, eyes and what people wear are then no short cuts.
"""

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.images.decoding import Image
from skinseg.tones.ita import MIN_SKIN_PIXELS

Mask = npt.NDArray[np.uint8]

SIDE = 96
"""Of the square about the skin, pixels: each is the mean of many, so that grain, freckles and moles do not show."""
PIXELS = 192
"""How many of them are seen."""
_LEAST = 8  # pixels of the square that surely are skin, below which those that are it most are taken
_SURE = 200  # of 255: share of a pixel of the square that has to be skin


def view_of(image: Image, skin: Mask) -> npt.NDArray[np.uint8] | None:
    """sRGB of the skin, uint8 (PIXELS, 3), evenly spread over it; None below `MIN_SKIN_PIXELS`.

    image: uint8 (H, W, 3), RGB. skin: uint8 (H, W) in {0, 1, 255}.
    """
    rows, columns = np.nonzero(skin == 1)
    if len(rows) < MIN_SKIN_PIXELS:
        return None
    part = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    scale = min(1.0, SIDE / max(int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
    size = [max(1, round(scale * (each.stop - each.start))) for each in (part[1], part[0])]
    is_skin = (skin[part] == 1).astype(np.float32)
    share = cv2.resize(255 * is_skin, size, interpolation=cv2.INTER_AREA).reshape(-1)
    # Over skin alone: at its rim what is beside it would be mixed in.
    light = image[part].astype(np.float32) * is_skin[..., None]
    mean = cv2.resize(light, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    seen = np.flatnonzero(share >= _SURE)
    if len(seen) < _LEAST:
        seen = np.sort(np.argsort(share, kind="stable")[-_LEAST:])
    seen = seen[np.linspace(0, len(seen) - 1, PIXELS).round().astype(np.intp)]
    colors = 255 * mean[seen] / np.maximum(share[seen], 1e-3)[:, None]
    return np.asarray(colors.clip(0, 255).round(), np.uint8)
