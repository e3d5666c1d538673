"""Lamps and the sun."""

import math

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.room import WALL_GAP, wall_distance
from skinseg.synthetic.scene import Camera, Light, Room
from skinseg.synthetic.streams import uniform


def draw_lights(
    config: GeneratorConfig, room: Room, camera: Camera, rng: np.random.Generator
) -> tuple[Light, ...]:
    """Three area lights around the person; the first, within 60° of the camera, lights what it sees.

    Under the sky the first is the sun instead, in three frames of four on the camera's side, and the others
    stay out. In a panorama, which has its own light, the others stay out too, and half of the time the first.
    """
    first = camera.theta + uniform(rng, -math.pi / 3, math.pi / 3)
    others = rng.uniform(0, 2 * math.pi, 2)
    if room.sky is not None:
        theta = first if rng.random() < 0.75 else float(others[0])
        return (_sun(config, theta, rng),)
    if room.panorama is not None:
        lit = rng.random() < 0.5
        return (_light(config, room, first, rng),) if lit else ()
    return tuple(_light(config, room, float(theta), rng) for theta in (first, *others))


def _light(config: GeneratorConfig, room: Room, theta: float, rng: np.random.Generator) -> Light:
    distance = min(uniform(rng, 1.2, 3.5), wall_distance(room, theta) - WALL_GAP)
    highest = max(min(config.light_height_max, room.size[2] - WALL_GAP), config.light_height_min)
    return Light(
        position=(
            distance * math.cos(theta),
            distance * math.sin(theta),
            uniform(rng, config.light_height_min, highest),
        ),
        target=(0.0, 0.0, uniform(rng, 0.8, 1.6)),
        edge=uniform(rng, config.light_edge_min, config.light_edge_max),
        power=uniform(rng, config.light_power_min, config.light_power_max),
        temperature=uniform(rng, config.temperature_min, config.temperature_max),
    )


def _sun(config: GeneratorConfig, theta: float, rng: np.random.Generator) -> Light:
    """From behind clouds, which leaves no shadows, to full."""
    height = math.radians(uniform(rng, 15, 75))
    return Light(
        position=(
            10 * math.cos(height) * math.cos(theta),
            10 * math.cos(height) * math.sin(theta),
            10 * math.sin(height),
        ),
        target=(0.0, 0.0, 0.0),
        edge=0.0,
        power=uniform(rng, 0, 6),
        temperature=uniform(rng, max(config.temperature_min, 3500), max(config.temperature_max, 3500)),
    )
