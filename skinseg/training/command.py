"""`skinseg fit`, `validate` and `test`: LightningCLI with run folders, loggers and messages of our own."""

import json
import logging
import os
import re
import time
import warnings
from argparse import ArgumentError
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from jsonargparse import set_parsing_settings
from lightning_fabric.plugins import CheckpointIO
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint, RichProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.trainer.states import TrainerStatus

from skinseg.data.datamodule import SkinDataModule
from skinseg.errors import UserError
from skinseg.files import written_whole
from skinseg.models import checkpoint as checkpoints
from skinseg.models.configuration import configuration_hash, configuration_of, deciding
from skinseg.models.exported import AUTO
from skinseg.training import wandb_run
from skinseg.training.adaptation import ADAPTATIONS, METHODS, arrangement
from skinseg.training.criterion import WORST_TONE, groups_compared
from skinseg.training.machine import decoder_precision, machine
from skinseg.training.module import SkinPersonModule, check_ranges
from skinseg.training.saver import Saver, WholeCheckpoints

RUNS = Path("runs")

_PLAIN_CLASSES = {
    "callbacks": (
        "DeviceStatsMonitor", "EarlyStopping", "GradientAccumulationScheduler", "LearningRateMonitor",
        "ModelCheckpoint", "ModelSummary", "RichModelSummary", "RichProgressBar", "StochasticWeightAveraging",
        "TQDMProgressBar", "Timer",
    ),
    "loggers": ("CSVLogger",),
}  # fmt: skip
"""What a config may name by its class, as it runs no code but Lightning's: docs/security.md."""


def main(argv: Sequence[str], trusted: bool = False) -> None:
    """Run `fit`, `validate` or `test` with its options; argv as after `skinseg` on the command line.

    trusted: whether any class that can be imported may be named, and not `_PLAIN_CLASSES` alone. It is of no use after
    a call without it in the same process.
    Raises UserError or KeyboardInterrupt.
    """
    quieten()
    if not trusted:
        set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=_plain_classes())
    # The parser's own way out prints a page of usage before the reason.
    strict = {"exit_on_error": False}
    try:
        _parser_of(argv[0])(
            SkinPersonModule,
            SkinDataModule,
            args=list(argv),
            seed_everything_default=0,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            save_config_kwargs={"overwrite": True},
            parser_kwargs={"prog": "skinseg", **strict, argv[0]: strict},
        )
    except UserError as error:
        raise UserError(_without_worker_trace(str(error))) from error
    except ArgumentError as error:
        if denied := re.search(r"Importing '(.*?)' is not allowed", str(error)):
            raise UserError(
                f"{denied[1]}: named as a class to run, expected one of {', '.join(sum(_PLAIN_CLASSES.values(), ()))}; "
                "--trust runs any code that a config names: give it for configs that you or people you trust wrote"
            ) from error
        raise UserError(
            f"{' '.join(str(error).split())}; `skinseg {argv[0]} --help` lists the options"
        ) from error
    except MisconfigurationException as error:
        raise UserError(f"the trainer refuses these options: {' '.join(str(error).split())}") from error
    except torch.OutOfMemoryError as error:
        raise UserError(
            "the GPU's memory is too small for this run; lower --data.batch_size or --data.size"
        ) from error


class TrainingCLI(LightningCLI):
    """LightningCLI with run folders, loggers and callbacks, and checkpoints that are checked before use."""

    run_folder: Path | None = None
    started = 0.0

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        # Weights are read with weights_only=True, always: not an option.
        return {
            "fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule", "weights_only"},
            "validate": {"model", "dataloaders", "datamodule", "weights_only"},
            "test": {"model", "dataloaders", "datamodule", "weights_only"},
        }

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--job", type=str, default="train", help="Name of the folder of runs, under `runs`."
        )
        parser.add_argument("--runs", type=str, default=str(RUNS), help="Folder of all runs.")
        parser.add_argument(
            "--adapt",
            type=str,
            default="none",
            help=f"How to train on --data.source and --data.dataset: {', '.join(ADAPTATIONS)}; docs/adaptation.md.",
        )
        for word, method in METHODS.items():
            parser.add_class_arguments(method, word)
        parser.link_arguments("data.size", "model.size")
        parser.link_arguments("model.heads", "data.heads")
        for option in ("model.seed", "data.seed"):
            parser.link_arguments("seed_everything", option, compute_fn=int)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        # Lightning warns about any program that hands its arguments over itself.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
            super().parse_arguments(parser, args)
        config = self.config[self.config["subcommand"]]
        _refuse_unsupported(config.trainer, config.adapt)
        check_ranges(seed=int(config.seed_everything or 0))
        self._resolve_checkpoints()

    def _resolve_checkpoints(self) -> None:
        """Turn every checkpoint option into one file that has been read once, before any data is."""
        command = self.config["subcommand"]
        config = self.config[command]
        if command == "fit" and config.model.pretrained and not config.ckpt_path:
            # The run's config.yaml names the file, not "the newest of".
            config.model.pretrained = str(_start(config.model.pretrained, Path(config.runs)))
        if config.model.decoder_precision == "auto":
            # What it means here decides the weights: the run's record and config.yaml name it.
            trainer = config.trainer
            config.model.decoder_precision = decoder_precision(trainer.accelerator, trainer.precision)
        if config.ckpt_path is None and command != "fit":
            config.ckpt_path = config.runs
        if config.ckpt_path is None:
            return
        if command == "fit":
            # A run goes on in its folder where its last checkpoint is named; any other starts one.
            self.run_folder = _run_to_go_on(config.ckpt_path, Path(config.runs) / config.job)
            if self.run_folder is None:
                found = checkpoints.read_checkpoint(Path(config.ckpt_path))
            else:
                found = checkpoints.newest_whole(self.run_folder)
            config.model.pretrained = None
        else:
            found = checkpoints.read_checkpoint(checkpoints.newest_checkpoint(Path(config.ckpt_path)))
        path = found.path
        if "patch_size" not in found.metadata:
            raise UserError(
                f"--ckpt_path {path}: written by no `skinseg fit`, as its record has no patch_size; name a checkpoint "
                "that one wrote, or give this one as --model.pretrained"
            )
        before = found.metadata.get("adapt", config.adapt)
        if command == "fit" and before != config.adapt:
            raise UserError(
                f"--ckpt_path {path}: this run adapts by {before}, expected the same to go on with and found --adapt "
                f"{config.adapt}; to start another run from its weights, give them as --model.pretrained"
            )
        before = found.metadata.get("criterion", config.model.criterion)
        if command == "fit" and before != config.model.criterion:
            raise UserError(
                f"--ckpt_path {path}: this run's best epoch is chosen by {before}, expected the same to go on with and "
                f"found --model.criterion {config.model.criterion}; to start another run from its weights, give them "
                "as --model.pretrained"
            )
        config.ckpt_path = str(path)
        config.model.encoder_weights = None
        for name in ("encoder", "decoder_channels", "head_split", "heads"):
            config.model[name] = found.model[name]
        # Another processor would have chosen otherwise; runs of earlier versions trained in float32.
        options = found.metadata.get("options") or {}
        config.model.decoder_precision = options.get("model.decoder_precision", "32")
        config.data.heads = config.model.heads
        config.data.size = config.model.size = found.metadata["patch_size"]

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self._get(self.config_init, "trainer")
        if config.get("enable_model_summary") is None:
            kwargs["enable_model_summary"] = False
        if config.get("devices") in (None, "auto"):
            kwargs["devices"] = 1
        word = self._get(self.config, "adapt")
        self.datamodule.arrange(arrangement(word, self.datamodule.source_name))
        if self.subcommand != "fit":
            return super().instantiate_trainer(logger=False, enable_checkpointing=False, **kwargs)
        self.model.options = deciding(self.config[self.subcommand].as_dict())
        self.model.adapt_by(self._get(self.config_init, word) if word in METHODS else None, word)
        # Data that is not there should leave no run behind.
        self.datamodule.prepare_data()
        if self.model.criterion == WORST_TONE:
            print(groups_compared(*self.datamodule.validation_tones()))
        if self.run_folder is None:
            self.run_folder = _new_run(Path(self._get(self.config, "runs")), self._get(self.config, "job"))
        _keep_metrics(self.run_folder)
        if not self._get(self.config, "ckpt_path"):
            print(f"start: {self.model.start}")
        if config.get("logger") is None:
            kwargs["logger"] = wandb_run.loggers(self.run_folder, self.config[self.subcommand].as_dict())
        # A resumed run with worker processes replays another epoch's order without the reload (tested).
        return super().instantiate_trainer(
            default_root_dir=str(self.run_folder), reload_dataloaders_every_n_epochs=1, **kwargs
        )

    def _instantiate_trainer(self, config: dict[str, Any], callbacks: list[Callback]) -> Trainer:
        added = list(callbacks)
        if config.get("enable_progress_bar") is not False:
            added.append(ProgressBar())
        if self.run_folder is not None and config.get("enable_checkpointing") is not False:
            folder = self.run_folder / checkpoints.BEST.parent
            best, last = checkpoints.BEST.stem, checkpoints.LAST.stem
            # Two: `save_last` of the first skips the epochs that are not its best, and resuming needs each.
            added += [
                Saver(folder, best, monitor=self.model.criterion, mode="max", enable_version_counter=False),
                Saver(folder, last, enable_version_counter=False),
            ]
        if self.subcommand == "fit":
            given = config.get("plugins") or []
            plugins = [*given] if isinstance(given, list | tuple) else [given]
            if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
                config = {**config, "plugins": [*plugins, WholeCheckpoints()]}
            added += wandb_run.callbacks(config.get("logger"), self.config["fit"].model.pretrained)
        return super()._instantiate_trainer(config, added)

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        return {**super()._prepare_subcommand_kwargs(subcommand), "weights_only": True}

    def _run_subcommand(self, subcommand: str) -> None:
        self.started = time.monotonic()
        failed = True
        try:
            super()._run_subcommand(subcommand)
            failed = False
        except SystemExit as error:
            # Lightning turns Ctrl-C into exit(1).
            if self.trainer.state.status != TrainerStatus.INTERRUPTED:
                raise
            if self.run_folder is not None and (self.run_folder / checkpoints.LAST).is_file():
                print(
                    f"go on from the last whole epoch with --ckpt_path {self.run_folder / checkpoints.LAST}"
                )
            raise KeyboardInterrupt from error
        finally:
            wandb_run.finish(self.trainer, failed)

    def after_fit(self) -> None:
        """Write the run's result, which marks it finished, and say where it is."""
        saver = self.trainer.checkpoint_callback
        if self.run_folder is None or not isinstance(saver, ModelCheckpoint) or not saver.best_model_path:
            return
        minutes = (time.monotonic() - self.started) / 60
        best = checkpoints.read_checkpoint(Path(saver.best_model_path))
        score = None if saver.best_model_score is None else float(saver.best_model_score)
        result = {
            "checkpoint": str(checkpoints.BEST),
            "sha256": best.sha256,
            "best_epoch": best.metadata["epoch"],
            "epochs": self.trainer.current_epoch,
            "criterion": self.model.criterion,
            self.model.criterion: score,
            "minutes": round(minutes, 2),
            "minutes_before": self._minutes_before(best.metadata["parent"]),
            "machine": machine(),
            "split": best.metadata["split"],
            "parent": best.metadata["parent"],
            "config": configuration_hash(configuration_of(best.metadata)),
            "start": best.metadata["start"]["name"],
        }
        with written_whole(self.run_folder / checkpoints.RESULT) as path:
            path.write_text(json.dumps(result, indent=2) + "\n")
        wandb_run.log_result(self.trainer, self.run_folder, result)
        print(
            f"{self.run_folder}: best epoch {result['best_epoch'] + 1} of {result['epochs']}, "
            f"{self.model.criterion} {score:.4f}, {minutes:.1f} minutes"
        )

    def _minutes_before(self, parent: str | None) -> float | None:
        """Of all trainings that the weights had behind them; None where one is not at hand."""
        if parent is None:
            return 0.0
        start = self.config["fit"].model.pretrained  # None in a run that goes on
        result = checkpoints.result_of(Path(start), parent) if start else {}
        known = [result.get(name) for name in ("minutes", "minutes_before")]
        minutes = [float(each) for each in known if isinstance(each, int | float)]
        return round(sum(minutes), 2) if len(minutes) == len(known) else None


def _parser_of(command: str) -> type[TrainingCLI]:
    """TrainingCLI that knows this command alone: Lightning builds a parser of hundreds of options for each, at once."""

    class Asked(TrainingCLI):
        @staticmethod
        def subcommands() -> dict[str, set[str]]:
            return {command: TrainingCLI.subcommands()[command]}

    return Asked


class ProgressBar(RichProgressBar):
    """Lightning's, without the version number of a logger."""

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        return {
            name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"
        }


def _plain_classes() -> list[str]:
    """Import paths of `_PLAIN_CLASSES`: where they are found, and where they are defined."""
    found: list[str] = []
    for room, names in _PLAIN_CLASSES.items():
        for name in names:
            defined = getattr(getattr(pytorch_lightning, room), name).__module__
            found += [f"pytorch_lightning.{room}.{name}", f"{defined}.{name}"]
    return found


def _refuse_unsupported(trainer: Mapping[str, Any], adapt: str) -> None:
    """Raise UserError for options of the trainer whose run or score would be wrong and not say so."""
    devices, nodes = trainer["devices"], trainer["num_nodes"]
    # A number counts devices, and -1 is all that there are; a list, or text with a comma, names them.
    named = re.fullmatch(r"\[?(\d+)(\]|,)", str(devices))
    several = devices not in (None, "auto", 1, "1") and named is None
    if several or nodes != 1 or os.environ.get("WORLD_SIZE", "1") != "1":
        raise UserError(
            f"--trainer.devices {devices}, --trainer.num_nodes {nodes}, WORLD_SIZE {os.environ.get('WORLD_SIZE', 1)}: "
            "expected one device and one process, as scores are not gathered from several; give --trainer.devices 1, "
            "or one GPU's number in brackets, such as [0]"
        )
    for name, least in (
        ("accumulate_grad_batches", 1),
        ("limit_train_batches", None),
        ("max_epochs", None),
        ("max_steps", None),
    ):
        value = trainer.get(name)
        if isinstance(value, int | float) and (value == 0 or (least is not None and value < least)):
            raise UserError(f"--trainer.{name} {value:g}: expected more than 0, as nothing would be trained")
    if adapt == "bgc" and trainer["accumulate_grad_batches"] != 1:
        raise UserError(
            f"--trainer.accumulate_grad_batches {trainer['accumulate_grad_batches']} with --adapt bgc: expected 1, as "
            "each step weighs two whole gradients; raise --data.batch_size instead"
        )
    if adapt == "bgc" and str(trainer["precision"]).startswith("16"):
        raise UserError(
            f"--trainer.precision {trainer['precision']} with --adapt bgc: expected 32-true or bf16-mixed, as the "
            "gradients that are weighed must not be scaled"
        )


def _new_run(runs: Path, job: str) -> Path:
    """Make <runs>/<job>/<start of the run>: names sort by time, and no two runs share one."""
    while True:
        path = runs / job / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")[:-3]
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            time.sleep(0.002)


def _start(given: str, runs: Path) -> Path:
    """What `--model.pretrained` means; "auto" is the newest finished run of pretraining, else the released model."""
    if given != AUTO:
        return checkpoints.newest_checkpoint(Path(given))
    found = checkpoints.newest_or_released(runs / "pretrain")
    print(f"pretrained: {found}")
    return found


def _run_to_go_on(given: str, job: Path) -> Path | None:
    """The folder of the run that `fit --ckpt_path` goes on with, named itself, by its last checkpoint, or as "last",
    the job's newest; None where any other checkpoint is named."""
    if given == "last":
        files = sorted(job.glob(f"*/{checkpoints.LAST}"))
        if not files:
            raise UserError(
                f"--ckpt_path last: no run under {job} has {checkpoints.LAST}; leave it out to start one"
            )
        return files[-1].parents[1]
    path = Path(given)
    if path.is_dir():
        return path
    return path.parents[1] if path.parts[-2:] == checkpoints.LAST.parts else None


def _keep_metrics(run: Path) -> None:
    """Set aside the metrics of a run that goes on: CSVLogger deletes the file it finds."""
    metrics = run / "metrics.csv"
    if metrics.is_file():
        parts = len(list(run.glob("metrics-*.csv")))
        metrics.rename(run / f"metrics-{parts + 1}.csv")


def quieten() -> None:
    """Silence advice that does not apply here; real warnings stay."""
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.seed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ.setdefault("WANDB_SILENT", "true")
    for message in (
        ".*callbacks used to create the checkpoint need to be provided.*",  # `validate` needs none
        ".*does not have many workers.*",  # the preset chooses them by the machine
        ".*Checkpoint directory .* exists and is not empty.*",  # a run that goes on
        ".*Experiment logs directory .* exists and is not empty.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
        ".*isinstance.*LeafSpec.*",
        ".*You have overridden `transfer_batch_to_device` in `LightningModule`.*",
    ):
        warnings.filterwarnings("ignore", message=message)
    torch.set_float32_matmul_precision("high")


def _without_worker_trace(text: str) -> str:
    """The sentence of an error that a loader's worker raised: torch wraps it in a stack trace."""
    if not text.startswith("Caught UserError in DataLoader worker"):
        return text
    return text.rpartition(f"{UserError.__module__}.{UserError.__qualname__}: ")[2].strip()
