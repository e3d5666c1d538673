"""The network: shades of the skin to a normal distribution of its tone."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from skinseg.tones.ita import _XYZ_FROM_RGB

MIDDLE, SPREAD = 10.0, 35.0
"""Degrees: of the tones that are drawn, about the mean and the deviation. The network speaks in these units."""
SHADES = 12
"""In how many equal parts the skin's pixels are taken, from dark to light."""
FEATURES = 3 * SHADES + 1
_LIT = slice(6, 11)  # of the skin's shades: those that an ITA is taken of
_LEAST = 0.05  # of the deviation, in `SPREAD`: a picture learnt by heart is no certainty
_MOST = 3.0
_SCALE = 40.0  # CIELAB's numbers to about 1
_XYZ = torch.tensor(_XYZ_FROM_RGB.T / _XYZ_FROM_RGB.sum(axis=1), dtype=torch.float32)


def features_of(light: Tensor) -> Tensor:
    """Numbers that the network goes by, (B, FEATURES), of linear colours (B, PIXELS, 3) in [0, 1]: the mean CIELAB of
    each shade, and the ITA of the lit skin."""
    lab = _lab(light)
    order = lab[..., :1].argsort(dim=1).expand_as(lab)
    shades = torch.gather(lab, 1, order).view(len(lab), SHADES, -1, 3).mean(dim=2)
    lit = shades[:, _LIT].mean(dim=1)
    ita = torch.rad2deg(torch.atan2(lit[:, 0] - 50, lit[:, 2]))
    return torch.cat([shades.flatten(1), ita[:, None]], dim=1) / _SCALE


class ToneNetwork(nn.Module):
    """members: networks that learn the same apart, whose answers are one mixture. width: of their two layers."""

    mean: Tensor
    std: Tensor

    def __init__(self, members: int = 5, width: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        self.shape = {"members": members, "width": width}
        for name, values in (("mean", torch.zeros(FEATURES)), ("std", torch.ones(FEATURES))):
            self.register_buffer(name, values)
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Linear(FEATURES, width), nn.SiLU(), nn.Dropout(dropout),
                nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, 2),
            )
            for _ in range(members)
        )  # fmt: skip

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the ITA in degrees, (members, B) each, of `features_of` views."""
        scaled = (features - self.mean) / self.std
        told = torch.stack([member(scaled) for member in self.members])
        deviation = functional.softplus(told[..., 1]).clamp(_LEAST, _MOST)
        return MIDDLE + SPREAD * told[..., 0], SPREAD * deviation


def mixed(mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation, (B,), of the mixture of normal distributions (members, B)."""
    middle = mean.mean(dim=0)
    return middle, (deviation**2 + (mean - middle) ** 2).mean(dim=0).sqrt()


def negative_log_likelihood(mean: Tensor, deviation: Tensor, ita: Tensor) -> Tensor:
    """Of normal distributions, less its constant; the mean over all."""
    return (torch.log(deviation) + 0.5 * ((ita - mean) / deviation) ** 2).mean()


def _lab(light: Tensor) -> Tensor:
    """CIELAB under D65 of linear sRGB in [0, 1], as `skinseg.tones.ita.linear_to_lab`."""
    xyz = light @ _XYZ
    f = torch.where(xyz > 216 / 24389, xyz.clamp(min=1e-6) ** (1 / 3), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f.unbind(dim=-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)
