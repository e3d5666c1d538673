"""Which files are pictures, by their names, and what systems leave beside them."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
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


def canonical(name: str) -> str:
    """A file's name as an id: text in NFC on every disk (some keep names in NFD), bytes that are no UTF-8 as \\xNN."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def is_image_name(path: PurePath) -> bool:
    """Whether a file is taken for a picture: by its suffix, unless a system left it there."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_clutter(path.name)


def walk(folder: Path) -> Iterator[Path | PassedOver]:
    """Every file below a folder, sorted, linked folders too, each folder once; clutter is not met at all.

    What cannot be looked into, and links that lead nowhere, come as passed over.
    """
    seen: set[tuple[int, int]] = set()

    def below(place: Path) -> Iterator[Path | PassedOver]:
        try:
            status = place.stat()
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            yield PassedOver(place, f"cannot be looked into ({error.strerror})")
            return
        if (status.st_dev, status.st_ino) in seen:
            yield PassedOver(place, "leads back to a folder that was read already")
            return
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            if is_clutter(entry.name):
                continue
            path = place / entry.name
            try:
                if entry.is_dir():
                    yield from below(path)
                elif entry.is_file():
                    yield path
                else:
                    yield PassedOver(path, "a link that leads nowhere" if entry.is_symlink() else "no file")
            except OSError as error:
                yield PassedOver(path, f"cannot be looked at ({error.strerror})")

    yield from below(folder)
