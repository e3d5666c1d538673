"""People: body, skin, hair and all that is worn."""

import dataclasses
from collections.abc import Callable

import numpy as np

from skinseg.synthetic.body.hands import grip
from skinseg.synthetic.config import TONES, GeneratorConfig
from skinseg.synthetic.draw.body import draw_body
from skinseg.synthetic.draw.camera import FRAMINGS
from skinseg.synthetic.draw.clothes import draw_garments, told_from_skin
from skinseg.synthetic.draw.color import as_color
from skinseg.synthetic.draw.hair import WOMAN, draw_hair
from skinseg.synthetic.draw.worn import draw_accessories
from skinseg.synthetic.room.things.build import THINGS
from skinseg.synthetic.scene import YOUNGEST_ADULT, Body, Color, Person, Skin, Thing
from skinseg.synthetic.streams import Part, new_seed, pick, small, uniform
from skinseg.tones.ita import draw_skin_color, lab_to_linear, linear_to_lab

# Linear RGB: brown, which is by far the commonest, then blue, grey-green and hazel.
BROWN_IRIS = (0.1, 0.045, 0.02)
LIGHT_IRISES = ((0.12, 0.22, 0.32), (0.16, 0.2, 0.13), (0.2, 0.1, 0.03))


def draw_person(config: GeneratorConfig, track: str, rng: Callable[[Part], np.random.Generator]) -> Person:
    """One adult at the origin; `track` is the part that the camera aims at, which poses may present.

    rng: from a part to this person's generator of it.
    """
    body = draw_body(rng(Part.BODY), config, track)
    skin = draw_skin(config, body, draw_tone(config, rng(Part.TONE)), rng(Part.SKIN))
    of_clothes = rng(Part.CLOTHES)
    garments = tuple(
        told_from_skin(config, garment, skin, of_clothes)
        for garment in draw_garments(config, body, of_clothes, FRAMINGS[track].bared)
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


def holding(person: Person, held: tuple[Thing, ...]) -> Person:
    """The person with fingers closed round what is held."""
    joints = person.body.joints
    for thing in held:
        held_kind = THINGS[thing.kind].held
        assert held_kind is not None
        joints = joints | grip(thing.held, held_kind.curl)
    return dataclasses.replace(person, body=dataclasses.replace(person.body, joints=joints))


def draw_tone(config: GeneratorConfig, rng: np.random.Generator) -> int:
    """A Fitzpatrick group, 1 to 6, by `tones`."""
    return 1 + TONES.index(pick(rng, config.tones))


def draw_skin(config: GeneratorConfig, body: Body, group: int, rng: np.random.Generator) -> Skin:
    """Skin of a Fitzpatrick group; lips are darker and redder by a drawn amount."""
    ita, albedo = draw_skin_color(rng, group)
    lightness, a, b = linear_to_lab(albedo)
    # One mouth in five is made up.
    rouge = rng.random() < 0.2 * (body.phenotype["gender"] >= WOMAN)
    redder = uniform(rng, 12, 35) if rouge else uniform(rng, 3, 14)
    lips = (lightness - uniform(rng, 2, 10), a + redder, b - uniform(rng, 0, 4))
    age = (body.phenotype["age"] - YOUNGEST_ADULT) / (1 - YOUNGEST_ADULT)
    return Skin(
        fitzpatrick=group,
        ita=ita,
        albedo=albedo,
        roughness=uniform(rng, 0.35, 0.65),
        subsurface=uniform(rng, 0.05, 0.25),
        mottling=uniform(rng, 0.03, 0.16),
        lip_tint=as_color(lab_to_linear(lips) / np.array(albedo), darkest=0.05, lightest=1.5),
        redness=small(rng, config.redness_max),
        freckles=small(rng, config.freckles_max) * (group <= 3),
        moles=int(config.moles_max * rng.random() ** 2),
        blemishes=small(rng, config.blemishes_max),
        wrinkles=config.wrinkles_max * float(np.clip(age * rng.uniform(0.5, 1.2), 0, 1)),
        sheen=small(rng, config.sheen_max),
        seed=new_seed(rng),
    )
