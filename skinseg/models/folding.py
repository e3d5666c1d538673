"""A network for prediction alone: batch normalisation folded into the convolutions before it."""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

from skinseg.models.unet import STRIDE, TwoHeadUnet


def folded(network: TwoHeadUnet) -> TwoHeadUnet:
    """A copy in evaluation mode that gives the same logits, but for rounding, in less time; it cannot be trained.

    Which convolution comes before which normalisation is seen in a pass over noise, whatever the encoder is made of,
    and a second pass checks the copy; where it does not give the same, the network itself is returned.
    """
    made = copy.deepcopy(network).eval()
    image = torch.randint(
        256, (1, 3, 2 * STRIDE, 2 * STRIDE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    with torch.no_grad():
        expected = network.eval()(image)
        for convolution, norm in _pairs(made, image):
            convolution.weight, convolution.bias = fuse_conv_bn_weights(
                convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps,
                norm.weight, norm.bias,
            )  # fmt: skip
            # timm's normalisations end in an activation of their own.
            rest = [each for name in ("drop", "act") if (each := getattr(norm, name, None)) is not None]
            _replace(made, norm, nn.Sequential(*rest))
        cast(Any, made).to(memory_format=torch.channels_last)
        found = made(image)
    same = all(torch.allclose(found[head], value, rtol=1e-3, atol=1e-3) for head, value in expected.items())
    return made if same else network


def _pairs(network: nn.Module, image: Tensor) -> list[tuple[nn.Conv2d, Any]]:
    """Convolutions with the normalisation that is given what they made."""
    made: list[tuple[Tensor, nn.Conv2d]] = []  # held, so that no later tensor has the same identity
    pairs: list[tuple[nn.Conv2d, Any]] = []

    def after(convolution: Any, _: Any, output: Tensor) -> None:
        made.append((output, convolution))

    def before(norm: Any, inputs: tuple[Tensor, ...]) -> None:
        pairs.extend((convolution, norm) for output, convolution in made if output is inputs[0])

    hooks = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(after))
        elif isinstance(module, _BatchNorm) and module.running_mean is not None:
            hooks.append(module.register_forward_pre_hook(before))
    network(image)
    for hook in hooks:
        hook.remove()
    return pairs


def _replace(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for module in network.modules():
        for name, child in module.named_children():
            if child is old:
                setattr(module, name, new)
