"""What an adaptation method may do to a step of training: the hooks that the Lightning module calls."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Protocol

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from skinseg.data.arrangement import Arrangement
from skinseg.data.patches import Batch
from skinseg.models.unet import TwoHeadUnet

Pair = dict[str, Batch]
"""A training batch of two sets: {"source": Batch, "target": Batch}."""


class TrainingStep(Protocol):
    """What a method's step asks of the Lightning module; see there."""

    network: TwoHeadUnet

    @property
    def progress(self) -> float: ...

    def __call__(self, image: Tensor, /) -> dict[str, Tensor]: ...

    def supervised_loss(
        self, batch: Mapping[str, Tensor], prefix: str = "", weights: Mapping[str, Tensor] | None = None
    ) -> Tensor | None: ...

    def labelled_loss(
        self,
        logits: Mapping[str, Tensor],
        batch: Mapping[str, Tensor],
        prefix: str = "",
        weights: Mapping[str, Tensor] | None = None,
    ) -> Tensor | None: ...

    def laid_out(self, image: Tensor) -> Tensor: ...

    def log_mean(self, name: str, value: Tensor, count: int, prog_bar: bool = False) -> None: ...


class Adaptation(nn.Module):
    """A method, as a child of the Lightning module: networks of its own are saved and resumed with it, and train
    with its optimizer where their parameters ask for a gradient.

    Random numbers come from torch's CPU generator, which each step seeds by (seed, step): the same on any
    device, and in a run that was resumed.

    arrangement: which set the method learns from with labels, and what it is shown beside it.
    cost: of a step, in steps of fine-tuning; a rule of thumb, see benchmarks/adaptation.py.
    """

    arrangement: ClassVar[Arrangement]
    cost: ClassVar[float]

    def attach(self, network: TwoHeadUnet) -> None:
        """Build what depends on the network, once, before training."""

    def loss(self, training: TrainingStep, pair: Pair) -> Tensor | None:
        """The step's loss, to be minimised; None where the step has nothing to learn from."""
        raise NotImplementedError

    def after_backward(self, network: TwoHeadUnet) -> None:
        """Called between the backward pass and the optimizer."""

    def after_step(self, network: TwoHeadUnet) -> None:
        """Called behind the optimizer."""


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Batch normalisation by the batch's own statistics, as in training, with the running ones left alone."""
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    kept = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
        layer.num_batches_tracked = None  # else it counts
    try:
        yield
    finally:
        for layer, (momentum, batches) in zip(layers, kept, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, batches
