"""What keeps a run's checkpoints whole, and knows its best score wherever the run lies."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint

from skinseg.files import written_whole

_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class Saver(ModelCheckpoint):
    """Lightning's, but for its state, which names files and no folder.

    Lightning's own forgets the best score of a run that was moved or copied, and overwrites its best checkpoint.
    """

    def state_dict(self) -> dict[str, Any]:
        """The state with bare names of files."""
        return _renamed(super().state_dict(), lambda path: Path(path).name) | {"dirpath": None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, its files in this run's folder: where they lie now."""
        folder = Path(self.dirpath or ".")
        here = _renamed(state_dict, lambda path: str(folder / Path(path).name))
        super().load_state_dict(here | {"dirpath": self.dirpath})


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's, but for the writing: its own goes by way of TMPDIR, and a kill while that is copied to another disk
    leaves half a file."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint; the file is whole or the one before."""
        buffer = io.BytesIO()  # torch's own writing says of a full disk only that it failed
        torch.save(checkpoint, buffer)
        with written_whole(Path(path)) as beside:
            beside.write_bytes(buffer.getbuffer())


def _renamed(state: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    paths = {name: rename(state[name]) if state.get(name) else "" for name in _PATHS}
    best = {rename(path): score for path, score in (state.get("best_k_models") or {}).items()}
    return state | paths | {"best_k_models": best}
