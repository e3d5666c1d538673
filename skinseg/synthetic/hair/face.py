"""Brows and lashes."""

from functools import cache

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.body.anatomy import PosedBody, face_groups
from skinseg.synthetic.body.reference import BODY_VERTICES, reference_body
from skinseg.synthetic.geometry.mesh import Strands
from skinseg.synthetic.hair.hairline import scatter
from skinseg.synthetic.hair.strands import Head, arched, tangent, unit
from skinseg.synthetic.scene import Hair
from skinseg.synthetic.streams import Part, stream


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
