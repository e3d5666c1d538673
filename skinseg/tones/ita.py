"""Skin tone as a number: the Individual Typology Angle (ITA), its Fitzpatrick groups, and the way back.

    ITA = atan2(L* - 50, b*) in degrees, of the CIELAB colour of skin under D65
    (Chardon, Cretois, Hourseau 1991, Int. J. Cosmet. Sci. 13:191-208).

Groups: very light > 55°, light 41-55°, intermediate 28-41°, tan 10-28°, brown -30-10°, dark < -30°
(Del Bino, Bernerd 2013, Br. J. Dermatol. 169:33-40), numbered I to VI as is usual when only a photograph is
at hand. Fitzpatrick's own scale is a questionnaire on sunburn: a group read off pixels is an estimate.

Free of everything but NumPy: the render worker uses the colour spaces in its own environment.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Group -> [low, high) in degrees. The outer ends bound what is drawn; `fitzpatrick_of` has no ends.
ITA_RANGES: dict[int, tuple[float, float]] = {
    1: (55.0, 75.0),
    2: (41.0, 55.0),
    3: (28.0, 41.0),
    4: (10.0, 28.0),
    5: (-30.0, 10.0),
    6: (-60.0, -30.0),
}

# Linear sRGB <-> CIE XYZ, IEC 61966-2-1; its white is D65.
_XYZ_FROM_RGB = np.array(
    [
        [0.4123907993, 0.3575843394, 0.1804807884],
        [0.2126390059, 0.7151686788, 0.0721923154],
        [0.0193308187, 0.1191947798, 0.9505321522],
    ]
)
_RGB_FROM_XYZ = np.linalg.inv(_XYZ_FROM_RGB)
_WHITE = _XYZ_FROM_RGB.sum(axis=1)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27

# Fewer skin pixels than this say nothing about a person's tone.
MIN_SKIN_PIXELS = 50
# More add nothing to a median; a large photograph has millions.
MAX_SKIN_PIXELS = 20_000
# Percentiles of L* that count as skin in the scene's light. On 221 rendered frames of one person in any light, against
# the tone asked for: mean error 14.3 degrees and 50 % in their group, where 10 to 90 gave 17.9 and 40 %.
LIT = (50.0, 90.0)

# Typical b* and a* of human skin along the ITA axis: yellowest where tan, palest and greyest at both ends.
_ITA_KNOTS = (-60.0, -30.0, 10.0, 28.0, 41.0, 55.0, 75.0)
_B_KNOTS = (10.0, 15.0, 19.5, 18.5, 17.0, 14.5, 6.8)
_A_KNOTS = (8.0, 11.0, 12.5, 11.5, 10.5, 9.5, 7.5)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # of linear sRGB


def srgb_to_linear(srgb: npt.ArrayLike) -> FloatArray:
    """sRGB values in [0, 1] to linear light in [0, 1], any shape (IEC 61966-2-1)."""
    v = np.asarray(srgb, dtype=np.float64)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: npt.ArrayLike) -> FloatArray:
    """The inverse of `srgb_to_linear`, for values in [0, 1]."""
    v = np.asarray(linear, dtype=np.float64)
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)


def linear_to_lab(rgb: npt.ArrayLike) -> FloatArray:
    """Linear sRGB (..., 3) in [0, 1] to CIELAB (..., 3) under D65; L* in [0, 100]."""
    xyz = np.asarray(rgb, dtype=np.float64) @ _XYZ_FROM_RGB.T / _WHITE
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_linear(lab: npt.ArrayLike) -> FloatArray:
    """The inverse of `linear_to_lab`; a colour outside sRGB comes back with values outside [0, 1]."""
    values = np.asarray(lab, dtype=np.float64)
    y = (values[..., 0] + 16) / 116
    f = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], axis=-1)
    xyz = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA) * _WHITE
    rgb: FloatArray = xyz @ _RGB_FROM_XYZ.T
    return rgb


def ita_of(lab: npt.ArrayLike) -> FloatArray:
    """ITA in degrees, (-180, 180], of CIELAB colours (..., 3)."""
    values = np.asarray(lab, dtype=np.float64)
    return np.degrees(np.arctan2(values[..., 0] - 50, values[..., 2]))


def fitzpatrick_of(ita: float) -> int:
    """The group 1-6 of an ITA in degrees; a lower bound belongs to its group."""
    for group, (low, _) in ITA_RANGES.items():
        if ita >= low:
            return group
    return 6


def draw_skin_color(rng: np.random.Generator, group: int) -> tuple[float, tuple[float, float, float]]:
    """A skin colour of one Fitzpatrick group: its ITA in degrees, and its linear RGB in [0, 1].

    ITA is uniform within the group's range and the colour has exactly this ITA: b* is drawn about what skin
    of that tone has, L* follows from b* and ITA, and a* is drawn as it does not enter. Draw the group
    uniformly first: a draw uniform in ITA gives mostly brown and dark skin.
    """
    low, high = ITA_RANGES[group]
    ita = float(rng.uniform(low, high))
    b = float(np.interp(ita, _ITA_KNOTS, _B_KNOTS)) * float(rng.uniform(0.88, 1.12))
    a = float(np.interp(ita, _ITA_KNOTS, _A_KNOTS)) * float(rng.uniform(0.8, 1.25))
    red, green, blue = lab_to_linear((50 + b * np.tan(np.radians(ita)), a, b))
    return ita, (float(red), float(green), float(blue))


def estimate_tone(
    image: npt.NDArray[np.uint8], skin: npt.NDArray[np.uint8], lit: tuple[float, float] = LIT
) -> tuple[float, int] | None:
    """ITA in degrees and group 1-6 of a photograph's skin; None below `MIN_SKIN_PIXELS` skin pixels.

    image: uint8 (H, W, 3), sRGB. skin: uint8 (H, W) in {0, 1, 255 ignore}, the *true* mask. Only pixels whose L*
    lies between these percentiles of the skin's are used: below is shadow, above are highlights. The ITA is that
    of their median colour. It follows the light of the scene as well as the skin: an estimate.
    """
    pixels = np.flatnonzero(skin == 1)
    if len(pixels) < MIN_SKIN_PIXELS:
        return None
    evenly = pixels[:: -(-len(pixels) // MAX_SKIN_PIXELS)]
    lab = linear_to_lab(srgb_to_linear(image.reshape(-1, 3)[evenly] / 255.0))
    low, high = np.percentile(lab[:, 0], lit)
    kept = lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)]
    ita = float(ita_of(np.median(kept, axis=0)))
    return ita, fitzpatrick_of(ita)
