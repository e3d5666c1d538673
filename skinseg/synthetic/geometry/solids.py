"""Solids of which worn and everyday objects are modelled: boxes, balls, turned and extruded shapes, tubes.

Every face carries texture coordinates in metres, and every vertex a factor on its material's colour, so that
one object may show several colours. The worker shades smoothly across shared vertices: sharp edges are made
by not sharing them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skinseg.synthetic.geometry.arrays import Array, Ints
from skinseg.synthetic.geometry.mesh import Mesh
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Color, Vector

PLAIN = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Solid:
    """vertices (V, 3) metres; faces (F, 4), a triangle ends in -1; uv (F, 4, 2) metres; tint (V, 3)."""

    vertices: Array
    faces: Ints
    uv: Array
    tint: Array


def mesh_of(solid: Solid, part: PartClass, material: str) -> Mesh:
    """The solid as a mesh of one class and one material."""
    return Mesh(
        vertices=solid.vertices.astype(np.float32),
        faces=solid.faces,
        classes=np.full(len(solid.faces), part, np.uint8),
        material=material,
        uv=solid.uv.astype(np.float32),
        tint=solid.tint.astype(np.float32),
    )


def joined(*solids: Solid) -> Solid:
    """All of them as one."""
    starts = np.cumsum([0] + [len(solid.vertices) for solid in solids])
    faces = [np.where(s.faces < 0, -1, s.faces + start) for s, start in zip(solids, starts, strict=False)]
    return Solid(
        np.concatenate([solid.vertices for solid in solids]),
        np.concatenate(faces).astype(np.int32),
        np.concatenate([solid.uv for solid in solids]),
        np.concatenate([solid.tint for solid in solids]),
    )


def moved(solid: Solid, shift: Vector | Array, axes: Array | None = None) -> Solid:
    """Turned so that x, y and z become the rows of `axes` (orthonormal, mirrored or not), then shifted."""
    if axes is None:
        return replace(solid, vertices=solid.vertices + np.asarray(shift))
    return replace(solid, vertices=solid.vertices @ axes + np.asarray(shift))


def tinted(solid: Solid, factor: Color | Array) -> Solid:
    """With its colours multiplied by the factor (3,)."""
    return replace(solid, tint=solid.tint * np.asarray(factor))


def turned(angle: float, axis: int = 2) -> Array:
    """Axes for `moved`, turned by the angle (radians) about a coordinate axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    axes = np.eye(3)
    axes[first, first], axes[first, second] = cos, sin
    axes[second, first], axes[second, second] = -sin, cos
    return axes


def sheet(points: Array, wrap_rows: bool = False, wrap_columns: bool = False) -> Solid:
    """A surface through a grid of points (M, N, 3); wrapped, its last row or column joins the first."""
    rows, columns = points.shape[:2]
    padded = np.concatenate([points, points[:1]]) if wrap_rows else points
    padded = np.concatenate([padded, padded[:, :1]], axis=1) if wrap_columns else padded
    down = np.linalg.norm(np.diff(padded, axis=0), axis=2).mean(axis=1)
    along = np.linalg.norm(np.diff(padded, axis=1), axis=2).mean(axis=0)
    v, u = np.r_[0, np.cumsum(down)], np.r_[0, np.cumsum(along)]
    i, j = (index.ravel() for index in np.indices((len(v) - 1, len(u) - 1)))
    corners = ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))
    faces = np.stack([(row % rows) * columns + column % columns for row, column in corners], axis=1)
    uv = np.stack([np.stack([u[column], v[row]], axis=1) for row, column in corners], axis=1)
    vertices = points.reshape(-1, 3)
    return Solid(vertices, faces.astype(np.int32), uv, np.ones_like(vertices))


def faceted(corners: Array) -> Solid:
    """Flat faces (F, 4, 3) that share no vertex; a triangle repeats its third corner."""
    vertices = corners.reshape(-1, 3)
    faces = np.arange(len(vertices), dtype=np.int32).reshape(-1, 4)
    faces[(corners[:, 2] == corners[:, 3]).all(axis=1), 3] = -1
    normals = np.abs(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]))
    flat = normals.argmax(axis=1)  # projected along the axis that the face mostly looks along
    across, up = np.where(flat == 0, 1, 0), np.where(flat == 2, 1, 2)
    uv = np.stack(
        [np.take_along_axis(corners, a[:, None, None], axis=2)[..., 0] for a in (across, up)], axis=2
    )
    return Solid(vertices, faces, uv, np.ones_like(vertices))


def box(size: Vector, bevel: float = 0.003) -> Solid:
    """A box about the origin with edges cut off by `bevel` metres."""
    half = np.array(size) / 2
    signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * 3, indexing="ij")).reshape(3, 8).T
    # corner[s, a]: the point near corner s that lies on the face across axis a.
    inner = signs * np.maximum(half - min(bevel, 0.45 * half.min()), 0)
    corner = np.repeat(inner[:, None], 3, axis=1)
    corner[:, np.arange(3), np.arange(3)] = signs * half
    quads = []
    for axis in range(3):
        b, c = (axis + 1) % 3, (axis + 2) % 3
        for side in (-1, 1):
            on = [_corner(axis, side, b, sb, c, sc) for sb, sc in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            quads.append(corner[on[::side], axis])
            for other in (-1, 1):
                ends = [_corner(axis, side, b, other, c, end) for end in (-1, 1)]
                edge = [corner[ends[0], axis], corner[ends[0], b], corner[ends[1], b], corner[ends[1], axis]]
                quads.append(np.array(edge[:: -side * other]))
    triangles = [
        corner[s, [0, 1, 2, 2]] if signs[s].prod() > 0 else corner[s, [0, 2, 1, 1]] for s in range(8)
    ]
    return faceted(np.array(quads + triangles))


def _corner(a: int, side_a: int, b: int, side_b: int, c: int, side_c: int) -> int:
    """Number of the box's corner with these signs along these axes."""
    return sum(4 >> axis for axis, side in ((a, side_a), (b, side_b), (c, side_c)) if side > 0)


def lathe(*profiles: Sequence[tuple[float, float]], sides: int = 28) -> Solid:
    """Profiles of (radius, height), each turned about the z axis; an edge between two profiles is sharp."""
    angle = np.arange(sides) * 2 * np.pi / sides
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    parts = []
    for profile in profiles:
        radius, height = np.array(profile, np.float64).T
        # A radius of exactly zero makes faces without an area there.
        flat = np.maximum(radius, 1e-5)[:, None, None] * circle
        points = np.concatenate([flat, np.broadcast_to(height[:, None, None], (*flat.shape[:2], 1))], axis=2)
        parts.append(sheet(points, wrap_columns=True))
    return joined(*parts)


def ball(radius: float, sides: int = 20) -> Solid:
    """A sphere about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    profile = [(float(r), float(z)) for r, z in radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)]
    return lathe(profile, sides=sides)


def prism(outline: Array, low: float, high: float, bevel: float = 0.0) -> Solid:
    """The area inside a counter-clockwise outline (N, 2), star-shaped about its mean, from low to high in z."""
    middle = outline.mean(axis=0)
    inner = middle + (outline - middle) * (1 - bevel / np.linalg.norm(outline - middle, axis=1).mean())

    def ring(flat: Array, z: float) -> Array:
        return np.concatenate([flat, np.full((len(flat), 1), z)], axis=1)

    loops = [ring(outline, low + bevel), ring(outline, high - bevel)]
    side = sheet(np.stack(loops), wrap_columns=True)
    parts = [side]
    for z, edge, up in ((low, low + bevel, False), (high, high - bevel, True)):
        loop = [ring(outline, edge), ring(inner, z)]
        if bevel:
            parts.append(sheet(np.stack(loop if up else loop[::-1]), wrap_columns=True))
        centre = np.broadcast_to(np.r_[middle, z], (len(outline), 3))
        cap = sheet(np.stack([loop[1], centre] if up else [centre, loop[1]]), wrap_columns=True)
        parts.append(replace(cap, uv=cap.vertices[cap.faces][..., :2]))
    return joined(*parts)


def tube(
    path: Array, radius: float | Array, sides: int = 8, closed: bool = False, flatness: float = 1.0
) -> Solid:
    """A tube along a path (N, 3) of one radius or one at each point (N,), with round ends.

    flatness: the cross-section's extent along the first normal, as a share of the radius.
    """
    path = np.asarray(path, np.float64)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(path),)).copy()
    if not closed:  # a short cone at each end closes it
        ends = [path[:1] - (path[1:2] - path[:1]) * 1e-3, path[-1:] + (path[-1:] - path[-2:-1]) * 1e-3]
        path, radii = np.concatenate([ends[0], path, ends[1]]), np.r_[1e-5, radii, 1e-5]
        tangents = np.gradient(path[1:-1], axis=0)
        tangents = np.concatenate([tangents[:1], tangents, tangents[-1:]])
    else:
        tangents = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    first = _transported(tangents, closed)
    second = np.cross(tangents, first)
    angle = np.arange(sides) * 2 * np.pi / sides
    around = flatness * np.cos(angle)[:, None] * first[:, None] + np.sin(angle)[:, None] * second[:, None]
    return sheet(path[:, None] + radii[:, None, None] * around, wrap_rows=closed, wrap_columns=True)


def _transported(tangents: Array, closed: bool) -> Array:
    """Unit normals (N, 3) that turn as little as possible along the path."""
    start = np.eye(3)[np.abs(tangents[0]).argmin()]
    normals = np.empty_like(tangents)
    for index, tangent in enumerate(tangents):
        start = start - (start @ tangent) * tangent
        start = start / max(float(np.linalg.norm(start)), 1e-9)
        normals[index] = start
    if not closed:
        return normals
    # What is missing to a full turn is spread over the whole loop.
    last = normals[-1] - (normals[-1] @ tangents[0]) * tangents[0]
    sin = float(np.cross(last, normals[0]) @ tangents[0])
    missing = np.arctan2(sin, float(last @ normals[0])) * np.arange(len(tangents)) / len(tangents)
    side = np.cross(tangents, normals)
    return np.asarray(np.cos(missing)[:, None] * normals + np.sin(missing)[:, None] * side)
