"""The colour of light of a temperature.

Free of everything but the standard library: the render worker imports it in its own environment.
"""

from skinseg.synthetic.scene import Color


def kelvin_to_rgb(temperature: float) -> Color:
    """Linear sRGB of a black body at luminance 1, for a temperature in kelvin; none is below 1667 or above 25000.

    Chromaticity by the cubic fit of Kim et al. 2002 (US 7024034). What lies outside sRGB is cut to it.
    """
    t = min(max(temperature, 1667.0), 25000.0)
    if t <= 4000:
        x = -0.2661239e9 / t**3 - 0.2343589e6 / t**2 + 0.8776956e3 / t + 0.179910
    else:
        x = -3.0258469e9 / t**3 + 2.1070379e6 / t**2 + 0.2226347e3 / t + 0.240390
    if t <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    cx, cz = x / y, (1 - x - y) / y
    red = 3.2404542 * cx - 1.5371385 - 0.4985314 * cz
    green = -0.9692660 * cx + 1.8760108 + 0.0415560 * cz
    blue = 0.0556434 * cx - 0.2040259 + 1.0572252 * cz
    return (max(red, 0.0), max(green, 0.0), max(blue, 0.01))
