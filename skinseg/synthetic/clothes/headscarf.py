"""A headscarf."""

from functools import cache

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals, reference_body
from skinseg.synthetic.clothes.fields import (
    HEAD_BONES,
    Places,
    arm_end,
    body_places,
    drawn,
    random_of,
    shell_places,
)
from skinseg.synthetic.clothes.garment import Edges, GarmentKind
from skinseg.synthetic.clothes.hang import wrinkle_noise
from skinseg.synthetic.clothes.pieces import Piece, grid, trimmed, with_rim
from skinseg.synthetic.clothes.shell import PosedShell, reference_shell
from skinseg.synthetic.geometry.arrays import Floats, Ints
from skinseg.synthetic.geometry.rings import Rings, laid_over, ring_points, stack_rings
from skinseg.synthetic.scene import Garment


def _edges(garment: Garment, at: Places) -> Edges:
    """Head and neck but for the face."""
    bottom = 0.70 - at.points[:, 2]
    return {"face": _face_opening(at.points), "bottom": bottom, "arms": arm_end(at, 0.0)}


def _face_opening(points: Floats) -> Floats:
    """Positive where a headscarf leaves the face free: an oval from brow to under the chin."""
    x, y, z = points.T
    across, up = x / 0.073, (z - 0.885) / np.where(z > 0.885, 0.095, 0.088)
    oval = 0.07 * (1 - np.sqrt(across**2 + up**2))
    return np.asarray(np.minimum(oval, -0.055 - y))


def _headscarf(garment: Garment, surface: Floats, posed: PosedShell, body: PosedBody) -> list[Piece]:
    """Cloth round head and neck down to the shoulders, with an oval for the face."""
    rest, left, heights = _scarf_reference()
    shell = reference_shell()
    count = len(shell.coarse)
    chosen = _draped_skin()
    on_shell = _draped_shell()
    points = np.concatenate([body.posed[chosen], surface[:count][on_shell]])
    bones = body.posed_bones
    head, shoulders = bones["eye.L"] - bones["eye.R"], bones["clavicle.L"] - bones["clavicle.R"]
    turn = np.clip((_HEADSCARF_STATIONS - 0.74) / 0.08, 0, 1)[:, None]
    sides = turn * head / np.linalg.norm(head) + (1 - turn) * shoulders / np.linalg.norm(shoulders)
    rings = stack_rings(points, heights, left, _HEADSCARF_STATIONS, sides)
    angles = np.arange(120) * 2 * np.pi / 120
    rows = 72
    drop = np.linspace(_HEADSCARF_STATIONS[0], _HEADSCARF_STATIONS[-1], rows)
    places = ring_points(_draped(rest), angles, rows, np.zeros((rows, 120), np.float32)).reshape(-1, 3)
    face = _face_opening(places)
    wave = wrinkle_noise(angles, np.zeros(120, np.float32), 4, 1.0, 0.0, random_of(garment, 24))
    bottom = 0.68 - 0.04 * drawn(garment, 23) + 0.015 * wave
    values = np.maximum(face, np.tile(bottom, rows) - np.repeat(drop, 120)).astype(np.float32)
    inside = np.clip(-face.reshape(rows, 120) / 0.03, 0, 1)
    across, down = np.broadcast_arrays(angles[None], drop[:, None])
    waves = wrinkle_noise(across.ravel(), down.ravel(), 5, 0.07, 6.0, random_of(garment, 21))
    cross = wrinkle_noise(across.ravel(), down.ravel(), 5, 0.07, -6.0, random_of(garment, 22))
    height = np.exp(-((np.minimum(np.abs(waves), np.abs(cross)) / 0.3) ** 2)).reshape(rows, 120)
    below = np.clip((0.86 - down) / 0.06, 0.15, 1)  # stretched over the skull, gathered at the neck
    lift = 0.004 + inside * (garment.offset - 0.004) + 1.5 * inside * below * garment.folds * height
    points = ring_points(_draped(rings), angles, rows, lift.astype(np.float32))
    # The rim lies on the face, the rest over shoulders and sleeves.
    skin = body_normals(body.posed)
    rim = (1 - inside.ravel()) * (face < 0.02) * (places[:, 1] < -0.07)
    points = laid_over(points.reshape(-1, 3), body.posed[chosen], skin[chosen], 0.004, rim)
    low = np.repeat(drop, 120) < 0.74
    about = shell.rest[:, 2] > 0.52
    points[low] = laid_over(points[low], surface[about], posed.normals[about], 0.008, np.zeros(low.sum()))
    points = points.reshape(rows, 120, 3)
    points[1:-1] = 0.5 * points[1:-1] + 0.25 * (points[:-2] + points[2:])
    points = 0.5 * points + 0.25 * (np.roll(points, 1, axis=1) + np.roll(points, -1, axis=1))
    # The crown: half an ellipsoid on the first ring.
    center = points[0].mean(axis=0)
    up = np.cross(rings.sides[0], rings.fronts[0])
    up = up if up[2] > 0 else -up
    tall = float(((body.posed[chosen] - center) @ up).max()) + garment.offset
    turns = np.linspace(np.pi / 2, 0, 7)[:-1, None, None]
    points = np.concatenate(
        [center + np.cos(turns) * (points[0] - center) + np.sin(turns) * tall * up, points]
    )
    u = np.linspace(0, 2 * np.pi * 0.1, 121)
    v = np.concatenate([drop[0] + 0.015 * np.arange(6, 0, -1), drop])
    cloth = grid(points, np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=2), closed=True)
    cloth, _, hem = trimmed(cloth, np.concatenate([np.full(6 * 120, -1.0, np.float32), values]))
    return [with_rim(cloth, hem, np.full(len(hem.ends), 0.002, np.float32), depth=0.004)]


_HEADSCARF_STATIONS = np.linspace(1.0, 0.61, 27)


@cache
def _draped_skin() -> Ints:
    """Vertices of head and neck, which a headscarf is laid over."""
    at = body_places()
    head = reference_body().bone_share("neck", *HEAD_BONES)[: len(at.points)] > 0.6
    head[BODY_VERTICES:] = False
    return np.flatnonzero(head & (at.points[:, 2] > 0.7)).astype(np.int32)


@cache
def _draped_shell() -> Ints:
    """Coarse vertices of the shell about the shoulders, which it falls on."""
    shell = reference_shell()
    count = len(shell.coarse)
    return np.flatnonzero((shell.rest[:count, 2] > 0.6) & (shell_places().arm[:count] < 0.4)).astype(np.int32)


@cache
def _scarf_reference() -> tuple[Rings, npt.NDArray[np.bool_], Floats]:
    """A headscarf's rings on the reference body, and side and height of the points that it lies on."""
    points = np.concatenate([reference_body().rest[_draped_skin()], reference_shell().rest[_draped_shell()]])
    left = points[:, 0] > 0
    rings = stack_rings(
        points, points[:, 2], left, _HEADSCARF_STATIONS, np.array([1.0, 0.0, 0.0], np.float32)
    )
    return rings, left, points[:, 2]


def _draped(rings: Rings) -> Rings:
    """Rings over which cloth falls: it leaves the widest place above no faster than a steep slope."""
    step = float(_HEADSCARF_STATIONS[0] - _HEADSCARF_STATIONS[1])
    hulls = rings.hulls.copy()
    for row in range(1, len(hulls)):
        hulls[row] = np.maximum(hulls[row], hulls[row - 1] - 0.8 * step)
    for _ in range(2):
        hulls[1:-1] = np.maximum(hulls[1:-1], 0.5 * hulls[1:-1] + 0.25 * (hulls[:-2] + hulls[2:]))
    return Rings(rings.centers, rings.sides, rings.fronts, hulls)


HEADSCARVES = {
    "headscarf": GarmentKind(
        8, _edges, cut=False, parts=_headscarf, hides=False, covers_hair=True,
        outfit="scarf", women_only=True, fit=0.5,
    ),
}  # fmt: skip
