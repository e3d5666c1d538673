"""A scarf about the neck."""

import numpy as np

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.clothes.fields import Places, drawn, random_of, shell_places
from skinseg.synthetic.clothes.garment import Edges, GarmentKind
from skinseg.synthetic.clothes.hang import wrinkle_noise
from skinseg.synthetic.clothes.pieces import Piece, grid
from skinseg.synthetic.clothes.shell import PosedShell, reference_shell
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.geometry.rings import ring_points, stack_rings
from skinseg.synthetic.scene import Garment


def _edges(garment: Garment, at: Places) -> Edges:
    """Its ends on the chest."""
    x, y, z = at.points.T
    side = 0.055 if drawn(garment, 2) < 0.5 else -0.055
    ends = np.maximum.reduce([np.abs(x - side) - 0.05, y + 0.04, z - 0.73])
    return {"ends": ends, "bottom": 0.42 + 0.1 * drawn(garment, 3) - z}


def _loose(garment: Garment) -> dict[str, float]:
    return {}


def _loops(garment: Garment, surface: Floats, posed: PosedShell, body: PosedBody) -> list[Piece]:
    """Two turns of gathered cloth about the neck."""
    shell = reference_shell()
    count = len(shell.coarse)
    height = shell.rest[:count, 2]
    near = (height > 0.68) & (shell_places().arm[:count] < 0.2)
    side = body.posed_bones["clavicle.L"] - body.posed_bones["clavicle.R"]
    stations = np.linspace(0.79, 0.73, 4)
    rings = stack_rings(surface[:count][near], height[near], shell.rest[:count, 0][near] > 0, stations, side)
    up = body.posed_bones["neck02"] - body.posed_bones["neck01"]
    up = up / np.linalg.norm(up)
    turns, around = 72, 16
    angles = np.arange(turns) * 2 * np.pi / turns
    loops = []
    for number in range(2):
        wave = wrinkle_noise(
            angles, np.zeros(turns, np.float32), 5, 1.0, 0.0, random_of(garment, 31 + number)
        )
        thick = 0.022 + 0.5 * garment.offset * (1 + 0.3 * wave)
        ring = ring_points(rings, angles, 4, np.zeros((4, turns), np.float32))[1 + number]
        middle = ring.mean(axis=0)
        out = ring - middle
        out -= (out @ up)[:, None] * up
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        front = (0.5 + 0.5 * np.sin(angles))[:, None]
        center = ring + (thick[:, None] * (0.8 + 0.7 * number)) * out
        center += ((0.008 - 0.030 * number) - (0.025 + 0.015 * number) * front + 0.006 * wave[:, None]) * up
        spin = np.arange(around + 1) * 2 * np.pi / around
        twist = spin[:, None] + 2 * angles[None]
        crease = wrinkle_noise(
            twist.ravel(),
            np.broadcast_to(angles[None], twist.shape).ravel() * 0.1,
            5,
            0.1,
            0.0,
            random_of(garment, 41 + number),
        ).reshape(twist.shape)
        radius = thick[None] * (1 + 10 * garment.folds * crease)
        points = (
            center
            + (radius * np.cos(spin)[:, None])[..., None] * out
            + (1.25 * radius * np.sin(spin)[:, None])[..., None] * up
        )
        u = np.linspace(0, 0.8, turns + 1)
        uv = np.stack(np.broadcast_arrays(u[None], (spin * 0.035)[:, None]), axis=2)
        loops.append(grid(points, uv, closed=True))
    return loops


SCARVES = {
    "scarf": GarmentKind(
        9, _edges, held=_loose, parts=_loops, knitted=True, hides=False, outfit="scarf", fit=0.5
    ),
}
