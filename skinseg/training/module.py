"""The Lightning module: losses, optimizer and scores around the plain U-Net."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from skinseg.data import streams
from skinseg.data.streams import Part
from skinseg.datasets.confusion import confusion
from skinseg.datasets.heads import STANDARD, checked_heads
from skinseg.datasets.sample import Sample
from skinseg.errors import UserError
from skinseg.models import checkpoint as checkpoints
from skinseg.models import lineage
from skinseg.models.configuration import configuration_hash, configuration_of
from skinseg.models.inference import Predictor
from skinseg.models.prediction import THRESHOLD
from skinseg.models.record import LARGEST_SIZE
from skinseg.models.unet import STRIDE, HeadSplit, TwoHeadUnet
from skinseg.training.adaptation.base import Adaptation
from skinseg.training.criterion import MEAN, WORST_TONE, Criterion, worst_tone
from skinseg.training.losses import head_losses


def check_ranges(size: int = STRIDE, seed: int = 0, **numbers: float) -> None:
    """Raise UserError for an option of `SkinPersonModule` that is out of its range.

    numbers: some of lr, weight_decay, warmup, dice and person_weight.
    """
    if not 0 < size <= LARGEST_SIZE or size % STRIDE:
        raise UserError(f"--data.size {size}: a multiple of {STRIDE} pixels expected, up to {LARGEST_SIZE}")
    if not 0 <= seed < 1 << 32:
        raise UserError(f"--seed_everything {seed}: expected 0 to {(1 << 32) - 1}")
    for option, value in numbers.items():
        most = 1.0 if option == "warmup" else math.inf
        if not (0 <= value <= most and math.isfinite(value)) or (option == "lr" and value == 0):
            expected = "more than 0" if option == "lr" else "0 or more" if most > 1 else "a share from 0 to 1"
            raise UserError(f"--model.{option} {value:g}: expected {expected}")


class SkinPersonModule(pl.LightningModule):
    """Trains all heads, each only where its label exists.

    A training batch is a dict of uint8 tensors: image (B, 3, S, S) and of each head (B, S, S) in {0, 1, 255},
    an absent label all 255; for an adaptation method (`adapt_by`) it is one of each set, "source" and "target". A
    validation or test batch is a list of `Sample`, scored one by one at its own resolution.

    encoder, decoder_channels, head_split, encoder_weights: see `TwoHeadUnet`.
    heads: what to find, names of `skinseg.datasets.heads.HEADS`, skin among them; skin and person where not given.
    size: side of a training patch in pixels. Whole images are predicted at 1.25 times that long side, which
        travels with the checkpoint: faces and bellies that fill a picture want less, groups more; see
        docs/results/recipe.md.
    lr: learning rate at its highest; weight_decay: of AdamW decoupled, of Adam as L2.
    schedule: "constant", or "cosine": up from 0 over the first `warmup` share of all steps, then down to 0.
    dice: weight of the Dice loss beside the cross entropy; 0 leaves it out.
    person_weight: weight of the person head's loss beside the 1 of every other.
    balance: weight the cross entropy by inverse class frequency over the training set.
    pretrained: checkpoint, run or folder of runs (its newest finished one) to start from, or "released"; None for
        what encoder_weights say. A head that it lacks begins fresh, one that is not among `heads` is dropped.
    criterion: the validation score whose highest epoch is kept as the best; see `skinseg.training.criterion`.
    decoder_precision: "bf16" trains the decoders in bfloat16 (weights, losses and logits stay float32, and so do
        validation and prediction), "32" as the trainer's precision has it; "auto", which `skinseg fit` resolves, is
        "bf16" on a processor with AMX.
    channels_last: memory layout that convolutions like. compile: torch.compile, on CUDA only.
    seed: of everything random inside the network; augmentation has its own in the datamodule.

    Raises UserError for a size that is not a multiple of 32, and as `TwoHeadUnet` and `read_checkpoint` do.
    """

    def __init__(
        self,
        encoder: str = "tu-mobilenetv3_small_100",
        decoder_channels: list[int] | None = None,
        head_split: HeadSplit = "decoder",
        encoder_weights: str | None = None,
        heads: list[str] | None = None,
        size: int = 160,
        lr: float = 1e-3,
        optimizer: Literal["adam", "adamw"] = "adamw",
        weight_decay: float = 0.01,
        schedule: Literal["constant", "cosine"] = "cosine",
        warmup: float = 0.05,
        dice: float = 1.0,
        person_weight: float = 1.0,
        balance: bool = True,
        pretrained: str | None = None,
        criterion: Criterion = MEAN,
        decoder_precision: Literal["auto", "32", "bf16"] = "auto",
        channels_last: bool = True,
        compile: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_ranges(
            size,
            seed,
            lr=lr,
            weight_decay=weight_decay,
            warmup=warmup,
            dice=dice,
            person_weight=person_weight,
        )
        self.network = TwoHeadUnet(
            encoder=encoder,
            decoder_channels=decoder_channels or (128, 64, 32, 24, 16),
            head_split=head_split,
            # Weights about to be overwritten are not worth a look.
            encoder_weights=None if pretrained else encoder_weights,
            heads=STANDARD if heads is None else checked_heads(heads, "--model.heads"),
        )
        self.network.bf16_decoders = decoder_precision == "bf16"
        self.patch_size = size
        self.size = size * 5 // 4
        self.lr = lr
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        self.dice = dice
        self.head_weight = dict.fromkeys(self.network.heads, 1.0) | {"person": person_weight}
        self.balance = balance
        self.criterion = criterion
        self.tone_scores: dict[int, list[float]] = {}
        self.channels_last = channels_last
        self.compile_network = compile
        self.seed = seed
        self.class_weights: dict[str, Tensor] = {}
        self.options: dict[str, Any] = {}
        """Of the command that trains, see `skinseg.models.configuration.deciding`; they go into the checkpoint."""
        self.start = self.network.start
        self.began_from = {"model.encoder_weights": self.start.short, "model.pretrained": None}
        """What the weights were before, as a configuration tells it: a file's hash, or that of the parent's own."""
        self.parent: str | None = None
        self.lineage: tuple[lineage.Training, ...] = ()
        self.tones_before: dict[str, list[int]] = {}
        self.adaptation: Adaptation | None = None
        self.adapt = "none"
        self.total_steps = 1
        if pretrained is not None:
            parent = checkpoints.read_checkpoint(checkpoints.newest_checkpoint(Path(pretrained)))
            checkpoints.load_weights(self.network, parent)
            for line in checkpoints.heads_that_differ(self.network, parent):
                print(line)
            self.parent = parent.sha256
            self.start = lineage.start_of(parent.metadata)
            self.lineage = lineage.lineage_of(parent.metadata)
            self.tones_before = lineage.tones_of(parent.metadata)
            before = configuration_hash(configuration_of(parent.metadata))[:12]
            self.began_from = {"model.encoder_weights": self.start.short, "model.pretrained": before}
        if channels_last:
            # nn.Module.to has no overload for a memory format alone.
            cast(Any, self.network).to(memory_format=torch.channels_last)

    def adapt_by(self, method: Adaptation | None, word: str = "none") -> None:
        """Train by an adaptation method from now on, or, for None, on labelled batches alone.

        word: of `--adapt`, for the checkpoint's record.
        """
        if method is not None:
            method.attach(self.network)
        self.adaptation = method
        self.adapt = word

    @property
    def progress(self) -> float:
        """Share of the training's steps that are done, 0 to 1."""
        return min(1.0, self.global_step / self.total_steps)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Logits (B, H, W) per head; see `TwoHeadUnet.forward`."""
        return cast(dict[str, Tensor], self.network(image))

    def on_fit_start(self) -> None:
        datamodule: Any = getattr(self.trainer, "datamodule", None)
        if self.balance and datamodule is not None:
            weights = datamodule.class_weights()
            self.class_weights = {
                head: torch.as_tensor(value, dtype=torch.float32, device=self.device)
                for head, value in weights.items()
            }
        if self.compile_network and self.device.type == "cuda":
            self.network.compile()  # in place: the state dict keeps its names

    def on_train_start(self) -> None:
        self.total_steps = max(1, int(self.trainer.estimated_stepping_batches))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        # Lightning saves no random state: a resumed run draws the same dropout only if each step has its own.
        torch.manual_seed(int(streams.generator(self.seed, Part.STEP, self.global_step).integers(2**63)))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        if self.adaptation is None:
            total, count = self.supervised_loss(batch), len(batch["image"])
        else:
            total, count = self.adaptation.loss(self, batch), len(batch["source"]["image"])
        if total is not None:
            if not bool(torch.isfinite(total)):
                raise self._diverged(f"the loss is {float(total.detach())}")
            self.log_mean("train/loss", total, count, prog_bar=True)
        return total

    def on_after_backward(self) -> None:
        if self.adaptation is not None:
            self.adaptation.after_backward(self.network)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.adaptation is not None:
            self.adaptation.after_step(self.network)

    def on_validation_start(self) -> None:
        # Not after each step, of which it is a thirtieth: the next step's loss tells as much.
        if self.trainer.state.fn == "fit":
            self._check_weights()

    def _check_weights(self) -> None:
        """Raise UserError where a weight, or a statistic of a normalisation, a method's own included, is not finite."""
        values = [value for value in (*self.parameters(), *self.buffers()) if value.is_floating_point()]
        # The largest of all in one pass: a look at each in turn would wait for the device each time.
        largest = torch.nn.utils.get_total_norm([value.detach() for value in values], math.inf)
        if not bool(torch.isfinite(largest)):
            raise self._diverged("weights are not finite")

    def _diverged(self, what: str) -> UserError:
        last = Path(self.trainer.default_root_dir, checkpoints.LAST)
        kept = f"the last whole epoch is kept in {last}" if last.is_file() else "no epoch was finished before"
        return UserError(
            f"training diverged at step {self.global_step} (epoch {self.current_epoch + 1}): {what}, finite numbers "
            f"expected; start again with a --model.lr below {self.lr:g}; {kept}"
        )

    def supervised_loss(
        self, batch: Mapping[str, Tensor], prefix: str = "", weights: Mapping[str, Tensor] | None = None
    ) -> Tensor | None:
        """`labelled_loss` of the network's answer to a batch's images."""
        return self.labelled_loss(self(self.laid_out(batch["image"])), batch, prefix, weights)

    def labelled_loss(
        self,
        logits: Mapping[str, Tensor],
        batch: Mapping[str, Tensor],
        prefix: str = "",
        weights: Mapping[str, Tensor] | None = None,
    ) -> Tensor | None:
        """Weighted sum of the heads' losses over their labelled pixels; None where the batch has none.

        Each is logged as train/<prefix><head>_loss. weights: class weights by head, the training set's where not given.
        """
        losses = head_losses(
            logits, batch, self.class_weights if weights is None else weights, self.balance, self.dice
        )
        for head, value in losses.items():
            self.log_mean(f"train/{prefix}{head}_loss", value, len(batch["image"]))
        if not losses:
            return None
        return torch.stack([self.head_weight[head] * value for head, value in losses.items()]).sum()

    def laid_out(self, image: Tensor) -> Tensor:
        """The images in the memory layout that the network was given."""
        return image.contiguous(memory_format=torch.channels_last) if self.channels_last else image

    def log_mean(self, name: str, value: Tensor, count: int, prog_bar: bool = False) -> None:
        """Log a value's mean over the epoch, `count` being the batch's images."""
        self.log(name, value.detach(), on_step=False, on_epoch=True, prog_bar=prog_bar, batch_size=count)

    def on_validation_epoch_start(self) -> None:
        self.tone_scores = {}

    def on_validation_epoch_end(self) -> None:
        worst = worst_tone(self.tone_scores)
        if worst is not None:
            self.log(WORST_TONE, worst)

    def validation_step(self, batch: Sequence[Sample], batch_idx: int) -> None:
        self._score(batch, "val")

    def test_step(self, batch: Sequence[Sample], batch_idx: int) -> None:
        self._score(batch, "test")

    def _score(self, samples: Sequence[Sample], stage: str) -> None:
        """Log the mean over images of each head's IoU, over the images where that head is labelled.

        Of skin, keep each validation image's with its tone, where that is known.
        """
        predictor = Predictor(self.network, self.size, self.device)
        scores: dict[str, list[float]] = {head: [] for head in self.network.heads}
        for sample in samples:
            probabilities = predictor.probabilities(sample.image)
            for head, values in scores.items():
                mask = sample.masks.get(head)
                if mask is not None:
                    values.append(confusion(probabilities[head] >= THRESHOLD, mask).iou)
                    if stage == "val" and head == "skin" and sample.tone is not None:
                        self.tone_scores.setdefault(sample.tone, []).append(values[-1])
        for head, values in scores.items():
            if values:
                self.log(
                    f"{stage}/{head}_miou",
                    float(np.mean(values)),
                    on_step=False,
                    on_epoch=True,
                    prog_bar=head == "skin",
                    batch_size=len(values),
                )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        # Samples stay NumPy: each has its own shape, and frozen records cannot be moved.
        if isinstance(batch, list):
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def configure_optimizers(self) -> Any:
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.optimizer]
        parameters = [*self.network.parameters()]
        if self.adaptation is not None:
            parameters += [value for value in self.adaptation.parameters() if value.requires_grad]
        optimizer = kind(parameters, lr=self.lr, weight_decay=self.weight_decay)
        if self.schedule == "constant":
            return optimizer
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        curve = partial(warmup_cosine, steps=steps, warmup=max(1, round(self.warmup * steps)))
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, curve)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # A run that goes on keeps where it came from.
        record = checkpoint[checkpoints.KEY]
        self.parent = record.get("parent")
        self.start = lineage.start_of(record)
        self.lineage = lineage.lineage_of(record)
        self.tones_before = lineage.tones_of(record)
        before = record.get("options", {})
        self.began_from = {name: before.get(name) for name in self.began_from}
        for part in self.modules():  # a method's teacher too
            if isinstance(part, TwoHeadUnet):
                part.normalize_as(record["model"])
        if self.adaptation is None:
            # Validation and test need no network of a method's own.
            checkpoint["state_dict"] = {
                name: value
                for name, value in checkpoint["state_dict"].items()
                if name.startswith(checkpoints.PREFIX)
            }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._check_weights()  # what is written is never worse than what it replaces
        datamodule = getattr(self.trainer, "datamodule", None)
        partner = getattr(datamodule, "partner", None)
        now = [] if partner is None else [_training(partner, partner.labelled)]
        now.append(_training(datamodule))
        split = " + ".join(str(training.split) for training in now)
        checkpoint[checkpoints.KEY] = checkpoints.metadata_of(
            self.network,
            self.size,
            patch_size=self.patch_size,
            epoch=int(self.current_epoch),
            seed=int(self.seed),
            split=now[-1].split,
            parent=self.parent,
            start=dataclasses.asdict(self.start),
            lineage=lineage.recorded(self.lineage, now),
            tones={**self.tones_before, **getattr(datamodule, "tone_counts", {})},
            adapt=self.adapt,
            criterion=str(self.criterion),
            options={**self.options, **self.began_from, "data.split": split} if self.options else {},
        )


def _training(shown: Any, labels: bool = True) -> lineage.Training:
    """The record of a datamodule or of the partner in it; of a loader that is neither, unknown."""
    hash_ = getattr(getattr(shown, "split", None), "hash", None)
    # A folder of the user's own bears its own name, in the rows too.
    name = getattr(getattr(shown, "dataset", None), "name", lineage.UNKNOWN)
    return lineage.Training(str(name), None if hash_ is None else str(hash_), labels)


def warmup_cosine(step: int, steps: int, warmup: int) -> float:
    """Factor of the learning rate at a step: linear to 1 over `warmup` steps, then half a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))
