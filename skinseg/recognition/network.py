"""The network: an encoder's maps, averaged over the skin and over its surroundings, to a normal distribution."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from skinseg.models.encoder import IMAGENET_MEAN, IMAGENET_STD, Channels, build
from skinseg.recognition.view import COLORS

MIDDLE, SPREAD = 10.0, 35.0
"""Degrees: of the tones that are drawn, about the mean and the deviation. The network speaks in these units."""
_LEVELS = slice(2, 5)  # strides 4, 8 and 16: coarser maps mix a hand with what is behind it
_LEAST = 0.05  # of the deviation, in `SPREAD`: a picture learnt by heart is no certainty
_MOST = 3.0


class ToneNetwork(nn.Module):
    """encoder: a name of segmentation_models_pytorch. weights: see `skinseg.models.encoder.build`, which raises."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: str,
        weights: str | None,
        mean: Channels = IMAGENET_MEAN,
        std: Channels = IMAGENET_STD,
        width: int = 128,
    ) -> None:
        super().__init__()
        built = build(encoder, weights)
        self.encoder = built.module
        self.start = built.start
        if weights is not None:
            mean, std = built.mean, built.std
        self.channels = {"mean": list(mean), "std": list(std)}
        for name, values in self.channels.items():
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        maps = self.encoder.out_channels
        self.colors = nn.BatchNorm1d(COLORS)
        self.head = nn.Sequential(
            nn.Linear(2 * sum(maps[_LEVELS]) + maps[-1] + COLORS, width), nn.ReLU(), nn.Linear(width, 2)
        )

    def forward(self, image: Tensor, weight: Tensor, colors: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the ITA in degrees, (B,) each.

        image: uint8 (B, 3, S, S), RGB. weight: float (B, 2, S, S), of skin and surroundings. colors: (B, COLORS).
        """
        maps = self.encoder((image.to(self.mean.dtype) - self.mean) / self.std)
        pooled = [_average(each, weight) for each in maps[_LEVELS]]
        told = self.head(torch.cat([*pooled, maps[-1].mean(dim=(2, 3)), self.colors(colors)], dim=1))
        deviation = functional.softplus(told[:, 1]).clamp(_LEAST, _MOST)
        return MIDDLE + SPREAD * told[:, 0], SPREAD * deviation


def _average(maps: Tensor, weight: Tensor) -> Tensor:
    """The mean of maps (B, C, h, w) under each weight (B, 2, S, S): (B, 2 C); zeros where a weight has nothing."""
    small = functional.adaptive_avg_pool2d(weight, (maps.shape[-2], maps.shape[-1]))
    share = small / small.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
    return torch.einsum("bchw,bkhw->bkc", maps, share).flatten(1)


def negative_log_likelihood(mean: Tensor, deviation: Tensor, ita: Tensor) -> Tensor:
    """Of a normal distribution, less its constant; the mean over the batch."""
    return (torch.log(deviation) + 0.5 * ((ita - mean) / deviation) ** 2).mean()
