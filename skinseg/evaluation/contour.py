"""How well a predicted outline follows the true one: the counts behind the boundary F-score.

A contour pixel is a foreground pixel with a background pixel among its four neighbours; the picture's own frame
is no contour. It is right where the other contour has a pixel within 0.75 % of the image's diagonal, Euclidean
(Martin, Fowlkes, Malik 2004, IEEE TPAMI 26:530-549; for segmentation Csurka, Larlus, Perronnin 2013, BMVC).
Ignored pixels are background in the mask and in the prediction alike.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Mask

TOLERANCE = 0.0075  # of the image's diagonal

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True)
class ContourCounts:
    """Pixels: of the true contour, those of it that were found; of the predicted contour, those that are right."""

    contour_true: int
    contour_found: int
    contour_predicted: int
    contour_right: int


def contour(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The contour pixels, bool (H, W), of a mask, bool (H, W)."""
    # erode's default border never erodes: the frame is no contour.
    inner = cv2.erode(mask.view(np.uint8), _CROSS)
    return np.asarray(mask & (inner == 0))


def contour_counts(predicted: npt.NDArray[np.bool_], mask: Mask) -> ContourCounts:
    """Compare the contours of a prediction, bool (H, W), and of a mask, uint8 (H, W) in {0, 1, 255}."""
    true = contour(mask == FOREGROUND)
    claimed = contour(predicted & (mask != IGNORE))
    radius = TOLERANCE * float(np.hypot(*mask.shape))
    return ContourCounts(
        contour_true=int(np.count_nonzero(true)),
        contour_found=_near(true, claimed, radius),
        contour_predicted=int(np.count_nonzero(claimed)),
        contour_right=_near(claimed, true, radius),
    )


def _near(pixels: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_], radius: float) -> int:
    """How many of `pixels` have one of `others` within `radius` pixels."""
    left, top, columns, rows = cv2.boundingRect(pixels.view(np.uint8))
    # What is further away than the radius cannot be within it.
    rim = int(np.ceil(radius)) + 1
    part = np.s_[max(0, top - rim) : top + rows + rim, max(0, left - rim) : left + columns + rim]
    pixels, others = pixels[part], others[part]
    if not (pixels.any() and others.any()):
        return 0
    # Float32 distances are off by a millionth; a distance that is the radius itself is within.
    away = cv2.distanceTransform((~others).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return int(np.count_nonzero(away[pixels] <= radius * (1 + 1e-6)))
