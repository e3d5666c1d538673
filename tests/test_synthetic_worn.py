"""Worn things fit every head, hand and pose."""

import numpy as np
import numpy.typing as npt
import pytest

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.geometry.mesh import Mesh, Strands
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Accessory
from tests.bodies import person, well_formed

Floats = npt.NDArray[np.floating]

HATS = ("beanie", "cap", "brim_hat")


def accessory(kind: str, seed: int = 0, size: float = 0.5) -> Accessory:
    return Accessory(kind, size, (0.3, 0.1, 0.2), (0.1, 0.5, 0.4), 0.5, 0.0, seed)


def worn(kind: str, body: PosedBody, seed: int = 0, size: float = 0.5) -> list[Mesh]:
    from skinseg.synthetic.worn.accessories import wear

    return wear((accessory(kind, seed, size),), body)


def on_resting_head(body: PosedBody, points: Floats) -> Floats:
    """World points in the coordinates of the head at rest."""
    from skinseg.synthetic.worn.fitting import resting_head

    head = resting_head(body)
    return (points - head.shift) @ head.rotation


def heights_above_skin(body: PosedBody, points: Floats) -> Floats:
    """Signed distance of points near the body from its surface, metres."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals

    skin, normals = body.posed[:BODY_VERTICES], body_normals(body.posed)
    _, nearest = cKDTree(skin).query(points)
    return np.einsum("ij,ij->i", points - skin[nearest], normals[nearest])


def kinds_of_accessories() -> tuple[str, ...]:
    from skinseg.synthetic.worn.accessories import ACCESSORIES

    return tuple(ACCESSORIES)


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds_of_accessories())
def test_every_accessory_is_well_formed_near_its_place_and_deterministic(kind: str) -> None:
    for number in range(3):
        body = person(number)
        bones = body.posed_bones
        anchors = {
            "necklace": [bones["neck01"]],
            "watch": [bones["wrist.L"], bones["wrist.R"]],
            "bracelet": [bones["wrist.L"], bones["wrist.R"]],
            "rings": [bones[f"finger{f}-1.{s}"] for f in (2, 3, 4, 5) for s in "LR"],
        }.get(kind, [(bones["eye.L"] + bones["eye.R"]) / 2])
        reach = {"necklace": 0.35, "watch": 0.08, "bracelet": 0.1, "rings": 0.08}.get(kind, 0.33)
        for seed, size in ((1, 0.0), (2, 0.5), (3, 1.0)):
            meshes = worn(kind, body, seed, size)
            assert meshes
            for mesh, again in zip(meshes, worn(kind, body, seed, size), strict=True):
                well_formed(mesh, PartClass.ACCESSORY)
                np.testing.assert_array_equal(mesh.vertices, again.vertices)
                away = [np.linalg.norm(mesh.vertices - anchor, axis=1) for anchor in anchors]
                assert np.min(away, axis=0).max() < reach


@pytest.mark.slow
def test_clear_lenses_have_glass_and_dark_ones_do_not() -> None:
    from skinseg.synthetic.worn.accessories import wear

    meshes = wear((accessory("cap"), accessory("glasses"), accessory("sunglasses")), person(0))
    assert [mesh.material for mesh in meshes] == [
        "accessory:0:0",
        "accessory:0:1",
        "glass:0:1",
        "accessory:0:2",
    ]
    assert wear((), person(0)) == []


@pytest.mark.slow
def test_lenses_lie_in_front_of_the_eyes_and_temples_on_the_ears() -> None:
    for number in range(3):
        body = person(number)
        for seed in range(3):
            frame, glass = worn("glasses", body, seed)
            assert np.mean(heights_above_skin(body, glass.vertices) > 0) > 0.99
            assert np.mean(heights_above_skin(body, frame.vertices) > -0.002) > 0.97
            panes = on_resting_head(body, glass.vertices)
            for eye in (body.bones["eye.L"], body.bones["eye.R"]):
                pane = panes[np.sign(panes[:, 0]) == np.sign(eye[0])]
                assert pane[:, 0].min() < eye[0] - 0.012
                assert pane[:, 0].max() > eye[0] + 0.012
                assert pane[:, 2].min() < eye[2] - 0.01
                assert pane[:, 2].max() > eye[2] + 0.01
                # In front of the cornea and the lashes, and not far from the face.
                assert pane[:, 1].max() < eye[1] - 0.012
                assert pane[:, 1].min() > eye[1] - 0.05
            back = on_resting_head(body, frame.vertices)
            assert back[:, 1].max() > body.bones["eye.L"][1] + 0.08


@pytest.mark.slow
@pytest.mark.parametrize("kind", HATS)
def test_hats_enclose_the_scalp_and_keep_out_of_the_forehead(kind: str) -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.reference import BODY_VERTICES, reference_body

    scalp = reference_body().rest[:BODY_VERTICES, 2] > 0.975
    for number in range(3):
        body = person(number)
        eyes = (body.bones["eye.L"] + body.bones["eye.R"]) / 2
        middle = eyes + np.array([0.0, 0.08, 0.035])
        for seed, size in ((0, 0.0), (1, 0.6), (2, 1.0)):
            (mesh,) = worn(kind, body, seed, size)
            hat = on_resting_head(body, mesh.vertices) - middle
            far = np.linalg.norm(hat, axis=1)
            head = body.rest[:BODY_VERTICES][scalp] - middle
            radius = np.linalg.norm(head, axis=1)
            _, nearest = cKDTree(hat / far[:, None]).query(head / radius[:, None], k=3)
            assert (far[nearest].min(axis=1) > radius + 0.001).all()
            assert np.mean(heights_above_skin(body, mesh.vertices) > -0.001) > 0.99
            # No hat hangs over the eyes, and none is a tower.
            front = hat[(np.abs(hat[:, 0]) < 0.03) & (hat[:, 1] < -0.05)] + middle
            assert front[:, 2].min() > eyes[2] + 0.008
            assert hat[:, 2].max() + middle[2] < eyes[2] + 0.25


def clothing(vertices: Floats, faces: npt.NDArray[np.int32]) -> Mesh:
    """Cloth of these faces, with only the vertices that they use."""
    used, compact = np.unique(faces, return_inverse=True)
    classes = np.full(len(faces), PartClass.CLOTHING, np.uint8)
    quads = compact.reshape(faces.shape).astype(np.int32)
    return Mesh(vertices[used].astype(np.float32), quads, classes, "cloth:0:0")


@pytest.mark.slow
def test_a_necklace_lies_on_the_skin_and_on_cloth() -> None:
    from skinseg.synthetic.body.anatomy import face_groups
    from skinseg.synthetic.body.reference import body_normals, reference_body
    from skinseg.synthetic.worn.accessories import wear

    for number in range(3):
        body = person(number)
        for seed in range(3):
            (mesh,) = worn("necklace", body, seed, size=0.3 * seed)
            above = heights_above_skin(body, mesh.vertices)
            assert np.mean(above > -0.001) > 0.97
            assert np.median(above) < 0.02
        # A loose shirt two centimetres off the body, without hands and head.
        faces = face_groups()["body"]
        torso = (
            reference_body().bone_share("spine", "breast", "clavicle", "shoulder")[: len(body.posed)] > 0.6
        )
        shirt = body.posed[:13380] + 0.02 * body_normals(body.posed)
        cloth = clothing(shirt, faces[torso[faces].all(axis=1)])
        (over,) = wear((accessory("necklace", 1, size=1.0),), body, (cloth,))
        assert np.median(heights_above_skin(body, over.vertices)) > 0.015


@pytest.mark.slow
def test_a_sleeve_hides_a_watch() -> None:
    from skinseg.synthetic.body.anatomy import face_groups
    from skinseg.synthetic.body.reference import reference_body
    from skinseg.synthetic.worn.accessories import wear

    body = person(0)
    arms = reference_body().bone_share("lowerarm", "wrist") > 0.5
    faces = face_groups()["helper-tights"]
    faces = faces[arms[faces].all(axis=1)]
    sleeve = clothing(body.posed, faces)
    assert wear((accessory("watch"), accessory("bracelet")), body, (sleeve,)) == []


def hedgehog(body: PosedBody, length: float) -> Strands:
    """A straight strand out of every vertex of the scalp and the nape."""
    from skinseg.synthetic.body.reference import BODY_VERTICES, body_normals, reference_body

    x, y, z = reference_body().rest[:BODY_VERTICES].T
    roots = np.flatnonzero((z > 0.97) | ((z > 0.83) & (y > 0.0) & (np.abs(x) < 0.08)))
    share = np.linspace(0, 1, 6)[:, None]
    points = body.posed[roots][:, None] + length * share * body_normals(body.posed)[roots][:, None]
    return Strands(points.astype(np.float32), 0.0004)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*HATS, "headband"])
def test_no_hair_pokes_through_a_hat(kind: str) -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.worn.accessories import tuck, wear

    body = person(1)
    worn_kinds = (accessory(kind),)
    meshes = wear(worn_kinds, body)
    hair = hedgehog(body, 0.06)
    (tucked,) = tuck([hair], worn_kinds, body)
    if kind == "headband":  # hides nothing wholly
        assert len(tucked.points) == len(hair.points)
    else:
        assert 0 < len(tucked.points) < 0.6 * len(hair.points)
    eyes = (body.bones["eye.L"] + body.bones["eye.R"]) / 2
    middle = eyes + np.array([0.0, 0.08, 0.035])
    hat = on_resting_head(body, meshes[0].vertices) - middle
    points = on_resting_head(body, tucked.points.reshape(-1, 3)) - middle
    far, radius = np.linalg.norm(hat, axis=1), np.linalg.norm(points, axis=1)
    angle, nearest = cKDTree(hat / far[:, None]).query(points / radius[:, None], k=6)
    # A hat's rim has an inner edge too: the farthest of some neighbours is its outside.
    behind = angle[:, 0] < 0.02
    assert behind.any()
    assert (radius[behind] < far[nearest[behind]].max(axis=1) + 0.001).mean() > 0.97


@pytest.mark.slow
def test_hair_stays_as_it_is_without_a_hat() -> None:
    from skinseg.synthetic.worn.accessories import tuck

    body, hair = person(0), hedgehog(person(0), 0.05)
    (same,) = tuck([hair], (accessory("glasses"),), body)
    np.testing.assert_array_equal(same.points, hair.points)


@pytest.mark.slow
def test_an_unknown_accessory_is_refused() -> None:
    from skinseg.synthetic.worn.accessories import wear

    with pytest.raises(ValueError, match=r"'crown'.*glasses, .*beanie"):
        wear((accessory("crown"),), person(0))
