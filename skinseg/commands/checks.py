"""What can be said of arguments before torch is imported, which takes many seconds."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from skinseg.errors import UserError
from skinseg.models.exported import meant


def check_model(path: Path) -> None:
    """Raise UserError where there is nothing at all; whether it is a model is told by reading it."""
    if not meant(path).exists():
        raise UserError(
            f"{path} does not exist, a checkpoint or a folder of runs expected: run `make pretrain` first"
        )


def check_rows(results: Collection[Path]) -> None:
    """Raise UserError as `skinseg.evaluation.rows.read_rows` where a folder has no rows."""
    for folder in results:
        path = folder if folder.name == "rows.parquet" else folder / "rows.parquet"
        if not path.is_file():
            raise UserError(
                f"{path}: no result rows found; write them with `skinseg evaluate --out {path.parent}`"
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


def check_own(folder: Path, names: Collection[str], marks: Mapping[str, bytes]) -> None:
    """Raise UserError where a command would replace files that it did not write.

    names: of what it writes into the folder, or deletes there. marks: by some of these names, bytes that only a file of
    this package holds, near its start or its end; where one does, all are taken for an earlier call's.
    """
    there = [name for name in names if os.path.lexists(folder / name)]
    if there and not any(_holds(folder / name, mark) for name, mark in marks.items()):
        raise UserError(
            f"--out {folder}: {there[0]} is there and was not written by skinseg, which would replace it; name another "
            "folder"
        )


def _holds(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
            file.seek(max(0, path.stat().st_size - (1 << 16)))
            return mark in start or mark in file.read()
    except OSError:
        return False
