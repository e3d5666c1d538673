"""Which datasets there are, and where below DATA_ROOT they lie."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from skinseg.datasets.abdomen import Abdomen
from skinseg.datasets.base import Dataset, sub_folders
from skinseg.datasets.ecu import Ecu
from skinseg.datasets.folder import Folder
from skinseg.datasets.hgr import Hgr
from skinseg.datasets.label_policy import is_level
from skinseg.datasets.pratheepan import Pratheepan
from skinseg.datasets.rendered import Rendered
from skinseg.datasets.sfa import Sfa
from skinseg.errors import UserError, did_you_mean

PHOTOGRAPHS: tuple[type[Dataset], ...] = (Ecu, Hgr, Sfa, Abdomen, Pratheepan)
_NAMED: tuple[type[Dataset], ...] = (*PHOTOGRAPHS, Rendered)
DATASETS: dict[str, type[Dataset]] = {kind.name: kind for kind in _NAMED} | {Folder.kind: Folder}


def find_datasets(data_root: Path, labels: Mapping[str, str] | None = None) -> list[Dataset]:
    """Open every dataset of photographs found at `data_root` or up to two folders below it: the published ones,
    then any other folder with `images/` and `masks/` or a `pairs.csv`.

    labels: changes to their label policies. Raises UserError where the folder is missing or empty, holds none
    of them or an incomplete one.
    """
    found = [kind(folder, labels) for kind, folder in located(data_root)]
    if not found:
        raise UserError(nothing_in(data_root))
    return found


def located(data_root: Path) -> Iterator[tuple[type[Dataset], Path]]:
    """Kind and folder of each dataset of photographs that `find_datasets` opens. Raises UserError as `locate`."""
    check_folder(data_root)
    taken: list[Path] = []
    for kind in PHOTOGRAPHS:
        folder = locate(kind, data_root)
        if folder is not None:
            taken.append(folder)
            yield kind, folder
    yield from ((Folder, folder) for folder in locate_folders(data_root, taken))


def nothing_in(data_root: Path) -> str:
    """What to say of a folder that holds no dataset."""
    names = ", ".join(kind.name for kind in PHOTOGRAPHS)
    return (
        f"DATA_ROOT {data_root}: none of the datasets {names} found, expected at least one in its "
        f"publisher's own layout, for instance {data_root / 'ecu' / Ecu.parts[0].images}, or a folder with "
        "images/ and masks/; `skinseg data list` says where they are offered"
    )


def open_dataset(
    name: str, data_root: Path, labels: Mapping[str, str] | None = None, *, strict_labels: bool = True
) -> Dataset:
    """Open one dataset by name, from its own folder or from a folder at most two levels above it.

    For "folder", `data_root` is the folder itself, one that has only one such below it, or a CSV of pairs. A
    folder below `data_root` is also opened by the name that its results carry.
    labels: changes to its label policy; where `strict_labels`, only on parts that this dataset marks.

    Raises UserError where the name is unknown, the folder is missing or empty, the dataset is not found there
    or incomplete, or `labels` speaks of other parts.
    """
    own = None if name in DATASETS else _own_folder(name, data_root)
    if name not in DATASETS and own is None:
        raise UserError(
            f"dataset {name!r} does not exist{did_you_mean(name, DATASETS)}; choose one of {', '.join(DATASETS)}, "
            f"or the name of a folder with images/ and masks/ in {data_root}"
        )
    kind = DATASETS.get(name, Folder)
    foreign = (labels or {}).keys() - kind.label_defaults.keys()
    if kind is Folder:
        foreign = {part for part in foreign if not is_level(part)}
    if foreign and strict_labels:
        raise UserError(
            f"labels: dataset {name} does not mark {', '.join(sorted(foreign))}, expected only "
            f"{', '.join(kind.label_defaults)}; leave the rest out"
        )
    if own is not None or (kind is Folder and data_root.is_file()):
        return Folder(own or data_root, labels)
    check_folder(data_root)
    if kind is Folder:
        folders = locate_folders(data_root, ())
        if len(folders) > 1:
            raise UserError(
                f"dataset folder: both {folders[0]} and {folders[1]} found, expected one; name the one that is meant "
                "with DATA_ROOT (--data.data_root)"
            )
        folder = folders[0] if folders else None
    else:
        folder = locate(kind, data_root)
    if folder is None:
        marker = " or ".join(f"{part.images}/" for part in kind.parts)
        if kind is Rendered:
            marker = "scenes.parquet"
        elif kind is Folder:
            marker = "images/ and masks/, or pairs.csv,"
        raise UserError(
            f"dataset {name} not found in {data_root}: expected {marker} there or up to two folders below; "
            "name the folder that holds it with DATA_ROOT (--data.data_root)"
        )
    return kind(folder, labels)


def locate(kind: type[Dataset], data_root: Path) -> Path | None:
    """The dataset's folder: `data_root` itself, else the nearest of the two levels below, else None.

    Raises UserError where two folders of one level hold it and neither has its name, and where a folder of
    its name holds files but not the dataset.
    """
    for level in _levels(data_root):
        matches = [folder for folder in level if kind.is_in(folder)]
        named = [folder for folder in matches if folder.name.lower() == kind.name]
        if len(matches) > 1 and len(named) != 1:
            raise UserError(
                f"{kind.title}: found both in {matches[0]} and in {matches[1]}, expected one copy; "
                "set DATA_ROOT to the folder that is meant"
            )
        if matches:
            return (named or matches)[0]
    for folder in sub_folders(data_root):
        if folder.name.lower() == kind.name and any(folder.iterdir()):
            expected = " or ".join(f"{part.images}/" for part in kind.parts)
            raise UserError(
                f"{kind.title}: {folder} does not hold {expected}, expected the publisher's own layout; "
                "unpack the dataset's archives there"
            )
    return None


def locate_folders(data_root: Path, taken: list[Path] | tuple[Path, ...]) -> list[Path]:
    """Folders of pairs at `data_root` or up to two levels below that are no other dataset and lie in none.

    Raises UserError where two have one name, or one has a dataset's: their rows could not be told apart.
    """
    found: list[Path] = []
    for level in _levels(data_root):
        for folder in level:
            inside = any(other == folder or other in folder.parents for other in (*taken, *found))
            if not inside and Folder.is_in(folder) and not Rendered.is_in(folder):
                found.append(folder)
    names: dict[str, Path] = {}
    for folder in found:
        name = folder.resolve().name.lower()
        if name in DATASETS or names.setdefault(name, folder) is not folder:
            other = "a dataset" if name in DATASETS else f"{names[name]}"
            raise UserError(
                f"folder {folder} is called as {other} is, expected a name of its own, which its results carry; "
                "rename it"
            )
    return found


def _own_folder(name: str, data_root: Path) -> Path | None:
    """The folder of pairs below `data_root` whose results carry this name."""
    if not data_root.is_dir():
        return None
    return next((folder for folder in locate_folders(data_root, ()) if Folder.name_of(folder) == name), None)


def _levels(data_root: Path) -> tuple[list[Path], list[Path], list[Path]]:
    children = sub_folders(data_root)
    return [data_root], children, [below for child in children for below in sub_folders(child)]


def check_folder(data_root: Path) -> None:
    """Raise UserError where there is no such folder, or nothing in it."""
    if not data_root.is_dir():
        raise UserError(
            f"DATA_ROOT {data_root}: no such folder; set DATA_ROOT to the folder that holds the datasets"
        )
    if not any(data_root.iterdir()):
        raise UserError(
            f"DATA_ROOT {data_root} is empty, expected any of {', '.join(kind.name for kind in PHOTOGRAPHS)} "
            "in its publisher's own layout; unpack them there"
        )
