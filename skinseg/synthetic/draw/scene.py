"""From a configuration and (seed, index, attempt) to a Scene: all randomness of a frame is drawn here."""

import dataclasses
import functools
import math

import numpy as np

from skinseg.synthetic.body.posture import POSTURES
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.camera import FRAMINGS, MOST_NEIGHBOURS, draw_camera, draw_track
from skinseg.synthetic.draw.light import draw_lights
from skinseg.synthetic.draw.people import draw_person, holding
from skinseg.synthetic.draw.room import draw_room
from skinseg.synthetic.draw.things import draw_held, draw_seat, draw_things
from skinseg.synthetic.room.backgrounds import Photos
from skinseg.synthetic.scene import Scene
from skinseg.synthetic.streams import Part, normal, stream, uniform

NEIGHBOUR_GAP = 0.5  # metres between two people, from middle to middle
CROWD_ROWS = (0.65, 0.6)  # metres between people side by side and behind one another in a crowd
CROWD = (4, 12)  # how many are about the first


def draw_scene(
    config: GeneratorConfig, seed: int, index: int, attempt: int = 0, photos: Photos | None = None
) -> Scene:
    """The scene of frame `index` of a set; equal arguments give equal scenes, on any machine.

    attempt: counts re-draws of a frame that showed too little skin; each is a scene of its own.
    photos: the photographs that walls may show.
    Each part has a random stream of its own: two configurations that differ in one share (clothed, textured)
    show the same people in the same poses otherwise.
    """

    def rng(part: Part, number: int = 0) -> np.random.Generator:
        return stream(part, seed, index, attempt, number)

    room = draw_room(config, rng(Part.ROOM), photos)
    track = draw_track(config, rng(Part.TRACK))
    company = draw_company(config, track, rng(Part.COMPANY))
    camera = draw_camera(config, room, track, rng(Part.CAMERA), rng(Part.LENS), len(company))
    people = [draw_person(config, track, rng)]
    for number, (place, facing) in enumerate(_beside(company, camera.theta), start=1):
        narrow = {name: weight for name, weight in config.poses.items() if POSTURES[name].narrow}
        calm = dataclasses.replace(config, poses=narrow if sum(narrow.values()) > 0 else config.poses)
        person = draw_person(calm, "whole", functools.partial(rng, number=number))
        people.append(dataclasses.replace(person, place=place, facing=facing))
    held = draw_held(config, rng(Part.HELD))
    people[0] = holding(people[0], held)
    seats = [
        draw_seat(config, rng(Part.SEATS, number), number)
        for number, person in enumerate(people)
        if POSTURES[person.body.pose_family].seated
    ]
    return Scene(
        index=index,
        seed=seed,
        attempt=attempt,
        resolution=config.resolution,
        samples=config.samples,
        people=tuple(people),
        things=(*held, *draw_things(config, room, camera, rng(Part.THINGS)), *seats),
        room=room,
        lights=draw_lights(config, room, camera, rng(Part.LIGHTS)),
        camera=camera,
    )


def draw_company(
    config: GeneratorConfig, track: str, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Of each further person: metres to the camera's right of the first, metres behind, turn off the camera."""
    second, third, crowded = rng.random(3) < (config.p_second, config.p_third, config.p_crowd)
    crowd = _crowd(rng)
    if crowded and not FRAMINGS[track].close_up:
        return crowd
    side = rng.choice((-1.0, 1.0))
    company = []
    for number in range(MOST_NEIGHBOURS):
        # Side by side as in group photographs, or further back as passers-by are.
        beside = rng.random() < 0.6
        across = uniform(rng, NEIGHBOUR_GAP, 0.8) if beside else uniform(rng, NEIGHBOUR_GAP, 1.4)
        behind = uniform(rng, -0.05, 0.35) if beside else uniform(rng, 0.5, 2.0)
        turn = normal(rng, 0.35 if beside else 1.2, limit=3.0)
        company.append((float(side) * (-1) ** number * across, behind, turn))
    return company[: int(second) + int(second and third)]


def _crowd(rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """As `draw_company`, in rows as of a group photograph, or of people who stand about, with gaps."""
    places = [(column, row) for row in range(3) for column in range(-3, 4) if (column, row) != (0, 0)]
    count, loose = int(rng.integers(*CROWD, endpoint=True)), uniform(rng, 0.02, 0.12)
    posed = rng.random() < 0.6
    if posed:  # the front row's middle first
        places.sort(key=lambda place: abs(place[0]) + 2.5 * place[1])
    else:
        places = [places[number] for number in rng.permutation(len(places))]
    across, behind = CROWD_ROWS
    return [
        (
            (column + 0.5 * (row % 2)) * across + normal(rng, loose, limit=2 * loose),
            row * behind + normal(rng, loose, limit=2 * loose),
            normal(rng, 0.25 if posed else 1.2, limit=3.0),
        )
        for column, row in places[:count]
    ]


def _beside(
    company: list[tuple[float, float, float]], theta: float
) -> list[tuple[tuple[float, float], float]]:
    """Place and facing of each further person, seen from a camera at azimuth `theta`."""
    away = np.array([-math.cos(theta), -math.sin(theta)])
    right = np.array([-math.sin(theta), math.cos(theta)])
    result = []
    for across, behind, turn in company:
        x, y = across * right + behind * away
        result.append(((float(x), float(y)), theta - 1.5 * math.pi + turn))
    return result
