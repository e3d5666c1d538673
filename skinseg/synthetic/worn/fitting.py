"""What worn things are fitted to: the wearer's head at rest, the shell above a hat's rim, the posed body."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull, cKDTree

from skinseg.synthetic.body.anatomy import PosedBody, body_classes, face_groups
from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals, reference_body
from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.mesh import Mesh
from skinseg.synthetic.geometry.quads import vertex_normals
from skinseg.synthetic.geometry.solids import Solid
from skinseg.synthetic.labels import SKIN_CLASSES, PartClass
from skinseg.synthetic.scene import Accessory, Vector
from skinseg.synthetic.streams import Part, stream

Rim = tuple[Vector, ...]

HAIR_ROOM = 0.004  # metres between the skull and what is worn on it: room for pressed hair
AZIMUTHS = 96
_LOWEST, _ELEVATIONS = -0.9, 28  # the radius of a shell is tabled from this elevation to the pole

# The ear on the reference body: where a temple rests on it, behind it, and its lobe.
EAR_TOP, EAR_BACK, LOBE = (0.0785, -0.050, 0.9035), (0.0755, -0.0305, 0.885), (0.0808, -0.0555, 0.8535)
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class RestingHead:
    """A person's head: its vertices at rest (13380, 3), and the rigid motion to the world."""

    rest: Array
    rotation: Array
    shift: Array

    def place(self, reference: Vector) -> Array:
        """The place on this head at rest (3,) that lies as `reference` does on the reference body."""
        vertex = _vertex_near(reference)
        return np.asarray(self.rest[vertex] + reference - reference_body().rest[vertex], np.float64)

    def world(self, solid: Solid) -> Solid:
        return replace(solid, vertices=solid.vertices @ self.rotation.T + self.shift)


@dataclass(frozen=True)
class HeadShell:
    """The region of a head that a hat covers, seen from a centre inside: polar coordinates at rest.

    rim: elevation of the rim (radians) at each azimuth of the table.
    radii: (_ELEVATIONS, AZIMUTHS), distance from the centre to the convex hull of what is covered.
    """

    centre: Array
    rim: Array
    radii: Array

    def surface(self, heights: Sequence[float] | Array, clearance: Sequence[float] | Array) -> Array:
        """Points (N, AZIMUTHS, 3): heights (N,) 0 = rim, 1 = pole; clearance (N,) or (N, AZIMUTHS), metres."""
        share = np.asarray(heights, np.float64)[:, None]
        elevation = self.rim + share * (np.pi / 2 - self.rim)
        azimuth = np.broadcast_to(np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS, elevation.shape)
        outwards = np.asarray(clearance, np.float64)
        radius = self.radius(azimuth, elevation) + (outwards[:, None] if outwards.ndim == 1 else outwards)
        return np.asarray(self.centre + radius[..., None] * _directions(azimuth, elevation))

    def radius(self, azimuth: Array, elevation: Array) -> Array:
        """The hull's distance from the centre, bilinear in the table."""
        column = azimuth * AZIMUTHS / (2 * np.pi)
        row = np.clip((elevation - _LOWEST) / (np.pi / 2 - _LOWEST), 0, 1) * (_ELEVATIONS - 1)
        i, j = np.minimum(row.astype(int), _ELEVATIONS - 2), np.floor(column).astype(int)
        u, v, left, right = column - j, row - i, j % AZIMUTHS, (j + 1) % AZIMUTHS
        low = (1 - u) * self.radii[i, left] + u * self.radii[i, right]
        high = (1 - u) * self.radii[i + 1, left] + u * self.radii[i + 1, right]
        return np.asarray((1 - v) * low + v * high)


@dataclass(frozen=True)
class Wearer:
    """Whom an accessory is fitted to. cloth: float64 (N, 3) points of clothes, with their normals."""

    body: PosedBody
    head: RestingHead
    normals: Array
    cloth: Array
    cloth_normals: Array


@cache
def _vertex_near(place: Vector) -> int:
    offset = reference_body().rest[:BODY_VERTICES] - np.array(place, np.float32)
    return int(np.square(offset).sum(axis=1).argmin())


@cache
def _rigid_vertices() -> npt.NDArray[np.intp]:
    """A sample of the vertices that follow the head alone."""
    return np.flatnonzero(reference_body().bone_share("head")[:BODY_VERTICES] > 0.995)[::5]


@cache
def outer_vertices() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Vertices of the head's outer skin, and which of them are the ears'."""
    faces = face_groups()["body"][np.isin(body_classes(), [*SKIN_CLASSES, PartClass.LIPS])]
    outer = np.unique(faces)
    x, y, z = reference_body().rest[outer].T
    outer = outer[(z > 0.77) & (np.abs(x) < 0.1)]
    x, y, z = reference_body().rest[outer].T
    ears = (np.abs(x) > 0.0765) & (z < 0.912) & (y > -0.07) & (y < -0.02)
    return outer, ears


def resting_head(body: PosedBody) -> RestingHead:
    """The head's rigid motion by least squares (Kabsch's algorithm)."""
    chosen = _rigid_vertices()
    rest, posed = body.rest[chosen].astype(np.float64), body.posed[chosen].astype(np.float64)
    middle, target = rest.mean(axis=0), posed.mean(axis=0)
    u, _, vt = np.linalg.svd((rest - middle).T @ (posed - target))
    handed = np.diag([1.0, 1.0, np.linalg.det(u @ vt)])
    rotation = (u @ handed @ vt).T
    return RestingHead(body.rest[:BODY_VERTICES].astype(np.float64), rotation, target - rotation @ middle)


def fit_to(body: PosedBody, cloth: Sequence[Mesh]) -> Wearer:
    points = [mesh.vertices for mesh in cloth]
    normals = [
        vertex_normals(mesh.vertices, np.where(mesh.faces < 0, mesh.faces[:, 2:3], mesh.faces))
        for mesh in cloth
    ]
    none = np.zeros((0, 3))
    return Wearer(
        body,
        resting_head(body),
        body_normals(body.posed).astype(np.float64),
        np.concatenate([none, *points]),
        np.concatenate([none, *normals]),
    )


def _directions(azimuth: Array, elevation: Array) -> Array:
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)


def shell_above(head: RestingHead, rim: Rim, ears: bool = False) -> HeadShell:
    """What lies above a rim, seen from its middle; the pole is the crown.

    ears: stretched over the ears, which are left out else.
    """
    places = [*rim, *((-x, y, z) for x, y, z in rim[-2:0:-1])]
    anchors = np.array([head.place(place) for place in places])
    # High enough to lie inside the hull of what is covered.
    centre = anchors.mean(axis=0) + 0.015 * UP
    table = np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS
    local = anchors - centre
    azimuth = np.arctan2(local[:, 1], local[:, 0])
    elevation = np.arctan2(local[:, 2], np.hypot(local[:, 0], local[:, 1]))
    line = np.interp(table, azimuth, elevation, period=2 * np.pi)
    line = gaussian_filter1d(line, AZIMUTHS / 36, mode="wrap")

    outer, of_ear = outer_vertices()
    covered = head.rest[outer if ears else outer[~of_ear]] - centre
    height = np.arctan2(covered[:, 2], np.hypot(covered[:, 0], covered[:, 1]))
    around = np.arctan2(covered[:, 1], covered[:, 0])
    covered = covered[height > np.interp(around, table, line, period=2 * np.pi) - 0.12]
    facets = ConvexHull(covered).equations
    elevations = np.linspace(_LOWEST, np.pi / 2, _ELEVATIONS)
    grid = _directions(*np.broadcast_arrays(table, elevations[:, None]))
    towards = grid @ facets[:, :3].T
    reach = np.where(towards > 1e-6, -facets[:, 3] / np.maximum(towards, 1e-6), np.inf).min(axis=2)
    return HeadShell(centre, line, np.clip(reach, 0.02, 0.2))


@dataclass(frozen=True)
class Cover:
    """What a hat covers of the head: above a rim, and over the ears or behind them, up to a height, 1 = the pole."""

    rim: Rim
    ears: bool = False
    top: float = 1.0

    def shell(self, head: RestingHead) -> HeadShell:
        return shell_above(head, self.rim, self.ears)


def accent(accessory: Accessory) -> Array:
    """The factor that turns the first colour into the second."""
    return np.asarray(accessory.accent) / np.maximum(accessory.color, 0.02)


def rng_of(accessory: Accessory) -> np.random.Generator:
    return stream(Part.ACCESSORY, accessory.seed)


def path_through(knots: Array, count: int, softness: float) -> Array:
    """A path (count, 3) from knot to knot (N, 3), its corners rounded by a Gaussian of `softness` points."""
    share = np.linspace(0, len(knots) - 1, count)
    path = np.stack([np.interp(share, np.arange(len(knots)), knots[:, axis]) for axis in range(3)], axis=1)
    return np.asarray(gaussian_filter1d(path, softness, axis=0, mode="nearest"))


def pushed_out(points: Array, surface: Array, normals: Array, gap: float) -> Array:
    """Points (N, 3) moved along the nearest surface point's normal until they lie `gap` above it."""
    _, nearest = cKDTree(surface).query(points)
    height = np.einsum("ij,ij->i", points - surface[nearest], normals[nearest])
    return np.asarray(points + np.maximum(gap - height, 0)[:, None] * normals[nearest])
