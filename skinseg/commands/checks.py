"""What can be said of arguments before torch is imported, which takes many seconds."""

from pathlib import Path

from skinseg.errors import UserError
from skinseg.models.exported import meant


def check_model(path: Path) -> None:
    """Raise UserError where there is nothing at all; whether it is a model is told by reading it."""
    if not meant(path).exists():
        raise UserError(
            f"{path} does not exist, a checkpoint or a folder of runs expected: run `make pretrain` first"
        )
