"""Who wins where: how an image's IoU goes with what is known of the image, so that the next improvement is no guess.

Associations, not causes: photographs with much skin are also sharper, brighter and of other people.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import false_discovery_control

from skinseg.evaluation.bootstrap import Floats, bootstrap_interval, units_of
from skinseg.evaluation.metrics import with_metrics

PERMUTATIONS = 4999
BINS = 4
"""Of a number: quartiles of the images."""
LEVELS = 8
"""Most categories of a word; rarer ones become "other"."""

OF_THE_IMAGE = ("skin_share", "brightness", "sharpness", "regions", "ita", "megapixels")
_LISTS = ("garments", "accessories", "things")  # of a scene: several words in one cell
_OTHER = "other"


@dataclass(frozen=True)
class Group:
    """Images of one bin or category: their mean IoU with its 95 % interval."""

    name: str
    mean: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class Effect:
    """How much of the IoU goes with one factor.

    explained: eta squared, the share of the variance of IoU between the groups, 0 to 1.
    rho: Spearman's rank correlation of a number with the IoU; NaN for categories.
    p: chance of an eta squared this large if IoU had nothing to do with the factor, by permuting images.
    q: p corrected for the number of factors that were tried (Benjamini and Hochberg 1995): of all factors with
        q <= 0.05, about one in twenty is there by chance.
    """

    factor: str
    groups: tuple[Group, ...]
    explained: float
    rho: float
    p: float
    q: float


def effects(rows: pd.DataFrame, scenes: pd.DataFrame | None = None, seed: int = 0) -> list[Effect]:
    """Every factor that takes at least two values, by explained variance, the largest first.

    rows: of one test set and head; an image's rows of several runs (seeds) are averaged. scenes: of a rendered set,
    a row per frame with the column `image`, see `skinseg.evaluation.rows.SCENES`; every other column of numbers or
    words is a factor.
    """
    measured = with_metrics(rows)
    iou = measured.groupby("image", sort=True)["iou"].mean()
    known = measured.drop_duplicates("image").set_index("image").loc[iou.index]
    values, units = iou.to_numpy(np.float64), units_of(known.reset_index())
    return explained(values, units, _columns(known, scenes), seed)


def explained(
    values: Floats, units: list[str], columns: Mapping[str, pd.Series], seed: int = 0
) -> list[Effect]:
    """What goes with a number per image, float (images,), by explained variance, the largest first.

    units: what is drawn together, a name per image. columns: factors by name, each in the order of the values; those
    that take one value only are left out.
    """
    permuted = _permuted(values, np.random.default_rng([seed]))
    found = []
    for name, column in columns.items():
        codes, names = grouped(column)
        inside = codes >= 0
        if len(names) < 2 or np.ptp(values[inside]) == 0:
            continue
        share = _eta_squared(values[None, inside], codes[inside], len(names))[0]
        by_chance = _eta_squared(permuted[:, inside], codes[inside], len(names))
        # A hair's breadth below: equal sums in another order differ in their last bit.
        p = float((1 + np.count_nonzero(by_chance >= share - 1e-9)) / (1 + len(by_chance)))
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        groups = tuple(
            _group(
                names[i], values[codes == i], [u for u, c in zip(units, codes, strict=True) if c == i], seed
            )
            for i in range(len(names))
        )
        found.append(
            Effect(name, groups, float(share), _spearman(column, values) if numeric else float("nan"), p, p)
        )
    corrected = false_discovery_control([effect.p for effect in found]) if found else []
    found = [
        Effect(e.factor, e.groups, e.explained, e.rho, e.p, float(q))
        for e, q in zip(found, corrected, strict=True)
    ]
    return sorted(found, key=lambda effect: (-effect.explained, effect.factor))


def grouped(column: pd.Series) -> tuple[npt.NDArray[np.intp], list[str]]:
    """A group's number per value, -1 where it is missing, and the groups' names.

    A number with more than `BINS` values goes into `BINS` bins of about as many images each, fewer where many are
    equal; words, yes and no, and few numbers are groups of their own.
    """
    present = column.notna().to_numpy()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.astype("float64").to_numpy()
        distinct = np.unique(values[present])
        if len(distinct) > BINS:
            edges = np.unique(np.quantile(values[present], np.arange(1, BINS) / BINS))
            codes = np.searchsorted(edges, values, side="left")
            used = np.unique(codes[present])
            parts = [values[present & (codes == code)] for code in used]
            names = [f"{part.min():.3g} to {part.max():.3g}" for part in parts]
            return np.where(present, np.searchsorted(used, codes), -1), names
        names = [f"{value:.3g}" for value in distinct]
        return np.where(present, np.searchsorted(distinct, values), -1), names
    words = column.astype(str).where(column.notna())
    counts = words.value_counts()
    levels = sorted(counts.index[: LEVELS - 1] if len(counts) > LEVELS else counts.index)
    rest = [_OTHER] if len(counts) > LEVELS else []
    places = {word: i for i, word in enumerate(levels)}
    codes = np.array(
        [places.get(word, len(levels)) if there else -1 for word, there in zip(words, present, strict=True)]
    )
    return codes, [str(level) for level in levels] + rest


def _columns(known: pd.DataFrame, scenes: pd.DataFrame | None) -> dict[str, pd.Series]:
    """Factors by name, each in the order of `known`, whose index are the images."""
    columns: dict[str, pd.Series] = {
        name: known["width"] * known["height"] / 1e6
        if name == "megapixels"
        else known[name].astype("float64")
        for name in OF_THE_IMAGE
    }
    for source, part in known.groupby("tone_source"):
        columns[f"tone, {source}"] = (
            part["tone"].reindex(known.index).map("Fitzpatrick {}".format, na_action="ignore")
        )
    if scenes is not None:
        columns |= scene_factors(scenes.set_index("image").reindex(known.index))
    return columns


def scene_factors(drawn: pd.DataFrame) -> dict[str, pd.Series]:
    """Factors by name from rows of a set's table: each word of a list is one of its own."""
    columns: dict[str, pd.Series] = {}
    for name in drawn.columns:
        if name in _LISTS:
            words = drawn[name].fillna("").str.split()
            for word in sorted({word for cell in words for word in cell}):
                columns[f"{name}: {word}"] = words.map(
                    lambda cell, word=word: "with" if word in cell else "without"
                )
        else:
            columns[f"scene: {name}"] = drawn[name]
    return columns


def _group(name: str, values: Floats, units: list[str], seed: int) -> Group:
    low, high = bootstrap_interval(values, units, np.random.default_rng([seed]))
    return Group(name, float(values.mean()), low, high, len(values))


def _permuted(values: Floats, generator: np.random.Generator) -> Floats:
    """The values in `PERMUTATIONS` random orders, (PERMUTATIONS, images)."""
    return generator.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)


def _eta_squared(values: Floats, codes: npt.NDArray[np.intp], groups: int) -> Floats:
    """Between-group share of the variance of each row of `values` (n, images)."""
    member = np.eye(groups)[codes]
    sizes = member.sum(axis=0)
    centred = values - values.mean(axis=1, keepdims=True)
    between = ((centred @ member) ** 2 / sizes).sum(axis=1)
    total = (centred**2).sum(axis=1)
    result: Floats = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    return result


def _spearman(column: pd.Series, values: Floats) -> float:
    pair = pd.DataFrame({"factor": column.astype("float64").to_numpy(), "iou": values}).dropna().rank()
    return float(pair["factor"].corr(pair["iou"]))
