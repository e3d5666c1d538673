"""`skinseg data unpack`: archives of unknown origin, unpacked so that they can do no harm."""

import gzip
import lzma
import secrets
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from skinseg.errors import UserError
from skinseg.files import folder_whole
from skinseg.images.files import canonical, is_clutter

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to. The five datasets stay below a hundredth of the size and a tenth of the rest.

    files: number. total: bytes. ratio: unpacked bytes per byte of the archive, above a first 10 MB (a small
    file may shrink well and does no harm).
    """

    files: int = 200_000
    total: int = 200 * 10**9
    ratio: float = 200.0


@dataclass(frozen=True)
class _Member:
    """One file of an archive: its name there, the size it claims, and what opens it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archives: list[Path], out: Path, limits: Limits | None = None) -> list[Path]:
    """Unpack zip and tar archives (also .tar.gz, .bz2, .xz) below `out`, each into a folder called as it is.

    A top folder of the archive's own name is not repeated. Only plain files and folders are made, with this
    user's default rights. Each folder appears whole or not at all; one that is there already is an error.

    Returns the folders. Raises UserError, before anything of that archive is kept, for a file that is no such
    archive or is damaged, encrypted or beyond the limits, and for a member that leaves the folder or is a
    link, a device or named twice.
    """
    folders = []
    for archive in archives:
        folder = out / _stem(archive)
        if folder.exists():
            raise UserError(
                f"{archive}: {folder} is there already, expected a folder to make; move it away, or name another --out"
            )
        try:
            with folder_whole(folder) as beside:
                _unpack_one(archive, beside, limits or Limits())
                _lift_repeated(beside, folder.name)
        except OSError as error:
            raise UserError(f"{archive}: cannot be unpacked to {out} ({error.strerror or error})") from error
        folders.append(folder)
    return folders


def _lift_repeated(folder: Path, name: str) -> None:
    """Put what lies in the only folder of a folder into it, where that one has its name."""
    inner = [item for item in folder.iterdir() if not is_clutter(item.name)]
    if len(inner) == 1 and inner[0].is_dir() and inner[0].name.lower() == name.lower():
        away = inner[0].rename(folder / f".{secrets.token_hex(8)}")  # a file in it may have its name again
        for item in away.iterdir():
            item.rename(folder / item.name)
        away.rmdir()


def _unpack_one(archive: Path, folder: Path, limits: Limits) -> None:
    if not archive.is_file():
        raise UserError(f"{archive}: no such file; name an archive that you downloaded")
    allowed = min(limits.total, int(10**7 + limits.ratio * archive.stat().st_size))
    written = count = 0
    made: set[str] = set()
    try:
        with _opened(archive) as members:
            for member in members:
                path = _safe_path(member.name, archive)
                key = canonical(path.as_posix()).lower()
                count += 1
                if key in made:
                    raise UserError(f"{archive}: {member.name!r} is in it twice, expected each name once")
                made.add(key)
                if count > limits.files or written + member.size > allowed:
                    raise _too_large(archive, limits)
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with member.open() as source, target.open("xb") as file:
                    # What a header claims may be a lie: the bytes are counted as they come.
                    while chunk := source.read(1 << 20):
                        written += len(chunk)
                        if written > allowed:
                            raise _too_large(archive, limits)
                        file.write(chunk)
    except _DAMAGED as error:
        # RuntimeError: encrypted; NotImplementedError: a compression that Python lacks.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{archive}: cannot be unpacked ({reason}); download it again, or unpack it by hand"
        ) from error
    if not made:
        raise UserError(f"{archive}: there is no file in it; download it again")


@contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Member]]:
    """The plain files of a zip or tar archive, told apart by their bytes."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield _zip_members(file, archive)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            yield _tar_members(file, archive)
            # The checksum of a compressed tar is at its very end, behind what tarfile reads.
            while cast(IO[bytes], file.fileobj).read(1 << 20):
                pass
    else:
        raise UserError(
            f"{archive}: neither zip nor tar, expected an archive of one of the two; unpack it by hand"
        )


def _zip_members(file: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    for info in file.infolist():
        if not info.filename:
            raise UserError(f"{archive}: a file without a name in it, expected names; nothing was unpacked")
        if info.is_dir():
            _safe_path(info.filename, archive)
            continue
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _no_plain_file(archive, info.filename)
        # orig_filename: Python cuts the other one at a NUL byte.
        yield _Member(info.orig_filename, info.file_size, partial(file.open, info))


def _tar_members(file: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in file:
        if info.isdir():
            _safe_path(info.name, archive)
            continue
        if not info.isreg():
            raise _no_plain_file(archive, info.name)
        # None only for what is no plain file.
        yield _Member(info.name, info.size, partial(cast(Callable[..., IO[bytes]], file.extractfile), info))


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a path below the folder. Raises UserError where it may lead out of it."""
    path = PurePosixPath(name)
    parts = [part for part in path.parts if part != "."]
    # A backslash or a colon is a folder or a drive on Windows, where the data may lie later.
    if path.is_absolute() or ".." in parts or not parts or any(character in name for character in "\\:\0"):
        if not parts and not path.is_absolute():
            return PurePosixPath(".")  # "./", the folder itself
        raise UserError(
            f"{archive}: the name {name!r} in it leads out of the folder it is unpacked to, expected names below it; "
            "nothing was unpacked: do not trust this archive"
        )
    return PurePosixPath(*parts)


def _no_plain_file(archive: Path, name: str) -> UserError:
    return UserError(
        f"{archive}: {name!r} in it is a link or a device, expected plain files and folders; nothing was unpacked: "
        "do not trust this archive"
    )


def _too_large(archive: Path, limits: Limits) -> UserError:
    return UserError(
        f"{archive}: unpacks to more than {limits.files} files, {limits.total / 10**9:.0f} GB, or "
        f"{limits.ratio:.0f} times its own size, which no dataset here does; nothing was unpacked: look into it by hand"
    )


def _stem(archive: Path) -> str:
    name = archive.name
    for suffix in (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz"):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            name = name[: -len(suffix)]
            break
    return name.strip(". ") or "archive"
