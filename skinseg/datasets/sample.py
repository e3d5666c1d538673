"""The first data contract: what every dataset yields."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skinseg.images.decoding import Image

BACKGROUND = 0
FOREGROUND = 1
IGNORE = 255

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """One image with the labels it really has.

    image: uint8 (H, W, 3), RGB, at the file's own resolution.
    masks: by head (`skinseg.datasets.heads`), uint8 (H, W) in {0 background, 1 foreground, 255 ignore}. A head that is
        not labelled has no entry: absent labels are absent, never zeros.
    tone: Fitzpatrick group 1-6 where it is labelled, else None; an estimate is never put here.
    """

    image: Image
    masks: dict[str, Mask]
    dataset: str
    image_id: str
    subject: str | None = None
    tone: int | None = None
