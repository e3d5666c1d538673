"""Scalp hair, brows, lashes and beards as strands, rooted by reference coordinates so that every head agrees.

Long hair follows a few hundred guides: each leaves the scalp along the comb, slides over the skull, falls with
the world's gravity and is pushed out of neck, shoulders and back. Strands gather about the nearest guide into
locks. `hairline.py` says where hair grows, `strands.py` how it runs.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Strands
from skinseg.synthetic.people.anatomy import PosedBody, body_classes, face_groups
from skinseg.synthetic.people.hairline import (
    beard_depth,
    reference_skin,
    scalp_roots,
    scatter,
    spread,
    style_depth,
)
from skinseg.synthetic.people.reference import BODY_VERTICES, Floats, reference_body
from skinseg.synthetic.people.strands import (
    GUIDE_STEPS,
    LONG_RADIUS,
    SKULL,
    Array,
    Head,
    Rng,
    Roots,
    arched,
    coil_offsets,
    fall,
    frizz_offsets,
    in_locks,
    obstacle_of,
    posed_head,
    smooth_noise,
    tangent,
    unit,
    wave_offsets,
)
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, stream

STYLES = ("bald", "buzz", "short", "curly", "afro", "bob", "long", "ponytail", "bun", "receding")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")

_CROWN = np.array([0.0, 0.01, 1.01])
# Real hairs are ten times thinner and ten times as many; with these the scalp does not shine through.
_RADIUS = 0.0003  # metres
_CURL_RADIUS = 0.00045
_COIL_RADIUS = 0.0005
_BEARD_RADIUS = 0.00026
_LOCKS = 420  # guides on a whole scalp


def grow_hair(hair: Hair, body: PosedBody, pixel: float = 0.0) -> list[Strands]:
    """Scalp hair, beard, brows and lashes of one person, in the coordinates of `body.posed`.

    pixel: metres that a pixel of the frame spans at the head. What is far away gets fewer and wider strands:
    no pixel shows the difference, and Blender takes up to a quarter less time.
    A function of the arguments alone. Raises ValueError on an unknown style or beard.
    """
    _check(hair)
    head = posed_head(body, pixel)
    groups = _GROWERS[hair.style](hair, head) if hair.style != "bald" else []
    if hair.beard not in ("none", "stubble"):  # stubble is a tint of the skin, see `hair_shade`
        groups.append(grow_beard(hair, head))
    if hair.brows > 0:
        groups.append(grow_brows(hair, head))
    if hair.lashes > 0:
        groups.append(grow_lashes(hair, body))
    return [group for group in groups if len(group.points)]


def haired_faces(hair: Hair) -> npt.NDArray[np.bool_]:
    """Which of the "body" faces lie under dense hair of scalp or beard, bool (F,).

    What shows there between strands is hair to the eye. Raises ValueError on an unknown style or beard.
    """
    _check(hair)
    faces = face_groups()["body"]
    covered = style_depth(hair, reference_skin()) > 0.006
    if hair.beard == "full" and hair.beard_length > 0.008:
        covered |= beard_depth("full", reference_skin()) > 0.005
    return np.asarray(covered[faces].all(axis=1) & (body_classes() == PartClass.SKIN))


def hair_shade(hair: Hair) -> Floats:
    """How much of the hair's colour the skin takes on at each body vertex, float32 (13380,) in [0, 1].

    Roots too short and too fine to be strands: stubble, a shaved scalp, the ground of all dense hair.
    Raises ValueError on an unknown style or beard.
    """
    _check(hair)
    reference = reference_skin()
    strength = {"none": 0.0, "stubble": 0.45, "moustache": 0.5, "goatee": 0.5, "full": 0.6}[hair.beard]
    beard = strength * np.clip(beard_depth(hair.beard, reference) / 0.010, 0, 1)
    scalp = (0.6 if hair.style == "buzz" else 0.75) * np.clip(style_depth(hair, reference) / 0.012, 0, 1)
    return np.maximum(scalp, beard).astype(np.float32)


def _check(hair: Hair) -> None:
    if hair.style not in STYLES:
        raise ValueError(f"unknown hair style {hair.style!r}: expected one of {', '.join(STYLES)}")
    if hair.beard not in BEARDS:
        raise ValueError(f"unknown beard {hair.beard!r}: expected one of {', '.join(BEARDS)}")


# -------------------------------------------------------------------------------------------- short styles


def _grow_short(hair: Hair, head: Head) -> list[Strands]:
    """Combed from the crown, following the skull; also buzz cuts and what baldness leaves."""
    rng = stream(Part.STRANDS, hair.seed)
    buzz = hair.style == "buzz"
    radius = 0.0002 if buzz else _RADIUS
    roots = scalp_roots(hair, head, hair.density * (1600 if buzz else 1000), radius)
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
    if not buzz:
        length = np.where(temple, np.clip(length, 0.008, 0.012), length)
    lift = rng.uniform(0.25, 0.45, count) + 0.25 * forehead[:, 0] + (0.9 if buzz else 0.0)
    points = arched(roots, comb, length, lift, 3 if buzz else 6)
    if not buzz and hair.curl > 0:
        points = points + frizz_offsets(rng, points, 0.004 * hair.curl, 2.0)
    return [head.strands(points, radius)]


def _grow_afro(hair: Hair, head: Head) -> list[Strands]:
    """Tight coils that stand off the scalp and end on a round outline."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, hair.density * 1000, _COIL_RADIUS)
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
    return [head.strands(line + coil_offsets(rng, direction, s, 0.0045, length / 0.022), _COIL_RADIUS)]


def _grow_curly(hair: Hair, head: Head) -> list[Strands]:
    """Locks of curls: they spring up from the scalp, then hang."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, hair.density * 800, _CURL_RADIUS)
    guides = roots[spread(rng, roots, 2 * _LOCKS)]
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


# --------------------------------------------------------------------------------------------- long styles


def _grow_long(hair: Hair, head: Head) -> list[Strands]:
    """Parted hair that hangs: a bob, or down to the chest and back; some with a fringe."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, min(hair.density * 1000, 330e3), LONG_RADIUS)
    parting = rng.choice([-1.0, 1.0]) * rng.choice([0.0, 0.022, 0.035])
    fringed = rng.random() < 0.3
    curtain = rng.uniform(-0.112, -0.075)
    volume = rng.uniform(0.006, 0.016)
    # Which locks fall before the shoulder: those rooted in front of a line, drawn for either side.
    splits = np.where(rng.random(2) < 0.55, rng.uniform(-0.09, 0.0, 2), -1.0)
    guides = roots[spread(rng, roots, _LOCKS)]
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


def _fringe(rng: Rng, roots: Roots, head: Head) -> Strands:
    """Hair over the forehead, cut above the eyes, of those roots of the scalp that lie there."""
    x, y, _ = roots.reference.T
    roots = roots[(y < -0.105) & (np.abs(x) < 0.05) & (roots.depth < 0.035)]
    guides = roots[spread(rng, roots, 2 * _LOCKS)]
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


def _grow_tied(hair: Hair, head: Head) -> list[Strands]:
    """Combed back to a tie at the back of the head: a ponytail that hangs from it, or a bun wound on it."""
    rng = stream(Part.STRANDS, hair.seed)
    roots = scalp_roots(hair, head, min(hair.density * 1000, 330e3), LONG_RADIUS)
    height = rng.uniform(0.90, 0.985) if hair.style == "ponytail" else rng.uniform(0.91, 1.03)
    angle = (height - SKULL[2]) / 0.115
    ray = np.array([0.0, np.sqrt(max(1 - angle**2, 0.05)), angle])
    tie = SKULL + ray * 0.112
    guides = roots[spread(rng, roots, _LOCKS)]
    paths = _gathered(head, guides, tie, 0.002 + 0.008 * rng.random() * np.clip(guides.depth / 0.08, 0, 1))
    behind = (_tail if hair.style == "ponytail" else _bun)(rng, hair, head, tie, ray)
    cap = in_locks(
        rng, roots, guides, paths, head, points=9, width=0.006, gather=0.09, frizz=0.0006, pinch=0.2
    )
    return [cap, behind]


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


def _tail(rng: Rng, hair: Hair, head: Head, tie: Array, ray: Array) -> Strands:
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


def _bun(rng: Rng, hair: Hair, head: Head, tie: Array, ray: Array) -> Strands:
    """A coil wound about the axis through the tie."""
    count, points = math.ceil(2600 * head.share(_COIL_RADIUS)), 12
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
    return head.strands(middle + ring + (tube * np.sin(around))[..., None] * axis, _COIL_RADIUS)


# ------------------------------------------------------------------------------------------- the face's hair


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


def grow_brows(hair: Hair, head: Head) -> Strands:
    """Two brows of short strands that lie outward along the ridge; `hair.brows` is their thickness."""
    rng = stream(Part.BROWS, hair.seed)
    x, y, z = reference_body().rest[:BODY_VERTICES].T
    region = (np.abs(x) < 0.07) & (z > 0.90) & (z < 0.945) & (y < -0.09)
    spots = scatter(rng, region, 1.1e6 + 0.7e6 * hair.brows)
    across = np.abs(spots.reference[:, 0])
    # The arch on the reference face: rises to two thirds of its length, then falls.
    along = (across - 0.013) / 0.046
    arch = 0.9215 + 0.0055 * np.sin(np.pi * np.clip(along * 0.75, 0, 1)) - 0.004 * np.clip(along, 0, 1) ** 2
    width = (0.0014 + 0.0034 * hair.brows) * (1 - 0.65 * np.clip(along, 0, 1) ** 1.5)
    edge = np.abs(spots.reference[:, 2] - arch) + rng.normal(0, 0.0006, len(across))
    inside = (edge < width) & (along > rng.normal(0.0, 0.03, len(across))) & (along < 1)
    along = along[inside]
    roots = spots[inside].roots(head, np.zeros(len(along)))
    outward = np.sign(roots.reference[:, :1]) * head.turn(np.array([1.0, 0.35, 0.0]))
    comb = outward + (0.9 - 1.3 * along)[:, None] * head.turn(np.array([0.0, 0.0, 1.0]))
    comb = tangent(unit(comb) + rng.normal(0, 0.15, comb.shape), roots.normal)
    length = rng.uniform(0.005, 0.008, len(along)) * (0.8 + 0.2 * hair.brows)
    points = arched(roots, comb, length, np.full(len(along), 0.18), 4)
    return Strands(points.astype(np.float32), radius=0.00014)


def grow_lashes(hair: Hair, body: PosedBody) -> Strands:
    """Upper and lower lashes along MakeHuman's strips of them; `hair.lashes` is their length."""
    rng = stream(Part.LASHES, hair.seed)
    groups = []
    for group, count, scale in (
        ("helper-l-eyelashes-2", 70, 1.0),
        ("helper-r-eyelashes-2", 70, 1.0),
        ("helper-l-eyelashes-1", 45, 0.75),
        ("helper-r-eyelashes-1", 45, 0.75),
    ):
        columns = body.posed[_lash_columns(group)].astype(np.float64)
        at = np.sort(rng.uniform(0, len(columns) - 1.001, count))
        low, share = at.astype(int), (at % 1)[:, None, None]
        lash = (1 - share) * columns[low] + share * columns[low + 1]
        reach = (0.3 + 0.7 * hair.lashes) * scale * rng.uniform(0.7, 1.0, (count, 1, 1))
        groups.append(lash[:, :1] + reach * (lash - lash[:, :1]))
    return Strands(np.concatenate(groups).astype(np.float32), radius=0.00012)


@cache
def _lash_columns(group: str) -> npt.NDArray[np.int32]:
    """Vertices of a strip of lashes, (columns, 5), each column from the lid to the tip, in order."""
    faces = face_groups()[group]
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    edges, uses = np.unique(sides, axis=0, return_counts=True)
    near: dict[int, list[int]] = {}
    for a, b in edges.tolist():
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    rim: dict[int, list[int]] = {}
    for a, b in edges[uses == 1].tolist():
        rim.setdefault(a, []).append(b)
        rim.setdefault(b, []).append(a)
    corners = [vertex for vertex, others in near.items() if len(others) == 2]
    rows = []
    for corner in corners:
        for step in rim[corner]:
            row = [corner, step]
            while row[-1] not in corners:
                row.append(next(v for v in rim[row[-1]] if v != row[-2]))
            rows.append(row)
    # The two long rims are the lid's and the tips'; the lid's lies nearer to the eyeball's middle.
    longest = max(map(len, rows))
    eye = reference_body().bones["eye.L" if "-l-" in group else "eye.R"]
    rest = reference_body().rest
    row = min(
        (row for row in rows if len(row) == longest),
        key=lambda row: (float(np.linalg.norm(rest[row] - eye, axis=1).mean()), row[0]),
    )
    columns, seen = [row], set(row)
    while len(columns) < 5:
        row = [next(v for v in near[vertex] if v not in seen) for vertex in row]
        columns.append(row)
        seen |= set(row)
    return np.array(columns, np.int32).T


_GROWERS = {
    "buzz": _grow_short,
    "short": _grow_short,
    "receding": _grow_short,
    "curly": _grow_curly,
    "afro": _grow_afro,
    "bob": _grow_long,
    "long": _grow_long,
    "ponytail": _grow_tied,
    "bun": _grow_tied,
}
