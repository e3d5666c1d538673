"""A collar on a neckline."""

import numpy as np

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.clothes.fields import drawn, shell_places
from skinseg.synthetic.clothes.pieces import Hem, Piece, grid
from skinseg.synthetic.geometry.arrays import Floats, Ints
from skinseg.synthetic.scene import Garment


def collar(
    garment: Garment, edges: dict[str, Floats], cloth: Piece, used: Ints, hem: Hem, body: PosedBody
) -> list[Piece]:
    """A stand-up collar that falls over, along the edge "neck", with a gap in front.

    edges: fields over the shell. used: its vertices that the cloth has, which ends in `hem`.
    """
    rest = shell_places().points[used[hem.ends]]
    edges = {name: values[used[hem.ends]] for name, values in edges.items()}
    on_neck = (rest[:, 2] > 0.6) & (np.abs(edges.pop("neck")) <= np.abs(np.max(list(edges.values()), axis=0)))
    if on_neck.sum() < 12:
        return []
    angle = np.arctan2(rest[on_neck, 0], -(rest[on_neck, 1] + 0.03))  # 0 = front, left positive
    order = np.argsort(angle)
    angle = angle[order]
    gap = max(0.12, float(np.abs(angle).min()) + 0.02)
    turns = np.linspace(gap, 2 * np.pi - gap, 61)
    turns = np.where(turns > np.pi, turns - 2 * np.pi, turns)

    def along(values: Floats) -> Floats:
        ordered = values[on_neck][order]
        columns = [np.interp(turns, angle, column, period=2 * np.pi) for column in ordered.T]
        smooth = np.stack(columns, axis=1)
        for _ in range(4):
            smooth[1:-1] = 0.5 * smooth[1:-1] + 0.25 * (smooth[:-2] + smooth[2:])
        return np.asarray(smooth)

    base, normals, inwards = along(cloth.points[hem.ends]), along(hem.normals), along(hem.inwards)
    up = body.posed_bones["neck02"] - body.posed_bones["neck01"]
    up = up / np.linalg.norm(up)
    out = normals - (normals @ up)[:, None] * up
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    front = np.clip((np.cos(turns) - 0.2) / 0.8, 0, 1)[:, None]
    stand = 0.016 + 0.014 * drawn(garment, 8)
    fall = stand + 0.02 + (0.015 + 0.02 * drawn(garment, 9)) * front**2
    top = base + stand * (1 - 0.6 * front) * up + 0.004 * out
    rows = [
        base + 0.012 * inwards - 0.001 * normals,
        base + 0.001 * normals,
        0.5 * (base + top) + 0.002 * out,
        top,
    ]
    end = base + fall * inwards + 0.009 * normals + 0.002 * out
    for share in (0.1, 0.35, 0.7, 1.0):
        bulge = 0.010 * np.sin(np.pi * min(share + 0.15, 1.0))
        rows.append((1 - share) * (top + 0.004 * out) + share * end + bulge * out)
    rows.append(end - 0.003 * normals - 0.002 * inwards)
    points = np.stack(rows)
    lengths = np.linalg.norm(np.diff(points.mean(axis=1), axis=0), axis=1)
    v = np.concatenate([[0], np.cumsum(lengths)])
    u = np.linspace(-0.2, 0.2, len(turns))
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=2)
    return [grid(points, uv, closed=False)]
