"""Accessories."""

import numpy as np

from skinseg.synthetic.clothes.wardrobe import covers_hair
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.color import draw_color
from skinseg.synthetic.scene import Accessory, Garment
from skinseg.synthetic.streams import new_seed, pick, uniform
from skinseg.synthetic.worn.accessories import ACCESSORIES


def draw_accessories(
    config: GeneratorConfig, garments: tuple[Garment, ...], rng: np.random.Generator
) -> tuple[Accessory, ...]:
    """Glasses, a hat where no scarf covers the hair, and up to three pieces of jewellery."""
    names = []
    if rng.random() < config.p_glasses:
        names.append(pick(rng, _kinds("eyes")))
    if rng.random() < config.p_hat and not covers_hair(garments):
        names.append(pick(rng, _kinds("head")))
    if rng.random() < config.p_jewellery:
        pieces = list(_kinds("jewellery"))
        chosen = rng.permutation(len(pieces))[: int(rng.integers(1, 4))]
        names += [pieces[number] for number in sorted(chosen)]
    return tuple(_accessory(config, name, rng) for name in names)


def _kinds(place: str) -> dict[str, float]:
    return {name: kind.weight for name, kind in ACCESSORIES.items() if kind.place == place}


def _accessory(config: GeneratorConfig, name: str, rng: np.random.Generator) -> Accessory:
    kind = ACCESSORIES[name]
    gold, silver = (0.9, 0.6, 0.2), (0.8, 0.8, 0.8)
    metal = kind.metal > 0 and rng.random() < kind.metal
    color = (gold if rng.random() < 0.6 else silver) if metal else draw_color(config, rng)
    return Accessory(
        kind=name,
        size=uniform(rng, 0, 1),
        color=color,
        accent=draw_color(config, rng),
        roughness=uniform(rng, 0.1, 0.4) if kind.polished else uniform(rng, 0.5, 1.0),
        metallic=1.0 if metal else 0.0,
        seed=new_seed(rng),
    )
