"""Prediction with torch: on any device, of a network in training too."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.images.decoding import Image
from skinseg.models.prediction import (
    Batch,
    ImagePredictor,
    Probability,
    check_finite,
)
from skinseg.models.unet import STRIDE, TwoHeadUnet

MOST_LANES = 8
"""More would each hold a photograph and its maps, and read faster than disks do."""


class Predictor(ImagePredictor):
    """Runs a model on whole images, see `ImagePredictor`.

    size: the image's long side in pixels as the network sees it; the aspect ratio is kept.
    """

    def __init__(self, model: TwoHeadUnet, size: int, device: torch.device | str = "cpu") -> None:
        super().__init__(size, STRIDE)
        self.model = model.to(device).eval()
        self.device = torch.device(device)

    def run(self, batch: Batch) -> dict[str, Probability]:
        try:
            logits = self.forward(torch.from_numpy(batch))
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            halves = [self.run(half) for half in np.array_split(batch, 2)]
            return {head: np.concatenate([half[head] for half in halves]) for head in halves[0]}
        return {head: value.float().sigmoid().cpu().numpy() for head, value in logits.items()}

    def probabilities(self, image: Image) -> dict[str, Probability]:
        """Probability of each head, float32 (H, W) in [0, 1], for an image uint8 (H, W, 3), RGB.

        The probability map is resized back to (H, W); a mask never is. The three steps are public so that
        reading, the network and counting can overlap (`skinseg.evaluation.score.Source`).
        """
        return self.finish(self.forward(torch.from_numpy(self.network_input(image))), image.shape[:2])

    def prepare(self, sample: Sample) -> torch.Tensor:
        """The network's input, uint8 (1, 3, h, w) on the CPU: the sample's image at `size`, its rim repeated to a
        multiple of the encoder's stride."""
        return torch.from_numpy(self.network_input(sample.image))

    def forward(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits (B, h, w) of each head on the predictor's device."""
        with torch.inference_mode():
            return dict(self.model(batch.to(self.device)))

    def finish(self, logits: dict[str, torch.Tensor], shape: tuple[int, ...]) -> dict[str, Probability]:
        """Probabilities at the image's own (H, W), from the logits of its `prepare`d input."""
        found = {head: value[0].float().sigmoid().cpu().numpy() for head, value in logits.items()}
        check_finite(found)
        return {head: self.at_own_resolution(value, shape) for head, value in found.items()}


@contextmanager
def lanes(device: str | None) -> Iterator[int]:
    """How many images to work on at once, 1 to `MOST_LANES`; meanwhile torch's threads are shared out among them.

    On a CPU, where several threads at one small image wait for each other. Elsewhere it is 1 and nothing changes.
    device: what runs the network, as torch calls it; None where there is no network.
    """
    threads = torch.get_num_threads()
    count = min(threads, MOST_LANES) if device == "cpu" else 1
    if count == 1:
        yield 1
        return
    torch.set_num_threads(threads // count)
    try:
        yield count
    finally:
        torch.set_num_threads(threads)


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
