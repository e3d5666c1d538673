"""skinseg: multi-task U-Net skin segmentation, from rendered humans to an IoU on photographs.

import skinseg
prediction = skinseg.load("runs/finetune").predict("photo.jpg")
prediction.masks["skin"]  # bool (H, W)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from skinseg.models.inference import Predictor

__version__ = "0.1.0"


def load(path: "Path | str", device: str = "auto") -> "Predictor":
    """A trained model, ready to predict; see `skinseg.models.inference.load`."""
    from skinseg.models import (
        inference,  # torch takes seconds to import, which `skinseg --help` does not need
    )

    return inference.load(path, device)
