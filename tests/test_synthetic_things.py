"""Things stand on their place, lie in the palm, or are sat on."""

import dataclasses

import numpy as np
import pytest

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Surface, Thing
from tests.bodies import person, well_formed

SURFACE = Surface("plain", ((0.5, 0.4, 0.3),), 1.0, 1, 0.5)


def thing(kind: str, held: str = "", seed: int = 0, size: float = 0.3) -> Thing:
    return Thing(kind, held, (0.4, -0.3, 0.1), 0.7, size, SURFACE, seed)


def seat(kind: str, under: int) -> Thing:
    return dataclasses.replace(thing(kind), under=under)


def kinds_of_things() -> tuple[str, ...]:
    from skinseg.synthetic.room.things.build import THINGS

    return tuple(THINGS)


def kinds_of_seats() -> tuple[str, ...]:
    from skinseg.synthetic.room.things.build import SEATS

    return SEATS


@pytest.mark.parametrize("kind", kinds_of_things())
def test_every_thing_stands_on_its_place(kind: str) -> None:
    from skinseg.synthetic.room.things.build import build_things

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
    from skinseg.synthetic.room.things.build import build_things

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
    from skinseg.synthetic.body.contact import hand_frame

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
    from skinseg.synthetic.body.contact import hand_frame
    from skinseg.synthetic.room.things.build import GRIPS, THINGS, build_things

    assert set(GRIPS) <= set(THINGS)
    body = person(2)
    hands = {side: hand_frame(body, side) for side in ("left", "right")}
    for kind in GRIPS:
        for side, (palm, axes) in hands.items():
            (mesh,) = build_things((thing(kind, side, size=0.12),), hands, {})
            well_formed(mesh, PartClass.BACKGROUND)
            local = (mesh.vertices - palm) @ axes.T
            # Of its surface, not of its vertices alone: a plain wall has none but at its ends.
            corners = local[np.where(mesh.faces < 0, mesh.faces[:, :1], mesh.faces)]
            ends = np.roll(corners, -1, axis=1)
            walls = np.concatenate([corners + share * (ends - corners) for share in np.linspace(0, 1, 9)])
            assert np.linalg.norm(walls, axis=-1).min() < 0.06
            near = np.hypot(local[:, 0], local[:, 1]) < 0.03
            # A flower's leaf is thin and may touch the back of the hand.
            assert local[near, 2].min(initial=np.inf) > (-0.008 if kind != "flower" else -0.02)


@pytest.mark.slow
@pytest.mark.parametrize("kind", kinds_of_seats())
def test_a_seat_is_under_the_sitter_and_its_back_behind(kind: str) -> None:
    from skinseg.synthetic.body.contact import sitter
    from skinseg.synthetic.body.human import pose_body
    from skinseg.synthetic.body.reference import BODY_VERTICES
    from skinseg.synthetic.config import GeneratorConfig
    from skinseg.synthetic.draw.body import draw_body
    from skinseg.synthetic.room.things.build import build_things

    config = dataclasses.replace(GeneratorConfig(), poses={"sitting": 1.0})
    for number in range(4):
        body = pose_body(draw_body(np.random.default_rng(number), config, "whole"))
        who = sitter(body, (0.0, 0.0), 0.0)
        (mesh,) = build_things((seat(kind, 0),), {}, {0: who})
        well_formed(mesh, PartClass.BACKGROUND)
        skin, solid = body.posed[:BODY_VERTICES], mesh.vertices
        # The rim of a slanted leg reaches a little into the floor.
        assert solid[:, 2].min() == pytest.approx(0, abs=1e-3 if kind != "stool" else 2.5e-3)
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
    from skinseg.synthetic.body.contact import Sitter
    from skinseg.synthetic.room.things.build import build_things

    with pytest.raises(ValueError, match=r"lamp.*chair, stool"):
        build_things((seat("lamp", 0),), {}, {0: Sitter(0.45, 0.1, (0.0, 0.0), 0.0)})
