"""`skinseg data`: what people do to datasets by hand. Nothing in your data is renamed, converted or copied."""

from collections.abc import Sequence
from pathlib import Path

from skinseg.commands.checks import check_own
from skinseg.errors import UserError


def catalogue() -> None:
    """Where each dataset is offered, its terms and its layout.

    Nothing is downloaded: the publishers' pages ask for consent.

    Example:
        skinseg data list
    """
    from skinseg.curation.catalogue import print_catalogue

    print_catalogue()


def unpack(archives: Sequence[Path], *, out: Path) -> None:
    """Unpack zip and tar archives safely.

    A path that leaves the folder, a link or a bomb is refused.

    Args:
        archives (ARCHIVE): zip, tar, tar.gz, tar.bz2 or tar.xz
        out (DIR): a folder for each goes here

    Example:
        skinseg data unpack Pratheepan.zip --out data
    """
    from skinseg.curation.unpack import unpack

    for folder in unpack(list(archives), out):
        print(folder)


def check(
    data_root: Path,
    *,
    split: Path | None = None,
    recogniser: Path | None = None,
    json: bool = False,
    names: bool = False,
) -> int:
    """Read every file under a folder; say what is there and what is wrong.

    Exit code 2 where something is wrong, named file by file.

    Args:
        data_root (DATA_ROOT): the folder
        split (CSV): your own split: image,part
        recogniser (PATH): what `tones train` wrote: show its tones too
        json: for machines
        names: names of the datasets only, for scripts; reads no image

    Example:
        skinseg data check data --json
    """
    if json and names:
        raise UserError("both of --json and --names given, expected one at most")
    if names:
        from skinseg.datasets.registry import find_datasets

        print("\n".join(dataset.name for dataset in find_datasets(data_root)))
        return 0
    from skinseg.curation.check import run_check

    return run_check(data_root, split, json, recogniser)


def leaks(data_root: Path, *, split: Path | None = None, out: Path = Path("results/leaks")) -> None:
    """Find photographs that are there twice: in a dataset, across datasets, across a split.

    The table it writes goes to `skinseg evaluate --exclude`.

    Args:
        data_root (DATA_ROOT): the folder
        split (CSV): your own split: image,part[,dataset]
        out (DIR): table and thumbnails [results/leaks]

    Example:
        skinseg data leaks data --out results/leaks
    """
    sheets = [path.name for path in sorted(out.glob("leaks-*.jpg"))]
    check_own(out, ("leaks.csv", *sheets), {"leaks.csv": b"dataset,image,part,of_dataset"})

    from skinseg.curation.leaks import run_leaks

    run_leaks(data_root, out, split)
