"""What can be said of arguments before torch is imported, which takes many seconds."""

import os
from pathlib import Path

from skinseg.errors import UserError
from skinseg.models.exported import meant


def check_model(path: Path) -> None:
    """Raise UserError where there is nothing at all; whether it is a model is told by reading it."""
    if not meant(path).exists():
        raise UserError(
            f"{path} does not exist, a checkpoint or a folder of runs expected: run `make pretrain` first"
        )


def check_views(text: str | None) -> None:
    """Raise UserError as `skinseg.models.views.parse_views`."""
    if text is not None:
        from skinseg.models.views import parse_views

        parse_views(text)


def check_place(option: str, folder: Path) -> None:
    """Raise UserError where a folder cannot be made, or written into; nothing is made."""
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        raise UserError(f"{option} {folder}: {there} is a file, expected a folder; name another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"{option} {folder}: {there} cannot be written to; change its rights, or name another place"
        )
