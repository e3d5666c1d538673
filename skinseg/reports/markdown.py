"""The report as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.tables import Entry, Table, Value


def markdown(
    verdict: str,
    tables: Sequence[Table],
    definitions: Sequence[tuple[str, str]],
    origins: Sequence[Mapping[str, object]],
) -> str:
    """Verdict, tables, definitions, and for each run the facts of where it comes from."""
    parts = ["# Skin segmentation report", verdict]
    for table in tables:
        lines = [[_text(entry, table.counted) for entry in line] for line in table.lines]
        parts += [f"## {table.title}", _table(table.header, lines, table.text_columns), *table.notes]
    parts.append(
        f"In italics: fewer than {FEW_IMAGES} images, too few to conclude from. In brackets: 95 % interval."
    )
    parts += ["## Definitions", "\n".join(f"- **{name}**: {text}" for name, text in definitions)]
    parts.append("## Origin")
    parts += [
        "```\n" + "\n".join(f"{name}: {value}" for name, value in each.items()) + "\n```" for each in origins
    ]
    return "\n\n".join(parts) + "\n"


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
