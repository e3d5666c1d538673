"""One thing about a scene changed, all else equal: the counterfactuals that causes are read off.

Each factor has levels; a level is a function of the scene alone, so that the same scene gives the same change on any
machine. What cannot be had of a scene (a beard on a woman) is None.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from skinseg.probing.streams import Part
from skinseg.probing.tone import GROUPS, in_tone, people_changed, stream_of, told_from_all
from skinseg.synthetic.clothes.patterns import PATTERNS
from skinseg.synthetic.clothes.wardrobe import kind_of
from skinseg.synthetic.config import TRACKS, GeneratorConfig
from skinseg.synthetic.draw.camera import FRAMINGS, draw_camera
from skinseg.synthetic.draw.clothes import CLOTHES_CONTRAST, draw_garments
from skinseg.synthetic.draw.color import as_color
from skinseg.synthetic.draw.hair import WOMAN
from skinseg.synthetic.draw.room import textures_of
from skinseg.synthetic.draw.worn import draw_accessories
from skinseg.synthetic.hair.beards import BEARDS, NO_BEARD
from skinseg.synthetic.room.textures.tile import TEXTURES
from skinseg.synthetic.scene import Accessory, Color, Garment, Light, Person, Scene, Surface
from skinseg.synthetic.streams import Part as Drawn
from skinseg.synthetic.streams import pick, uniform
from skinseg.synthetic.streams import stream as drawn
from skinseg.synthetic.worn.accessories import ACCESSORIES
from skinseg.tones.ita import lab_to_linear, linear_to_lab

AS_DRAWN = "as drawn"

Change = Callable[[Scene, GeneratorConfig], Scene | None]


@dataclass(frozen=True)
class Factor:
    """What is changed and how. levels: by name. reference: what the others are held against; None is the mean of all
    levels, of which a scene, as it was drawn, is one."""

    name: str
    levels: Mapping[str, Change]
    reference: str | None = AS_DRAWN


def _camera(scene: Scene, **changes: object) -> Scene:
    return dataclasses.replace(scene, camera=dataclasses.replace(scene.camera, **changes))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- light


def _dim(scene: Scene, config: GeneratorConfig) -> Scene:
    """Two stops too dark, with all the noise that the settings allow."""
    camera = scene.camera
    return _camera(scene, exposure=min(camera.exposure, 0.0) - 2.0, noise=max(camera.noise, config.noise_max))


def _flash(scene: Scene, config: GeneratorConfig) -> Scene:
    """A small lamp at the camera, and a tenth of all other light."""
    camera, height = scene.camera, FRAMINGS[scene.camera.track].height
    eye = scene.eye((0.0, 0.0, height))
    distance = math.hypot(camera.radius, camera.rise)
    lamp = Light(
        position=(eye[0], eye[1], min(eye[2] + 0.08, scene.room.size[2] - 0.05)),
        target=(0.0, 0.0, height),
        edge=0.08,
        power=150.0 * distance**2,
        temperature=5500.0,
    )
    others = tuple(dataclasses.replace(light, power=0.1 * light.power) for light in scene.lights)
    room = scene.room
    red, green, blue = room.sky or (0.0, 0.0, 0.0)
    panorama = room.panorama and dataclasses.replace(room.panorama, strength=0.1 * room.panorama.strength)
    sky = None if room.sky is None else (0.1 * red, 0.1 * green, 0.1 * blue)
    return dataclasses.replace(
        scene, lights=(lamp, *others), room=dataclasses.replace(room, sky=sky, panorama=panorama)
    )


def _tinted(temperature: float, red: float, blue: float) -> Change:
    """Lamps of one colour, of which a camera's balance takes out most, and an error of that balance, in stops."""

    def change(scene: Scene, config: GeneratorConfig) -> Scene:
        lights = tuple(dataclasses.replace(light, temperature=temperature) for light in scene.lights)
        return dataclasses.replace(_camera(scene, white_balance=(red, blue)), lights=lights)

    return change


def _coloured(scene: Scene, config: GeneratorConfig) -> Scene:
    """As on a stage: red and blue off by up to .9 stops, in any direction."""
    hue = float(stream_of(Part.LIGHT, scene).uniform(0, 2 * math.pi))
    return _camera(scene, white_balance=(0.9 * math.cos(hue), 0.9 * math.sin(hue)))


# ----------------------------------------------------------------------------------------------- framing


def framed(scene: Scene, config: GeneratorConfig, track: str) -> Scene:
    """The scene as the camera would have been drawn for another part; lens, sensor and file stay."""
    if track == scene.camera.track:
        return scene
    place = (scene.seed, scene.index, scene.attempt)
    found = draw_camera(
        config,
        scene.room,
        track,
        drawn(Drawn.CAMERA, *place),
        drawn(Drawn.LENS, *place),
        len(scene.people) - 1,
    )
    names = ("theta", "radius", "rise", "focal_length", "track", "shift", "roll")
    return _camera(scene, **{name: getattr(found, name) for name in names})


def _framing(track: str) -> Change:
    return lambda scene, config: framed(scene, config, track)


# ---------------------------------------------------------------------------------------------- clothing


def _underwear(scene: Scene, config: GeneratorConfig) -> Scene:
    def change(person: Person, _: int) -> Person:
        return dataclasses.replace(
            person, garments=tuple(each for each in person.garments if kind_of(each).underwear)
        )

    return people_changed(scene, change)


def _dressed(scene: Scene, config: GeneratorConfig) -> Scene:
    """Everybody in an outfit that leaves nothing bare on purpose, in cloth told from all skins."""
    always = dataclasses.replace(config, p_clothed=1.0, p_bare=0.0)

    def change(person: Person, number: int) -> Person:
        rng = drawn(Drawn.CLOTHES, scene.seed, scene.index, scene.attempt, number)
        outfit = [each for each in draw_garments(always, person.body, rng) if not kind_of(each).underwear]
        under = [each for each in person.garments if kind_of(each).underwear]
        return dataclasses.replace(person, garments=(*under, *outfit))

    return told_from_all(people_changed(scene, change), config)


def _skin_coloured(scene: Scene, config: GeneratorConfig) -> Scene | None:
    """All cloth but the underwear in the wearer's own hue, a little darker or lighter: as near as cloth may come."""
    if not any(not kind_of(each).underwear for person in scene.people for each in person.garments):
        return None

    def change(person: Person, number: int) -> Person:
        rng = stream_of(Part.CLOTHING, scene, number)
        own = linear_to_lab(person.skin.albedo)
        # Lightness alone, by a little more than cloth must differ, towards the middle of the scale.
        step = (CLOTHES_CONTRAST + 3) * (1 if own[0] < 50 else -1) * float(rng.uniform(1.0, 1.4))
        color = as_color(lab_to_linear(own + np.array([step, 0.0, 0.0])))
        garments = tuple(
            each if kind_of(each).underwear else dataclasses.replace(each, color=color, pattern="plain")
            for each in person.garments
        )
        return dataclasses.replace(person, garments=garments)

    return people_changed(scene, change)


def _patterned(scene: Scene, config: GeneratorConfig) -> Scene | None:
    if not any(not kind_of(each).underwear for person in scene.people for each in person.garments):
        return None

    def change(person: Person, number: int) -> Person:
        rng = stream_of(Part.CLOTHING, scene, number)
        names = {name: weight for name, weight in config.patterns.items() if name != "plain"}
        garments = tuple(
            each
            if kind_of(each).underwear
            else dataclasses.replace(each, pattern=_printable(each, pick(rng, names)))
            for each in person.garments
        )
        return dataclasses.replace(person, garments=garments)

    return people_changed(scene, change)


def _printable(garment: Garment, pattern: str) -> str:
    return pattern if kind_of(garment).prints or not PATTERNS[pattern].once else garment.pattern


# -------------------------------------------------------------------------------------------- background


def _surfaces(scene: Scene, change: Callable[[Surface], Surface]) -> Scene | None:
    """The room with other walls, floor and ceiling; None in a panorama, whose light would go with them."""
    room = scene.room
    if room.panorama is not None:
        return None
    changed = dataclasses.replace(
        room, walls=change(room.walls), floor=change(room.floor), ceiling=change(room.ceiling)
    )
    return dataclasses.replace(scene, room=changed)


def _plain(color: Color) -> Callable[[Surface], Surface]:
    return lambda surface: dataclasses.replace(
        surface, texture="plain", colors=(color,) * len(surface.colors), photo="", photo_hash=""
    )


def _grey(scene: Scene, config: GeneratorConfig) -> Scene | None:
    return _surfaces(scene, _plain((0.35, 0.35, 0.35)))


def _skin_walls(scene: Scene, config: GeneratorConfig) -> Scene | None:
    """Paint in the first person's own albedo."""
    return _surfaces(scene, _plain(as_color(scene.people[0].skin.albedo)))


def _busy(scene: Scene, config: GeneratorConfig) -> Scene | None:
    """Walls with the strongest texture that the settings allow, in the colours that they have."""
    if scene.room.panorama is not None:
        return None
    outdoors, rng = scene.room.sky is not None, stream_of(Part.BACKGROUND, scene)
    texture = pick(rng, textures_of(lambda each: each.walls_outdoors if outdoors else each.walls_indoors))
    walls = dataclasses.replace(
        scene.room.walls,
        texture=texture,
        scale=uniform(rng, *TEXTURES[texture].scale),
        contrast=config.texture_contrast_max,
        photo="",
        photo_hash="",
    )
    return dataclasses.replace(scene, room=dataclasses.replace(scene.room, walls=walls))


# -------------------------------------------------------------------------------------------------- worn

_ON_HEAD = ("eyes", "head")


def _bare_head(person: Person) -> Person:
    """Without glasses, headwear, headscarf and beard."""
    return dataclasses.replace(
        person,
        accessories=tuple(
            each for each in person.accessories if ACCESSORIES[each.kind].place not in _ON_HEAD
        ),
        garments=tuple(each for each in person.garments if not kind_of(each).covers_hair),
        hair=dataclasses.replace(person.hair, beard=NO_BEARD, beard_length=0.0),
    )


def _bare(scene: Scene, config: GeneratorConfig) -> Scene:
    return people_changed(scene, lambda person, _: _bare_head(person))


def _one(scene: Scene, config: GeneratorConfig, place: str) -> Scene:
    always = dataclasses.replace(
        config, p_glasses=1.0 * (place == "eyes"), p_hat=1.0 * (place == "head"), p_jewellery=0.0
    )

    def change(person: Person, number: int) -> Person:
        bare = _bare_head(person)
        rng = stream_of(Part.WORN, scene, number)
        put_on: tuple[Accessory, ...] = draw_accessories(always, bare.garments, rng)
        return dataclasses.replace(bare, accessories=(*put_on, *bare.accessories))

    return people_changed(scene, change)


def _glasses(scene: Scene, config: GeneratorConfig) -> Scene:
    return _one(scene, config, "eyes")


def _headwear(scene: Scene, config: GeneratorConfig) -> Scene:
    return _one(scene, config, "head")


def _beard(scene: Scene, config: GeneratorConfig) -> Scene | None:
    if scene.people[0].body.phenotype["gender"] >= WOMAN:
        return None

    def change(person: Person, number: int) -> Person:
        bare = _bare_head(person)
        if person.body.phenotype["gender"] >= WOMAN:
            return bare
        rng = stream_of(Part.WORN, scene, number)
        kind = pick(rng, {name: each.share for name, each in BEARDS.items()})
        length = BEARDS[kind].length * float(rng.uniform(0.3, 1.0))
        return dataclasses.replace(bare, hair=dataclasses.replace(bare.hair, beard=kind, beard_length=length))

    return people_changed(scene, change)


def _tone(group: int) -> Change:
    return lambda scene, config: in_tone(scene, group)


FACTORS: dict[str, Factor] = {
    factor.name: factor
    for factor in (
        Factor("tone", {str(group): _tone(group) for group in GROUPS}, None),
        Factor(
            "light",
            {
                "dim": _dim,
                "flash": _flash,
                "warm": _tinted(2500.0, 0.35, -0.35),
                "cold": _tinted(10000.0, -0.35, 0.35),
                "coloured": _coloured,
            },
        ),
        Factor("framing", {track: _framing(track) for track in TRACKS}, None),
        Factor(
            "clothing",
            {
                "underwear": _underwear,
                "dressed": _dressed,
                "skin-coloured": _skin_coloured,
                "patterned": _patterned,
            },
        ),
        Factor("background", {"grey": _grey, "skin-coloured": _skin_walls, "busy": _busy}),
        Factor(
            "worn",
            {"bare head": _bare, "glasses": _glasses, "beard": _beard, "headwear": _headwear},
            "bare head",
        ),
    )
}
