"""The frames of a rendered set on disk: which are finished, and how one gets in without being half.

A frame counts once its line is in the journal, and the line is written after both files are on the disk under
their final names. What a crash leaves without a line is rendered again.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skinseg.errors import UserError
from skinseg.files import hold, written_whole
from skinseg.synthetic.rendering.frames import Frame, Row

# Folder of a frame's file, and the journal's key of that file's SHA-256.
FILES = {"images": "image_sha256", "masks": "mask_sha256"}
SCRATCH = ".unfinished-"
LOCK = ".lock"
# What `written_whole` leaves when its process is killed.
_BESIDE = re.compile(r"\.\w+\.\d+\.\w+")
# By type, and the word for it.
_ROW_FIELDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "attempt": (int, "a whole number"),
    **dict.fromkeys(("skin_share", "gain"), ((int, float), "a number")),
    **dict.fromkeys(("scene", *FILES.values()), (str, "text")),
}
_ROW_KEYS = {"index", "image", *_ROW_FIELDS}


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep every other process from writing to the set; a process that dies lets go of it.

    Raises UserError where another one holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open("a") as file:
        hold(
            file,
            f"{out}: another `skinseg render` is writing to this set; wait for it, or give --out another folder",
        )
        yield


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn what a disk refuses into one sentence; what is finished stays finished."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"{out}: no space left on its disk; the frames finished so far are kept, make space and "
                "give the same command again to go on"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOTDIR, errno.EFBIG):
            raise UserError(
                f"{out}: cannot be written to ({error.strerror}); correct that, or give --out another folder"
            ) from error
        raise


class SetFolder:
    """The frames of a claimed and locked set. rows: the journal, by index."""

    def __init__(self, out: Path) -> None:
        """Clean up after a crash, and read the journal."""
        self.out = out
        self.journal = out / "scenes.jsonl"
        for folder in FILES:
            (out / folder).mkdir(parents=True, exist_ok=True)
        for place in (out, *(out / name for name in FILES)):
            for left in place.glob(".*"):
                if _BESIDE.fullmatch(left.name):
                    left.unlink()
        for left in out.glob(f"{SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)
        self.rows = self._read_journal()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for unfinished work, no other call's: a Blender that outlived one may still write to its."""
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self.out, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def add(self, frame: Frame) -> None:
        """Keep a frame: its files, then its line."""
        for folder, data in (("images", frame.image), ("masks", frame.mask)):
            with written_whole(self.out / folder / frame.row["image"]) as beside, beside.open("wb") as file:
                file.write(data)
                _to_disk(file)
        with self.journal.open("ab") as file:
            file.write(_line(frame.row))
            _to_disk(file)
        self.rows[frame.row["index"]] = frame.row

    def without_files(self) -> list[int]:
        """Indices of rows that lack a file: quick, for going on."""
        names = {folder: set(os.listdir(self.out / folder)) for folder in FILES}
        return [i for i, row in self.rows.items() if any(row["image"] not in names[f] for f in FILES)]

    def damaged(self) -> dict[int, str]:
        """What is wrong with each frame whose files are not those that were rendered: all bytes are read."""
        with ThreadPoolExecutor() as pool:
            flaws = pool.map(self._flaw, self.rows.values())
            return {index: flaw for index, flaw in zip(self.rows, flaws, strict=True) if flaw}

    def _flaw(self, row: Row) -> str:
        for folder, key in FILES.items():
            path = self.out / folder / row["image"]
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                return f"{folder}/{row['image']} is missing"
            except OSError as error:
                return f"{folder}/{row['image']} cannot be read ({error.strerror})"
            if digest != row[key]:
                return f"{folder}/{row['image']} has changed"
        return ""

    def merge(self, rows: Iterable[Row]) -> None:
        """Take over rows of the table that the journal has lost."""
        lost = [row for row in rows if _is_row(row) and not _flaw_in(row) and row["index"] not in self.rows]
        self.rows |= {row["index"]: row for row in lost}
        if lost:
            self._write_journal()

    def _read_journal(self) -> dict[int, Row]:
        """Rows by index, the last of an index counts; what is no row, as a crash may leave it, is cut off."""
        if not self.journal.is_file():
            return {}
        text = self.journal.read_bytes()
        rows: dict[int, Row] = {}
        for number, line in enumerate(text.split(b"\n"), start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if _is_row(row):
                if flaw := _flaw_in(row):
                    raise UserError(
                        f"{self.journal} line {number}: {flaw}; restore the file, or remove the line to have the frame "
                        "rendered again"
                    )
                rows[row["index"]] = row
        if text != b"".join(_line(row) for row in rows.values()):
            self._write_journal(rows)
        return rows

    def _write_journal(self, rows: dict[int, Row] | None = None) -> None:
        with written_whole(self.journal) as beside, beside.open("wb") as file:
            file.writelines(_line(row) for row in (self.rows if rows is None else rows).values())
            _to_disk(file)


def _is_row(row: Any) -> bool:
    """Whether this is a journal's row, with a file name that leads nowhere else."""
    return (
        isinstance(row, dict)
        and row.keys() >= _ROW_KEYS
        and isinstance(row["index"], int)
        and not isinstance(row["index"], bool)
        and row["index"] >= 0
        and row["image"] == f"{row['index']:06d}.png"
    )


def _flaw_in(row: Row) -> str:
    """What is wrong with the values of a row, or nothing."""
    for key, (kind, word) in _ROW_FIELDS.items():
        if not isinstance(row[key], kind) or isinstance(row[key], bool):
            return f"{key} {row[key]!r:.60} found, expected {word}"
    return ""


def _line(row: Row) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _to_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
