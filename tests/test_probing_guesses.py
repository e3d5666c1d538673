"""What a frame should come to by rule, where the answer is known."""

import dataclasses
import math

import numpy as np
import pytest

from skinseg.probing.guesses import brightness, irradiance, skin_tone
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.scene import Light, Scene

CONFIG = GeneratorConfig(p_second=0.0, p_crowd=0.0, p_panorama=0.0, p_outdoors=0.0)


def scene(index: int = 0, **camera: object) -> Scene:
    drawn = draw_scene(CONFIG, 0, index)
    plain = {"exposure": 0.0, "white_balance": (0.0, 0.0), "contrast": 1.0, "saturation": 1.0} | camera
    return dataclasses.replace(drawn, camera=dataclasses.replace(drawn.camera, **plain))  # type: ignore[arg-type]


def test_a_lamp_gives_what_its_power_says() -> None:
    lamp = Light(
        position=(0.0, 0.0, 2.0), target=(0.0, 0.0, 0.0), edge=0.01, power=math.pi, temperature=6500.0
    )
    points = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    normals = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    assert irradiance((lamp,), points, normals) == pytest.approx([1.0, 0.25, 0.0], rel=1e-3)
    sun = Light(position=(0.0, 5.0, 5.0), target=(0.0, 0.0, 0.0), edge=0.0, power=2.0, temperature=5000.0)
    assert irradiance((sun,), points[:1], normals[:1]) == pytest.approx([2 * math.sqrt(0.5)])


def test_skin_as_it_is_metered_is_near_what_was_asked_for() -> None:
    asked = [scene(index).people[0].skin.ita for index in range(30)]
    guessed = [skin_tone(scene(index)) for index in range(30)]
    assert np.corrcoef(asked, guessed)[0, 1] > 0.95
    tones = [skin_tone(scene(exposure=stops)) for stops in (-1.5, -0.5, 0.0, 0.5)]
    assert tones == sorted(tones)


def test_paint_and_exposure_are_seen_behind() -> None:
    def behind(color: float, exposure: float = 0.0) -> float:
        found = scene(exposure=exposure)
        room = found.room
        walls = dataclasses.replace(room.walls, colors=((color,) * 3,))
        return brightness(dataclasses.replace(found, room=dataclasses.replace(room, walls=walls)))[0]

    assert behind(0.05) < behind(0.3) < behind(0.8)
    assert behind(0.3, exposure=-1.0) < behind(0.3) < behind(0.3, exposure=1.0)
    assert 0 <= behind(0.8, exposure=2.0) <= 1
