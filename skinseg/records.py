"""Reading a record that a file holds: typed as a whole, or one sentence about the first thing that is wrong in it."""

import json
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import yaml
from pydantic import Field, Strict, TypeAdapter, ValidationError

from skinseg.errors import UserError

Made = TypeVar("Made")

_DEEPEST = 50  # levels of a YAML file: parsers call themselves for each

Whole = Annotated[int, Strict()]
Count = Annotated[int, Strict(), Field(ge=0)]
Positive = Annotated[int, Strict(), Field(ge=1)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Truth = Annotated[bool, Strict()]
"""Numbers as numbers: neither "5" nor true is one."""


def typed(kind: type[Made], given: object, where: str, way_out: str) -> Made:
    """A record of a kind, a dataclass whose annotations say what is in it, from plain values.

    where, way_out: the beginning and the end of the sentence. Raises UserError, which names the key, what was found
    and what was expected.
    """
    try:
        return cast(Made, _adapter(cast(Hashable, kind)).validate_python(given))
    except ValidationError as error:
        raise UserError(f"{where}: {_flaw(error)}; {way_out}") from None


def read_json(path: Path, way_out: str) -> Any:
    """Plain values of a JSON file. Raises UserError, which ends with `way_out`, where it cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(
            record, ensure_ascii=False
        ).encode()  # half a character, which no file that is written then can hold
        return record
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: cannot be read as JSON ({' '.join(str(error).split())}); {way_out}"
        ) from error


def grown(text: str, aliases: bool = False) -> str | None:
    """What of a YAML text makes more of it than it is long, or None: an alias, unless these may be, or levels below
    levels. Raises yaml.YAMLError where it is none."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return f"more than {_DEEPEST} levels"
        if isinstance(event, yaml.AliasEvent) and not aliases:
            return f"the alias *{event.anchor}"
    return None


def plain_yaml(text: str) -> Any:
    """Plain values of a YAML text. Raises yaml.YAMLError, also where PyYAML itself trips over a value: the 31st of
    February, a number of 5,000 digits, `!!int ""`."""
    try:
        return yaml.safe_load(text)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise yaml.YAMLError(f"a value that is none: {error}") from error


def check_plain(path: Path, option: str) -> None:
    """`check_plain_text` of a file of plain settings. What is no text is left to its own reader."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    check_plain_text(text, f"{option} {path}")


def check_plain_text(text: str, where: str, more: str = "; write them out", aliases: bool = False) -> None:
    """Raise UserError where a YAML text is none, or has aliases (unless `aliases`) or many levels: of a few lines these
    make gigabytes. where: how the sentence begins. more: how it goes on after "expected plain values"."""
    try:
        found = grown(text, aliases)
        if not found:
            plain_yaml(text)
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not YAML ({' '.join(str(error).split())}); correct it") from error
    if found:
        raise UserError(f"{where}: {found} found, expected plain values{more}")


def is_huge(record: object, most: int = 100_000) -> bool:
    """Whether a record has more values than `most`, each counted wherever an alias repeats it."""
    left, count = [record], 0
    while left and count <= most:
        each = left.pop()
        count += 1
        left += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
    return count > most


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _flaw(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    match first["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            said, place = f"unknown key {place[-1]!r}", place[:-1]
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            said, place = f"{place[-1]} is missing", place[:-1]
        case _:
            found = repr(first["input"])
            found = found if len(found) <= 60 else f"{found[:57]}..."
            expected = first["msg"].removeprefix("Value error, ")
            expected = expected.removeprefix("Input should be ")
            said = f"{found} found, expected {expected[0].lower()}{expected[1:]}"
    more = error.error_count() - 1
    return ": ".join([*([".".join(place)] if place else []), said]) + (f", and {more} more" if more else "")
