"""From a configuration and (seed, index, attempt) to a Scene: all randomness of a frame is drawn here."""

import colorsys
import math

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.posture import draw_body
from skinseg.synthetic.scene import (
    SENSOR,
    Body,
    Camera,
    Color,
    Garment,
    Hair,
    Light,
    Room,
    Scene,
    Skin,
    Surface,
)
from skinseg.synthetic.wardrobe import required_underwear
from skinseg.tones.ita import draw_skin_color, lab_to_linear, linear_to_lab, srgb_to_linear

# Part -> metres that the frame spans there. A face is 0.22 m high, a hand 0.19 m long.
EXTENTS = {
    "face": (0.3, 0.7),
    "upper_body": (0.6, 1.2),
    "whole": (2.0, 2.7),
    "hand": (0.3, 0.7),
    "abdomen": (0.45, 0.9),
}
# Part -> its height above the floor on a standing adult, metres. The worker aims at where the pose puts it.
HEIGHTS = {"face": 1.55, "upper_body": 1.25, "whole": 0.9, "hand": 0.9, "abdomen": 1.05}
# Part -> how far a pose takes it from the middle of the room, metres.
REACHES = {"face": 0.3, "upper_body": 0.15, "whole": 0.1, "hand": 0.7, "abdomen": 0.1}
CAMERA_RISE = 0.4  # metres above or below the part, for close-ups
WALL_GAP = 0.3  # metres between a camera or light and the wall or ceiling

SKIRT_GENDER = 0.5  # anny's gender slider: 0 male, 1 female

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

WALLS = {"clutter": 0.4, "noise": 0.14, "wood": 0.12, "brick": 0.12, "stripes": 0.1, "fabric": 0.12}
FLOORS = {"wood": 0.45, "brick": 0.2, "fabric": 0.2, "noise": 0.15}
CEILINGS = {"plain": 0.8, "wood": 0.1, "noise": 0.1}
PATTERNS = {"plain": 0.55, "stripes": 0.18, "checks": 0.12, "noise": 0.15}


def draw_scene(config: GeneratorConfig, seed: int, index: int, attempt: int = 0) -> Scene:
    """The scene of frame `index` of a set; equal arguments give equal scenes, on any machine.

    attempt: counts re-draws of a frame that showed too little skin; each is a scene of its own.
    Each part has a random stream of its own: two configurations that differ in one share (clothed, textured)
    show the same people in the same poses otherwise.
    """
    streams = np.random.SeedSequence([seed, index, attempt]).spawn(7)
    of_body, of_skin, of_hair, of_clothes, of_room, of_camera, of_lights = map(np.random.default_rng, streams)
    body = draw_body(of_body)
    skin = draw_skin(of_skin)
    room = draw_room(config, of_room)
    camera = draw_camera(config, room, of_camera)
    return Scene(
        index=index,
        seed=seed,
        attempt=attempt,
        resolution=config.resolution,
        samples=config.samples,
        body=body,
        skin=skin,
        hair=draw_hair(config, body, skin, of_hair),
        garments=draw_garments(config, body, of_clothes),
        room=room,
        lights=draw_lights(config, room, camera, of_lights),
        camera=camera,
    )


def draw_skin(rng: np.random.Generator) -> Skin:
    """Skin of a Fitzpatrick group drawn uniformly from 1-6; lips are darker and redder by a drawn amount."""
    group = int(rng.integers(1, 7))
    ita, albedo = draw_skin_color(rng, group)
    lightness, a, b = linear_to_lab(albedo)
    lips = (lightness - _uniform(rng, 2, 10), a + _uniform(rng, 3, 14), b - _uniform(rng, 0, 4))
    return Skin(
        fitzpatrick=group,
        ita=ita,
        albedo=albedo,
        roughness=_uniform(rng, 0.35, 0.65),
        subsurface=_uniform(rng, 0.05, 0.25),
        mottling=_uniform(rng, 0.03, 0.16),
        lip_tint=_color(lab_to_linear(lips) / np.array(albedo)),
    )


def draw_hair(config: GeneratorConfig, body: Body, skin: Skin, rng: np.random.Generator) -> Hair:
    """Short hair with probability `p_hair`; light hair is rare on dark skin, and grey comes with age."""
    shares = np.array([share for _, share in HAIR_COLORS])
    if skin.fitzpatrick >= 4:
        shares[3:] *= 0.05
    srgb = HAIR_COLORS[int(rng.choice(len(shares), p=shares / shares.sum()))][0]
    # anny's age slider: 2/3 young adult, 1 old.
    grey = float(np.clip((body.phenotype["age"] - 0.8) / 0.2, 0, 1) * rng.random())
    natural = (1 - grey) * srgb_to_linear(srgb) + grey * srgb_to_linear(GREY_HAIR)
    return Hair(
        style="short" if rng.random() < config.p_hair else "bald",
        length=_uniform(rng, 0.008, 0.05),
        density=_uniform(rng, 180, 350),
        color=_color(natural * rng.uniform(0.75, 1.3)),
        brows=bool(rng.random() < 0.95),
        seed=int(rng.integers(2**31)),
    )


def draw_garments(config: GeneratorConfig, body: Body, rng: np.random.Generator) -> tuple[Garment, ...]:
    """Underwear on everyone; over it, with probability `p_clothed`, a shirt and trousers or a skirt, or one.

    Garments are listed from the inside out.
    """
    gender = body.phenotype["gender"]
    clothed = bool(rng.random() < config.p_clothed)
    worn = [_garment(config, rng, kind, offset=(0.003, 0.005)) for kind in required_underwear(gender)]
    if not clothed:
        return tuple(worn)
    pieces = _pick(rng, {"both": 0.7, "upper": 0.15, "lower": 0.15})
    if pieces != "upper":
        skirt = gender >= SKIRT_GENDER and rng.random() < 0.35
        short = skirt or rng.random() < 0.4
        leg = _uniform(rng, 0.1, 0.7) if short else _uniform(rng, 0.75, 1.0)
        worn.append(_garment(config, rng, "skirt" if skirt else "trousers", leg=leg, offset=(0.006, 0.014)))
    if pieces != "lower":
        lengths = {"vest": 0.2, "short": 0.4, "long": 0.4}
        sleeve = {"vest": (0.0, 0.1), "short": (0.15, 0.5), "long": (0.6, 1.0)}[_pick(rng, lengths)]
        hem = _uniform(rng, 0.2, 0.6) if rng.random() < 0.2 else _uniform(rng, 0.6, 1.0)
        shirt = _garment(
            config,
            rng,
            "shirt",
            sleeve=_uniform(rng, *sleeve),
            neckline=_uniform(rng, 0, 1) ** 1.5,
            hem=hem,
            offset=(0.008, 0.018),
        )
        worn.append(shirt)
    return tuple(worn)


def _garment(
    config: GeneratorConfig,
    rng: np.random.Generator,
    kind: str,
    *,
    offset: tuple[float, float],
    sleeve: float = 0.0,
    leg: float = 0.0,
    neckline: float = 0.0,
    hem: float = 0.0,
) -> Garment:
    return Garment(
        kind=kind,
        sleeve=sleeve,
        leg=leg,
        neckline=neckline,
        hem=hem,
        offset=_uniform(rng, *offset),
        color=draw_color(config, rng),
        pattern=_pick(rng, PATTERNS),
        pattern_color=draw_color(config, rng),
        pattern_scale=math.exp(_uniform(rng, math.log(8), math.log(60))),
        roughness=_uniform(rng, 0.6, 1.0),
    )


def draw_color(config: GeneratorConfig, rng: np.random.Generator) -> Color:
    """A colour of cloth or paint, linear RGB: `skin_like_share` of them have hues of skin."""
    if rng.random() < config.skin_like_share:
        albedo = draw_skin_color(rng, int(rng.integers(1, 7)))[1]
        return _color(np.array(albedo) * rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3))
    # Saturation and value of dark, white, grey, saturated and pastel colours.
    kinds = (
        ((0.0, 0.4), (0.06, 0.25)),
        ((0.0, 0.06), (0.85, 0.95)),
        ((0.0, 0.08), (0.25, 0.85)),
        ((0.55, 0.95), (0.35, 0.9)),
        ((0.1, 0.4), (0.65, 0.95)),
    )
    saturation, value = kinds[int(rng.integers(len(kinds)))]
    srgb = colorsys.hsv_to_rgb(_uniform(rng, 0, 1), _uniform(rng, *saturation), _uniform(rng, *value))
    return _color(srgb_to_linear(srgb))


def draw_room(config: GeneratorConfig, rng: np.random.Generator) -> Room:
    """A closed room around the person."""
    width, depth = rng.uniform(config.room_min, config.room_max, 2)
    return Room(
        size=(float(width), float(depth), _uniform(rng, config.ceiling_min, config.ceiling_max)),
        walls=_surface(config, rng, WALLS),
        floor=_surface(config, rng, FLOORS),
        ceiling=_surface(config, rng, CEILINGS),
    )


def _surface(config: GeneratorConfig, rng: np.random.Generator, textures: dict[str, float]) -> Surface:
    kind = _pick(rng, textures) if rng.random() < config.p_textured else "plain"
    return Surface(
        texture=kind,
        colors=tuple(draw_color(config, rng) for _ in range(8 if kind == "clutter" else 3)),
        scale=_uniform(rng, 0.2, 0.5) if kind == "clutter" else _uniform(rng, 0.3, 1.0),
        seed=int(rng.integers(2**31)),
        roughness=_uniform(rng, 0.5, 1.0),
    )


def draw_camera(config: GeneratorConfig, room: Room, rng: np.random.Generator) -> Camera:
    """The camera of S2MGen, at the distance from which the tracked part fills the frame.

    theta = 3π/2 + π·D·X^p_front with D = ±1 and X ~ U(0, 1); z ~ U(z_min, z_max), or near the part's height
    for close-ups; F = (f_max - f_min)·X^(1/p_focal) + f_min. The frame's span at the part, in metres, is
    drawn from `EXTENTS`; span = distance·36/F then gives the distance. Where the walls or `radius_min` forbid
    that distance, the nearest one allowed is taken and F follows from it, so that the framing always holds.
    """
    track = _pick(rng, config.track)
    theta = azimuth(config.p_front, float(rng.choice((-1.0, 1.0))), float(rng.random()))
    if track in ("upper_body", "whole"):
        z = _uniform(rng, config.z_min, config.z_max)
    else:
        z = HEIGHTS[track] + _uniform(rng, -CAMERA_RISE, CAMERA_RISE)
    z = min(z, room.size[2] - WALL_GAP)

    extent = _uniform(rng, *EXTENTS[track])
    rise = z - HEIGHTS[track]
    wanted = extent * focal_length(config, float(rng.random())) / SENSOR
    farthest = min(config.radius_max, wall_distance(room, theta) - WALL_GAP - REACHES[track])
    radius = max(config.radius_min, min(math.sqrt(max(wanted**2 - rise**2, 0.0)), farthest))
    spread = 0.03 if track == "whole" else 0.06
    return Camera(
        theta=theta,
        radius=radius,
        z=z,
        focal_length=SENSOR * math.hypot(radius, rise) / extent,
        track=track,
        exposure=_normal(rng, config.exposure_sd, limit=0.8),
        shift=(_normal(rng, spread, limit=2 * spread), _normal(rng, spread, limit=2 * spread)),
        roll=_normal(rng, 0.06, limit=0.2),
    )


def azimuth(p_front: float, side: float, x: float) -> float:
    """3π/2 + π·D·X^p_front, radians: straight in front at x = 0, straight behind at x = 1; side is D, ±1."""
    return 1.5 * math.pi + math.pi * side * math.pow(x, p_front)


def focal_length(config: GeneratorConfig, x: float) -> float:
    """(f_max - f_min)·X^(1/p_focal) + f_min, millimetres; x in [0, 1]."""
    return (config.f_max - config.f_min) * math.pow(x, 1 / config.p_focal) + config.f_min


def wall_distance(room: Room, theta: float) -> float:
    """Horizontal metres from the middle of the room to the wall in direction `theta` (radians)."""
    width, depth, _ = room.size
    across, along = abs(math.cos(theta)), abs(math.sin(theta))
    return 0.5 * min(width / max(across, 1e-9), depth / max(along, 1e-9))


def draw_lights(
    config: GeneratorConfig, room: Room, camera: Camera, rng: np.random.Generator
) -> tuple[Light, ...]:
    """Three area lights around the person; the first, within 60° of the camera, lights what it sees."""
    first = camera.theta + _uniform(rng, -math.pi / 3, math.pi / 3)
    others = rng.uniform(0, 2 * math.pi, 2)
    return tuple(_light(config, room, float(theta), rng) for theta in (first, *others))


def _light(config: GeneratorConfig, room: Room, theta: float, rng: np.random.Generator) -> Light:
    distance = min(_uniform(rng, 1.2, 3.5), wall_distance(room, theta) - WALL_GAP)
    return Light(
        position=(
            distance * math.cos(theta),
            distance * math.sin(theta),
            _uniform(rng, 1.0, room.size[2] - WALL_GAP),
        ),
        target=(0.0, 0.0, _uniform(rng, 0.8, 1.6)),
        edge=_uniform(rng, 0.3, 1.5),
        power=_uniform(rng, config.light_power_min, config.light_power_max),
        temperature=_uniform(rng, config.temperature_min, config.temperature_max),
    )


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _normal(rng: np.random.Generator, deviation: float, *, limit: float) -> float:
    return float(np.clip(rng.normal(0.0, deviation), -limit, limit))


def _pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """A name with the probability of its weight; the order of the mapping does not matter."""
    names = sorted(weights)
    shares = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _color(rgb: npt.ArrayLike) -> Color:
    """Plain floats, kept off pure black and white, which no cloth, paint or hair reflects."""
    red, green, blue = np.clip(rgb, 0.003, 0.9)
    return float(red), float(green), float(blue)
