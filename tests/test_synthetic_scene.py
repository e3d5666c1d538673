"""Scene sampling: pure, adult, dressed, framed; and the configuration it draws from."""

import dataclasses
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from skinseg.errors import UserError
from skinseg.synthetic.config import TRACKS, GeneratorConfig
from skinseg.synthetic.sampling import (
    EXTENTS,
    HEIGHTS,
    SENSOR,
    azimuth,
    draw_camera,
    draw_color,
    draw_garments,
    draw_room,
    draw_scene,
    draw_skin,
    focal_length,
    wall_distance,
)
from skinseg.synthetic.scene import Body, Room, Scene, Surface
from skinseg.synthetic.textures import TEXTURES
from skinseg.tones.ita import fitzpatrick_of, ita_of, linear_to_lab

COUNT = 200
DEFAULT_FILE = Path(__file__).parents[1] / "configs" / "render.yaml"


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(GeneratorConfig(), seed=7, index=index) for index in range(COUNT)]


def body(gender=0.5):
    return Body({"gender": gender, "age": 0.7}, {}, "standing", {})


def test_equal_arguments_give_equal_scenes():
    config = GeneratorConfig()
    assert draw_scene(config, 3, 5, 1) == draw_scene(config, 3, 5, 1)


@pytest.mark.parametrize("arguments", [(4, 5, 1), (3, 6, 1), (3, 5, 2)])
def test_seed_index_and_attempt_each_change_the_scene(arguments):
    config = GeneratorConfig()
    base, other = draw_scene(config, 3, 5, 1), draw_scene(config, *arguments)
    for part in ("skin", "room", "lights", "camera"):
        assert getattr(base, part) != getattr(other, part)


def test_scenes_survive_json(scenes):
    for scene in scenes:
        assert Scene.from_json(scene.to_json()) == scene


def test_scenes_hold_plain_values_only(scenes):
    plain = {bool, int, float, str}
    found = {type(value) for scene in scenes for value in leaves(dataclasses.astuple(scene))}
    assert found <= plain


def test_everyone_is_an_adult(scenes):
    assert all(2 / 3 <= scene.body.phenotype["age"] <= 1 for scene in scenes)


def test_everyone_wears_underwear(scenes):
    for scene in scenes:
        kinds = [garment.kind for garment in scene.garments]
        assert "briefs" in kinds
        assert ("bra" in kinds) == (scene.body.phenotype["gender"] >= 0.35)


def test_skin_has_the_tone_it_names(scenes):
    for skin in (scene.skin for scene in scenes):
        assert fitzpatrick_of(skin.ita) == skin.fitzpatrick
        assert float(ita_of(linear_to_lab(skin.albedo))) == pytest.approx(skin.ita, abs=1e-6)


def test_groups_are_drawn_uniformly():
    rng = np.random.default_rng(0)
    counts = Counter(draw_skin(rng).fitzpatrick for _ in range(3000))
    chi_square = sum((counts[group] - 500) ** 2 / 500 for group in range(1, 7))
    assert sum(counts.values()) == 3000
    assert chi_square < 20.5  # the 0.1 % point at 5 degrees of freedom


def test_a_share_changes_only_what_it_is_about():
    bare, clothed = (draw_scene(GeneratorConfig(p_clothed=share), 1, 2) for share in (0.0, 1.0))
    assert len(bare.garments) < len(clothed.garments)
    assert dataclasses.replace(bare, garments=()) == dataclasses.replace(clothed, garments=())


@pytest.mark.parametrize(("share", "expected"), [(0.0, {"briefs"}), (0.5, None), (1.0, None)])
def test_share_clothed(share, expected):
    rng = np.random.default_rng(1)
    config = GeneratorConfig(p_clothed=share)
    outfits = [{g.kind for g in draw_garments(config, body(gender=0.0), rng)} for _ in range(400)]
    dressed = sum(len(outfit) > 1 for outfit in outfits)
    assert dressed == pytest.approx(400 * share, abs=50 if 0 < share < 1 else 0)
    if expected:
        assert all(outfit == expected for outfit in outfits)


def test_outfits_vary_and_men_wear_no_skirts():
    rng = np.random.default_rng(2)
    config = GeneratorConfig(p_clothed=1.0)
    men, women = (
        {frozenset(g.kind for g in draw_garments(config, body(gender), rng)) for _ in range(300)}
        for gender in (0.1, 0.9)
    )
    assert men == {
        frozenset({"briefs", "shirt", "trousers"}),
        frozenset({"briefs", "shirt"}),
        frozenset({"briefs", "trousers"}),
    }
    assert any("skirt" in outfit for outfit in women)
    assert any("trousers" in outfit for outfit in women)


def test_garments_stay_in_their_ranges(scenes):
    for garment in (garment for scene in scenes for garment in scene.garments):
        for field in ("sleeve", "leg", "neckline", "hem", "roughness"):
            assert 0 <= getattr(garment, field) <= 1
        assert 0 < garment.offset < 0.03


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_skin_like_share_decides_whether_colors_are_hues_of_skin(share):
    rng = np.random.default_rng(3)
    colors = np.array([draw_color(GeneratorConfig(skin_like_share=share), rng) for _ in range(300)])
    a, b = linear_to_lab(colors)[:, 1:].T
    like_skin = ((a > 0) & (b > 0) & (np.hypot(a, b) > 4) & (np.hypot(a, b) < 35)).mean()
    assert like_skin > 0.95 if share else like_skin < 0.3


def test_surfaces_name_textures_that_exist(scenes):
    used = {
        surface.texture
        for scene in scenes
        for surface in (scene.room.walls, scene.room.floor, scene.room.ceiling)
    }
    assert used == set(TEXTURES)


def test_without_texture_every_surface_is_plain():
    room = draw_room(GeneratorConfig(p_textured=0.0), np.random.default_rng(0))
    assert {room.walls.texture, room.floor.texture, room.ceiling.texture} == {"plain"}


@pytest.mark.parametrize(
    ("p_front", "side", "x", "degrees"),
    [(1, 1, 0.0, 270), (1, 1, 0.5, 360), (1, -1, 0.5, 180), (2, 1, 0.5, 315), (3, -1, 1.0, 90)],
)
def test_azimuth_is_the_papers(p_front, side, x, degrees):
    assert math.degrees(azimuth(p_front, side, x)) == pytest.approx(degrees)


@pytest.mark.parametrize(
    ("p_focal", "x", "expected"), [(1, 0, 20), (1, 0.5, 60), (2, 0.25, 60), (0.5, 0.5, 40), (3, 1, 100)]
)
def test_focal_length_is_the_papers(p_focal, x, expected):
    config = GeneratorConfig(f_min=20.0, f_max=100.0, p_focal=p_focal)
    assert focal_length(config, x) == pytest.approx(expected)


def test_p_front_draws_cameras_to_the_front():
    def mean_turn(p_front):
        rng, config = np.random.default_rng(0), GeneratorConfig(p_front=p_front)
        turns = [draw_camera(config, room(), rng).theta - 1.5 * math.pi for _ in range(1500)]
        assert np.mean(np.sign(turns)) == pytest.approx(0, abs=0.1)
        return np.mean(np.abs(turns))

    for p_front in (1.0, 3.0):
        assert mean_turn(p_front) == pytest.approx(math.pi / (p_front + 1), rel=0.1)  # the mean of π·X^p


@pytest.mark.parametrize("track", TRACKS)
def test_the_tracked_part_fills_the_frame(track):
    rng, config = np.random.default_rng(0), GeneratorConfig(track={track: 1.0})
    for _ in range(300):
        place = draw_room(config, rng)
        camera = draw_camera(config, place, rng)
        assert camera.track == track
        distance = math.hypot(camera.radius, camera.z - HEIGHTS[track])
        low, high = EXTENTS[track]
        assert low - 1e-9 <= distance * SENSOR / camera.focal_length <= high + 1e-9
        assert (
            config.radius_min <= camera.radius <= min(config.radius_max, wall_distance(place, camera.theta))
        )
        assert 0 < camera.z < place.size[2]
        assert abs(camera.exposure) <= 0.8
        if track in ("upper_body", "whole"):
            assert config.z_min <= camera.z <= config.z_max


def test_upper_body_keeps_the_drawn_lens_where_the_room_has_space():
    config = GeneratorConfig(track={"upper_body": 1.0}, radius_max=20.0, radius_min=0.5)
    hall = dataclasses.replace(room(), size=(40.0, 40.0, 3.0))
    lenses = [draw_camera(config, hall, np.random.default_rng(seed)).focal_length for seed in range(1000)]
    inside = np.mean([(config.f_min <= lens <= config.f_max) for lens in lenses])
    assert inside > 0.95
    assert np.median(lenses) == pytest.approx((config.f_min + config.f_max) / 2, rel=0.1)


def test_lights_stand_in_the_room_and_one_on_the_cameras_side(scenes):
    for scene in scenes:
        width, depth, height = scene.room.size
        assert len(scene.lights) == 3
        for light in scene.lights:
            x, y, z = light.position
            assert abs(x) < width / 2
            assert abs(y) < depth / 2
            assert 1 <= z < height
            assert 50 <= light.power <= 1000
        x, y, _ = scene.lights[0].position
        assert x * math.cos(scene.camera.theta) + y * math.sin(scene.camera.theta) > 0


def test_the_shipped_file_holds_the_defaults():
    assert GeneratorConfig.load(DEFAULT_FILE) == GeneratorConfig()
    written = yaml.safe_load(DEFAULT_FILE.read_text())
    assert written.keys() == {field.name for field in dataclasses.fields(GeneratorConfig)}


def test_configurations_survive_yaml(tmp_path):
    config = GeneratorConfig(p_clothed=0.25, resolution=128, track={"hand": 2.0})
    path = tmp_path / "render.yaml"
    path.write_text(config.to_yaml())
    assert GeneratorConfig.load(path) == config
    assert GeneratorConfig.load(path).hash == config.hash


def test_the_hash_follows_every_setting():
    changed = [
        dataclasses.replace(
            GeneratorConfig(),
            **{
                field.name: {"face": 1.0}
                if field.name == "track"
                else getattr(GeneratorConfig(), field.name) * 2
            },
        )
        for field in dataclasses.fields(GeneratorConfig)
    ]
    hashes = {config.hash for config in [GeneratorConfig(), *changed]}
    assert len(hashes) == len(changed) + 1
    assert all(len(text) == 12 for text in hashes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p_cloth: 0.5", ["p_cloth", "unknown", "p_clothed"]),
        ("p_clothed: high", ["p_clothed", "'high'", "number"]),
        ("p_clothed: 1.5", ["p_clothed", "1.5", "0 to 1"]),
        ("p_clothed: .nan", ["p_clothed", "nan"]),
        ("resolution: 128.5", ["resolution", "128.5", "whole number"]),
        ("resolution: true", ["resolution", "True", "whole number"]),
        ("f_min: 90\nf_max: 50", ["f_min", "90", "f_max", "50"]),
        ("temperature_min: 9000", ["temperature_min", "9000", "temperature_max", "7500"]),
        ("radius_min: 3", ["radius_min", "3", "room_min", "4.4"]),
        ("track: {foot: 1}", ["track", "foot", "upper_body"]),
        ("track: {face: -1}", ["track.face", "-1"]),
        ("track: {face: 0}", ["track", "weight"]),
        ("track: face", ["track", "'face'"]),
        ("- 1", ["list"]),
        ("p_clothed: [", ["not YAML"]),
    ],
)
def test_bad_settings_are_named(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        GeneratorConfig.load(path)
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml"):
        GeneratorConfig.load(tmp_path / "none.yaml")


def test_an_empty_file_gives_the_defaults(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert GeneratorConfig.load(path) == GeneratorConfig()


def room():
    plain = Surface("plain", ((0.5, 0.5, 0.5),), 1.0, 0, 0.9)
    return Room((6.0, 6.0, 3.0), plain, plain, plain)


def leaves(value):
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
