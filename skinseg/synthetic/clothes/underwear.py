"""What everyone wears: briefs, and from some gender on a bra."""

import numpy as np

from skinseg.synthetic.clothes.fields import WAIST, Places, arm_end, drawn, leg_end, leg_holes
from skinseg.synthetic.clothes.garment import Edges, GarmentKind
from skinseg.synthetic.scene import Garment

# anny's gender: 0 = male, 1 = female. Below this the largest cup size adds a millimetre to a man's chest; at 0.34 it
# doubles it.
CHEST_COVERED_FROM_GENDER = 0.05


def _edges_of_briefs(garment: Garment, at: Places) -> Edges:
    """Hips, with legs cut diagonally, or straight at `leg` where it is above 0."""
    z = at.points[:, 2]
    legs = leg_end(garment.leg) - z if garment.leg else leg_holes(at)
    return {"waist": z - WAIST, "legs": legs, "arms": arm_end(at, 0.0)}


def _edges_of_bra(garment: Garment, at: Places) -> Edges:
    """Round the chest, with straps or without."""
    x, _, z = at.points.T
    top = z - 0.605
    if drawn(garment, 2) < 0.7:
        strap = np.maximum(np.abs(np.abs(x) - 0.088 - 0.1 * np.clip(0.66 - z, 0, 1)) - 0.009, z - 0.75)
        top = np.minimum(top, strap)
    return {"top": top, "bottom": 0.445 - z, "arms": arm_end(at, 0.0)}


UNDERWEAR = {
    "briefs": GarmentKind(
        0, _edges_of_briefs, underwear=True, required_from=0.0, fit=0.0, leg_in_folds=(0.1, 0.25)
    ),
    "bra": GarmentKind(0, _edges_of_bra, underwear=True, required_from=CHEST_COVERED_FROM_GENDER, fit=0.0),
}
