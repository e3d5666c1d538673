"""Clothes: what each kind covers, and how a piece is cut from the body's tights or skirt geometry.

A garment is a scalar field over the reference body: negative where cloth is, zero at its edges (metres, about
a distance). The same field cuts the cloth and says which body faces it covers, so that the two agree on every
body and in every pose.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.anatomy import PosedBody, face_groups
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Mesh
from skinseg.synthetic.reference import (
    BODY_VERTICES,
    Floats,
    Ints,
    body_normals,
    reference_body,
    vertex_normals,
)
from skinseg.synthetic.scene import Garment

KINDS = ("briefs", "bra", "shirt", "trousers", "skirt")
CHEST_COVERED_FROM_GENDER = 0.35  # anny's gender: 0 = male, 1 = female

# Heights on the reference body, metres.
_CROTCH, _WAIST, _NAVEL, _ANKLE, _COLLAR, _NECK = 0.063, 0.19, 0.27, -0.72, 0.66, 0.752
_HEAD_BONES = ("head", "jaw", "special", "oris", "tongue", "levator", "eye", "orbi", "temp", "oculi", "risor")
# Inner pieces first: an outer piece lies further out.
_LAYER = {"briefs": 0, "bra": 0, "trousers": 1, "shirt": 2, "skirt": 3}
_LAYER_GAP = 0.003  # metres between one cloth and the next


def required_underwear(gender: float) -> tuple[str, ...]:
    """Kinds that a person always wears under the other clothes; gender 0 = male, 1 = female."""
    return ("briefs", "bra") if gender >= CHEST_COVERED_FROM_GENDER else ("briefs",)


def layer(garment: Garment) -> int:
    """0 = next to the skin; a larger one is worn over a smaller one. Raises ValueError on an unknown kind."""
    if garment.kind not in _LAYER:
        raise ValueError(f"unknown garment kind {garment.kind!r}: expected one of {', '.join(KINDS)}")
    return _LAYER[garment.kind]


def field(garment: Garment) -> Floats:
    """The garment's scalar field at the reference body's vertices: float32 (V,), negative where cloth is.

    briefs: hips, with legs cut diagonally. bra: a bandeau round the chest. shirt: torso from `neckline` to
    `hem`, arms to `sleeve`. trousers: waist to `leg`. skirt: the skirt geometry, waist to `leg`.
    Raises ValueError on an unknown kind.
    """
    x, _, z = reference_body().rest.T
    outside_hands = reference_body().bone_share("wrist", "finger", "metacarpal") - 0.5
    if garment.kind == "briefs":
        legs = _CROTCH - 0.045 + 0.55 * np.clip(np.abs(x) - 0.05, 0, None) - z
        # Arms hang beside the hips.
        value = np.maximum.reduce([z - _WAIST, legs, _arm_field(0.0)])
    elif garment.kind == "bra":
        value = np.maximum.reduce([z - 0.605, 0.445 - z, _arm_field(0.0)])
    elif garment.kind == "shirt":
        # Ends above the crotch: below it the tights are two legs.
        hem = _NAVEL - 0.02 + garment.hem * (_CROTCH + 0.045 - _NAVEL)
        depth = garment.neckline
        center = np.array([0.0, -0.02 - 0.07 * depth, _NECK + 0.005 - 0.03 * depth], np.float32)
        collar = 0.085 + 0.035 * depth - np.linalg.norm(reference_body().rest - center, axis=1)
        head = reference_body().bone_share("neck02", "neck03", *_HEAD_BONES)
        above = np.maximum(z - (_NECK - 0.01 - 0.02 * depth), 0.2 * (head - 0.5))
        neck = 0.008 * np.logaddexp(collar / 0.008, above / 0.008)  # a maximum with its corner rounded
        value = np.maximum.reduce([hem - z, neck, _arm_field(garment.sleeve)])
    elif garment.kind in ("trousers", "skirt"):
        leg = _CROTCH - 0.05 + garment.leg * (_ANKLE - _CROTCH + 0.05)
        value = np.maximum.reduce([z - (_WAIST + 0.02), leg - z, _arm_field(0.0)])
    else:
        raise ValueError(f"unknown garment kind {garment.kind!r}: expected one of {', '.join(KINDS)}")
    return np.asarray(np.maximum(value, outside_hands), np.float32)


def dress(
    garments: tuple[Garment, ...], gender: float, body: PosedBody
) -> tuple[list[Mesh], npt.NDArray[np.bool_]]:
    """Cloth meshes, and which faces of the "body" group they hide, bool (F,).

    Raises ValueError on an unknown kind, and without the required underwear, whatever is worn over it.
    """
    fields = [field(garment) for garment in garments]
    check_coverage(garments, fields, gender)
    normals = body_normals(body.posed)
    faces = face_groups()["body"]
    # Groin and chest go whatever the margin at a hem: underwear fits closely there.
    closed = _closed(garments, fields)
    private = np.union1d(reference_body().groin, reference_body().chest)
    hidden = np.asarray(np.isin(faces, private).any(axis=1) & (closed[faces] < 0).all(axis=1))
    meshes: list[Mesh] = []
    inner: list[tuple[Floats, Floats]] = []
    for index in sorted(range(len(garments)), key=lambda index: layer(garments[index])):
        garment, values = garments[index], fields[index]
        if garment.kind != "skirt":  # open from below: what it covers may still be seen
            # The further the cloth stands off, the deeper one sees in at its hem.
            hidden |= (values[faces] < -0.012 - 3 * garment.offset).all(axis=1)
        over = [
            other
            for worn, other in zip(garments, fields, strict=True)
            if layer(worn) > layer(garment) and worn.kind != "skirt"
        ]
        outer = np.min(over, axis=0) if over else None
        cloth = cut_garment(garment, index, values, body, normals, outer)
        if not len(cloth.faces):  # underwear may be hidden altogether
            continue
        for points, outwards in inner:
            lifted = _pushed_out(cloth.vertices, points, outwards, _LAYER_GAP)
            cloth = replace(cloth, vertices=_smoothed(lifted, cloth.faces, rounds=1))
        inner.append((cloth.vertices, vertex_normals(cloth.vertices, cloth.faces)))
        meshes.append(cloth)
    return meshes, hidden


def check_coverage(garments: tuple[Garment, ...], fields: list[Floats], gender: float) -> None:
    """Raise ValueError unless underwear is among the garments, and they cover groin and, on women, chest.

    Other clothes do not stand in for underwear; skirts cover nothing here: they are open from below.
    """
    missing = set(required_underwear(gender)) - {garment.kind for garment in garments}
    if missing:
        raise ValueError(f"garments lack underwear: add {' and '.join(sorted(missing, reverse=True))}")
    inside = _closed(garments, fields)
    regions = [("groin", reference_body().groin)]
    if gender >= CHEST_COVERED_FROM_GENDER:
        regions.append(("chest", reference_body().chest))
    for name, vertices in regions:
        if (inside[vertices] >= 0).any():
            kinds = ", ".join(garment.kind for garment in garments) or "none"
            needed = ", ".join(required_underwear(gender))
            raise ValueError(f"garments ({kinds}) leave the {name} bare: add underwear ({needed})")


def _closed(garments: tuple[Garment, ...], fields: list[Floats]) -> Floats:
    """The least field of all garments but skirts, float32 (V,): negative where one of them covers."""
    closed = [values for worn, values in zip(garments, fields, strict=True) if worn.kind != "skirt"]
    return np.asarray(np.min(closed, axis=0), np.float32)


def cut_garment(
    garment: Garment, index: int, values: Floats, body: PosedBody, normals: Floats, outer: Floats | None
) -> Mesh:
    """The garment on a posed body.

    values: its `field` (V,). index: its place among the scene's garments (names the material "cloth:<index>").
    normals: float32 (13380, 3) of the posed skin.
    outer: least field value of the garments worn over this one (V,), or None; what they hide is left out.
    """
    faces = face_groups()["helper-skirt" if garment.kind == "skirt" else "helper-tights"]
    faces = faces[(values[faces] < 0).any(axis=1)]
    if outer is not None:
        faces = faces[(outer[faces] > -0.03).any(axis=1)]
    used, compact = np.unique(faces, return_inverse=True)
    faces = compact.reshape(-1, 4).astype(np.int32)
    points = _slid_to_edge(body.posed[used], values[used], faces)
    inside, height = np.clip(-values[used], 0, None), reference_body().rest[used, 2]
    points, values, faces = _subdivided(points, np.stack([inside, height], axis=1), faces)
    inside, height = values.T
    # Looser cloth bridges hollows that tight cloth follows.
    points = _smoothed(points, faces, rounds=4 + int(1000 * garment.offset))
    distance = np.full(len(points), garment.offset, np.float32)
    # Elastic and collars lie against the skin at their edge; other hems hang free.
    edge = np.clip(1 - inside / 0.03, 0, 1)
    if garment.kind == "shirt":
        edge = edge * (height > _COLLAR)
    if garment.kind != "skirt":
        distance -= edge * np.maximum(distance - 0.002, 0)
    points = points + distance[:, None] * vertex_normals(points, faces)
    points = _pushed_out(points, body.posed[:BODY_VERTICES], normals, distance, pulled_in=edge)
    classes = np.full(len(faces), PartClass.CLOTHING, np.uint8)
    return Mesh(points, faces, classes, f"cloth:{index}")


def _arm_field(sleeve: float) -> Floats:
    """Positive beyond the sleeve's end: distance along the arm from shoulder (0) to wrist (1)."""
    shoulder, elbow, wrist = (
        reference_body().bones[f"{name}.L"] for name in ("upperarm01", "lowerarm01", "wrist")
    )
    mirrored = reference_body().rest.copy()
    mirrored[:, 0] = np.abs(mirrored[:, 0])
    upper, lower = elbow - shoulder, wrist - elbow
    upper_length, lower_length = np.linalg.norm(upper), np.linalg.norm(lower)
    upper, lower = upper / upper_length, lower / lower_length
    bisector = (upper + lower) / np.linalg.norm(upper + lower)
    past_elbow = np.clip((mirrored - elbow) @ bisector / 0.08 + 0.5, 0, 1)
    along = (1 - past_elbow) * ((mirrored - shoulder) @ upper) + past_elbow * (
        upper_length + (mirrored - elbow) @ lower
    )
    end = sleeve * (upper_length + lower_length - 0.01)
    arm = reference_body().bone_share("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
    # Shallow about the armpit, where skinning weights change within centimetres; deep in the torso.
    torso = 0.04 * (arm - 0.5) - 3 * np.clip(0.1 - arm, 0, None)
    return np.asarray(np.minimum(along - end, torso), np.float32)


def _slid_to_edge(points: Floats, values: Floats, faces: Ints) -> Floats:
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


def _subdivided(points: Floats, values: Floats, faces: Ints) -> tuple[Floats, Floats, Ints]:
    """Each quad split in four, so that the cloth can follow the finer body; `values` (V, 2) too."""
    edges = np.sort(np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)]), axis=1)
    unique, edge_of = np.unique(edges, axis=0, return_inverse=True)
    middle = len(points) + edge_of.reshape(4, -1).T
    center = len(points) + len(unique) + np.arange(len(faces))
    grown, split = (
        np.concatenate([array, array[unique].mean(axis=1), array[faces].mean(axis=1)]).astype(np.float32)
        for array in (points, values)
    )
    quads = [np.stack([faces[:, i], middle[:, i], center, middle[:, (i + 3) % 4]], axis=1) for i in range(4)]
    return grown, split, np.concatenate(quads).astype(np.int32)


def _smoothed(points: Floats, faces: Ints, rounds: int) -> Floats:
    """Laplacian smoothing over the quads' edges; edge vertices move along the edge only."""
    edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    ordered = np.sort(edges, axis=1)
    unique, times = np.unique(ordered, axis=0, return_counts=True)
    boundary = np.zeros(len(points), bool)
    boundary[unique[times == 1].ravel()] = True
    both_ways = np.concatenate([unique, unique[:, ::-1]])
    # A hem vertex is averaged with its neighbours on the hem alone, or the piece would shrink.
    on_hem = np.concatenate([times == 1, times == 1])
    both_ways = both_ways[~boundary[both_ways[:, 0]] | on_hem]
    for _ in range(rounds):
        count = np.maximum(np.bincount(both_ways[:, 0], minlength=len(points)), 1)
        mean = np.stack(
            [
                np.bincount(both_ways[:, 0], points[both_ways[:, 1], axis], minlength=len(points)) / count
                for axis in range(3)
            ],
            axis=1,
        )
        points = ((points + mean) / 2).astype(np.float32)
    return points


def _pushed_out(
    points: Floats, under: Floats, normals: Floats, distance: Floats | float, pulled_in: Floats | float = 0.0
) -> Floats:
    """Lift cloth that lies nearer than `distance` to what it is worn over, or inside it, along its normals.

    pulled_in: share in [0, 1] by which cloth that stands further off is drawn in to that distance.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(under)
    for _ in range(2):
        reach, nearest = tree.query(points)
        height = np.einsum("ij,ij->i", points - under[nearest], normals[nearest])
        # Far off, the nearest point is on another limb or beyond the other cloth's hem.
        close = reach < 0.04
        lift = np.clip(distance - height, 0, None) - pulled_in * np.clip(height - distance, 0, None)
        points = points + (close * lift)[:, None] * normals[nearest]
    return points.astype(np.float32)
