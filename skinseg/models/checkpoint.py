"""Checkpoints: what makes one ours, how one is read, and which is the newest.

A checkpoint is Lightning's dictionary with one more key, "skinseg": {"format": 1, "model": arguments of
`TwoHeadUnet`, "size": long side in pixels at inference, "sha256": of the weights, ...}, plain types only; see
`skinseg.models.record`. A run is a folder <runs>/<job>/<time>/ with checkpoints/best.ckpt, and result.json once it
has finished.
Exported, the weights are model.safetensors, and config.json beside it is the record, with the weights' "sha256".
"""

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from skinseg.datasets.heads import STANDARD
from skinseg.errors import UserError
from skinseg.models.encoder import check_finite, weights_sha256
from skinseg.models.exported import CONFIG, RELEASED, WEIGHTS, WEIGHTS_IN_THE_BOX, meant
from skinseg.models.record import ModelRecord
from skinseg.models.unet import TwoHeadUnet
from skinseg.records import typed

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

    Raises UserError for a file that is missing, is no checkpoint, holds more than plain data, is not ours, or is not as
    it was written, by its own check sums and by the weights' hash, and for weights that are not finite.
    """
    if not path.is_file():
        raise UserError(f"checkpoint {path} does not exist; name a .ckpt file that `skinseg fit` wrote")
    if path.suffix == Path(WEIGHTS).suffix:
        return _read_exported(path)
    try:
        damaged = damaged_member(path)
        content = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
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
    if damaged:
        raise UserError(
            f"checkpoint {path} is damaged: {damaged} is not as it was written; copy it again, or take another one"
        )
    metadata = content.get(KEY) if isinstance(content, dict) else None
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(metadata, dict) or not isinstance(weights, dict):
        raise UserError(f"checkpoint {path} was not written by skinseg: it has no {KEY!r} record")
    _check_format(path, metadata)
    weights = {name.removeprefix(PREFIX): value for name, value in weights.items() if name.startswith(PREFIX)}
    return _checkpoint(path, metadata, weights)


def damaged_member(path: Path) -> str | None:
    """What of a checkpoint's file does not have its check sum, None where all has: torch itself reads it regardless.

    Raises zipfile's errors for what is no zip archive, and ValueError for one that could take more memory than it has
    bytes.
    """
    with zipfile.ZipFile(path) as file:
        if sum(member.file_size for member in file.infolist()) > path.stat().st_size:
            raise ValueError("larger than its file")
        return file.testzip()


def _read_exported(path: Path) -> Checkpoint:
    """Raises UserError where one of the two files is missing, damaged or not ours, or they do not belong together."""
    config = path.with_name(CONFIG)
    try:
        record = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
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
    return _checkpoint(path, record, weights)


def _check_format(path: Path, record: Mapping[str, Any]) -> None:
    if record.get("format") != FORMAT:
        raise UserError(
            f"checkpoint {path} has format {record.get('format')!r}, {FORMAT} expected: "
            "use the version of skinseg that wrote it"
        )


def _checkpoint(path: Path, record: dict[str, Any], weights: dict[str, Tensor]) -> Checkpoint:
    """Raises UserError where the record is not one, the weights are not finite, or not those that it is of."""
    what = f"checkpoint {path}"
    found = typed(ModelRecord, record, f"{what}: its {KEY!r} record", "take one that skinseg wrote")
    check_finite(weights, what)
    numbers = sum(value.numel() for value in weights.values())
    if found.model.least_numbers > numbers:
        raise UserError(
            f"{what} holds {numbers:,} weights, which do not fit {_described(record['model'])}, of "
            f"{found.model.least_numbers:,} at least, in its record; take one that skinseg wrote"
        )
    sha256 = weights_sha256(weights)
    exported = path.suffix == Path(WEIGHTS).suffix
    # Checkpoints of earlier versions have no hash; exports always had one.
    if found.sha256 != sha256 and (exported or found.sha256 is not None):
        raise UserError(
            f"{path}: weights of SHA-256 {sha256[:12]}, {str(found.sha256)[:12]} expected by its "
            f"{CONFIG if exported else 'record'}: the two do not belong together; "
            + ("export the checkpoint again" if exported else "copy it again, or take another one")
        )
    return Checkpoint(
        path=path,
        model=dict(record["model"]),
        size=found.size,
        state_dict=weights,
        sha256=sha256,
        metadata=record,
    )


def newest_whole(run: Path) -> Checkpoint:
    """The checkpoint that a run goes on from: its last one, or, where that is damaged or gone, its best one.

    Says so where it is not the last one. Raises UserError as `read_checkpoint`, about the last one, where none is.
    """
    try:
        return read_checkpoint(run / LAST)
    except UserError as error:
        try:
            best = read_checkpoint(run / BEST)
        except UserError:
            raise error from None
        print(f"{error}; going on from {best.path} instead")
        return best


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

    A head that the checkpoint lacks stays as it is in the model, and one that the model lacks is left out.
    Raises UserError where names or shapes differ.
    """
    fresh, dropped = _heads_apart(model, checkpoint)
    own = {name: value for name, value in model.state_dict().items() if _head_of(name) in fresh}
    given = {name: value for name, value in checkpoint.state_dict.items() if _head_of(name) not in dropped}
    try:
        model.load_state_dict(own | given)
    except RuntimeError as error:
        raise UserError(
            f"checkpoint {checkpoint.path} holds weights of {_described(checkpoint.model)}, which do not fit "
            f"{_described(model.config)}; give the model the same options, or another checkpoint"
        ) from error
    model.normalize_as(checkpoint.model)


def heads_that_differ(model: TwoHeadUnet, checkpoint: Checkpoint) -> list[str]:
    """A sentence for each head that `load_weights` leaves as it is, or leaves out."""
    fresh, dropped = _heads_apart(model, checkpoint)
    return [
        *(f"head {head}: begins fresh, {checkpoint.path} has none" for head in fresh),
        *(f"head {head}: dropped, {checkpoint.path} has it and --model.heads does not" for head in dropped),
    ]


def _heads_apart(model: TwoHeadUnet, checkpoint: Checkpoint) -> tuple[list[str], list[str]]:
    """The heads that only the model has, and those that only the checkpoint has."""
    theirs = checkpoint.model.get("heads", STANDARD)
    return [head for head in model.heads if head not in theirs], [h for h in theirs if h not in model.heads]


def _head_of(name: str) -> str | None:
    """The head that a parameter of `TwoHeadUnet` is of, None of a shared one."""
    part, _, rest = name.partition(".")
    return rest.partition(".")[0] if part in ("branches", "classifiers") else None


def metadata_of(model: TwoHeadUnet, size: int, **more: Any) -> dict[str, Any]:
    """The "skinseg" record of a checkpoint; `more` must be plain types."""
    sha256 = weights_sha256(model.state_dict())
    return {"format": FORMAT, "model": model.config, "size": size, "sha256": sha256, **more}


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


def result_of(path: Path, sha256: str | None) -> dict[str, Any]:
    """What the run that wrote a checkpoint says of itself, {} where it has not finished or there is none."""
    try:
        content = json.loads((path.parents[1] / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError, IndexError):
        return {}
    # A later best.ckpt in the same place, or an unrelated file of that name, would bring another's minutes.
    return content if isinstance(content, dict) and content.get("sha256") == sha256 else {}


def newest_or_released(runs: Path) -> Path:
    """The newest finished run's best checkpoint in a folder of runs, and where none has finished, the released one."""
    finished = any((file.parents[1] / RESULT).is_file() for file in runs.glob(f"*/{BEST}"))
    return newest_checkpoint(runs if finished else WEIGHTS_IN_THE_BOX)


def _described(model: Mapping[str, Any]) -> str:
    return f"{model.get('encoder')} {tuple(model.get('decoder_channels', ()))} {model.get('head_split')}"
