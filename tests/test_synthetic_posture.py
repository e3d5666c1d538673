"""Drawn bodies: adults, within the sliders, by the config's weights; joints within what a body can do."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from skinseg.synthetic.body import hands, limbs
from skinseg.synthetic.body import joints as body_joints
from skinseg.synthetic.body.hands import GESTURES
from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.body import draw_body, draw_joints
from skinseg.synthetic.geometry.rotation import rotation_matrix, rotation_vector
from skinseg.synthetic.scene import YOUNGEST_ADULT, Body

Floats = npt.NDArray[np.floating]

EVEN = dataclasses.replace(GeneratorConfig(), poses=dict.fromkeys(POSTURES, 1.0))


def bodies(config: GeneratorConfig, count: int = 200, track: str = "whole", seed: int = 0) -> list[Body]:
    rng = np.random.default_rng(seed)
    return [draw_body(rng, config, track) for _ in range(count)]


def test_drawn_bodies_are_adults_within_the_sliders() -> None:
    for body in bodies(EVEN):
        assert YOUNGEST_ADULT <= body.phenotype["age"] <= 1
        assert all(0 <= value <= 1 for value in body.phenotype.values())
        assert all(0 <= weight <= 1 for weight in body.expression.values())
        assert np.isfinite(list(body.joints.values())).all()


def test_a_config_with_minors_is_refused() -> None:
    young = dataclasses.replace(EVEN, age_min=0.5)
    with pytest.raises(ValueError, match="adults"):
        bodies(young, 1)


def test_drawing_depends_on_the_generator_alone() -> None:
    assert bodies(EVEN, 3) == bodies(EVEN, 3)
    assert bodies(EVEN, 3) != bodies(EVEN, 3, seed=1)


def test_the_order_of_weights_does_not_matter() -> None:
    turned = dataclasses.replace(
        EVEN,
        poses=dict(reversed(EVEN.poses.items())),
        ethnicity=dict(reversed(EVEN.ethnicity.items())),
    )
    assert bodies(turned, 20) == bodies(EVEN, 20)


def test_build_follows_the_config() -> None:
    config = dataclasses.replace(
        EVEN,
        age_min=0.9,
        p_woman=1.0,
        build_sd=0.0,
        p_expression=0.0,
        ethnicity={"asian": 1.0, "african": 0.0},
    )
    for body in bodies(config, 50):
        assert body.phenotype["age"] >= 0.9
        assert body.phenotype["gender"] >= 0.5
        assert body.phenotype["weight"] == 0.5
        assert (body.phenotype["asian"], body.phenotype["african"]) == pytest.approx((1.0, 0.0))
        assert not body.expression


@pytest.mark.slow
def test_most_bodies_are_plainly_male_or_female() -> None:
    genders = np.array([body.phenotype["gender"] for body in bodies(EVEN, 1000)])
    assert 0.45 < (genders >= 0.5).mean() < 0.55
    assert 0.6 < (np.minimum(genders, 1 - genders) < 0.1).mean() < 0.75


def test_only_the_families_with_a_weight_are_drawn() -> None:
    config = dataclasses.replace(EVEN, poses={"kneeling": 1.0, "waving": 0.0})
    assert {body.pose_family for body in bodies(config, 30)} == {"kneeling"}


def test_a_camera_on_the_hand_mostly_sees_hands_held_up() -> None:
    families = [body.pose_family for body in bodies(EVEN, 400, track="hand")]
    shown = {"hand_forward", "forearm_up", "waving", "pointing", "reaching", "hand_near_face"}
    assert np.mean([family in shown for family in families]) > 0.6


@pytest.mark.parametrize("family", POSTURES)
def test_elbows_and_knees_never_bend_backwards(family: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        joints = draw_joints(rng, family)
        for side, mirror in (("L", np.ones(3)), ("R", np.array([1, -1, -1]))):
            elbow = rotation_matrix(np.array(joints[f"lowerarm01.{side}"]) * mirror)
            fore = elbow @ body_joints.FOREARM
            assert np.cross(body_joints.UPPER_ARM, fore) @ limbs.ELBOW > -1e-6
            knee = rotation_matrix(np.array(joints[f"lowerleg01.{side}"]) * mirror)
            assert np.cross(body_joints.THIGH, knee @ body_joints.SHIN)[0] > -0.01


@pytest.mark.parametrize("name", GESTURES)
def test_fingers_never_bend_over_the_back_of_the_hand(name: str) -> None:
    joints = hands.left_hand(GESTURES[name])
    for finger in range(4):
        tip, turn = np.zeros(3), np.eye(3)
        for joint, bone in enumerate(hands.PHALANGES[finger]):
            turn = turn @ rotation_matrix(np.array(joints[f"finger{finger + 2}-{joint + 1}.L"]))
            tip = tip + 0.03 * body_joints.HAND @ turn @ body_joints.HAND.T @ bone
        assert tip[1] > -0.005  # metres out of the palm


def test_a_flat_hand_is_straight_and_a_fist_is_closed() -> None:
    def reach(name: str) -> float:
        joints, turn, tip = hands.left_hand(GESTURES[name]), np.eye(3), np.zeros(3)
        for joint, bone in enumerate(hands.PHALANGES[1]):
            turn = turn @ rotation_matrix(np.array(joints[f"finger3-{joint + 1}.L"]))
            tip = tip + body_joints.HAND @ turn @ body_joints.HAND.T @ bone
        return float(tip[0])

    assert reach("flat") > 2.9
    assert reach("fist") < 0.0


def test_rotation_vectors_invert_rotation_matrices() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        vector = rng.normal(size=3)
        vector *= rng.uniform(0, 3.0) / np.linalg.norm(vector)
        np.testing.assert_allclose(rotation_vector(rotation_matrix(vector)), vector, atol=1e-9)
    np.testing.assert_array_equal(rotation_vector(np.eye(3)), np.zeros(3))


def test_eyes_look_the_same_way() -> None:
    for body in bodies(EVEN, 20):
        assert body.joints["eye.L"] == pytest.approx(body.joints["eye.R"])


@pytest.mark.slow
def test_every_bone_and_action_is_known_to_the_body_model() -> None:
    from skinseg.synthetic.body.anatomy import body_model

    model = body_model()
    for body in bodies(EVEN, 300):
        assert set(body.joints) <= set(model.bone_labels)
        assert set(body.expression) <= set(model.facial_action_labels)


def depths_of_hands(body: Body) -> tuple[Floats, Floats]:
    """Of points of both hands: how deep they lie below the rest of the body's skin, and how far from it, metres."""
    from scipy.spatial import cKDTree

    from skinseg.synthetic.body.anatomy import face_groups
    from skinseg.synthetic.body.human import pose_body
    from skinseg.synthetic.body.reference import reference_body
    from skinseg.synthetic.geometry.quads import vertex_normals

    reference, faces = reference_body(), face_groups()["body"]
    skin = np.unique(faces)
    arm = reference.bone_share(
        "upperarm", "lowerarm", "wrist", "finger", "metacarpal", "shoulder", "clavicle"
    )
    hand = skin[reference.bone_share("wrist", "finger", "metacarpal")[skin] > 0.6]
    trunk = skin[arm[skin] < 0.05]
    posed = pose_body(body).posed
    points = posed[hand[::3]]
    distance, nearest = cKDTree(posed[trunk]).query(points)
    nearest = trunk[nearest]
    normals = vertex_normals(posed, faces)
    return np.einsum("ij,ij->i", posed[nearest] - points, normals[nearest]), distance


NEAR_THE_BODY = sorted(
    {name for name, posture in POSTURES.items() if posture.touching} | {"arms_down", "crouching", "walking"}
)


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.2, 0.85])
@pytest.mark.parametrize("family", NEAR_THE_BODY)
def test_hands_do_not_sink_into_the_body(family: str, weight: float) -> None:
    rng = np.random.default_rng([7, int(100 * weight)])
    joints = draw_joints(rng, family, opening=0.1 if weight > 0.5 else 0.0)
    build = {"gender": 0.3, "age": 0.8, "weight": weight, "height": 0.5}
    depth, _ = depths_of_hands(Body(build, {}, family, joints))
    assert depth.max() < 0.03  # metres; flesh gives way by about as much


@pytest.mark.slow
@pytest.mark.parametrize("family", NEAR_THE_BODY)
def test_hands_of_few_bodies_sink_in_at_all(family: str) -> None:
    config = dataclasses.replace(GeneratorConfig(), poses={family: 1.0})
    sunk = []
    for seed in range(8):
        depth, distance = depths_of_hands(draw_body(np.random.default_rng([7, seed]), config, "whole"))
        sunk.append(((depth > 0.005) & (distance < 0.06)).mean())  # metres
    assert np.mean(sunk) < 0.02  # of both hands' points
    assert max(sunk) < 0.12
