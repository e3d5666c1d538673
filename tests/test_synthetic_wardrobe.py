"""Clothes and hair on posed bodies: always underwear, nothing through the cloth, no hair over the face."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from skinseg.synthetic.anatomy import PosedBody
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Garment, Hair
from skinseg.synthetic.wardrobe import CHEST_COVERED_FROM_GENDER, required_underwear

pytestmark = pytest.mark.slow  # each loads the body model

Floats = npt.NDArray[np.float32]


def garment(kind: str, **changes: float) -> Garment:
    plain = Garment(kind, 0.0, 0.0, 0.0, 0.0, 0.005, (0.2,) * 3, "plain", (0.5,) * 3, 20.0, 0.8)
    return dataclasses.replace(plain, **changes)


BRIEFS, BRA = garment("briefs"), garment("bra")
SHIRT = garment("shirt", sleeve=0.35, neckline=0.3, hem=0.8, offset=0.015)
TROUSERS = garment("trousers", leg=0.95, offset=0.012)
SKIRT = garment("skirt", leg=0.4, offset=0.012)
HAIR = Hair("short", 0.03, 90.0, (0.05, 0.03, 0.02), True, 7)


def people(count: int = 4) -> list[tuple[float, PosedBody]]:
    """Random bodies with their gender, women and men by turns."""
    from skinseg.synthetic.human import pose_body
    from skinseg.synthetic.posture import draw_body

    drawn = []
    for seed in range(count):
        body = draw_body(np.random.default_rng([5, seed]))
        gender = (0.05, 0.95)[seed % 2]
        body = dataclasses.replace(body, phenotype={**body.phenotype, "gender": gender})
        drawn.append((gender, pose_body(body)))
    return drawn


def underwear(gender: float) -> tuple[Garment, ...]:
    return tuple(garment(kind) for kind in required_underwear(gender))


def points_on_faces(vertices: Floats, parts: int) -> Floats:
    """Points inside the body's quads, parts x parts to each: float32 (F·parts², 3)."""
    from skinseg.synthetic.anatomy import face_groups

    a, b, c, d = vertices[face_groups()["body"]].transpose(1, 0, 2)[:, :, None]
    u, v = (np.indices((parts, parts)).reshape(2, 1, -1, 1) + 0.5) / parts
    inner = (1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d
    return np.asarray(inner.reshape(-1, 3), np.float32)


def test_required_underwear_covers_the_chest_from_the_threshold_on() -> None:
    assert required_underwear(0.0) == ("briefs",)
    assert required_underwear(np.nextafter(CHEST_COVERED_FROM_GENDER, 0)) == ("briefs",)
    assert required_underwear(CHEST_COVERED_FROM_GENDER) == ("briefs", "bra")
    assert required_underwear(1.0) == ("briefs", "bra")


@pytest.mark.parametrize(
    ("gender", "worn"),
    [
        (0.0, ()),
        (0.0, (SHIRT,)),
        (0.0, (BRA,)),
        (0.0, (SKIRT,)),
        (1.0, (BRIEFS,)),
        (1.0, (BRA,)),
        (1.0, (SHIRT, TROUSERS)),
        (CHEST_COVERED_FROM_GENDER, (BRIEFS, SKIRT)),
    ],
)
def test_without_underwear_nobody_is_dressed(gender: float, worn: tuple[Garment, ...]) -> None:
    from skinseg.synthetic.wardrobe import dress

    _, body = people(1)[0]
    with pytest.raises(ValueError, match="underwear"):
        dress(worn, gender, body)


@pytest.mark.parametrize("over", [(), (SKIRT,), (TROUSERS, SHIRT)])
def test_groin_and_chest_lie_under_cloth_on_every_body(over: tuple[Garment, ...]) -> None:
    """Their faces are dropped, and closed cloth lies close by: a skirt, open from below, does not count."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.anatomy import face_groups
    from skinseg.synthetic.reference import reference_body
    from skinseg.synthetic.wardrobe import dress

    faces = face_groups()["body"]
    for gender, body in people():
        worn = underwear(gender) + over
        cloth, covered = dress(worn, gender, body)
        private = reference_body().groin
        if gender >= CHEST_COVERED_FROM_GENDER:
            private = np.union1d(private, reference_body().chest)
        assert covered[np.isin(faces, private).all(axis=1)].all()
        closed = [m for m in cloth if worn[int(m.material.removeprefix("cloth:"))].kind != "skirt"]
        points = np.concatenate([mesh.vertices for mesh in closed])
        reach, _ = cKDTree(points).query(body.posed[private])
        assert reach.max() < 0.05


@pytest.mark.parametrize("over", [(), (TROUSERS, SHIRT), (SKIRT, SHIRT)])
def test_cloth_lies_outside_the_body(over: tuple[Garment, ...]) -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.reference import BODY_VERTICES, body_normals
    from skinseg.synthetic.wardrobe import dress

    for gender, body in people(2):
        worn = underwear(gender) + over
        cloth, _ = dress(worn, gender, body)
        skin, normals = body.posed[:BODY_VERTICES], body_normals(body.posed)
        for mesh in cloth:
            assert set(np.unique(mesh.classes)) == {PartClass.CLOTHING}
            assert mesh.faces.max() < len(mesh.vertices)
            assert worn[int(mesh.material.removeprefix("cloth:"))] is not None
            reach, nearest = cKDTree(skin).query(mesh.vertices)
            height = np.einsum("ij,ij->i", mesh.vertices - skin[nearest], normals[nearest])
            assert np.mean(height[reach < 0.04] > 0) > 0.99


def test_hidden_faces_lie_inside_a_garment_and_hands_and_face_stay() -> None:
    from skinseg.synthetic.anatomy import body_classes, face_groups
    from skinseg.synthetic.reference import reference_body
    from skinseg.synthetic.wardrobe import dress, field

    faces = face_groups()["body"]
    gender, body = people(1)[0]
    worn = (BRIEFS, TROUSERS, dataclasses.replace(SHIRT, sleeve=1.0))
    _, covered = dress(worn, gender, body)
    depth = np.min([field(piece) for piece in worn], axis=0)
    assert (depth[faces[covered]] < 0).all()
    assert covered.mean() > 0.2
    hands = reference_body().bone_share("finger", "metacarpal") > 0.9
    face = reference_body().bone_share("head", "jaw", "oris", "orbi") > 0.9
    assert not covered[(hands | face)[faces].any(axis=1)].any()
    assert not covered[body_classes() != PartClass.SKIN].any()


@pytest.mark.parametrize("kind", ["briefs", "bra", "trousers", "skirt"])
def test_hems_follow_the_iso_line(kind: str) -> None:
    """Cut vertices lie on the field's zero: no staircase of whole faces at the hem."""
    from skinseg.synthetic.anatomy import face_groups
    from skinseg.synthetic.reference import reference_body
    from skinseg.synthetic.wardrobe import _slid_to_edge, field

    values = field(garment(kind, leg=0.5))
    faces = face_groups()["helper-skirt" if kind == "skirt" else "helper-tights"]
    faces = faces[(values[faces] < 0).any(axis=1)]
    used, compact = np.unique(faces, return_inverse=True)
    rest, signed = reference_body().rest[used], values[used]
    # With the field as a fourth coordinate, sliding interpolates it along with the position.
    slid = _slid_to_edge(np.c_[rest[:, :2], signed].astype(np.float32), signed, compact.reshape(-1, 4))
    assert (signed >= 0).any()
    assert np.abs(slid[signed >= 0, 2]).max() < 1e-3
    np.testing.assert_array_equal(slid[signed < 0, 2], signed[signed < 0])


def test_an_unknown_garment_or_hair_style_is_refused() -> None:
    from skinseg.synthetic.hair import grow_hair
    from skinseg.synthetic.wardrobe import dress

    gender, body = people(1)[0]
    with pytest.raises(ValueError, match="cape"):
        dress((BRIEFS, garment("cape")), gender, body)
    with pytest.raises(ValueError, match="mohawk"):
        grow_hair(dataclasses.replace(HAIR, style="mohawk"), body)


def test_hair_is_rooted_on_the_scalp_and_keeps_out_of_the_face() -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.hair import grow_hair
    from skinseg.synthetic.reference import BODY_VERTICES, reference_body

    for _, body in people(3):
        scalp, brows = grow_hair(HAIR, body)
        surface = np.concatenate([points_on_faces(body.posed, parts=6), body.posed[:BODY_VERTICES]])
        place = np.concatenate(
            [points_on_faces(reference_body().rest, 6), reference_body().rest[:BODY_VERTICES]]
        )
        tree = cKDTree(surface)
        assert 2000 < len(scalp.points) < 20000
        reach, nearest = tree.query(scalp.points[:, 0])
        assert reach.max() < 0.004
        # On the reference body the nape ends at 0.79 m, the ears' tops lie at 0.9 m and the brows at 0.925 m.
        _, y, z = place[nearest].T
        assert z.min() > 0.78
        assert z[y < -0.06].min() > 0.9
        assert z[y < -0.10].min() > 0.935
        # No arcs: every point stays within a finger's breadth of the skull, and few hang over the forehead.
        reach, nearest = tree.query(scalp.points.reshape(-1, 3))
        assert reach.max() < 0.02
        _, y, z = place[nearest].T
        assert np.mean(z[y < -0.10] > 0.935) > 0.99
        eyes = (body.posed_bones["eye.L"], body.posed_bones["eye.R"])
        for eye in eyes:
            assert np.linalg.norm(scalp.points - eye, axis=2).min() > 0.03
        left = np.linalg.norm(brows.points[:, 0] - eyes[0], axis=1) < np.linalg.norm(
            brows.points[:, 0] - eyes[1], axis=1
        )
        assert 0.35 < left.mean() < 0.65
        length = np.linalg.norm(np.diff(brows.points, axis=1), axis=2).sum(axis=1)
        assert length.min() > 0.004
        assert length.max() < 0.012


def test_hair_is_a_function_of_its_seed_and_a_bald_head_has_brows_only() -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.hair import grow_hair
    from skinseg.synthetic.reference import BODY_VERTICES, reference_body

    _, body = people(1)[0]
    first, again = grow_hair(HAIR, body)[0], grow_hair(HAIR, body)[0]
    np.testing.assert_array_equal(first.points, again.points)
    other = grow_hair(dataclasses.replace(HAIR, seed=8), body)[0]
    assert len(other.points) != len(first.points) or not np.array_equal(other.points, first.points)

    bald = grow_hair(dataclasses.replace(HAIR, style="bald"), body)
    x, y, z = reference_body().rest[:BODY_VERTICES].T
    forehead = (np.abs(x) < 0.07) & (z > 0.9) & (z < 0.95) & (y < -0.09)
    assert len(bald) == 1
    _, nearest = cKDTree(body.posed[:BODY_VERTICES]).query(bald[0].points[:, 0])
    assert forehead[nearest].all()
    assert not grow_hair(dataclasses.replace(HAIR, style="bald", brows=False), body)
