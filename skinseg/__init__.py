"""skinseg: multi-task U-Net skin segmentation, from rendered humans to an IoU on photographs.

import skinseg
prediction = skinseg.load().predict("photo.jpg")
prediction.masks["skin"]  # bool (H, W)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from skinseg.models.prediction import ImagePredictor

__version__ = "0.1.0"


def load(path: "Path | str" = "released", device: str = "auto", views: str | None = None) -> "ImagePredictor":
    """A trained model, ready to predict: the released one, or one of your own; see `skinseg.models.loading.load`."""
    from skinseg.models import (
        loading,
    )  # OpenCV takes its time to import, which `skinseg --help` does not need

    return loading.load(path, device, views)
