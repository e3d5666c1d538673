"""What `fit` logs to Weights & Biases: one run per run folder, its inputs, its masks and its best model."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from skinseg import tracking
from skinseg.datasets.fingerprint import fingerprint
from skinseg.datasets.heads import HEADS
from skinseg.datasets.sample import IGNORE, Sample
from skinseg.errors import install
from skinseg.files import written_whole
from skinseg.models import checkpoint as checkpoints
from skinseg.models.inference import Predictor
from skinseg.models.prediction import THRESHOLD, Probability

PICTURES = 4
"""Validation images with masks, the same ones every epoch."""

LONG_SIDE = 256
"""Of these images, pixels."""

RUN = "wandb-run.json"
"""In the run's folder: which W&B run it is, so that training that goes on continues it."""


class GuardedLogger(WandbLogger):
    """Lightning's logger, whose failures end the logging and not the training.

    A history step is the trainer's global step: parts of a run that went on never share one.
    """

    def __init__(self, tracked: tracking.Tracking) -> None:
        super().__init__(experiment=tracked.run)
        self.tracked = tracked

    def log_hyperparams(self, params: Any) -> None:
        log = super().log_hyperparams
        self.tracked.attempt(lambda _: log(params))

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        values = dict(metrics) if step is None else {**metrics, "trainer/global_step": step}
        # Lightning counts training metrics of an epoch one step earlier than validation's, which come first.
        self.tracked.attempt(lambda run: run.log(values, step=max(run.step, step or 0)))

    def log_image(self, key: str, images: list[Any], step: int | None = None, **kwargs: Any) -> None:
        log = super().log_image
        self.tracked.attempt(lambda _: log(key, images, step, **kwargs))


class WandbCallback(Callback):
    """Adds to the logger's run what it was trained on, and the same few validation images every epoch.

    parent: checkpoint that training starts from, if any.
    """

    def __init__(self, logger: GuardedLogger, parent: Path | None) -> None:
        self.logger = logger
        self.parent = parent

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.logger.tracked.attempt(lambda run: _log_inputs(run, trainer, self.parent))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking and tracking.shows_pictures():
            self.logger.tracked.attempt(lambda _: self._log_overlays(trainer, pl_module))

    def _log_overlays(self, trainer: Trainer, module: Any) -> None:
        loaders: Any = trainer.val_dataloaders
        images = (loaders[0] if isinstance(loaders, list | tuple) else loaders).dataset
        chosen = np.unique(np.linspace(0, len(images) - 1, PICTURES).round().astype(int))
        samples: list[Sample] = [images[int(index)] for index in chosen]
        predictor = Predictor(module.network, module.size, module.device)
        self.logger.log_image(
            "val/overlays",
            [_small(sample.image, cv2.INTER_AREA) for sample in samples],
            step=trainer.global_step,
            caption=[f"{sample.dataset} {sample.image_id}" for sample in samples],
            masks=[mask_layers(sample, predictor.probabilities(sample.image)) for sample in samples],
        )


def mask_layers(sample: Sample, probabilities: Mapping[str, Probability]) -> dict[str, dict[str, Any]]:
    """W&B's layers of an image, each a mask uint8 (h, w) with its classes: truth and prediction of each head.

    probabilities: float (H, W) by head. A head that the image does not label has a prediction only.
    """
    layers = {}
    for value, head in enumerate(HEADS, start=1):
        truth = sample.masks.get(head)
        found = probabilities[head] >= THRESHOLD if head in probabilities else None
        for kind, mask in (("truth", truth), ("prediction", found)):
            if mask is None:
                continue
            small = _small(np.asarray(mask, np.uint8), cv2.INTER_NEAREST)
            ignored = small == IGNORE
            layers[f"{head} {kind}"] = {
                # A number of its own for each head, so that W&B paints them in different colours.
                "mask_data": np.where(ignored, IGNORE, small * value).astype(np.uint8),
                "class_labels": {value: head} | ({IGNORE: "ignored"} if ignored.any() else {}),
            }
    return layers


def loggers(run: Path, config: Mapping[str, Any]) -> list[Logger]:
    """metrics.csv in the run's folder, and W&B, with the run's options, where it is not switched off.

    W&B that is not installed is passed over with a sentence. A run that goes on continues its W&B run.
    Raises UserError where W&B refuses the run.
    """
    result: list[Logger] = [CSVLogger(save_dir=run.parent, name=run.name, version="")]
    if os.environ.get("WANDB_MODE") == "disabled":
        return result
    if not tracking.is_installed():
        print(f"W&B is not installed: metrics go to metrics.csv alone ({install('wandb')} adds it)")
        return result
    known = json.loads((run / RUN).read_text()) if (run / RUN).is_file() else {}
    job_type = known.get("job_type") or _job_type(run.parent.name, config)
    runs = Path(config.get("runs", run.parents[1]))
    name = run.relative_to(runs) if run.is_relative_to(runs) else Path(*run.parts[-2:])
    tracked = tracking.start(
        job_type, name.as_posix(), run, config, group=name.parts[0], run_id=known.get("id")
    )
    with written_whole(run / RUN) as path:
        path.write_text(json.dumps({"id": tracked.run.id, "job_type": job_type}) + "\n")
    result.append(GuardedLogger(tracked))
    return result


def callbacks(trainer_loggers: Any, pretrained: str | None) -> list[Callback]:
    """The callback of the W&B logger, where there is one among a trainer's loggers."""
    given = trainer_loggers if isinstance(trainer_loggers, Sequence) else [trainer_loggers]
    parent = None if pretrained is None else Path(pretrained)
    return [WandbCallback(logger, parent) for logger in given if isinstance(logger, GuardedLogger)]


def log_result(trainer: Trainer, run_folder: Path, result: Mapping[str, Any]) -> None:
    """Put a finished run's result into its W&B summary, and its best checkpoint there as an artifact.

    result: what result.json says.
    """

    def log(run: Any) -> None:
        kept = {key: value for key, value in result.items() if isinstance(value, str | int | float)}
        run.summary.update({f"best/{key.removeprefix('val/')}": value for key, value in kept.items()})
        best = checkpoints.read_checkpoint(run_folder / checkpoints.BEST)
        run.log_artifact(
            tracking.model_artifact(best.path, best.sha256, best.metadata), aliases=["best", "latest"]
        )

    for logger in trainer.loggers:
        if isinstance(logger, GuardedLogger):
            logger.tracked.attempt(log)


def finish(trainer: Trainer, failed: bool) -> None:
    """Close the trainer's W&B run: the next run of this process would otherwise be logged into it."""
    for logger in trainer.loggers:
        if isinstance(logger, GuardedLogger):
            logger.tracked.finish(failed)
        elif isinstance(logger, WandbLogger):  # the user's own, from a config
            logger.experiment.finish()


def _job_type(job: str, config: Mapping[str, Any]) -> str:
    if job in ("pretrain", "finetune"):
        return job
    return "finetune" if (config.get("model") or {}).get("pretrained") else "pretrain"


def _log_inputs(run: Any, trainer: Trainer, parent: Path | None) -> None:
    data: Any = getattr(trainer, "datamodule", None)
    dataset, split = getattr(data, "dataset", None), getattr(data, "split", None)
    if dataset is not None and split is not None:
        facts = {
            "dataset": dataset.name,
            "fingerprint": fingerprint(dataset, getattr(data, "cache_dir", None)),
            "labels": dataset.policy,
            "split": str(split.hash),
            "split_source": split.source,
            **{part: len(split.part(part)) for part in ("train", "validation", "test")},
        }
        run.config.update({"training_data": facts}, allow_val_change=True)
        artifact = tracking.dataset_artifact(dataset.root, dataset.name, facts, Path(run.dir))
        tracking.use_artifact(run, artifact)
    if parent is not None:
        start = checkpoints.read_checkpoint(parent)
        tracking.use_artifact(run, tracking.model_artifact(parent, start.sha256, start.metadata))


def _small(pixels: Any, method: int) -> Any:
    """An array (H, W) or (H, W, 3) with its long side at `LONG_SIDE` at most, in the middle of a black square of that
    side: W&B shows pictures of one size only."""
    scale = min(1.0, LONG_SIDE / max(pixels.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    small = cv2.resize(pixels, (width, height), interpolation=method)
    top, left = (LONG_SIDE - height) // 2, (LONG_SIDE - width) // 2
    rim = (top, LONG_SIDE - height - top, left, LONG_SIDE - width - left)
    return cv2.copyMakeBorder(small, *rim, cv2.BORDER_CONSTANT, value=0)
