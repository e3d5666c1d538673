"""One picture per scored image: the photograph, the true mask, and where the prediction differs from it.

Written while the prediction is at hand, so that a report needs neither the model nor the data.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Image, Mask
from skinseg.files import written_whole

LONG_SIDE = 256

# Okabe and Ito's colours, apart in hue and in lightness for every common colour vision deficiency. They lie
# on the grey picture: on the coloured one, orange and yellow drown in skin.
Color = tuple[int, int, int]
TRUE: Color = (0, 114, 178)
FALSE_ALARM: Color = (213, 94, 0)
MISSED: Color = (240, 228, 66)
IGNORED: Color = (30, 30, 30)
_OPACITY = 0.62
_GAP = 4


def panel(image: Image, mask: Mask, predicted: npt.NDArray[np.bool_]) -> Image:
    """Photograph, true mask and prediction side by side, RGB uint8 (h, 3 w + 8, 3), max(h, w) <= 256.

    image: uint8 (H, W, 3). mask: uint8 (H, W) in {0, 1, 255}. predicted: bool (H, W).
    """
    scale = min(1.0, LONG_SIDE / max(mask.shape))
    height, width = (max(1, round(side * scale)) for side in mask.shape)
    photo = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    truth = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    found = cv2.resize(predicted.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0

    grey = np.asarray(cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    skin, ignored = truth == FOREGROUND, truth == IGNORE
    true = _paint(_paint(grey, skin, TRUE), ignored, IGNORED)
    outcome = _paint(grey, skin & found, TRUE)
    outcome = _paint(outcome, found & ~skin & ~ignored, FALSE_ALARM)
    outcome = _paint(outcome, skin & ~found, MISSED)
    outcome = _paint(outcome, ignored, IGNORED)

    gap = np.full((height, _GAP, 3), 255, np.uint8)
    return np.concatenate([photo, gap, true, gap, outcome], axis=1)


def panel_path(results: Path, test_set: str, image_id: str) -> Path:
    """Where the panel of an image lies; an id with slashes becomes folders."""
    return results / "panels" / test_set / f"{image_id}.jpg"


def write_panel(path: Path, picture: Image) -> None:
    """Write a panel as JPEG, whole or not at all. Raises OSError where it cannot."""
    encoded, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not encoded:
        raise OSError(f"{path}: the panel could not be encoded as JPEG")
    with written_whole(path) as beside:
        beside.write_bytes(data.tobytes())


def _paint(picture: Image, where: npt.NDArray[np.bool_], color: Color) -> Image:
    # OpenCV lets other threads run meanwhile, NumPy's masks do not: panels are made while a network predicts.
    flat = np.full_like(picture, color)
    blend = cv2.addWeighted(picture, 1 - _OPACITY, flat, _OPACITY, 0)
    return np.asarray(cv2.copyTo(blend, where.view(np.uint8), picture.copy()), np.uint8)
