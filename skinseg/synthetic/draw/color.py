"""Colours of cloth, paint and hair."""

import colorsys

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.scene import Color
from skinseg.synthetic.streams import uniform
from skinseg.tones.ita import draw_skin_color, srgb_to_linear


def draw_color(config: GeneratorConfig, rng: np.random.Generator) -> Color:
    """A colour of cloth or paint, linear RGB: `skin_like_share` of them have hues of skin, `warm_share` of the
    others are vivid reds, pinks and oranges, which a colour alone tells least from skin in warm light."""
    if rng.random() < config.skin_like_share:
        albedo = draw_skin_color(rng, int(rng.integers(1, 7)))[1]
        return as_color(np.array(albedo) * rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3))
    if rng.random() < config.warm_share:
        hue = uniform(rng, -0.06, 0.11) % 1
        srgb = colorsys.hsv_to_rgb(hue, uniform(rng, 0.3, 1.0), uniform(rng, 0.3, 1.0))
        return as_color(srgb_to_linear(srgb))
    # Saturation and value of dark, white, grey, saturated and pastel colours; vivid ones are rare in photographs.
    kinds = (
        ((0.0, 0.4), (0.06, 0.25)),
        ((0.0, 0.06), (0.85, 0.95)),
        ((0.0, 0.08), (0.25, 0.85)),
        ((0.55, 0.95), (0.35, 0.9)),
        ((0.1, 0.4), (0.65, 0.95)),
        ((0.05, 0.22), (0.8, 0.97)),
    )
    saturation, value = kinds[int(rng.choice(len(kinds), p=(0.22, 0.16, 0.22, 0.1, 0.18, 0.12)))]
    srgb = colorsys.hsv_to_rgb(uniform(rng, 0, 1), uniform(rng, *saturation), uniform(rng, *value))
    return as_color(srgb_to_linear(srgb))


def as_color(rgb: npt.ArrayLike, darkest: float = 0.003, lightest: float = 0.9) -> Color:
    """Plain floats, kept off pure black and white, which no cloth, paint or hair reflects."""
    red, green, blue = np.clip(rgb, darkest, lightest)
    return float(red), float(green), float(blue)
