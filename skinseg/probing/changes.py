"""One thing about a scene changed, all else equal: the counterfactuals that causes are read off.

Each factor has levels; a level is a function of the scene alone, so that the same scene gives the same change on any
machine. What cannot be had of a scene (a beard on a woman) is None.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from skinseg.probing.streams import Part, stream
from skinseg.synthetic.clothes.patterns import PATTERNS
from skinseg.synthetic.clothes.wardrobe import kind_of
from skinseg.synthetic.config import TRACKS, GeneratorConfig
from skinseg.synthetic.draw.camera import FRAMINGS, draw_camera
from skinseg.synthetic.draw.clothes import CLOTHES_CONTRAST, UNDERWEAR_CONTRAST, draw_garments
from skinseg.synthetic.draw.color import as_color, draw_color
from skinseg.synthetic.draw.hair import WOMAN
from skinseg.synthetic.draw.room import textures_of
from skinseg.synthetic.draw.worn import draw_accessories
from skinseg.synthetic.hair.beards import BEARDS, NO_BEARD
from skinseg.synthetic.room.textures.tile import TEXTURES
from skinseg.synthetic.scene import Accessory, Color, Garment, Light, Person, Scene, Skin, Surface
from skinseg.synthetic.streams import Part as Drawn
from skinseg.synthetic.streams import pick, uniform
from skinseg.synthetic.streams import stream as drawn
from skinseg.synthetic.worn.accessories import ACCESSORIES
from skinseg.tones.ita import ITA_RANGES, FloatArray, draw_skin_color, lab_to_linear, linear_to_lab

GROUPS = tuple(ITA_RANGES)
AS_DRAWN = "as drawn"

Change = Callable[[Scene, GeneratorConfig], Scene | None]


@dataclass(frozen=True)
class Factor:
    """What is changed and how. levels: by name. reference: what the others are held against; None is the mean of all
    levels, of which a scene, as it was drawn, is one."""

    name: str
    levels: Mapping[str, Change]
    reference: str | None = AS_DRAWN


def with_tone(skin: Skin, group: int) -> Skin:
    """The same skin in another Fitzpatrick group: where its colour lies within what its group has, lips against skin,
    texture and blemishes stay. Freckles are of light skin only."""
    if group == skin.fitzpatrick:
        return skin
    ita, albedo = _at(group, _quantiles(skin))
    lips = linear_to_lab(np.array(skin.albedo) * skin.lip_tint) - linear_to_lab(skin.albedo)
    tint = lab_to_linear(linear_to_lab(albedo) + lips) / np.array(albedo)
    return dataclasses.replace(
        skin,
        fitzpatrick=group,
        ita=ita,
        albedo=albedo,
        lip_tint=as_color(tint, darkest=0.05, lightest=1.5),
        freckles=skin.freckles if group <= 3 else 0.0,
    )


@dataclass(frozen=True)
class _Chosen:
    """In place of a generator: gives the quantiles of uniform draws instead of drawing them."""

    quantiles: Iterator[float]

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * next(self.quantiles)


def _at(group: int, quantiles: Iterable[float]) -> tuple[float, Color]:
    """ITA and albedo of a group, at quantiles of ITA, b* and a*."""
    return draw_skin_color(cast(np.random.Generator, _Chosen(iter(quantiles))), group)


def _quantiles(skin: Skin) -> tuple[float, float, float]:
    """Where a skin's ITA, b* and a* lie among what its group has, as `draw_skin_color` draws them."""
    low, high = ITA_RANGES[skin.fitzpatrick]
    place = (skin.ita - low) / (high - low)
    _, a, b = linear_to_lab(skin.albedo)
    # The ends of what there is at this ITA, as the spans of both do not depend on it but by a factor.
    _, least_a, least_b = linear_to_lab(_at(skin.fitzpatrick, (place, 0.0, 0.0))[1])
    _, most_a, most_b = linear_to_lab(_at(skin.fitzpatrick, (place, 1.0, 1.0))[1])
    return place, float((b - least_b) / (most_b - least_b)), float((a - least_a) / (most_a - least_a))


def in_tone(scene: Scene, group: int) -> Scene:
    """The scene with everybody in one group; cloth stays, so tell it from all groups first (`told_from_all`)."""
    return _people(scene, lambda person, _: dataclasses.replace(person, skin=with_tone(person.skin, group)))


def told_from_all(scene: Scene, config: GeneratorConfig) -> Scene:
    """The scene in cloth that nobody takes for its wearer's bare skin, whichever the group of that skin."""

    def recoloured(person: Person, number: int) -> Person:
        own = linear_to_lab([with_tone(person.skin, group).albedo for group in GROUPS])
        rng = _stream(Part.RECOLOUR, scene, number)
        garments = tuple(_told(garment, own, config, rng) for garment in person.garments)
        return dataclasses.replace(person, garments=garments)

    return _people(scene, recoloured)


def _told(garment: Garment, skins: FloatArray, config: GeneratorConfig, rng: np.random.Generator) -> Garment:
    """skins: CIELAB, (groups, 3)."""
    apart = UNDERWEAR_CONTRAST if kind_of(garment).underwear else CLOTHES_CONTRAST
    other = dataclasses.replace(config, skin_like_share=0.0, warm_share=0.0)

    def unlike(color: Color) -> Color:
        while np.linalg.norm(skins - linear_to_lab(color), axis=1).min() < apart:
            color = draw_color(other, rng)
        return color

    return dataclasses.replace(
        garment, color=unlike(garment.color), pattern_color=unlike(garment.pattern_color)
    )


def _people(scene: Scene, change: Callable[[Person, int], Person]) -> Scene:
    people = tuple(change(person, number) for number, person in enumerate(scene.people))
    return dataclasses.replace(scene, people=people)


def _stream(part: Part, scene: Scene, number: int = 0) -> np.random.Generator:
    return stream(part, scene.seed, scene.index, scene.attempt, number)


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
    hue = float(_stream(Part.LIGHT, scene).uniform(0, 2 * math.pi))
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

    return _people(scene, change)


def _dressed(scene: Scene, config: GeneratorConfig) -> Scene:
    """Everybody in an outfit that leaves nothing bare on purpose, in cloth told from all skins."""
    always = dataclasses.replace(config, p_clothed=1.0, p_bare=0.0)

    def change(person: Person, number: int) -> Person:
        rng = drawn(Drawn.CLOTHES, scene.seed, scene.index, scene.attempt, number)
        outfit = [each for each in draw_garments(always, person.body, rng) if not kind_of(each).underwear]
        under = [each for each in person.garments if kind_of(each).underwear]
        return dataclasses.replace(person, garments=(*under, *outfit))

    return told_from_all(_people(scene, change), config)


def _skin_coloured(scene: Scene, config: GeneratorConfig) -> Scene | None:
    """All cloth but the underwear in the wearer's own hue, a little darker or lighter: as near as cloth may come."""
    if not any(not kind_of(each).underwear for person in scene.people for each in person.garments):
        return None

    def change(person: Person, number: int) -> Person:
        rng = _stream(Part.CLOTHING, scene, number)
        own = linear_to_lab(person.skin.albedo)
        # Lightness alone, by a little more than cloth must differ, towards the middle of the scale.
        step = (CLOTHES_CONTRAST + 3) * (1 if own[0] < 50 else -1) * float(rng.uniform(1.0, 1.4))
        color = as_color(lab_to_linear(own + np.array([step, 0.0, 0.0])))
        garments = tuple(
            each if kind_of(each).underwear else dataclasses.replace(each, color=color, pattern="plain")
            for each in person.garments
        )
        return dataclasses.replace(person, garments=garments)

    return _people(scene, change)


def _patterned(scene: Scene, config: GeneratorConfig) -> Scene | None:
    if not any(not kind_of(each).underwear for person in scene.people for each in person.garments):
        return None

    def change(person: Person, number: int) -> Person:
        rng = _stream(Part.CLOTHING, scene, number)
        names = {name: weight for name, weight in config.patterns.items() if name != "plain"}
        garments = tuple(
            each
            if kind_of(each).underwear
            else dataclasses.replace(each, pattern=_printable(each, pick(rng, names)))
            for each in person.garments
        )
        return dataclasses.replace(person, garments=garments)

    return _people(scene, change)


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
    outdoors, rng = scene.room.sky is not None, _stream(Part.BACKGROUND, scene)
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
    return _people(scene, lambda person, _: _bare_head(person))


def _one(scene: Scene, config: GeneratorConfig, place: str) -> Scene:
    always = dataclasses.replace(
        config, p_glasses=1.0 * (place == "eyes"), p_hat=1.0 * (place == "head"), p_jewellery=0.0
    )

    def change(person: Person, number: int) -> Person:
        bare = _bare_head(person)
        rng = _stream(Part.WORN, scene, number)
        put_on: tuple[Accessory, ...] = draw_accessories(always, bare.garments, rng)
        return dataclasses.replace(bare, accessories=(*put_on, *bare.accessories))

    return _people(scene, change)


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
        rng = _stream(Part.WORN, scene, number)
        kind = pick(rng, {name: each.share for name, each in BEARDS.items()})
        length = BEARDS[kind].length * float(rng.uniform(0.3, 1.0))
        return dataclasses.replace(bare, hair=dataclasses.replace(bare.hair, beard=kind, beard_length=length))

    return _people(scene, change)


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
