"""The U-Net, plain torch: one encoder, and an answer of its own for each head: skin, person, others."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal, get_args

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from skinseg.datasets.heads import STANDARD
from skinseg.errors import UserError
from skinseg.models.encoder import IMAGENET_MEAN, IMAGENET_STD, build

HeadSplit = Literal["conv", "decoder"]

# Five halvings: an image side must be a multiple of this.
STRIDE = 32


class TwoHeadUnet(nn.Module):
    """U-Net (Ronneberger et al. 2015) with skip connections and one binary output per head.

    How separate the heads are is `head_split`; every level keeps the encoder shared:
      "conv"     one shared decoder; each head is a single 3x3 convolution. Equal to one head with two
                 channels but for its initialisation.
      "decoder"  each head is a whole decoder of its own, skip connections included, and a 3x3 classifier.
    A loss on one head sends no gradient into parameters that belong to another. "decoder" scored best of three
    (docs/results/first-light.md).

    encoder: any encoder of segmentation_models_pytorch, timm's under "tu-<name>".
    heads: their names, one of `skinseg.datasets.heads.HEADS` each where the network is to be trained.
    decoder_channels: widths of the five decoder stages, coarse to fine.
    encoder_weights: None for random initialisation, "imagenet" or a file; see `skinseg.models.encoder.build`.
    mean, std: of the image's channels, RGB in 0-255, by which it is normalised; with encoder_weights, those that
        they were trained with take their place.
    Raises UserError for an unknown encoder, weights that cannot be had, or a wrong number of stages.
    """

    mean: Tensor
    std: Tensor
    bf16_decoders: bool = False
    """Compute the decoders in bfloat16 while training, weights and logits staying float32; never outside of it."""

    def __init__(
        self,
        encoder: str = "tu-mobilenetv3_small_100",
        decoder_channels: Sequence[int] = (128, 64, 32, 24, 16),
        head_split: HeadSplit = "decoder",
        encoder_weights: str | None = None,
        heads: Sequence[str] = STANDARD,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        if len(decoder_channels) != 5:
            raise UserError(f"decoder_channels has {len(decoder_channels)} values, 5 expected: one per stage")
        if min(decoder_channels) < 1:
            raise UserError(f"decoder_channels is {list(decoder_channels)}, expected 1 or more in each stage")
        if head_split not in get_args(HeadSplit):
            raise UserError(f"head_split is {head_split!r}, one of {', '.join(get_args(HeadSplit))} expected")
        # What builds the same model again. Without the weights' name: a checkpoint brings its own weights.
        self.config: dict[str, Any] = {
            "encoder": encoder,
            "decoder_channels": list(decoder_channels),
            "head_split": head_split,
            "heads": list(heads),
        }
        built = build(encoder, encoder_weights)
        self.encoder = built.module
        self.start = built.start

        def decoder() -> nn.Module:
            made: nn.Module = UnetDecoder(
                encoder_channels=self.encoder.out_channels,
                decoder_channels=tuple(decoder_channels),
                add_center_block=encoder.startswith("vgg"),
            )
            return made

        width = decoder_channels[-1]
        self.decoder = decoder() if head_split != "decoder" else None
        self.branches = nn.ModuleDict()
        for head in heads:
            self.branches[head] = decoder() if head_split == "decoder" else nn.Identity()
        self.classifiers = nn.ModuleDict({head: SegmentationHead(width, 1) for head in heads})
        if self.decoder is not None:
            initialize_decoder(self.decoder)
        initialize_decoder(self.branches)
        initialize_head(self.classifiers)
        for name in ("mean", "std"):
            self.register_buffer(name, torch.zeros(1, 3, 1, 1), persistent=False)
        if encoder_weights is not None:
            mean, std = built.mean, built.std
        self.normalize_as({"mean": mean, "std": std})

    def normalize_as(self, config: Mapping[str, Any]) -> None:
        """Normalise by the mean and std of a model's `config`; configs of earlier versions mean ImageNet's."""
        for name, default in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            values = [float(value) for value in config.get(name, default)]
            getattr(self, name).copy_(torch.tensor(values).view(1, 3, 1, 1))
            self.config[name] = values

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the heads, in the order of the output."""
        return tuple(self.branches)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Logits (B, H, W) of each head, for an image (B, 3, H, W), RGB, uint8 or float in 0-255.

        Normalises inside, so that uint8 is what travels to the device.
        Raises ValueError where H or W is not a multiple of 32, naming the size to pad to.
        """
        return self.decode(self.features(image))

    def features(self, image: Tensor) -> list[Tensor]:
        """The encoder's maps (B, C, H / 2^i, W / 2^i), fine to coarse; see `forward`."""
        height, width = image.shape[-2:]
        if height % STRIDE or width % STRIDE:
            raise ValueError(
                f"image is {height}x{width}, sides that are multiples of {STRIDE} expected: "
                f"pad to {padded_side(height)}x{padded_side(width)}"
            )
        maps: list[Tensor] = self.encoder((image.to(self.mean.dtype) - self.mean) / self.std)
        return maps

    def decode(self, features: list[Tensor]) -> dict[str, Tensor]:
        """Logits (B, H, W) of each head from `features`."""
        bf16 = self.bf16_decoders and self.training
        # Inside a wider autocast, a trainer's own, nothing is changed where this is off.
        with torch.autocast(features[0].device.type, torch.bfloat16) if bf16 else nullcontext():
            shared = features if self.decoder is None else self.decoder(features)
            logits = {
                head: self.classifiers[head](self.branches[head](shared))[:, 0] for head in self.branches
            }
        return {head: value.float() for head, value in logits.items()} if bf16 else logits

    def head_parameters(self, head: str) -> list[nn.Parameter]:
        """Parameters that only this head uses."""
        return [*self.branches[head].parameters(), *self.classifiers[head].parameters()]


def padded_side(side: int) -> int:
    """The next multiple of the encoder's stride, pixels."""
    return -(-side // STRIDE) * STRIDE
