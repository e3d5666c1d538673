"""From an image of any size to probabilities at its own resolution."""

import cv2
import numpy as np
import numpy.typing as npt
import torch

from skinseg.datasets.sample import Image
from skinseg.models.unet import TwoHeadUnet, padded_side

Probability = npt.NDArray[np.float32]

THRESHOLD = 0.5  # probability from which a pixel counts as foreground; never tuned on a test set


class Predictor:
    """Runs a model on whole images.

    size: the image's long side in pixels as the network sees it; the aspect ratio is kept.
    """

    def __init__(self, model: TwoHeadUnet, size: int, device: torch.device | str = "cpu") -> None:
        self.model = model.to(device).eval()
        self.size = size
        self.device = torch.device(device)

    def probabilities(self, image: Image) -> dict[str, Probability]:
        """Probability of each head, float32 (H, W) in [0, 1], for an image uint8 (H, W, 3), RGB.

        The probability map is resized back to (H, W); a mask never is.
        """
        height, width = image.shape[:2]
        small = resized(image, self.size)
        rows, columns = small.shape[:2]
        padded = cv2.copyMakeBorder(
            small, 0, padded_side(rows) - rows, 0, padded_side(columns) - columns, cv2.BORDER_REPLICATE
        )
        batch = torch.from_numpy(padded).to(self.device).permute(2, 0, 1)[None]
        with torch.inference_mode():
            logits = self.model(batch)
        result = {}
        for head, value in logits.items():
            probability = value[0, :rows, :columns].float().sigmoid().cpu().numpy()
            back = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
            result[head] = np.asarray(back, dtype=np.float32)
        return result


def resized(image: Image, long_side: int) -> Image:
    """An image uint8 (H, W, 3) with its long side brought to `long_side` pixels, aspect kept."""
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    if scale == 1:
        return image
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Area averaging does not alias where the image shrinks; it blocks where it grows.
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, shape, interpolation=method), dtype=np.uint8)
