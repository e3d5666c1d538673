"""Hair and beards."""

import colorsys

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.color import as_color
from skinseg.synthetic.hair.beards import BEARDS, NO_BEARD
from skinseg.synthetic.hair.grow import STYLES
from skinseg.synthetic.scene import Body, Color, Hair, Skin
from skinseg.synthetic.streams import new_seed, pick, uniform
from skinseg.tones.ita import srgb_to_linear

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


def draw_hair(config: GeneratorConfig, body: Body, skin: Skin, rng: np.random.Generator) -> Hair:
    """Hair by gender; light hair is rare on dark skin, and grey comes with age."""
    woman = body.phenotype["gender"] >= WOMAN
    style = pick(rng, config.hair_women if woman else config.hair_men)
    beard = NO_BEARD
    if not woman and rng.random() < config.p_beard:
        beard = pick(rng, {name: kind.share for name, kind in BEARDS.items()})
    longest = BEARDS[beard].length if beard in BEARDS else 0.0
    return Hair(
        style=style,
        length=uniform(rng, *STYLES[style].length),
        density=uniform(rng, 180, 350),
        curl=STYLES[style].curl(rng),
        color=_hair_color(config, body, skin, rng),
        brows=uniform(rng, 0.25, 1.0) if rng.random() < config.p_brows else 0.0,
        lashes=uniform(rng, 0.2, 1.0) if rng.random() < config.p_lashes else 0.0,
        beard=beard,
        beard_length=longest * uniform(rng, 0.3, 1.0),
        seed=new_seed(rng),
    )


def _hair_color(config: GeneratorConfig, body: Body, skin: Skin, rng: np.random.Generator) -> Color:
    if rng.random() < config.p_dyed:
        srgb = colorsys.hsv_to_rgb(uniform(rng, 0, 1), uniform(rng, 0.4, 0.9), uniform(rng, 0.3, 0.9))
        return as_color(srgb_to_linear(srgb))
    shares = np.array([share for _, share in HAIR_COLORS])
    if skin.fitzpatrick >= 4:
        shares[3:] *= 0.05
    natural = srgb_to_linear(HAIR_COLORS[int(rng.choice(len(shares), p=shares / shares.sum()))][0])
    # anny's age slider: 2/3 young adult, 1 old.
    grey = float(np.clip((body.phenotype["age"] - 0.8) / 0.2, 0, 1) * rng.random())
    return as_color(((1 - grey) * natural + grey * srgb_to_linear(GREY_HAIR)) * rng.uniform(0.75, 1.3))
