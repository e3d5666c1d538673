"""Checkpoints: what makes one ours, how one is read, and which is the newest.

A checkpoint is Lightning's dictionary with one more key, "skinseg": {"format": 1, "model": arguments of
`TwoHeadUnet`, "size": long side in pixels at inference, ...}, plain types only. A run is a folder
<runs>/<job>/<time>/ with checkpoints/best.ckpt, and result.json once it has finished.
Exported, the weights are model.safetensors, and config.json beside it is the record, with the weights' "sha256".
"""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from skinseg.errors import UserError
from skinseg.models.encoder import weights_sha256
from skinseg.models.exported import CONFIG, RELEASED, WEIGHTS, WEIGHTS_IN_THE_BOX, meant
from skinseg.models.unet import TwoHeadUnet

KEY = "skinseg"
FORMAT = 1
# The Lightning module's attribute that holds the network: a prefix of every name in its state dict.
PREFIX = "network."
BEST = Path("checkpoints", "best.ckpt")
LAST = Path("checkpoints", "last.ckpt")
RESULT = "result.json"


@dataclass(frozen=True)
class Checkpoint:
    """model: arguments of `TwoHeadUnet`; size: long side at inference, pixels; sha256: of the weights alone.

    metadata: the whole "skinseg" record: where the weights come from (split, epoch, seed, lineage; what they
        were trained on is read by `skinseg.models.lineage`).
    """

    path: Path
    model: dict[str, Any]
    size: int
    state_dict: dict[str, Tensor]
    sha256: str
    metadata: dict[str, Any]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, or exported weights, on the CPU, running no code from it (`weights_only=True`).

    Raises UserError for a file that is missing, is no checkpoint, holds more than plain data, or is not ours.
    """
    if not path.is_file():
        raise UserError(f"checkpoint {path} does not exist; name a .ckpt file that `skinseg fit` wrote")
    if path.suffix == ".safetensors":
        return _read_exported(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"checkpoint {path} is no checkpoint of weights and plain values, and could run code if it were "
            "opened: only checkpoints that `skinseg fit` wrote are read"
        ) from error
    except Exception as error:  # on bytes of another kind the unpickler fails in any way, IndexError too
        raise UserError(
            f"checkpoint {path} cannot be read ({type(error).__name__}): "
            "a whole .ckpt file that `skinseg fit` wrote expected"
        ) from error
    metadata = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(metadata, dict) or not isinstance(content.get("state_dict"), dict):
        raise UserError(f"checkpoint {path} was not written by skinseg: it has no {KEY!r} record")
    _check_format(path, metadata)
    weights = {
        name.removeprefix(PREFIX): value
        for name, value in content["state_dict"].items()
        if name.startswith(PREFIX)
    }
    return _checkpoint(path, metadata, weights)


def _read_exported(path: Path) -> Checkpoint:
    """Raises UserError where one of the two files is missing, damaged or not ours, or they do not belong together."""
    config = path.with_name(CONFIG)
    try:
        record = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{config}: missing or no JSON, expected what `skinseg export` wrote beside {path.name}; "
            "export the checkpoint again"
        ) from error
    if not isinstance(record, dict) or not {"format", "model", "size", "sha256"} <= set(record):
        raise UserError(f"{config}: not written by `skinseg export`; export the checkpoint again")
    _check_format(config, record)
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path}: cannot be read as safetensors ({error}); export the checkpoint again"
        ) from error
    checkpoint = _checkpoint(path, record, weights)
    if checkpoint.sha256 != record["sha256"]:
        raise UserError(
            f"{path}: weights of SHA-256 {checkpoint.sha256[:12]}, {str(record['sha256'])[:12]} expected by its "
            f"{CONFIG}: the two files do not belong together; export the checkpoint again"
        )
    return checkpoint


def _check_format(path: Path, record: Mapping[str, Any]) -> None:
    if record.get("format") != FORMAT:
        raise UserError(
            f"checkpoint {path} has format {record.get('format')!r}, {FORMAT} expected: "
            "use the version of skinseg that wrote it"
        )


def _checkpoint(path: Path, record: dict[str, Any], weights: dict[str, Tensor]) -> Checkpoint:
    return Checkpoint(
        path=path,
        model=dict(record["model"]),
        size=int(record["size"]),
        state_dict=weights,
        sha256=weights_sha256(weights),
        metadata=record,
    )


def load_model(path: Path) -> TwoHeadUnet:
    """`model_of` the checkpoint in a file. Raises UserError as `read_checkpoint` and `model_of`."""
    return model_of(read_checkpoint(path))


def model_of(checkpoint: Checkpoint) -> TwoHeadUnet:
    """The trained model of a checkpoint, on the CPU, in evaluation mode.

    Raises UserError where this version cannot build it, and where the weights do not fit.
    """
    try:
        model = TwoHeadUnet(**checkpoint.model)
    except TypeError as error:
        raise UserError(
            f"checkpoint {checkpoint.path} has model arguments that this version lacks: {error}"
        ) from error
    load_weights(model, checkpoint)
    return model.eval()


def load_weights(model: TwoHeadUnet, checkpoint: Checkpoint) -> None:
    """Copy a checkpoint's weights into a model, and the normalisation that they were trained with.

    Raises UserError where names or shapes differ.
    """
    try:
        model.load_state_dict(checkpoint.state_dict)
    except RuntimeError as error:
        raise UserError(
            f"checkpoint {checkpoint.path} holds weights of {_described(checkpoint.model)}, which do not fit "
            f"{_described(model.config)}; give the model the same options, or another checkpoint"
        ) from error
    model.normalize_as(checkpoint.model)


def metadata_of(model: TwoHeadUnet, size: int, **more: Any) -> dict[str, Any]:
    """The "skinseg" record of a checkpoint; `more` must be plain types."""
    return {"format": FORMAT, "model": model.config, "size": size, **more}


def newest_checkpoint(path: Path) -> Path:
    """The checkpoint that a path means.

    A file is itself; a run's folder means its best checkpoint, an exported folder its weights; a folder of runs,
    or of jobs, the best checkpoint of the newest run that has finished (run folders are named by their start);
    "released" means the model that comes with the package.
    Raises UserError where there is none, saying what to run.
    """
    path = meant(path)
    if path.is_file():
        return path
    for inside in (BEST, WEIGHTS):
        if (path / inside).is_file():
            return path / inside
    runs = [file.parents[1] for file in path.glob(f"*/{BEST}")] + [
        file.parents[1] for file in path.glob(f"*/*/{BEST}")
    ]
    finished = [run for run in runs if (run / RESULT).is_file()]
    if finished:
        return max(finished, key=lambda run: run.name) / BEST
    if runs:
        newest = max(runs, key=lambda run: run.name)
        raise UserError(
            f"no run under {path} has finished; go on with it "
            f"(skinseg fit --config {newest / 'config.yaml'} --ckpt_path {newest / LAST}), "
            f"or name {newest / BEST} itself"
        )
    if path == WEIGHTS_IN_THE_BOX:
        raise UserError(f"{path / WEIGHTS}: missing, expected the released model; install skinseg again")
    found = "holds no run" if path.is_dir() else "does not exist"
    raise UserError(
        f"{path} {found}, a checkpoint, a folder of runs or {RELEASED!r} expected: run `make pretrain` first"
    )


def newest_or_released(runs: Path) -> Path:
    """The newest finished run's best checkpoint in a folder of runs, and where none has finished, the released one."""
    finished = any((file.parents[1] / RESULT).is_file() for file in runs.glob(f"*/{BEST}"))
    return newest_checkpoint(runs if finished else WEIGHTS_IN_THE_BOX)


def _described(model: Mapping[str, Any]) -> str:
    return f"{model.get('encoder')} {tuple(model.get('decoder_channels', ()))} {model.get('head_split')}"
