"""Classes of a rendered frame's label image, and the look-ups from it to masks.

Free of everything but the standard library and NumPy: the render worker imports it in its own environment.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class PartClass(IntEnum):
    """The value of a pixel in a label image, uint8 (H, W)."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2  # scalp hair, brows, lashes, beard
    CLOTHING = 3
    EYES = 4
    MOUTH_INTERIOR = 5  # teeth, tongue, mouth cavity
    LIPS = 6
    NAILS = 7
    ACCESSORY = 8  # glasses, hats, jewellery: on the person, not of it
    # Objects that are neither room nor person (held things, furniture) are BACKGROUND.


# Policy: the people who marked skin by hand in Pratheepan and ECU left lips, eyes and brows out, nails in.
SKIN_CLASSES = (PartClass.SKIN, PartClass.NAILS)


def skin_mask(
    labels: npt.NDArray[np.uint8], classes: tuple[PartClass, ...] = SKIN_CLASSES
) -> npt.NDArray[np.uint8]:
    """Skin mask, uint8 (H, W) in {0, 1}: 1 where the label is one of the classes that the policy calls skin."""
    return np.isin(labels, classes).astype(np.uint8)


def person_mask(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Person mask, uint8 (H, W) in {0, 1}: everything that is not background."""
    return np.asarray(labels != PartClass.BACKGROUND, dtype=np.uint8)
