"""Which files are pictures, by their names, and what systems leave beside them."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
_DEEPEST = 200  # folders in each other; Python's own functions for paths call themselves for each
# What file managers, archivers, editors and disks' own indices leave; hidden files are such too.
_CLUTTER = frozenset({
    "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "__macosx", "@eadir",
    "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler", "system volume information",
    "lost+found", "network trash folder", "temporary items", "icon\r",
})  # fmt: skip


@dataclass(frozen=True)
class PassedOver:
    """A file that was met and not taken, and why."""

    path: Path
    reason: str


def is_clutter(name: str) -> bool:
    """Whether a file's or a folder's name is one that no person gave it, in any place."""
    return name.startswith((".", "~$")) or name.lower() in _CLUTTER


def as_text(name: str) -> str:
    """A path or a command's words with bytes that are no UTF-8, which no file of text can hold, as \\xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def canonical(name: str) -> str:
    """A file's name as an id: `as_text`, in NFC on every disk (some keep names in NFD)."""
    return unicodedata.normalize("NFC", as_text(name))


def is_image_name(path: PurePath) -> bool:
    """Whether a file is taken for a picture: by its suffix, unless a system left it there."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_clutter(path.name)


def walk(folder: Path) -> Iterator[Path | PassedOver]:
    """Every file below a folder, sorted, linked folders too, each folder once; clutter is not met at all.

    What cannot be looked into, and links that lead nowhere, come as passed over.
    """
    seen: set[tuple[int, int]] = set()
    left = [folder]
    while left:  # and no function that calls itself: folders may lie deeper than that can
        path = left.pop()
        try:
            if path.is_dir():
                if len(path.parts) - len(folder.parts) > _DEEPEST:
                    yield PassedOver(path, f"more than {_DEEPEST} folders deep")
                    continue
                status = path.stat()
                if (status.st_dev, status.st_ino) in seen:
                    yield PassedOver(path, "leads back to a folder that was read already")
                    continue
                seen.add((status.st_dev, status.st_ino))
                names = sorted(name for name in os.listdir(path) if not is_clutter(name))
                left += [path / name for name in reversed(names)]
            elif path.is_file():
                yield path
            else:
                yield PassedOver(path, no_file(path))
        except OSError as error:
            yield PassedOver(path, f"cannot be looked into ({error.strerror})")


def no_file(path: Path) -> str:
    """What a path is that is neither a file nor a folder."""
    return "a link that leads nowhere" if not path.exists() else "no plain file, but a pipe or a device"
