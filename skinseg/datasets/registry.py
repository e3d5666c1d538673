"""Which datasets there are, and where below DATA_ROOT they lie."""

from pathlib import Path

from skinseg.datasets.abdomen import Abdomen
from skinseg.datasets.base import Dataset, sub_folders
from skinseg.datasets.ecu import Ecu
from skinseg.datasets.hgr import Hgr
from skinseg.datasets.pratheepan import Pratheepan
from skinseg.datasets.rendered import Rendered
from skinseg.datasets.sfa import Sfa
from skinseg.errors import UserError

PHOTOGRAPHS: tuple[type[Dataset], ...] = (Ecu, Hgr, Sfa, Abdomen, Pratheepan)
_ALL: tuple[type[Dataset], ...] = (*PHOTOGRAPHS, Rendered)
DATASETS: dict[str, type[Dataset]] = {kind.name: kind for kind in _ALL}


def find_datasets(data_root: Path) -> list[Dataset]:
    """Open every dataset of photographs found at `data_root` or up to two folders below it.

    Raises UserError where the folder is missing or empty, holds none of them or an incomplete one.
    """
    _check(data_root)
    located = ((kind, locate(kind, data_root)) for kind in PHOTOGRAPHS)
    found = [kind(folder) for kind, folder in located if folder is not None]
    if not found:
        names = ", ".join(kind.name for kind in PHOTOGRAPHS)
        raise UserError(
            f"DATA_ROOT {data_root}: none of the datasets {names} found, expected at least one in its "
            f"publisher's own layout, for instance {data_root / 'ecu' / Ecu.parts[0].images}"
        )
    return found


def open_dataset(name: str, data_root: Path) -> Dataset:
    """Open one dataset by name, from its own folder or from a folder at most two levels above it.

    Raises UserError where the name is unknown, the folder is missing or empty, or the dataset is not found
    there or incomplete.
    """
    if name not in DATASETS:
        raise UserError(f"dataset {name!r} does not exist; choose one of {', '.join(DATASETS)}")
    _check(data_root)
    kind = DATASETS[name]
    folder = locate(kind, data_root)
    if folder is None:
        marker = (
            "scenes.parquet" if kind is Rendered else " or ".join(f"{part.images}/" for part in kind.parts)
        )
        raise UserError(
            f"dataset {name} not found in {data_root}: expected {marker} there or up to two folders below; "
            "name the folder that holds it with DATA_ROOT (--data.data_root)"
        )
    return kind(folder)


def locate(kind: type[Dataset], data_root: Path) -> Path | None:
    """The dataset's folder: `data_root` itself, else the nearest of the two levels below, else None.

    Raises UserError where two folders of one level hold it and neither has its name, and where a folder of
    its name holds files but not the dataset.
    """
    children = sub_folders(data_root)
    for level in ([data_root], children, [below for child in children for below in sub_folders(child)]):
        matches = [folder for folder in level if kind.is_in(folder)]
        named = [folder for folder in matches if folder.name.lower() == kind.name]
        if len(matches) > 1 and len(named) != 1:
            raise UserError(
                f"{kind.title}: found both in {matches[0]} and in {matches[1]}, expected one copy; "
                "set DATA_ROOT to the folder that is meant"
            )
        if matches:
            return (named or matches)[0]
    for folder in children:
        if folder.name.lower() == kind.name and any(folder.iterdir()):
            expected = " or ".join(f"{part.images}/" for part in kind.parts)
            raise UserError(
                f"{kind.title}: {folder} does not hold {expected}, expected the publisher's own layout; "
                "unpack the dataset's archives there"
            )
    return None


def _check(data_root: Path) -> None:
    if not data_root.is_dir():
        raise UserError(
            f"DATA_ROOT {data_root}: no such folder; set DATA_ROOT to the folder that holds the datasets"
        )
    if not any(data_root.iterdir()):
        raise UserError(
            f"DATA_ROOT {data_root} is empty, expected any of {', '.join(kind.name for kind in PHOTOGRAPHS)} "
            "in its publisher's own layout; unpack them there"
        )
