"""PixMatch (Melas-Kyriazi & Manrai 2021, PixMatch: Unsupervised Domain Adaptation via Pixelwise Consistency
Training)."""

import copy
from typing import Literal, get_args

import torch
from torch import Tensor

from skinseg.data.arrangement import Arrangement
from skinseg.data.patches import Batch
from skinseg.datasets.sample import IGNORE
from skinseg.errors import UserError
from skinseg.models.unet import TwoHeadUnet
from skinseg.training.adaptation.base import Adaptation, Pair, TrainingStep, frozen_statistics
from skinseg.training.adaptation.fda import checked_bands, restyled
from skinseg.training.losses import cross_entropy

Perturbation = Literal["augmentation", "cutmix", "fourier"]
HEAD = "skin"


class Pixmatch(Adaptation):
    """The source's loss, and consistency on the target: what the model says of an image, where it is sure, is the
    label of a perturbed view of it.

    The label is the skin head's answer to the clean view, cut at 0.5, without a gradient. A pixel counts where the
    answer's probability, of skin or of not skin, is at least `threshold`; the others, and what lies outside
    the image, are ignored. The loss is cross entropy, averaged over the pixels that count. Of the perturbations each
    step draws one, so that naming more costs no more; the paper adds up a loss for each.

    The person head takes no part: photographs have no person mask, and send it no gradient here either.

    Args:
        threshold: least probability of a pseudo-label, 0.5 to 1; 1 or next to it lets none through.
        weight: of the consistency beside the source's loss, 0 or more.
        ema: decay a step of a teacher that follows the weights as a moving average and gives the pseudo-labels,
            0 to below 1, such as 0.99; None for none: the model is its own teacher.
        perturbations: which of augmentation (brightness, contrast, white balance and grey), cutmix (a rectangle
            of another target image, with its pseudo-labels) and fourier (`fda`, the style of a source image).
        beta: band of fourier, as `Fda`'s.
    """

    # The target's own colours are what this wants.
    arrangement = Arrangement("source", "target", partner_photometry=False)
    cost = 2.6

    def __init__(
        self,
        threshold: float = 0.9,
        weight: float = 0.5,
        ema: float | None = None,
        perturbations: list[Perturbation] | None = None,
        beta: float = 0.01,
    ) -> None:
        super().__init__()
        if not 0.5 <= threshold <= 1:
            raise UserError(f"--pixmatch.threshold {threshold}: expected a probability from 0.5 to 1")
        if not weight >= 0:
            raise UserError(f"--pixmatch.weight {weight}: expected 0 or more")
        if ema is not None and not 0 <= ema < 1:
            raise UserError(
                f"--pixmatch.ema {ema}: expected a decay from 0 to below 1, or null for no teacher"
            )
        if perturbations is not None and not perturbations:
            raise UserError(
                f"--pixmatch.perturbations []: expected some of {', '.join(get_args(Perturbation))}"
            )
        self.threshold = threshold
        self.weight = weight
        self.ema = ema
        self.perturbations: list[str] = list(perturbations or get_args(Perturbation))
        self.bands = checked_bands("pixmatch.beta", [beta])
        self.teacher: TwoHeadUnet | None = None

    def attach(self, network: TwoHeadUnet) -> None:
        if self.ema is not None:
            self.teacher = copy.deepcopy(network).requires_grad_(False)

    def loss(self, training: TrainingStep, pair: Pair) -> Tensor | None:
        source = training.supervised_loss(pair["source"])
        labels = self.pseudo_labels(training, pair["target"])
        image, labels = self.perturbed(pair["target"]["image"], labels, pair["source"]["image"])
        count = len(image)
        training.log_mean("train/confident", (labels != IGNORE).float().mean(), count)
        if bool((labels == IGNORE).all()):
            return source
        consistency = cross_entropy(training(training.laid_out(image))[HEAD], labels)
        training.log_mean("train/consistency_loss", consistency, count)
        consistency = self.weight * consistency
        return consistency if source is None else source + consistency

    @torch.no_grad()
    def pseudo_labels(self, training: TrainingStep, target: Batch) -> Tensor:
        """uint8 (B, H, W) in {0, 1, 255}, 255 where the model is unsure or the image ends."""
        network = training.network if self.teacher is None else self.teacher
        # By the target's own statistics, as the perturbed view will be; which is one look at the batch, not two.
        with frozen_statistics(network):
            logits = network(training.laid_out(target["image"]))[HEAD]
        labels, sure = pseudo_label(logits, self.threshold)
        return labels.masked_fill(~sure | (target["inside"] == 0), IGNORE)

    def perturbed(self, image: Tensor, labels: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """A view of the images uint8 (B, 3, H, W), and the labels (B, H, W) that belong to it."""
        kind = self.perturbations[int(torch.randint(len(self.perturbations), ()))]
        if kind == "cutmix":
            return cutmix(image, labels)
        if kind == "fourier":
            return restyled(image, source, self.bands), labels
        return recoloured(image), labels

    @torch.no_grad()
    def after_step(self, network: TwoHeadUnet) -> None:
        if self.teacher is None or self.ema is None:
            return
        for mean, value in zip(self.teacher.parameters(), network.parameters(), strict=True):
            mean.lerp_(value, 1 - self.ema)
        for kept, now in zip(self.teacher.buffers(), network.buffers(), strict=True):
            kept.copy_(now)


def pseudo_label(logits: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Labels uint8 in {0, 1}, and bool: whether their probability is at least `threshold`; shapes as the logits."""
    probability = logits.float().sigmoid()
    return (probability >= 0.5).to(torch.uint8), torch.maximum(probability, 1 - probability) >= threshold


def cutmix(image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Each image with a rectangle of the next one in the batch, and its labels with the same one of its labels.

    The rectangle is the batch's, of a quarter to three quarters of each side. Shapes as `Pixmatch.perturbed`.
    """
    height, width = image.shape[-2:]
    inside = torch.zeros(height, width, dtype=torch.bool)
    share = torch.rand(4).tolist()
    rows, columns = (
        max(1, round(side * (0.25 + 0.5 * s))) for side, s in zip((height, width), share[:2], strict=True)
    )
    top, left = round((height - rows) * share[2]), round((width - columns) * share[3])
    inside[top : top + rows, left : left + columns] = True
    inside = inside.to(image.device)
    return torch.where(inside, image.roll(1, 0), image), torch.where(inside, labels.roll(1, 0), labels)


def recoloured(image: Tensor) -> Tensor:
    """Images uint8 (B, 3, H, W) under another exposure, contrast, white balance and saturation each; uint8."""

    def factors(spread: float, channels: int = 1) -> Tensor:
        drawn = 1 + spread * (2 * torch.rand(len(image), channels, 1, 1) - 1)
        return drawn.to(image.device)

    pixels = image.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * factors(0.4) + mean * factors(0.3)
    grey = pixels.mean(1, keepdim=True)
    pixels = (grey + (pixels - grey) * factors(0.5)) * factors(0.12, 3)
    return pixels.round().clamp(0, 255).to(torch.uint8)
