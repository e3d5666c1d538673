"""The first data contract: what every dataset yields."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skinseg.images.decoding import Image

BACKGROUND = 0
FOREGROUND = 1
IGNORE = 255

HEADS = ("skin", "person")

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One image with the labels it really has.

    image: uint8 (H, W, 3), RGB, at the file's own resolution.
    skin: uint8 (H, W) in {0 background, 1 skin, 255 ignore}, or None where the dataset has no skin label.
    person: the same for the whole person, or None: absent labels are absent, never zeros.
    tone: Fitzpatrick group 1-6 where it is labelled, else None; an estimate is never put here.
    """

    image: Image
    skin: Mask | None
    person: Mask | None
    dataset: str
    image_id: str
    subject: str | None = None
    tone: int | None = None

    def mask(self, head: str) -> Mask | None:
        """The mask of a head ("skin" or "person"), or None where it is not labelled."""
        return self.skin if head == "skin" else self.person
