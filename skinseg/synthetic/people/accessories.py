"""Worn things that are neither cloth nor body: glasses, hats, jewellery, masks.

What sits on the head is modelled on the person's own head at rest, between named places of the body, and then
carried along by the head's rigid motion. What sits on a limb or hangs round the neck is fitted to the posed
body.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull, cKDTree

from skinseg.synthetic.labels import SKIN_CLASSES, PartClass
from skinseg.synthetic.mesh import Mesh, Strands
from skinseg.synthetic.people.anatomy import PosedBody, body_classes, face_groups
from skinseg.synthetic.people.reference import BODY_VERTICES, body_normals, reference_body, vertex_normals
from skinseg.synthetic.scene import Accessory, Vector
from skinseg.synthetic.surroundings.solids import (
    Array,
    Solid,
    ball,
    box,
    joined,
    lathe,
    mesh_of,
    moved,
    sheet,
    tinted,
    tube,
)
from skinseg.synthetic.surroundings.things import hand_frame

Rim = tuple[Vector, ...]

# Where rims run: places on the reference body from the middle of the front round the left side to the middle
# of the back; the right side mirrors them.
_HAT_RIM: Rim = (
    (0.0, -0.154, 0.953),
    (0.062, -0.11, 0.944),
    (0.077, -0.03, 0.93),
    (0.06, 0.02, 0.917),
    (0.0, 0.049, 0.908),
)
_CAP_RIM: Rim = (
    (0.0, -0.151, 0.958),
    (0.062, -0.11, 0.946),
    (0.077, -0.03, 0.925),
    (0.06, 0.02, 0.902),
    (0.0, 0.045, 0.885),
)
_BEANIE_HIGH: Rim = (
    (0.0, -0.146, 0.965),
    (0.062, -0.11, 0.945),
    (0.077, -0.03, 0.921),
    (0.06, 0.02, 0.895),
    (0.0, 0.043, 0.878),
)
_BEANIE_LOW: Rim = (
    (0.0, -0.156, 0.942),
    (0.066, -0.105, 0.915),
    (0.082, -0.035, 0.870),
    (0.06, 0.0, 0.862),
    (0.0, 0.031, 0.857),
)
_BAND_RIM: Rim = (
    (0.0, -0.156, 0.945),
    (0.062, -0.115, 0.936),
    (0.077, -0.03, 0.922),
    (0.06, 0.02, 0.905),
    (0.0, 0.047, 0.893),
)
_MASK_RIM: Rim = (
    (0.0, -0.1664, 0.8774),
    (0.033, -0.145, 0.877),
    (0.066, -0.082, 0.852),
    (0.053, -0.099, 0.81),
    (0.0, -0.119, 0.781),
)
_CLEARANCE = 0.004  # metres between the skull and what is worn on it: room for pressed hair
_AZIMUTHS = 96
_LOWEST, _ELEVATIONS = -0.9, 28  # the radius of a shell is tabled from this elevation to the pole

# The ear on the reference body: where a temple rests on it, behind it, and its lobe.
_EAR_TOP, _EAR_BACK, _LOBE = (0.0785, -0.050, 0.9035), (0.0755, -0.0305, 0.885), (0.0808, -0.0555, 0.8535)
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class _Head:
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
class _Shell:
    """The region of a head that a hat or a mask covers, seen from a centre inside: polar coordinates at rest.

    axes: (3, 3), rows x, y and pole. rim: elevation of the rim (radians) at each azimuth of the table.
    radii: (_ELEVATIONS, _AZIMUTHS), distance from the centre to the convex hull of what is covered.
    """

    centre: Array
    axes: Array
    rim: Array
    radii: Array

    def surface(self, heights: Sequence[float] | Array, clearance: Sequence[float] | Array) -> Array:
        """Points (N, _AZIMUTHS, 3): heights (N,) 0 = rim, 1 = pole; clearance (N,) or (N, _AZIMUTHS), metres."""
        share = np.asarray(heights, np.float64)[:, None]
        elevation = self.rim + share * (np.pi / 2 - self.rim)
        azimuth = np.broadcast_to(np.arange(_AZIMUTHS) * 2 * np.pi / _AZIMUTHS, elevation.shape)
        outwards = np.asarray(clearance, np.float64)
        radius = self.radius(azimuth, elevation) + (outwards[:, None] if outwards.ndim == 1 else outwards)
        return np.asarray(self.centre + radius[..., None] * (_directions(azimuth, elevation) @ self.axes))

    def radius(self, azimuth: Array, elevation: Array) -> Array:
        """The hull's distance from the centre, bilinear in the table."""
        column = azimuth * _AZIMUTHS / (2 * np.pi)
        row = np.clip((elevation - _LOWEST) / (np.pi / 2 - _LOWEST), 0, 1) * (_ELEVATIONS - 1)
        i, j = np.minimum(row.astype(int), _ELEVATIONS - 2), np.floor(column).astype(int)
        u, v, left, right = column - j, row - i, j % _AZIMUTHS, (j + 1) % _AZIMUTHS
        low = (1 - u) * self.radii[i, left] + u * self.radii[i, right]
        high = (1 - u) * self.radii[i + 1, left] + u * self.radii[i + 1, right]
        return np.asarray((1 - v) * low + v * high)


@dataclass(frozen=True)
class _Wearer:
    """Whom an accessory is fitted to. cloth: float64 (N, 3) points of clothes, with their normals."""

    body: PosedBody
    head: _Head
    normals: Array
    cloth: Array
    cloth_normals: Array


def wear(accessories: tuple[Accessory, ...], body: PosedBody, cloth: Sequence[Mesh] = ()) -> list[Mesh]:
    """Meshes of what is worn, class ACCESSORY, in world coordinates.

    Materials are "accessory:0:<index>", and "glass:0:<index>" for clear lenses. The second colour is a tint
    on the first. cloth: the clothes' meshes, so that a necklace lies on them; a watch or bracelet under a
    sleeve is left out. Raises ValueError on an unknown kind.
    """
    if not accessories:
        return []
    wearer = _wearer(body, cloth)
    meshes = []
    for index, accessory in enumerate(accessories):
        for material, build in _pieces(accessory.kind):
            solid = build(accessory, wearer)
            if solid is not None:
                meshes.append(mesh_of(solid, PartClass.ACCESSORY, f"{material}:0:{index}"))
    return meshes


def tuck(
    strands: Sequence[Strands],
    worn: Sequence[Mesh],
    accessories: tuple[Accessory, ...],
    body: PosedBody,
) -> list[Strands]:
    """The hair that still shows below hats, headbands and masks, pressed so that none pokes through.

    worn: what `wear` made of the accessories; where that is nothing, hair stays as it is. Hair that is covered
    from root to tip is left out. Raises ValueError on an unknown kind.
    """
    covers = [accessory for accessory in accessories if _pieces(accessory.kind) and accessory.kind in _COVERS]
    if not worn or not covers:
        return list(strands)
    head = _head(body)
    shells = [(_shell_of(cover, head), _COVERS[cover.kind](cover.size)[2]) for cover in covers]
    result = []
    for group in strands:
        points = (group.points.astype(np.float64) - head.shift) @ head.rotation
        shown = np.ones(len(points), np.bool_)
        for shell, top in shells:
            points, covered = _pressed(points, shell, top)
            shown &= ~covered
        if shown.any():
            world = points[shown] @ head.rotation.T + head.shift
            result.append(replace(group, points=world.astype(np.float32)))
    return result


def _pressed(points: Array, shell: _Shell, top: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Strands (S, P, 3) at rest held below a shell from its rim up to `top`, and which it covers wholly."""
    local = (points - shell.centre) @ shell.axes.T
    distance = np.maximum(np.linalg.norm(local, axis=2), 1e-6)
    elevation = np.arcsin(np.clip(local[..., 2] / distance, -1, 1))
    azimuth = np.arctan2(local[..., 1], local[..., 0]) % (2 * np.pi)
    rim = np.interp(azimuth, np.linspace(0, 2 * np.pi, _AZIMUTHS + 1), np.r_[shell.rim, shell.rim[0]])
    upper = rim + top * (np.pi / 2 - rim) if top < 1 else np.full_like(rim, np.inf)
    outside = np.maximum(np.maximum(rim - elevation, elevation - upper), 0)
    # Beyond the rim hair swells again, in a slope and not in a step.
    limit = shell.radius(azimuth, elevation) + 0.6 * _CLEARANCE + 0.15 * outside
    scale = np.minimum(1, limit / distance)
    covered = (outside == 0).all(axis=1) if top >= 1 else np.zeros(len(points), np.bool_)
    pressed = shell.centre + (local * scale[..., None]) @ shell.axes
    return pressed, covered


# ---------------------------------------------------------------------------------------------- fitting


@cache
def _vertex_near(place: Vector) -> int:
    offset = reference_body().rest[:BODY_VERTICES] - np.array(place, np.float32)
    return int(np.square(offset).sum(axis=1).argmin())


@cache
def _rigid_vertices() -> npt.NDArray[np.intp]:
    """A sample of the vertices that follow the head alone."""
    return np.flatnonzero(reference_body().bone_share("head")[:BODY_VERTICES] > 0.995)[::5]


@cache
def _outer_vertices() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Vertices of the head's outer skin, and which of them are the ears'."""
    faces = face_groups()["body"][np.isin(body_classes(), [*SKIN_CLASSES, PartClass.LIPS])]
    outer = np.unique(faces)
    x, y, z = reference_body().rest[outer].T
    outer = outer[(z > 0.77) & (np.abs(x) < 0.1)]
    x, y, z = reference_body().rest[outer].T
    ears = (np.abs(x) > 0.0765) & (z < 0.912) & (y > -0.07) & (y < -0.02)
    return outer, ears


def _head(body: PosedBody) -> _Head:
    """The head's rigid motion by least squares (Kabsch's algorithm)."""
    chosen = _rigid_vertices()
    rest, posed = body.rest[chosen].astype(np.float64), body.posed[chosen].astype(np.float64)
    middle, target = rest.mean(axis=0), posed.mean(axis=0)
    u, _, vt = np.linalg.svd((rest - middle).T @ (posed - target))
    handed = np.diag([1.0, 1.0, np.linalg.det(u @ vt)])
    rotation = (u @ handed @ vt).T
    return _Head(body.rest[:BODY_VERTICES].astype(np.float64), rotation, target - rotation @ middle)


def _wearer(body: PosedBody, cloth: Sequence[Mesh]) -> _Wearer:
    points = [mesh.vertices for mesh in cloth]
    normals = [
        vertex_normals(mesh.vertices, np.where(mesh.faces < 0, mesh.faces[:, 2:3], mesh.faces))
        for mesh in cloth
    ]
    none = np.zeros((0, 3))
    return _Wearer(
        body,
        _head(body),
        body_normals(body.posed).astype(np.float64),
        np.concatenate([none, *points]),
        np.concatenate([none, *normals]),
    )


def _directions(azimuth: Array, elevation: Array) -> Array:
    flat = np.cos(elevation)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)], axis=-1)


def _blended(low: Rim, high: Rim, share: float) -> Rim:
    """The rim at `share` of the way from one to the other."""
    mixed = (1 - share) * np.array(low) + share * np.array(high)
    return tuple((float(x), float(y), float(z)) for x, y, z in mixed)


def _shell(head: _Head, rim: Rim, ears: bool = False, face: bool = False) -> _Shell:
    """What lies above a rim, seen from its middle; the pole is the crown, or with `face` the front.

    ears: stretched over the ears, which are left out else.
    """
    places = [*rim, *((-x, y, z) for x, y, z in rim[-2:0:-1])]
    anchors = np.array([head.place(place) for place in places])
    axes = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) if face else np.eye(3)
    # High enough to lie inside the hull of what is covered.
    centre = anchors.mean(axis=0) + (-0.012 if face else 0.015) * axes[2]
    table = np.arange(_AZIMUTHS) * 2 * np.pi / _AZIMUTHS
    local = (anchors - centre) @ axes.T
    azimuth = np.arctan2(local[:, 1], local[:, 0])
    elevation = np.arctan2(local[:, 2], np.hypot(local[:, 0], local[:, 1]))
    line = np.interp(table, azimuth, elevation, period=2 * np.pi)
    line = gaussian_filter1d(line, _AZIMUTHS / 36, mode="wrap")

    outer, of_ear = _outer_vertices()
    covered = (head.rest[outer if ears else outer[~of_ear]] - centre) @ axes.T
    height = np.arctan2(covered[:, 2], np.hypot(covered[:, 0], covered[:, 1]))
    around = np.arctan2(covered[:, 1], covered[:, 0])
    covered = covered[height > np.interp(around, table, line, period=2 * np.pi) - 0.12]
    facets = ConvexHull(covered).equations
    elevations = np.linspace(_LOWEST, np.pi / 2, _ELEVATIONS)
    grid = _directions(*np.broadcast_arrays(table, elevations[:, None]))
    towards = grid @ facets[:, :3].T
    reach = np.where(towards > 1e-6, -facets[:, 3] / np.maximum(towards, 1e-6), np.inf).min(axis=2)
    return _Shell(centre, axes, line, np.clip(reach, 0.02, 0.2))


def _accent(accessory: Accessory) -> Array:
    """The factor that turns the first colour into the second."""
    return np.asarray(accessory.accent) / np.maximum(accessory.color, 0.02)


def _random(accessory: Accessory) -> np.random.Generator:
    return np.random.default_rng([accessory.seed, 0])


def _pushed_out(points: Array, surface: Array, normals: Array, gap: float) -> Array:
    """Points (N, 3) moved along the nearest surface point's normal until they lie `gap` above it."""
    _, nearest = cKDTree(surface).query(points)
    height = np.einsum("ij,ij->i", points - surface[nearest], normals[nearest])
    return np.asarray(points + np.maximum(gap - height, 0)[:, None] * normals[nearest])


# ---------------------------------------------------------------------------------------------- glasses


@dataclass(frozen=True)
class _Lens:
    """The left lens at rest: outline (N, 3) counter-clockwise from the outer side; the right one mirrors it."""

    outline: Array
    centre: Array


def _lens(accessory: Accessory, head: _Head, body: PosedBody) -> _Lens:
    """Outline by size and seed, in front of the brow, the lashes and the cheek."""
    rng = _random(accessory)
    dark = accessory.kind == "sunglasses"
    left, right = body.bones["eye.L"].astype(np.float64), body.bones["eye.R"].astype(np.float64)
    middle, gap = (left + right) / 2, float(np.linalg.norm(left - right))
    width = gap * (0.385 + 0.05 * accessory.size + 0.025 * dark)
    height = width * rng.uniform(0.6, 0.95) if not dark else width * rng.uniform(0.7, 0.95)
    exponent, drop = rng.uniform(2.0, 4.5), rng.uniform(-0.1, 0.18)
    angle = np.arange(36) * 2 * np.pi / 36
    cos, sin = np.cos(angle), np.sin(angle)
    across = np.sign(cos) * np.abs(cos) ** (2 / exponent)
    up = np.sign(sin) * np.abs(sin) ** (2 / exponent)
    x = 0.5 * gap + 0.045 * gap + width * across * (1 + drop * up * 0.5)
    z = -0.03 * gap + height * up - drop * 0.25 * width * across * (up < 0)
    tilt, curve = 0.10, (2.2 if dark else 1.1)

    outer, of_ear = _outer_vertices()
    face = head.rest[outer[~of_ear]] - middle
    beside = (np.abs(face[:, 0]) > 0.17 * gap) & (np.abs(face[:, 0]) < x.max() + 0.003)
    near = beside & (np.abs(face[:, 2]) < height + 0.004) & (face[:, 1] < 0)
    face = face[near]
    front = (face[:, 1] + tilt * face[:, 2] - curve * np.square(face[:, 0])).min() - 0.0035
    # Lashes stand a centimetre in front of the eyeball.
    front = min(front, -0.026)
    y = front - tilt * z + curve * np.square(x)
    outline = np.stack([x, y, z], axis=1)
    return _Lens(middle + outline, middle + outline.mean(axis=0))


def _mirrored(points: Array, middle: float) -> Array:
    return np.asarray(points * np.array([-1.0, 1, 1]) + np.array([2 * middle, 0, 0]))


def _frame(accessory: Accessory, wearer: _Wearer) -> Solid:
    """Rims, bridge and temples."""
    head, body = wearer.head, wearer.body
    lens = _lens(accessory, head, body)
    rng = np.random.default_rng([accessory.seed, 1])
    thick = rng.uniform(0.0011, 0.0026) if accessory.metallic < 0.5 else rng.uniform(0.0007, 0.0011)
    middle = float((body.bones["eye.L"][0] + body.bones["eye.R"][0]) / 2)
    inner = lens.outline[np.argmin(lens.outline[:, 0] - 0.6 * (lens.outline[:, 2] - lens.centre[2]))]
    parts = [
        tube(outline, thick, sides=6, closed=True)
        for outline in (lens.outline, _mirrored(lens.outline, middle))
    ]
    parts.append(tube(_bridge(head, inner, middle, thick), thick, sides=6))
    temple = _temple(head, lens, middle, thick)
    parts += [tube(path, max(thick, 0.0012), sides=6) for path in (temple, _mirrored(temple, middle))]
    return head.world(joined(*parts))


def _bridge(head: _Head, inner: Array, middle: float, thick: float) -> Array:
    """An arch over the nose from one lens to the other, (9, 3)."""
    share = np.linspace(-1, 1, 9)
    arch = np.cos(share * np.pi / 2)
    points = np.stack([share, np.zeros(9), np.zeros(9)], axis=1) * (inner[0] - middle)
    points += np.array([middle, inner[1], inner[2]])
    points[:, 2] += 0.003 * arch
    outer, _ = _outer_vertices()
    nose = head.rest[outer]
    nose = nose[(np.abs(nose[:, 0] - middle) < 0.008) & (np.abs(nose[:, 2] - points[4, 2]) < 0.006)]
    front = min(float(nose[:, 1].min(initial=np.inf)) - thick - 0.001, float(inner[1]))
    points[:, 1] = inner[1] + arch * (front - inner[1])
    return np.asarray(points)


def _temple(head: _Head, lens: _Lens, middle: float, thick: float) -> Array:
    """From the left lens's upper outer corner along the side of the head, over the ear and down behind it."""
    corner = lens.outline[np.argmax(lens.outline[:, 0] + 0.4 * lens.outline[:, 2])]
    top, behind = head.place(_EAR_TOP), head.place(_EAR_BACK)
    side = max(top[0] - middle, corner[0] - middle + 0.002) + middle
    hinge = corner + np.array([0.004, 0.004, 0.0])
    hook = [
        np.array([side, corner[1] + 0.25 * (top[1] - corner[1]), corner[2]]),
        np.array([top[0] + 0.0015, top[1], top[2] + thick + 0.001]),
        np.array([top[0], top[1] + 0.012, top[2] - 0.003]),
        behind + np.array([0.001, 0.003, 0.0]),
        behind + np.array([0.0, 0.006, -0.018]),
    ]
    knots = np.array([corner, hinge, *hook])
    share = np.linspace(0, len(knots) - 1, 22)
    path = np.stack([np.interp(share, np.arange(len(knots)), knots[:, axis]) for axis in range(3)], axis=1)
    path = gaussian_filter1d(path, 1.0, axis=0, mode="nearest")
    outer, of_ear = _outer_vertices()
    skull = head.rest[outer[~of_ear]]
    skull = skull[skull[:, 0] > middle]
    distance = np.linalg.norm(skull[:, 1:] - path[:, None, 1:], axis=2)
    widest = np.where(distance < 0.009, skull[:, 0], -np.inf).max(axis=1)
    path[2:, 0] = np.maximum(path[2:, 0], widest[2:] + thick + 0.0005)
    return np.asarray(path)


def _lenses(accessory: Accessory, wearer: _Wearer) -> Solid:
    """Two panes that bulge a little."""
    lens = _lens(accessory, wearer.head, wearer.body)
    middle = float((wearer.body.bones["eye.L"][0] + wearer.body.bones["eye.R"][0]) / 2)
    share = np.array([1.0, 0.7, 0.35, 0.001])[:, None, None]
    pane = lens.centre + share * (lens.outline - lens.centre)
    pane[..., 1] -= 0.0015 * (1 - np.square(share[..., 0]))
    panes = [sheet(points, wrap_columns=True) for points in (pane, _mirrored(pane, middle))]
    return wearer.head.world(joined(*panes))


def _sunglasses(accessory: Accessory, wearer: _Wearer) -> Solid:
    return joined(_frame(accessory, wearer), tinted(_lenses(accessory, wearer), _accent(accessory)))


# ------------------------------------------------------------------------------------------------- hats


def _beanie_cover(size: float) -> tuple[Rim, bool, float]:
    return _blended(_BEANIE_HIGH, _BEANIE_LOW, size), size > 0.45, 1.0


def _band_cover(size: float) -> tuple[Rim, bool, float]:
    return _BAND_RIM, False, 0.10 + 0.3 * size


# Kinds that press hair: rim, whether the ears lie under it, and the height (1 = pole) up to which it covers.
_COVERS: dict[str, Callable[[float], tuple[Rim, bool, float]]] = {
    "beanie": _beanie_cover,
    "cap": lambda size: (_CAP_RIM, False, 1.0),
    "brim_hat": lambda size: (_HAT_RIM, False, 1.0),
    "headband": _band_cover,
    "face_mask": lambda size: (_MASK_RIM, False, 1.0),
}


def _shell_of(accessory: Accessory, head: _Head) -> _Shell:
    rim, ears, _ = _COVERS[accessory.kind](accessory.size)
    return _shell(head, rim, ears=ears, face=accessory.kind == "face_mask")


def _beanie(accessory: Accessory, wearer: _Wearer) -> Solid:
    """A knitted cap with or without a turned-up cuff, a slack top and a bobble."""
    shell, rng = _shell_of(accessory, wearer.head), _random(accessory)
    cuff = rng.uniform(0.2, 0.4) * (rng.random() < 0.7)
    slack, bobble = rng.uniform(0.0, 0.035), rng.random() < 0.25
    ribs = 0.0008 * np.cos(np.arange(_AZIMUTHS) * 2 * np.pi / 4)  # every other vertex: fine vertical ribs
    heights = np.r_[0.0, 0.0, 0.02, np.linspace(0.07, 1, 14)]
    thick = _CLEARANCE + 0.004 + slack * np.square(np.clip(heights, 0, 1)) * (1 - 0.3 * heights)
    thick[0] = 0.001
    clearance = thick[:, None] + ribs * np.clip(4 - 4 * heights, 0, 1)[:, None]
    parts = [sheet(shell.surface(heights, clearance), wrap_columns=True)]
    if cuff:
        rows = np.r_[0.0, -0.01, 0.0, np.linspace(0.03, cuff - 0.02, 5), cuff, cuff]
        over = thick[3] + np.r_[0.0, 0.002, 0.0045, np.full(5, 0.005), 0.004, -0.002]
        folded = shell.surface(rows, over[:, None] + 1.5 * ribs)
        parts.append(tinted(sheet(folded, wrap_columns=True), _accent(accessory) if bobble else (1, 1, 1)))
    if bobble:
        top = shell.surface([1.0], thick[-1:])[0, 0]
        fluffy = ball(0.028, sides=28)
        rough = 1 + 0.03 * rng.normal(size=(len(fluffy.vertices), 1))
        fluffy = replace(fluffy, vertices=fluffy.vertices * rough)
        parts.append(tinted(moved(fluffy, top + 0.022 * _UP), _accent(accessory)))
    return wearer.head.world(joined(*parts))


def _cap(accessory: Accessory, wearer: _Wearer) -> Solid:
    """A crown of six panels with a curved visor, one in six the wrong way round."""
    shell, rng = _shell_of(accessory, wearer.head), _random(accessory)
    back_to_front = rng.random() < 1 / 6
    azimuth = np.arange(_AZIMUTHS) * 2 * np.pi / _AZIMUTHS
    front = np.pi / 2 if back_to_front else -np.pi / 2
    away = np.abs((azimuth - front + np.pi) % (2 * np.pi) - np.pi)
    heights = np.r_[0.0, 0.0, np.linspace(0.06, 1, 13)]
    stiff = 0.012 * np.exp(-np.square(away / 0.8)) * np.sin(np.pi * np.clip(heights, 0, 1) ** 0.8)[:, None]
    seams = -0.0008 * (np.arange(_AZIMUTHS) % (_AZIMUTHS // 6) == 0)
    clearance = _CLEARANCE + 0.003 + stiff + 0.004 * heights[:, None] + seams
    clearance[0] = 0.001
    crown = sheet(shell.surface(heights, clearance), wrap_columns=True)
    button = moved(ball(0.006, sides=8), shell.surface([1.0], [clearance[-1, 0]])[0, 0])

    near = np.argsort(away, kind="stable")[: _AZIMUTHS // 3]
    near = near[np.argsort((azimuth[near] - front + np.pi) % (2 * np.pi), kind="stable")]
    edge = shell.surface([0.01], clearance[1:2])[0][near]
    spread = away[near] / away[near].max()
    length = (0.055 + 0.025 * accessory.size) * np.sqrt(np.clip(1 - spread**2.6, 0, 1))
    share = np.linspace(0, 1, 7)[:, None]
    forward = np.array([0.0, 1.0 if back_to_front else -1.0, 0.0])
    out = edge + (share * length)[..., None] * (forward - rng.uniform(0.1, 0.35) * _UP)
    sag = rng.uniform(2.0, 4.0) * np.square(edge[:, 0] - shell.centre[0]) * share
    out[..., 2] -= sag
    under = out - 0.0025 * _UP
    visor = sheet(np.concatenate([out, under[::-1]]))
    return wearer.head.world(joined(crown, *(tinted(part, _accent(accessory)) for part in (visor, button))))


def _brim_hat(accessory: Accessory, wearer: _Wearer) -> Solid:
    """A crown with a band round it and a brim all around: from trilby to sun hat by size."""
    shell, rng = _shell_of(accessory, wearer.head), _random(accessory)
    skull = shell.surface(np.linspace(0, 1, 16), np.full(16, _CLEARANCE + 0.002))
    rim = skull[0]
    flat = skull[..., :2] - shell.centre[:2]
    around = np.linalg.norm(flat, axis=2)
    outwards = flat[0] / around[0][:, None]
    # As wide as the skull is anywhere above the rim, for the crown's sides rise straight.
    wide = gaussian_filter1d(around.max(axis=0) + 0.002, 2.0, mode="wrap")
    top = skull[..., 2].max() + rng.uniform(0.012, 0.035)
    taper, dent = rng.uniform(0.06, 0.2), rng.uniform(0.0, 0.018)
    share = np.r_[np.linspace(0, 0.9, 8), 0.96, 1.0]
    shrink = np.r_[1 - taper * np.linspace(0, 0.9, 8) ** 2, 0.94 - 0.75 * taper, 0.86 - 0.7 * taper]

    def loop(scale: npt.ArrayLike, z: npt.ArrayLike) -> Array:
        xy = shell.centre[:2] + outwards * (wide * scale)[:, None]
        return np.concatenate([xy, np.broadcast_to(z, (_AZIMUTHS,))[:, None]], axis=1)

    side = [loop(s, rim[:, 2] + h * (top - rim[:, 2])) for h, s in zip(share, shrink, strict=True)]
    lid = [loop(s * shrink[-1], top - dent * (1 - s) ** 0.5) for s in (0.8, 0.5, 0.2, 0.001)]
    crown = sheet(np.stack([*side, *lid]), wrap_columns=True)
    ribbon = [rim[:, 2] + h for h in (0.002, 0.004, 0.024, 0.026)]
    band = sheet(
        np.stack([loop(1 + g / wide, z) for g, z in zip((0, 0.002, 0.002, 0), ribbon, strict=True)]),
        wrap_columns=True,
    )
    width = 0.035 + 0.07 * accessory.size
    rows, azimuth = np.linspace(0, 1, 7)[:, None], np.arange(_AZIMUTHS) * 2 * np.pi / _AZIMUTHS
    phase, wave = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.012)
    lift = rng.uniform(-0.35, 0.1) + 0.3 * np.square(np.cos(azimuth)) * rng.uniform(0, 1)
    z = rim[:, 2] + rows * width * lift + rows**2 * wave * np.sin(3 * azimuth + phase)
    spread = np.stack([loop(1 + r * width / wide, height) for r, height in zip(rows[:, 0], z, strict=True)])
    brim = sheet(np.concatenate([spread, spread[::-1] - 0.002 * _UP]), wrap_columns=True)
    return wearer.head.world(joined(crown, tinted(band, _accent(accessory)), brim))


def _headband(accessory: Accessory, wearer: _Wearer) -> Solid:
    """An elastic band round the forehead and the back of the head."""
    shell = _shell_of(accessory, wearer.head)
    _, _, top = _COVERS["headband"](accessory.size)
    heights = np.r_[0.0, 0.0, np.linspace(0.1, 0.9, 5) * top, top, top]
    clearance = np.r_[0.0, 0.003, np.full(5, 0.0045), 0.003, 0.0] + _CLEARANCE
    clearance[[0, -1]] = 0.0005
    return wearer.head.world(sheet(shell.surface(heights, clearance), wrap_columns=True))


def _face_mask(accessory: Accessory, wearer: _Wearer) -> Solid:
    """A surgical mask from the bridge of the nose to below the chin, with loops round the ears."""
    head, shell, rng = wearer.head, _shell_of(accessory, wearer.head), _random(accessory)
    heights = np.r_[0.0, 0.0, np.linspace(0.05, 1, 14)]
    loose = 0.002 + 0.006 * rng.uniform() * np.sin(np.pi * np.clip(heights, 0, 1))
    pane = shell.surface(heights, np.r_[0.0005, loose[1:]])
    if rng.random() < 0.6:  # pleats: steps of a millimetre from top to bottom
        pane[..., 1] -= 0.0012 * ((pane[..., 2] - shell.centre[2]) % 0.018) / 0.018
    parts = [sheet(pane, wrap_columns=True)]
    for mirror in (1.0, -1.0):
        ear = [np.array(place) * [mirror, 1, 1] for place in (_EAR_TOP, _EAR_BACK)]
        top, back = (head.place((float(p[0]), float(p[1]), float(p[2]))) for p in ear)
        low = np.array(_LOBE) * [mirror, 1, 1]
        lobe = head.place((float(low[0]), float(low[1]), float(low[2])))
        edge = pane[1]
        side = edge[np.argsort(-mirror * edge[:, 0])[:10]]
        upper, lower = side[side[:, 2].argmax()], side[side[:, 2].argmin()]
        out = np.array([0.003 * mirror, 0, 0])
        hook = [top + out + 0.002 * _UP, back + out, lobe - out + np.array([0, 0.008, 0])]
        knots = np.array([upper, *hook, lower])
        share = np.linspace(0, len(knots) - 1, 17)
        path = np.stack([np.interp(share, np.arange(len(knots)), knots[:, i]) for i in range(3)], axis=1)
        parts.append(tube(gaussian_filter1d(path, 0.8, axis=0, mode="nearest"), 0.0016, sides=6))
    return head.world(joined(*parts))


def _headphones(accessory: Accessory, wearer: _Wearer) -> Solid:
    """A padded band over the crown, or pushed a little back, and a cup over each ear."""
    head, rng = wearer.head, _random(accessory)
    shell = _shell(head, _HAT_RIM)
    left, right = (head.place((sign * 0.0815, -0.047, 0.882)) for sign in (1, -1))
    tilt = rng.uniform(-0.1, 0.35)
    angle = np.linspace(0.12, np.pi - 0.12, 21)
    plane = np.stack([np.cos(angle), np.sin(tilt) * np.sin(angle), np.cos(tilt) * np.sin(angle)], axis=1)
    azimuth, elevation = np.arctan2(plane[:, 1], plane[:, 0]) % (2 * np.pi), np.arcsin(plane[:, 2])
    middle = shell.centre + (shell.radius(azimuth, elevation) + 0.016)[:, None] * plane
    radius = 0.034 + 0.009 * accessory.size
    cups, ends = [], []
    for side, ear in ((1, left), (-1, right)):
        out = ear + np.array([side * 0.02, 0, 0])
        ends.append(out + np.array([side * 0.008, 0, 0]))
        shape = lathe(
            ((radius, 0.004), (radius, 0.012), (radius - 0.004, 0.017), (0.0, 0.019)),
            sides=24,
        )
        pad = lathe(
            (
                (0.5 * radius, -0.018),
                (0.8 * radius, -0.02),
                (radius, -0.014),
                (radius, 0.0),
                (0.9 * radius, 0.005),
            ),
            sides=24,
        )
        axes = np.array([[0.0, 1, 0], [0, 0, 1.18], [side, 0, 0]])
        cups += [moved(shape, out, axes), tinted(moved(pad, out, axes), _accent(accessory))]
    path = np.concatenate([ends[:1], middle, ends[1:]])
    path = gaussian_filter1d(path, 0.8, axis=0, mode="nearest")
    width = np.interp(
        np.linspace(-1, 1, len(path)), [-1, -0.5, 0, 0.5, 1], [0.006, 0.011, 0.015, 0.011, 0.006]
    )
    return head.world(joined(_strap(path, width, 0.004, head), *cups))


def _strap(path: Array, half_width: Array, thick: float, head: _Head) -> Solid:
    """A band over the head: wide along y, rounded, about a path (N, 3) in a plane across the head."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    along = np.array([0.0, 1.0, 0.0]) - tangent[:, 1:2] * tangent
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    out = np.cross(along, tangent)
    angle = np.arange(12) * 2 * np.pi / 12
    offsets = [
        half_width[:, None] * np.cos(a) * along + thick * np.sin(a) * out  # an ellipse
        for a in angle
    ]
    return sheet(path[:, None] + np.stack(offsets, axis=1), wrap_columns=True)


# ----------------------------------------------------------------------------------------------- jewellery


def _earrings(accessory: Accessory, wearer: _Wearer) -> Solid:
    """Studs, hoops or drops in both lobes; what hangs, hangs down in the world."""
    head, rng = wearer.head, _random(accessory)
    style = rng.choice(["stud", "hoop", "drop"])
    parts = []
    for side in (1.0, -1.0):
        lobe = head.place((side * _LOBE[0], _LOBE[1], _LOBE[2])) + np.array([side * 0.001, 0, 0])
        hole = head.rotation @ lobe + head.shift
        out = head.rotation @ np.array([side, 0, 0])
        forward = head.rotation @ np.array([0, -1.0, 0])
        size = accessory.size
        if style == "stud":
            parts.append(moved(ball(0.002 + 0.003 * size, sides=12), hole + 0.001 * out))
        elif style == "hoop":
            radius, angle = 0.006 + 0.022 * size, np.arange(28) * 2 * np.pi / 28
            plane = forward - (forward @ _UP) * _UP
            plane /= np.linalg.norm(plane)
            circle = np.cos(angle)[:, None] * plane + (np.sin(angle)[:, None] - 1) * _UP
            parts.append(tube(hole + 0.002 * out + radius * circle, 0.0011, sides=6, closed=True))
        else:
            length = 0.01 + 0.03 * size
            start = hole + 0.002 * out
            parts.append(tube(np.stack([start, start - length * _UP]), 0.0007, sides=5))
            stone = ball(0.0028 + 0.003 * size, sides=12)
            stone = replace(stone, vertices=stone.vertices * np.array([1, 1, 1.5]))
            parts.append(tinted(moved(stone, start - length * _UP), _accent(accessory)))
    return joined(*parts)


def _necklace(accessory: Accessory, wearer: _Wearer) -> Solid:
    """A chain or beads that hang round the neck on body and clothes, some with a pendant."""
    rng, (surface, normals) = _random(accessory), _bust(wearer)
    length, beads = 0.41 + 0.22 * accessory.size, rng.random() < 0.35
    radius = rng.uniform(0.0025, 0.005) if beads else rng.uniform(0.0009, 0.0022)
    path = _hung_loop(wearer.body, surface, normals, length, radius + 0.0008)
    if beads:
        second = _accent(accessory) if rng.random() < 0.4 else np.ones(3)
        return _strung(path, radius, (np.ones(3), second))
    parts = [tube(path, radius, sides=6, closed=True)]
    if rng.random() < 0.6:
        lowest = path[path[:, 2].argmin()] - 0.006 * _UP
        _, nearest = cKDTree(surface).query(lowest)
        out = normals[nearest]
        side = np.cross(_UP, out) / max(float(np.linalg.norm(np.cross(_UP, out))), 1e-6)
        disc = lathe(((0.0, -0.001), (0.007, -0.001), (0.008, 0.0), (0.007, 0.001), (0.0, 0.0015)), sides=16)
        place = _pushed_out(lowest[None], surface, normals, 0.004)[0]
        disc = moved(disc, place, np.stack([side, np.cross(out, side), out]))
        parts.append(tinted(disc, _accent(accessory)))
    return joined(*parts)


def _strung(path: Array, radius: float, tints: Sequence[Array]) -> Solid:
    """Beads that touch along a closed path (N, 3), their tints by turns."""
    ring = np.concatenate([path, path[:1]])
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))]
    places = np.linspace(0, along[-1], max(int(along[-1] / (2.04 * radius)), 1), endpoint=False)
    centres = np.stack([np.interp(places, along, ring[:, axis]) for axis in range(3)], axis=1)
    bead = ball(radius, sides=8)
    return joined(*(tinted(moved(bead, c), tints[i % len(tints)]) for i, c in enumerate(centres)))


def _bust(wearer: _Wearer) -> tuple[Array, Array]:
    """Points of neck, chest and shoulders and of the cloth on them, (N, 3), with their normals."""
    rest = reference_body().rest[:BODY_VERTICES]
    near = (rest[:, 2] > 0.42) & (rest[:, 2] < 0.80) & (np.abs(rest[:, 0]) < 0.23)
    close = np.linalg.norm(wearer.cloth - wearer.body.posed_bones["neck01"], axis=1) < 0.35
    return (
        np.concatenate([wearer.body.posed[:BODY_VERTICES][near], wearer.cloth[close]]).astype(np.float64),
        np.concatenate([wearer.normals[near], wearer.cloth_normals[close]]),
    )


def _hung_loop(body: PosedBody, surface: Array, normals: Array, length: float, gap: float) -> Array:
    """A closed chain (64, 3) let fall on a surface: position-based dynamics, a few milliseconds."""
    neck, base = body.posed_bones["neck02"].astype(np.float64), body.posed_bones["neck01"].astype(np.float64)
    tree = cKDTree(surface)
    axis = (neck - base) / np.linalg.norm(neck - base)
    front = -(body.posed_bones["spine01"] - body.posed_bones["clavicle.L"]).astype(np.float64)
    left = (body.posed_bones["clavicle.L"] - body.posed_bones["clavicle.R"]).astype(np.float64)
    left -= (left @ axis) * axis
    left /= np.linalg.norm(left)
    forward = np.cross(left, axis) * np.sign(np.cross(left, axis) @ front)
    angle = np.arange(64) * 2 * np.pi / 64
    circle = np.sin(angle)[:, None] * left + np.cos(angle)[:, None] * forward
    points = base + 0.018 * axis + 0.085 * circle + 0.03 * np.cos(angle)[:, None] * forward
    step = length / 64
    before = points.copy()
    for _ in range(90):
        moving = 0.9 * (points - before)
        before = points
        points = points + moving - 0.0006 * _UP
        for _ in range(4):
            for pair in (0, 1):  # every other link at once, so that no point is moved twice
                first, second = np.arange(pair, 64, 2), np.arange(pair + 1, 65, 2) % 64
                link = points[second] - points[first]
                size = np.linalg.norm(link, axis=1, keepdims=True)
                change = 0.5 * (1 - step / np.maximum(size, 1e-9)) * link
                points[first] += change
                points[second] -= change
        _, nearest = tree.query(points)
        height = np.einsum("ij,ij->i", points - surface[nearest], normals[nearest])
        inside = height < gap
        points += np.where(inside, gap - height, 0)[:, None] * normals[nearest]
        before = np.where(inside[:, None], 0.6 * points + 0.4 * before, before)  # friction
    return _pushed_out(gaussian_filter1d(points, 1.0, axis=0, mode="wrap"), surface, normals, gap)


def _section(points: Array, centre: Array, first: Array, second: Array) -> Array:
    """Radii (48,) that enclose points round an axis through `centre`: an ellipse-like curve, tight."""
    flat = points - centre
    x, y = flat @ first, flat @ second
    angle, radius = np.arctan2(y, x), np.hypot(x, y)

    def waves(a: Array) -> Array:
        return np.stack([np.ones_like(a), np.cos(a), np.sin(a), np.cos(2 * a), np.sin(2 * a)], axis=1)

    share, *_ = np.linalg.lstsq(waves(angle), radius, rcond=None)
    short = float((radius - waves(angle) @ share).max()) if len(radius) else 0.0
    return np.asarray(waves(np.arange(48) * 2 * np.pi / 48) @ share + max(short, 0.0) * 0.7)


def _loop(centre: Array, radii: Array, axes: Array, profile: Sequence[tuple[float, float]]) -> Solid:
    """A ring round the axis axes[2]: profile of (distance above the section, place along the axis), closed."""
    angle = np.arange(len(radii)) * 2 * np.pi / len(radii)
    circle = np.cos(angle)[:, None] * axes[0] + np.sin(angle)[:, None] * axes[1]
    rows = [centre + (radii + out)[:, None] * circle + along * axes[2] for out, along in profile]
    return sheet(np.stack(rows), wrap_rows=True, wrap_columns=True)


def _wrist(wearer: _Wearer, side: str, back: float) -> tuple[Array, Array, Array] | None:
    """Centre (3,), radii (48,) and axes of the forearm `back` metres from the wrist's joint.

    axes: out of the back of the hand, across, along the forearm to the hand. None where a sleeve covers it.
    """
    bones = wearer.body.posed_bones
    wrist, elbow = (bones[f"{name}.{side}"].astype(np.float64) for name in ("wrist", "lowerarm02"))
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    _, hand = hand_frame(wearer.body, {"L": "left", "R": "right"}[side])
    out = -hand[2].astype(np.float64)
    out -= (out @ along) * along
    out /= np.linalg.norm(out)
    axes = np.stack([out, np.cross(along, out), along])
    start = wrist - back * along
    share = reference_body().bone_share(f"lowerarm02.{side}", f"wrist.{side}")[:BODY_VERTICES] > 0.5
    arm = wearer.body.posed[:BODY_VERTICES][share].astype(np.float64)
    slab = arm[np.abs((arm - start) @ along) < 0.016]
    centre = slab.mean(axis=0)
    centre += ((start - centre) @ along) * along
    sleeve = wearer.cloth - centre
    over = (np.abs(sleeve @ along) < 0.012) & (np.linalg.norm(sleeve, axis=1) < 0.07)
    if over.sum() > 5:
        return None
    return centre, _section(slab, centre, axes[0], axes[1]), axes


def _watch(accessory: Accessory, wearer: _Wearer) -> Solid | None:
    """A strap with a round or a square case on the back of the wrist."""
    rng = _random(accessory)
    fitted = _wrist(wearer, "L" if rng.random() < 0.75 else "R", 0.022)
    if fitted is None:
        return None
    centre, radii, axes = fitted
    half, thick = 0.007 + 0.004 * accessory.size, 0.0028
    strap = _loop(centre, radii, axes, ((0.0002, -half), (thick, -half), (thick, half), (0.0002, half)))
    radius, high = 0.014 + 0.008 * accessory.size, rng.uniform(0.007, 0.011)
    place = centre + (radii[0] - 0.001) * axes[0]
    frame = np.stack([axes[1], axes[2], axes[0]])
    if rng.random() < 0.7:
        case = lathe(
            ((radius, 0.0), (radius, high - 0.0015)),
            ((radius, high - 0.0015), (radius - 0.0015, high), (0.85 * radius, high)),
            sides=28,
        )
        dial = lathe(((0.86 * radius, high - 0.0004), (0.0, high - 0.0004)), sides=28)
    else:
        case = moved(box((1.7 * radius, 2 * radius, high), 0.003), np.array([0, 0, high / 2]))
        dial = moved(box((1.45 * radius, 1.75 * radius, 0.001), 0.0003), np.array([0, 0, high]))
    dial = tinted(dial, _accent(accessory))
    return joined(strap, moved(case, place, frame), moved(dial, place, frame))


def _bracelet(accessory: Accessory, wearer: _Wearer) -> Solid | None:
    """One to four bangles, a cuff or a string of beads."""
    rng = _random(accessory)
    fitted = _wrist(wearer, "L" if rng.random() < 0.5 else "R", 0.014)
    if fitted is None:
        return None
    centre, radii, axes = fitted
    style = rng.choice(["bangles", "cuff", "beads"])
    angle = np.arange(len(radii)) * 2 * np.pi / len(radii)
    circle = np.cos(angle)[:, None] * axes[0] + np.sin(angle)[:, None] * axes[1]
    if style == "cuff":
        half = 0.006 + 0.014 * accessory.size
        profile = ((0.001, -half), (0.0035, -half), (0.004, 0.0), (0.0035, half), (0.001, half))
        return _loop(centre, radii + 0.001, axes, profile)
    if style == "beads":
        bead = 0.0025 + 0.0025 * accessory.size
        path = centre + (radii + bead)[:, None] * circle
        return _strung(path, bead, (_accent(accessory), np.ones(3), np.ones(3)))
    parts = []
    thick = 0.0012 + 0.0013 * accessory.size
    for index in range(int(rng.integers(1, 5))):
        # Loose: each hangs and leans a little of its own.
        lean = rng.uniform(-0.2, 0.2, 2)
        shift = -0.008 * index + circle @ axes[0] * lean[0] * 0.03 + circle @ axes[1] * lean[1] * 0.03
        path = centre + (radii + thick + 0.002)[:, None] * circle + shift[:, None] * axes[2]
        bangle = tube(path, thick, sides=8, closed=True)
        parts.append(tinted(bangle, _accent(accessory)) if index % 2 else bangle)
    return joined(*parts)


def _rings(accessory: Accessory, wearer: _Wearer) -> Solid:
    """One to four finger rings, some with a stone."""
    rng, body = _random(accessory), wearer.body
    fingers = [(finger, side) for side in "LR" for finger in (2, 3, 4, 5)]
    chosen = rng.choice(len(fingers), size=int(rng.integers(1, 5)), replace=False)
    parts = []
    for finger, side in (fingers[index] for index in chosen):
        start, end = (body.posed_bones[f"finger{finger}-{j}.{side}"].astype(np.float64) for j in (1, 2))
        along = (end - start) / np.linalg.norm(end - start)
        share = reference_body().bone_share(f"finger{finger}-1.{side}")[:BODY_VERTICES] > 0.5
        skin = body.posed[:BODY_VERTICES][share].astype(np.float64)
        place = start + 0.62 * (end - start)
        slab = skin[np.abs((skin - place) @ along) < 0.007]
        _, hand = hand_frame(body, {"L": "left", "R": "right"}[side])
        out = -hand[2].astype(np.float64)
        out -= (out @ along) * along
        out /= np.linalg.norm(out)
        axes = np.stack([out, np.cross(along, out), along])
        centre = slab.mean(axis=0) if len(slab) else place
        centre += ((place - centre) @ along) * along
        radii = _section(slab, centre, axes[0], axes[1])
        half, thick = 0.0012 + 0.003 * accessory.size * rng.random(), 0.0012
        profile = ((-0.0004, -half), (thick, -0.8 * half), (thick, 0.8 * half), (-0.0004, half))
        parts.append(_loop(centre, radii, axes, profile))
        if rng.random() < 0.35:
            stone = ball(0.0025 + 0.002 * accessory.size, sides=10)
            parts.append(tinted(moved(stone, centre + (radii[0] + 0.002) * axes[0]), _accent(accessory)))
    return joined(*parts)


_Builder = Callable[[Accessory, _Wearer], Solid | None]
_PIECES: dict[str, tuple[tuple[str, _Builder], ...]] = {
    "glasses": (("accessory", _frame), ("glass", _lenses)),
    "sunglasses": (("accessory", _sunglasses),),
    "beanie": (("accessory", _beanie),),
    "cap": (("accessory", _cap),),
    "brim_hat": (("accessory", _brim_hat),),
    "headband": (("accessory", _headband),),
    "face_mask": (("accessory", _face_mask),),
    "headphones": (("accessory", _headphones),),
    "necklace": (("accessory", _necklace),),
    "earrings": (("accessory", _earrings),),
    "watch": (("accessory", _watch),),
    "bracelet": (("accessory", _bracelet),),
    "rings": (("accessory", _rings),),
}
KINDS = tuple(_PIECES)


def _pieces(kind: str) -> tuple[tuple[str, _Builder], ...]:
    if kind not in _PIECES:
        raise ValueError(f"unknown accessory kind {kind!r}: expected one of {', '.join(KINDS)}")
    return _PIECES[kind]
