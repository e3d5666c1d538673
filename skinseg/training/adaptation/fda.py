"""FDA, Fourier domain adaptation (Yang & Soatto 2020, FDA: Fourier Domain Adaptation for Semantic Segmentation)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from skinseg.data.arrangement import Arrangement
from skinseg.errors import UserError
from skinseg.training.adaptation.base import Adaptation, Pair, TrainingStep

LARGEST_BAND = 0.5  # the whole spectrum


class Fda(Adaptation):
    """Source images take the low-frequency amplitude of a target image, and are learnt with their own labels.

    The paper then averages three networks, each trained with a band of its own. One network is trained here, so
    its multi-band form is another: with `bands`, each image of a step draws its band.

    Args:
        beta: half-width of the square of frequencies that is swapped, as a share of the shorter side, 0 to 0.5;
            0 changes nothing.
        bands: several of them, in place of `beta`.
    """

    # The target's own colours are what this wants.
    arrangement = Arrangement("source", "target", partner_photometry=False)
    cost = 1.1

    def __init__(self, beta: float = 0.01, bands: list[float] | None = None) -> None:
        super().__init__()
        self.bands = checked_bands("fda.beta", [beta]) if not bands else checked_bands("fda.bands", bands)

    def loss(self, training: TrainingStep, pair: Pair) -> Tensor | None:
        source = pair["source"]
        image = restyled(source["image"], pair["target"]["image"], self.bands)
        return training.supervised_loss({**source, "image": image})


def checked_bands(option: str, bands: Sequence[float]) -> tuple[float, ...]:
    """The bands. Raises UserError for one outside 0 to 0.5."""
    for band in bands:
        if not 0 <= band <= LARGEST_BAND:
            raise UserError(
                f"--{option} {band}: expected a share of the image's shorter side, from 0 to {LARGEST_BAND}"
            )
    return tuple(bands)


def restyled(image: Tensor, style: Tensor, bands: Sequence[float]) -> Tensor:
    """Images uint8 (B, 3, H, W) with the low-frequency amplitude of other images (B', 3, H, W), in turn.

    Each image draws its band. Rounded and clipped to 0-255, uint8.
    """
    style = style[torch.arange(len(image), device=style.device) % len(style)]
    drawn = torch.randint(len(bands), (len(image),)).tolist() if len(bands) > 1 else [0] * len(image)
    result = image.clone()
    for i, band in enumerate(bands):
        rows = [row for row, draw in enumerate(drawn) if draw == i]
        if rows and band > 0:
            mixed = swap_amplitude(image[rows].float(), style[rows].float(), band)
            result[rows] = mixed.round().clamp(0, 255).to(torch.uint8)
    return result


def swap_amplitude(image: Tensor, style: Tensor, beta: float) -> Tensor:
    """Images with their phase and, at low frequencies, the amplitude of `style`; both float32 (B, C, H, W).

    F^-1([M |F(style)| + (1 - M) |F(image)|, angle F(image)]), M the square of frequencies up to
    b = floor(beta min(H, W)) cycles an image in both directions. beta = 0 is the identity.

    The authors published two ways of it that disagree. The NumPy one is followed: it shifts the spectrum's centre to
    the middle and swaps -b to b, symmetric, so that the inverse transform is real. The torch one (which calls
    functions that torch no longer has) swaps 0 to b - 1 and -b to -1, which is not symmetric, and its real
    part is then neither's amplitude. One difference: at beta = 0 the NumPy one still swaps the mean.
    """
    if beta == 0:
        return image
    height, width = image.shape[-2:]
    band = int(beta * min(height, width))
    spectrum, other = torch.fft.rfft2(image), torch.fft.rfft2(style)
    # In whole cycles; a real image's spectrum is symmetric, and half of it says all.
    rows = (torch.fft.fftfreq(height, 1 / height, device=image.device).abs().round() <= band)[:, None]
    columns = torch.fft.rfftfreq(width, 1 / width, device=image.device).round() <= band
    amplitude = torch.where(rows & columns, other.abs(), spectrum.abs())
    mixed: Tensor = torch.fft.irfft2(torch.polar(amplitude, spectrum.angle()), s=(height, width))
    return mixed
