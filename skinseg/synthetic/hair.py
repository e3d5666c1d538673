"""Short scalp hair and eyebrows as strands, rooted by reference coordinates so that every head agrees."""

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.anatomy import PosedBody, face_groups
from skinseg.synthetic.mesh import Strands
from skinseg.synthetic.reference import BODY_VERTICES, Floats, body_normals, reference_body
from skinseg.synthetic.scene import Hair

_POINTS = 6  # per strand
_HEAD_RADIUS = 0.095  # metres; strands bend with the skull
# Real hairs are ten times thinner and ten times as many; with these the scalp does not shine through.
_RADIUS = 0.0004  # metres
_CROWN = (0.0, 0.01, 1.01)


def grow_hair(hair: Hair, body: PosedBody) -> list[Strands]:
    """Scalp hair (style "short") and brows, as the record asks. Raises ValueError on an unknown style."""
    if hair.style not in ("bald", "short"):
        raise ValueError(f"unknown hair style {hair.style!r}: expected bald or short")
    skin, normals = body.posed[:BODY_VERTICES], body_normals(body.posed)
    strands = []
    if hair.style == "short":
        strands.append(grow_scalp_hair(hair, skin, normals))
    if hair.brows:
        strands.append(grow_brows(hair, skin, normals))
    return strands


def scalp_depth() -> Floats:
    """Height above the hairline at each body vertex, metres on the reference body, float32 (13380,)."""
    return _scalp_depth(reference_body().rest[:BODY_VERTICES]).astype(np.float32)


def haired_faces(hair: Hair) -> npt.NDArray[np.bool_]:
    """Which of the "body" faces lie under the scalp's hair, bool (F,): 6 mm and more inside the hairline."""
    faces = face_groups()["body"]
    if hair.style == "bald":
        return np.zeros(len(faces), dtype=np.bool_)
    return np.asarray((scalp_depth()[faces] > 0.006).all(axis=1))


def grow_scalp_hair(hair: Hair, body: Floats, normals: Floats) -> Strands:
    """Strands combed from the crown, following the skull: body (13380, 3) posed, its unit normals."""
    rng = np.random.default_rng([hair.seed, 1])
    head = reference_body().rest[:BODY_VERTICES, 2] > 0.74
    roots, up, reference = _scatter(rng, body, normals, head, hair.density * 1000)
    depth = _scalp_depth(reference) + rng.normal(0, 0.002, len(roots))
    chosen = depth > 0
    roots, up, reference, depth = roots[chosen], up[chosen], reference[chosen], depth[chosen]

    # Away from the crown, and back rather than over the brow.
    crown, back = _head_frame(body)
    away = roots - crown
    comb = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-4)
    # Hair leaves the crown in a whorl, or a star shows there.
    comb = comb + 0.6 * np.cross(normals[_nearest(_CROWN)], comb)
    forehead = np.clip((-reference[:, 1] - 0.02) / 0.08, 0, 1)[:, None]
    part = np.array([1.0, 0.0, 0.0]) * rng.choice([-1.0, 1.0])
    comb = (1 - forehead) * comb + forehead * (0.9 * back + 0.5 * part)
    comb = _tangent(comb + rng.normal(0, 0.28, comb.shape), up)
    # Shorter towards the hairline, or the edge stands up like a brush.
    length = hair.length * rng.uniform(0.7, 1.05, len(roots)) * (0.35 + 0.65 * np.clip(depth / 0.04, 0, 1))
    lift = rng.uniform(0.25, 0.45, len(roots)) + 0.25 * forehead[:, 0]
    return Strands(_strands(roots, up, comb, length, lift), radius=_RADIUS)


def grow_brows(hair: Hair, body: Floats, normals: Floats) -> Strands:
    """Two brows of short strands that lie outward along the ridge."""
    rng = np.random.default_rng([hair.seed, 2])
    x, y, z = reference_body().rest[:BODY_VERTICES].T
    region = (np.abs(x) < 0.07) & (z > 0.90) & (z < 0.945) & (y < -0.09)
    roots, up, reference = _scatter(rng, body, normals, region, 1.5e6)
    across = np.abs(reference[:, 0])
    # The arch on the reference face: rises to two thirds of its length, then falls.
    along = (across - 0.013) / 0.046
    arch = 0.9215 + 0.0055 * np.sin(np.pi * np.clip(along * 0.75, 0, 1)) - 0.004 * np.clip(along, 0, 1) ** 2
    width = 0.0036 * (1 - 0.65 * np.clip(along, 0, 1) ** 1.5)
    inside = (np.abs(reference[:, 2] - arch) + rng.normal(0, 0.0006, len(roots)) < width) & (along > 0)
    inside &= along < 1
    roots, up, along = roots[inside], up[inside], along[inside]
    side = np.sign(reference[inside, :1])
    _, back = _head_frame(body)
    vertical = body[_nearest((0.0, -0.151, 0.956))] - body[_nearest((0.0, -0.155, 0.90))]
    vertical = vertical / np.linalg.norm(vertical)
    outward = np.cross(vertical, back) * -side
    rise = (0.9 - 1.3 * along)[:, None]
    comb = _tangent(outward + rise * vertical + rng.normal(0, 0.15, roots.shape), up)
    length = rng.uniform(0.005, 0.009, len(roots))
    return Strands(_strands(roots, up, comb, length, np.full(len(roots), 0.18)), radius=0.0001)


def _scalp_depth(reference: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Height above the hairline: forehead, temples, round the ear, nape."""
    x, y, z = reference.T
    line = np.interp(
        y, [-0.16, -0.12, -0.085, -0.06, -0.028, 0.0, 0.1], [0.972, 0.965, 0.935, 0.912, 0.905, 0.83, 0.80]
    )
    # Temples recede a little from the middle of the forehead.
    line = line + 0.015 * np.exp(-np.square((np.abs(x) - 0.05) / 0.015)) * (y < -0.07)
    ear = 0.006 * (np.abs(x) > 0.076)
    return np.asarray(z - line - ear)


def _scatter(
    rng: np.random.Generator,
    body: Floats,
    normals: Floats,
    vertices: npt.NDArray[np.bool_],
    per_square_metre: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Random points on the body faces whose vertices are chosen: place, unit normal, reference place."""
    faces = face_groups()["body"]
    faces = faces[vertices[faces].all(axis=1)]
    corners = reference_body().rest[faces]
    area = np.linalg.norm(np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]), axis=1) / 2
    count = rng.poisson(area.sum() * per_square_metre)
    quads = faces[rng.choice(len(faces), size=count, p=area / area.sum())]
    u, v = rng.random((2, count, 1))
    share = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    arrays = (body, normals, reference_body().rest)
    place, normal, reference = ((array[quads] * share).sum(axis=1) for array in arrays)
    return place, normal / np.linalg.norm(normal, axis=1, keepdims=True), reference


def _strands(
    roots: npt.NDArray[np.float64],
    up: npt.NDArray[np.float64],
    comb: npt.NDArray[np.float64],
    length: npt.NDArray[np.float64],
    lift: npt.NDArray[np.float64],
) -> Floats:
    """Points (S, P, 3): leave the skin at slope `lift`, run along `comb`, bend down with the skull."""
    s = np.linspace(0, 1, _POINTS)[None, :, None] * length[:, None, None]
    rise = lift[:, None, None] * s / (1 + 25 * s) - np.square(s) / (2 * _HEAD_RADIUS) * 0.9
    rise = np.maximum(rise, 0.0006 - np.square(s) / (2 * _HEAD_RADIUS))
    return (roots[:, None] + s * comb[:, None] + rise * up[:, None]).astype(np.float32)


def _tangent(direction: npt.NDArray[np.float64], up: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    flat = direction - np.einsum("ij,ij->i", direction, up)[:, None] * up
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def _head_frame(body: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The posed crown, and the unit direction from forehead to the back of the head."""
    crown = body[_nearest(_CROWN)].astype(np.float64)
    back = body[_nearest((0.0, 0.05, 0.93))] - body[_nearest((0.0, -0.155, 0.93))]
    return crown, (back / np.linalg.norm(back)).astype(np.float64)


def _nearest(place: tuple[float, float, float]) -> int:
    offset = reference_body().rest[:BODY_VERTICES] - np.array(place, np.float32)
    return int(np.square(offset).sum(axis=1).argmin())
