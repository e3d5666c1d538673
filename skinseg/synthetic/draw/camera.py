"""The camera of S2MGen, and what lens, sensor and file do to the picture."""

import math
import typing
from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.room import WALL_GAP, wall_distance
from skinseg.synthetic.scene import SENSOR, Camera, Room
from skinseg.synthetic.streams import new_seed, normal, pick, small, uniform


@dataclass(frozen=True)
class Framing:
    """How a tracked part is framed.

    extent: metres that the frame spans there, drawn uniformly in the logarithm. height: of the part above the floor on
    a standing adult, metres; the worker aims at where the pose puts it. reach: how far a pose takes it from the middle
    of the room, metres. close_up: the camera is near its height. shift: how far it may leave the middle, as a share of
    `shift_sd`: the larger the part in the frame, the less. behind: it is seen from the other side. bared: an outfit may
    leave it bare.
    """

    extent: tuple[float, float]
    height: float
    reach: float
    close_up: bool = True
    shift: float = 1.0
    behind: bool = False
    bared: bool = False


# A face is 0.22 m high, a hand 0.19 m long, a forearm with its hand 0.45 m.
FRAMINGS: dict[str, Framing] = {
    "face": Framing((0.24, 0.75), 1.55, 0.3),
    "upper_body": Framing((0.55, 1.4), 1.25, 0.15, close_up=False),
    "whole": Framing((1.9, 3.4), 0.9, 0.1, close_up=False, shift=0.5),
    "hand": Framing((0.22, 0.85), 1.1, 0.7),
    "abdomen": Framing((0.18, 0.8), 1.05, 0.1, bared=True),
    "back": Framing((0.3, 0.9), 1.2, 0.1, behind=True, bared=True),
    "arm": Framing((0.18, 0.5), 1.2, 0.6),
}


MOST_NEIGHBOURS = 2  # more are a crowd
CAMERA_RISE = 0.35  # metres above or below the part, for close-ups
GROUP_EXTENT = 1.35  # how much wider the frame gets with company
CROWD_EXTENT = (2.2, 4.5)  # metres that it spans with a crowd


def draw_track(config: GeneratorConfig, rng: np.random.Generator) -> str:
    """The part that the camera aims at, by `track`."""
    return pick(rng, config.track)


def draw_camera(
    config: GeneratorConfig,
    room: Room,
    track: str,
    rng: np.random.Generator,
    of_lens: np.random.Generator,
    company: int = 0,
) -> Camera:
    """The camera of S2MGen, at the distance from which the tracked part fills the frame.

    theta = 3π/2 + π·D·X^p_front with D = ±1 and X ~ U(0, 1); z ~ U(z_min, z_max), or near the part's height
    for close-ups; F = (f_max - f_min)·X^(1/p_focal) + f_min. The frame's span at the part, in metres, is
    drawn from the framing's; span = distance·36/F then gives the distance. Where the walls or `radius_min` forbid
    that distance, the nearest one allowed is taken and F follows from it, so that the framing always holds.
    company: how many people there are beside the first.
    """
    theta = azimuth(config.p_front, float(rng.choice((-1.0, 1.0))), float(rng.random()))
    framing = FRAMINGS[track]
    theta += math.pi * framing.behind
    if not framing.close_up:
        z = uniform(rng, config.z_min, config.z_max)
    else:
        z = framing.height + uniform(rng, -CAMERA_RISE, CAMERA_RISE)
    rise = min(z, room.size[2] - WALL_GAP) - framing.height

    extent = math.exp(uniform(rng, *map(math.log, framing.extent)))
    of_crowd = uniform(rng, *CROWD_EXTENT)
    if company and not framing.close_up:
        extent = extent * GROUP_EXTENT if company <= MOST_NEIGHBOURS else of_crowd
    wanted = extent * focal_length(config, float(rng.random())) / SENSOR
    farthest = min(config.radius_max, wall_distance(room, theta) - WALL_GAP - framing.reach)
    radius = max(config.radius_min, min(math.sqrt(max(wanted**2 - rise**2, 0.0)), farthest))
    spread = config.shift_sd * framing.shift
    return Camera(
        theta=theta,
        radius=radius,
        rise=rise,
        focal_length=SENSOR * math.hypot(radius, rise) / extent,
        track=track,
        shift=(normal(rng, spread, limit=2 * spread), normal(rng, spread, limit=2 * spread)),
        roll=normal(rng, 0.08, limit=0.25),
        **_artefacts(config, of_lens),
    )


def _artefacts(config: GeneratorConfig, rng: np.random.Generator) -> dict[str, typing.Any]:
    """What lens, sensor and file do to the picture."""
    shaken, compressed = rng.random(2) < (config.p_motion, config.p_jpeg)
    direction, length = uniform(rng, 0, 2 * math.pi), uniform(rng, 4, 20)
    motion = (length * math.cos(direction), length * math.sin(direction))
    quality = int(rng.integers(config.jpeg_min, config.jpeg_max, endpoint=True))
    return {
        "exposure": normal(rng, config.exposure_sd, limit=2.5 * config.exposure_sd),
        "white_balance": (
            normal(rng, config.white_balance_sd, limit=3 * config.white_balance_sd),
            normal(rng, config.white_balance_sd, limit=3 * config.white_balance_sd),
        ),
        "contrast": config.contrast_mean
        * math.exp(normal(rng, config.contrast_sd, limit=3 * config.contrast_sd)),
        "saturation": max(
            config.saturation_mean + normal(rng, config.saturation_sd, limit=3 * config.saturation_sd), 0.0
        ),
        "vignette": small(rng, config.vignette_max),
        "blur": config.blur_max * float(rng.random()) ** 3,
        "motion": motion if shaken else (0.0, 0.0),
        "noise": config.noise_max * float(rng.random()) ** 2,
        "jpeg": quality if compressed else 0,
        "seed": new_seed(rng),
    }


def azimuth(p_front: float, side: float, x: float) -> float:
    """3π/2 + π·D·X^p_front, radians: straight in front at x = 0, straight behind at x = 1; side is D, ±1."""
    return 1.5 * math.pi + math.pi * side * math.pow(x, p_front)


def focal_length(config: GeneratorConfig, x: float) -> float:
    """(f_max - f_min)·X^(1/p_focal) + f_min, millimetres; x in [0, 1]."""
    return (config.f_max - config.f_min) * math.pow(x, 1 / config.p_focal) + config.f_min
