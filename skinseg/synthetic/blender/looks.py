"""Materials: what skin, cloth, hair, eyes, walls and things look like to Cycles.

A material is a function of a record of the scene; details lie where the record's `seed` puts them. The
patterns of cloth and the lines of a face are small images that NumPy draws, everything else is noise over
metres of the posed world, which has no seams.
"""

import dataclasses
from functools import cache
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Accessory, Color, Garment, Person, Scene, Skin, Surface
from skinseg.synthetic.streams import Part, stream
from skinseg.synthetic.surroundings.textures import texture

Photos = dict[str, npt.NDArray[np.uint8]]
Floats = npt.NDArray[np.float32]
Place = tuple[float, float, float, float, float]  # middle and radii in the body's UV, and an amount

# Where the body model's UV has the eyes' discs: u of their mirror line, u of a disc's middle from it, its v;
# and how far from its middle a point lies in the UV per sine of its angle from the gaze.
EYE_DISCS, EYE_DISC_SCALE = (0.786705, 0.020755, 0.95055), 0.00324
# Mirror lines of the body model's UV: u of the torso and limbs, of the hands and of the feet, v of the face.
BODY_MIRROR, HANDS_MIRROR, FEET_MIRROR, FACE_MIRROR = 0.3805, 0.5625, 0.195, 0.483
# The face in the UV: u runs from the forehead down to the chin, and one unit is about a metre.
FACE_WINDOW = ((0.74, 0.36), (0.24, 0.246))  # lowest u and v, and extent
WHITE: Color = (1.0, 1.0, 1.0)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear sRGB


def class_look(value: int) -> Any:
    """The material of a class in the label pass: emission of its number, whatever the light."""
    name = f"class {PartClass(value).name}"
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    shader = _Shader(name)
    emission = shader.node("Emission", {"Color": WHITE, "Strength": float(value)})
    return shader.finished(emission.outputs["Emission"])


def look_of(material: str, scene: Scene, *, tinted: bool, in_uv: bool, photos: Photos) -> Any:
    """The material of a mesh or of strands, by the name that `mesh.py` documents; one per name and frame.

    tinted: the mesh has the vertex colour "tint". in_uv: it has texture coordinates. photos: as in `Figure`.
    Raises ValueError for a name without a look.
    """
    found = bpy.data.materials.get(material)
    if found is not None:
        return found
    kind, *numbers = material.split(":")
    if kind == "thing":
        return surface_look(scene.things[int(numbers[0])].surface, photos, name=material, tinted=tinted)
    person = scene.people[int(numbers[0])]
    if kind == "skin":
        return _skin_look(material, person.skin, tinted)
    if kind == "eyes":
        return _eye_look(material, person)
    if kind == "teeth":
        return _plain_look(material, (0.72, 0.66, 0.54), 0.2)
    if kind == "tongue":
        return _plain_look(material, (0.4, 0.13, 0.12), 0.35)
    if kind == "hair":
        return _hair_look(material, person.hair.color, person.hair.seed)
    if kind == "cloth":
        return _cloth_look(material, person.garments[int(numbers[1])], in_uv)
    if kind == "accessory":
        return _accessory_look(material, person.accessories[int(numbers[1])], tinted)
    if kind == "glass":
        return _glass_look(material)
    raise ValueError(f"mesh material {material!r} has no look")


def surface_look(surface: Surface, photos: Photos, *, name: str = "surface", tinted: bool = False) -> Any:
    """The surface's texture or photograph, repeated `surface.scale` times a metre of the UV.

    photos: uint8 (H, W, 3) sRGB by name. tinted: the vertex colour "tint" multiplies it.
    Raises KeyError for a photograph that is not there.
    """
    photo = surface.texture == "photo"
    pixels = photos[surface.photo] if photo else texture(surface)
    height, width = pixels.shape[:2]
    shader = _Shader(name)
    scale = (surface.scale, surface.scale * width / height, 1.0)
    place = shader.vector("MULTIPLY", shader.uv(), scale)
    # Tiles repeat without a seam; a photograph has one unless every other copy is mirrored.
    extension = "MIRROR" if photo else "REPEAT"
    color = shader.image(pixels[::-1] / np.float32(255), place, extension, encoded=True)
    if tinted:
        color = shader.mix(1.0, color, shader.tint(), "MULTIPLY")
    return shader.finished(shader.principled(color, surface.roughness).outputs["BSDF"])


# --------------------------------------------------------------------------------------------------- skin


def _skin_look(name: str, skin: Skin, tinted: bool) -> Any:
    """Uneven pigment and blood, flushed and pale regions, marks, lines, an oily film, light from below.

    Every layer multiplies about 1, so that the mean stays the albedo that was asked for, but for palms and
    soles of dark skin, which are lighter.
    """
    shader = _Shader(name)
    rng = stream(Part.SKIN_LOOK, skin.seed)
    place = shader.vector("ADD", shader.world(), _triple(rng.uniform(-50, 50, 3)))
    uneven = shader.channels(shader.noise(place, 12.0, detail=2.0).outputs["Color"])
    grain = shader.noise(place, 230.0, detail=1.0).outputs[0]
    flush, sun, pale = shader.channels(shader.image(_regions(), shader.uv(), "EXTEND"))

    color = _pigment(shader, skin, uneven, grain)
    bright = float(np.dot(skin.albedo, LUMINANCE))
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


def _pigment(shader: "_Shader", skin: Skin, uneven: list[Any], grain: Any) -> Any:
    """The albedo with patches of more and less melanin, more and less blood, and fine grain."""
    albedo, amount = np.array(skin.albedo), 2.2 * skin.mottling + 0.12 * skin.blemishes
    melanin = amount * np.array([0.6, 0.9, 1.2])
    color = shader.mix(uneven[0], _triple(albedo * (1 - melanin)), _triple(albedo * (1 + melanin)))
    red = (0.6 + 0.8 * skin.redness) * amount * np.array([0.5, -0.7, -0.6])
    color = shader.mix(1.0, color, shader.mix(uneven[1], _triple(1 - red), _triple(1 + red)), "MULTIPLY")
    fine = 0.08 + skin.mottling
    return shader.mix(1.0, color, shader.mix(grain, (1 - fine,) * 3, (1 + fine,) * 3), "MULTIPLY")


def _palms(albedo: Color, bright: float) -> Color:
    """Palms and soles, linear RGB: pinker on light skin, and much lighter than the rest on dark skin."""
    own = np.array(albedo) * (1.06, 0.95, 0.93)
    share = 0.6 * float(np.clip((0.3 - bright) / 0.22, 0, 1))
    return _triple((1 - share) * own + share * np.array([0.5, 0.3, 0.23]))


def _marks(shader: "_Shader", skin: Skin, place: Any, color: Any, sun: Any, uneven: list[Any]) -> Any:
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


def _face(shader: "_Shader", skin: Skin) -> tuple[Any, Any]:
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
    hollow = _patches(
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
    return np.stack([_patches(_FLUSHED, u, v), _patches(_SUNNED, u, v), pale], axis=2).astype(np.float32)


def _patches(places: tuple[Place, ...], u: npt.NDArray[Any], v: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Soft ellipses; where two overlap, the stronger."""
    result = np.zeros(np.broadcast_shapes(u.shape, v.shape))
    for middle_u, middle_v, radius_u, radius_v, amount in places:
        squared = ((u - middle_u) / radius_u) ** 2 + ((v - middle_v) / radius_v) ** 2
        result = np.maximum(result, amount * np.exp(-squared))
    return result


# ------------------------------------------------------------------------------------------ eyes and hair


def _eye_look(name: str, person: Person) -> Any:
    """Sclera, iris and pupil by the distance in the UV from the middle of each eye's disc.

    The iris has streaks and a dark rim, the white of the eye reddens towards its corners.
    """
    shader = _Shader(name)
    axes = shader.node("SeparateXYZ", {"Vector": shader.uv()}).outputs
    (middle, half, height), scale = EYE_DISCS, EYE_DISC_SCALE
    # The two discs mirror each other.
    side = shader.math("ABSOLUTE", shader.math("SUBTRACT", axes["X"], middle))
    u = shader.math("MULTIPLY", shader.math("SUBTRACT", side, half), 1 / scale)
    v = shader.math("MULTIPLY", shader.math("SUBTRACT", axes["Y"], height), 1 / scale)
    spot = shader.node("CombineXYZ", {"X": u, "Y": v}).outputs["Vector"]
    distance = shader.vector("LENGTH", spot)
    streaks = shader.noise(shader.vector("NORMALIZE", spot), 5.0, detail=1.0).outputs[0]
    iris = np.array(person.iris)
    color = shader.mix(streaks, _triple(0.4 * iris), _triple(1.6 * iris))
    rim = shader.ramp(distance, 0.28, 0.37)
    color = shader.mix(rim, color, (0.3, 0.3, 0.3), "MULTIPLY")
    white = shader.mix(shader.ramp(distance, 0.4, 0.95), (0.7, 0.66, 0.61), (0.58, 0.42, 0.37))
    color = shader.mix(shader.ramp(distance, 0.35, 0.385), color, white)
    color = shader.mix(shader.ramp(distance, 0.16, 0.135), color, (0.004, 0.004, 0.004))
    return shader.finished(shader.principled(color, 0.06).outputs["BSDF"])


def _hair_look(name: str, color: Color, seed: int) -> Any:
    """Strands and locks that differ in brightness, darker at the root, with a highlight across them."""
    shader = _Shader(name)
    info = shader.node("HairInfo").outputs
    place = shader.vector("ADD", shader.world(), _triple(stream(Part.HAIR_LOOK, seed).uniform(-50, 50, 3)))
    locks = shader.noise(place, 90.0, detail=1.0).outputs[0]
    own = np.array(color)
    shade = shader.math("MULTIPLY_ADD", info["Random"], 0.7, shader.math("MULTIPLY_ADD", locks, 1.2, 0.1))
    shade = shader.math("MULTIPLY", shade, shader.math("MULTIPLY_ADD", info["Intercept"], 0.35, 0.75))
    tone = shader.mix(shade, (0.0, 0.0, 0.0), color)
    diffuse = shader.principled(tone, 0.5)
    shader.feed(diffuse.inputs["Specular IOR Level"], 0.25)
    gloss = shader.node(
        "BsdfHair",
        {"Color": _triple(0.08 + 0.7 * own), "RoughnessU": 0.25, "RoughnessV": 0.6},
        component="Reflection",
    )
    mixed = shader.node("MixShader", {0: 0.12, 1: diffuse.outputs["BSDF"], 2: gloss.outputs["BSDF"]})
    return shader.finished(mixed.outputs["Shader"], bounced=color)


# -------------------------------------------------------------------------------------------------- cloth


@dataclasses.dataclass(frozen=True)
class _Fabric:
    """threads: repeats of the weave per metre across and along; relief: its height in metres; grain: how much
    threads differ in brightness; sheen: of fibres that stand up; gloss: of smooth threads."""

    threads: tuple[float, float]
    relief: float
    grain: float
    sheen: float
    gloss: float


_KNIT = _Fabric((140.0, 90.0), 0.0016, 0.25, 0.3, 0.1)
_FABRICS = (
    _Fabric((500.0, 500.0), 0.0003, 0.12, 0.1, 0.25),  # cotton
    _Fabric((900.0, 160.0), 0.0005, 0.55, 0.1, 0.15),  # denim: long threads of two colours
    _Fabric((260.0, 260.0), 0.0006, 0.3, 0.2, 0.15),  # linen
    _Fabric((600.0, 600.0), 0.0001, 0.05, 0.0, 0.4),  # satin and sports wear
)
_KNITTED = ("sweater", "scarf")
TILE = 192  # pixels of a pattern's side


def _cloth_look(name: str, garment: Garment, in_uv: bool) -> Any:
    """Colour, pattern, weave and creases; coordinates are metres, from the UV where the mesh has one."""
    shader = _Shader(name)
    rng = stream(Part.CLOTH_LOOK, garment.seed)
    fabric = _KNIT if garment.kind in _KNITTED else _FABRICS[int(rng.choice(4, p=(0.45, 0.25, 0.2, 0.1)))]
    place = (
        shader.uv()
        if in_uv
        else shader.node("Mapping", {0: shader.world(), 2: (np.pi / 2, 0.0, 0.0)}).outputs[0]
    )
    color: Any = garment.color
    if garment.pattern != "plain":
        tile, corner, extent = _pattern(garment)
        window = shader.vector("SUBTRACT", place, (*corner, 0.0))
        window = shader.vector("MULTIPLY", window, (1 / extent, 1 / extent, 1.0))
        extension = "CLIP" if garment.pattern == "print" else "REPEAT"
        color = shader.mix(shader.image(tile, window, extension), garment.color, garment.pattern_color)
    threads = shader.noise(shader.vector("MULTIPLY", place, (*fabric.threads, 1.0)), 1.0).outputs[0]
    wear = shader.noise(shader.world(), 16.0, detail=2.0).outputs[0]
    dark, light = 1 - fabric.grain, 1 + fabric.grain
    color = shader.mix(1.0, color, shader.mix(threads, (dark,) * 3, (light,) * 3), "MULTIPLY")
    color = shader.mix(1.0, color, shader.mix(wear, (0.85,) * 3, (1.13,) * 3), "MULTIPLY")
    bsdf = shader.principled(color, garment.roughness)
    shader.feed(bsdf.inputs["Specular IOR Level"], fabric.gloss)
    shader.feed(bsdf.inputs["Sheen Weight"], fabric.sheen)
    height = shader.math("MULTIPLY", wear, 0.005)
    shader.bump(bsdf, shader.math("MULTIPLY_ADD", threads, fabric.relief, height))
    return shader.finished(bsdf.outputs["BSDF"], bounced=garment.color)


def _pattern(garment: Garment) -> tuple[Floats, tuple[float, float], float]:
    """How much of the second colour there is, (192, 192) in [0, 1], and where in metres the square lies.

    Its corner and its extent. A print stands on the chest; the others repeat without a seam. Raises KeyError
    for a pattern that does not exist.
    """
    rng = stream(Part.PATTERN, garment.seed)
    if garment.pattern == "print":
        extent = float(rng.uniform(0.2, 0.32))
        return _print(rng), (-extent / 2, float(rng.uniform(0.08, 0.14))), extent
    repeats = {"stripes": 1, "checks": 1, "noise": 6, "flowers": 4}[garment.pattern]
    extent = repeats / garment.pattern_scale
    if garment.pattern == "stripes":
        tile = np.broadcast_to(_bands(rng)[:, None], (TILE, TILE))
    elif garment.pattern == "checks":
        bands = _bands(rng)
        tile = 0.5 * (bands[:, None] + bands[None, :])
    elif garment.pattern == "noise":
        tile = _blotches(rng)
    else:
        tile = _flowers(rng)
    return tile.astype(np.float32), (0.0, 0.0), extent


def _bands(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """One repeat of a striped cloth: a broad band, and in every other cloth a narrow one beside it."""
    along = (np.arange(TILE) + 0.5) / TILE
    share = rng.uniform(0.15, 0.55)
    bands = (along < share).astype(np.float64)
    if rng.random() < 0.5:
        middle, half = (1 + share) / 2, (1 - share) * rng.uniform(0.06, 0.2)
        bands[np.abs(along - middle) < half] = rng.uniform(0.4, 1)
    return bands


def _blotches(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Camouflage or batik: soft or hard patches of noise."""
    white = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    frequency = TILE * np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    field = np.fft.irfft2(white / (1 + (frequency / 6) ** 2.5), s=(TILE, TILE))
    contrast, middle = rng.uniform(0.6, 4), rng.uniform(-0.5, 0.5)
    return np.asarray(np.clip(0.5 + contrast * (field / field.std() - middle), 0, 1))


def _flowers(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Blossoms of one kind, strewn, with the cloth's own colour in their middle, and small leaves."""
    axis = (np.arange(TILE) + 0.5) / TILE
    tile = np.zeros((TILE, TILE))
    petals, notch = int(rng.integers(4, 8)), rng.uniform(0.25, 0.6)
    for number in range(9):
        cell = np.array(divmod(number, 3)) / 3 + 1 / 6 + rng.uniform(-0.06, 0.06, 2)
        y = (axis[:, None] - cell[0] + 0.5) % 1 - 0.5
        x = (axis[None, :] - cell[1] + 0.5) % 1 - 0.5
        radius, angle = np.hypot(x, y), np.arctan2(y, x) + rng.uniform(0, 6)
        size = rng.uniform(0.06, 0.15)
        edge = size * (1 - notch * np.abs(np.sin(petals * angle / 2)))
        tile = np.maximum(tile, np.clip((edge - radius) * TILE + 0.5, 0, 1) * rng.uniform(0.7, 1))
        tile[radius < 0.25 * size] = 0.2
    return tile


def _print(rng: np.random.Generator) -> Floats:
    """A graphic for the chest: rows of letter-like shapes, a badge, or both. Row 0 is its upper edge."""
    axis = (np.arange(TILE) + 0.5) / TILE
    y, x = axis[:, None] - 0.5, axis[None, :] - 0.5
    tile = np.zeros((TILE, TILE), np.float32)
    badge = rng.random() < 0.6
    if badge:
        lift = rng.uniform(0, 0.15)
        radius, angle = np.hypot(x, y + lift), np.arctan2(x, y + lift)
        edge = rng.uniform(0.2, 0.33) * (1 + rng.uniform(0, 0.35) * np.cos(int(rng.integers(2, 8)) * angle))
        ring = 0.5 + 0.5 * np.cos(2 * np.pi * rng.uniform(1, 4) * radius / edge)
        tile[(radius < edge) & (ring > rng.uniform(0, 0.4))] = 1
    rows = int(rng.integers(1, 3)) if badge else int(rng.integers(1, 6))
    height = int(rng.uniform(0.1, 0.2) * TILE) if badge else TILE // (rows + 1)
    top = TILE - rows * height - 2 if badge else height // 2
    for row in range(rows):
        letters = int(rng.integers(4, 10))
        width = int(TILE * rng.uniform(0.6, 1.0)) // letters
        left = (TILE - letters * width) // 2
        tall = int(0.75 * height)
        for letter in range(letters):
            # Strokes of a grid of three by five, the left one most often whole, as in most letters.
            cells = rng.random((5, 3)) < 0.55
            cells[:, 0] |= rng.random() < 0.6
            cells[[0, 4], 1] |= rng.random(2) < 0.5
            rows_of, columns_of = (
                np.arange(tall) * 5 // tall,
                np.arange(int(0.8 * width)) * 3 // int(0.8 * width),
            )
            glyph = cells[rows_of][:, columns_of]
            y0, x0 = top + row * height, left + letter * width
            area = tile[y0 : y0 + tall, x0 : x0 + glyph.shape[1]]
            area[:] = glyph[: area.shape[0], : area.shape[1]]
    tile[[0, -1]] = tile[:, [0, -1]] = 0
    return tile


# --------------------------------------------------------------------------------------- other materials


def _accessory_look(name: str, accessory: Accessory, tinted: bool) -> Any:
    shader = _Shader(name)
    color: Any = accessory.color
    if tinted:
        color = shader.mix(1.0, color, shader.tint(), "MULTIPLY")
    bsdf = shader.principled(color, accessory.roughness)
    shader.feed(bsdf.inputs["Metallic"], accessory.metallic)
    return shader.finished(bsdf.outputs["BSDF"])


def _glass_look(name: str) -> Any:
    """Thin clear glass: it reflects more towards its edges, and bends nothing."""
    shader = _Shader(name)
    clear = shader.node("BsdfTransparent", {"Color": (0.97, 0.98, 0.98)})
    shiny = shader.node("BsdfGlossy", {"Color": WHITE, "Roughness": 0.02})
    facing = shader.node("Fresnel", {"IOR": 1.5})
    mixed = shader.node(
        "MixShader", {0: facing.outputs[0], 1: clear.outputs["BSDF"], 2: shiny.outputs["BSDF"]}
    )
    return shader.finished(mixed.outputs["Shader"])


def _plain_look(name: str, color: Color, roughness: float) -> Any:
    shader = _Shader(name)
    return shader.finished(shader.principled(color, roughness).outputs["BSDF"])


# -------------------------------------------------------------------------------------------------- nodes


def _triple(values: npt.ArrayLike) -> Color:
    red, green, blue = np.asarray(values, dtype=np.float64)
    return float(red), float(green), float(blue)


class _Shader:
    """A material under construction. A value is a number, a tuple or another node's output socket."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.nodes, self.links = self.material.node_tree.nodes, self.material.node_tree.links
        self.nodes.clear()

    def node(self, kind: str, inputs: dict[str | int, Any] | None = None, **settings: Any) -> Any:
        """A node of the type `ShaderNode<kind>`; settings first, as they decide what inputs there are."""
        node = self.nodes.new(f"ShaderNode{kind}")
        for key, value in settings.items():
            setattr(node, key, value)
        for socket, value in (inputs or {}).items():
            self.feed(node.inputs[socket], value)
        return node

    def feed(self, socket: Any, value: Any) -> None:
        """Set an input, or link it."""
        if isinstance(value, bpy.types.NodeSocket):
            self.links.new(value, socket)
        elif socket.type == "RGBA" and isinstance(value, tuple):
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def finished(self, surface: Any, bounced: Color | None = None) -> Any:
        """The material, with this shader as its surface.

        bounced: the colour by which light that only bounces off it is dulled instead: Cycles then leaves the
        details out, which few see in a neighbour's reflected light and which would cost a third of a frame.
        """
        if bounced is not None:
            seen = self.node("LightPath").outputs["Is Camera Ray"]
            plain = self.node("BsdfDiffuse", {"Color": bounced}).outputs["BSDF"]
            surface = self.node("MixShader", {0: seen, 1: plain, 2: surface}).outputs["Shader"]
        self.node("OutputMaterial", {"Surface": surface})
        return self.material

    def principled(self, color: Any, roughness: Any) -> Any:
        return self.node("BsdfPrincipled", {"Base Color": color, "Roughness": roughness})

    def uv(self) -> Any:
        return self.node("TexCoord").outputs["UV"]

    def world(self) -> Any:
        """Metres of the posed world: every object lies at the origin."""
        return self.node("TexCoord").outputs["Object"]

    def tint(self) -> Any:
        return self.node("Attribute", attribute_name="tint").outputs["Color"]

    def channels(self, color: Any) -> list[Any]:
        """Its red, green and blue."""
        return list(self.node("SeparateColor", {"Color": color}).outputs)

    def math(self, operation: str, *values: Any) -> Any:
        node = self.node("Math", dict(enumerate(values)), operation=operation)
        return node.outputs["Value"]

    def vector(self, operation: str, *values: Any) -> Any:
        """Of vectors; the length is a number."""
        node = self.node("VectorMath", dict(enumerate(values)), operation=operation)
        return node.outputs["Value" if operation == "LENGTH" else "Vector"]

    def mix(self, factor: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """A colour between a and b, or a times b by `factor`; neither factor nor result is clamped to 1."""
        # Sockets of every data type share their names: 0 is the factor, 6 and 7 the colours, 2 the result.
        settings = {"data_type": "RGBA", "blend_type": blend, "clamp_factor": False, "clamp_result": False}
        return self.node("Mix", {0: factor, 6: a, 7: b}, **settings).outputs[2]

    def noise(self, place: Any, scale: float, detail: float = 0.0) -> Any:
        """Noise about 0.5, deviation about 0.1; output 0 is one value, "Color" three independent ones."""
        return self.node("TexNoise", {"Vector": place, "Scale": scale, "Detail": detail})

    def ramp(self, value: Any, start: float, end: float) -> Any:
        """From 0 at `start` to 1 at `end`, smoothly."""
        inputs: dict[str | int, Any] = {"Value": value, "From Min": start, "From Max": end}
        return self.node("MapRange", inputs, interpolation_type="SMOOTHSTEP").outputs["Result"]

    def spots(self, place: Any, *, per_metre: float, radius: float, share: Any) -> Any:
        """1 in the middle of round spots, 0 outside: where the surface cuts balls of up to `radius` cells, one
        in each of a `share` of the cells of a grid."""
        cells = self.node("TexVoronoi", {"Vector": place, "Scale": per_metre}).outputs
        chance, size, _ = self.channels(cells["Color"])
        chosen = self.math("LESS_THAN", chance, share)
        edge = self.math("DIVIDE", cells["Distance"], self.math("MULTIPLY", size, radius))
        return self.math("MULTIPLY", chosen, self.ramp(edge, 1.0, 0.5))

    def image(self, pixels: npt.NDArray[Any], place: Any, extension: str, *, encoded: bool = False) -> Any:
        """The colour of an image at `place`, whose unit square it fills, lowest row first.

        pixels: (H, W) or (H, W, 3) in [0, 1]; encoded: they are sRGB, not linear.
        """
        height, width = pixels.shape[:2]
        image = bpy.data.images.new(self.material.name, width, height)
        image.colorspace_settings.name = "sRGB" if encoded else "Non-Color"
        rgba = np.ones((height, width, 4), dtype=np.float32)
        rgba[..., :3] = pixels if pixels.ndim == 3 else pixels[..., None]
        image.pixels.foreach_set(rgba.ravel())
        image.update()
        node = self.node("TexImage", {"Vector": place}, extension=extension)
        node.image = image
        return node.outputs["Color"]

    def bump(self, bsdf: Any, height: Any) -> None:
        """Relief, `height` in metres."""
        node = self.node("Bump", {"Height": height, "Strength": 1.0, "Distance": 1.0})
        self.links.new(node.outputs["Normal"], bsdf.inputs["Normal"])
