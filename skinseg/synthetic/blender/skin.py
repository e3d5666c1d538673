"""Skin: uneven pigment and blood, flushed and pale regions, marks and lines."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.blender.shader import Shader, triple
from skinseg.synthetic.geometry.arrays import Floats
from skinseg.synthetic.scene import Color, Skin
from skinseg.synthetic.streams import Part, stream

Place = tuple[float, float, float, float, float]  # middle and radii in the body's UV, and an amount
# Mirror lines of the body model's UV: u of the torso and limbs, of the hands and of the feet, v of the face.
BODY_MIRROR, HANDS_MIRROR, FEET_MIRROR, FACE_MIRROR = 0.3805, 0.5625, 0.195, 0.483
# The face in the UV: u runs from the forehead down to the chin, and one unit is about a metre.
FACE_WINDOW = ((0.74, 0.36), (0.24, 0.246))  # lowest u and v, and extent
_BRIGHTNESS = np.array([0.2126, 0.7152, 0.0722])  # of linear sRGB


def skin_look(name: str, skin: Skin, tinted: bool) -> Any:
    """Uneven pigment and blood, flushed and pale regions, marks, lines, an oily film, light from below.

    Every layer multiplies about 1, so that the mean stays the albedo that was asked for, but for palms and
    soles of dark skin, which are lighter.
    """
    shader = Shader(name)
    rng = stream(Part.SKIN_LOOK, skin.seed)
    place = shader.vector("ADD", shader.world(), triple(rng.uniform(-50, 50, 3)))
    uneven = shader.channels(shader.noise(place, 12.0, detail=2.0).outputs["Color"])
    grain = shader.noise(place, 230.0, detail=1.0).outputs[0]
    flush, sun, pale = shader.channels(shader.image(_regions(), shader.uv(), "EXTEND"))

    color = _pigment(shader, skin, uneven, grain)
    bright = float(np.dot(skin.albedo, _BRIGHTNESS))
    # Melanin hides blood.
    blood = shader.math("MULTIPLY", flush, shader.math("ADD", uneven[1], 0.2))
    blood = shader.math("MULTIPLY", blood, (0.12 + 0.8 * skin.redness) * min(1.0, 0.3 + 2 * bright))
    color = shader.mix(blood, color, (1.22, 0.8, 0.79), "MULTIPLY")
    color = shader.mix(pale, color, _palms(skin.albedo, bright))
    color = _marks(shader, skin, place, color, sun, uneven)
    lines, hollow = None, None
    if max(skin.wrinkles, skin.blemishes) > 0.02:
        lines, hollow = _face(shader, skin)
        shade = shader.math("MULTIPLY", hollow, 0.25 + 0.6 * float(rng.random()))
        color = shader.mix(shade, color, (0.80, 0.70, 0.74), "MULTIPLY")
        color = shader.mix(
            shader.math("MULTIPLY", lines, 0.4 * skin.wrinkles), color, (0.7, 0.55, 0.5), "MULTIPLY"
        )
    if tinted:
        color = shader.mix(1.0, color, shader.tint(), "MULTIPLY")

    # The face is the oiliest part.
    film = shader.math("MULTIPLY_ADD", sun, 0.5, 0.5)
    rough = shader.math("MULTIPLY_ADD", uneven[2], 0.3, skin.roughness - 0.15)
    bsdf = shader.principled(color, shader.math("MULTIPLY_ADD", film, -0.2 * skin.sheen, rough))
    shader.feed(bsdf.inputs["Specular IOR Level"], 0.4 + 0.25 * skin.sheen)
    shader.feed(bsdf.inputs["Subsurface Weight"], skin.subsurface)
    shader.feed(bsdf.inputs["Subsurface Radius"], (1.0, 0.35, 0.2))
    shader.feed(bsdf.inputs["Subsurface Scale"], 0.006)
    if skin.sheen > 0.1:
        shader.feed(bsdf.inputs["Coat Weight"], shader.math("MULTIPLY", film, 0.4 * skin.sheen))
        shader.feed(bsdf.inputs["Coat Roughness"], 0.33)
    # Metres: pores, the small relief of aged skin, which is deeper over joints, and the lines of the face.
    height = shader.math("MULTIPLY", grain, (0.0003 + 0.0005 * skin.wrinkles) * (1 - 0.5 * skin.sheen))
    if lines is not None:
        height = shader.math("MULTIPLY_ADD", lines, -0.0012 * skin.wrinkles, height)
    if skin.wrinkles > 0.1:
        creases = shader.noise(place, 75.0, detail=2.0).outputs[0]
        depth = shader.math("MULTIPLY_ADD", flush, 0.0012 * skin.wrinkles, 0.0012 * skin.wrinkles)
        height = shader.math("MULTIPLY_ADD", creases, depth, height)
    shader.bump(bsdf, height)
    return shader.finished(bsdf.outputs["BSDF"], bounced=skin.albedo)


def _pigment(shader: Shader, skin: Skin, uneven: list[Any], grain: Any) -> Any:
    """The albedo with patches of more and less melanin, more and less blood, and fine grain."""
    albedo, amount = np.array(skin.albedo), 2.2 * skin.mottling + 0.12 * skin.blemishes
    melanin = amount * np.array([0.6, 0.9, 1.2])
    color = shader.mix(uneven[0], triple(albedo * (1 - melanin)), triple(albedo * (1 + melanin)))
    red = (0.6 + 0.8 * skin.redness) * amount * np.array([0.5, -0.7, -0.6])
    color = shader.mix(1.0, color, shader.mix(uneven[1], triple(1 - red), triple(1 + red)), "MULTIPLY")
    fine = 0.08 + skin.mottling
    return shader.mix(1.0, color, shader.mix(grain, (1 - fine,) * 3, (1 + fine,) * 3), "MULTIPLY")


def _palms(albedo: Color, bright: float) -> Color:
    """Palms and soles, linear RGB: pinker on light skin, and much lighter than the rest on dark skin."""
    own = np.array(albedo) * (1.06, 0.95, 0.93)
    share = 0.6 * float(np.clip((0.3 - bright) / 0.22, 0, 1))
    return triple((1 - share) * own + share * np.array([0.5, 0.3, 0.23]))


def _marks(shader: Shader, skin: Skin, place: Any, color: Any, sun: Any, uneven: list[Any]) -> Any:
    """Freckles in the sun, moles, and red or brown blemishes."""
    if skin.freckles > 0.02:
        amount = shader.spots(
            place, per_metre=300.0, radius=0.42, share=shader.math("MULTIPLY", sun, skin.freckles)
        )
        amount = shader.math("MULTIPLY", amount, shader.math("MULTIPLY_ADD", uneven[0], 1.4, 0.1))
        color = shader.mix(amount, color, (0.66, 0.47, 0.34), "MULTIPLY")
    if skin.moles > 0:
        # Spots per square metre of a surface through a grid of balls: cells² · 2 · mean radius · share.
        most = 1.8 * 45.0**2 * 2 * 0.045
        amount = shader.spots(place, per_metre=45.0, radius=0.09, share=min(skin.moles / most, 1.0))
        color = shader.mix(amount, color, (0.3, 0.2, 0.17), "MULTIPLY")
    if skin.blemishes > 0.02:
        share = 0.3 * skin.blemishes
        amount = shader.spots(
            place, per_metre=70.0, radius=0.28, share=shader.math("MULTIPLY_ADD", sun, share, 0.3 * share)
        )
        color = shader.mix(amount, color, (1.05, 0.66, 0.62), "MULTIPLY")
    return color


def _face(shader: Shader, skin: Skin) -> tuple[Any, Any]:
    """Two sockets in [0, 1]: the lines of the face, and the hollows of the eyes."""
    (low_u, low_v), (wide, high) = FACE_WINDOW
    scale, shift = (1 / wide, 1 / high, 0.0), (-low_u / wide, -low_v / high, 0.0)
    inside = shader.vector("ADD", shader.vector("MULTIPLY", shader.uv(), scale), shift)
    lines, hollow, _ = shader.channels(shader.image(_face_lines(skin.seed), inside, "CLIP"))
    return lines, hollow


# Of each line of an ageing face: start, end and sagitta in (u, v) off the mirror line, depth, spread.
_LINES = (
    ((0.783, -0.04), (0.783, 0.04), -0.004, 0.8),
    ((0.791, -0.045), (0.791, 0.045), -0.005, 1.0),
    ((0.800, -0.042), (0.800, 0.042), -0.006, 0.8),
)


_PAIRED_LINES = (
    ((0.815, 0.006), (0.828, 0.008), 0.0, 0.7),  # frown
    ((0.835, 0.068), (0.827, 0.084), 0.0, 0.7),  # crow's feet
    ((0.838, 0.069), (0.838, 0.088), 0.0, 0.8),
    ((0.841, 0.068), (0.848, 0.084), 0.0, 0.7),
    ((0.853, 0.022), (0.853, 0.056), 0.006, 0.8),  # below the eye
    ((0.868, 0.022), (0.902, 0.038), 0.004, 1.3),  # from nose to mouth
    ((0.908, 0.034), (0.928, 0.037), 0.001, 0.7),
)


def _face_lines(seed: int) -> Floats:
    """Red: lines, drawn a little elsewhere for each seed; green: the hollows of the eyes. (288, 288, 3)."""
    rng = stream(Part.FACE_LINES, seed)
    (low_u, low_v), (wide, high) = FACE_WINDOW
    size = 288
    canvas = np.zeros((size, size), np.float64)
    paired = [
        ((a, (-1) ** k * b), (c, (-1) ** k * d), s, w)
        for (a, b), (c, d), s, w in _PAIRED_LINES
        for k in (0, 1)
    ]
    along = np.linspace(0, 1, 160)
    for start, end, sagitta, depth in (*_LINES, *paired):
        ends = np.array([start, end]) + rng.normal(0, 0.0016, (2, 2))
        path = ends[0] + along[:, None] * (ends[1] - ends[0])
        path[:, 0] += 4 * along * (1 - along) * (sagitta + rng.normal(0, 0.001))
        path[:, 0] += 0.0007 * np.sin(rng.uniform(0, 7) + rng.uniform(12, 20) * along)
        column = (path[:, 0] - low_u) / wide * size
        row = (path[:, 1] + FACE_MIRROR - low_v) / high * size
        strength = depth * rng.uniform(0.4, 1) * np.sin(np.pi * np.clip(along, 0.02, 0.98)) ** 0.6
        np.maximum.at(canvas, (row.astype(int), column.astype(int)), strength)
    frequency = np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None, :] ** 2
    blurred = np.fft.irfft2(
        np.fft.rfft2(canvas) * np.exp(-2 * (np.pi * 1.1) ** 2 * frequency), s=canvas.shape
    )
    axis = (np.arange(size) + 0.5) / size
    u, v = low_u + wide * axis[None, :], low_v + high * axis[:, None]
    hollow = soft_patches(
        ((0.842, FACE_MIRROR + 0.034, 0.017, 0.022, 1.0), (0.842, FACE_MIRROR - 0.034, 0.017, 0.022, 1.0)),
        u,
        v,
    )
    return np.stack([np.clip(3.0 * blurred, 0, 1), hollow, hollow], axis=2).astype(np.float32)


_FLUSHED: tuple[Place, ...] = (
    (0.876, FACE_MIRROR, 0.012, 0.015, 0.8),  # nose
    (0.945, FACE_MIRROR, 0.014, 0.02, 0.5),  # chin
    *((0.876, FACE_MIRROR + side * 0.047, 0.026, 0.03, 0.9) for side in (-1, 1)),  # cheeks
    *((0.846, FACE_MIRROR + side * 0.142, 0.022, 0.022, 0.9) for side in (-1, 1)),  # ears
    *((BODY_MIRROR + side * 0.1345, 0.285, 0.04, 0.03, 0.6) for side in (-1, 1)),  # knees
    *((BODY_MIRROR + side * 0.275, v, 0.025, 0.02, 0.7) for side in (-1, 1) for v in (0.865, 0.765)),  # elbows
    *(
        (HANDS_MIRROR + side * u, v, 0.008, 0.008, 0.9)  # knuckles and finger joints
        for side in (-1, 1)
        for u, v in (
            (0.075, 0.052), (0.0985, 0.063), (0.114, 0.071), (0.1205, 0.091),
            (0.070, 0.04), (0.106, 0.038), (0.128, 0.061), (0.135, 0.087), (0.042, 0.072),
        )
    ),
)  # fmt: skip


_SUNNED: tuple[Place, ...] = (
    (0.862, FACE_MIRROR, 0.075, 0.1, 1.0),
    (BODY_MIRROR, 0.82, 0.1, 0.06, 0.5),  # neckline
    *((BODY_MIRROR + side * 0.18, 0.86, 0.1, 0.07, 0.7) for side in (-1, 1)),  # shoulders
    *((BODY_MIRROR + side * 0.34, 0.82, 0.09, 0.08, 0.7) for side in (-1, 1)),  # forearms
    *((HANDS_MIRROR + side * 0.09, 0.08, 0.05, 0.05, 0.6) for side in (-1, 1)),
)


@cache
def _regions() -> Floats:
    """Over the body's UV, (256, 256, 3) in [0, 1]: where skin flushes, where the sun reaches it, palms."""
    axis = (np.arange(256) + 0.5) / 256
    u, v = axis[None, :], axis[:, None]
    hand, foot = np.abs(u - HANDS_MIRROR), np.abs(u - FEET_MIRROR)
    # A hand's island has the palm beside the back, and the thumb's inside on the other side of it.
    beside = (0.05 * (hand - 0.0925) + 0.065 * (v - 0.13)) / 0.082
    thumb = (0.0425 - hand + 0.36 * (v - 0.11)) / 1.06
    palm = np.where(hand < 0.2, np.maximum(beside, thumb), -1)
    sole = np.where(foot < 0.1, np.minimum(foot - 0.018, 0.077 - foot), -1)
    pale = np.clip(np.maximum(palm, sole) / 0.012 + 0.5, 0, 1) * (v < 0.22)
    return np.stack([soft_patches(_FLUSHED, u, v), soft_patches(_SUNNED, u, v), pale], axis=2).astype(
        np.float32
    )


def soft_patches(places: tuple[Place, ...], u: npt.NDArray[Any], v: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Soft ellipses; where two overlap, the stronger."""
    result = np.zeros(np.broadcast_shapes(u.shape, v.shape))
    for middle_u, middle_v, radius_u, radius_v, amount in places:
        squared = ((u - middle_u) / radius_u) ** 2 + ((v - middle_v) / radius_v) ** 2
        result = np.maximum(result, amount * np.exp(-squared))
    return result
