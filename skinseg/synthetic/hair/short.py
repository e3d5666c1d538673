"""Short hairstyles, and none."""

from functools import partial

import numpy as np

from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.hair.hairline import (
    Hairline,
    hairline_with_sideburns,
    no_hairline,
    scalp_roots,
    spread,
)
from skinseg.synthetic.hair.strands import (
    COIL_RADIUS,
    LOCKS,
    SKULL,
    Head,
    arched,
    coil_offsets,
    fall,
    frizz_offsets,
    in_locks,
    obstacle_of,
    smooth_noise,
    tangent,
    unit,
)
from skinseg.synthetic.hair.style import Style
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, stream, uniform

_CROWN = np.array([0.0, 0.01, 1.01])
# Real hairs are ten times thinner and ten times as many; with these the scalp does not shine through.
_RADIUS = 0.0003  # metres
_CURL_RADIUS = 0.00045


def _grow_none(hair: Hair, head: Head, hairline: Hairline) -> list[Strands]:
    return []


def grow_short(hair: Hair, head: Head, hairline: Hairline, shaved: bool = False) -> list[Strands]:
    """Combed from the crown, following the skull; `shaved` to a buzz cut, or what baldness leaves."""
    rng = stream(Part.STRANDS, hair.seed)
    radius = 0.0002 if shaved else _RADIUS
    roots = scalp_roots(hair, head, hairline, hair.density * (1600 if shaved else 1000), radius)
    # Away from the crown, and back rather than over the brow.
    away = roots.place - head.world(_CROWN)
    comb = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-4)
    # Hair leaves the crown in a whorl, or a star shows there.
    comb = comb + 0.6 * np.cross(unit(head.turn(np.array([0.0, 0.3, 1.0]))), comb)
    forehead = np.clip((-roots.reference[:, 1] - 0.02) / 0.08, 0, 1)[:, None]
    swept = head.turn(np.array([0.5 * rng.choice([-1.0, 1.0]), 0.9 * rng.uniform(-0.2, 1.0), 0.0]))
    comb = (1 - forehead) * comb + forehead * swept
    # Neighbours lie alike: the comb's error is smooth over the scalp, with a little of each strand's own.
    comb = comb + 0.25 * smooth_noise(rng, roots.reference, 0.02, 3) + rng.normal(0, 0.12, comb.shape)
    # Before the ear it lies down flat.
    temple = (roots.reference[:, 2] < 0.925) & (roots.reference[:, 1] < -0.03)
    comb[temple] = head.turn(np.array([0.0, 0.1, -1.0]))
    comb = tangent(comb, roots.normal)
    count = len(roots.place)
    # Shorter towards the hairline and the sides, or the edge stands up like a brush.
    taper = 0.3 + 0.7 * np.clip(roots.depth / 0.05, 0, 1)
    length = np.maximum(hair.length * rng.uniform(0.75, 1.05, count) * taper, 0.003)
    if not shaved:
        length = np.where(temple, np.clip(length, 0.008, 0.012), length)
    lift = rng.uniform(0.25, 0.45, count) + 0.25 * forehead[:, 0] + (0.9 if shaved else 0.0)
    points = arched(roots, comb, length, lift, 3 if shaved else 6)
    if not shaved and hair.curl > 0:
        points = points + frizz_offsets(rng, points, 0.004 * hair.curl, 2.0)
    return [head.strands(points, radius)]


def _grow_afro(hair: Hair, head: Head, hairline: Hairline) -> list[Strands]:
    """Tight coils that stand off the scalp and end on a round outline."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, hairline, hair.density * 1000, COIL_RADIUS)
    count, points = len(roots.place), 12
    # Trimmed to a ball about the skull; what grows at the hairline leans away from the face.
    outward = unit(roots.place - head.world(SKULL - np.array([0.0, -0.02, 0.03])))
    front = np.clip(1 - roots.depth / 0.04, 0, 1) * np.clip((-roots.reference[:, 1] - 0.06) / 0.05, 0, 1)
    upward = front[:, None] * head.turn(np.array([0.0, 0.9, 0.7]))
    direction = unit(0.45 * roots.normal + outward + upward + 0.2 * rng.normal(0, 1, (count, 3)))
    length = (
        hair.length * rng.uniform(0.4, 1.0, count) ** 0.25 * (0.35 + 0.65 * np.clip(roots.depth / 0.05, 0, 1))
    )
    s = np.linspace(0, 1, points)
    line = roots.place[:, None] + (s[None, :, None] * length[:, None, None]) * direction[:, None]
    return [head.strands(line + coil_offsets(rng, direction, s, 0.0045, length / 0.022), COIL_RADIUS)]


def _grow_curly(hair: Hair, head: Head, hairline: Hairline) -> list[Strands]:
    """Locks of curls: they spring up from the scalp, then hang."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, hairline, hair.density * 800, _CURL_RADIUS)
    guides = roots[spread(rng, roots, 2 * LOCKS)]
    away = unit(guides.place - head.world(SKULL))
    comb = tangent(away + head.turn(np.array([0.0, 0.35, -0.2])), guides.normal)
    start = unit(guides.normal + 0.5 * comb + rng.normal(0, 0.25, comb.shape))
    length = (
        hair.length * rng.uniform(0.7, 1.0, len(start)) * (0.4 + 0.6 * np.clip(guides.depth / 0.04, 0, 1))
    )
    paths = fall(
        head, obstacle_of(head, ears=False), guides, start, length,
        stiffness=0.12, comb=comb * 0.5, reach=0.03, extra=rng.uniform(0, 0.012, len(start)), curtain=-0.11, drift=0.0,
    )  # fmt: skip
    turns = length / (0.035 - 0.015 * hair.curl)
    s = np.linspace(0, 1, paths.shape[1])
    radius = 0.003 + 0.004 * hair.curl
    paths = paths + coil_offsets(rng, unit(paths[:, -1] - paths[:, 0]), s, radius, turns)
    locks = in_locks(
        rng, roots, guides, paths, head, points=12, width=0.008, gather=0.008, frizz=0.0008, pinch=0.8,
        radius=_CURL_RADIUS,
    )  # fmt: skip
    return [locks]


def _curly(rng: np.random.Generator) -> float:
    return uniform(rng, 0.5, 0.9)


def _coiled(rng: np.random.Generator) -> float:
    return 1.0


SHORT_STYLES = {
    "bald": Style(_grow_none, (0.0, 0.0), women=0.02, men=0.1, hairline=no_hairline),
    "buzz": Style(
        partial(grow_short, shaved=True),
        (0.003, 0.009),
        women=0.02,
        men=0.16,
        hairline=hairline_with_sideburns,
        shade=0.6,
    ),
    "short": Style(grow_short, (0.012, 0.06), women=0.12, men=0.46, hairline=hairline_with_sideburns),
    "curly": Style(_grow_curly, (0.03, 0.1), women=0.1, men=0.08, curl=_curly),
    "afro": Style(_grow_afro, (0.05, 0.12), women=0.06, men=0.05, curl=_coiled),
}
