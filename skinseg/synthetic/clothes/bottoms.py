"""Trousers and skirts."""

from functools import partial

from skinseg.synthetic.clothes.fields import WAIST, Places, arm_end, leg_end
from skinseg.synthetic.clothes.garment import Edges, GarmentKind
from skinseg.synthetic.clothes.skirts import skirt
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Random, uniform


def _edges(garment: Garment, at: Places) -> Edges:
    """Waist to `leg`."""
    z = at.points[:, 2]
    return {"waist": z - (WAIST + 0.02), "leg": leg_end(garment.leg) - z, "arms": arm_end(at, 0.0)}


def _at_waist(garment: Garment) -> dict[str, float]:
    return {"waist": 0.1}


def _short_or_long(rng: Random) -> dict[str, float]:
    short = rng.random() < 0.4
    return {"leg": uniform(rng, 0.1, 0.7) if short else uniform(rng, 0.75, 1.0)}


def _short(rng: Random) -> dict[str, float]:
    return {"leg": uniform(rng, 0.1, 0.7)}


BOTTOMS = {
    "trousers": GarmentKind(2, _edges, held=_at_waist, outfit="lower", weight=0.7, lengths=_short_or_long),
    "skirt": GarmentKind(
        4, _edges, cut=False, parts=partial(skirt, waistband=True), hides=False, tucks=True, open_below=True,
        outfit="lower", weight=0.3, women_only=True, lengths=_short,
    ),
}  # fmt: skip
