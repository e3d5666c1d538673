"""The exported network in ONNX Runtime: no torch anywhere."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from skinseg.errors import UserError
from skinseg.models.exported import ONNX, WEIGHTS
from skinseg.models.prediction import Batch, ImagePredictor, Probability
from skinseg.models.record import OnnxRecord
from skinseg.records import typed

KEY = "skinseg"
"""Of the model's metadata: the checkpoint's record as JSON, and "stride", "threshold" and the weights' "sha256"."""
BESIDE = "beside"
"""Of that record: SHA-256 of the model.safetensors beside the file, where the parameters lie there."""
FORMAT = 1
INPUT = "image"

SEAL = "file_sha256"
"""In the record: SHA-256 of the file's bytes with zeros in this one's place. `sealed` fills it in."""
UNSEALED = "0" * 64
_SEAL = re.compile(rb'("file_sha256": ")([0-9a-f]{64})(")')


def sealed(model: bytes) -> bytes:
    """The bytes of an ONNX model whose record has a `SEAL`, with what it is for these bytes."""
    blank = _SEAL.sub(rb"\g<1>" + UNSEALED.encode() + rb"\g<3>", model)
    digest = hashlib.sha256(blank).hexdigest().encode()
    return _SEAL.sub(rb"\g<1>" + digest + rb"\g<3>", blank)


class OnnxPredictor(ImagePredictor):
    """Runs a model that `skinseg export` wrote, a file or its bytes.

    record: what its metadata says. threads: of one pass, 0 for one per core that this process may use.
    Raises UserError where ONNX Runtime or the file is missing, the file is damaged or not ours, and for a device
    that this installation lacks.
    """

    def __init__(self, model: Path | bytes, device: str = "auto", threads: int = 0) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError(
                "ONNX Runtime is not installed, which .onnx files need; pip install 'onnxruntime>=1.20', or name "
                "a checkpoint"
            ) from error
        name = "ONNX model" if isinstance(model, bytes) else f"ONNX model {model}"
        if isinstance(model, Path) and not model.is_file():
            raise UserError(f"{name} does not exist; `skinseg export` writes one")
        available = onnxruntime.get_available_providers()
        gpu = "CUDAExecutionProvider"
        if device not in ("auto", "cpu") and not (device.startswith("cuda") and gpu in available):
            raise UserError(f"--device {device}: not usable on this machine; choose auto or cpu")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or _allowed_cores()
        # By default its threads spin between passes: on two cores 91 ms of processor time for 57 ms of work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = (
            3  # errors only: its warnings speak of the graph, not of the user's pictures
        )
        providers = ([gpu] if device != "cpu" and gpu in available else []) + ["CPUExecutionProvider"]
        content = model if isinstance(model, bytes) else model.read_bytes()
        has_seal = _SEAL.search(content) is not None
        if has_seal and sealed(content) != content:
            raise UserError(
                f"{name} is not as `skinseg export` wrote it, by the SHA-256 in its {KEY!r} record: damaged or "
                "changed; export the checkpoint again"
            )
        # Parameters beside the file are found from its path alone.
        opened = str(model) if isinstance(model, Path) and f'"{BESIDE}"'.encode() in content else content
        try:
            self.session = onnxruntime.InferenceSession(opened, options, providers=providers)
        except Exception as error:  # ONNX Runtime's errors share no class below it
            raise UserError(
                f"{name} cannot be read ({type(error).__name__}): a whole file that `skinseg export` wrote expected"
            ) from error
        try:
            text = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        except UnicodeDecodeError:
            text = None
        self.record = _record(text, name)
        found = typed(OnnxRecord, self.record, f"{name}: its {KEY!r} record", "export the checkpoint again")
        if not has_seal:
            raise UserError(f"{name}: its {KEY!r} record has no {SEAL}; export the checkpoint again")
        if isinstance(model, Path) and BESIDE in self.record:
            _check_beside(model.with_name(WEIGHTS), str(self.record[BESIDE]))
        super().__init__(found.size, found.stride)
        self.heads = tuple(found.model.heads)
        if len(providers) == 1:
            self.most_at_once = 1  # on a CPU 6 of 192 x 256 pixels took 12 % longer each, and 70 MB more

    def run(self, batch: Batch) -> dict[str, Probability]:
        values = self.session.run(list(self.heads), {INPUT: batch})
        return {head: np.asarray(value, np.float32) for head, value in zip(self.heads, values, strict=True)}


def _allowed_cores() -> int:
    """Cores of this process where it may not use all; else 0, and ONNX Runtime counts those that are no hyperthreads.

    It would start a thread for each core of the machine, and on one core they would take turns.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return allowed if allowed < (os.cpu_count() or 1) else 0


def _check_beside(weights: Path, expected: str) -> None:
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != expected:
        raise UserError(
            f"{weights}: damaged or of another model, SHA-256 {found[:12]}, {expected[:12]} expected by the {ONNX} "
            "beside it; export the checkpoint again, or, in the package's own folder, install skinseg again"
        )


def _record(text: str | None, name: str) -> dict[str, Any]:
    try:
        record = json.loads(text or "null")
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not {"format", "size", "stride", "model"} <= set(record):
        raise UserError(
            f"{name} was not written by `skinseg export`: its metadata have no {KEY!r} record; export a checkpoint"
        )
    if record["format"] != FORMAT:
        raise UserError(
            f"{name} has format {record['format']!r}, {FORMAT} expected: use the version of skinseg that wrote it"
        )
    return record
