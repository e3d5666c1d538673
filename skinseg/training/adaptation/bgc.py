"""BGC, balanced gradient contribution (Ros et al. 2016, Training Constrained Deconvolutional Networks for Road
Scene Semantic Segmentation)."""

import math
from typing import Literal

import torch
from torch import Tensor

from skinseg.data.arrangement import Arrangement
from skinseg.errors import UserError
from skinseg.models.unet import TwoHeadUnet
from skinseg.training.adaptation.base import Adaptation, Pair, TrainingStep, frozen_statistics


class Bgc(Adaptation):
    """Every step follows the target's gradient, perturbed by the source's: g = (1 - r) g_target + r g_source.

    As in the paper each step sees both domains, and the real one's direction is disturbed by the rendered one's in a
    controlled way, which keeps a small real set from being learnt by heart. The paper controls it by how many
    images of each domain are in a batch; here the batches are of equal size and r weighs them, which is the
    same in expectation and goes in finer steps. `bound` makes "perturbation" literal: where r g_source is longer
    than bound times (1 - r) g_target, over the parameters that both reach, it is shortened to that. With a
    bound of at most 1 no step climbs the target's loss, to first order.

    The two batches pass the network one after the other. Batch normalisation so uses each domain's own
    statistics, and its running ones are the target's alone, on which the model will be used. At r = 0 the source is
    not passed at all: target-only training, bit for bit. At r = 1 the target is not, and there is no bound.

    Photographs have no person mask: their part of the person head's gradient is nothing, and r g_source is the
    rest, by the same factor.

    Args:
        ratio: r, the source's share of the gradient, 0 to 1.
        schedule: "constant", or "cosine": from `ratio` at the first step down to 0 at the last.
        bound: largest length of the source's part relative to the target's, 0 or more; None for none.
    """

    arrangement = Arrangement("target", "source", partner_labelled=True)
    cost = 2.0

    def __init__(
        self,
        ratio: float = 0.3,
        schedule: Literal["constant", "cosine"] = "constant",
        bound: float | None = 1.0,
    ) -> None:
        super().__init__()
        if not 0 <= ratio <= 1:
            raise UserError(f"--bgc.ratio {ratio}: expected the source's share of the gradient, from 0 to 1")
        if bound is not None and not bound >= 0:
            raise UserError(f"--bgc.bound {bound}: expected 0 or more, or null for none")
        self.ratio = ratio
        self.schedule = schedule
        self.bound = bound
        self.perturbation: list[Tensor | None] | None = None

    def share(self, progress: float) -> float:
        """r at a share of the training, both 0 to 1."""
        if self.schedule == "constant":
            return self.ratio
        return self.ratio * 0.5 * (1 + math.cos(math.pi * progress))

    def loss(self, training: TrainingStep, pair: Pair) -> Tensor | None:
        self.perturbation = None
        ratio = self.share(training.progress)
        if ratio == 0:
            return training.supervised_loss(pair["target"])
        # Class weights, where they are asked for, are the batch's: the training set's are the target's.
        if ratio == 1:
            return training.supervised_loss(pair["source"], prefix="source_", weights={})
        with frozen_statistics(training.network):
            source = training.supervised_loss(pair["source"], prefix="source_", weights={})
        if source is not None:
            # Apart from the target's, so that the lengths of the two can be compared.
            parameters = [p for p in training.network.parameters() if p.requires_grad]
            gradients = torch.autograd.grad(ratio * source, parameters, allow_unused=True)
            self.perturbation = list(gradients)
        target = training.supervised_loss(pair["target"])
        if target is None:
            return None
        total: Tensor = (1 - ratio) * target
        # The source's part is in the value for the record; its gradient is added after the backward pass.
        return total if source is None else total + ratio * source.detach()

    def after_backward(self, network: TwoHeadUnet) -> None:
        if self.perturbation is None:
            return
        parameters = [p for p in network.parameters() if p.requires_grad]
        both = list(zip(parameters, self.perturbation, strict=True))
        self.perturbation = None
        factor = self._factor([(p.grad, g) for p, g in both if p.grad is not None and g is not None])
        for parameter, gradient in both:
            if gradient is None:
                continue
            addition = gradient if factor is None else factor * gradient
            parameter.grad = addition if parameter.grad is None else parameter.grad + addition

    def _factor(self, shared: list[tuple[Tensor, Tensor]]) -> Tensor | None:
        """What the source's gradient is multiplied by; no more than 1."""
        if self.bound is None or not shared:
            return None
        target, source = (
            torch.stack([g.float().norm() for g in side]).norm() for side in zip(*shared, strict=True)
        )
        factor: Tensor = self.bound * target / source.clamp(min=torch.finfo(torch.float32).tiny)
        return factor.clamp(max=1)
