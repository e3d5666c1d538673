"""How a rendered set differs from photographs, dimension by dimension; no total, as nobody knows its weights."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from skinseg.datasets.base import Dataset
from skinseg.datasets.rendered import Rendered, read_scenes_table
from skinseg.errors import UserError
from skinseg.evaluation.bootstrap import Floats
from skinseg.probing.cells import AXES, all_cells, cell_of, evenness
from skinseg.probing.distances import (
    Features,
    apart,
    coverage_and_recall,
    kid_of_subsets,
    matched,
    null_of_halves,
)
from skinseg.probing.measures import NAMES, Measured, measure
from skinseg.probing.streams import Part, stream
from skinseg.synthetic.label_image import read_labels
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.rendering.claim import read_generator
from skinseg.synthetic.rendering.scene_list import scene_hash
from skinseg.synthetic.scene import SENSOR

LEAST = 50  # images on a side
WORN_CLOTH = 0.02  # share of a person that is cloth from which it looks dressed


@dataclass(frozen=True)
class Gallery:
    """Pictures of one set, measured. crops: features of those that have one, and their share of skin beside them."""

    name: str
    pictures: list[Measured]
    crops: Floats
    shares: Floats
    wholes: Floats


@dataclass(frozen=True)
class Range:
    """A distance with its 95 % interval over subsets of the pictures, all NaN where there are too few."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Statistic:
    """One number of `NAMES`: its means, and how far apart its distributions are, in deviations among photographs.

    real: between the two sets of photographs that are farthest alike: the mean over pairs; NaN with one set.
    """

    name: str
    rendered: float
    photographs: float
    distance: float
    real: float


@dataclass(frozen=True)
class Audit:
    """All dimensions. kid: of crops of skin matched by framing, rendered against each set; real: between sets of
    photographs, by both names; null: between halves of the rendered set. whole: as kid, of whole pictures."""

    rendered: str
    images: dict[str, int]
    statistics: list[Statistic]
    kid: dict[str, Range]
    real: dict[str, Range]
    null: Range
    whole: dict[str, Range]
    whole_real: dict[str, Range]
    coverage: dict[str, tuple[float, float]]
    asked: dict[str, float]
    cells: dict[str, tuple[int, float]]

    @property
    def ratio(self) -> float:
        """Mean KID of crops against photographs over that between sets of photographs, of the sets that have another to
        be held against; NaN with one set."""
        real = {pair: each.value for pair, each in self.real.items() if each.value == each.value}
        held = {name for pair in real for name in pair.split(" and ")}
        return _mean([each.value for name, each in self.kid.items() if name in held]) / _mean(
            [*real.values()]
        )

    @property
    def dimensions(self) -> dict[str, float]:
        """A number a dimension, for what relates them to transfer."""
        found = {f"distance, {each.name}": each.distance for each in self.statistics}
        found["KID of crops"] = _mean([each.value for each in self.kid.values()])
        found["KID of crops, ratio"] = self.ratio
        found["KID of whole pictures"] = _mean([each.value for each in self.whole.values()])
        found["coverage"] = _mean([each[0] for each in self.coverage.values()])
        found["recall"] = _mean([each[1] for each in self.coverage.values()])
        found |= self.asked
        filled, even = self.cells[self.rendered]
        return found | {"cells filled": float(filled), "evenness of cells": even}


def run_audit(
    rendered: Rendered, real: Sequence[Dataset], images: int, encoder: Callable[[], Features], seed: int
) -> Audit:
    """Audit a set against sets of photographs, at most `images` of each, chosen by `seed`.

    encoder: gives what makes features of pictures; called when all else is known to be well.
    Raises UserError where either side has fewer than `LEAST`, or where generator.yaml is another set's.
    """
    check_generator(rendered.root)
    for what, count in (
        (f"{rendered.root}", len(rendered)),
        ("the photographs", sum(len(each) for each in real)),
    ):
        if count < LEAST:
            raise UserError(
                f"{what}: {count} images found, expected at least {LEAST} on either side; add some"
            )
    features = encoder()
    ours = hang(Rendered.name, rendered, images, features, seed)
    theirs = [hang(each.name, each, images, features, seed) for each in real]
    return compared(ours, theirs, asked_of(rendered, seed, images), seed)


def hang(name: str, dataset: Dataset, images: int, features: Features, seed: int) -> Gallery:
    """Measure pictures of a set."""
    order = stream(Part.SAMPLE, seed).permutation(len(dataset))[:images]
    pictures = []
    for place in sorted(int(each) for each in order):
        sample = dataset[place]
        skin = sample.masks.get("skin")
        if skin is not None:
            pictures.append(measure(sample.image, skin))
    return gallery(name, pictures, features)


def gallery(name: str, pictures: list[Measured], features: Features) -> Gallery:
    with_crop = [each for each in pictures if each.crop is not None]
    return Gallery(
        name,
        pictures,
        features([each.crop for each in with_crop if each.crop is not None]),
        np.log([max(each.skin_share, 1e-6) for each in with_crop]),
        features([each.whole for each in pictures]),
    )


def compared(ours: Gallery, theirs: Sequence[Gallery], asked: dict[str, float], seed: int) -> Audit:
    """Every dimension of measured sets; equal arguments give equal numbers."""
    rng = stream(Part.HALVES, seed)
    pairs = list(itertools.combinations(theirs, 2))
    return Audit(
        rendered=ours.name,
        images={each.name: len(each.pictures) for each in (ours, *theirs)},
        statistics=_statistics(ours, theirs),
        kid={each.name: _crops_apart(ours, each, rng) for each in theirs},
        real={f"{one.name} and {other.name}": _crops_apart(one, other, rng) for one, other in pairs},
        null=Range(*null_of_halves(ours.crops, rng)),
        whole={each.name: Range(*kid_of_subsets(ours.wholes, each.wholes, rng)) for each in theirs},
        whole_real={
            f"{one.name} and {other.name}": Range(*kid_of_subsets(one.wholes, other.wholes, rng))
            for one, other in pairs
        },
        coverage={each.name: _covered(ours, each, rng) for each in theirs},
        asked=asked,
        cells={each.name: cells_of(each) for each in (ours, *theirs)},
    )


def _statistics(ours: Gallery, theirs: Sequence[Gallery]) -> list[Statistic]:
    own = np.stack([each.statistics for each in ours.pictures])
    sets = [np.stack([picture.statistics for picture in each.pictures]) for each in theirs]
    found = []
    for place, name in enumerate(NAMES):
        every = np.concatenate([each[:, place] for each in sets])
        scale = float(np.nanstd(every))
        between = [
            apart(one[:, place], other[:, place], scale) for one, other in itertools.combinations(sets, 2)
        ]
        found.append(
            Statistic(
                name,
                float(np.nanmean(own[:, place])),
                float(np.nanmean(every)),
                apart(own[:, place], every, scale),
                _mean(between),
            )
        )
    return found


def _matched(one: Gallery, other: Gallery, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Crops of both with the same counts per bin of framing."""
    mine, others = matched(one.shares, other.shares, AXES["framing"].edges, rng)
    return one.crops[mine], other.crops[others]


def _crops_apart(one: Gallery, other: Gallery, rng: np.random.Generator) -> Range:
    return Range(*kid_of_subsets(*_matched(one, other, rng), rng))


def _covered(ours: Gallery, theirs: Gallery, rng: np.random.Generator) -> tuple[float, float]:
    mine, real = _matched(ours, theirs, rng)
    return coverage_and_recall(real, mine)


def cells_of(gallery: Gallery) -> tuple[int, float]:
    """How many cells of tone, framing and light the pictures fill, and how evenly."""
    axes = tuple(AXES.values())
    counts = dict.fromkeys(all_cells(axes), 0)
    for each in gallery.pictures:
        if each.values is not None:
            counts[cell_of(axes, each.values)] += 1
    table = np.array(list(counts.values()))
    return int(np.count_nonzero(table)), evenness(table)


# --------------------------------------------------------------------------------- asked against rendered


def asked_of(rendered: Rendered, seed: int, images: int) -> dict[str, float]:
    """What was asked for against what shows, of frames of one person: tone, framing and clothing.

    Nothing where scenes.parquet lacks what was asked for.
    """
    table = read_scenes_table(rendered.root / "scenes.parquet")
    needed = {"people", "fitzpatrick", "ita", "clothed", "radius", "rise", "focal_length", "skin_share"}
    if not needed <= set(table.columns):
        return {}
    alone = table[table["people"] == 1]
    alone = alone.iloc[stream(Part.SAMPLE, seed).permutation(len(alone))[:images]]
    if len(alone) < LEAST // 2:
        return {}
    tone, found, cloth = [], [], []
    items = {f"{item.image_id}.png": item for item in rendered.items}
    for record in alone.to_dict("records"):
        item = items[record["image"]]
        sample = rendered.read(item)
        skin = sample.masks.get("skin")
        value = None if skin is None else AXES["tone"].measure(sample.image, skin)
        if value is not None:
            tone.append((record["fitzpatrick"], record["ita"]))
            found.append(-value)
        labels = read_labels(item.mask_path)
        person = int(np.count_nonzero(labels != PartClass.BACKGROUND))
        worn = int(np.count_nonzero(labels == PartClass.CLOTHING)) / max(person, 1)
        cloth.append((worn >= WORN_CLOTH) == bool(record["clothed"]))
    groups = np.array([AXES["tone"].level(-each) + 1 for each in found])
    asked = np.array(tone, dtype=np.float64).reshape(-1, 2)
    span = SENSOR * np.hypot(alone["radius"], alone["rise"]) / alone["focal_length"]
    return {
        "asked tone: mean error of ITA, degrees": float(np.abs(np.array(found) - asked[:, 1]).mean()),
        "asked tone: same group": float((groups == asked[:, 0]).mean()),
        "asked tone: within one group": float((np.abs(groups - asked[:, 0]) <= 1).mean()),
        "asked framing: rank correlation of span and skin": float(
            spearmanr(span, alone["skin_share"]).statistic
        ),
        "asked clothing: looks as asked": float(np.mean(cloth)),
    }


def check_generator(root: Path) -> None:
    """Raise UserError where generator.yaml is missing, or is that of another set than scenes.parquet's."""
    record = read_generator(root)
    table = read_scenes_table(root / "scenes.parquet", ("index", "scene")).to_dict("records")
    given: list[str] = record.get("scenes") or []
    for row in table[:1] + table[-1:]:
        other: Any = row["index"] >= len(given) or scene_hash(row["scene"]) != given[row["index"]]
        if not given:
            scene = json.loads(row["scene"])
            other = scene["seed"] != record["seed"] or scene["resolution"] != record["config"]["resolution"]
        if other:
            raise UserError(
                f"{root / 'generator.yaml'}: of another set than scenes.parquet, whose frame {row['index']} it did not "
                "ask for; restore the file that belongs there"
            )


def _mean(values: Sequence[float]) -> float:
    there = [value for value in values if value == value]
    return float(np.mean(there)) if there else float("nan")
