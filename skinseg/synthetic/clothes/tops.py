"""Shirts, sweaters, dresses, jackets and coats: torso and arms from the neckline to a hem."""

from collections.abc import Callable
from functools import partial

import numpy as np

from skinseg.synthetic.clothes.fields import (
    CROTCH,
    NAVEL,
    WAIST,
    Places,
    arm_end,
    drawn,
    front_gap,
    neckline,
    straps_end,
)
from skinseg.synthetic.clothes.garment import Edges, GarmentKind
from skinseg.synthetic.clothes.skirts import skirt
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Random, pick, uniform

Choice = Callable[[Garment], str]
_SLEEVES = {"vest": (0.0, 0.1), "short": (0.15, 0.5), "long": (0.6, 1.0)}


def _one_of(*styles: str) -> Choice:
    """A neckline that the garment's seed chooses."""
    return lambda garment: styles[int(drawn(garment, 1) * len(styles))]


def _high_or_round(garment: Garment) -> str:
    return "high" if garment.neckline < 0.35 else "round"


_OF_SHIRT = _one_of("round", "round", "v", "boat", "straps", "collar", "collar")
_OF_DRESS = _one_of("round", "v", "boat", "straps", "strapless")
_OF_JACKET = _one_of("collar")


def _has_collar(choice: Choice) -> Callable[[Garment], bool]:
    return lambda garment: choice(garment) == "collar"


def _edges(
    garment: Garment, at: Places, *, choice: Choice, skirted: bool = False, open_front: bool = False
) -> Edges:
    """Torso from `neckline` to `hem`, arms to `sleeve`.

    choice: the style of its neckline. skirted: it ends on the hips, where a skirt begins, whatever the hem.
    """
    x, y, z = at.points.T
    # Tops end above the crotch: below it the shell is two legs.
    hem = NAVEL - 0.02 + garment.hem * (CROTCH + 0.045 - NAVEL)
    if skirted:
        hem = WAIST - 0.06
    style = choice(garment)
    edges = {"hem": hem - z, "neck": neckline(style, garment.neckline, at)}
    edges["sleeve"] = arm_end(at, 0.0 if style in ("straps", "strapless") else garment.sleeve)
    if style == "straps":
        edges["neck"] = np.maximum(edges["neck"], straps_end(at))
    if open_front:
        edges["front"] = np.minimum(front_gap(garment, z) - np.abs(x), -0.03 - y)
    return edges


def _at_cuffs(garment: Garment) -> dict[str, float]:
    cuffs = garment.sleeve > 0.85 and drawn(garment, 7) < 0.7
    return {"neck": 0.07, "sleeve": 0.04} if cuffs else {"neck": 0.07}


def _at_ribs(garment: Garment) -> dict[str, float]:
    return {"neck": 0.07, "hem": 0.05, "sleeve": 0.06}


def _at_hips(garment: Garment) -> dict[str, float]:
    return {"neck": 0.06, "hem": 0.09}


def _top(rng: Random, sleeves: dict[str, float]) -> dict[str, float]:
    """sleeves: how often each length is drawn."""
    sleeve = _SLEEVES[pick(rng, sleeves)]
    hem = uniform(rng, 0.2, 0.6) if rng.random() < 0.15 else uniform(rng, 0.6, 1.0)
    depth = uniform(rng, 0, 1) ** 1.5
    return {"sleeve": uniform(rng, *sleeve), "neckline": depth, "hem": hem}


def _any_sleeve(rng: Random) -> dict[str, float]:
    return _top(rng, {"vest": 0.22, "short": 0.4, "long": 0.38})


def _long_sleeve(rng: Random) -> dict[str, float]:
    return _top(rng, {"long": 1.0})


def _of_dress(rng: Random) -> dict[str, float]:
    return {"leg": uniform(rng, 0.1, 0.9)} | _any_sleeve(rng)


def _of_jacket(rng: Random) -> dict[str, float]:
    return {"sleeve": uniform(rng, 0.85, 1.0), "hem": 1.0}


def _of_coat(rng: Random) -> dict[str, float]:
    return {"leg": uniform(rng, 0.2, 0.6)} | _of_jacket(rng)


TOPS = {
    "shirt": GarmentKind(
        3, partial(_edges, choice=_OF_SHIRT), held=_at_cuffs, collared=_has_collar(_OF_SHIRT),
        outfit="upper", weight=0.75, lengths=_any_sleeve, prints=True,
    ),
    "dress": GarmentKind(
        3, partial(_edges, choice=_OF_DRESS, skirted=True), held=_at_hips, parts=skirt,
        outfit="full", women_only=True, lengths=_of_dress, prints=True,
    ),
    "sweater": GarmentKind(
        5, partial(_edges, choice=_high_or_round), held=_at_ribs, knitted=True,
        outfit="upper", weight=0.25, lengths=_long_sleeve, prints=True,
    ),
    "jacket": GarmentKind(
        6, partial(_edges, choice=_OF_JACKET, open_front=True), collared=_has_collar(_OF_JACKET), hides=False,
        outfit="over", weight=0.7, fit=0.8, lengths=_of_jacket,
    ),
    "coat": GarmentKind(
        7, partial(_edges, choice=_OF_JACKET, skirted=True, open_front=True), held=_at_hips,
        collared=_has_collar(_OF_JACKET), parts=partial(skirt, open_front=True), hides=False,
        outfit="over", weight=0.3, fit=0.8, lengths=_of_coat,
    ),
}  # fmt: skip
