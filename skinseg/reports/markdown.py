"""The report as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.tables import Entry, Table, Value


def markdown(
    title: str,
    verdict: str,
    tables: Sequence[Table],
    method: Sequence[str],
    definitions: Sequence[tuple[str, str]],
    versions: Sequence[str],
    commands: Sequence[str],
    facts: Sequence[Mapping[str, object]],
) -> str:
    """The page without its pictures: verdict, tables, method, definitions, versions, commands, and each run's facts."""
    parts = [f"# {title}", verdict]
    for table in tables:
        lines = [[_text(entry, table.counted) for entry in line] for line in table.lines]
        shown = [_table(table.header, lines, table.text_columns)] if lines else []
        parts += [f"## {table.title}", *shown, *table.notes]
    parts.append(
        f"In italics: fewer than {FEW_IMAGES} images, too few to conclude from. In brackets: 95 % interval."
    )
    parts += ["## Method", *method]
    parts += ["## Definitions", "\n".join(f"- **{name}**: {text}" for name, text in definitions)]
    parts += ["## Software versions", *versions] if versions else []
    parts += ["## Commands", _code(commands)]
    if facts:
        parts.append("## Facts of each run")
    parts += [_code([f"{name}: {value}" for name, value in each.items()]) for each in facts]
    return "\n\n".join(parts) + "\n"


def _code(lines: Iterable[str]) -> str:
    return "```\n" + "\n".join(lines) + "\n```"


def _table(header: Sequence[str], lines: Iterable[Sequence[str]], text_columns: int) -> str:
    rule = ["---"] * text_columns + ["--:"] * (len(header) - text_columns)
    escaped = [[value.replace("|", "\\|") for value in line] for line in (header, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (escaped[0], rule, *escaped[1:]))


def _text(entry: Entry, counted: bool) -> str:
    if not isinstance(entry, Value):
        return "–" if entry is None else entry
    number = f"**{entry.text}**" if entry.bold else f"*{entry.text}*" if entry.few else entry.text
    interval = f" ({entry.interval})" if entry.interval else ""
    more = [f"n {entry.images}"] * counted + list(entry.notes)
    return number + interval + "".join(f", {each}" for each in more)
