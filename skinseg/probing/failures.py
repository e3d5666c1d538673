"""The search for scenes that a model fails on: a grid of the worst scene found per cell, grown by mutating them.

MAP-Elites (Mouret and Clune 2015) with the IoU to be made small. Cells are tone and framing as the scene has them and
light as the frame shows it. A scene with less skin than the settings ask for is in no cell: nobody could label it.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from skinseg.probing.cells import AXES
from skinseg.probing.changes import framed
from skinseg.probing.scoring import Score, Segment, Shot, Studio, score, shoot
from skinseg.probing.streams import Part, stream
from skinseg.probing.tone import GROUPS, told_from_all, with_tone
from skinseg.synthetic.clothes.wardrobe import kind_of
from skinseg.synthetic.config import TRACKS, GeneratorConfig
from skinseg.synthetic.draw.camera import FRAMINGS, draw_camera
from skinseg.synthetic.draw.clothes import draw_garments
from skinseg.synthetic.draw.hair import draw_hair
from skinseg.synthetic.draw.light import draw_lights
from skinseg.synthetic.draw.room import draw_room
from skinseg.synthetic.draw.things import draw_things
from skinseg.synthetic.draw.worn import draw_accessories
from skinseg.synthetic.room.backgrounds import Photos
from skinseg.synthetic.scene import Scene
from skinseg.synthetic.streams import new_seed, pick

GENERATION = 24  # scenes that are rendered before the grid is looked at again
TOURNAMENT = 3  # cells that are drawn for each parent, of which the worst is taken
QUANTILE = 0.1  # of the IoU of scenes at random, below which a frame is a failure

GridCell = tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """A scored frame of the search. cell: None where too little skin shows."""

    shot: Shot
    score: Score
    cell: GridCell | None


@dataclass(frozen=True)
class Search:
    """What a search came to.

    threshold: the IoU below which a frame is a failure. found: all frames of the search. grid: the worst frame per
    cell, of those at random too. at_random: failures a render, of the scenes at random, and searched, of the search.
    """

    threshold: float
    found: list[Found]
    grid: dict[GridCell, Found]
    at_random: float
    searched: float


def located(shot: Shot, scored: Score, min_skin_share: float) -> Found:
    """A frame with its cell."""
    light = AXES["light"]
    image, skin = shot.read()
    value = light.measure(image, skin)
    scene, cell = shot.scene, None
    if scored.skin_share >= min_skin_share and value is not None:
        cell = (
            scene.people[0].skin.fitzpatrick - 1,
            TRACKS.index(scene.camera.track),
            light.level(value),
        )
    return Found(shot, scored, cell)


def grown(grid: dict[GridCell, Found], found: Sequence[Found]) -> dict[GridCell, Found]:
    """The grid with the worst frame of each cell."""
    grid = dict(grid)
    for each in found:
        if each.cell is not None and (each.cell not in grid or each.score.iou < grid[each.cell].score.iou):
            grid[each.cell] = each
    return grid


def parents(grid: dict[GridCell, Found], count: int, rng: np.random.Generator) -> list[Scene]:
    """Scenes of the grid, each the worst of `TOURNAMENT` cells."""
    cells = sorted(grid)
    drawn = rng.integers(len(cells), size=(count, TOURNAMENT))
    return [min((grid[cells[i]] for i in row), key=lambda each: each.score.iou).shot.scene for row in drawn]


def search(
    start: Sequence[Found],
    name: str,
    renders: int,
    config: GeneratorConfig,
    seed: int,
    studio: Studio,
    segment: Segment,
) -> Search:
    """Spend `renders` frames on mutants of the worst scenes, from frames at random; equal arguments, equal scenes."""
    able = [each.score.iou for each in start if each.cell is not None]
    threshold = float(np.quantile(able, QUANTILE)) if able else 0.0
    grid = grown({}, start)
    scenes: list[Scene] = []
    found: list[Found] = []
    for generation in range(-(-renders // GENERATION) if grid else 0):
        count = min(GENERATION, renders - len(scenes))
        chosen = parents(grid, count, stream(Part.PARENTS, seed, generation))
        scenes += [
            mutated(parent, config, stream(Part.MUTATION, seed, generation, number), studio.photos)
            for number, parent in enumerate(chosen)
        ]
        shots = shoot(scenes, name, studio)[-count:]
        new = [
            located(shot, scored, config.min_skin_share)
            for shot, scored in zip(shots, score(shots, segment), strict=True)
        ]
        found += new
        grid = grown(grid, new)
    return Search(threshold, found, grid, _rate(start, threshold), _rate(found, threshold))


def failed(found: Iterable[Found], threshold: float) -> list[Found]:
    """Those that fail: below the threshold, and with enough skin that somebody could label them."""
    return [each for each in found if each.cell is not None and each.score.iou < threshold]


def _rate(found: Sequence[Found], threshold: float) -> float:
    """Failures a render; a frame that nobody could label is a render, and no failure."""
    return len(failed(found, threshold)) / len(found) if found else float("nan")


def again(scene: Scene, seed: int) -> Scene:
    """The scene with other noise of the sensor and nothing else."""
    fresh = new_seed(stream(Part.NOISE, seed, scene.index))
    return dataclasses.replace(scene, camera=dataclasses.replace(scene.camera, seed=fresh))


# ---------------------------------------------------------------------------------------------- mutation

Mutation = Callable[[Scene, GeneratorConfig, np.random.Generator, Photos | None], Scene]


def mutated(
    scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None = None
) -> Scene:
    """The scene with one or two of its parts drawn anew, by the settings, and told from skin where cloth is new."""
    for number in rng.permutation(len(MUTATIONS))[: int(rng.integers(1, 3))]:
        scene = MUTATIONS[number](scene, config, rng, photos)
    return scene


def _tone(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    """The neighbouring groups are the likelier ones."""
    person = scene.people[0]
    group = min(max(person.skin.fitzpatrick + int(rng.choice((-2, -1, 1, 2))), GROUPS[0]), GROUPS[-1])
    person = dataclasses.replace(person, skin=with_tone(person.skin, group))
    return told_from_all(dataclasses.replace(scene, people=(person, *scene.people[1:])), config)


def _lens(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    """Exposure, balance, blur, noise and what else lens, sensor and file do."""
    camera = scene.camera
    found = draw_camera(config, scene.room, camera.track, rng, rng, len(scene.people) - 1)
    kept = ("theta", "radius", "rise", "focal_length", "track", "shift", "roll")
    return dataclasses.replace(
        scene, camera=dataclasses.replace(found, **{name: getattr(camera, name) for name in kept})
    )


def _view(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    """The same part from elsewhere; what stands about goes with the camera, as it must not stand in it."""
    camera = scene.camera
    found = draw_camera(config, scene.room, camera.track, rng, rng, len(scene.people) - 1)
    kept = ("theta", "radius", "rise", "focal_length", "shift", "roll")
    camera = dataclasses.replace(camera, **{name: getattr(found, name) for name in kept})
    return _things_about(dataclasses.replace(scene, camera=camera), config, rng)


def _things_about(scene: Scene, config: GeneratorConfig, rng: np.random.Generator) -> Scene:
    of_people = tuple(each for each in scene.things if each.held or each.under is not None)
    things = draw_things(config, scene.room, scene.camera, rng)
    return dataclasses.replace(scene, things=(*of_people, *things))


def _track(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    moved = framed(scene, config, pick(rng, config.track))
    if FRAMINGS[moved.camera.track].behind == FRAMINGS[scene.camera.track].behind:
        return moved
    return _things_about(moved, config, rng)


def _lamps(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    return dataclasses.replace(scene, lights=draw_lights(config, scene.room, scene.camera, rng))


def _place(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    """Another room, with the camera, the lamps and the things that fit into it."""
    scene = dataclasses.replace(scene, room=draw_room(config, rng, photos))
    return _lamps(_view(scene, config, rng, photos), config, rng, photos)


def _clothes(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    person = scene.people[0]
    looked_at = FRAMINGS[scene.camera.track].bared
    outfit = [
        each for each in draw_garments(config, person.body, rng, looked_at) if not kind_of(each).underwear
    ]
    under = [each for each in person.garments if kind_of(each).underwear]
    person = dataclasses.replace(person, garments=(*under, *outfit))
    return told_from_all(dataclasses.replace(scene, people=(person, *scene.people[1:])), config)


def _head(scene: Scene, config: GeneratorConfig, rng: np.random.Generator, photos: Photos | None) -> Scene:
    """Hair, beard and what is worn."""
    person = scene.people[0]
    person = dataclasses.replace(
        person,
        hair=draw_hair(config, person.body, person.skin, rng),
        accessories=draw_accessories(config, person.garments, rng),
    )
    return dataclasses.replace(scene, people=(person, *scene.people[1:]))


MUTATIONS: tuple[Mutation, ...] = (_tone, _lens, _view, _track, _lamps, _place, _clothes, _head)
