"""Cloth surfaces on a posed body: an even shell cut from MakeHuman's tights, and tubes round body or head.

The shell of a person is one smooth surface just outside the skin. Every cut garment is that shell, lifted
along its normals by a thickness of its own: an outer garment never passes through an inner one that way, and
what lifts it (hang, folds, hems) are plain fields over the shell. Skirts and headscarves span hollows; they
are stacks of rings round everything that they cover.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_matrix, diags
from scipy.spatial import cKDTree

from skinseg.synthetic.people.anatomy import PosedBody, face_groups
from skinseg.synthetic.people.reference import (
    BODY_VERTICES,
    Floats,
    Ints,
    body_normals,
    compacted,
    reference_body,
    vertex_normals,
)
from skinseg.synthetic.streams import Part, stream

Numbers = npt.NDArray[np.floating]  # of any precision

TORSO, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(5)
CLEARANCE = 0.002  # metres between the skin and the shell
_TURNS = 36  # directions of a hull


@dataclass(frozen=True)
class Shell:
    """The tights of the reference body, each quad in sixteen; N vertices, the first C are the coarse ones.

    coarse: int32 (C,), rows of a person's vertices. matrix: sparse (N, C), from coarse to fine.
    faces: int32 (F, 4); coarse_faces: int32 (G, 4), both in the shell's own numbers.
    limbs: int8 (N,), TORSO ... RIGHT_LEG. across, along: float32 (N,): angle about the limb's axis (radians,
    0 = front) and metres along it. radii: float32 (5,), mean radius of each limb, metres.
    near: int32 (N, 6), the body's nearest vertices. neighbors: sparse (C, C), rows sum to 1.
    nipples: int32 (M,), coarse vertices on and around them, which cloth bridges; breast: int32 (K,), the fine ones
    there, and breast_mean: sparse (K, N), the mean over the neighbours of each.
    """

    coarse: Ints
    matrix: csr_matrix
    faces: Ints
    coarse_faces: Ints
    rest: Floats
    limbs: npt.NDArray[np.int8]
    across: Floats
    along: Floats
    radii: Floats
    near: Ints
    neighbors: csr_matrix
    nipples: Ints
    breast: Ints
    breast_mean: csr_matrix


@cache
def reference_shell() -> Shell:
    """The shell's topology and its coordinates on the reference body (0.5 s, once a process)."""
    reference = reference_body()
    coarse, coarse_faces = compacted(face_groups()["helper-tights"], len(reference.rest))
    first, faces = _subdivision(len(coarse), coarse_faces)
    second, faces = _subdivision(first.shape[0], faces)
    matrix = (second @ first).tocsr().astype(np.float32)
    rest = np.asarray(matrix @ reference.rest[coarse], np.float32)
    limbs = _limbs(np.asarray(matrix @ _shares()[coarse]))
    limbs[(limbs >= LEFT_LEG) & (rest[:, 2] > 0.07)] = TORSO  # the seat
    axes = limb_axes(reference.bones)
    across, along, radii = np.zeros(len(rest)), np.zeros(len(rest)), np.zeros(5)
    for limb, axis in enumerate(axes):
        on = limbs == limb
        plane, along[on] = limb_coordinates(rest[on], axis)
        across[on] = np.arctan2(plane[:, 0], -plane[:, 1])
        radii[limb] = np.linalg.norm(plane, axis=1).mean()
    # Nipples do not show through cloth, and the skin under it is left out.
    nipples = np.array([[0.106, -0.161, 0.526], [-0.106, -0.161, 0.526]])
    skin = reference.rest[:BODY_VERTICES]
    rounded = np.flatnonzero(np.linalg.norm(skin[:, None] - nipples, axis=2).min(axis=1) > 0.03)
    bridged = np.linalg.norm(reference.rest[coarse][:, None] - nipples, axis=2).min(axis=1) < 0.036
    near = rounded[cKDTree(skin[rounded]).query(rest, k=6)[1]]
    # Not as far as the skin that is drawn beside a bra: what is smoothed here may sink into the body.
    breast = np.flatnonzero(np.linalg.norm(rest[:, None] - nipples, axis=2).min(axis=1) < 0.04)
    return Shell(
        coarse=coarse.astype(np.int32),
        matrix=matrix,
        faces=faces,
        coarse_faces=coarse_faces,
        rest=rest,
        limbs=limbs,
        across=across.astype(np.float32),
        along=along.astype(np.float32),
        radii=radii.astype(np.float32),
        near=near.astype(np.int32),
        neighbors=_neighbors(len(coarse), coarse_faces),
        nipples=np.flatnonzero(bridged).astype(np.int32),
        breast=breast.astype(np.int32),
        breast_mean=_neighbors(len(rest), faces)[breast],
    )


@cache
def _shares() -> Floats:
    """How much each of a person's vertices follows torso, left and right arm, left and right leg: (V, 5)."""
    reference = reference_body()
    shares = []
    for start in (
        ("upperarm", "lowerarm", "wrist", "finger", "metacarpal"),
        ("upperleg", "lowerleg", "foot", "toe"),
    ):
        for side in (".L", ".R"):
            bones = [name for name in reference.bones if name.startswith(start) and name.endswith(side)]
            shares.append(reference.bone_share(*bones))
    return np.stack([1 - np.sum(shares, axis=0), *shares], axis=1).astype(np.float32)


def _limbs(shares: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
    return np.asarray(shares.argmax(axis=1), np.int8)


def limb_axes(bones: dict[str, Floats]) -> list[Floats]:
    """Polylines float32 (J, 3) down the middle of torso, arms and legs, in the rest pose."""
    top, bottom = bones["neck01"], bones["root"]
    middle = np.array([0.0, 0.5 * (top[1] + bottom[1]) - 0.05], np.float32)
    axes = [np.array([[*middle, top[2]], [*middle, bottom[2]]], np.float32)]
    for names in ("upperarm01", "lowerarm01", "wrist"), ("upperleg01", "lowerleg01", "foot"):
        axes += [np.stack([bones[f"{name}.{side}"] for name in names]) for side in "LR"]
    return axes


def limb_coordinates(points: Numbers, axis: Numbers) -> tuple[Floats, Floats]:
    """Place about a limb: (N, 2) to its left and to its front or back in a plane across, and metres along.

    points: (N, 3). axis: (J, 3); the planes turn smoothly at its inner joints.
    """
    steps = np.diff(axis, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    along, tangents, centers = (points - axis[0]) @ (steps[0] / lengths[0]), None, None
    tangents = np.tile(steps[0] / lengths[0], (len(points), 1))
    centers = axis[0] + along[:, None] * tangents
    if len(axis) == 3:
        upper, lower = steps / lengths[:, None]
        bisector = (upper + lower) / np.linalg.norm(upper + lower)
        past = np.clip((points - axis[1]) @ bisector / 0.08 + 0.5, 0, 1)[:, None]
        second = (points - axis[1]) @ lower
        tangents = (1 - past) * upper + past * lower
        centers = (1 - past) * centers + past * (axis[1] + second[:, None] * lower)
        along = (1 - past[:, 0]) * along + past[:, 0] * (lengths[0] + second)
        tangents = tangents / np.linalg.norm(tangents, axis=1, keepdims=True)
    back = np.array([0.0, 1.0, 0.0]) - tangents[:, 1:2] * tangents
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    side = np.cross(back, tangents)
    away = points - centers
    plane = np.stack([(away * side).sum(axis=1), (away * back).sum(axis=1)], axis=1)
    return plane.astype(np.float32), along.astype(np.float32)


def _subdivision(count: int, faces: Ints) -> tuple[csr_matrix, Ints]:
    """One step of Catmull-Clark on quads: sparse (new, count), and the new quads int32 (4F, 4).

    Split in four, then every vertex moves to the mean of its quads' centres (Warren and Weimer's factored
    form); vertices on a border stay where the split put them.
    """
    sides = np.sort(np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)]), axis=1)
    edges, edge_of, times = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    middle = count + edge_of.reshape(4, -1).T
    center = count + len(edges) + np.arange(len(faces))
    total = count + len(edges) + len(faces)
    rows = np.concatenate([np.arange(count), np.repeat(np.arange(count, center[0]), 2), np.repeat(center, 4)])
    columns = np.concatenate([np.arange(count), edges.ravel(), faces.ravel()])
    shares = np.repeat([1.0, 0.5, 0.25], [count, 2 * len(edges), 4 * len(faces)])
    split = csr_matrix((shares, (rows, columns)), shape=(total, count))
    quads = np.concatenate(
        [np.stack([faces[:, i], middle[:, i], center, middle[:, (i + 3) % 4]], axis=1) for i in range(4)]
    )
    of_quad = csr_matrix((np.ones(quads.size), (quads.ravel(), np.repeat(np.arange(len(quads)), 4))))
    mean = of_quad @ csr_matrix(
        (np.full(quads.size, 0.25), (np.repeat(np.arange(len(quads)), 4), quads.ravel()))
    )
    mean = diags(1 / np.asarray(mean.sum(axis=1)).ravel()) @ mean
    border = np.zeros(total, bool)
    border[edges[times == 1].ravel()] = True
    border[count : count + len(edges)] = times == 1
    moved = diags((~border).astype(float)) @ mean + diags(border.astype(float))
    return (moved @ split).tocsr(), quads.astype(np.int32)


def _neighbors(count: int, faces: Ints) -> csr_matrix:
    """Sparse (count, count): the mean over a vertex's neighbours along the quads' sides."""
    sides = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    both = np.concatenate([sides, sides[:, ::-1]])
    links = csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count))
    links.data[:] = 1
    return (diags(1 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)) @ links).tocsr()


# --------------------------------------------------------------------------------------- the shell of a person


@dataclass(frozen=True)
class PosedShell:
    """One person's shell: points and normals float32 (N, 3) in world coordinates.

    above: float32 (N,), metres from the skin to the shell, which spans hollows.
    room: float32 (N,), metres that cloth may stand off there before it meets another limb's.
    bend: float32 (N,), 0 where the pose leaves the skin as it was, towards 1 where it presses it together.
    coarse_rest: float32 (C, 3), this person's tights at rest.
    """

    points: Floats
    normals: Floats
    above: Floats
    room: Floats
    bend: Floats
    coarse_rest: Floats
    axes: list[Floats]


def pose_shell(body: PosedBody) -> PosedShell:
    """The smooth surface `CLEARANCE` outside a posed body that its clothes are cut from."""
    shell = reference_shell()
    coarse = body.posed[shell.coarse]
    for _ in range(2):
        coarse = 0.5 * (coarse + shell.neighbors @ coarse)
    around_nipples = shell.neighbors[shell.nipples]
    for _ in range(30):
        coarse[shell.nipples] = around_nipples @ coarse
    # Cloth spans the furrow of the back, the seat and the hollows of bent joints; at the neck it follows.
    normals = vertex_normals(coarse.astype(np.float32), shell.coarse_faces)
    smooth = coarse
    for _ in range(20):
        smooth = 0.5 * (smooth + shell.neighbors @ smooth)
    hollow = np.clip(((smooth - coarse) * normals).sum(axis=1) / 0.003, 0, 1)
    hollow *= np.clip((0.64 - shell.rest[: len(coarse), 2]) / 0.08, 0, 1)
    hollow = np.maximum(hollow, 0.5 * (hollow + shell.neighbors @ hollow))
    coarse = coarse + hollow[:, None] * (smooth - coarse)
    # What is lifted off along these must not cross: they turn slowly.
    normals = vertex_normals(coarse.astype(np.float32), shell.coarse_faces)
    for _ in range(8):
        normals = 0.5 * (normals + shell.neighbors @ normals)
    normals = np.asarray(shell.matrix @ normals, np.float32)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    points = np.asarray(shell.matrix @ coarse, np.float32)

    skin, outwards = body.posed[:BODY_VERTICES], body_normals(body.posed)
    away = points[:, None] - skin[shell.near]
    height = np.einsum("nkj,nkj->nk", away, outwards[shell.near])
    # The nearest vertices speak for the skin below; those beside a crease speak less.
    weight = 1 / (np.einsum("nkj,nkj->nk", away, away) + 1e-5)
    height = (height * weight).sum(axis=1) / weight.sum(axis=1)
    points += np.clip(CLEARANCE - height, 0, 0.03)[:, None] * normals
    for _ in range(12):
        points[shell.breast] = shell.breast_mean @ points
    above = np.maximum(height, CLEARANCE).astype(np.float32)

    coarse_points = points[: len(coarse)]
    gap = _gaps(coarse_points, body)
    squeezed = _squeeze(shell, body)
    room, bend = np.asarray(shell.matrix @ np.stack([0.42 * gap, squeezed], axis=1), np.float32).T
    return PosedShell(points, normals, above, room, bend, body.rest[shell.coarse], limb_axes(body.bones))


def _gaps(points: Floats, body: PosedBody) -> Floats:
    """Metres from each coarse vertex to the nearest skin of another limb, at most 0.2: float32 (C,)."""
    shell = reference_shell()
    limbs = shell.limbs[: len(points)]
    of_body = _limbs(_shares()[:BODY_VERTICES])
    # Every third vertex is close enough; an upper arm is never far from the chest.
    chosen = np.zeros(BODY_VERTICES, bool)
    chosen[::3] = True
    rest = reference_body().rest[:BODY_VERTICES]
    low_arm = np.isin(of_body, (LEFT_ARM, RIGHT_ARM)) & (np.abs(rest[:, 0]) > 0.27)
    others = {
        TORSO: low_arm,
        LEFT_ARM: ~np.isin(of_body, (LEFT_ARM,)) & (rest[:, 2] < 0.6),
        RIGHT_ARM: ~np.isin(of_body, (RIGHT_ARM,)) & (rest[:, 2] < 0.6),
        LEFT_LEG: (of_body == RIGHT_LEG) | low_arm,
        RIGHT_LEG: (of_body == LEFT_LEG) | low_arm,
    }
    gap = np.full(len(points), 0.2, np.float32)
    for limb, other in others.items():
        on = np.flatnonzero(limbs == limb)
        reach, _ = cKDTree(body.posed[:BODY_VERTICES][other & chosen]).query(
            points[on], distance_upper_bound=0.2
        )
        gap[on] = np.minimum(reach, 0.2)
    return np.asarray(np.minimum(gap, 0.5 * (gap + shell.neighbors @ gap)), np.float32)


def _squeeze(shell: Shell, body: PosedBody) -> Floats:
    """How far each coarse vertex's quads have shrunk by the pose: float32 (C,) in [0, 1]."""

    def areas(points: Floats) -> Floats:
        a, b, c, d = points[shell.coarse][shell.coarse_faces].transpose(1, 0, 2)
        return np.asarray(np.linalg.norm(np.cross(c - a, d - b), axis=1))

    lost = np.clip(1 - areas(body.posed) / np.maximum(areas(body.rest), 1e-9), 0, 1)
    index = shell.coarse_faces.ravel()
    count = np.maximum(np.bincount(index, minlength=len(shell.coarse)), 1)
    mean = np.bincount(index, np.repeat(lost, 4), minlength=len(shell.coarse)) / count
    for _ in range(2):
        mean = 0.5 * (mean + shell.neighbors @ mean)
    return np.asarray(np.clip(2 * mean, 0, 1), np.float32)


def hang(posed: PosedShell, slope: float) -> Floats:
    """How far cloth that falls from the widest place above stands off the shell: float32 (N,), metres.

    It spans hollows round each limb, and follows the limb inwards by at most `slope` metres a metre.
    Found at rest, where down is along every limb.
    """
    shell = reference_shell()
    count = len(shell.coarse)
    lift = np.zeros(count)
    for limb, axis in enumerate(posed.axes):
        on = np.flatnonzero(shell.limbs[:count] == limb)
        plane, along = limb_coordinates(posed.coarse_rest[on], axis)
        step = 0.035
        row = np.clip((along - along.min()) / step, 0, None)
        hulls = _hulls(plane, row, int(row.max()) + 2)
        for lower in range(1, len(hulls)):
            hulls[lower] = np.maximum(hulls[lower], hulls[lower - 1] - slope * step)
        radius = np.linalg.norm(plane, axis=1)
        angle = np.arctan2(plane[:, 1], plane[:, 0])
        low, share = row.astype(int), (row % 1)[:, None]
        reach = _reach((1 - share) * hulls[low] + share * hulls[low + 1], angle)
        lift[on] = np.clip(reach - radius, 0, 0.09)
        if limb in (LEFT_ARM, RIGHT_ARM):
            lift[on] *= np.clip((along - 0.03) / 0.1, 0, 1)  # cloth lies on the shoulder
    for _ in range(3):
        # Never less: a narrow furrow is spanned in full, and its surroundings rise with it.
        lift = np.maximum(lift, 0.5 * (lift + shell.neighbors @ lift))
    return np.asarray(shell.matrix @ lift, np.float32)


def _hulls(plane: Numbers, row: Numbers, rows: int) -> Floats:
    """Support function of the points (N, 2) about rows that they lie between: (rows, 36), metres.

    row: (N,), in [0, rows - 1).
    """
    angles = np.arange(_TURNS) * 2 * np.pi / _TURNS
    reach = plane @ np.stack([np.cos(angles), np.sin(angles)])
    above = row.astype(int)
    order = np.argsort(above, kind="stable")
    present, starts = np.unique(above[order], return_index=True)
    largest = np.maximum.reduceat(reach[order], starts, axis=0)
    hulls = np.full((rows, _TURNS), -np.inf)
    hulls[present] = largest
    hulls[present + 1] = np.maximum(hulls[present + 1], largest)
    for index in range(1, rows):
        if not np.isfinite(hulls[index, 0]):
            hulls[index] = hulls[index - 1]
    if not np.isfinite(hulls[0, 0]):
        hulls[0] = hulls[1]
    return np.asarray(hulls)


def _reach(hulls: Numbers, angle: Numbers) -> Floats:
    """Distance (N,) from the axis to a hull's border (N, 36) in direction `angle` (N,)."""
    angles = np.arange(_TURNS) * 2 * np.pi / _TURNS
    cosine = np.cos(angle[:, None] - angles)
    return np.asarray(np.where(cosine > 0.25, hulls / np.maximum(cosine, 0.25), np.inf).min(axis=1))


# --------------------------------------------------------------------------------------------------- folds


def wrinkle_noise(
    across: Numbers, along: Numbers, cells: int, length: float, shear: float, rng: np.random.Generator
) -> Floats:
    """Smooth noise (N,) in about [-1, 1]; `cells` of it round a limb, each `length` metres long.

    across: angle in radians, without a seam. shear: cells that a pattern winds round per metre along.
    """
    lattice = rng.uniform(-1, 1, (cells, 48))
    place = np.stack([across * cells / (2 * np.pi) + shear * along, along / length])
    return np.asarray(1.6 * map_coordinates(lattice, place, order=3, mode="grid-wrap"), np.float32)


def folds(posed: PosedShell, used: Ints, loose: Floats, seed: int) -> Floats:
    """Height of folds at the shell's vertices `used`, float32 (n,) in [0, 1].

    Long ones fall from where cloth is wide (loose, float32 (n,) in [0, 1]); slanting ones cross each other
    about joints and where the pose presses cloth together.
    """
    shell = reference_shell()
    across, along, limbs = shell.across[used], shell.along[used], shell.limbs[used]
    bend = posed.bend[used]
    height = np.zeros(len(used), np.float32)
    for limb in range(5):
        on = limbs == limb
        if not on.any():
            continue
        a, s = across[on], along[on]
        trunk = limb == TORSO
        cells = (11, 7, 7, 9, 9)[limb]
        rngs = [stream(Part.FOLDS, seed, number=4 * limb + layer) for layer in range(4)]
        fall = wrinkle_noise(a, s, cells, 0.35, 0.6, rngs[0])
        one = wrinkle_noise(a, s, cells // 2, 0.08 if not trunk else 0.10, 11.0, rngs[1])
        other = wrinkle_noise(a, s, cells // 2, 0.08 if not trunk else 0.10, -11.0, rngs[2])
        where = wrinkle_noise(a, s, 3, 0.2, 0.0, rngs[3])
        joint = 0.0
        if not trunk:
            knee = float(np.linalg.norm(posed.axes[limb][1] - posed.axes[limb][0]))
            joint = np.exp(-(((s - knee) / 0.09) ** 2)) + 0.6 * np.exp(-(((s - 0.02) / 0.07) ** 2))
        crossing = np.clip(0.25 + 0.45 * where + 0.4 * joint + 0.9 * bend[on], 0.05, 1.1)
        ridges = 1 - (1 - _ridge(one)) * (1 - _ridge(other))
        height[on] = 0.9 * loose[on] * (0.5 + 0.5 * fall) + crossing * ridges
    return np.clip(height, 0, 1.4)


def _ridge(noise: Numbers) -> Floats:
    """Rounded crests along the noise's zero lines, 0-1."""
    return np.asarray(np.exp(-((noise / 0.42) ** 2)), np.float32)


# ------------------------------------------------------------------------------------------------- pieces


@dataclass(frozen=True)
class Piece:
    """Part of a garment: points float32 (V, 3), faces int32 (F, 4), uv float32 (F, 4, 2) in metres."""

    points: Floats
    faces: Ints
    uv: Floats


def joined(pieces: list[Piece]) -> Piece:
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


# -------------------------------------------------------------------------------------------------- rings


@dataclass(frozen=True)
class Rings:
    """A stack of hulls: centers, sides, fronts float32 (R, 3), the last two unit and across the stack;
    hulls float32 (R, 36), the distance of the hull's tangent in each direction, side = 0, front = 90 degrees."""

    centers: Numbers
    sides: Numbers
    fronts: Numbers
    hulls: Numbers


def stack_rings(
    points: Numbers, heights: Numbers, left: npt.NDArray[np.bool_], stations: Numbers, side: Numbers
) -> Rings:
    """Hulls of what lies about each station, each across the line through their middles.

    points: (N, 3) with a height (N,) on the reference body; stations: (R,) heights from the top down, evenly
    spaced. left: bool (N,): a ring's middle is between those on the left and those on the right.
    side: (3,) or (R, 3), towards the left.
    """
    half = 1.1 * abs(float(stations[1] - stations[0])) + 0.006
    groups = [np.flatnonzero(np.abs(heights - station) < half) for station in stations]
    middles = np.stack(
        [0.25 * (
            points[group[left[group]]].min(axis=0) + points[group[left[group]]].max(axis=0)
            + points[group[~left[group]]].min(axis=0) + points[group[~left[group]]].max(axis=0)
        ) for group in groups]
    )  # fmt: skip
    for _ in range(4):
        middles[1:-1] = 0.5 * middles[1:-1] + 0.25 * (middles[:-2] + middles[2:])
    tangents = np.gradient(middles, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    sides = np.broadcast_to(side, tangents.shape)
    sides = sides - (sides * tangents).sum(axis=1, keepdims=True) * tangents
    sides = sides / np.linalg.norm(sides, axis=1, keepdims=True)
    fronts = np.cross(tangents, sides)
    angles = np.arange(_TURNS) * 2 * np.pi / _TURNS
    hulls = np.empty((len(stations), _TURNS))
    for row, group in enumerate(groups):
        away = points[group] - middles[row]
        plane = np.stack([away @ sides[row], away @ fronts[row]], axis=1)
        hulls[row] = (plane @ np.stack([np.cos(angles), np.sin(angles)])).max(axis=0)
    return Rings(middles, sides, fronts, hulls)


def ring_points(rings: Rings, angles: Numbers, rows: int, lift: Numbers) -> Floats:
    """Points (rows, K, 3) evenly down the stack at `angles` (K,), `lift` (rows, K) metres outside the hulls."""
    place = np.linspace(0, len(rings.centers) - 1, rows)
    low = np.minimum(place.astype(int), len(rings.centers) - 2)
    share = (place - low)[:, None]

    def between(values: Floats) -> Floats:
        return np.asarray((1 - share) * values[low] + share * values[low + 1])

    hulls = between(rings.hulls)
    reach = np.stack([_reach(hulls, np.full(rows, angle)) for angle in angles], axis=1) + lift
    away = (
        np.cos(angles)[:, None] * between(rings.sides)[:, None]
        + np.sin(angles)[:, None] * between(rings.fronts)[:, None]
    )
    return np.asarray(between(rings.centers)[:, None] + reach[..., None] * away, np.float32)


def laid_over(
    points: Numbers, under: Numbers, normals: Numbers, distance: float, drawn_in: Numbers
) -> Floats:
    """Lift points (N, 3) that lie nearer than `distance` metres to a surface, or below it.

    under, normals: (M, 3), the surface's points and unit normals. drawn_in: share (N,) in [0, 1] by which
    points that stand further off are drawn in to that distance.
    """
    tree = cKDTree(under)
    for _ in range(2):
        reach, nearest = tree.query(points)
        height = np.einsum("ij,ij->i", points - under[nearest], normals[nearest])
        lift = np.clip(distance - height, 0, None) - drawn_in * np.clip(height - distance, 0, None)
        # Far off, the nearest point is beyond the surface's border.
        points = points + ((reach < 0.05) * lift)[:, None] * normals[nearest]
    return np.asarray(points, np.float32)
