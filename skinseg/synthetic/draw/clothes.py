"""Clothes: outfits over the underwear, cuts, patterns and colours."""

import dataclasses
import math

import numpy as np

from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.clothes.patterns import PATTERNS
from skinseg.synthetic.clothes.wardrobe import GARMENTS, kind_of, required_underwear
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.color import draw_color
from skinseg.synthetic.draw.hair import WOMAN
from skinseg.synthetic.scene import Body, Color, Garment, Skin
from skinseg.synthetic.streams import new_seed, pick, uniform
from skinseg.tones.ita import linear_to_lab

# CIELAB distance from the wearer's skin: people in underwear of skin's colour look bare, to the eye and to a model.
UNDERWEAR_CONTRAST, CLOTHES_CONTRAST = 35.0, 12.0


def draw_garments(
    config: GeneratorConfig, body: Body, rng: np.random.Generator, looked_at: bool = False
) -> tuple[Garment, ...]:
    """Underwear on everyone; over it, with probability `p_clothed`, an outfit, from the inside out.

    looked_at: belly or back is what the camera looks at: with probability `p_bare` the outfit leaves them bare.
    """
    gender = body.phenotype["gender"]
    woman = gender >= WOMAN
    worn = [_garment(config, rng, kind) for kind in required_underwear(gender)]
    if POSTURES[body.pose_family].folded:
        worn = [_for_folds(garment, rng) for garment in worn]
    clothed = rng.random() < config.p_clothed
    scarf = rng.random() < config.p_scarf
    bare = rng.random() < config.p_bare
    if clothed:
        full = 0.1 * bool(_kinds("full", woman))
        outfit = pick(rng, {"both": 0.66, "upper": 0.12, "lower": 0.12, "full": full})
        outfit = "lower" if looked_at and bare else outfit
        if outfit in ("both", "lower"):
            worn.append(_part(config, rng, "lower", woman))
        if outfit == "full":
            worn.append(_part(config, rng, "full", woman))
        if outfit in ("both", "upper"):
            worn.append(_part(config, rng, "upper", woman))
            if rng.random() < 0.15:
                worn.append(_part(config, rng, "over", woman))
    if scarf:
        worn.append(_part(config, rng, "scarf", woman))
    return tuple(worn)


def _for_folds(garment: Garment, rng: np.random.Generator) -> Garment:
    """The garment for bent hips, in which it would vanish: with legs."""
    legs = kind_of(garment).leg_in_folds
    return garment if legs is None else dataclasses.replace(garment, leg=uniform(rng, *legs))


def _kinds(part: str, woman: bool) -> dict[str, float]:
    """Weights of the kinds of garment that are this part of an outfit."""
    return {
        name: kind.weight
        for name, kind in GARMENTS.items()
        if kind.outfit == part and (woman or not kind.women_only)
    }


def _part(config: GeneratorConfig, rng: np.random.Generator, part: str, woman: bool) -> Garment:
    kinds = _kinds(part, woman)
    # Where there is no choice, nothing is drawn.
    return _garment(config, rng, pick(rng, kinds) if len(kinds) > 1 else next(iter(kinds)))


def _garment(config: GeneratorConfig, rng: np.random.Generator, name: str) -> Garment:
    kind = GARMENTS[name]
    lengths = dict.fromkeys(("sleeve", "leg", "neckline", "hem"), 0.0) | kind.lengths(rng)
    drawn = uniform(rng, 0, config.fit_max)
    loose = drawn if kind.fit is None else min(kind.fit, config.fit_max)
    pattern = pick(rng, config.patterns)
    return Garment(
        kind=name,
        **lengths,
        offset=0.004 + 0.026 * loose**1.3,
        folds=0.014 * loose * uniform(rng, 0.5, 1.0),
        color=draw_color(config, rng),
        pattern=pattern if kind.prints or not PATTERNS[pattern].once else "plain",
        pattern_color=draw_color(config, rng),
        pattern_scale=math.exp(uniform(rng, math.log(8), math.log(60))),
        roughness=uniform(rng, 0.5, 1.0),
        seed=new_seed(rng),
    )


def told_from_skin(
    config: GeneratorConfig, garment: Garment, skin: Skin, rng: np.random.Generator
) -> Garment:
    """The garment in colours that nobody takes for its wearer's bare skin; other people's skin is allowed."""
    apart = UNDERWEAR_CONTRAST if kind_of(garment).underwear else CLOTHES_CONTRAST
    own = linear_to_lab(skin.albedo)
    other = dataclasses.replace(config, skin_like_share=0.0, warm_share=0.0)

    def unlike(color: Color) -> Color:
        while np.linalg.norm(linear_to_lab(color) - own) < apart:
            color = draw_color(other, rng)
        return color

    return dataclasses.replace(
        garment, color=unlike(garment.color), pattern_color=unlike(garment.pattern_color)
    )
