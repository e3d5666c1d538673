"""The record of one kind of garment."""

from collections.abc import Callable
from dataclasses import dataclass

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.clothes.fields import Places
from skinseg.synthetic.clothes.pieces import Piece
from skinseg.synthetic.clothes.shell import PosedShell
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Random

Edges = dict[str, Floats]


def at_neck(garment: Garment) -> dict[str, float]:
    return {"neck": 0.07}


def _never(garment: Garment) -> bool:
    return False


def _no_parts(garment: Garment, surface: Floats, posed: PosedShell, body: PosedBody) -> list[Piece]:
    return []


def _no_lengths(rng: Random) -> dict[str, float]:
    return {}


@dataclass(frozen=True)
class GarmentKind:
    """What is known of one kind of garment.

    How it is made. layer: 0 = next to the skin; a larger one is worn over a smaller one. edges: each as a field of
    its own, negative inside, by name; the garment is within all. cut: whether it is cut from the shell. held: edges at
    which that lies close, and within how many metres of them it comes free. collared: whether a collar stands on the
    edge "neck". parts: what hangs from it or is all of it; from the outside of what is worn so far, float32 (N, 3).
    knitted: its cloth.

    How it goes with other clothes. underwear: lies on the skin, and is whole whatever is worn over it. required_from:
    anny's gender (0 = male, 1 = female) from which everyone wears it, or None. hides: covers what is worn under it,
    which is left out there. tucks: what is worn under it lies flat there. open_below: covers nothing for good.
    covers_hair: all of the scalp's.

    How it is drawn. outfit: the part of an outfit that it is: "lower", "upper", "full" for both in one, "over" them,
    or "scarf"; weight: how often, among the others of that part. women_only. fit: 0 lies on the skin, 1 is wide, None
    is drawn. lengths: draws some of sleeve, leg, neckline and hem of the `Garment`, the others are 0. leg_in_folds:
    from and to where its legs reach in bent hips, which would swallow it. prints: has one where patterns draw one.
    """

    layer: int
    edges: Callable[[Garment, Places], Edges]
    cut: bool = True
    held: Callable[[Garment], dict[str, float]] = at_neck
    collared: Callable[[Garment], bool] = _never
    parts: Callable[[Garment, Floats, PosedShell, PosedBody], list[Piece]] = _no_parts
    knitted: bool = False

    underwear: bool = False
    required_from: float | None = None
    hides: bool = True
    tucks: bool = False
    open_below: bool = False
    covers_hair: bool = False

    outfit: str = ""
    weight: float = 1.0
    women_only: bool = False
    fit: float | None = None
    lengths: Callable[[Random], dict[str, float]] = _no_lengths
    leg_in_folds: tuple[float, float] | None = None
    prints: bool = False
