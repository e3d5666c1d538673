"""Beards: where each grows, and its strands."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.hair.hairline import reference_skin, scatter
from skinseg.synthetic.hair.strands import Head, frizz_offsets, tangent
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, stream

_BEARD_RADIUS = 0.00026


@dataclass(frozen=True)
class Beard:
    """What is known of one kind of beard.

    area: from x, y and z in the head to the distance inside the edge of the area where it grows, (N,), metres. share:
    how often men with a beard have it. length: of its longest strands, metres, at most. shade: how much of the hair's
    colour the skin below takes on. strands: whether it has any, or tints the skin alone. dense_from: length from which
    what shows between them is hair to the eye, metres.
    """

    area: Callable[[Array, Array, Array], Array]
    share: float
    length: float
    shade: float
    strands: bool = True
    dense_from: float = math.inf


def _moustache(x: Array, y: Array, z: Array) -> Array:
    """Upper lip: between nose and lip, out to the mouth's corners."""
    across = np.abs(x)
    return np.minimum(
        np.minimum(0.8515 - 0.10 * across - z, z - 0.8385 + 0.25 * np.maximum(across - 0.018, 0)),
        0.034 - across,
    )


def _goatee(x: Array, y: Array, z: Array) -> Array:
    across = np.abs(x)
    chin = np.minimum(np.minimum(0.814 + 0.45 * np.maximum(across - 0.012, 0) - z, 0.032 - across), z - 0.772)
    bridge = np.minimum(0.006 - np.abs(across - 0.031), np.minimum(z - 0.79, 0.85 - z))
    return np.maximum(np.maximum(_moustache(x, y, z), chin), bridge)


def _full(x: Array, y: Array, z: Array) -> Array:
    """Cheeks: below a line from the sideburn to the mouth's corner; jaw; upper neck."""
    across = np.abs(x)
    upper = np.interp(y, [-0.16, -0.14, -0.10, -0.065, -0.05], [0.835, 0.842, 0.862, 0.905, 0.91])
    cheeks = np.minimum(np.minimum(upper - z, -0.048 - y), z - np.interp(y, [-0.12, -0.05], [0.765, 0.80]))
    cheeks = np.where(across > 0.03, np.minimum(cheeks, (across - 0.026) * 1.0), -1.0)
    under = np.minimum(np.minimum(0.80 - z, z - 0.752), -0.055 - y)
    return np.maximum(np.maximum(_goatee(x, y, z), cheeks), under)


BEARDS: dict[str, Beard] = {
    "stubble": Beard(_full, share=0.4, length=0.004, shade=0.45, strands=False),
    "moustache": Beard(_moustache, share=0.12, length=0.012, shade=0.5),
    "goatee": Beard(_goatee, share=0.15, length=0.02, shade=0.5),
    "full": Beard(_full, share=0.33, length=0.04, shade=0.6, dense_from=0.008),
}
NO_BEARD = "none"


def beard_depth(beard: str, reference: Array) -> Array:
    """Distance inside the edge of the area where a beard grows, metres, negative outside it; reference: (N, 3)."""
    x, y, z = reference.T
    area = BEARDS[beard].area(x, y, z)
    return np.asarray(np.where((z > 0.74) & (y < -0.045), area, -1.0))


def grow_beard(hair: Hair, head: Head) -> Strands:
    """Strands of a moustache, goatee or full beard: they leave the skin downwards, away from the lips."""
    rng = stream(Part.BEARD, hair.seed)
    area = beard_depth(hair.beard, reference_skin()) > -0.006
    spots = scatter(rng, area, 500e3 * head.share(_BEARD_RADIUS), skin_only=True)
    depth = beard_depth(hair.beard, spots.reference) + rng.normal(0, 0.0015, len(spots.reference))
    chosen = depth > rng.exponential(0.0012, len(depth))
    depth = depth[chosen]
    roots = spots[chosen].roots(head, depth)
    x, _, z = roots.reference.T
    upper = (z > 0.842) & (np.abs(x) < 0.036)
    comb = np.stack(
        [np.where(upper, 0.9 * np.sign(x) + 8 * x, 3 * x), np.full(len(x), 0.0), np.full(len(x), -1.0)],
        axis=1,
    )
    comb = tangent(head.turn(comb) + 0.3 * rng.normal(0, 1, comb.shape), roots.normal)
    cheek = np.clip((z - 0.80) / 0.05, 0, 1)
    length = hair.beard_length * rng.uniform(0.6, 1.0, len(x)) * (0.35 + 0.65 * np.clip(depth / 0.015, 0, 1))
    length = np.where(upper, np.minimum(length, 0.011), length * (1 - 0.55 * cheek))
    lift = rng.uniform(0.35, 0.8, len(x)) * np.where(upper, 0.5, 1.0)
    s = np.linspace(0, 1, 6)[None, :, None] * length[:, None, None]
    points = roots.place[:, None] + s * comb[:, None] + s * (lift[:, None, None] * roots.normal[:, None])
    # A beard falls: what is long bends down in the world.
    points = points - np.array([0.0, 0.0, 1.0]) * np.square(s) * 8.0
    return head.strands(points + frizz_offsets(rng, points, 0.0015, 1.5), _BEARD_RADIUS)
