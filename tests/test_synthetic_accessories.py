"""Worn things fit every head, hand and pose; things stand on their place or lie in the palm."""

import dataclasses
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.mesh import Mesh, Strands
from skinseg.synthetic.people.anatomy import PosedBody
from skinseg.synthetic.scene import Accessory, Body, Surface, Thing, Vector

Floats = npt.NDArray[np.floating]

SURFACE = Surface("plain", ((0.5, 0.4, 0.3),), 1.0, 1, 0.5)
HATS = ("beanie", "cap", "brim_hat")


def accessory(kind: str, seed: int = 0, size: float = 0.5) -> Accessory:
    return Accessory(kind, size, (0.3, 0.1, 0.2), (0.1, 0.5, 0.4), 0.5, 0.0, seed)


def thing(kind: str, held: str = "", seed: int = 0, size: float = 0.3) -> Thing:
    return Thing(kind, held, (0.4, -0.3, 0.1), 0.7, size, SURFACE, seed)


def seat(kind: str, under: int) -> Thing:
    return dataclasses.replace(thing(kind), under=under)


@cache
def person(number: int) -> PosedBody:
    """Three builds and poses: a slight young woman, a heavy old man who looks up, a tall one who nods."""
    from skinseg.synthetic.people.human import pose_body

    builds = (
        {"gender": 0.95, "age": 0.67, "weight": 0.3, "height": 0.3, "asian": 1.0},
        {"gender": 0.05, "age": 1.0, "weight": 0.85, "height": 0.5, "caucasian": 1.0},
        {"gender": 0.3, "age": 0.75, "weight": 0.5, "height": 0.85, "african": 1.0},
    )
    poses: tuple[dict[str, Vector], ...] = (
        {},
        {"head": (-0.3, 0.1, 0.3), "neck01": (-0.1, 0.0, 0.2), "upperarm01.L": (0.0, -1.2, 0.3)},
        {"head": (0.3, 0.2, -0.4), "wrist.R": (0.3, 0.2, 0.1), "lowerarm01.R": (0.5, 0.4, 0.2)},
    )
    return pose_body(Body(builds[number], {"mouthSmileLeft": 0.5}, "a_pose", poses[number]))


def worn(kind: str, body: PosedBody, seed: int = 0, size: float = 0.5) -> list[Mesh]:
    from skinseg.synthetic.people.accessories import wear

    return wear((accessory(kind, seed, size),), body)


def on_resting_head(body: PosedBody, points: Floats) -> Floats:
    """World points in the coordinates of the head at rest."""
    from skinseg.synthetic.people.fitting import resting_head

    head = resting_head(body)
    return (points - head.shift) @ head.rotation


def heights_above_skin(body: PosedBody, points: Floats) -> Floats:
    """Signed distance of points near the body from its surface, metres."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.people.reference import BODY_VERTICES, body_normals

    skin, normals = body.posed[:BODY_VERTICES], body_normals(body.posed)
    _, nearest = cKDTree(skin).query(points)
    return np.einsum("ij,ij->i", points - skin[nearest], normals[nearest])


def kinds_of_accessories() -> tuple[str, ...]:
    from skinseg.synthetic.people.accessories import KINDS

    return KINDS


def kinds_of_things() -> tuple[str, ...]:
    from skinseg.synthetic.surroundings.things import KINDS

    return KINDS


def kinds_of_seats() -> tuple[str, ...]:
    from skinseg.synthetic.surroundings.things import SEATS

    return tuple(SEATS)


def well_formed(mesh: Mesh, part: PartClass) -> None:
    assert np.isfinite(mesh.vertices).all()
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.max() < len(mesh.vertices)
    assert mesh.faces[:, :3].min() >= 0
    assert set(np.unique(mesh.classes)) == {part}
    assert mesh.uv is not None
    assert mesh.uv.shape == (len(mesh.faces), 4, 2)
    assert mesh.tint is not None
    assert mesh.tint.shape == mesh.vertices.shape
    assert np.isfinite(mesh.uv).all()


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


def test_clear_lenses_have_glass_and_dark_ones_do_not() -> None:
    from skinseg.synthetic.people.accessories import wear

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

    from skinseg.synthetic.people.reference import BODY_VERTICES, reference_body

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


@pytest.mark.slow
def test_a_mask_covers_mouth_and_nose_and_leaves_the_eyes() -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.people.anatomy import body_classes, face_groups

    lips = np.unique(face_groups()["body"][body_classes() == PartClass.LIPS])
    for number in range(3):
        body = person(number)
        (mesh,) = worn("face_mask", body)
        pane = on_resting_head(body, mesh.vertices)
        mouth = body.rest[lips]
        _, nearest = cKDTree(pane[:, [0, 2]]).query(mouth[:, [0, 2]])
        outer = mouth[:, 1] < np.median(mouth[:, 1])
        assert (pane[nearest, 1] < mouth[:, 1])[outer].all()
        in_front = pane[:, 1] < body.bones["eye.L"][1] + 0.02
        assert pane[in_front, 2].max() < body.bones["eye.L"][2] + 0.002


def clothing(vertices: Floats, faces: npt.NDArray[np.int32]) -> Mesh:
    """Cloth of these faces, with only the vertices that they use."""
    used, compact = np.unique(faces, return_inverse=True)
    classes = np.full(len(faces), PartClass.CLOTHING, np.uint8)
    quads = compact.reshape(faces.shape).astype(np.int32)
    return Mesh(vertices[used].astype(np.float32), quads, classes, "cloth:0:0")


@pytest.mark.slow
def test_a_necklace_lies_on_the_skin_and_on_cloth() -> None:
    from skinseg.synthetic.people.accessories import wear
    from skinseg.synthetic.people.anatomy import face_groups
    from skinseg.synthetic.people.reference import body_normals, reference_body

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
    from skinseg.synthetic.people.accessories import wear
    from skinseg.synthetic.people.anatomy import face_groups
    from skinseg.synthetic.people.reference import reference_body

    body = person(0)
    arms = reference_body().bone_share("lowerarm", "wrist") > 0.5
    faces = face_groups()["helper-tights"]
    faces = faces[arms[faces].all(axis=1)]
    sleeve = clothing(body.posed, faces)
    assert wear((accessory("watch"), accessory("bracelet")), body, (sleeve,)) == []


def hedgehog(body: PosedBody, length: float) -> Strands:
    """A straight strand out of every vertex of the scalp and the nape."""
    from skinseg.synthetic.people.reference import BODY_VERTICES, body_normals, reference_body

    x, y, z = reference_body().rest[:BODY_VERTICES].T
    roots = np.flatnonzero((z > 0.97) | ((z > 0.83) & (y > 0.0) & (np.abs(x) < 0.08)))
    share = np.linspace(0, 1, 6)[:, None]
    points = body.posed[roots][:, None] + length * share * body_normals(body.posed)[roots][:, None]
    return Strands(points.astype(np.float32), 0.0004)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*HATS, "headband"])
def test_no_hair_pokes_through_a_hat(kind: str) -> None:
    from scipy.spatial import cKDTree

    from skinseg.synthetic.people.accessories import wear
    from skinseg.synthetic.people.headwear import tuck

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
    from skinseg.synthetic.people.headwear import tuck

    body, hair = person(0), hedgehog(person(0), 0.05)
    (same,) = tuck([hair], (accessory("glasses"),), body)
    np.testing.assert_array_equal(same.points, hair.points)


def test_an_unknown_accessory_is_refused() -> None:
    from skinseg.synthetic.people.accessories import wear

    with pytest.raises(ValueError, match=r"'crown'.*glasses, .*beanie"):
        wear((accessory("crown"),), person(0))


@pytest.mark.parametrize("kind", kinds_of_things())
def test_every_thing_stands_on_its_place(kind: str) -> None:
    from skinseg.synthetic.surroundings.things import build_things

    for seed in range(4):
        record = thing(kind, seed=seed, size=1.1)
        (mesh,) = build_things((record,), {}, {})
        (again,) = build_things((record,), {}, {})
        well_formed(mesh, PartClass.BACKGROUND)
        assert mesh.material == "thing:0"
        np.testing.assert_array_equal(mesh.vertices, again.vertices)
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
        assert low[2] == pytest.approx(record.position[2], abs=0.01)
        largest = float(max(high - low))
        assert 0.6 * record.size < largest < 1.5 * record.size  # turned, its diagonal is longer
        assert np.abs((low + high)[:2] / 2 - record.position[:2]).max() < 0.45 * record.size


def test_things_are_numbered_and_an_unknown_one_is_refused() -> None:
    from skinseg.synthetic.surroundings.things import build_things

    meshes = build_things((thing("box"), thing("table"), thing("box")), {}, {})
    assert [mesh.material for mesh in meshes] == ["thing:0", "thing:1", "thing:2"]
    hands = {"left": (np.zeros(3, np.float32), np.eye(3, dtype=np.float32))}
    for record, message in (
        (thing("piano"), r"'piano'.*box, ball"),
        (thing("sofa", held="left"), r"sofa cannot be held.*cup"),
        (thing("cup", held="right"), r"'right'.*left"),
        (seat("chair", 1), r"under person 1.*\[\]"),
    ):
        with pytest.raises(ValueError, match=message):
            build_things((record,), hands, {})


@pytest.mark.slow
def test_a_hand_frame_follows_fingers_thumb_and_palm() -> None:
    from skinseg.synthetic.surroundings.things import hand_frame

    for number in range(3):
        body = person(number)
        bones = body.posed_bones
        for side, letter in (("left", "L"), ("right", "R")):
            centre, (along, across, out) = hand_frame(body, side)
            middle = bones[f"finger3-1.{letter}"]
            np.testing.assert_allclose(
                np.stack([along, across, out]) @ np.stack([along, across, out]).T, np.eye(3), atol=1e-5
            )
            assert (bones[f"finger3-3.{letter}"] - middle) @ along > 0.03
            assert (bones[f"finger1-3.{letter}"] - bones[f"finger5-1.{letter}"]) @ across > 0.03
            # Fingers at rest bend a little, and towards the palm.
            assert (bones[f"finger3-3.{letter}"] - middle) @ out > 0
            assert np.linalg.norm(centre - middle) < 0.06
    with pytest.raises(ValueError, match="both"):
        hand_frame(person(0), "both")


@pytest.mark.slow
def test_held_things_lie_in_the_palm_and_not_in_the_back_of_the_hand() -> None:
    from skinseg.synthetic.surroundings.things import GRIPS, KINDS, build_things, hand_frame

    assert set(GRIPS) <= set(KINDS)
    body = person(2)
    hands = {side: hand_frame(body, side) for side in ("left", "right")}
    for kind in GRIPS:
        for side, (palm, axes) in hands.items():
            (mesh,) = build_things((thing(kind, side, size=0.12),), hands, {})
            well_formed(mesh, PartClass.BACKGROUND)
            local = (mesh.vertices - palm) @ axes.T
            assert np.linalg.norm(local, axis=1).min() < 0.06
            near = np.hypot(local[:, 0], local[:, 1]) < 0.03
            assert local[near, 2].min(initial=np.inf) > -0.008


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds_of_seats())
def test_a_seat_is_under_the_sitter_and_its_back_behind(kind: str) -> None:
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.people.human import pose_body
    from skinseg.synthetic.people.posture import draw_body
    from skinseg.synthetic.people.reference import BODY_VERTICES
    from skinseg.synthetic.surroundings.things import build_things, sitter

    config = dataclasses.replace(GeneratorConfig(), poses={"sitting": 1.0})
    for number in range(4):
        body = pose_body(draw_body(np.random.default_rng(number), config, "whole"))
        who = sitter(body, (0.0, 0.0), 0.0)
        (mesh,) = build_things((seat(kind, 0),), {}, {0: who})
        well_formed(mesh, PartClass.BACKGROUND)
        skin, solid = body.posed[:BODY_VERTICES], mesh.vertices
        assert solid[:, 2].min() == pytest.approx(0, abs=1e-3)
        hips, top = body.posed_bones["root"], who.height
        below = np.linalg.norm(solid[:, :2] - hips[:2], axis=1) < 0.3
        assert np.abs(solid[below, 2] - top).min() < 1e-3
        resting = skin[(np.abs(skin[:, 2] - top) < 0.05) & (skin[:, 1] > hips[1] - 0.15)]
        assert top - 1e-6 < resting[:, 2].min() < top + 0.01
        back = solid[solid[:, 2] > hips[2] + 0.1]
        assert (len(back) > 0) == (kind == "chair")
        torso = skin[(np.abs(skin[:, 0]) < 0.1) & (skin[:, 2] > top) & (skin[:, 2] < top + 0.25)]
        assert back[:, 1].min(initial=np.inf) > torso[:, 1].max()

        (moved,) = build_things((seat(kind, 2),), {}, {2: sitter(body, (1.0, 2.0), np.pi / 2)})
        x, y, z = solid.T
        np.testing.assert_allclose(moved.vertices, np.stack([1 - y, 2 + x, z], axis=1), atol=1e-5)


def test_nobody_sits_on_a_lamp() -> None:
    from skinseg.synthetic.surroundings.things import Sitter, build_things

    with pytest.raises(ValueError, match=r"lamp.*chair, stool"):
        build_things((seat("lamp", 0),), {}, {0: Sitter(0.45, 0.1, (0.0, 0.0), 0.0)})
