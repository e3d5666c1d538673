"""Files and folders that are either whole or absent: the one way in which this package writes them."""

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from skinseg.errors import UserError

_DIGITS = 20
_UNFINISHED = re.compile(rf"\.unfinished_.*\.[0-9]{{{_DIGITS}}}(\.[^.]*)?", re.DOTALL)
# A name of 255 bytes has room for these, whatever the script.
_LONGEST_STEM, _LONGEST_SUFFIX = 40, 12

_cleared: set[str] = set()


def hold(file: IO[Any], busy: str, *, needed: bool = False) -> None:
    """Lock an open file until it is closed; a process that dies lets go of it.

    Raises UserError(`busy`) where another process holds it. Some network disks have no locks: those who share one take
    care themselves, unless the lock is `needed`; then UserError(`busy`) too.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if needed or isinstance(error, BlockingIOError):
            raise UserError(busy) from error
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path` to write to; on success it goes to the disk and takes the name `path`.

    A reader never sees half a file, and a crash leaves the old one. The file's name is nobody else's and cannot be
    guessed, keeps the suffix, by which many writers choose their format, and tells what a dead writer left: the
    first write into a folder clears that away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path.parent)
    beside, held = _made(path, lambda name: os.open(name, _CREATE, 0o666))
    try:
        yield beside
        _to_disk(beside)
        os.replace(beside, path)
        _to_disk(path.parent)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(beside)):
            error.filename = str(path)  # who wrote a full disk names no file
        raise
    finally:
        beside.unlink(missing_ok=True)
        os.close(held)


@contextmanager
def folder_whole(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` to fill; on success its files go to the disk and it takes the name `path`.

    As `written_whole`, but for a folder that is there and holds something: then OSError is raised, and it is left.
    """
    with folder_beside(path) as beside:
        yield beside
        for folder, _, names in os.walk(beside):
            for name in (*names, ""):
                _to_disk(Path(folder, name))
        beside.rename(path)
        _to_disk(path.parent)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` for unfinished work, and take it away with all that is still in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path.parent)
    beside, held = _made(path, _make_folder)
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        os.close(held)


@contextmanager
def swapped_in(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Give an empty folder inside `folder` to fill with some of `names`, files or folders, which then take the places
    of all of these names that were in `folder` before. What else is there stays.

    A reader takes the last name for all of them: it is taken away before the others are changed, and comes after them,
    so a crash leaves the old ones, the new ones, or none that count. Where filling fails, what is there is swapped in
    if the last name is among it; else nothing is changed.
    """
    made = not folder.exists()
    try:
        with folder_beside(folder / "unfinished") as beside:
            try:
                yield beside
            finally:
                if (beside / names[-1]).exists():
                    _swap(beside, folder, names)
    finally:
        if made:
            with suppress(OSError):  # it holds something
                folder.rmdir()


def _swap(beside: Path, folder: Path, names: Sequence[str]) -> None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # one at a time, where the disk has locks
            fcntl.flock(held, fcntl.LOCK_EX)
        before = beside / "before"
        before.mkdir()
        for name in reversed(names):
            if os.path.lexists(folder / name):
                (folder / name).rename(before / name)
        _to_disk(folder)
        for name in names:
            if (beside / name).exists():
                (beside / name).rename(folder / name)
        _to_disk(folder)
    finally:
        os.close(held)


_CREATE = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def _make_folder(name: str) -> int:
    os.mkdir(name)
    return os.open(name, _LOOK | os.O_DIRECTORY)


def _made(path: Path, make: Callable[[str], int]) -> tuple[Path, int]:
    """A new file or folder beside `path`, and the descriptor that holds its lock for as long as its writer lives."""
    # Decimal digits: a rendered set clears such names away too.
    while True:
        number = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
        name = f".unfinished_{path.stem[:_LONGEST_STEM]}.{number}{path.suffix[:_LONGEST_SUFFIX]}"
        beside = path.with_name(name)
        try:
            held = make(str(beside))
        except FileExistsError:
            continue
        with suppress(OSError):  # some network disks have no locks; nothing is cleared there either
            fcntl.flock(held, fcntl.LOCK_SH)
        if beside.exists():
            return beside, held
        os.close(held)  # somebody cleared it before it was locked


def _clear(folder: Path) -> None:
    """Take away what dead writers left in a folder, once in each process: what no living one holds a lock on."""
    place = os.path.abspath(folder)
    if place in _cleared:
        return
    _cleared.add(place)
    with suppress(OSError):
        for name in os.listdir(folder):
            if _UNFINISHED.fullmatch(name):
                with suppress(OSError):
                    _clear_one(folder / name)


def _clear_one(left: Path) -> None:
    held = os.open(left, _LOOK)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink()
    finally:
        os.close(held)


def _to_disk(path: Path) -> None:
    """Wait until the disk has a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
