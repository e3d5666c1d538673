"""The same people in another skin tone, all else equal; in cloth that nobody takes for skin of any tone."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from skinseg.probing.streams import Part, stream
from skinseg.synthetic.clothes.wardrobe import kind_of
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.clothes import CLOTHES_CONTRAST, UNDERWEAR_CONTRAST
from skinseg.synthetic.draw.color import as_color, draw_color
from skinseg.synthetic.scene import Color, Garment, Person, Scene, Skin
from skinseg.tones.ita import ITA_RANGES, FloatArray, draw_skin_color, lab_to_linear, linear_to_lab

GROUPS = tuple(ITA_RANGES)


def people_changed(scene: Scene, change: Callable[[Person, int], Person]) -> Scene:
    """The scene with each of its people, and their number in it, changed."""
    people = tuple(change(person, number) for number, person in enumerate(scene.people))
    return dataclasses.replace(scene, people=people)


def stream_of(part: Part, scene: Scene, number: int = 0) -> np.random.Generator:
    """What a change of this scene draws from."""
    return stream(part, scene.seed, scene.index, scene.attempt, number)


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
    return people_changed(
        scene, lambda person, _: dataclasses.replace(person, skin=with_tone(person.skin, group))
    )


def told_from_all(scene: Scene, config: GeneratorConfig) -> Scene:
    """The scene in cloth that nobody takes for its wearer's bare skin, whichever the group of that skin."""

    def recoloured(person: Person, number: int) -> Person:
        own = linear_to_lab([with_tone(person.skin, group).albedo for group in GROUPS])
        rng = stream_of(Part.RECOLOUR, scene, number)
        garments = tuple(_told(garment, own, config, rng) for garment in person.garments)
        return dataclasses.replace(person, garments=garments)

    return people_changed(scene, recoloured)


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
