"""DANN, domain-adversarial training (Ganin et al. 2016, Domain-Adversarial Training of Neural Networks)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skinseg.data.arrangement import Arrangement
from skinseg.errors import UserError
from skinseg.models.unet import TwoHeadUnet
from skinseg.training.adaptation.base import Adaptation, Pair, TrainingStep


class GradientReversal(torch.autograd.Function):
    """The identity forward; backward the gradient times -lambda."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse_gradient(value: Tensor, strength: float) -> Tensor:
    """`GradientReversal` of a tensor."""
    reversed_: Tensor = GradientReversal.apply(value, strength)
    return reversed_


def reversal_strength(progress: float, gamma: float) -> float:
    """lambda_p = 2 / (1 + exp(-gamma p)) - 1 at a share p of the training: from 0 towards 1 (equation 14)."""
    return 2 / (1 + math.exp(-gamma * progress)) - 1


class Dann(Adaptation):
    """The source's loss, and a discriminator that tells source from target by the encoder's coarsest map, averaged
    over the image; through a gradient that is reversed, the encoder learns to give it nothing to go by.

    As in the paper the discriminator is two hidden layers wide and learns at full strength from the start,
    while the encoder's share grows with lambda. Source and target pass the encoder in one batch: normalised each by
    its own statistics, they would look alike in training and not in use. The decoders see the source alone.

    Args:
        weight: of the domain loss beside the source's loss, for the discriminator and the encoder, 0 or more.
        gamma: how fast lambda rises; the paper's 10 is at 0.46 after a tenth of the training.
        hidden: width of the discriminator's two hidden layers, units.
    """

    # A discriminator would tell augmented colours from others, not the domains: both sets have them.
    arrangement = Arrangement("source", "target")
    cost = 1.8

    def __init__(self, weight: float = 0.1, gamma: float = 10.0, hidden: int = 256) -> None:
        super().__init__()
        for option, value, least in (("weight", weight, 0), ("gamma", gamma, 0), ("hidden", hidden, 1)):
            if not value >= least:
                raise UserError(f"--dann.{option} {value}: expected {least} or more")
        self.weight = weight
        self.gamma = gamma
        self.hidden = hidden

    def attach(self, network: TwoHeadUnet) -> None:
        channels = int(network.encoder.out_channels[-1])
        self.discriminator = nn.Sequential(
            nn.Linear(channels, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, 1),
        )

    def loss(self, training: TrainingStep, pair: Pair) -> Tensor | None:
        images = [pair["source"]["image"], pair["target"]["image"]]
        count = len(images[0])
        features = training.network.features(training.laid_out(torch.cat(images)))
        segmentation = training.labelled_loss(
            training.network.decode([level[:count] for level in features]), pair["source"]
        )
        strength = reversal_strength(training.progress, self.gamma)
        domain = self.domain_loss(features[-1], count, strength)
        training.log_mean("train/domain_loss", domain, count)
        domain = self.weight * domain
        return domain if segmentation is None else segmentation + domain

    def domain_loss(self, features: Tensor, sources: int, strength: float) -> Tensor:
        """Binary cross entropy of the discriminator, on maps (B, C, h, w) of which the first `sources` are the
        source's; the gradient reaches the maps reversed and times `strength`, and the discriminator as it is."""
        pooled = reverse_gradient(features.mean((2, 3)), strength)
        logits = self.discriminator(pooled)[:, 0].float()
        domain = (torch.arange(len(logits), device=logits.device) >= sources).float()
        return F.binary_cross_entropy_with_logits(logits, domain)
