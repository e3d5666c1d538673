"""Scalp hair, brows, lashes and beards as strands, rooted by reference coordinates so that every head agrees.

Long hair follows a few hundred guides: each leaves the scalp along the comb, slides over the skull, falls with
the world's gravity and is pushed out of neck, shoulders and back. Strands gather about the nearest guide into
locks. Directions and places "in the head" are those of the reference body, carried to the posed head by the
affine map that fits it best.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Strands
from skinseg.synthetic.people.anatomy import PosedBody, body_classes, face_groups
from skinseg.synthetic.people.reference import BODY_VERTICES, Floats, body_normals, reference_body
from skinseg.synthetic.scene import Hair

STYLES = ("bald", "buzz", "short", "curly", "afro", "bob", "long", "ponytail", "bun", "receding")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")

Array = npt.NDArray[np.float64]
Rng = np.random.Generator

_HEAD_RADIUS = 0.095  # metres; short strands bend with the skull
_SKULL = np.array([0.0, -0.05, 0.925])  # centre of the brain case in the head
_CROWN = np.array([0.0, 0.01, 1.01])
# Real hairs are ten times thinner and ten times as many; with these the scalp does not shine through.
_RADIUS = 0.0003  # metres
_LONG_RADIUS = 0.00035
_CURL_RADIUS = 0.00045
_COIL_RADIUS = 0.0005
_BEARD_RADIUS = 0.00026
# Of a pixel, the width to which strands that are thinner may grow, and the least share of them that is kept.
_VISIBLE = 0.35
_SPARSEST = 0.15
_GUIDE_STEPS = 28
_LOCKS = 420  # guides on a whole scalp


@dataclass(frozen=True)
class _Head:
    """A posed head. skin, normals: (13380, 3) of the whole body; affine: (4, 3), head to world; pixel: metres
    that a pixel of the frame spans there."""

    skin: Floats
    normals: Floats
    affine: Array
    pixel: float

    def world(self, places: Array) -> Array:
        """Places (..., 3) in the head as world coordinates."""
        return np.asarray(places @ self.affine[:3] + self.affine[3])

    def local(self, points: Array) -> Array:
        """World points (..., 3) in the head."""
        return np.asarray((points - self.affine[3]) @ np.linalg.inv(self.affine[:3]))

    def turn(self, directions: Array) -> Array:
        """Directions (..., 3) in the head as world vectors."""
        return np.asarray(directions @ self.affine[:3])

    def share(self, radius: float) -> float:
        """Of all strands of a radius (metres), how many are grown: (0, 1]."""
        narrow = 2 * radius / max(_VISIBLE * self.pixel, 1e-9)
        return min(max(narrow, _SPARSEST), 1.0)

    def strands(self, points: Array, radius: float) -> Strands:
        """The strands (S, P, 3) that are grown: as much wider as they are fewer."""
        return Strands(points.astype(np.float32), radius / self.share(radius))


@dataclass(frozen=True)
class _Roots:
    """Where strands leave the skin: place (N, 3) and unit normal in the world, place in the head, and the
    height above the hairline, metres."""

    place: Array
    normal: Array
    reference: Array
    depth: Array

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "_Roots":
        return _Roots(self.place[chosen], self.normal[chosen], self.reference[chosen], self.depth[chosen])


@dataclass(frozen=True)
class _Spots:
    """Points on the body's skin: the corners of their quads (N, 4), the share of each (4, N, 1), and the place
    in the head (N, 3)."""

    quads: npt.NDArray[np.int32]
    share: Array
    reference: Array

    def __getitem__(self, chosen: npt.NDArray[np.bool_]) -> "_Spots":
        return _Spots(self.quads[chosen], self.share[:, chosen], self.reference[chosen])

    def roots(self, head: _Head, depth: Array) -> _Roots:
        """These points on a posed head; depth: (N,)."""
        place, normal = (_between(values, self.quads, self.share) for values in (head.skin, head.normals))
        return _Roots(place, _unit(normal), self.reference, depth)


@dataclass(frozen=True)
class _Obstacle:
    """What hair lies on: body vertices with normals and how far from each hair stays, metres."""

    tree: "cKDTree[None]"
    points: Array
    normals: Array
    clearance: Array

    def push(self, points: Array, extra: Array) -> Array:
        """Points (N, 3) moved out of the body to its clearance plus `extra` (N,)."""
        _, nearest = self.tree.query(points)
        normal = self.normals[nearest]
        height = np.einsum("ij,ij->i", points - self.points[nearest], normal)
        missing = np.maximum(self.clearance[nearest] + extra - height, 0)
        return np.asarray(points + np.minimum(missing, 0.06)[:, None] * normal)


def grow_hair(hair: Hair, body: PosedBody, pixel: float = 0.0) -> list[Strands]:
    """Scalp hair, beard, brows and lashes of one person, in the coordinates of `body.posed`.

    pixel: metres that a pixel of the frame spans at the head. What is far away gets fewer and wider strands:
    no pixel shows the difference, and Blender takes up to a quarter less time.
    A function of the arguments alone. Raises ValueError on an unknown style or beard.
    """
    _check(hair)
    head = _posed_head(body, pixel)
    groups = _GROWERS[hair.style](hair, head) if hair.style != "bald" else []
    if hair.beard not in ("none", "stubble"):  # stubble is a tint of the skin, see `stubble_area`
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
    depth = _style_depth(hair, reference_body().rest[:BODY_VERTICES].astype(np.float64))
    covered = depth > 0.006
    if hair.beard == "full" and hair.beard_length > 0.008:
        covered |= _beard_depth("full", reference_body().rest[:BODY_VERTICES].astype(np.float64)) > 0.005
    return np.asarray(covered[faces].all(axis=1) & (body_classes() == PartClass.SKIN))


def scalp_depth() -> Floats:
    """Height above the hairline at each body vertex, metres on the reference body, float32 (13380,)."""
    return _scalp_depth(reference_body().rest[:BODY_VERTICES].astype(np.float64)).astype(np.float32)


def stubble_area() -> Floats:
    """Where a beard grows, float32 (13380,) in [0, 1], soft at its edges: the stubble of shaved skin."""
    depth = _beard_depth("full", reference_body().rest[:BODY_VERTICES].astype(np.float64))
    return np.clip(depth / 0.012, 0, 1).astype(np.float32)


def hair_shade(hair: Hair) -> Floats:
    """How much of the hair's colour the skin takes on at each body vertex, float32 (13380,) in [0, 1].

    Roots too short and too fine to be strands: stubble, a shaved scalp, the ground of all dense hair.
    Raises ValueError on an unknown style or beard.
    """
    _check(hair)
    reference = reference_body().rest[:BODY_VERTICES].astype(np.float64)
    strength = {"none": 0.0, "stubble": 0.45, "moustache": 0.5, "goatee": 0.5, "full": 0.6}[hair.beard]
    beard = strength * np.clip(_beard_depth(hair.beard, reference) / 0.010, 0, 1)
    scalp = (0.6 if hair.style == "buzz" else 0.75) * np.clip(_style_depth(hair, reference) / 0.012, 0, 1)
    return np.maximum(scalp, beard).astype(np.float32)


def _check(hair: Hair) -> None:
    if hair.style not in STYLES:
        raise ValueError(f"unknown hair style {hair.style!r}: expected one of {', '.join(STYLES)}")
    if hair.beard not in BEARDS:
        raise ValueError(f"unknown beard {hair.beard!r}: expected one of {', '.join(BEARDS)}")


# -------------------------------------------------------------------------------------------- short styles


def _grow_short(hair: Hair, head: _Head) -> list[Strands]:
    """Combed from the crown, following the skull; also buzz cuts and what baldness leaves."""
    rng = np.random.default_rng([hair.seed, 1])
    buzz = hair.style == "buzz"
    radius = 0.0002 if buzz else _RADIUS
    roots = _scalp_roots(hair, head, hair.density * (1600 if buzz else 1000), radius)
    # Away from the crown, and back rather than over the brow.
    away = roots.place - head.world(_CROWN)
    comb = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-4)
    # Hair leaves the crown in a whorl, or a star shows there.
    comb = comb + 0.6 * np.cross(_unit(head.turn(np.array([0.0, 0.3, 1.0]))), comb)
    forehead = np.clip((-roots.reference[:, 1] - 0.02) / 0.08, 0, 1)[:, None]
    swept = head.turn(np.array([0.5 * rng.choice([-1.0, 1.0]), 0.9 * rng.uniform(-0.2, 1.0), 0.0]))
    comb = (1 - forehead) * comb + forehead * swept
    # Neighbours lie alike: the comb's error is smooth over the scalp, with a little of each strand's own.
    comb = comb + 0.25 * _smooth_noise(rng, roots.reference, 0.02, 3) + rng.normal(0, 0.12, comb.shape)
    # Before the ear it lies down flat.
    temple = (roots.reference[:, 2] < 0.925) & (roots.reference[:, 1] < -0.03)
    comb[temple] = head.turn(np.array([0.0, 0.1, -1.0]))
    comb = _tangent(comb, roots.normal)
    count = len(roots.place)
    # Shorter towards the hairline and the sides, or the edge stands up like a brush.
    taper = 0.3 + 0.7 * np.clip(roots.depth / 0.05, 0, 1)
    length = np.maximum(hair.length * rng.uniform(0.75, 1.05, count) * taper, 0.003)
    if not buzz:
        length = np.where(temple, np.clip(length, 0.008, 0.012), length)
    lift = rng.uniform(0.25, 0.45, count) + 0.25 * forehead[:, 0] + (0.9 if buzz else 0.0)
    points = _arched(roots, comb, length, lift, 3 if buzz else 6)
    if not buzz and hair.curl > 0:
        points = points + _frizz(rng, points, 0.004 * hair.curl, 2.0)
    return [head.strands(points, radius)]


def _grow_afro(hair: Hair, head: _Head) -> list[Strands]:
    """Tight coils that stand off the scalp and end on a round outline."""
    rng = np.random.default_rng([hair.seed, 1])
    roots = _scalp_roots(hair, head, hair.density * 1000, _COIL_RADIUS)
    count, points = len(roots.place), 12
    # Trimmed to a ball about the skull; what grows at the hairline leans away from the face.
    outward = _unit(roots.place - head.world(_SKULL - np.array([0.0, -0.02, 0.03])))
    front = np.clip(1 - roots.depth / 0.04, 0, 1) * np.clip((-roots.reference[:, 1] - 0.06) / 0.05, 0, 1)
    upward = front[:, None] * head.turn(np.array([0.0, 0.9, 0.7]))
    direction = _unit(0.45 * roots.normal + outward + upward + 0.2 * rng.normal(0, 1, (count, 3)))
    length = (
        hair.length * rng.uniform(0.4, 1.0, count) ** 0.25 * (0.35 + 0.65 * np.clip(roots.depth / 0.05, 0, 1))
    )
    s = np.linspace(0, 1, points)
    line = roots.place[:, None] + (s[None, :, None] * length[:, None, None]) * direction[:, None]
    return [head.strands(line + _coil(rng, direction, s, 0.0045, length / 0.022), _COIL_RADIUS)]


def _grow_curly(hair: Hair, head: _Head) -> list[Strands]:
    """Locks of curls: they spring up from the scalp, then hang."""
    rng = np.random.default_rng([hair.seed, 1])
    roots = _scalp_roots(hair, head, hair.density * 800, _CURL_RADIUS)
    guides = roots[_spread(rng, roots, 2 * _LOCKS)]
    away = _unit(guides.place - head.world(_SKULL))
    comb = _tangent(away + head.turn(np.array([0.0, 0.35, -0.2])), guides.normal)
    start = _unit(guides.normal + 0.5 * comb + rng.normal(0, 0.25, comb.shape))
    length = (
        hair.length * rng.uniform(0.7, 1.0, len(start)) * (0.4 + 0.6 * np.clip(guides.depth / 0.04, 0, 1))
    )
    paths = _fall(
        head, _obstacle(head, ears=False), guides, start, length,
        stiffness=0.12, comb=comb * 0.5, reach=0.03, extra=rng.uniform(0, 0.012, len(start)), curtain=-0.11, drift=0.0,
    )  # fmt: skip
    turns = length / (0.035 - 0.015 * hair.curl)
    s = np.linspace(0, 1, paths.shape[1])
    radius = 0.003 + 0.004 * hair.curl
    paths = paths + _coil(rng, _unit(paths[:, -1] - paths[:, 0]), s, radius, turns)
    locks = _locks(
        rng, roots, guides, paths, head, points=12, width=0.008, gather=0.008, frizz=0.0008, pinch=0.8,
        radius=_CURL_RADIUS,
    )  # fmt: skip
    return [locks]


# --------------------------------------------------------------------------------------------- long styles


def _grow_long(hair: Hair, head: _Head) -> list[Strands]:
    """Parted hair that hangs: a bob, or down to the chest and back; some with a fringe."""
    rng = np.random.default_rng([hair.seed, 1])
    roots = _scalp_roots(hair, head, min(hair.density * 1000, 330e3), _LONG_RADIUS)
    parting = rng.choice([-1.0, 1.0]) * rng.choice([0.0, 0.022, 0.035])
    fringed = rng.random() < 0.3
    curtain = rng.uniform(-0.112, -0.075)
    volume = rng.uniform(0.006, 0.016)
    # Which locks fall before the shoulder: those rooted in front of a line, drawn for either side.
    splits = np.where(rng.random(2) < 0.55, rng.uniform(-0.09, 0.0, 2), -1.0)
    guides = roots[_spread(rng, roots, _LOCKS)]
    x, y, z = guides.reference.T
    side = np.where(x > parting, 1.0, -1.0)
    top = np.clip((z - 0.93) / 0.05, 0, 1)
    # The parting ends at the crown; behind it hair runs straight down.
    behind = np.clip((y + 0.03) / 0.05, 0, 1)
    outward = (1 - behind) * side * (0.25 + 0.75 * top) + behind * 6 * x
    comb = head.turn(
        np.stack([outward, 0.25 + 0.25 * top + 0.5 * behind * top, np.full(len(x), -0.35)], axis=1)
    )
    comb = _tangent(comb + 0.12 * rng.normal(0, 1, comb.shape), guides.normal)
    start = _unit(comb + (0.5 - 0.35 * top)[:, None] * guides.normal)
    # Cut to one level in the head, not to one length: the nape's hair is as short as the level asks.
    level = 1.03 - hair.length
    length = np.minimum(hair.length * 1.05, (z - level) * 1.06 + 0.02)
    length = np.maximum(length, 0.03) * rng.uniform(0.86, 1.0, len(length))
    drift = np.where(y < np.where(x > 0, splits[0], splits[1]), -0.5, 0.6)
    extra = volume * np.clip(guides.depth / 0.12, 0, 1) + rng.uniform(0, 0.004, len(length))
    paths = _fall(
        head, _obstacle(head, ears=True), guides, start, length,
        stiffness=0.02, comb=comb, reach=0.05, extra=extra, curtain=curtain, drift=drift,
    )  # fmt: skip
    paths = paths + _waves(rng, paths, length, head, 0.002 + 0.016 * hair.curl, 0.16 - 0.08 * hair.curl)
    apart = np.where(roots.reference[:, 0] > parting, 1.0, -1.0) * (roots.reference[:, 1] < -0.02)
    locks = _locks(
        rng, roots, guides, paths, head, points=12, width=0.011, gather=0.04, frizz=0.001 + 0.002 * hair.curl,
        sides=(apart, side * (y < -0.02)),
    )  # fmt: skip
    return [locks, _fringe(rng, roots, head)] if fringed else [locks]


def _fringe(rng: Rng, roots: _Roots, head: _Head) -> Strands:
    """Hair over the forehead, cut above the eyes, of those roots of the scalp that lie there."""
    x, y, _ = roots.reference.T
    roots = roots[(y < -0.105) & (np.abs(x) < 0.05) & (roots.depth < 0.035)]
    guides = roots[_spread(rng, roots, 2 * _LOCKS)]
    x = guides.reference[:, 0]
    slant = rng.uniform(-0.5, 0.5)
    comb = np.stack([0.5 * x / 0.05 + slant, np.full(len(x), -0.6), np.full(len(x), -0.5)], axis=1)
    comb = _tangent(head.turn(comb + 0.08 * rng.normal(0, 1, comb.shape)), guides.normal)
    paths = _fall(
        head, _obstacle(head, ears=False), guides, _unit(comb + 0.6 * guides.normal), np.full(len(x), 0.13),
        stiffness=0.025, comb=comb, reach=0.06, extra=np.full(len(x), 0.004), curtain=-1.0, drift=0.0,
    )  # fmt: skip
    # Cut to one line above the brows.
    cut = rng.uniform(0.926, 0.94) + rng.normal(0, 0.002, (len(x), 1))
    below = head.local(paths)[..., 2] < cut
    last = np.where(below.any(axis=1), below.argmax(axis=1), _GUIDE_STEPS - 1)
    at = np.linspace(0, 1, _GUIDE_STEPS)[None] * last[:, None]
    low = np.minimum(at.astype(np.intp), _GUIDE_STEPS - 2)
    share, row = (at - low)[..., None], np.arange(len(x))[:, None]
    paths = (1 - share) * paths[row, low] + share * paths[row, low + 1]
    return _locks(
        rng, roots, guides, paths, head, points=9, width=0.008, gather=0.04, frizz=0.0008, pinch=0.7
    )


def _grow_tied(hair: Hair, head: _Head) -> list[Strands]:
    """Combed back to a tie at the back of the head: a ponytail that hangs from it, or a bun wound on it."""
    rng = np.random.default_rng([hair.seed, 1])
    roots = _scalp_roots(hair, head, min(hair.density * 1000, 330e3), _LONG_RADIUS)
    height = rng.uniform(0.90, 0.985) if hair.style == "ponytail" else rng.uniform(0.91, 1.03)
    angle = (height - _SKULL[2]) / 0.115
    ray = np.array([0.0, np.sqrt(max(1 - angle**2, 0.05)), angle])
    tie = _SKULL + ray * 0.112
    guides = roots[_spread(rng, roots, _LOCKS)]
    paths = _gathered(head, guides, tie, 0.002 + 0.008 * rng.random() * np.clip(guides.depth / 0.08, 0, 1))
    behind = (_tail if hair.style == "ponytail" else _bun)(rng, hair, head, tie, ray)
    cap = _locks(rng, roots, guides, paths, head, points=9, width=0.006, gather=0.09, frizz=0.0006, pinch=0.2)
    return [cap, behind]


def _gathered(head: _Head, guides: _Roots, tie: Array, extra: Array) -> Array:
    """Paths (G, K, 3) over the skull from the roots to the tie."""
    s = np.linspace(0, 1, _GUIDE_STEPS)[None, :, None]
    start, end = guides.reference - _SKULL, tie - _SKULL
    far, near = np.linalg.norm(start, axis=1)[:, None, None], np.linalg.norm(end)
    a, b = start / far[:, 0], end / near
    angle = np.arccos(np.clip(a @ b, -0.98, 1))[:, None, None]
    sine = np.maximum(np.sin(angle), 1e-3)
    arc = (np.sin((1 - s) * angle) * a[:, None] + np.sin(s * angle) * b) / sine
    paths = head.world(_SKULL + arc * ((1 - s) * far + s * near))
    obstacle = _obstacle(head, ears=False)
    lifted = extra[:, None] * np.sin(np.pi * np.clip(s[..., 0] * 2, 0, 1) / 2)
    moved = obstacle.push(
        paths[:, 1:].reshape(-1, 3),
        np.broadcast_to(lifted[:, 1:], (len(paths), _GUIDE_STEPS - 1)).ravel(),
    )
    return np.concatenate([guides.place[:, None], moved.reshape(len(paths), -1, 3)], axis=1)


def _tail(rng: Rng, hair: Hair, head: _Head, tie: Array, ray: Array) -> Strands:
    """The hair behind the tie: leaves it along `ray`, then hangs."""
    count = 36
    across = _unit(
        head.turn(np.stack([rng.normal(0, 1, count), np.zeros(count), rng.normal(0, 1, count)], axis=1))
    )
    start = head.world(tie) + across * (0.011 * np.sqrt(rng.random((count, 1))))
    normal = np.tile(_unit(head.turn(ray)), (count, 1))
    guides = _Roots(start, normal, head.local(start), np.ones(count))
    along = _unit(normal + head.turn(np.array([0.0, 0.0, 0.25])) + 0.25 * across)
    length = hair.length * rng.uniform(0.7, 1.0, count)
    paths = _fall(
        head, _obstacle(head, ears=False), guides, along, length,
        stiffness=0.04, comb=along * 1.2, reach=0.03, extra=rng.uniform(0, 0.02, count), curtain=0.0,
        drift=rng.uniform(-0.1, 0.3),
    )  # fmt: skip
    paths = paths + _waves(rng, paths, length, head, 0.002 + 0.009 * hair.curl, 0.14 - 0.08 * hair.curl)
    strands = math.ceil(3200 * head.share(_LONG_RADIUS))
    own = rng.integers(count, size=strands)
    roots = _Roots(start[own], normal[own], guides.reference[own], np.ones(strands))
    return _locks(rng, roots, guides, paths, head, points=12, width=0.010, gather=0.02, frizz=0.0015, own=own)


def _bun(rng: Rng, hair: Hair, head: _Head, tie: Array, ray: Array) -> Strands:
    """A coil wound about the axis through the tie."""
    count, points = math.ceil(2600 * head.share(_COIL_RADIUS)), 12
    size = 0.020 + 0.008 * rng.random() + 0.012 * np.clip((hair.length - 0.3) / 0.1, 0, 1)
    axis = _unit(head.turn(ray))
    u = _tangent(head.turn(np.array([1.0, 0.0, 0.0]))[None], axis[None])[0]
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


def grow_beard(hair: Hair, head: _Head) -> Strands:
    """Strands of a moustache, goatee or full beard: they leave the skin downwards, away from the lips."""
    rng = np.random.default_rng([hair.seed, 3])
    reference = reference_body().rest[:BODY_VERTICES].astype(np.float64)
    area = _beard_depth(hair.beard, reference) > -0.006
    spots = _scatter(rng, area, 500e3 * head.share(_BEARD_RADIUS), skin_only=True)
    depth = _beard_depth(hair.beard, spots.reference) + rng.normal(0, 0.0015, len(spots.reference))
    chosen = depth > rng.exponential(0.0012, len(depth))
    depth = depth[chosen]
    roots = spots[chosen].roots(head, depth)
    x, _, z = roots.reference.T
    upper = (z > 0.842) & (np.abs(x) < 0.036)
    comb = np.stack(
        [np.where(upper, 0.9 * np.sign(x) + 8 * x, 3 * x), np.full(len(x), 0.0), np.full(len(x), -1.0)],
        axis=1,
    )
    comb = _tangent(head.turn(comb) + 0.3 * rng.normal(0, 1, comb.shape), roots.normal)
    cheek = np.clip((z - 0.80) / 0.05, 0, 1)
    length = hair.beard_length * rng.uniform(0.6, 1.0, len(x)) * (0.35 + 0.65 * np.clip(depth / 0.015, 0, 1))
    length = np.where(upper, np.minimum(length, 0.011), length * (1 - 0.55 * cheek))
    lift = rng.uniform(0.35, 0.8, len(x)) * np.where(upper, 0.5, 1.0)
    s = np.linspace(0, 1, 6)[None, :, None] * length[:, None, None]
    points = roots.place[:, None] + s * comb[:, None] + s * (lift[:, None, None] * roots.normal[:, None])
    # A beard falls: what is long bends down in the world.
    points = points - np.array([0.0, 0.0, 1.0]) * np.square(s) * 8.0
    return head.strands(points + _frizz(rng, points, 0.0015, 1.5), _BEARD_RADIUS)


def grow_brows(hair: Hair, head: _Head) -> Strands:
    """Two brows of short strands that lie outward along the ridge; `hair.brows` is their thickness."""
    rng = np.random.default_rng([hair.seed, 2])
    x, y, z = reference_body().rest[:BODY_VERTICES].T
    region = (np.abs(x) < 0.07) & (z > 0.90) & (z < 0.945) & (y < -0.09)
    spots = _scatter(rng, region, 1.1e6 + 0.7e6 * hair.brows)
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
    comb = _tangent(_unit(comb) + rng.normal(0, 0.15, comb.shape), roots.normal)
    length = rng.uniform(0.005, 0.008, len(along)) * (0.8 + 0.2 * hair.brows)
    points = _arched(roots, comb, length, np.full(len(along), 0.18), 4)
    return Strands(points.astype(np.float32), radius=0.00014)


def grow_lashes(hair: Hair, body: PosedBody) -> Strands:
    """Upper and lower lashes along MakeHuman's strips of them; `hair.lashes` is their length."""
    rng = np.random.default_rng([hair.seed, 4])
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


# ----------------------------------------------------------------------------------------- where hair grows


def _scalp_depth(reference: Array) -> Array:
    """Height above the hairline: forehead, temples, round the ear, nape."""
    x, y, z = reference.T
    line = np.interp(
        y,
        [-0.16, -0.12, -0.1, -0.085, -0.072, -0.06, -0.028, 0.0, 0.1],
        [0.972, 0.965, 0.945, 0.924, 0.906, 0.903, 0.905, 0.83, 0.8],
    )
    # Temples recede a little from the middle of the forehead.
    line = line + 0.015 * np.exp(-np.square((np.abs(x) - 0.05) / 0.015)) * (y < -0.07)
    ear = 0.006 * (np.abs(x) > 0.076)
    return np.asarray(z - line - ear)


def _style_depth(hair: Hair, reference: Array) -> Array:
    """Height above the hairline of the person's own style; nothing is above it on a bald head."""
    depth = _scalp_depth(reference)
    if hair.style == "bald":
        return np.full_like(depth, -1.0)
    x, y, z = reference.T
    if hair.style in ("buzz", "short", "receding"):
        sideburn = np.minimum(np.minimum(y + 0.078, -0.052 - y), z - 0.884)
        depth = np.maximum(depth, np.where(z < 0.93, sideburn, -1.0))
    if hair.style != "receding":
        return depth
    # From temples that recede on either side of the forelock, to a wreath round a bare top.
    amount = np.random.default_rng([hair.seed, 5]).uniform(0, 1)
    level = 0.972 - 0.015 * amount
    if amount < 0.5:
        temples = (0.03 + 0.10 * amount) * np.exp(-np.square((np.abs(x) - 0.05) / 0.022))
        kept = np.maximum(y + 0.132 - 0.03 * amount - temples, np.minimum(level - z, y + 0.105))
    else:
        kept = np.minimum(level + np.clip(y - 0.20 * (amount - 0.9), 0, 0.1) - z, y + 0.105)
    return np.asarray(np.minimum(depth, kept))


def _beard_depth(beard: str, reference: Array) -> Array:
    """Distance inside the edge of the area where a beard grows, metres, negative outside it."""
    x, y, z = reference.T
    across = np.abs(x)
    # Upper lip: between nose and lip, out to the mouth's corners.
    moustache = np.minimum(
        np.minimum(0.8515 - 0.10 * across - z, z - 0.8385 + 0.25 * np.maximum(across - 0.018, 0)),
        0.034 - across,
    )
    chin = np.minimum(np.minimum(0.814 + 0.45 * np.maximum(across - 0.012, 0) - z, 0.032 - across), z - 0.772)
    bridge = np.minimum(0.006 - np.abs(across - 0.031), np.minimum(z - 0.79, 0.85 - z))
    goatee = np.maximum(np.maximum(moustache, chin), bridge)
    # Cheeks: below a line from the sideburn to the mouth's corner; jaw; upper neck.
    upper = np.interp(y, [-0.16, -0.14, -0.10, -0.065, -0.05], [0.835, 0.842, 0.862, 0.905, 0.91])
    cheeks = np.minimum(np.minimum(upper - z, -0.048 - y), z - np.interp(y, [-0.12, -0.05], [0.765, 0.80]))
    cheeks = np.where(across > 0.03, np.minimum(cheeks, (across - 0.026) * 1.0), -1.0)
    under = np.minimum(np.minimum(0.80 - z, z - 0.752), -0.055 - y)
    full = np.maximum(np.maximum(goatee, cheeks), under)
    areas = {"moustache": moustache, "goatee": goatee, "full": full, "stubble": full}
    area = areas.get(beard, np.full_like(z, -1.0))
    return np.asarray(np.where((z > 0.74) & (y < -0.045), area, -1.0))


def _scalp_roots(hair: Hair, head: _Head, per_square_metre: float, radius: float) -> _Roots:
    """Roots over the scalp of strands of a radius, thinning out at the hairline.

    How many they are depends on the distance, which must not change the style: they are drawn for themselves.
    """
    rng = np.random.default_rng([hair.seed, 6])
    near = _style_depth(hair, reference_body().rest[:BODY_VERTICES].astype(np.float64)) > -0.02
    spots = _scatter(rng, near, per_square_metre * head.share(radius))
    ragged = _smooth_noise(rng, spots.reference, 0.012, 1)[:, 0] * 0.002
    depth = _style_depth(hair, spots.reference) + ragged - rng.exponential(0.0025, len(ragged))
    kept = depth > 0
    return spots[kept].roots(head, depth[kept])


def _scatter(
    rng: Rng, vertices: npt.NDArray[np.bool_], per_square_metre: float, skin_only: bool = False
) -> _Spots:
    """Random points on the body faces whose vertices are all chosen."""
    faces = face_groups()["body"]
    chosen = vertices[faces].all(axis=1)
    if skin_only:
        chosen &= body_classes() == PartClass.SKIN
    faces = faces[chosen]
    corners = reference_body().rest[faces]
    area = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1) / 2
    count = rng.poisson(area.sum() * per_square_metre)
    quads = faces[rng.choice(len(faces), size=count, p=area / area.sum())]
    u, v = rng.random((2, count, 1))
    share = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v])
    return _Spots(quads, share, _between(reference_body().rest, quads, share))


def _between(values: Floats, quads: npt.NDArray[np.int32], share: Array) -> Array:
    """Values (V, 3) of the corners of quads (N, 4), mixed by their shares (4, N, 1): (N, 3)."""
    a, b, c, d = (part * values[corner] for part, corner in zip(share, quads.T, strict=True))
    return np.asarray(a + b + c + d)


def _spread(rng: Rng, roots: _Roots, count: int) -> npt.NDArray[np.intp]:
    """About `count` of the roots, no two of them close: one from each occupied cell of a grid."""
    cell = np.sqrt(0.065 / count)
    cells = np.floor((roots.reference + rng.random(3) * cell) / cell).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return np.asarray(first, np.intp)


# ------------------------------------------------------------------------------------------ how strands run


def _posed_head(body: PosedBody, pixel: float) -> _Head:
    rest = reference_body().rest[:BODY_VERTICES]
    skull = (rest[:, 2] > 0.86) & (np.abs(rest[:, 0]) < 0.078)
    places = np.c_[rest[skull], np.ones(skull.sum())].astype(np.float64)
    affine, *_ = np.linalg.lstsq(places, body.posed[:BODY_VERTICES][skull].astype(np.float64), rcond=None)
    return _Head(body.posed[:BODY_VERTICES], body_normals(body.posed), np.asarray(affine), pixel)


@cache
def _obstacle_vertices() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_], Array]:
    """Outer vertices of head, neck and trunk, which of them are the ears', and the clearance of each."""
    rest = reference_body().rest[:BODY_VERTICES]
    inner = np.zeros(BODY_VERTICES, np.bool_)
    inner[face_groups()["body"][body_classes() == PartClass.MOUTH_INTERIOR].ravel()] = True
    x, y, z = rest.T
    chosen = np.flatnonzero((z > 0.25) & (np.abs(x) < 0.25) & ~inner)
    x, y, z = rest[chosen].T
    ears = (np.abs(x) > 0.0755) & (z > 0.84) & (z < 0.96) & (y > -0.09)
    # Clothes lie on the trunk.
    clearance = np.interp(z, [0.66, 0.74, 0.80, 0.84], [0.022, 0.016, 0.008, 0.004]).astype(np.float64)
    return chosen, ears, clearance


def _obstacle(head: _Head, ears: bool) -> _Obstacle:
    """What hair lies on; with `ears` it hangs over them, without it runs as if there were none."""
    chosen, of_ears, clearance = _obstacle_vertices()
    normals = head.normals[chosen].astype(np.float64)
    if ears:
        # An ear's folds face everywhere; hair is pushed off it sideways.
        side = np.sign(reference_body().rest[chosen[of_ears], :1]).astype(np.float64)
        normals[of_ears] = side * _unit(head.turn(np.array([1.0, 0.0, 0.0])))
        kept = np.ones(len(chosen), np.bool_)
    else:
        kept = ~of_ears
    points = head.skin[chosen[kept]].astype(np.float64)
    return _Obstacle(cKDTree(points), points, normals[kept], clearance[kept])


def _fall(
    head: _Head,
    obstacle: _Obstacle,
    guides: _Roots,
    start: Array,
    length: Array,
    *,
    stiffness: float,
    comb: Array,
    reach: float,
    extra: Array,
    curtain: float,
    drift: Array | float,
) -> Array:
    """Paths (G, K, 3) of hair that leaves the scalp along `start` and hangs.

    stiffness: metres along which a strand turns to its goal; comb (G, 3): pull while nearer to the root than
    about `reach` metres; extra (G,): distance from the body beyond its clearance; curtain: how far forward (y in
    the head) hair may hang beside the face; drift: pull to the back at the shoulders, negative to the front.
    """
    step = (length / (_GUIDE_STEPS - 1))[:, None]
    share = 1 - np.exp(-step / stiffness)
    back = _unit(head.turn(np.array([0.0, 1.0, 0.0])) * np.array([1.0, 1.0, 0.0]))
    aside = _unit(head.turn(np.array([1.0, 0.0, 0.0])))
    path, direction = [guides.place], start
    for number in range(1, _GUIDE_STEPS):
        fade = np.exp(-number * step / reach)
        local = head.local(path[-1])
        goal = np.array([0.0, 0.0, -1.0]) * (1 - 0.8 * fade) + comb * fade
        # On the shoulders hair goes to the front or to the back, and does not slide off sideways.
        on_shoulder = np.interp(local[:, 2], [0.60, 0.68, 0.80, 0.84], [0.0, 1.0, 1.0, 0.0])[:, None]
        goal = goal + on_shoulder * np.asarray(drift).reshape(-1, 1) * back
        direction = _unit((1 - share) * direction + share * _unit(goal))
        rise = np.minimum(number * step[:, 0] / 0.06, 1) * extra
        there = _behind_curtain(head, path[-1] + step * direction, curtain)
        near_root = np.minimum(number * step[:, 0] / 0.012, 1)  # the root itself has no clearance
        there = obstacle.push(there, rise - 0.004 * (1 - near_root))
        slid = np.maximum(((there - path[-1]) @ aside) * np.sign(local[:, 0]), 0) * np.sign(local[:, 0])
        there = there - 0.85 * on_shoulder * slid[:, None] * aside
        direction = _unit(there - path[-1])
        path.append(path[-1] + step * direction)
    return np.stack(path, axis=1)


def _behind_curtain(head: _Head, points: Array, curtain: float) -> Array:
    """Points (N, 3) moved back so far that they leave the face free."""
    if curtain <= -1:
        return points
    local = head.local(points)
    front = np.interp(
        local[:, 2],
        [0.70, 0.76, 0.80, 0.92, 0.945, 0.965, 0.985],
        [-1.0, curtain - 0.08, curtain, curtain, min(curtain, -0.1) - 0.01, -0.135, -1.0],
    )
    local[:, 1] = np.maximum(local[:, 1], front)
    return head.world(local)


def _waves(rng: Rng, paths: Array, length: Array, head: _Head, height: float, period: float) -> Array:
    """Smooth waves across each path, none at its root: (G, K, 3)."""
    s = np.linspace(0, 1, paths.shape[1])[None, :] * length[:, None]
    along = _unit(np.gradient(paths, axis=1))
    out = _tangent_paths(paths - head.world(_SKULL), along)
    # Neighbours wave nearly alike, or the waves cancel to the eye.
    phase = 1.6 * _smooth_noise(rng, paths[:, 0], 0.05, 1) + 2 * np.pi * s / (period * rng.uniform(0.9, 1.1))
    phase = phase + rng.normal(0, 0.35, (len(paths), 1))
    ramp = (height * np.clip(s / 0.12, 0, 1))[..., None]
    aside = np.cross(along, out)
    return np.asarray(
        ramp * (np.cos(phase)[..., None] * aside + (0.5 + 0.5 * np.sin(phase))[..., None] * out)
    )


def _coil(rng: Rng, axis: Array, s: Array, radius: float, turns: Array) -> Array:
    """Offsets (N, P, 3) of a helix about each axis (N, 3), none at its root."""
    count = len(axis)
    aside = _tangent(rng.normal(0, 1, (count, 3)), axis)
    up = np.cross(axis, aside)
    phase = 2 * np.pi * turns[:, None] * s[None]
    grow = radius * np.minimum(s / 0.25, 1)[None, :, None] * rng.uniform(0.6, 1.3, (count, 1, 1))
    wave = (np.cos(phase)[..., None] - 1) * aside[:, None] + np.sin(phase)[..., None] * up[:, None]
    return np.asarray(grow * wave)


def _locks(
    rng: Rng,
    roots: _Roots,
    guides: _Roots,
    paths: Array,
    head: _Head,
    *,
    points: int,
    width: float,
    gather: float,
    frizz: float,
    pinch: float = 0.35,
    radius: float = _LONG_RADIUS,
    sides: tuple[Array, Array] | None = None,
    own: npt.NDArray[np.intp] | None = None,
) -> Strands:
    """Strands that start at their own roots and gather about the nearest path (G, K, 3).

    width: of a lock, metres; gather: how far from the root locks have formed; frizz: waviness of single strands,
    metres; pinch: width at the tips relative to the middle; sides: of the parting, of roots and guides, -1 or 1;
    own: which path each root follows, instead of the nearest.
    """
    if own is None:
        left, right = (0.0, 0.0) if sides is None else sides
        tree = cKDTree(np.c_[guides.reference, np.zeros(len(paths)) + 0.05 * right])
        _, own = tree.query(np.c_[roots.reference, np.zeros(len(roots.place)) + 0.05 * left])
    assert own is not None
    count, steps = len(own), paths.shape[1]
    at = (np.linspace(0, 1, points) ** 1.25)[None] * rng.uniform(0.85, 1.0, (count, 1)) * (steps - 1)
    low = np.minimum(at.astype(np.intp), steps - 2)
    share = (at - low)[..., None]
    along = _unit(np.gradient(paths, axis=1))
    out = _tangent_paths(paths - head.world(_SKULL), along)
    aside = np.cross(along, out)
    place = own[:, None] * steps + low  # of each point's guide point among all of them
    line = (1 - share) * _at(paths, place) + share * _at(paths, place + 1)
    length = np.linalg.norm(np.diff(paths, axis=1), axis=2).sum(axis=1)[own]
    s = at / (steps - 1)
    loose = np.exp(-np.square(s * length[:, None] / gather))[..., None]
    spread = width * (1 - (1 - pinch) * s**2)[..., None]
    offset = rng.normal(0, 0.5, (count, 1, 1)) * _at(aside, place)
    offset += rng.random((count, 1, 1)) * 0.4 * _at(out, place)
    line = line + loose * (roots.place - guides.place[own])[:, None] + (1 - loose) * spread * offset
    line = line + _frizz(rng, line, frizz, 2.0)
    return head.strands(line, radius)


def _at(paths: Array, place: npt.NDArray[np.intp]) -> Array:
    """Points of paths (G, K, 3) by their number among all G * K of them."""
    return np.asarray(paths.reshape(-1, 3).take(place, axis=0))


def _frizz(rng: Rng, points: Array, height: float, turns: float) -> Array:
    """Smooth waviness of each strand (S, P, 3) for itself, none at its root: same shape."""
    count, length, _ = points.shape
    s = np.linspace(0, 1, length)
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 3)) + 2 * np.pi * turns * s[None, :, None]
    return np.asarray(height * s[None, :, None] * np.sin(phase))


def _arched(roots: _Roots, comb: Array, length: Array, lift: Array, points: int) -> Array:
    """Points (S, P, 3): leave the skin at slope `lift`, run along `comb`, bend down with the skull."""
    s = np.linspace(0, 1, points)[None, :, None] * length[:, None, None]
    bend = np.square(s) / (2 * _HEAD_RADIUS)
    rise = lift[:, None, None] * s / (1 + 25 * s) - bend * 0.9
    rise = np.maximum(rise, 0.0006 - bend)
    return np.asarray(roots.place[:, None] + s * comb[:, None] + rise * roots.normal[:, None])


def _smooth_noise(rng: Rng, places: Array, scale: float, channels: int) -> Array:
    """Noise (N, channels) of about unit deviation that varies over `scale` metres of the places (N, 3)."""
    waves = rng.normal(0, 1 / scale, (channels, 4, 3))
    phases = rng.uniform(0, 2 * np.pi, (channels, 4))
    noise = [np.sin(places @ wave.T + phase).sum(axis=1) for wave, phase in zip(waves, phases, strict=True)]
    return np.asarray(np.stack(noise, axis=1) / np.sqrt(2))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _tangent(direction: Array, up: Array) -> Array:
    """Unit part of directions (N, 3) across the unit vectors `up` (N, 3)."""
    return _unit(direction - np.einsum("ij,ij->i", direction, up)[:, None] * up)


def _tangent_paths(direction: Array, along: Array) -> Array:
    """`_tangent` for paths (G, K, 3)."""
    return _unit(direction - np.einsum("gki,gki->gk", direction, along)[..., None] * along)


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
