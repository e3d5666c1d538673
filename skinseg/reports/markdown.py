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
        parts += [f"## {table.title}", *([table_text(table)] if table.lines else []), *table.notes]
    parts.append(
        f"In italics: fewer than {FEW_IMAGES} images, too few to conclude from. In brackets: 95 % interval."
    )
    parts += ["## Method", *method]
    if definitions:
        parts += ["## Definitions", "\n".join(f"- **{name}**: {text}" for name, text in definitions)]
    parts += ["## Software versions", *versions] if versions else []
    parts += ["## Commands", _code(commands)]
    if facts:
        parts.append("## Facts of each run")
    parts += [_code([f"{name}: {value}" for name, value in each.items()]) for each in facts]
    return "\n\n".join(parts) + "\n"


def _code(lines: Iterable[str]) -> str:
    return "```\n" + "\n".join(lines) + "\n```"


def table_text(table: Table, columns: Sequence[int] | None = None) -> str:
    """A table without its title and notes. columns: the positions of those that are wanted; all where not given."""
    kept = range(len(table.header)) if columns is None else columns
    lines = [[_text(line[i], table.counted).replace("|", "\\|") for i in kept] for line in table.lines]
    head = [table.header[i].replace("|", "\\|") for i in kept]
    rule = ["---" if i < table.text_columns else "--:" for i in kept]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def _text(entry: Entry, counted: bool) -> str:
    if not isinstance(entry, Value):
        return "–" if entry is None else entry
    number = f"**{entry.text}**" if entry.bold else f"*{entry.text}*" if entry.few else entry.text
    interval = f" ({entry.interval})" if entry.interval else ""
    more = [f"n {entry.images}"] * counted + list(entry.notes)
    return number + interval + "".join(f", {each}" for each in more)
