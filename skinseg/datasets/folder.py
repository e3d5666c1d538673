"""Any folder of pairs: `images/` and `masks/`, or a CSV that names them."""

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from skinseg.datasets.base import Dataset, Item, Part, find_below
from skinseg.datasets.heads import HEADS
from skinseg.datasets.label_policy import is_level
from skinseg.datasets.mask_forms import laid_on
from skinseg.datasets.mask_levels import Form, form_of, grey_levels
from skinseg.datasets.name_table import read_rows
from skinseg.datasets.sample import Mask
from skinseg.errors import UserError, did_you_mean
from skinseg.images.decoding import Stored, read_levels
from skinseg.images.files import canonical

PAIRS_FILE = "pairs.csv"
_SPLIT_PARTS = ("train", "validation", "test")
_MORE = tuple(head for head in HEADS if head != "skin")
"""The heads that a CSV may have a column of masks for, beside `mask`."""
_COLUMNS = ("image", "mask", *_MORE, "subject", "tone", "split")


class Folder(Dataset):
    """White is skin. Pairs come from `images/` and `masks/` with files of the same name, or from a CSV with the
    columns image, mask and, where known, any head by its name (person: a mask of the whole person), subject, tone (1 to
    6) and split (train, validation or test): `pairs.csv` in the folder, or any CSV given as the root itself.

    Paths in the CSV start at its folder; an image's id is its path there without the suffix. What the levels of masks
    mean is judged over all of them, see `mask_levels.form_of`, or said by the user ("1=skin,2=background" among the
    labels). The dataset is called as its folder, or as its CSV.
    """

    title = "folder"
    citation = "yours"
    terms = "yours"
    layout = (
        "images/NAME.jpg",
        "masks/NAME.png",
        f"or pairs.csv with image,mask{''.join(f'[,{head}]' for head in _MORE)}[,subject][,tone][,split]",
    )
    mask_form = "white is skin (or labels 0 and 1)"
    label_policy = "as you marked them"
    parts = (Part("images", "masks"),)
    kind = "folder"

    def __init__(self, root: Path, labels: Mapping[str, str] | None = None, *, strict: bool = True) -> None:
        table = root if root.is_file() else root / PAIRS_FILE
        self.table = table if table.is_file() else None
        self.name = self.name_of(root)
        self.title = f"folder {self.name}"
        self._split: dict[str, str] = {}
        self._forms: dict[str, Form] = {}
        self.levels = {int(part): choice for part, choice in (labels or {}).items() if is_level(part)}
        super().__init__(root.parent if root.is_file() else root, labels, strict=strict)
        self.labels |= {str(level): choice for level, choice in self.levels.items()}

    @staticmethod
    def name_of(root: Path) -> str:
        """What results carry: the name of the folder, or of the CSV, without what a path could trip over."""
        resolved = root.resolve()
        name = canonical(resolved.stem if root.is_file() else resolved.name)
        return re.sub(r"[^\w .()+-]", "_", name) or "folder"

    @classmethod
    def is_in(cls, folder: Path) -> bool:
        both = all(find_below(folder, part) is not None for part in ("images", "masks"))
        return both or (folder / PAIRS_FILE).is_file()

    @property
    def native_split(self) -> Mapping[str, str] | None:
        return self._split or None

    def list_items(self) -> Iterator[Item]:
        return super().list_items() if self.table is None else self._from_table(self.table)

    def read_masks(self, item: Item, image: Stored) -> dict[str, Mask]:
        return {
            head: self._mask(path, self._form(head), item, image) for head, path in _mask_paths(item).items()
        }

    def _form(self, head: str) -> Form:
        """What levels mean, judged over all masks of the head when the first is read."""
        if head not in self._forms:
            paths = (_mask_paths(item).get(head) for item in self.items)
            self._forms[head] = form_of((path for path in paths if path is not None), self.levels)
        return self._forms[head]

    def _mask(self, path: Path, form: Form, item: Item, image: Stored) -> Mask:
        stored = read_levels(path)
        levels = replace(stored, pixels=grey_levels(stored, path))
        pixels = laid_on(levels, path, image, item.image_path)
        return form.mask(pixels, levels.white, path, self.ignores_unsure)

    def _from_table(self, table: Path) -> Iterator[Item]:
        rows = read_rows(table, ("image", "mask"))
        if not rows:
            raise UserError(f"{table}: no line of data in it, expected image,mask for each pair; fill it")
        _check_columns(table, rows[0][1])
        first_line: dict[str, int] = {}
        line_of: dict[str, int] = {}
        split: dict[str, str] = {}
        for line, row in rows:
            paths = {
                name: _on_disk(table.parent / row[name])
                for name in ("image", "mask", *_MORE)
                if row.get(name)
            }
            path = PurePosixPath(row["image"])
            image_id = canonical(str(path.with_suffix(""))) if path.name else ""
            # One file is one image, however its path is written.
            file = os.path.normpath(paths.get("image", table))
            reason = self._reason_against(row, paths, first_line.get(image_id, line_of.get(file)))
            if reason is not None:
                self.complain(
                    [paths.get("image", table)], f"{table.name} line {line}: {reason}; correct the line"
                )
                continue
            first_line[image_id] = line_of[file] = line
            if row.get("split"):
                split[image_id] = row["split"]
            item = Item(image_id, paths["image"], paths["mask"], row.get("subject") or None)
            more = {head: paths[head] for head in _MORE if head in paths}
            yield replace(item, tone=int(row["tone"]) if row.get("tone") else None, more_masks=more)
        if split and len(split) < len(first_line):
            missing = min(first_line.keys() - split.keys())
            raise UserError(
                f"{table}: {len(first_line) - len(split)} images have no split ({missing}), expected train, validation "
                "or test on every line, or on none; fill the column"
            )
        self._split = split

    def _reason_against(
        self, row: Mapping[str, str], paths: Mapping[str, Path], twin: int | None
    ) -> str | None:
        """What is wrong with a line of the CSV, or None."""
        for name in ("image", "mask"):
            if name not in paths:
                return f"{name} is empty, expected a path"
        for name, path in paths.items():
            if not path.is_file():
                return f"{name} {row[name]} does not exist, expected a path below {path.parent}"
        if twin is not None:
            return f"image {row['image']} is named a second time (first on line {twin})"
        if row.get("tone", "") not in {"", "1", "2", "3", "4", "5", "6"}:
            return (
                f"tone {row['tone']!r} of {row['image']}, expected a Fitzpatrick group from 1 to 6 or nothing"
            )
        if row.get("split", "") not in {"", *_SPLIT_PARTS}:
            return f"split {row['split']!r} of {row['image']}, expected {', '.join(_SPLIT_PARTS)} or nothing"
        return None


def _check_columns(table: Path, columns: Collection[str]) -> None:
    """Raise UserError for a column that is nearly one which is read and is not there: it would be left out unsaid."""
    missing = [name for name in _COLUMNS if name not in columns]
    for name in columns:
        if name not in _COLUMNS and (meant := did_you_mean(name, missing)):
            raise UserError(f"{table}: column {name} is not read{meant}; rename it, or call it otherwise")


def _mask_paths(item: Item) -> dict[str, Path]:
    return {"skin": item.mask_path, **item.more_masks}


def _on_disk(path: Path) -> Path:
    """The file that a table means, whichever form of Unicode the disk keeps its name in."""
    forms = (path, *(Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD")))
    return next((each for each in forms if each.is_file()), path)
