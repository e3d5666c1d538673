"""Scene sampling: pure, adult, dressed, framed; and the configuration it draws from."""

import dataclasses
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from skinseg.errors import UserError
from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.clothes.underwear import CHEST_COVERED_FROM_GENDER, UNDERWEAR
from skinseg.synthetic.clothes.wardrobe import GARMENTS
from skinseg.synthetic.config import TRACKS, GeneratorConfig
from skinseg.synthetic.draw.camera import FRAMINGS, azimuth, draw_camera, focal_length
from skinseg.synthetic.draw.clothes import CLOTHES_CONTRAST, UNDERWEAR_CONTRAST, draw_garments
from skinseg.synthetic.draw.color import draw_color
from skinseg.synthetic.draw.people import draw_tone
from skinseg.synthetic.draw.room import draw_room, wall_distance
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.hair.beards import BEARDS, NO_BEARD
from skinseg.synthetic.hair.grow import STYLES
from skinseg.synthetic.room.backgrounds import Photos
from skinseg.synthetic.room.panoramas import PANORAMAS
from skinseg.synthetic.room.textures.tile import TEXTURES
from skinseg.synthetic.room.things.build import GRIPS, SEATS, THINGS
from skinseg.synthetic.scene import SENSOR, Body, Room, Scene, Surface
from skinseg.synthetic.worn.accessories import ACCESSORIES
from skinseg.tones.ita import fitzpatrick_of, ita_of, linear_to_lab

COUNT = 200
PRESETS = Path(__file__).parents[1] / "configs" / "render"
DEFAULT_FILE = PRESETS / "mixed.yaml"


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(GeneratorConfig(), seed=7, index=index) for index in range(COUNT)]


def body(gender=0.5):
    return Body({"gender": gender, "age": 0.7}, {}, "arms_down", {})


def test_equal_arguments_give_equal_scenes():
    config = GeneratorConfig()
    assert draw_scene(config, 3, 5, 1) == draw_scene(config, 3, 5, 1)


@pytest.mark.parametrize("arguments", [(4, 5, 1), (3, 6, 1), (3, 5, 2)])
def test_seed_index_and_attempt_each_change_the_scene(arguments):
    config = GeneratorConfig()
    base, other = draw_scene(config, 3, 5, 1), draw_scene(config, *arguments)
    for part in ("people", "room", "lights", "camera"):
        assert getattr(base, part) != getattr(other, part)


def test_scenes_survive_json(scenes):
    for scene in scenes:
        assert Scene.from_json(scene.to_json()) == scene


def test_scenes_hold_plain_values_only(scenes):
    plain = {bool, int, float, str, type(None)}
    found = {type(value) for scene in scenes for value in leaves(dataclasses.astuple(scene))}
    assert found <= plain


def test_everyone_is_an_adult(scenes):
    assert all(2 / 3 <= person.body.phenotype["age"] <= 1 for person in everyone(scenes))


def test_everyone_wears_underwear(scenes):
    for person in everyone(scenes):
        kinds = [garment.kind for garment in person.garments]
        assert "briefs" in kinds
        assert ("bra" in kinds) == (person.body.phenotype["gender"] >= CHEST_COVERED_FROM_GENDER)


def test_skin_has_the_tone_it_names(scenes):
    for skin in (person.skin for person in everyone(scenes)):
        assert fitzpatrick_of(skin.ita) == skin.fitzpatrick
        assert float(ita_of(linear_to_lab(skin.albedo))) == pytest.approx(skin.ita, abs=1e-6)


def test_groups_are_drawn_uniformly():
    rng = np.random.default_rng(0)
    counts = Counter(draw_tone(GeneratorConfig(), rng) for _ in range(3000))
    chi_square = sum((counts[group] - 500) ** 2 / 500 for group in range(1, 7))
    assert sum(counts.values()) == 3000
    assert chi_square < 20.5  # the 0.1 % point at 5 degrees of freedom


def test_a_share_changes_only_what_it_is_about():
    bare, clothed = (draw_scene(GeneratorConfig(p_clothed=share), 1, 2) for share in (0.0, 1.0))
    assert len(bare.people[0].garments) < len(clothed.people[0].garments)
    undressed = [
        dataclasses.replace(
            scene, people=tuple(dataclasses.replace(p, garments=(), accessories=()) for p in scene.people)
        )
        for scene in (bare, clothed)
    ]
    assert undressed[0] == undressed[1]


@pytest.mark.parametrize(("share", "expected"), [(0.0, {"briefs"}), (0.5, None), (1.0, None)])
def test_share_clothed(share, expected):
    rng = np.random.default_rng(1)
    config = GeneratorConfig(p_clothed=share, p_scarf=0.0)
    outfits = [{g.kind for g in draw_garments(config, body(gender=0.0), rng)} for _ in range(400)]
    dressed = sum(len(outfit) > 1 for outfit in outfits)
    assert dressed == pytest.approx(400 * share, abs=50 if 0 < share < 1 else 0)
    if expected:
        assert all(outfit == expected for outfit in outfits)


def test_outfits_vary_and_men_wear_no_skirts():
    rng = np.random.default_rng(2)
    config = GeneratorConfig(p_clothed=1.0)
    men, women = (
        {g.kind for _ in range(400) for g in draw_garments(config, body(gender), rng)}
        for gender in (0.01, 0.9)
    )
    assert men.isdisjoint({"skirt", "dress", "bra", "headscarf"})
    assert women | men <= set(GARMENTS)
    assert women >= {"skirt", "dress", "trousers", "shirt", "sweater", "jacket", "headscarf"}


def test_garments_stay_in_their_ranges(scenes):
    for garment in (garment for person in everyone(scenes) for garment in person.garments):
        for field in ("sleeve", "leg", "neckline", "hem", "roughness"):
            assert 0 <= getattr(garment, field) <= 1
        assert 0 < garment.offset <= 0.05
        assert 0 <= garment.folds <= 0.02


@pytest.mark.slow
def test_everything_drawn_can_be_built(scenes):
    for person in everyone(scenes):
        assert person.hair.style in STYLES
        assert person.hair.beard in (NO_BEARD, *BEARDS)
        assert person.body.pose_family in POSTURES
        assert {accessory.kind for accessory in person.accessories} <= set(ACCESSORIES)
        assert not {"headscarf"} & {g.kind for g in person.garments} or not (
            {"cap", "beanie", "brim_hat"} & {a.kind for a in person.accessories}
        )
    for thing in (thing for scene in scenes for thing in scene.things):
        assert thing.kind in THINGS
        assert thing.held in ("", "left", "right")
        assert not thing.held or thing.kind in GRIPS
        assert thing.under is None or thing.kind in SEATS
        assert thing.surface.texture in TEXTURES


def test_who_sits_sits_on_something(scenes):
    for scene in scenes:
        sitting = [n for n, person in enumerate(scene.people) if person.body.pose_family == "sitting"]
        assert [thing.under for thing in scene.things if thing.under is not None] == sitting
    assert any(thing.under is not None for scene in scenes for thing in scene.things)


def test_in_bent_hips_underwear_has_legs(scenes):
    for person in everyone(scenes):
        assert (person.garments[0].leg > 0) == (POSTURES[person.body.pose_family].folded)


def test_men_have_beards_and_women_none(scenes):
    for person in everyone(scenes):
        assert person.hair.beard == "none" or person.body.phenotype["gender"] < 0.5
    assert any(person.hair.beard != "none" for person in everyone(scenes))


@pytest.mark.slow
def test_company_stands_apart_and_is_no_copy():
    config = GeneratorConfig(p_second=1.0, p_third=1.0, p_crowd=0.0)
    for scene in (draw_scene(config, 0, index) for index in range(60)):
        assert len(scene.people) == 3
        places = np.array([person.place for person in scene.people])
        assert tuple(places[0]) == (0.0, 0.0)
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(3, 1)]
        assert gaps.min() > 0.45
        assert len({person.skin.ita for person in scene.people}) == 3
    alone = draw_scene(GeneratorConfig(p_second=0.0), 0, 0)
    assert len(alone.people) == 1


def test_under_the_sky_there_is_a_sun_and_no_lamp():
    for scene in (
        draw_scene(GeneratorConfig(p_outdoors=1.0, p_panorama=0.0), 0, index) for index in range(20)
    ):
        assert scene.room.sky is not None
        assert [light.edge for light in scene.lights] == [0.0]
        assert scene.lights[0].position[2] > 0


def test_a_panorama_has_its_own_light():
    scenes = [draw_scene(GeneratorConfig(p_panorama=1.0), 0, index) for index in range(60)]
    assert {scene.room.panorama.kind for scene in scenes if scene.room.panorama} == set(PANORAMAS)
    assert all(scene.room.sky is None for scene in scenes)
    assert {len(scene.lights) for scene in scenes} == {0, 1}
    assert Scene.from_json(scenes[0].to_json()) == scenes[0]


def test_crowds_are_about_people_seen_from_afar():
    config = GeneratorConfig(p_crowd=1.0)
    counts = {track: set[int]() for track in TRACKS}
    for index in range(60):
        scene = draw_scene(config, 0, index)
        counts[scene.camera.track].add(len(scene.people))
        places = np.array([person.place for person in scene.people])
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(len(places), 1)]
        assert len(gaps) == 0 or gaps.min() > 0.2
    crowds = counts.pop("whole") | counts.pop("upper_body")
    assert min(crowds) >= 5
    assert max(crowds) <= 13
    assert max(set[int]().union(*counts.values())) <= 3


def test_bellies_that_are_looked_at_are_bare_where_asked():
    def covered(track: str, p_bare: float) -> float:
        config = GeneratorConfig(track={track: 1.0}, p_bare=p_bare, p_clothed=1.0)
        worn = [draw_scene(config, 0, index).people[0].garments for index in range(40)]
        return float(
            np.mean([any(GARMENTS[each.kind].outfit in ("upper", "full") for each in one) for one in worn])
        )

    assert covered("abdomen", 1.0) == covered("back", 1.0) == 0.0
    assert covered("abdomen", 0.0) > 0.7
    assert covered("face", 1.0) > 0.7


def test_photographs_hang_on_walls_only():
    photos = Photos(Path("nowhere"), ("a.jpg", "b/c.png"), ("0" * 12, "1" * 12))
    config = GeneratorConfig(p_background=1.0, p_photo=1.0)
    drawn = [draw_scene(config, 0, index, photos=photos) for index in range(40)]
    found = {(scene.room.walls.photo, scene.room.walls.photo_hash) for scene in drawn}
    assert found == set(zip(photos.names, photos.hashes, strict=True))
    assert all(scene.room.walls.texture == "photo" for scene in drawn)
    assert all(not scene.room.floor.photo and not scene.room.ceiling.photo for scene in drawn)
    assert Scene.from_json(drawn[0].to_json()) == drawn[0]


def test_without_artefacts_the_camera_is_perfect():
    plain = GeneratorConfig(
        exposure_sd=0, white_balance_sd=0, contrast_mean=1, contrast_sd=0, saturation_mean=1, saturation_sd=0,
        vignette_max=0, blur_max=0,
        p_motion=0, noise_max=0, p_jpeg=0,
    )  # fmt: skip
    camera = draw_scene(plain, 0, 0).camera
    assert (camera.exposure, camera.white_balance, camera.motion) == (0, (0, 0), (0, 0))
    assert (camera.contrast, camera.saturation) == (1, 1)
    assert (camera.vignette, camera.blur, camera.noise, camera.jpeg) == (0, 0, 0, 0)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_skin_like_share_decides_whether_colors_are_hues_of_skin(share):
    rng = np.random.default_rng(3)
    colors = np.array([draw_color(GeneratorConfig(skin_like_share=share), rng) for _ in range(300)])
    a, b = linear_to_lab(colors)[:, 1:].T
    like_skin = ((a > 0) & (b > 0) & (np.hypot(a, b) > 4) & (np.hypot(a, b) < 35)).mean()
    assert like_skin > 0.95 if share else like_skin < 0.3


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_nobody_wears_the_colour_of_their_own_skin(share):
    config = GeneratorConfig(skin_like_share=share, p_clothed=0.7)
    seen = Counter()
    for index in range(60):
        for person in draw_scene(config, 5, index).people:
            own = linear_to_lab(person.skin.albedo)
            for worn in person.garments:
                least = UNDERWEAR_CONTRAST if worn.kind in UNDERWEAR else CLOTHES_CONTRAST
                for color in (worn.color, worn.pattern_color):
                    assert np.linalg.norm(linear_to_lab(color) - own) >= least
                seen[worn.kind] += 1
    assert {"briefs", "bra", "shirt"} <= set(seen)


@pytest.mark.slow
def test_prints_stand_on_the_chest_only():
    config = GeneratorConfig(patterns={"print": 1.0})
    worn = [g for index in range(80) for p in draw_scene(config, 3, index).people for g in p.garments]
    printed = {"shirt", "sweater", "dress"}
    assert {g.kind for g in worn if g.pattern == "print"} == printed
    assert {g.pattern for g in worn if g.kind not in printed} == {"plain"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_warm_share_decides_whether_the_other_colors_are_vivid_and_warm(share):
    rng = np.random.default_rng(3)
    config = GeneratorConfig(skin_like_share=0.0, warm_share=share)
    a, b = linear_to_lab([draw_color(config, rng) for _ in range(300)])[:, 1:].T
    warm = ((a > 0) & (np.hypot(a, b) > 15)).mean()  # from pink to orange
    assert warm > 0.9 if share else warm < 0.4


@pytest.mark.slow
def test_surfaces_name_textures_that_exist():
    drawn = [draw_scene(GeneratorConfig(), 7, index) for index in range(600)]
    used = {
        surface.texture
        for scene in drawn
        for surface in (scene.room.walls, scene.room.floor, scene.room.ceiling)
    }
    assert used <= set(TEXTURES)
    assert used >= set(TEXTURES)


def test_without_texture_every_surface_is_plain():
    room = draw_room(GeneratorConfig(p_background=0.0), np.random.default_rng(0))
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
        turns = [draw_camera(config, room(), "face", rng, rng).theta - 1.5 * math.pi for _ in range(1500)]
        assert np.mean(np.sign(turns)) == pytest.approx(0, abs=0.1)
        return np.mean(np.abs(turns))

    for p_front in (1.0, 3.0):
        assert mean_turn(p_front) == pytest.approx(math.pi / (p_front + 1), rel=0.1)  # the mean of π·X^p


@pytest.mark.parametrize("track", TRACKS)
def test_the_tracked_part_fills_the_frame(track):
    rng, config = np.random.default_rng(0), GeneratorConfig(track={track: 1.0})
    for _ in range(300):
        place = draw_room(config, rng)
        camera = draw_camera(config, place, track, rng, rng)
        assert camera.track == track
        distance = math.hypot(camera.radius, camera.rise)
        low, high = FRAMINGS[track].extent
        assert low - 1e-9 <= distance * SENSOR / camera.focal_length <= high + 1e-9
        assert (
            config.radius_min <= camera.radius <= min(config.radius_max, wall_distance(place, camera.theta))
        )
        assert 0 < camera.rise + FRAMINGS[track].height < place.size[2]
        assert abs(camera.exposure) <= 2.5 * config.exposure_sd
        if track in ("upper_body", "whole"):
            assert config.z_min <= camera.rise + FRAMINGS[track].height <= config.z_max + 1e-9


def test_upper_body_keeps_the_drawn_lens_where_the_room_has_space():
    config = GeneratorConfig(track={"upper_body": 1.0}, radius_max=20.0, radius_min=0.5)
    hall = dataclasses.replace(room(), size=(40.0, 40.0, 3.0))
    rngs = [np.random.default_rng(seed) for seed in range(1000)]
    lenses = [draw_camera(config, hall, "upper_body", rng, rng).focal_length for rng in rngs]
    inside = np.mean([(config.f_min <= lens <= config.f_max) for lens in lenses])
    assert inside > 0.95
    assert np.median(lenses) == pytest.approx((config.f_min + config.f_max) / 2, rel=0.1)


def test_lights_stand_in_the_room_and_one_on_the_cameras_side(scenes):
    for scene in (scene for scene in scenes if scene.room.sky is None and scene.room.panorama is None):
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


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_is_read_and_draws(path):
    config = GeneratorConfig.load(path)
    scenes = [draw_scene(config, 0, index) for index in range(30)]
    assert {scene.camera.track for scene in scenes} <= {name for name, w in config.track.items() if w}


def test_presets_cover_every_framing():
    stems = {path.stem for path in PRESETS.glob("*.yaml")}
    assert stems == {"faces", "portraits", "full_body", "hands", "torsos", "mixed", "neutral"}


def test_configurations_survive_yaml(tmp_path):
    config = GeneratorConfig(p_clothed=0.25, resolution=128, track={"hand": 2.0})
    path = tmp_path / "render.yaml"
    path.write_text(config.to_yaml())
    assert GeneratorConfig.load(path) == config
    assert GeneratorConfig.load(path).hash == config.hash


def test_the_hash_follows_every_setting():
    default = GeneratorConfig()

    def changed(value):
        return {next(iter(value)): 9.0} if isinstance(value, dict) else value * 2 + 1

    names = [field.name for field in dataclasses.fields(GeneratorConfig)]
    variants = [dataclasses.replace(default, **{name: changed(getattr(default, name))}) for name in names]
    hashes = {config.hash for config in [default, *variants]}
    assert len(hashes) == len(names) + 1
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
        ("poses: {flying: 1}", ["poses", "flying", "arms_down"]),
        ("age_min: 0.3", ["age_min", "0.3", "0.666667"]),
        ("jpeg_min: 99", ["jpeg_min", "99", "jpeg_max", "95"]),
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


def everyone(scenes):
    return [person for scene in scenes for person in scene.people]


def room():
    plain = Surface("plain", ((0.5, 0.5, 0.5),), 1.0, 0, 0.9)
    return Room((6.0, 6.0, 3.0), plain, plain, plain)


def leaves(value):
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, (tuple, list)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
