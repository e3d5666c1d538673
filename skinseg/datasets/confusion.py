"""Confusion counts of one binary prediction against one mask: what every reported number reduces."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skinseg.datasets.sample import FOREGROUND, IGNORE, Mask


@dataclass(frozen=True)
class Confusion:
    """Pixel counts. `ignored` pixels are in none of the other four."""

    tp: int
    fp: int
    fn: int
    tn: int
    ignored: int

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN); 1 for an empty prediction on an empty mask."""
        union = self.tp + self.fp + self.fn
        return self.tp / union if union else 1.0


def confusion(predicted: npt.NDArray[np.bool_], mask: Mask) -> Confusion:
    """Count a prediction, bool (H, W), against a mask, uint8 (H, W) in {0, 1, 255}."""
    if predicted.shape != mask.shape:
        raise ValueError(f"prediction {predicted.shape} and mask {mask.shape} differ in shape")
    valid = mask != IGNORE
    positive = mask == FOREGROUND
    tp = int(np.count_nonzero(predicted & positive))
    fp = int(np.count_nonzero(predicted & ~positive & valid))
    fn = int(np.count_nonzero(~predicted & positive))
    ignored = int(mask.size - np.count_nonzero(valid))
    return Confusion(tp=tp, fp=fp, fn=fn, tn=mask.size - ignored - tp - fp - fn, ignored=ignored)
