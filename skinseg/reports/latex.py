"""The report's tables as a LaTeX document: booktabs, and each table complete in itself, to be copied out."""

from collections.abc import Sequence

from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.tables import Entry, Table, Value

LONG = 40
"""Lines from which a table runs over pages (longtable) in place of being set on one."""

_PREAMBLE = r"""% Tables of a skinseg report. Each can be copied; it needs booktabs, graphicx, longtable and textcomp.
\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=20mm]{geometry}
\usepackage{booktabs,graphicx,longtable,textcomp}
\begin{document}
"""

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": "{'}", "`": r"\textasciigrave{}",
    "-": "{-}", "–": r"\textendash{}", "—": r"\textemdash{}", "±": r"\textpm{}", "×": r"\texttimes{}",
    "[": "{[}", "]": "{]}", "\n": " ", "\r": " ", "\t": " ", "\u00a0": " ",
}  # fmt: skip


def escape(text: str) -> str:
    """Text as LaTeX prints it, whatever it is: no command, no ligature, nothing that pdfLaTeX's fonts lack.

    Letters of Latin-1 stay; any other character that has no name here becomes its code point, as U+4E2D.
    """
    return "".join(_ESCAPES.get(each) or _plain(each) for each in text)


def latex(title: str, verdict: str, tables: Sequence[Table], notes: Sequence[str]) -> str:
    """A document with title and verdict, every table that has lines, and closing notes."""
    parts = [_PREAMBLE + rf"\section*{{{escape(title)}}}" "\n\n" + escape(verdict)]
    parts += [_table(table) for table in tables if table.lines]
    parts.append(
        escape(
            f"In italics: fewer than {FEW_IMAGES} images, too few to conclude from. In brackets: 95 % interval."
        )
    )
    parts += [escape(note) for note in notes]
    return "\n\n".join(parts) + "\n\\end{document}\n"


def _table(table: Table) -> str:
    words, numbers = table.text_columns, len(table.header) - table.text_columns
    columns = "l" * words + "r" * numbers
    head = _line([escape(name) for name in table.header])
    body = "\n".join(_line([_text(entry, table.counted) for entry in line]) for line in table.lines)
    below = "\n\n".join(escape(note) for note in table.notes)
    caption = rf"\caption{{{escape(table.title)}}}"
    if len(table.lines) > LONG:
        return (
            rf"{{\footnotesize\begin{{longtable}}{{{columns}}}{caption}\\" "\n"
            rf"\toprule" "\n" rf"{head}" "\n" r"\midrule\endhead" "\n"
            rf"{body}" "\n" r"\bottomrule" "\n" r"\end{longtable}}" "\n" rf"{{\footnotesize {below}\par}}"
        )  # fmt: skip
    return (
        rf"\begin{{table}}[!htbp]\centering{caption}" "\n"
        # As wide as the text at most.
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%" "\n"
        rf"\begin{{tabular}}{{{columns}}}" "\n" r"\toprule" "\n" rf"{head}" "\n" r"\midrule" "\n"
        rf"{body}" "\n" r"\bottomrule" "\n" r"\end{tabular}}" "\n\n" rf"\footnotesize {below}" "\n" r"\end{table}"
    )  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    # An empty group: a first cell that begins with [ or * would be read as an option of the line before.
    return f"{{}}{' & '.join(cells)} \\\\"


def _text(entry: Entry, counted: bool) -> str:
    if not isinstance(entry, Value):
        return escape("–" if entry is None else entry)
    number = _number(entry.text)
    number = rf"\textbf{{{number}}}" if entry.bold else rf"\textit{{{number}}}" if entry.few else number
    interval = f" ({_number(entry.interval)})" if entry.interval else ""
    more = [f"n {entry.images}"] * counted + list(entry.notes)
    return number + interval + "".join(f", {escape(each)}" for each in more)


def _number(text: str) -> str:
    return escape(text).replace("{-}", r"\textminus{}")


def _plain(character: str) -> str:
    if " " <= character <= "~" or "À" <= character <= "ÿ":
        return character
    return f"U+{ord(character):04X}"
