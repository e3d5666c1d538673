"""Things: held, standing about, and sat on."""

import dataclasses
import math

import numpy as np

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.room import draw_surface, textures_of, wall_distance
from skinseg.synthetic.room.things.build import SEATS, THINGS
from skinseg.synthetic.scene import Camera, Room, Thing
from skinseg.synthetic.streams import new_seed, pick, uniform


def draw_held(config: GeneratorConfig, rng: np.random.Generator) -> tuple[Thing, ...]:
    """What is in a hand of the first person, if anything."""
    if rng.random() >= config.p_held:
        return ()
    sizes = {name: kind.held.sizes for name, kind in THINGS.items() if kind.held is not None}
    kind = pick(rng, dict.fromkeys(sizes, 1.0))
    side = "left" if rng.random() < 0.5 else "right"
    return (_thing(config, rng, kind, sizes[kind], side, (0.0, 0.0, 0.0)),)


def draw_things(
    config: GeneratorConfig, room: Room, camera: Camera, rng: np.random.Generator
) -> tuple[Thing, ...]:
    """What stands about: beside, behind, or half in the way."""
    sizes = {name: kind.stands for name, kind in THINGS.items() if kind.stands is not None}
    things = []
    if rng.random() < config.p_things:
        for _ in range(int(rng.integers(1, 4))):
            kind = pick(rng, dict.fromkeys(sizes, 1.0))
            # One in three stands between camera and person, off the line of sight by more than it is near.
            before = rng.random() < 0.35
            angle = camera.theta + (
                uniform(rng, -0.5, 0.5) if before else uniform(rng, 0.6, 2 * math.pi - 0.6)
            )
            farthest = max(wall_distance(room, angle) - 1.0, 0.8)
            distance = uniform(rng, 0.5, 0.8) if before else uniform(rng, 0.7, min(2.5, farthest))
            place = (distance * math.cos(angle), distance * math.sin(angle), 0.0)
            things.append(_thing(config, rng, kind, sizes[kind], "", place))
    return tuple(things)


def draw_seat(config: GeneratorConfig, rng: np.random.Generator, number: int) -> Thing:
    """What the person of that number sits on."""
    seat = _thing(config, rng, pick(rng, dict.fromkeys(SEATS, 1.0)), (0.0, 0.0), "", (0.0, 0.0, 0.0))
    return dataclasses.replace(seat, under=number)


def _thing(
    config: GeneratorConfig,
    rng: np.random.Generator,
    kind: str,
    sizes: tuple[float, float],
    held: str,
    position: tuple[float, float, float],
) -> Thing:
    return Thing(
        kind=kind,
        held=held,
        position=position,
        turn=uniform(rng, 0, 2 * math.pi),
        size=uniform(rng, *sizes),
        surface=dataclasses.replace(
            draw_surface(config, rng, textures_of(lambda texture: texture.things)),
            roughness=uniform(rng, 0.1, 1.0),
        ),
        seed=new_seed(rng),
    )
