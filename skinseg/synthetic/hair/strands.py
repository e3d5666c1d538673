"""How strands of hair run: along the scalp, down with gravity, off the body, gathered into locks.

Directions and places "in the head" are those of the reference body, carried to the posed head by the affine
map that fits it best.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from skinseg.synthetic.body.anatomy import PosedBody, body_classes, face_groups
from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals, reference_body
from skinseg.synthetic.geometry.arrays import Array, Floats
from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.streams import Random

SKULL = np.array([0.0, -0.05, 0.925])  # centre of the brain case in the head
LONG_RADIUS = 0.00035  # metres; real hairs are ten times thinner, and ten times as many
COIL_RADIUS = 0.0005
GUIDE_STEPS = 28  # points of a path
LOCKS = 420  # guides on a whole scalp
_HEAD_RADIUS = 0.095  # metres; short strands bend with the skull
# Of a pixel, the width to which strands that are thinner may grow, and the least share of them that is kept.
_VISIBLE = 0.35
_SPARSEST = 0.15


@dataclass(frozen=True)
class Head:
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
class Roots:
    """Where strands leave the skin: place (N, 3) and unit normal in the world, place in the head, and the
    height above the hairline, metres."""

    place: Array
    normal: Array
    reference: Array
    depth: Array

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Roots":
        return Roots(self.place[chosen], self.normal[chosen], self.reference[chosen], self.depth[chosen])


@dataclass(frozen=True)
class Obstacle:
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


def posed_head(body: PosedBody, pixel: float) -> Head:
    """The head of a posed body; pixel: metres that a pixel of the frame spans there."""
    rest = reference_body().rest[:BODY_VERTICES]
    skull = (rest[:, 2] > 0.86) & (np.abs(rest[:, 0]) < 0.078)
    places = np.c_[rest[skull], np.ones(skull.sum())].astype(np.float64)
    affine, *_ = np.linalg.lstsq(places, body.posed[:BODY_VERTICES][skull].astype(np.float64), rcond=None)
    return Head(body.posed[:BODY_VERTICES], body_normals(body.posed), np.asarray(affine), pixel)


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


def obstacle_of(head: Head, ears: bool) -> Obstacle:
    """What hair lies on; with `ears` it hangs over them, without it runs as if there were none."""
    chosen, of_ears, clearance = _obstacle_vertices()
    normals = head.normals[chosen].astype(np.float64)
    if ears:
        # An ear's folds face everywhere; hair is pushed off it sideways.
        side = np.sign(reference_body().rest[chosen[of_ears], :1]).astype(np.float64)
        normals[of_ears] = side * unit(head.turn(np.array([1.0, 0.0, 0.0])))
        kept = np.ones(len(chosen), np.bool_)
    else:
        kept = ~of_ears
    points = head.skin[chosen[kept]].astype(np.float64)
    return Obstacle(cKDTree(points), points, normals[kept], clearance[kept])


def fall(
    head: Head,
    obstacle: Obstacle,
    guides: Roots,
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
    step = (length / (GUIDE_STEPS - 1))[:, None]
    share = 1 - np.exp(-step / stiffness)
    back = unit(head.turn(np.array([0.0, 1.0, 0.0])) * np.array([1.0, 1.0, 0.0]))
    aside = unit(head.turn(np.array([1.0, 0.0, 0.0])))
    path, direction = [guides.place], start
    for number in range(1, GUIDE_STEPS):
        fade = np.exp(-number * step / reach)
        local = head.local(path[-1])
        goal = np.array([0.0, 0.0, -1.0]) * (1 - 0.8 * fade) + comb * fade
        # On the shoulders hair goes to the front or to the back, and does not slide off sideways.
        on_shoulder = np.interp(local[:, 2], [0.60, 0.68, 0.80, 0.84], [0.0, 1.0, 1.0, 0.0])[:, None]
        goal = goal + on_shoulder * np.asarray(drift).reshape(-1, 1) * back
        direction = unit((1 - share) * direction + share * unit(goal))
        rise = np.minimum(number * step[:, 0] / 0.06, 1) * extra
        there = _behind_curtain(head, path[-1] + step * direction, curtain)
        near_root = np.minimum(number * step[:, 0] / 0.012, 1)  # the root itself has no clearance
        there = obstacle.push(there, rise - 0.004 * (1 - near_root))
        slid = np.maximum(((there - path[-1]) @ aside) * np.sign(local[:, 0]), 0) * np.sign(local[:, 0])
        there = there - 0.85 * on_shoulder * slid[:, None] * aside
        direction = unit(there - path[-1])
        path.append(path[-1] + step * direction)
    return np.stack(path, axis=1)


def _behind_curtain(head: Head, points: Array, curtain: float) -> Array:
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


def wave_offsets(rng: Random, paths: Array, length: Array, head: Head, height: float, period: float) -> Array:
    """Smooth waves across each path, none at its root: (G, K, 3)."""
    s = np.linspace(0, 1, paths.shape[1])[None, :] * length[:, None]
    along = unit(np.gradient(paths, axis=1))
    out = _tangent_paths(paths - head.world(SKULL), along)
    # Neighbours wave nearly alike, or the waves cancel to the eye.
    phase = 1.6 * smooth_noise(rng, paths[:, 0], 0.05, 1) + 2 * np.pi * s / (period * rng.uniform(0.9, 1.1))
    phase = phase + rng.normal(0, 0.35, (len(paths), 1))
    ramp = (height * np.clip(s / 0.12, 0, 1))[..., None]
    aside = np.cross(along, out)
    return np.asarray(
        ramp * (np.cos(phase)[..., None] * aside + (0.5 + 0.5 * np.sin(phase))[..., None] * out)
    )


def coil_offsets(rng: Random, axis: Array, s: Array, radius: float, turns: Array) -> Array:
    """Offsets (N, P, 3) of a helix about each axis (N, 3), none at its root."""
    count = len(axis)
    aside = tangent(rng.normal(0, 1, (count, 3)), axis)
    up = np.cross(axis, aside)
    phase = 2 * np.pi * turns[:, None] * s[None]
    grow = radius * np.minimum(s / 0.25, 1)[None, :, None] * rng.uniform(0.6, 1.3, (count, 1, 1))
    wave = (np.cos(phase)[..., None] - 1) * aside[:, None] + np.sin(phase)[..., None] * up[:, None]
    return np.asarray(grow * wave)


def in_locks(
    rng: Random,
    roots: Roots,
    guides: Roots,
    paths: Array,
    head: Head,
    *,
    points: int,
    width: float,
    gather: float,
    frizz: float,
    pinch: float = 0.35,
    radius: float = LONG_RADIUS,
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
    along = unit(np.gradient(paths, axis=1))
    out = _tangent_paths(paths - head.world(SKULL), along)
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
    line = line + frizz_offsets(rng, line, frizz, 2.0)
    return head.strands(line, radius)


def _at(paths: Array, place: npt.NDArray[np.intp]) -> Array:
    """Points of paths (G, K, 3) by their number among all G * K of them."""
    return np.asarray(paths.reshape(-1, 3).take(place, axis=0))


def frizz_offsets(rng: Random, points: Array, height: float, turns: float) -> Array:
    """Smooth waviness of each strand (S, P, 3) for itself, none at its root: same shape."""
    count, length, _ = points.shape
    s = np.linspace(0, 1, length)
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 3)) + 2 * np.pi * turns * s[None, :, None]
    return np.asarray(height * s[None, :, None] * np.sin(phase))


def arched(roots: Roots, comb: Array, length: Array, lift: Array, points: int) -> Array:
    """Points (S, P, 3): leave the skin at slope `lift`, run along `comb`, bend down with the skull."""
    s = np.linspace(0, 1, points)[None, :, None] * length[:, None, None]
    bend = np.square(s) / (2 * _HEAD_RADIUS)
    rise = lift[:, None, None] * s / (1 + 25 * s) - bend * 0.9
    rise = np.maximum(rise, 0.0006 - bend)
    return np.asarray(roots.place[:, None] + s * comb[:, None] + rise * roots.normal[:, None])


def smooth_noise(rng: Random, places: Array, scale: float, channels: int) -> Array:
    """Noise (N, channels) of about unit deviation that varies over `scale` metres of the places (N, 3)."""
    waves = rng.normal(0, 1 / scale, (channels, 4, 3))
    phases = rng.uniform(0, 2 * np.pi, (channels, 4))
    noise = [np.sin(places @ wave.T + phase).sum(axis=1) for wave, phase in zip(waves, phases, strict=True)]
    return np.asarray(np.stack(noise, axis=1) / np.sqrt(2))


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) of length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def tangent(direction: Array, up: Array) -> Array:
    """Unit part of directions (N, 3) across the unit vectors `up` (N, 3)."""
    return unit(direction - np.einsum("ij,ij->i", direction, up)[:, None] * up)


def _tangent_paths(direction: Array, along: Array) -> Array:
    """`tangent` for paths (G, K, 3)."""
    return unit(direction - np.einsum("gki,gki->gk", direction, along)[..., None] * along)
