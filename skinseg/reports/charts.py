"""Figures as SVG text that a page holds as part of itself; lines and words take the page's ink, light or dark."""

import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's, without yellow, which a white page swallows. The order keeps neighbours apart in lightness.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
DASHES = ("-", "--", ":", "-.")
"""For seeds of one kind, and for kinds after the sixth, when the colours come again."""

_INK = "#010203"
"""Stands for the page's ink until the SVG is text."""


def cell_colors(value: float) -> tuple[str, str]:
    """Ground and ink of a heat map's cell, as CSS colours, for a value from 0 to 1: cividis (Nunez, Anderton, Renslow
    2018), made to look alike with and without red-green blindness, dark for low."""
    from matplotlib import colormaps

    red, green, blue, _ = (round(255 * part) for part in colormaps["cividis"](min(1.0, max(0.0, value))))
    linear = [
        ((part / 255 + 0.055) / 1.055) ** 2.4 if part > 10 else part / 3294.6 for part in (red, green, blue)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # WCAG 2: contrast with white is 1.05 / (L + .05), with black (L + .05) / .05.
    return f"#{red:02x}{green:02x}{blue:02x}", "#fff" if 1.05 / (luminance + 0.05) >= 4.5 else "#000"


def forest(lines: Sequence[tuple[str, float, float, float, bool]], label: str) -> str:
    """A dot with its interval per line and a rule at zero.

    lines: title, value, low, high (NaN where unknown), and whether few images stand behind it: then it is pale.
    """
    with _style("forest") as figure_of:
        # Titles stand over the lines, not beside them: on a phone there is no room beside.
        figure = figure_of(5.2, 0.6 + 0.4 * len(lines))
        axes = figure.add_subplot()
        for i, (title, value, low, high, few) in enumerate(lines):
            color, alpha = (_INK, 0.5) if few else (COLORS[0], 1.0)
            if not math.isnan(low):
                axes.plot([low, high], [i, i], color=color, alpha=alpha, lw=2, solid_capstyle="round")
            axes.plot([value], [i], "o", ms=6, mec=color, mfc="none" if few else color, alpha=alpha)
            axes.text(0, i - 0.33, title, transform=axes.get_yaxis_transform(), va="center", fontsize=9)
        axes.axvline(0, color=_INK, lw=0.8, alpha=0.7)
        axes.set_yticks([])
        axes.spines.left.set_visible(False)
        axes.set_ylim(len(lines) - 0.6, -0.7)
        axes.set_xlabel(label)
        return _svg(figure)


def curves(panels: Mapping[str, Mapping[str, "pd.Series[float]"]]) -> str:
    """Panels beside each other, by title; in each a line per run, by title, of values by epoch.

    Runs whose titles differ in "(seed ...)" alone have one colour, and each a dash of its own.
    """
    with _style("curves") as figure_of:
        titles = list(dict.fromkeys(title for lines in panels.values() for title in lines))
        kinds = list(dict.fromkeys(map(_kind, titles)))
        seeds = {
            title: [each for each in titles if _kind(each) == _kind(title)].index(title) for title in titles
        }
        legend = len(titles) > 1
        rows = math.ceil(len(titles) / 2) * legend
        figure = figure_of(7.2, 2.7 + 0.2 * rows)
        for position, (title, lines) in enumerate(panels.items(), 1):
            axes = figure.add_subplot(1, len(panels), position)
            for name, values in lines.items():
                again, color = divmod(kinds.index(_kind(name)), len(COLORS))
                axes.plot(
                    values.index, values, DASHES[(seeds[name] + again) % len(DASHES)], color=COLORS[color], lw=1.6,
                    marker="o", ms=3 if len(values) < 40 else 0, label=name,
                )  # fmt: skip
            axes.set_title(title, loc="left", fontsize=10)
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(axis="y", color=_INK, alpha=0.12, lw=0.8)
        if legend:
            handles = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
            figure.legend(
                list(handles.values()),
                list(map(str, handles)),
                ncols=2,
                loc="outside lower left",
                frameon=False,
            )
        return _svg(figure)


def along(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float | str | None, float, float, float]]]],
    horizontal: str,
    vertical: str,
) -> str:
    """Panels beside each other, by title; in each a line per name along an axis, with its interval.

    A line's points are place, value, low, high; one whose place is None lies at every place. Places that are
    numbers and grow eightfold are drawn on a logarithmic axis.
    """
    with _style("along") as figure_of:
        figure = figure_of(max(5.2, 3.6 * len(panels)), 3.4)
        for position, (title, lines) in enumerate(panels.items(), 1):
            axes = figure.add_subplot(1, len(panels), position)
            for number, (name, points) in enumerate(lines.items()):
                color = COLORS[number % len(COLORS)]
                places = [place for place, *_ in points]
                if places == [None]:
                    axes.axhline(points[0][1], color=_INK, linestyle="--", lw=1, label=name)
                    continue
                value, low, high = ([point[i] for point in points] for i in (1, 2, 3))
                axes.plot(places, value, color=color, lw=1.6, marker="o", ms=4, label=name)
                axes.fill_between(places, low, high, color=color, alpha=0.18, linewidth=0)
                numbers = [place for place in places if isinstance(place, int | float)]
                if len(numbers) > 2 and min(numbers) > 0 and max(numbers) / min(numbers) >= 8:
                    axes.set_xscale("log")
                    axes.set_xticks(numbers, [f"{place:g}" for place in numbers])
                    axes.minorticks_off()
            axes.set_title(title, loc="left", fontsize=10)
            axes.set_xlabel(horizontal)
            axes.set_ylabel(vertical)
            axes.grid(axis="y", color=_INK, alpha=0.12, lw=0.8)
        handles = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
        figure.legend(
            list(handles.values()), list(map(str, handles)), ncols=2, loc="outside lower left", frameon=False
        )
        return _svg(figure)


def _kind(title: str) -> str:
    return title.rpartition(" (seed ")[0] or title


@contextmanager
def _style(salt: str) -> Iterator[Any]:
    """Figures without a window; the same data give the same bytes. `salt` keeps two figures' ids apart."""
    import matplotlib
    from matplotlib.figure import Figure

    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = dict.fromkeys(ink, _INK) | {
        "svg.fonttype": "none", "svg.hashsalt": salt, "text.parse_math": False, "font.size": 9.5,
        "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7,
    }  # fmt: skip
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # A title in a script that the measuring font lacks: the browser has fonts of its own.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield lambda width, height: Figure(figsize=(width, height), layout="constrained")


def _svg(figure: "Figure") -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(_INK, "currentColor")
