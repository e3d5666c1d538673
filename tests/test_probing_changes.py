"""One thing changed, all else equal."""

import dataclasses

import numpy as np
import pytest

from skinseg.probing.changes import AS_DRAWN, FACTORS
from skinseg.probing.failures import MUTATIONS
from skinseg.probing.tone import GROUPS, in_tone, told_from_all, with_tone
from skinseg.synthetic.clothes.wardrobe import kind_of, required_underwear
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.clothes import CLOTHES_CONTRAST, UNDERWEAR_CONTRAST
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.scene import Scene
from skinseg.tones.ita import fitzpatrick_of, ita_of, linear_to_lab

CONFIG = GeneratorConfig()


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [told_from_all(draw_scene(CONFIG, 0, index), CONFIG) for index in range(8)]


def changed(one: Scene, other: Scene) -> set[str]:
    """What differs, as field names down to those of a person's parts."""

    def walk(a: object, b: object, name: str) -> set[str]:
        if a == b:
            return set()
        if dataclasses.is_dataclass(a) and type(a) is type(b) and not isinstance(a, type):
            below = [
                walk(getattr(a, f.name), getattr(b, f.name), f"{name}.{f.name}")
                for f in dataclasses.fields(a)
            ]
            return set().union(*below)
        if (
            isinstance(a, tuple)
            and isinstance(b, tuple)
            and len(a) == len(b)
            and a
            and dataclasses.is_dataclass(a[0])
        ):
            return set().union(*(walk(x, y, name) for x, y in zip(a, b, strict=True)))
        return {name}

    return walk(one, other, "scene")


def test_a_tone_changes_colour_and_nothing_else(scenes: list[Scene]) -> None:
    allowed = {
        f"scene.people.skin.{name}" for name in ("fitzpatrick", "ita", "albedo", "lip_tint", "freckles")
    }
    for scene in scenes:
        for group in GROUPS:
            other = in_tone(scene, group)
            assert changed(scene, other) <= allowed
            for before, person in zip(scene.people, other.people, strict=True):
                ita = float(ita_of(linear_to_lab(person.skin.albedo)))
                assert ita == pytest.approx(person.skin.ita)
                assert fitzpatrick_of(ita) == person.skin.fitzpatrick == group
                back = with_tone(person.skin, before.skin.fitzpatrick)
                assert back.albedo == pytest.approx(before.skin.albedo)
            assert other == scene or changed(scene, other)


def test_cloth_is_told_from_every_tone(scenes: list[Scene]) -> None:
    for scene in scenes:
        for group in GROUPS:
            for person in in_tone(scene, group).people:
                for garment in person.garments:
                    apart = UNDERWEAR_CONTRAST if kind_of(garment).underwear else CLOTHES_CONTRAST
                    for color in (garment.color, garment.pattern_color):
                        assert (
                            np.linalg.norm(linear_to_lab(color) - linear_to_lab(person.skin.albedo)) >= apart
                        )


@pytest.mark.parametrize(
    ("factor", "parts"),
    [
        ("light", ("scene.lights", "scene.room.sky", "scene.room.panorama", "scene.camera.")),
        ("framing", ("scene.camera.",)),
        ("clothing", ("scene.people.garments",)),
        ("background", ("scene.room.walls", "scene.room.floor", "scene.room.ceiling")),
        ("worn", ("scene.people.accessories", "scene.people.garments", "scene.people.hair.beard")),
    ],
)
def test_a_factor_changes_its_own_parts(scenes: list[Scene], factor: str, parts: tuple[str, ...]) -> None:
    for level, change in FACTORS[factor].levels.items():
        made = [change(scene, CONFIG) for scene in scenes]
        assert any(made), level
        for scene, other in zip(scenes, made, strict=True):
            if other is None:
                continue
            assert other == change(scene, CONFIG)
            assert all(name.startswith(parts) for name in changed(scene, other)), (
                level,
                changed(scene, other),
            )
            for person in other.people:
                worn = {garment.kind for garment in person.garments}
                assert set(required_underwear(person.body.phenotype["gender"])) <= worn
            assert Scene.from_json(other.to_json()) == other


def test_a_framing_of_its_own_is_the_scene_itself(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert FACTORS["framing"].levels[scene.camera.track](scene, CONFIG) == scene
        assert FACTORS["tone"].levels[str(scene.people[0].skin.fitzpatrick)](scene, CONFIG) == in_tone(
            scene, scene.people[0].skin.fitzpatrick
        )
    assert {factor.reference for factor in FACTORS.values()} == {None, AS_DRAWN, "bare head"}


def test_mutants_are_scenes_in_underwear_at_least(scenes: list[Scene]) -> None:
    for mutation in MUTATIONS:
        for number, scene in enumerate(scenes[:4]):
            other = mutation(scene, CONFIG, np.random.default_rng(number), None)
            assert Scene.from_json(other.to_json()) == other
            for person in other.people:
                worn = {garment.kind for garment in person.garments}
                assert set(required_underwear(person.body.phenotype["gender"])) <= worn
                own = linear_to_lab(person.skin.albedo)
                for garment in person.garments:
                    assert np.linalg.norm(linear_to_lab(garment.color) - own) >= CLOTHES_CONTRAST
            # The camera stands in the room.
            width, depth, _ = other.room.size
            eye = other.eye((0.0, 0.0, 1.0))
            assert abs(eye[0]) < width / 2
            assert abs(eye[1]) < depth / 2
