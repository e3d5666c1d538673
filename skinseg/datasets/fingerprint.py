"""What tells one copy of a dataset from another, on any machine: the contents of its files."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from skinseg.datasets.base import Dataset
from skinseg.datasets.heads import STANDARD
from skinseg.errors import UserError
from skinseg.files import written_whole

CACHE = Path(".cache", "skinseg")
"""Below the working folder: what is kept to save time, and made again where it is gone."""
DIGESTS = CACHE / "digests"


def fingerprint(dataset: Dataset, cache_dir: Path | None = None, labelled: bool = True) -> str:
    """16 hex digits of the SHA-256 over name, label policy, and of each image its id, subject, tone and the contents
    of its files: image and masks.

    No time and no path enters, so copies of the same files agree everywhere. Where `labelled` is off, it is over
    what concerns images alone: no policy enters, and no mask file is opened.
    cache_dir: keeps the files' digests in its folder `digests`; `CACHE` where not given. See `file_digests`.
    Raises UserError where a file cannot be read.
    """
    files = {
        item.image_id: [
            item.image_path,
            *((item.mask_path, *item.more_masks.values()) if labelled else ()),
        ]
        for item in dataset.items
    }
    place = hashlib.sha256(os.fsencode(os.path.abspath(dataset.root))).hexdigest()[:12]
    folder = DIGESTS if cache_dir is None else cache_dir / DIGESTS.name
    kept = folder / f"{dataset.name}-{place}.json"
    digests = file_digests((path for paths in files.values() for path in paths), kept)
    lines: list[object] = [[dataset.name, dataset.policy if labelled else None]]
    for item in dataset.items:
        contents = [digests[path] for path in files[item.image_id]]
        # A further head is told by its name; a person's mask by being there.
        named = [head for head in item.more_masks if labelled and head not in STANDARD]
        lines.append([item.image_id, item.subject, item.tone, *contents, *named])
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:16]


def file_digests(files: Iterable[Path], kept: Path) -> dict[Path, str]:
    """Hex SHA-256 of each file's contents, read only where size or time of change are not as they were.

    kept: JSON of what was read before. It may be missing, damaged, or not to be written: then files are read again.
    Of two processes that write it at once one is kept. A file that was rewritten at the same size and has its old
    time of change again is taken for unchanged. Raises UserError where a file cannot be read.
    """
    known = _read(kept)
    digests: dict[Path, str] = {}
    new: dict[str, tuple[int, int, str]] = {}
    for path in files:
        name = os.path.abspath(path)
        try:
            status = path.stat()  # before the contents: what is written meanwhile is read again next time
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is no plain file")  # a pipe would be waited for
            size, time, digest = known.get(name, (-1, -1, ""))
            if (size, time) != (status.st_size, status.st_mtime_ns):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                new[name] = (status.st_size, status.st_mtime_ns, digest)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}), expected a file of the dataset; restore it, or let it "
                "be read"
            ) from error
        digests[path] = digest
    if new:
        with suppress(OSError), written_whole(kept) as beside:
            beside.write_text(json.dumps(_read(kept) | new), encoding="utf-8")
    return digests


def _read(kept: Path) -> dict[str, tuple[int, int, str]]:
    """Size in bytes, time of change in ns and digest by absolute path; what is not of this form is passed over."""
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known: dict[str, tuple[int, int, str]] = {}
    for name, entry in content.items() if isinstance(content, dict) else ():
        match entry:
            case [int(size), int(time), str(digest)] if len(digest) == 64:
                known[name] = (size, time, digest)
    return known
