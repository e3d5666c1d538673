"""Rooms, places under the sky, and their surfaces."""

import colorsys
import dataclasses
import math
from collections.abc import Callable

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.color import as_color, draw_color
from skinseg.synthetic.room.backgrounds import Photos
from skinseg.synthetic.room.panoramas import PANORAMAS
from skinseg.synthetic.room.textures.texture import Texture
from skinseg.synthetic.room.textures.tile import TEXTURES
from skinseg.synthetic.scene import Color, Panorama, Room, Surface
from skinseg.synthetic.streams import new_seed, pick, uniform
from skinseg.tones.ita import srgb_to_linear

MOST_COLORS = 8  # of a palette
WALL_GAP = 0.3  # metres between a camera or light and the wall or ceiling
PHOTO_SCALE = (0.15, 0.4)  # repeats per metre


def draw_room(config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None = None) -> Room:
    """A closed room around the person, a place under the sky, twice as wide, or a panorama, as wide."""
    seen = draw_panorama(config, rng)
    outdoors = bool(rng.random() < config.p_outdoors)
    width, depth = rng.uniform(config.room_min, config.room_max, 2) * (2 if outdoors or seen else 1)
    # From overcast, which is white, to clear.
    clear = rng.random()
    sky = np.array([1.0, 1.0, 1.0]) * (1 - clear) + np.array([0.3, 0.55, 1.0]) * clear
    height = uniform(rng, config.ceiling_min, config.ceiling_max)
    walls = textures_of(lambda texture: texture.walls_outdoors if outdoors else texture.walls_indoors)
    floors = textures_of(lambda texture: texture.floors_outdoors if outdoors else texture.floors_indoors)
    return Room(
        size=(float(width), float(depth), height),
        walls=draw_surface(config, rng, walls, photos),
        floor=_polished(config, rng, draw_surface(config, rng, floors)),
        ceiling=draw_surface(config, rng, textures_of(lambda texture: texture.ceilings)),
        sky=as_color(sky * rng.uniform(0.3, 0.9)) if outdoors and not seen else None,
        panorama=seen,
    )


def draw_panorama(config: GeneratorConfig, rng: np.random.Generator) -> Panorama | None:
    """What is about the people instead of a room, in `p_panorama` of frames."""
    panorama = Panorama(
        kind=pick(rng, {name: kind.weight for name, kind in PANORAMAS.items()}),
        turn=uniform(rng, 0, 2 * math.pi),
        strength=math.exp(uniform(rng, math.log(0.7), math.log(4))),
        eye=uniform(rng, 1.4, 2.2),
    )
    return panorama if rng.random() < config.p_panorama else None


def _polished(config: GeneratorConfig, rng: np.random.Generator, floor: Surface) -> Surface:
    """The floor, in `p_polished` of frames smooth enough to show reflections."""
    chance, roughness = rng.random(), uniform(rng, 0.03, 0.3)
    return dataclasses.replace(floor, roughness=roughness) if chance < config.p_polished else floor


def wall_distance(room: Room, theta: float) -> float:
    """Horizontal metres from the middle of the room to the wall in direction `theta` (radians)."""
    width, depth, _ = room.size
    across, along = abs(math.cos(theta)), abs(math.sin(theta))
    return 0.5 * min(width / max(across, 1e-9), depth / max(along, 1e-9))


def textures_of(weight: Callable[[Texture], float]) -> dict[str, float]:
    """Textures that have a weight there, with it."""
    return {name: weight(texture) for name, texture in TEXTURES.items() if weight(texture) > 0}


def draw_surface(
    config: GeneratorConfig,
    rng: np.random.Generator,
    textures: dict[str, float],
    photos: Photos | None = None,
) -> Surface:
    textured, photographed = rng.random(2) < (config.p_background, config.p_photo)
    kind = pick(rng, textures) if textured else "plain"
    number = int(rng.integers(len(photos.names))) if photos else 0
    if textured and photographed and photos:
        kind = "photo"
    return Surface(
        texture=kind,
        colors=_palette(config, rng, kind),
        scale=uniform(rng, *(TEXTURES[kind].scale if kind in TEXTURES else PHOTO_SCALE)),
        seed=new_seed(rng),
        roughness=uniform(rng, 0.5, 1.0),
        contrast=uniform(rng, 1.0, config.texture_contrast_max),
        photo=photos.names[number] if photos and kind == "photo" else "",
        photo_hash=photos.hashes[number] if photos and kind == "photo" else "",
    )


def _palette(config: GeneratorConfig, rng: np.random.Generator, texture: str) -> tuple[Color, ...]:
    """Eight colours; of a texture that nature colours, three quarters in its own."""
    own_hues = TEXTURES[texture].palette if texture in TEXTURES else None
    colors = []
    for _ in range(MOST_COLORS):
        own = rng.random() < 0.75
        any_color = draw_color(config, rng)
        hsv = [uniform(rng, *span) for span in own_hues or ((0.0, 1.0),) * 3]
        natural = own and own_hues is not None
        colors.append(as_color(srgb_to_linear(colorsys.hsv_to_rgb(*hsv))) if natural else any_color)
    return tuple(colors)
