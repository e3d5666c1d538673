"""The shell of a person, which every cut garment is made of: an even surface just outside the skin.

It is cut from MakeHuman's tights. A garment is that shell, lifted along its normals by a thickness of its own: an outer
garment never passes through an inner one that way, and what lifts it (hang, folds, hems) are plain fields over the
shell.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from skinseg.synthetic.body.anatomy import PosedBody, face_groups
from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals, reference_body
from skinseg.synthetic.geometry.arrays import Floats, Ints, Numbers
from skinseg.synthetic.geometry.quads import compacted, neighbor_means, subdivision, vertex_normals

TORSO, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = range(5)
CLEARANCE = 0.002  # metres between the skin and the shell


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
    first, faces = subdivision(len(coarse), coarse_faces)
    second, faces = subdivision(first.shape[0], faces)
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
        neighbors=neighbor_means(len(coarse), coarse_faces),
        nipples=np.flatnonzero(bridged).astype(np.int32),
        breast=breast.astype(np.int32),
        breast_mean=neighbor_means(len(rest), faces)[breast],
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
