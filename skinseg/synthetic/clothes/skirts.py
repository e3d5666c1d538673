"""Cloth that hangs from the waist round both legs."""

import numpy as np

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.clothes.fields import ANKLE, CROTCH, TUCKED, WAIST, drawn, front_gap, random_of
from skinseg.synthetic.clothes.hang import wrinkle_noise
from skinseg.synthetic.clothes.pieces import Piece, grid
from skinseg.synthetic.clothes.shell import TORSO, PosedShell, reference_shell
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.geometry.rings import Rings, ring_points, stack_rings
from skinseg.synthetic.scene import Garment


def skirt(
    garment: Garment,
    surface: Floats,
    posed: PosedShell,
    body: PosedBody,
    *,
    waistband: bool = False,
    open_front: bool = False,
) -> list[Piece]:
    """Cloth that hangs from the waist round both legs to `leg`, in flutes.

    waistband: it begins with one, which lies over what is tucked in; else it comes out from under a bodice.
    """
    shell = reference_shell()
    count = len(shell.coarse)
    height = shell.rest[:count, 2]
    top = WAIST + (0.02 if waistband else 0.0)
    bottom = min(CROTCH - 0.05 + garment.leg * (ANKLE - CROTCH + 0.05), 0.0)
    near = (height < top + 0.06) & np.isin(shell.limbs[:count], (TORSO, 3, 4)) & (height > bottom - 0.08)
    stations = np.linspace(top, bottom, max(4, round((top - bottom) / 0.035)))
    side = body.posed_bones["upperleg01.L"] - body.posed_bones["upperleg01.R"]
    rings = stack_rings(surface[:count][near], height[near], shell.rest[:count, 0][near] > 0, stations, side)
    step = (top - bottom) / (len(stations) - 1)
    loose = float(np.clip((garment.offset - 0.006) / 0.03, 0, 1))
    flare = 0.35 * loose * drawn(garment, 10)
    hulls = rings.hulls.copy()
    for row in range(1, len(hulls)):
        hulls[row] = np.maximum(hulls[row], hulls[row - 1] + step * (flare - 0.25 * (1 - loose)))
    for _ in range(2):
        hulls[1:-1] = np.maximum(hulls[1:-1], 0.5 * hulls[1:-1] + 0.25 * (hulls[:-2] + hulls[2:]))
    rings = Rings(rings.centers, rings.sides, rings.fronts, hulls)

    rows = max(12, round((top - bottom) / 0.016))
    gap = 0.0
    if open_front:
        gap = max(0.02, float(front_gap(garment, np.array(top))) / 0.16)
    # 90 degrees is the front.
    angles = np.pi / 2 + (np.linspace(gap, 2 * np.pi - gap, 144) if gap else np.arange(144) * 2 * np.pi / 144)
    drop = np.linspace(0, 1, rows)[:, None]
    metres = drop * (top - bottom)
    cells = 9 + int(8 * drawn(garment, 11))
    across, down = np.broadcast_arrays(angles[None], metres)
    flutes = wrinkle_noise(across.ravel(), down.ravel(), cells, 0.9, 0.15, random_of(garment, 12)).reshape(
        across.shape
    )
    depth = (
        np.clip(1.6 * garment.folds + 0.05 * flare, 0, 0.05)
        * np.clip(metres / 0.25, 0, 1)
        * (0.4 + 0.6 * drop)
    )
    band = TUCKED if waistband else -0.002
    close = band + (garment.offset - band) * np.clip(metres / 0.07, 0, 1)
    lift = close + depth * (1 + flutes)
    points = ring_points(rings, angles, rows, lift.astype(np.float32))
    inner = ring_points(rings, angles, rows, (lift - 0.003).astype(np.float32))
    # A band to hold it and a turned-in hem.
    points = np.concatenate([inner[1:2], inner[:1], points, inner[-1:], inner[-3:-2]])
    v = np.concatenate([[0.01, 0.0], metres[:, 0], metres[-1:, 0], metres[-3:-2, 0]])
    closed = not gap
    u = np.linspace(0, 2 * np.pi * 0.17, len(angles) + closed)
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=2)
    return [grid(points, uv, closed=closed)]
