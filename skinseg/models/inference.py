"""From an image of any size to probabilities at its own resolution."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from skinseg.datasets.decoding import read_image
from skinseg.datasets.sample import Image
from skinseg.errors import UserError
from skinseg.models.checkpoint import model_of, newest_checkpoint, read_checkpoint
from skinseg.models.unet import TwoHeadUnet, padded_side

Probability = npt.NDArray[np.float32]

THRESHOLD = 0.5  # probability from which a pixel counts as foreground; never tuned on a test set


@dataclass(frozen=True)
class Prediction:
    """By head ("skin", "person"), at the image's own resolution: probabilities, float32 (H, W) in [0, 1], and masks,
    bool (H, W), where they are at least `THRESHOLD`."""

    probabilities: dict[str, Probability]

    @property
    def masks(self) -> dict[str, npt.NDArray[np.bool_]]:
        return {head: value >= THRESHOLD for head, value in self.probabilities.items()}


class Predictor:
    """Runs a model on whole images.

    size: the image's long side in pixels as the network sees it; the aspect ratio is kept.
    """

    def __init__(self, model: TwoHeadUnet, size: int, device: torch.device | str = "cpu") -> None:
        self.model = model.to(device).eval()
        self.size = size
        self.device = torch.device(device)

    def predict(self, image: Image | Path | str) -> Prediction:
        """Segment an image, uint8 (H, W, 3), RGB, or the file of one.

        Raises UserError for a file that cannot be read as an image, and ValueError for an array of another kind.
        """
        pixels = read_image(Path(image)) if isinstance(image, str | Path) else image
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"image is {pixels.dtype} {pixels.shape}, expected uint8 (H, W, 3), RGB")
        return Prediction(self.probabilities(pixels))

    def probabilities(self, image: Image) -> dict[str, Probability]:
        """Probability of each head, float32 (H, W) in [0, 1], for an image uint8 (H, W, 3), RGB.

        The probability map is resized back to (H, W); a mask never is. The three steps are public so that
        reading, the network and counting can overlap (`skinseg.evaluation.score`).
        """
        return self.finish(self.forward(self.prepare(image)), image.shape[:2])

    def prepare(self, image: Image) -> torch.Tensor:
        """The network's input, uint8 (1, 3, h, w) on the CPU: the image at `size`, its rim repeated to a
        multiple of the encoder's stride."""
        small = resized(image, self.size)
        rows, columns = small.shape[:2]
        padded = cv2.copyMakeBorder(
            small, 0, padded_side(rows) - rows, 0, padded_side(columns) - columns, cv2.BORDER_REPLICATE
        )
        return torch.from_numpy(padded).permute(2, 0, 1)[None]

    def forward(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits (1, h, w) of each head on the predictor's device."""
        with torch.inference_mode():
            return dict(self.model(batch.to(self.device)))

    def finish(self, logits: dict[str, torch.Tensor], shape: tuple[int, ...]) -> dict[str, Probability]:
        """Probabilities at the image's own (H, W), from the logits of its `prepare`d input."""
        height, width = shape
        rows, columns = _resized_shape(height, width, self.size)
        result = {}
        for head, value in logits.items():
            probability = value[0, :rows, :columns].float().sigmoid().cpu().numpy()
            back = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
            result[head] = np.asarray(back, dtype=np.float32)
        return result


def load(path: Path | str, device: str = "auto") -> Predictor:
    """A trained model, ready to predict.

    path: a checkpoint, a run's folder, or a folder of runs (its newest finished one). device: as `device_named`.
    Raises UserError where there is no checkpoint, or a bad one, and for a device that this machine lacks.
    """
    record = read_checkpoint(newest_checkpoint(Path(path)))
    return Predictor(model_of(record), record.size, device_named(device))


def device_named(name: str) -> torch.device:
    """`auto` (a CUDA GPU where there is one) or what torch calls it. Raises UserError where it cannot be used."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: not usable on this machine; choose auto or cpu") from error
    return device


def resized(image: Image, long_side: int) -> Image:
    """An image uint8 (H, W, 3) with its long side brought to `long_side` pixels, aspect kept."""
    height, width = image.shape[:2]
    if max(height, width) == long_side:
        return image
    rows, columns = _resized_shape(height, width, long_side)
    # Area averaging does not alias where the image shrinks; it blocks where it grows.
    method = cv2.INTER_AREA if max(height, width) > long_side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=method), dtype=np.uint8)


def _resized_shape(height: int, width: int, long_side: int) -> tuple[int, int]:
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
