"""CSV tables that say something of images by name: splits, tones, images to leave out."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skinseg.errors import UserError
from skinseg.images.files import canonical


@dataclass(frozen=True)
class NameRow:
    """One line: an image, and the value of the column that was asked for ("" where none was)."""

    line: int
    image: str
    value: str


def read_rows(path: Path, columns: Collection[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV with a header, as (line, column to value), values stripped of spaces around them.

    Raises UserError where the file cannot be read, is not UTF-8 text, or lacks one of the columns.
    """
    header, rows = _read(path)
    missing = [name for name in columns if name not in header]
    if missing:
        raise UserError(
            f"{path}: column {missing[0]} is missing (found {', '.join(header) or 'none'}), expected a first line "
            f"{','.join(columns)}; add it"
        )
    return [
        (line, {name.strip(): value.strip() for name, value in row.items() if name is not None})
        for line, row in rows
        if any(value for name, value in row.items() if name is not None)
    ]


def read_name_table(path: Path, column: str | None, dataset: str) -> list[NameRow]:
    """The rows of a CSV with the columns image and `column` that speak of a dataset.

    A column named dataset, where there is one, says of which each row speaks; without it all rows count.
    Raises UserError as `read_rows`, and where an image is named twice.
    """
    rows = read_rows(path, ("image",) if column is None else ("image", column))
    found: dict[str, NameRow] = {}
    for line, row in rows:
        if row.get("dataset", dataset) != dataset:
            continue
        entry = NameRow(line, canonical(row["image"]), "" if column is None else row[column])
        twin = found.setdefault(entry.image, entry)
        if twin is not entry and column is not None:
            raise UserError(
                f"{path} line {line}: {entry.image} is named a second time (first on line {twin.line}), expected "
                "each image once; remove one of the lines"
            )
    return list(found.values())


def names_datasets(path: Path) -> bool:
    """Whether the table says of which dataset each of its rows speaks."""
    return "dataset" in _read(path)[0]


def check_speaks_of(path: Path, datasets: Collection[str]) -> None:
    """Raise UserError where a table is used on several datasets and does not say of which its rows speak."""
    if len(datasets) > 1 and not names_datasets(path):
        raise UserError(
            f"{path}: used on {len(datasets)} datasets ({', '.join(datasets)}), expected a column dataset that says of "
            "which each line speaks; add it, or name the folder of one dataset alone"
        )


def ids_named(path: Path, ids: Collection[str], dataset: str) -> set[str]:
    """The ids that a table names, of the dataset's own. Raises UserError as `read_name_table` and `find_image`."""
    return {find_image(row, ids, dataset, path) for row in read_name_table(path, None, dataset)}


def find_image(row: NameRow, ids: Collection[str], dataset: str, path: Path) -> str:
    """The image id that a row means: itself, or its name without a file's suffix.

    Raises UserError where the dataset has no such image.
    """
    name = PurePosixPath(row.image)
    for candidate in (row.image, str(name.with_suffix("")) if name.name else ""):
        if candidate in ids:
            return candidate
    example = min(ids, default="none")
    raise UserError(
        f"{path} line {row.line}: dataset {dataset} has no image {row.image!r}, expected one of its {len(ids)} names "
        f"such as {example!r}; correct the line or remove it"
    )


def _read(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and the rows with their lines."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            rows = [(reader.line_num, row) for row in reader]
            header = [name.strip() for name in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path}: cannot be read as a table ({reason}); give a CSV file in UTF-8") from error
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: two columns {twice} found, expected one of each name; remove or rename one")
    for line, row in rows:
        # What has no column is kept under None; commas at the end are harmless.
        more = [value for value in row.get(None, ()) if value.strip()]
        if more:
            raise UserError(
                f"{path} line {line}: {more[0].strip()!r} is in no column, expected {len(header)} values as the first "
                'line has; put a value with a comma in it in quotes: "..."'
            )
    return header, rows
