"""Who wins where, as tables: `skinseg.evaluation.factors` per run and test set."""

from collections.abc import Sequence

import pandas as pd

from skinseg.datasets.heads import HEADS
from skinseg.evaluation.factors import Effect, effects
from skinseg.evaluation.metrics import FEW_IMAGES
from skinseg.reports.published import RENDERED
from skinseg.reports.results import Results
from skinseg.reports.tables import Entry, Table, Value

SHOWN = 8
"""Factors in a report's table; slices.csv has all."""

_NOTE = (
    "Explained: share of the variance of IoU between the groups (eta squared). Rho: Spearman's rank correlation. q: "
    "chance of such an effect where there is none, corrected for all factors tried (Benjamini and Hochberg); above "
    "0.05 take it for noise. Factors go together, so none of these is a cause yet; subjects are not told apart in q."
)


def slices(runs: Sequence[tuple[str, Results]]) -> tuple[list[Table], pd.DataFrame]:
    """The strongest factors per run and test set with enough images, and every factor and group for CSV.

    runs: a title for each, empty where there is only one.
    """
    tables, lines = [], []
    for title, results in runs:
        rows = results.rows
        head = next(head for head in HEADS if (rows["head"] == head).any())
        for name, part in rows[rows["head"] == head].groupby("test_set", sort=True):
            if len(part) < FEW_IMAGES:
                continue
            found = effects(part, results.scenes if name == RENDERED else None)
            where = " on ".join(each for each in (title, results.title(str(name))) if each)
            tables.append(_table(found[:SHOWN], len(found), f"What goes with the {head} IoU of {where}"))
            lines += [
                _line(title, str(name), head, effect, i)
                for effect in found
                for i in range(len(effect.groups))
            ]
    if not tables:
        note = f"No test set has {FEW_IMAGES} images: too few to relate their IoU to anything."
        tables.append(Table("What goes with the IoU", ("factor",), [], notes=(note,)))
    return tables, pd.DataFrame(lines)


def _table(found: Sequence[Effect], tried: int, title: str) -> Table:
    lines: list[tuple[Entry, ...]] = []
    for effect in found:
        for i, group in enumerate(effect.groups):
            first = i == 0
            mean = Value(group.mean, group.low, group.high, group.images)
            lines.append(
                (
                    effect.factor if first else "",
                    group.name,
                    mean,
                    f"{effect.explained:.3f}" if first else "",
                    f"{effect.rho:+.2f}" if first and effect.rho == effect.rho else "",
                    f"{effect.q:.3f}" if first else "",
                )
            )
    return Table(
        title=title,
        header=("factor", "group", "mIoU", "explained", "rho", "q"),
        lines=lines,
        notes=(f"The strongest {len(found)} of {tried} factors. {_NOTE}",),
        text_columns=2,
    )


def _line(run: str, test_set: str, head: str, effect: Effect, i: int) -> dict[str, object]:
    group = effect.groups[i]
    return {
        "run": run,
        "test_set": test_set,
        "head": head,
        "factor": effect.factor,
        "explained": effect.explained,
        "rho": effect.rho,
        "p": effect.p,
        "q": effect.q,
        "group": group.name,
        "images": group.images,
        "iou_image_mean": group.mean,
        "low": group.low,
        "high": group.high,
    }
