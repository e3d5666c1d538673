"""Hair that hangs or is tied."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.hair.hairline import Hairline, scalp_roots, spread
from skinseg.synthetic.hair.strands import (
    COIL_RADIUS,
    GUIDE_STEPS,
    LOCKS,
    LONG_RADIUS,
    SKULL,
    Head,
    Roots,
    fall,
    in_locks,
    obstacle_of,
    tangent,
    unit,
    wave_offsets,
)
from skinseg.synthetic.hair.style import Style
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, Random, stream

Behind = Callable[[Random, Hair, Head, Array, Array], Strands]
"""What is behind a tie, from its place in the head and the direction in which hair leaves it."""


def _grow_long(hair: Hair, head: Head, hairline: Hairline) -> list[Strands]:
    """Parted hair that hangs: a bob, or down to the chest and back; some with a fringe."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, hairline, min(hair.density * 1000, 330e3), LONG_RADIUS)
    parting = rng.choice([-1.0, 1.0]) * rng.choice([0.0, 0.022, 0.035])
    fringed = rng.random() < 0.3
    curtain = rng.uniform(-0.112, -0.075)
    volume = rng.uniform(0.006, 0.016)
    # Which locks fall before the shoulder: those rooted in front of a line, drawn for either side.
    splits = np.where(rng.random(2) < 0.55, rng.uniform(-0.09, 0.0, 2), -1.0)
    guides = roots[spread(rng, roots, LOCKS)]
    x, y, z = guides.reference.T
    side = np.where(x > parting, 1.0, -1.0)
    top = np.clip((z - 0.93) / 0.05, 0, 1)
    # The parting ends at the crown; behind it hair runs straight down.
    behind = np.clip((y + 0.03) / 0.05, 0, 1)
    outward = (1 - behind) * side * (0.25 + 0.75 * top) + behind * 6 * x
    comb = head.turn(
        np.stack([outward, 0.25 + 0.25 * top + 0.5 * behind * top, np.full(len(x), -0.35)], axis=1)
    )
    comb = tangent(comb + 0.12 * rng.normal(0, 1, comb.shape), guides.normal)
    start = unit(comb + (0.5 - 0.35 * top)[:, None] * guides.normal)
    # Cut to one level in the head, not to one length: the nape's hair is as short as the level asks.
    level = 1.03 - hair.length
    length = np.minimum(hair.length * 1.05, (z - level) * 1.06 + 0.02)
    length = np.maximum(length, 0.03) * rng.uniform(0.86, 1.0, len(length))
    drift = np.where(y < np.where(x > 0, splits[0], splits[1]), -0.5, 0.6)
    extra = volume * np.clip(guides.depth / 0.12, 0, 1) + rng.uniform(0, 0.004, len(length))
    paths = fall(
        head, obstacle_of(head, ears=True), guides, start, length,
        stiffness=0.02, comb=comb, reach=0.05, extra=extra, curtain=curtain, drift=drift,
    )  # fmt: skip
    paths = paths + wave_offsets(rng, paths, length, head, 0.002 + 0.016 * hair.curl, 0.16 - 0.08 * hair.curl)
    apart = np.where(roots.reference[:, 0] > parting, 1.0, -1.0) * (roots.reference[:, 1] < -0.02)
    locks = in_locks(
        rng, roots, guides, paths, head, points=12, width=0.011, gather=0.04, frizz=0.001 + 0.002 * hair.curl,
        sides=(apart, side * (y < -0.02)),
    )  # fmt: skip
    return [locks, _fringe(rng, roots, head)] if fringed else [locks]


def _fringe(rng: Random, roots: Roots, head: Head) -> Strands:
    """Hair over the forehead, cut above the eyes, of those roots of the scalp that lie there."""
    x, y, _ = roots.reference.T
    roots = roots[(y < -0.105) & (np.abs(x) < 0.05) & (roots.depth < 0.035)]
    guides = roots[spread(rng, roots, 2 * LOCKS)]
    x = guides.reference[:, 0]
    slant = rng.uniform(-0.5, 0.5)
    comb = np.stack([0.5 * x / 0.05 + slant, np.full(len(x), -0.6), np.full(len(x), -0.5)], axis=1)
    comb = tangent(head.turn(comb + 0.08 * rng.normal(0, 1, comb.shape)), guides.normal)
    paths = fall(
        head, obstacle_of(head, ears=False), guides, unit(comb + 0.6 * guides.normal), np.full(len(x), 0.13),
        stiffness=0.025, comb=comb, reach=0.06, extra=np.full(len(x), 0.004), curtain=-1.0, drift=0.0,
    )  # fmt: skip
    # Cut to one line above the brows.
    cut = rng.uniform(0.926, 0.94) + rng.normal(0, 0.002, (len(x), 1))
    below = head.local(paths)[..., 2] < cut
    last = np.where(below.any(axis=1), below.argmax(axis=1), GUIDE_STEPS - 1)
    at = np.linspace(0, 1, GUIDE_STEPS)[None] * last[:, None]
    low = np.minimum(at.astype(np.intp), GUIDE_STEPS - 2)
    share, row = (at - low)[..., None], np.arange(len(x))[:, None]
    paths = (1 - share) * paths[row, low] + share * paths[row, low + 1]
    return in_locks(
        rng, roots, guides, paths, head, points=9, width=0.008, gather=0.04, frizz=0.0008, pinch=0.7
    )


def _grow_tied(
    hair: Hair, head: Head, hairline: Hairline, *, behind: Behind, height: tuple[float, float]
) -> list[Strands]:
    """Combed back to a tie at the back of the head: what is `behind` it, at a drawn height in the head."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, hairline, min(hair.density * 1000, 330e3), LONG_RADIUS)
    angle = (rng.uniform(*height) - SKULL[2]) / 0.115
    ray = np.array([0.0, np.sqrt(max(1 - angle**2, 0.05)), angle])
    tie = SKULL + ray * 0.112
    guides = roots[spread(rng, roots, LOCKS)]
    paths = _gathered(head, guides, tie, 0.002 + 0.008 * rng.random() * np.clip(guides.depth / 0.08, 0, 1))
    tied = behind(rng, hair, head, tie, ray)
    cap = in_locks(
        rng, roots, guides, paths, head, points=9, width=0.006, gather=0.09, frizz=0.0006, pinch=0.2
    )
    return [cap, tied]


def _gathered(head: Head, guides: Roots, tie: Array, extra: Array) -> Array:
    """Paths (G, K, 3) over the skull from the roots to the tie."""
    s = np.linspace(0, 1, GUIDE_STEPS)[None, :, None]
    start, end = guides.reference - SKULL, tie - SKULL
    far, near = np.linalg.norm(start, axis=1)[:, None, None], np.linalg.norm(end)
    a, b = start / far[:, 0], end / near
    angle = np.arccos(np.clip(a @ b, -0.98, 1))[:, None, None]
    sine = np.maximum(np.sin(angle), 1e-3)
    arc = (np.sin((1 - s) * angle) * a[:, None] + np.sin(s * angle) * b) / sine
    paths = head.world(SKULL + arc * ((1 - s) * far + s * near))
    obstacle = obstacle_of(head, ears=False)
    lifted = extra[:, None] * np.sin(np.pi * np.clip(s[..., 0] * 2, 0, 1) / 2)
    moved = obstacle.push(
        paths[:, 1:].reshape(-1, 3),
        np.broadcast_to(lifted[:, 1:], (len(paths), GUIDE_STEPS - 1)).ravel(),
    )
    return np.concatenate([guides.place[:, None], moved.reshape(len(paths), -1, 3)], axis=1)


def _tail(rng: Random, hair: Hair, head: Head, tie: Array, ray: Array) -> Strands:
    """The hair behind the tie: leaves it along `ray`, then hangs."""
    count = 36
    across = unit(
        head.turn(np.stack([rng.normal(0, 1, count), np.zeros(count), rng.normal(0, 1, count)], axis=1))
    )
    start = head.world(tie) + across * (0.011 * np.sqrt(rng.random((count, 1))))
    normal = np.tile(unit(head.turn(ray)), (count, 1))
    guides = Roots(start, normal, head.local(start), np.ones(count))
    along = unit(normal + head.turn(np.array([0.0, 0.0, 0.25])) + 0.25 * across)
    length = hair.length * rng.uniform(0.7, 1.0, count)
    paths = fall(
        head, obstacle_of(head, ears=False), guides, along, length,
        stiffness=0.04, comb=along * 1.2, reach=0.03, extra=rng.uniform(0, 0.02, count), curtain=0.0,
        drift=rng.uniform(-0.1, 0.3),
    )  # fmt: skip
    paths = paths + wave_offsets(rng, paths, length, head, 0.002 + 0.009 * hair.curl, 0.14 - 0.08 * hair.curl)
    strands = math.ceil(3200 * head.share(LONG_RADIUS))
    own = rng.integers(count, size=strands)
    roots = Roots(start[own], normal[own], guides.reference[own], np.ones(strands))
    return in_locks(
        rng, roots, guides, paths, head, points=12, width=0.010, gather=0.02, frizz=0.0015, own=own
    )


def _bun(rng: Random, hair: Hair, head: Head, tie: Array, ray: Array) -> Strands:
    """A coil wound about the axis through the tie."""
    count, points = math.ceil(2600 * head.share(COIL_RADIUS)), 12
    size = 0.020 + 0.008 * rng.random() + 0.012 * np.clip((hair.length - 0.3) / 0.1, 0, 1)
    axis = unit(head.turn(ray))
    u = tangent(head.turn(np.array([1.0, 0.0, 0.0]))[None], axis[None])[0]
    v = np.cross(axis, u)
    turn = (
        rng.uniform(0, 2 * np.pi, count)[:, None]
        + np.linspace(0, 1, points) * rng.uniform(1.2, 2.6, count)[:, None]
    )
    # On the tube of a ring without a hole, slowly creeping round it.
    around = (
        rng.uniform(0, 2 * np.pi, count)[:, None]
        + 0.5 * (turn - turn[:, :1])
        + rng.normal(0, 0.05, turn.shape)
    )
    tube = size * 0.8 * (1 + 0.08 * rng.normal(0, 1, count)[:, None])
    out = (size * 0.75 + tube * np.cos(around))[..., None]
    ring = out * (np.cos(turn)[..., None] * u + np.sin(turn)[..., None] * v)
    middle = head.world(tie + ray * size * 0.35)
    return head.strands(middle + ring + (tube * np.sin(around))[..., None] * axis, COIL_RADIUS)


LONG_STYLES = {
    "bob": Style(_grow_long, (0.16, 0.3), women=0.16, men=0.0),
    "long": Style(_grow_long, (0.3, 0.6), women=0.32, men=0.03),
    "ponytail": Style(
        partial(_grow_tied, behind=_tail, height=(0.90, 0.985)), (0.3, 0.5), women=0.12, men=0.01
    ),
    "bun": Style(partial(_grow_tied, behind=_bun, height=(0.91, 1.03)), (0.3, 0.4), women=0.08, men=0.01),
}
