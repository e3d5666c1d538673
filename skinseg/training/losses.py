"""Loss of one head over the pixels that are labelled, and of all heads together."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from skinseg.datasets.sample import FOREGROUND, IGNORE


def inverse_frequency(target: Tensor) -> Tensor:
    """Class weights float (2,), background then foreground: n / (2 n_class) over non-ignored pixels.

    A class that the target lacks has weight 0, as no pixel asks for it.
    """
    counts = torch.stack([(target == value).sum() for value in (0, FOREGROUND)]).float()
    return torch.where(counts > 0, counts.sum() / (2 * counts.clamp(min=1)), torch.zeros_like(counts))


def cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy, averaged over non-ignored pixels by their class weights.

    logits: float (B, H, W); target: uint8 (B, H, W) in {0, 1, 255}, with at least one pixel that is not 255.
    weights: float (2,), background then foreground, or None for equal ones. The sum of weighted losses is
    divided by the sum of weights, as in torch.nn.CrossEntropyLoss.
    """
    valid = (target != IGNORE).float()
    positive = (target == FOREGROUND).float()
    weight = valid if weights is None else valid * (weights[0] + (weights[1] - weights[0]) * positive)
    loss = F.binary_cross_entropy_with_logits(logits.float(), positive, reduction="none")
    return (loss * weight).sum() / weight.sum()


def dice_loss(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - soft Dice (Milletari et al. 2016, without the squares), the mean over the batch's images that show any.

    Shapes as in `cross_entropy`. `smooth`, pixels, is added above and below. Ignored pixels never count.
    Per image, as IoU is scored: over the batch, people far away would not weigh anything beside a portrait.
    Images without foreground are left to cross entropy; 0 where no image shows any.
    """
    valid = (target != IGNORE).float()
    positive = (target == FOREGROUND).float()
    probability = logits.float().sigmoid() * valid
    overlap = (probability * positive).sum(dim=(1, 2))
    total = (probability + positive).sum(dim=(1, 2))
    shown = positive.amax(dim=(1, 2))
    loss = 1 - (2 * overlap + smooth) / (total + smooth)
    return (shown * loss).sum() / shown.sum().clamp(min=1)


def head_loss(logits: Tensor, target: Tensor, weights: Tensor | None, dice: float) -> Tensor | None:
    """Cross entropy + `dice` * Dice loss; None where no pixel of the batch is labelled.

    None rather than 0: a head without labels is left out of the sum, so that its own parameters get no
    gradient at all and an optimizer with momentum or decay leaves them where they are.
    """
    if not bool((target != IGNORE).any()):
        return None
    loss = cross_entropy(logits, target, weights)
    return loss + dice * dice_loss(logits, target) if dice else loss


def head_losses(
    logits: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    weights: Mapping[str, Tensor] | None = None,
    balance: bool = True,
    dice: float = 0.0,
) -> dict[str, Tensor]:
    """Loss of each head that has a labelled pixel in the batch, by name; see `head_loss`.

    weights: class weights per head over the whole training set; where a head has none and `balance` is
    set, they are taken from the batch.
    """
    losses = {}
    for head, value in logits.items():
        target = targets[head]
        weight = None
        if balance:
            known = weights.get(head) if weights else None
            weight = inverse_frequency(target) if known is None else known
        loss = head_loss(value, target, weight, dice)
        if loss is not None:
            losses[head] = loss
    return losses
