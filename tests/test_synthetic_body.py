"""The human builder: adults only, deterministic, standing on the floor, with every class of the body."""

import dataclasses

import numpy as np
import pytest

from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.body import draw_body, draw_joints
from skinseg.synthetic.geometry.rotation import rotation_matrix
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Body, Hair, Skin

BALD = Hair("bald", 0.0, 200.0, 0.0, (0.1, 0.1, 0.1), 0.0, 0.0, "none", 0.0, 0)
PLAIN = Skin(3, 35.0, (0.5, 0.3, 0.2), 0.5, 0.1, 0.05, (1.1, 0.7, 0.7), 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0)


def adult(**changes: float) -> Body:
    return Body({"gender": 0.0, "age": 0.8} | changes, {}, "arms_down", POSTURES["arms_down"].joints)


def test_drawn_bodies_are_adults_within_the_sliders() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        body = draw_body(rng, GeneratorConfig(), "whole")
        assert 2 / 3 <= body.phenotype["age"] <= 1
        assert all(0 <= value <= 1 for value in body.phenotype.values())
        assert all(0 <= weight <= 1 for weight in body.expression.values())
        assert body.pose_family in POSTURES


def test_drawing_depends_on_the_generator_alone() -> None:
    first, again, other = (
        draw_body(np.random.default_rng(seed), GeneratorConfig(), "whole") for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_postures_differ_from_their_noise_by_little() -> None:
    rng = np.random.default_rng(1)
    base = np.array(POSTURES["hands_on_hips"].joints["upperarm01.L"])
    for _ in range(20):
        joints = draw_joints(rng, "hands_on_hips")
        left, right = np.array(joints["upperarm01.L"]), np.array(joints["upperarm01.R"]) * (1, -1, -1)
        assert np.abs(left - base).max() < 0.1  # a symmetric posture: its mirror image is itself
        assert np.abs(right - base).max() < 0.1
        assert np.abs(left - right).max() > 0


def test_rotation_matrix_turns_by_the_right_hand() -> None:
    quarter = rotation_matrix(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize("age", [0.0, 1 / 3, 0.66])
def test_a_minor_is_refused_before_anything_is_built(age: float) -> None:
    from skinseg.synthetic.body.human import pose_body

    with pytest.raises(ValueError, match="adults"):
        pose_body(adult(age=age))


def test_a_body_without_an_age_is_refused() -> None:
    from skinseg.synthetic.body.human import pose_body

    with pytest.raises(ValueError, match="adults"):
        pose_body(Body({}, {}, "a_pose", {}))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["arms_down", "walking", "sitting"])
def test_a_person_stands_on_the_floor_over_the_origin(family: str) -> None:
    from skinseg.synthetic.body.human import pose_body, track_points
    from skinseg.synthetic.rendering.figure import skin_mesh

    body = pose_body(dataclasses.replace(adult(), joints=POSTURES[family].joints))
    covered = np.zeros(13378, bool)
    assert abs(skin_mesh(body, covered, BALD, PLAIN).vertices[:, 2].min()) < 1e-5
    np.testing.assert_allclose(body.posed_bones["root"][:2], 0, atol=1e-6)
    points = track_points(body)
    assert set(points) == {"face", "upper_body", "whole", "hand", "abdomen", "back", "arm"}
    assert points["face"][2] > points["upper_body"][2] > points["abdomen"][2] > 0
    assert points["face"][1] < body.posed_bones["head"][1]  # faces -Y


@pytest.mark.slow
def test_arms_point_where_the_posture_says() -> None:
    from skinseg.synthetic.body.human import pose_body

    bones = pose_body(dataclasses.replace(adult(), joints=POSTURES["arms_up"].joints)).posed_bones
    assert bones["wrist.L"][2] > bones["head"][2]
    assert bones["wrist.R"][2] > bones["head"][2]
    np.testing.assert_allclose(bones["wrist.L"] * (-1, 1, 1), bones["wrist.R"], atol=1e-3)


@pytest.mark.slow
def test_without_joints_the_pose_is_the_rest_pose() -> None:
    from skinseg.synthetic.body.human import pose_body

    body = pose_body(dataclasses.replace(adult(), joints={}))
    shift = body.posed - body.rest
    assert np.ptp(shift, axis=0).max() < 1e-5


@pytest.mark.slow
def test_meshes_are_compact_and_carry_every_class() -> None:
    from skinseg.synthetic.body.human import part_meshes, pose_body
    from skinseg.synthetic.rendering.figure import skin_mesh

    body = pose_body(adult())
    covered = np.zeros(13378, bool)
    covered[::2] = True
    skin = skin_mesh(body, covered, BALD, PLAIN)
    assert len(skin.faces) == (~covered).sum()
    meshes = (skin, *part_meshes(body))
    for mesh in meshes:
        assert mesh.faces.dtype == np.int32
        assert mesh.vertices.dtype == np.float32
        assert set(np.unique(mesh.faces)) == set(range(len(mesh.vertices)))
        assert len(mesh.classes) == len(mesh.faces)
        assert np.isfinite(mesh.vertices).all()
    classes = set(np.concatenate([mesh.classes for mesh in meshes]).tolist())
    names = ("SKIN", "EYES", "LIPS", "NAILS", "MOUTH_INTERIOR")
    assert classes == {int(PartClass[name]) for name in names}


@pytest.mark.slow
def test_building_a_scene_twice_gives_the_same_arrays() -> None:
    from skinseg.synthetic.draw.scene import draw_scene
    from skinseg.synthetic.rendering.figure import build_figure

    scene = draw_scene(GeneratorConfig(), seed=5, index=0)
    first, again = build_figure(scene), build_figure(scene)
    assert first.tracks == again.tracks
    assert [mesh.material for mesh in first.meshes] == [mesh.material for mesh in again.meshes]
    for one, two in zip(first.meshes, again.meshes, strict=True):
        np.testing.assert_array_equal(one.vertices, two.vertices)
        np.testing.assert_array_equal(one.faces, two.faces)


@pytest.mark.slow
def test_an_unknown_bone_is_named() -> None:
    from skinseg.synthetic.body.human import pose_body

    with pytest.raises(ValueError, match="tail"):
        pose_body(dataclasses.replace(adult(), joints={"tail": (0.1, 0.0, 0.0)}))


@pytest.mark.slow
def test_a_chest_that_may_be_bare_is_a_mans_whatever_the_cup_size() -> None:
    from skinseg.synthetic.body.human import pose_body
    from skinseg.synthetic.body.reference import reference_body
    from skinseg.synthetic.clothes.underwear import CHEST_COVERED_FROM_GENDER

    def front(gender: float, cupsize: float) -> float:
        body = pose_body(adult(gender=gender, cupsize=cupsize))
        return float(-body.rest[reference_body().chest, 1].min())

    limit = float(np.nextafter(CHEST_COVERED_FROM_GENDER, 0))
    assert front(limit, 1.0) - front(limit, 0.0) < 0.004  # metres
    assert front(1.0, 1.0) - front(1.0, 0.0) > 0.02  # and the measure does see breasts
