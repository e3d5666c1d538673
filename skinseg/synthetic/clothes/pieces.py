"""Pieces of cloth: cut from the shell or spanned by a grid, trimmed along a field, with a turned-in hem."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags

from skinseg.synthetic.clothes.shell import PosedShell, reference_shell
from skinseg.synthetic.geometry.arrays import Floats, Ints, Numbers
from skinseg.synthetic.geometry.quads import compacted, vertex_normals


@dataclass(frozen=True)
class Piece:
    """Part of a garment: points float32 (V, 3), faces int32 (F, 4), uv float32 (F, 4, 2) in metres."""

    points: Floats
    faces: Ints
    uv: Floats


def sewn(pieces: list[Piece]) -> Piece:
    """Several pieces as one. Raises ValueError on none."""
    starts = np.cumsum([0] + [len(piece.points) for piece in pieces[:-1]])
    return Piece(
        np.concatenate([piece.points for piece in pieces]).astype(np.float32),
        np.concatenate([p.faces + start for p, start in zip(pieces, starts, strict=True)]).astype(np.int32),
        np.concatenate([piece.uv for piece in pieces]).astype(np.float32),
    )


@dataclass(frozen=True)
class Hem:
    """The border of a cut piece: edges int32 (E, 2) and their vertices `ends` (H,), with at each of those the
    normal and the direction along the cloth into the piece, unit float32 (H, 3)."""

    edges: Ints
    ends: Ints
    normals: Floats
    inwards: Floats


def cut(lift: Floats, values: Floats, posed: PosedShell) -> tuple[Piece, Ints, Hem] | None:
    """The shell lifted by `lift` (N,) metres, where `values` (N,) are negative; None where nowhere.

    Returns the piece, the shell's vertices that it is made of, in order, and its hem, which is smooth.
    """
    shell = reference_shell()
    kept = (values[shell.faces] < 0).any(axis=1)
    if not kept.any():
        return None
    faces = shell.faces[kept]
    used, _ = compacted(faces, len(posed.points))
    points = np.zeros_like(posed.points)
    points[used] = posed.points[used] + lift[used, None] * posed.normals[used]
    piece, used, hem = trimmed(Piece(points, faces, _shell_uv(faces)), values)
    return piece, used, hem


def trimmed(piece: Piece, values: Numbers) -> tuple[Piece, Ints, Hem]:
    """What of a piece lies where `values` (V,) are negative, ending on their zero line, smooth along it.

    Returns it, the vertices of the old piece that it has, in order, and all of its border.
    """
    kept = (values[piece.faces] < 0).any(axis=1)
    used, faces = compacted(piece.faces[kept], len(piece.points))
    points = slid_to_edge(piece.points[used], values[used], faces)
    hem = _hem(points, faces)
    _smooth_border(points, hem)
    return Piece(points.astype(np.float32), faces, piece.uv[kept]), used, hem


def _shell_uv(faces: Ints) -> Floats:
    """Metres across and along a limb at each face's corners: float32 (F, 4, 2)."""
    shell = reference_shell()
    limb = shell.limbs[faces[:, 0]]
    # A face at a limb's border is mapped with the limb of its first corner, whatever the others belong to.
    across = shell.across[faces]
    angle = across + 2 * np.pi * np.round((across[:, :1] - across) / (2 * np.pi))
    uv = np.stack([angle * shell.radii[limb][:, None], shell.along[faces]], axis=2)
    return np.asarray(uv, np.float32)


def slid_to_edge(points: Numbers, values: Numbers, faces: Ints) -> Floats:
    """Move the outside vertices of faces that straddle the zero line onto it, along edges to the inside.

    A vertex with several inside neighbours goes to the mean of its crossings.
    """
    edges = np.concatenate(
        [faces[:, [i, (i + 1) % 4]] for i in range(4)] + [faces[:, [0, 2]], faces[:, [1, 3]]]
    )
    edges = np.concatenate([edges, edges[:, ::-1]])
    outside, inside = edges[(values[edges[:, 0]] >= 0) & (values[edges[:, 1]] < 0)].T
    share = values[outside] / (values[outside] - values[inside])
    crossing = points[outside] + share[:, None] * (points[inside] - points[outside])
    count = np.bincount(outside, minlength=len(points))
    moved = points.copy()
    for axis in range(3):
        total = np.bincount(outside, crossing[:, axis], minlength=len(points))
        moved[:, axis] = np.where(count > 0, total / np.maximum(count, 1), points[:, axis])
    return moved.astype(np.float32)


def _hem(points: Numbers, faces: Ints) -> Hem:
    sides = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    keys = sides.min(axis=1).astype(np.int64) * len(points) + sides.max(axis=1)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    single = np.ones(len(keys), bool)
    same = ordered[1:] == ordered[:-1]
    single[1:] &= ~same
    single[:-1] &= ~same
    edges = sides[order[single]].astype(np.int32)
    ends = np.unique(edges).astype(np.int32)
    on_hem = np.zeros(len(points), bool)
    on_hem[ends] = True
    touching = faces[on_hem[faces].any(axis=1)]
    normals = vertex_normals(points, touching)[ends]
    middle = np.repeat(points[touching].mean(axis=1), 4, axis=0)
    index = touching.ravel()
    sums = np.stack([np.bincount(index, middle[:, a], minlength=len(points)) for a in range(3)], axis=1)
    count = np.maximum(np.bincount(index, minlength=len(points)), 1)[:, None]
    inwards = (sums / count)[ends] - points[ends]
    inwards -= (inwards * normals).sum(axis=1, keepdims=True) * normals
    inwards /= np.maximum(np.linalg.norm(inwards, axis=1, keepdims=True), 1e-6)
    return Hem(edges, ends, normals.astype(np.float32), inwards.astype(np.float32))


def _smooth_border(points: Floats, hem: Hem) -> None:
    """Smooth a hem along itself, in place."""
    place = np.zeros(len(points), np.int32)
    place[hem.ends] = np.arange(len(hem.ends))
    a, b = place[hem.edges].T
    links = csr_matrix(
        (np.ones(2 * len(a)), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(len(hem.ends),) * 2
    )
    links = diags(1 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)) @ links
    border = points[hem.ends].astype(float)
    for _ in range(6):
        border = 0.5 * (border + links @ border)
    points[hem.ends] = border


def with_rim(piece: Piece, hem: Hem, thickness: Numbers, depth: float = 0.012) -> Piece:
    """The piece with its hem turned in: an edge as thick as the cloth (H,), and `depth` metres of lining."""
    count, rim = len(piece.points), len(hem.ends)
    edge = piece.points[hem.ends]
    under = edge - thickness[:, None] * hem.normals
    lining = under + depth * hem.inwards - 0.2 * thickness[:, None] * hem.normals
    place = np.zeros(count, np.int32)
    place[hem.ends] = np.arange(rim)
    a, b = hem.edges.T
    x, y = count + place[hem.edges].T
    quads = np.concatenate([np.stack([b, a, x, y], axis=1), np.stack([y, x, x + rim, y + rim], axis=1)])
    corner = np.zeros((count, 2), np.float32)
    corner[piece.faces] = piece.uv
    uv = corner[np.concatenate([np.stack([b, a, a, b], axis=1)] * 2)]
    return Piece(
        np.concatenate([piece.points, under, lining]).astype(np.float32),
        np.concatenate([piece.faces, quads]).astype(np.int32),
        np.concatenate([piece.uv, uv]).astype(np.float32),
    )


def grid(points: Numbers, uv: Numbers, closed: bool) -> Piece:
    """Quads between rows of points (R, K, 3) with uv (R, K, 2); `closed` joins a row's last point to its first
    (uv then has K + 1 columns)."""
    rows, columns = points.shape[:2]
    next_column = columns if closed else columns - 1
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(next_column), indexing="ij")
    right = (c + 1) % columns
    faces = np.stack(
        [r * columns + c, r * columns + right, (r + 1) * columns + right, (r + 1) * columns + c], axis=2
    )
    corners = np.stack(
        [
            uv[:-1, :next_column],
            uv[:-1, 1:][:, :next_column],
            uv[1:, 1:][:, :next_column],
            uv[1:, :next_column],
        ],
        axis=2,
    )
    return Piece(
        points.reshape(-1, 3).astype(np.float32),
        faces.reshape(-1, 4).astype(np.int32),
        corners.reshape(-1, 4, 2).astype(np.float32),
    )
