"""From a configuration and (seed, index, attempt) to a Scene: all randomness of a frame is drawn here."""

import colorsys
import dataclasses
import functools
import math
import typing
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.config import TONES, GeneratorConfig
from skinseg.synthetic.people.posture import draw_body, grip
from skinseg.synthetic.people.wardrobe import UNDERWEAR, required_underwear
from skinseg.synthetic.scene import (
    SENSOR,
    YOUNGEST_ADULT,
    Accessory,
    Body,
    Camera,
    Color,
    Garment,
    Hair,
    Light,
    Person,
    Room,
    Scene,
    Skin,
    Surface,
    Thing,
)
from skinseg.synthetic.streams import Part, stream
from skinseg.synthetic.surroundings.backgrounds import Photos
from skinseg.synthetic.surroundings.things import GRIPS, SEATS
from skinseg.tones.ita import draw_skin_color, lab_to_linear, linear_to_lab, srgb_to_linear

# Part -> metres that the frame spans there, drawn uniformly in the logarithm. A face is 0.22 m high, a hand
# 0.19 m long, a forearm with its hand 0.45 m.
EXTENTS = {
    "face": (0.24, 0.75),
    "upper_body": (0.55, 1.4),
    "whole": (1.9, 3.4),
    "hand": (0.22, 0.85),
    "abdomen": (0.32, 0.9),
}
# Part -> its height above the floor on a standing adult, metres. The worker aims at where the pose puts it.
HEIGHTS = {"face": 1.55, "upper_body": 1.25, "whole": 0.9, "hand": 1.1, "abdomen": 1.05}
# Part -> how far a pose takes it from the middle of the room, metres.
REACHES = {"face": 0.3, "upper_body": 0.15, "whole": 0.1, "hand": 0.7, "abdomen": 0.1}
CAMERA_RISE = 0.35  # metres above or below the part, for close-ups
WALL_GAP = 0.3  # metres between a camera or light and the wall or ceiling
GROUP_EXTENT = 1.35  # how much wider the frame gets with company
NEIGHBOUR_GAP = 0.5  # metres between two people, from middle to middle
# Postures that take no more room than shoulders do: what neighbours stand in.
NARROW_POSES = (
    "arms_down", "arms_behind", "arms_folded", "hands_clasped", "hand_near_face", "hand_on_chin", "walking",
    "sitting", "arm_round",
)  # fmt: skip
# Postures in whose bent hips briefs would vanish, so that people look bare: theirs have legs.
FOLDED_POSES = ("sitting", "cross_legged_sitting", "kneeling", "crouching")

PRINTED = ("shirt", "sweater", "dress")  # what has a print where patterns draw one: it stands on the chest
# CIELAB distance from the wearer's skin: people in underwear of skin's colour look bare, to the eye and to a model.
UNDERWEAR_CONTRAST, CLOTHES_CONTRAST = 35.0, 12.0
WOMAN = 0.5  # anny's gender slider from which clothes and hair are drawn as a woman's

# sRGB of natural hair and its share: black, dark brown, brown, light brown, blond, red.
HAIR_COLORS = (
    ((0.05, 0.045, 0.04), 0.32),
    ((0.14, 0.09, 0.06), 0.25),
    ((0.26, 0.16, 0.10), 0.18),
    ((0.42, 0.29, 0.18), 0.1),
    ((0.72, 0.57, 0.36), 0.1),
    ((0.45, 0.19, 0.08), 0.05),
)
GREY_HAIR = (0.62, 0.61, 0.59)  # sRGB
# Style -> metres of its longest strands.
HAIR_LENGTHS = {
    "bald": (0.0, 0.0),
    "buzz": (0.003, 0.009),
    "short": (0.012, 0.06),
    "curly": (0.03, 0.1),
    "afro": (0.05, 0.12),
    "bob": (0.16, 0.3),
    "long": (0.3, 0.6),
    "ponytail": (0.3, 0.5),
    "bun": (0.3, 0.4),
    "receding": (0.01, 0.04),
}
BEARDS = {"stubble": 0.4, "moustache": 0.12, "goatee": 0.15, "full": 0.33}
BEARD_LENGTHS = {"none": 0.0, "stubble": 0.004, "moustache": 0.012, "goatee": 0.02, "full": 0.04}
# Linear RGB: brown, which is by far the commonest, then blue, grey-green and hazel.
BROWN_IRIS = (0.1, 0.045, 0.02)
LIGHT_IRISES = ((0.12, 0.22, 0.32), (0.16, 0.2, 0.13), (0.2, 0.1, 0.03))

WALLS_INDOORS = {
    "clutter": 0.24, "shelf": 0.1, "noise": 0.06, "wood": 0.1, "brick": 0.08, "stripes": 0.07, "fabric": 0.12,
    "stone": 0.05, "bokeh": 0.14, "foliage": 0.04,
}  # fmt: skip
WALLS_OUTDOORS = {"foliage": 0.45, "city": 0.2, "clutter": 0.1, "brick": 0.07, "stone": 0.08, "bokeh": 0.1}
FLOORS_INDOORS = {"wood": 0.4, "stone": 0.15, "brick": 0.1, "fabric": 0.25, "noise": 0.1}
FLOORS_OUTDOORS = {"grass": 0.45, "sand": 0.2, "stone": 0.25, "brick": 0.1}
CEILINGS = {"plain": 0.8, "wood": 0.1, "noise": 0.1}
# Texture -> repeats per metre; one that shows whole scenes is larger than one that shows a material.
SCALES = {
    "clutter": (0.2, 0.5), "shelf": (0.35, 0.7), "foliage": (0.15, 0.5), "city": (0.1, 0.3), "sky": (0.05, 0.1),
    "bokeh": (0.2, 0.5), "photo": (0.15, 0.4),
}  # fmt: skip
MATERIAL_SCALE = (0.3, 1.0)
# Texture -> hue, saturation and value of most of its colours, where not any.
PALETTES = {
    "foliage": ((0.16, 0.4), (0.25, 0.85), (0.08, 0.6)),
    "grass": ((0.16, 0.36), (0.3, 0.8), (0.15, 0.6)),
    "sky": ((0.52, 0.64), (0.05, 0.6), (0.6, 1.0)),
    "sand": ((0.07, 0.14), (0.1, 0.45), (0.4, 0.9)),
    "wood": ((0.04, 0.11), (0.2, 0.75), (0.15, 0.8)),
}
MOST_COLORS = 8  # of a palette

# Free-standing and held things: the range of their size in metres, as `things.py` means it for each.
FURNITURE = {
    "chair": (0.8, 1.1), "table": (0.7, 1.5), "shelf": (0.8, 1.9), "box": (0.2, 0.8), "lamp": (1.2, 1.7),
    "plant": (0.4, 1.6), "bag": (0.25, 0.5), "board": (0.5, 1.5), "ball": (0.15, 0.4),
    "sofa": (1.2, 2.2), "vase": (0.2, 0.5),
}  # fmt: skip
HELD = {
    "cup": (0.08, 0.12), "bottle": (0.18, 0.3), "phone": (0.13, 0.17), "book": (0.18, 0.3), "ball": (0.06, 0.12),
    "stick": (0.15, 0.6), "can": (0.08, 0.14), "plate": (0.15, 0.28), "bag": (0.25, 0.45), "flower": (0.25, 0.5),
}  # fmt: skip


def draw_scene(
    config: GeneratorConfig, seed: int, index: int, attempt: int = 0, photos: Photos | None = None
) -> Scene:
    """The scene of frame `index` of a set; equal arguments give equal scenes, on any machine.

    attempt: counts re-draws of a frame that showed too little skin; each is a scene of its own.
    photos: the photographs that walls may show.
    Each part has a random stream of its own: two configurations that differ in one share (clothed, textured)
    show the same people in the same poses otherwise.
    """

    def rng(part: Part, number: int = 0) -> np.random.Generator:
        return stream(part, seed, index, attempt, number)

    room = draw_room(config, rng(Part.ROOM), photos)
    company = draw_company(config, rng(Part.COMPANY))
    track = draw_track(config, rng(Part.TRACK))
    camera = draw_camera(config, room, track, rng(Part.CAMERA), rng(Part.LENS), bool(company))
    people = [draw_person(config, track, rng)]
    for number, (place, facing) in enumerate(_beside(company, camera.theta), start=1):
        narrow = {name: weight for name, weight in config.poses.items() if name in NARROW_POSES}
        calm = dataclasses.replace(config, poses=narrow if sum(narrow.values()) > 0 else config.poses)
        person = draw_person(calm, "whole", functools.partial(rng, number=number))
        people.append(dataclasses.replace(person, place=place, facing=facing))
    held = draw_held(config, rng(Part.HELD))
    people[0] = _holding(people[0], held)
    seats = [
        _seat(config, rng(Part.SEATS, number), number)
        for number, person in enumerate(people)
        if person.body.pose_family == "sitting"
    ]
    return Scene(
        index=index,
        seed=seed,
        attempt=attempt,
        resolution=config.resolution,
        samples=config.samples,
        people=tuple(people),
        things=(*held, *draw_things(config, room, camera, rng(Part.THINGS)), *seats),
        room=room,
        lights=draw_lights(config, room, camera, rng(Part.LIGHTS)),
        camera=camera,
    )


# ------------------------------------------------------------------------------------------------- people


def draw_person(config: GeneratorConfig, track: str, rng: Callable[[Part], np.random.Generator]) -> Person:
    """One adult at the origin; `track` is the part that the camera aims at, which poses may present.

    rng: from a part to this person's generator of it.
    """
    body = draw_body(rng(Part.BODY), config, track)
    skin = draw_skin(config, body, draw_tone(config, rng(Part.TONE)), rng(Part.SKIN))
    of_clothes = rng(Part.CLOTHES)
    garments = tuple(
        _told_from_skin(config, garment, skin, of_clothes)
        for garment in draw_garments(config, body, of_clothes)
    )
    return Person(
        body=body,
        skin=skin,
        hair=draw_hair(config, body, skin, rng(Part.HAIR)),
        iris=_iris(skin, rng(Part.IRIS)),
        garments=garments,
        accessories=draw_accessories(config, garments, rng(Part.WORN)),
    )


def _iris(skin: Skin, rng: np.random.Generator) -> Color:
    """Light eyes are common with light skin alone."""
    light = rng.random() < (0.5 if skin.fitzpatrick <= 3 else 0.02)
    return LIGHT_IRISES[int(rng.integers(len(LIGHT_IRISES)))] if light else BROWN_IRIS


def _holding(person: Person, held: tuple[Thing, ...]) -> Person:
    """The person with fingers closed round what is held."""
    joints = person.body.joints
    for thing in held:
        joints = joints | grip(thing.held, GRIPS[thing.kind])
    return dataclasses.replace(person, body=dataclasses.replace(person.body, joints=joints))


def draw_tone(config: GeneratorConfig, rng: np.random.Generator) -> int:
    """A Fitzpatrick group, 1 to 6, by `tones`."""
    return 1 + TONES.index(_pick(rng, config.tones))


def draw_skin(config: GeneratorConfig, body: Body, group: int, rng: np.random.Generator) -> Skin:
    """Skin of a Fitzpatrick group; lips are darker and redder by a drawn amount."""
    ita, albedo = draw_skin_color(rng, group)
    lightness, a, b = linear_to_lab(albedo)
    # One mouth in five is made up.
    rouge = rng.random() < 0.2 * (body.phenotype["gender"] >= WOMAN)
    redder = _uniform(rng, 12, 35) if rouge else _uniform(rng, 3, 14)
    lips = (lightness - _uniform(rng, 2, 10), a + redder, b - _uniform(rng, 0, 4))
    age = (body.phenotype["age"] - YOUNGEST_ADULT) / (1 - YOUNGEST_ADULT)
    return Skin(
        fitzpatrick=group,
        ita=ita,
        albedo=albedo,
        roughness=_uniform(rng, 0.35, 0.65),
        subsurface=_uniform(rng, 0.05, 0.25),
        mottling=_uniform(rng, 0.03, 0.16),
        lip_tint=_color(lab_to_linear(lips) / np.array(albedo), darkest=0.05, lightest=1.5),
        redness=_small(rng, config.redness_max),
        freckles=_small(rng, config.freckles_max) * (group <= 3),
        moles=int(config.moles_max * rng.random() ** 2),
        blemishes=_small(rng, config.blemishes_max),
        wrinkles=config.wrinkles_max * float(np.clip(age * rng.uniform(0.5, 1.2), 0, 1)),
        sheen=_small(rng, config.sheen_max),
        seed=_seed(rng),
    )


def draw_hair(config: GeneratorConfig, body: Body, skin: Skin, rng: np.random.Generator) -> Hair:
    """Hair by gender; light hair is rare on dark skin, and grey comes with age."""
    woman = body.phenotype["gender"] >= WOMAN
    style = _pick(rng, config.hair_women if woman else config.hair_men)
    beard = "none" if woman or rng.random() >= config.p_beard else _pick(rng, BEARDS)
    return Hair(
        style=style,
        length=_uniform(rng, *HAIR_LENGTHS[style]),
        density=_uniform(rng, 180, 350),
        curl=1.0 if style == "afro" else _uniform(rng, 0.5, 0.9) if style == "curly" else _small(rng, 0.6),
        color=_hair_color(config, body, skin, rng),
        brows=_uniform(rng, 0.25, 1.0) if rng.random() < config.p_brows else 0.0,
        lashes=_uniform(rng, 0.2, 1.0) if rng.random() < config.p_lashes else 0.0,
        beard=beard,
        beard_length=BEARD_LENGTHS[beard] * _uniform(rng, 0.3, 1.0),
        seed=_seed(rng),
    )


def _hair_color(config: GeneratorConfig, body: Body, skin: Skin, rng: np.random.Generator) -> Color:
    if rng.random() < config.p_dyed:
        srgb = colorsys.hsv_to_rgb(_uniform(rng, 0, 1), _uniform(rng, 0.4, 0.9), _uniform(rng, 0.3, 0.9))
        return _color(srgb_to_linear(srgb))
    shares = np.array([share for _, share in HAIR_COLORS])
    if skin.fitzpatrick >= 4:
        shares[3:] *= 0.05
    natural = srgb_to_linear(HAIR_COLORS[int(rng.choice(len(shares), p=shares / shares.sum()))][0])
    # anny's age slider: 2/3 young adult, 1 old.
    grey = float(np.clip((body.phenotype["age"] - 0.8) / 0.2, 0, 1) * rng.random())
    return _color(((1 - grey) * natural + grey * srgb_to_linear(GREY_HAIR)) * rng.uniform(0.75, 1.3))


# ------------------------------------------------------------------------------------------------ clothes


def draw_garments(config: GeneratorConfig, body: Body, rng: np.random.Generator) -> tuple[Garment, ...]:
    """Underwear on everyone; over it, with probability `p_clothed`, an outfit, from the inside out."""
    gender = body.phenotype["gender"]
    woman = gender >= WOMAN
    worn = [_garment(config, rng, kind, fit=0.0) for kind in required_underwear(gender)]
    if body.pose_family in FOLDED_POSES:
        worn[0] = dataclasses.replace(worn[0], leg=_uniform(rng, 0.1, 0.25))
    clothed = rng.random() < config.p_clothed
    scarf = rng.random() < config.p_scarf
    if clothed:
        outfits = {"both": 0.66, "upper": 0.12, "lower": 0.12, "dress": 0.1 * woman}
        outfit = _pick(rng, outfits)
        if outfit in ("both", "lower"):
            skirt = woman and rng.random() < 0.3
            short = skirt or rng.random() < 0.4
            leg = _uniform(rng, 0.1, 0.7) if short else _uniform(rng, 0.75, 1.0)
            worn.append(_garment(config, rng, "skirt" if skirt else "trousers", leg=leg))
        if outfit == "dress":
            worn.append(_top(config, rng, "dress", leg=_uniform(rng, 0.1, 0.9)))
        if outfit in ("both", "upper"):
            kind = _pick(rng, {"shirt": 0.75, "sweater": 0.25})
            worn.append(_top(config, rng, kind))
            if rng.random() < 0.15:
                kind = _pick(rng, {"jacket": 0.7, "coat": 0.3})
                length = _uniform(rng, 0.2, 0.6) if kind == "coat" else 0.0
                worn.append(
                    _garment(config, rng, kind, fit=0.8, sleeve=_uniform(rng, 0.85, 1.0), hem=1.0, leg=length)
                )
    if scarf:
        head = woman and rng.random() < 0.5
        worn.append(_garment(config, rng, "headscarf" if head else "scarf", fit=0.5))
    return tuple(worn)


def _told_from_skin(
    config: GeneratorConfig, garment: Garment, skin: Skin, rng: np.random.Generator
) -> Garment:
    """The garment in colours that nobody takes for its wearer's bare skin; other people's skin is allowed."""
    apart = UNDERWEAR_CONTRAST if garment.kind in UNDERWEAR else CLOTHES_CONTRAST
    own = linear_to_lab(skin.albedo)
    other = dataclasses.replace(config, skin_like_share=0.0, warm_share=0.0)

    def unlike(color: Color) -> Color:
        while np.linalg.norm(linear_to_lab(color) - own) < apart:
            color = draw_color(other, rng)
        return color

    return dataclasses.replace(
        garment, color=unlike(garment.color), pattern_color=unlike(garment.pattern_color)
    )


def _top(config: GeneratorConfig, rng: np.random.Generator, kind: str, leg: float = 0.0) -> Garment:
    """A shirt, sweater or dress with sleeves, neckline and hem."""
    lengths = {"vest": 0.22, "short": 0.4, "long": 0.38} if kind != "sweater" else {"long": 1.0}
    sleeve = {"vest": (0.0, 0.1), "short": (0.15, 0.5), "long": (0.6, 1.0)}[_pick(rng, lengths)]
    hem = _uniform(rng, 0.2, 0.6) if rng.random() < 0.15 else _uniform(rng, 0.6, 1.0)
    neckline = _uniform(rng, 0, 1) ** 1.5
    return _garment(config, rng, kind, sleeve=_uniform(rng, *sleeve), neckline=neckline, hem=hem, leg=leg)


def _garment(
    config: GeneratorConfig,
    rng: np.random.Generator,
    kind: str,
    *,
    fit: float | None = None,
    sleeve: float = 0.0,
    leg: float = 0.0,
    neckline: float = 0.0,
    hem: float = 0.0,
) -> Garment:
    """fit: 0 lies on the skin, 1 is wide; drawn up to `fit_max` where None."""
    drawn = _uniform(rng, 0, config.fit_max)
    loose = drawn if fit is None else min(fit, config.fit_max)
    pattern = _pick(rng, config.patterns)
    return Garment(
        kind=kind,
        sleeve=sleeve,
        leg=leg,
        neckline=neckline,
        hem=hem,
        offset=0.004 + 0.026 * loose**1.3,
        folds=0.014 * loose * _uniform(rng, 0.5, 1.0),
        color=draw_color(config, rng),
        pattern=pattern if pattern != "print" or kind in PRINTED else "plain",
        pattern_color=draw_color(config, rng),
        pattern_scale=math.exp(_uniform(rng, math.log(8), math.log(60))),
        roughness=_uniform(rng, 0.5, 1.0),
        seed=_seed(rng),
    )


def draw_accessories(
    config: GeneratorConfig, garments: tuple[Garment, ...], rng: np.random.Generator
) -> tuple[Accessory, ...]:
    """Glasses, a hat where no scarf covers the hair, and up to three pieces of jewellery."""
    kinds = []
    if rng.random() < config.p_glasses:
        kinds.append(_pick(rng, {"glasses": 0.75, "sunglasses": 0.25}))
    bare_head = all(garment.kind != "headscarf" for garment in garments)
    if rng.random() < config.p_hat and bare_head:
        kinds.append(_pick(rng, {"beanie": 0.25, "cap": 0.35, "brim_hat": 0.3, "headband": 0.1}))
    if rng.random() < config.p_jewellery:
        pieces = ("necklace", "earrings", "watch", "bracelet", "rings")
        chosen = rng.permutation(len(pieces))[: int(rng.integers(1, 4))]
        kinds += [pieces[number] for number in sorted(chosen)]
    return tuple(_accessory(config, kind, rng) for kind in kinds)


def _accessory(config: GeneratorConfig, kind: str, rng: np.random.Generator) -> Accessory:
    jewel = kind in ("necklace", "earrings", "watch", "bracelet", "rings")
    gold, silver = (0.9, 0.6, 0.2), (0.8, 0.8, 0.8)
    metal = jewel and rng.random() < 0.7
    color = (gold if rng.random() < 0.6 else silver) if metal else draw_color(config, rng)
    return Accessory(
        kind=kind,
        size=_uniform(rng, 0, 1),
        color=color,
        accent=draw_color(config, rng),
        roughness=_uniform(rng, 0.1, 0.4) if jewel or "glasses" in kind else _uniform(rng, 0.5, 1.0),
        metallic=1.0 if metal else 0.0,
        seed=_seed(rng),
    )


def draw_color(config: GeneratorConfig, rng: np.random.Generator) -> Color:
    """A colour of cloth or paint, linear RGB: `skin_like_share` of them have hues of skin, `warm_share` of the
    others are vivid reds, pinks and oranges, which a colour alone tells least from skin in warm light."""
    if rng.random() < config.skin_like_share:
        albedo = draw_skin_color(rng, int(rng.integers(1, 7)))[1]
        return _color(np.array(albedo) * rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3))
    if rng.random() < config.warm_share:
        hue = _uniform(rng, -0.06, 0.11) % 1
        srgb = colorsys.hsv_to_rgb(hue, _uniform(rng, 0.3, 1.0), _uniform(rng, 0.3, 1.0))
        return _color(srgb_to_linear(srgb))
    # Saturation and value of dark, white, grey, saturated and pastel colours; vivid ones are rare in photographs.
    kinds = (
        ((0.0, 0.4), (0.06, 0.25)),
        ((0.0, 0.06), (0.85, 0.95)),
        ((0.0, 0.08), (0.25, 0.85)),
        ((0.55, 0.95), (0.35, 0.9)),
        ((0.1, 0.4), (0.65, 0.95)),
    )
    saturation, value = kinds[int(rng.choice(len(kinds), p=(0.25, 0.2, 0.25, 0.1, 0.2)))]
    srgb = colorsys.hsv_to_rgb(_uniform(rng, 0, 1), _uniform(rng, *saturation), _uniform(rng, *value))
    return _color(srgb_to_linear(srgb))


# ------------------------------------------------------------------------------------------- surroundings


def draw_room(config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None = None) -> Room:
    """A closed room around the person, or a place under the sky, twice as wide."""
    outdoors = bool(rng.random() < config.p_outdoors)
    width, depth = rng.uniform(config.room_min, config.room_max, 2) * (2 if outdoors else 1)
    # From overcast, which is white, to clear.
    clear = rng.random()
    sky = np.array([1.0, 1.0, 1.0]) * (1 - clear) + np.array([0.3, 0.55, 1.0]) * clear
    height = _uniform(rng, config.ceiling_min, config.ceiling_max)
    return Room(
        size=(float(width), float(depth), height),
        walls=_surface(config, rng, WALLS_OUTDOORS if outdoors else WALLS_INDOORS, photos),
        floor=_surface(config, rng, FLOORS_OUTDOORS if outdoors else FLOORS_INDOORS),
        ceiling=_surface(config, rng, CEILINGS),
        sky=_color(sky * rng.uniform(0.3, 0.9)) if outdoors else None,
    )


def _surface(
    config: GeneratorConfig,
    rng: np.random.Generator,
    textures: dict[str, float],
    photos: Photos | None = None,
) -> Surface:
    textured, photographed = rng.random(2) < (config.p_background, config.p_photo)
    kind = _pick(rng, textures) if textured else "plain"
    number = int(rng.integers(len(photos.names))) if photos else 0
    if textured and photographed and photos:
        kind = "photo"
    return Surface(
        texture=kind,
        colors=_palette(config, rng, kind),
        scale=_uniform(rng, *SCALES.get(kind, MATERIAL_SCALE)),
        seed=_seed(rng),
        roughness=_uniform(rng, 0.5, 1.0),
        contrast=_uniform(rng, 1.0, config.texture_contrast_max),
        photo=photos.names[number] if photos and kind == "photo" else "",
        photo_hash=photos.hashes[number] if photos and kind == "photo" else "",
    )


def _palette(config: GeneratorConfig, rng: np.random.Generator, texture: str) -> tuple[Color, ...]:
    """Eight colours; of a texture that nature colours, three quarters in its own."""
    colors = []
    for _ in range(MOST_COLORS):
        own = rng.random() < 0.75
        any_color = draw_color(config, rng)
        hsv = [_uniform(rng, *span) for span in PALETTES.get(texture, ((0.0, 1.0),) * 3)]
        natural = own and texture in PALETTES
        colors.append(_color(srgb_to_linear(colorsys.hsv_to_rgb(*hsv))) if natural else any_color)
    return tuple(colors)


def draw_held(config: GeneratorConfig, rng: np.random.Generator) -> tuple[Thing, ...]:
    """What is in a hand of the first person, if anything."""
    if rng.random() >= config.p_held:
        return ()
    kind = _pick(rng, dict.fromkeys(HELD, 1.0))
    side = "left" if rng.random() < 0.5 else "right"
    return (_thing(config, rng, kind, HELD[kind], side, (0.0, 0.0, 0.0)),)


def draw_things(
    config: GeneratorConfig, room: Room, camera: Camera, rng: np.random.Generator
) -> tuple[Thing, ...]:
    """What stands about: beside, behind, or half in the way."""
    things = []
    if rng.random() < config.p_things:
        for _ in range(int(rng.integers(1, 4))):
            kind = _pick(rng, dict.fromkeys(FURNITURE, 1.0))
            # One in three stands between camera and person, off the line of sight by more than it is near.
            before = rng.random() < 0.35
            angle = camera.theta + (
                _uniform(rng, -0.5, 0.5) if before else _uniform(rng, 0.6, 2 * math.pi - 0.6)
            )
            farthest = max(wall_distance(room, angle) - 1.0, 0.8)
            distance = _uniform(rng, 0.5, 0.8) if before else _uniform(rng, 0.7, min(2.5, farthest))
            place = (distance * math.cos(angle), distance * math.sin(angle), 0.0)
            things.append(_thing(config, rng, kind, FURNITURE[kind], "", place))
    return tuple(things)


def _seat(config: GeneratorConfig, rng: np.random.Generator, number: int) -> Thing:
    """What the person of that number sits on."""
    seat = _thing(config, rng, _pick(rng, dict.fromkeys(SEATS, 1.0)), (0.0, 0.0), "", (0.0, 0.0, 0.0))
    return dataclasses.replace(seat, under=number)


def _thing(
    config: GeneratorConfig,
    rng: np.random.Generator,
    kind: str,
    sizes: tuple[float, float],
    held: str,
    position: tuple[float, float, float],
) -> Thing:
    textures = {"wood": 0.3, "plain": 0.4, "fabric": 0.1, "noise": 0.1, "stripes": 0.1}
    return Thing(
        kind=kind,
        held=held,
        position=position,
        turn=_uniform(rng, 0, 2 * math.pi),
        size=_uniform(rng, *sizes),
        surface=dataclasses.replace(_surface(config, rng, textures), roughness=_uniform(rng, 0.1, 1.0)),
        seed=_seed(rng),
    )


# -------------------------------------------------------------------------------------- camera and light


def draw_company(config: GeneratorConfig, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Of each further person: metres to the camera's right of the first, metres behind, turn off the camera."""
    second, third = rng.random(2) < (config.p_second, config.p_third)
    side = rng.choice((-1.0, 1.0))
    company = []
    for number in range(2):
        # Side by side as in group photographs, or further back as passers-by are.
        beside = rng.random() < 0.6
        across = _uniform(rng, NEIGHBOUR_GAP, 0.8) if beside else _uniform(rng, NEIGHBOUR_GAP, 1.4)
        behind = _uniform(rng, -0.05, 0.35) if beside else _uniform(rng, 0.5, 2.0)
        turn = _normal(rng, 0.35 if beside else 1.2, limit=3.0)
        company.append((float(side) * (-1) ** number * across, behind, turn))
    return company[: int(second) + int(second and third)]


def _beside(
    company: list[tuple[float, float, float]], theta: float
) -> list[tuple[tuple[float, float], float]]:
    """Place and facing of each further person, seen from a camera at azimuth `theta`."""
    away = np.array([-math.cos(theta), -math.sin(theta)])
    right = np.array([-math.sin(theta), math.cos(theta)])
    result = []
    for across, behind, turn in company:
        x, y = across * right + behind * away
        result.append(((float(x), float(y)), theta - 1.5 * math.pi + turn))
    return result


def draw_track(config: GeneratorConfig, rng: np.random.Generator) -> str:
    """The part that the camera aims at, by `track`."""
    return _pick(rng, config.track)


def draw_camera(
    config: GeneratorConfig,
    room: Room,
    track: str,
    rng: np.random.Generator,
    of_lens: np.random.Generator,
    company: bool = False,
) -> Camera:
    """The camera of S2MGen, at the distance from which the tracked part fills the frame.

    theta = 3π/2 + π·D·X^p_front with D = ±1 and X ~ U(0, 1); z ~ U(z_min, z_max), or near the part's height
    for close-ups; F = (f_max - f_min)·X^(1/p_focal) + f_min. The frame's span at the part, in metres, is
    drawn from `EXTENTS`; span = distance·36/F then gives the distance. Where the walls or `radius_min` forbid
    that distance, the nearest one allowed is taken and F follows from it, so that the framing always holds.
    """
    theta = azimuth(config.p_front, float(rng.choice((-1.0, 1.0))), float(rng.random()))
    if track in ("upper_body", "whole"):
        z = _uniform(rng, config.z_min, config.z_max)
    else:
        z = HEIGHTS[track] + _uniform(rng, -CAMERA_RISE, CAMERA_RISE)
    rise = min(z, room.size[2] - WALL_GAP) - HEIGHTS[track]

    extent = math.exp(_uniform(rng, *map(math.log, EXTENTS[track])))
    if company and track in ("upper_body", "whole"):
        extent *= GROUP_EXTENT
    wanted = extent * focal_length(config, float(rng.random())) / SENSOR
    farthest = min(config.radius_max, wall_distance(room, theta) - WALL_GAP - REACHES[track])
    radius = max(config.radius_min, min(math.sqrt(max(wanted**2 - rise**2, 0.0)), farthest))
    # The larger the part in the frame, the less it may leave the middle.
    spread = config.shift_sd * (0.5 if track == "whole" else 1.0)
    return Camera(
        theta=theta,
        radius=radius,
        rise=rise,
        focal_length=SENSOR * math.hypot(radius, rise) / extent,
        track=track,
        shift=(_normal(rng, spread, limit=2 * spread), _normal(rng, spread, limit=2 * spread)),
        roll=_normal(rng, 0.08, limit=0.25),
        **_artefacts(config, of_lens),
    )


def _artefacts(config: GeneratorConfig, rng: np.random.Generator) -> dict[str, typing.Any]:
    """What lens, sensor and file do to the picture."""
    shaken, compressed = rng.random(2) < (config.p_motion, config.p_jpeg)
    direction, length = _uniform(rng, 0, 2 * math.pi), _uniform(rng, 4, 20)
    motion = (length * math.cos(direction), length * math.sin(direction))
    quality = int(rng.integers(config.jpeg_min, config.jpeg_max, endpoint=True))
    return {
        "exposure": _normal(rng, config.exposure_sd, limit=2.5 * config.exposure_sd),
        "white_balance": (
            _normal(rng, config.white_balance_sd, limit=3 * config.white_balance_sd),
            _normal(rng, config.white_balance_sd, limit=3 * config.white_balance_sd),
        ),
        "contrast": config.contrast_mean
        * math.exp(_normal(rng, config.contrast_sd, limit=3 * config.contrast_sd)),
        "saturation": max(
            config.saturation_mean + _normal(rng, config.saturation_sd, limit=3 * config.saturation_sd), 0.0
        ),
        "vignette": _small(rng, config.vignette_max),
        "blur": config.blur_max * float(rng.random()) ** 3,
        "motion": motion if shaken else (0.0, 0.0),
        "noise": config.noise_max * float(rng.random()) ** 2,
        "jpeg": quality if compressed else 0,
        "seed": _seed(rng),
    }


def azimuth(p_front: float, side: float, x: float) -> float:
    """3π/2 + π·D·X^p_front, radians: straight in front at x = 0, straight behind at x = 1; side is D, ±1."""
    return 1.5 * math.pi + math.pi * side * math.pow(x, p_front)


def focal_length(config: GeneratorConfig, x: float) -> float:
    """(f_max - f_min)·X^(1/p_focal) + f_min, millimetres; x in [0, 1]."""
    return (config.f_max - config.f_min) * math.pow(x, 1 / config.p_focal) + config.f_min


def wall_distance(room: Room, theta: float) -> float:
    """Horizontal metres from the middle of the room to the wall in direction `theta` (radians)."""
    width, depth, _ = room.size
    across, along = abs(math.cos(theta)), abs(math.sin(theta))
    return 0.5 * min(width / max(across, 1e-9), depth / max(along, 1e-9))


def draw_lights(
    config: GeneratorConfig, room: Room, camera: Camera, rng: np.random.Generator
) -> tuple[Light, ...]:
    """Three area lights around the person; the first, within 60° of the camera, lights what it sees.

    Under the sky the first is the sun instead, in three frames of four on the camera's side, and the others
    stay out.
    """
    first = camera.theta + _uniform(rng, -math.pi / 3, math.pi / 3)
    others = rng.uniform(0, 2 * math.pi, 2)
    if room.sky is not None:
        theta = first if rng.random() < 0.75 else float(others[0])
        return (_sun(config, theta, rng),)
    return tuple(_light(config, room, float(theta), rng) for theta in (first, *others))


def _light(config: GeneratorConfig, room: Room, theta: float, rng: np.random.Generator) -> Light:
    distance = min(_uniform(rng, 1.2, 3.5), wall_distance(room, theta) - WALL_GAP)
    highest = max(min(config.light_height_max, room.size[2] - WALL_GAP), config.light_height_min)
    return Light(
        position=(
            distance * math.cos(theta),
            distance * math.sin(theta),
            _uniform(rng, config.light_height_min, highest),
        ),
        target=(0.0, 0.0, _uniform(rng, 0.8, 1.6)),
        edge=_uniform(rng, config.light_edge_min, config.light_edge_max),
        power=_uniform(rng, config.light_power_min, config.light_power_max),
        temperature=_uniform(rng, config.temperature_min, config.temperature_max),
    )


def _sun(config: GeneratorConfig, theta: float, rng: np.random.Generator) -> Light:
    """From behind clouds, which leaves no shadows, to full."""
    height = math.radians(_uniform(rng, 15, 75))
    return Light(
        position=(
            10 * math.cos(height) * math.cos(theta),
            10 * math.cos(height) * math.sin(theta),
            10 * math.sin(height),
        ),
        target=(0.0, 0.0, 0.0),
        edge=0.0,
        power=_uniform(rng, 0, 6),
        temperature=_uniform(rng, max(config.temperature_min, 3500), max(config.temperature_max, 3500)),
    )


# ------------------------------------------------------------------------------------------------- draws


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _small(rng: np.random.Generator, largest: float) -> float:
    """From 0 to the largest, small values more often: X² of it."""
    return largest * float(rng.random()) ** 2


def _normal(rng: np.random.Generator, deviation: float, *, limit: float) -> float:
    return float(np.clip(rng.normal(0.0, deviation), -limit, limit))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """A name with the probability of its weight; the order of the mapping does not matter."""
    names = sorted(weights)
    shares = np.array([weights[name] for name in names], dtype=np.float64)
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _color(rgb: npt.ArrayLike, darkest: float = 0.003, lightest: float = 0.9) -> Color:
    """Plain floats, kept off pure black and white, which no cloth, paint or hair reflects."""
    red, green, blue = np.clip(rgb, darkest, lightest)
    return float(red), float(green), float(blue)
