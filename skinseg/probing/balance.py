"""A set that is even in what a camera sees: which scenes to render next, so that the emptiest cells fill first.

Beside it, at an equal budget of renders: scenes at random; rejection, which passes over scenes whose likeliest cell has
its share; and the breadth-first queue of Jain et al. (TBIOM 2024), with scenes in place of latent vectors.
"""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from skinseg.errors import UserError
from skinseg.evaluation.bootstrap import Floats
from skinseg.probing.cells import Axis, Cell, all_cells, cell_of, evenness, measured
from skinseg.probing.failures import mutated
from skinseg.probing.foresight import features, fit
from skinseg.probing.scoring import Shot, Studio, shoot
from skinseg.probing.streams import Part, stream
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.draw.scene import draw_scene
from skinseg.synthetic.room.backgrounds import Photos
from skinseg.synthetic.scene import Scene

BATCH = 24  # scenes that are rendered before the foresight is fitted again
PILOT = 0.2  # of the frames, at random, before there is any foresight
LEAST_PILOT = 24
SCREENED = 8  # scenes drawn for each that is rendered: 45 ms against a frame's 1.5 s
WAITING = 4096  # scenes that were drawn and not taken, of which later batches may take some
EMPTY, LEVEL = 2, 4  # powers with which a cell is worth less the more frames it, and its levels, have
UNREACHABLE = 0.002  # chance below which no scene is taken to show a level
UNLIKELY = 0.02  # chance below which an empty cell is named
CHILDREN = 3  # of Jain et al.


@dataclass(frozen=True)
class Taken:
    """A rendered scene. values, cell: what was measured, None with too little skin. kept: whether it counts."""

    shot: Shot
    values: tuple[float, ...] | None
    cell: Cell | None
    kept: bool


class Way(Protocol):
    """How scenes are chosen. It sees every frame once, in order, and so comes to the same scenes when it goes on."""

    def choose(self, count: int) -> list[Scene]:
        """The next scenes to render, `count` at most, at least one."""

    def keeps(self, scene: Scene, values: tuple[float, ...] | None, cell: Cell | None) -> bool:
        """Shown a frame of what it chose, whether it is kept."""


@dataclass(frozen=True)
class Balanced:
    """seconds: of choosing, and of all. unlikely: empty cells that no scene that was looked at is likely to show."""

    axes: tuple[Axis, ...]
    taken: list[Taken]
    seconds: tuple[float, float]
    unlikely: list[Cell]

    @property
    def counts(self) -> Counter[Cell]:
        return Counter(each.cell for each in self.taken if each.kept and each.cell is not None)

    @property
    def empty(self) -> list[Cell]:
        counts = self.counts
        return [cell for cell in all_cells(self.axes) if not counts[cell]]

    @property
    def evenness(self) -> float:
        counts = self.counts
        return evenness(np.array([counts[cell] for cell in all_cells(self.axes)]))

    def levels(self, place: int) -> list[int]:
        """Kept frames per level of an axis."""
        counts = Counter(cell[place] for cell in self.counts.elements())
        return [counts[level] for level in range(len(self.axes[place].levels))]


def run_balance(
    config: GeneratorConfig,
    seed: int,
    count: int,
    axes: tuple[Axis, ...],
    way: str,
    name: str,
    studio: Studio,
) -> Balanced:
    """Render `count` scenes, chosen in one of `WAYS`, into the set `name` of `studio`; the same call goes on.

    Raises UserError where there are more cells than frames, and where no scene can show a level of an axis.
    """
    cells = len(all_cells(axes))
    if cells > count:
        raise UserError(
            f"--cells {','.join(axis.name for axis in axes)}: {cells} cells for {count} frames, expected at "
            f"least a frame for each; give --count {cells} or fewer axes"
        )
    chooser: Way = WAYS[way](config, seed, count, axes, studio.photos)
    scenes: list[Scene] = []
    taken: list[Taken] = []
    began, chose = time.monotonic(), 0.0
    while len(scenes) < count:
        clock = time.monotonic()
        new = chooser.choose(min(BATCH, count - len(scenes)))
        chose += time.monotonic() - clock
        scenes += new
        for shot in shoot(scenes, name, studio)[-len(new) :]:
            image, skin = shot.read()
            enough = float(skin.mean(dtype=np.float64)) >= config.min_skin_share
            values = measured(axes, image, skin) if enough else None
            cell = None if values is None else cell_of(axes, values)
            taken.append(Taken(shot, values, cell, chooser.keeps(shot.scene, values, cell)))
    unlikely = chooser.unlikely() if isinstance(chooser, Foreseen) else []
    return Balanced(axes, taken, (chose, time.monotonic() - began), unlikely)


@dataclass
class Uniform:
    """Scenes as they are drawn."""

    config: GeneratorConfig
    seed: int
    count: int
    axes: tuple[Axis, ...]
    photos: Photos | None
    drawn: int = 0

    def choose(self, count: int) -> list[Scene]:
        return [self.next_scene() for _ in range(count)]

    def keeps(self, scene: Scene, values: tuple[float, ...] | None, cell: Cell | None) -> bool:
        return cell is not None

    def next_scene(self) -> Scene:
        self.drawn += 1
        return draw_scene(self.config, self.seed, self.drawn - 1, photos=self.photos)


@dataclass
class Foreseen(Uniform):
    """A pilot at random, then those of many scenes that are likely to show the emptiest cells."""

    inputs: list[Floats] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)
    counts: Counter[Cell] = field(default_factory=Counter)
    shown: int = 0
    waiting: list[tuple[Scene, Floats]] = field(default_factory=list)
    likeliest: Floats | None = None

    def choose(self, count: int) -> list[Scene]:
        pilot = min(self.count, max(LEAST_PILOT, round(PILOT * self.count)))
        if self.shown < pilot or len(self.values) < 2:
            return super().choose(min(count, max(pilot - self.shown, 1)))
        new = [self.next_scene() for _ in range(SCREENED * count)]
        self.waiting += [(scene, features(scene)) for scene in new]
        foresight = fit(np.stack(self.inputs), np.array(self.values))
        seen = np.stack([numbers for _, numbers in self.waiting])
        chances = foresight.cells(self.axes, seen)
        highest = chances.max(axis=0)
        if self.likeliest is None:
            self._check(foresight.levels(self.axes, seen))
        self.likeliest = highest if self.likeliest is None else np.maximum(self.likeliest, highest)
        taken = self.pick(chances, count)
        chosen = [self.waiting[place][0] for place in taken]
        left = set(range(len(self.waiting))).difference(taken)
        self.waiting = [self.waiting[place] for place in sorted(left)][-WAITING:]
        return chosen

    def pick(self, chances: Floats, count: int) -> list[int]:
        """Which of the scenes that wait to take, from the chance of each cell, (scenes, *cells)."""
        table = np.zeros(chances.shape[1:])
        for cell, number in self.counts.items():
            table[cell] = number
        return fill(table, chances, count)

    def keeps(self, scene: Scene, values: tuple[float, ...] | None, cell: Cell | None) -> bool:
        self.shown += 1
        if values is None or cell is None:
            return False
        self.inputs.append(features(scene))
        self.values.append(values)
        self.counts[cell] += 1
        return True

    def unlikely(self) -> list[Cell]:
        """Empty cells that no scene which was screened is likely to show."""
        if self.likeliest is None:
            return []
        return [
            cell for cell in all_cells(self.axes) if not self.counts[cell] and self.likeliest[cell] < UNLIKELY
        ]

    def _check(self, levels: list[Floats]) -> None:
        for place, (axis, chances) in enumerate(zip(self.axes, levels, strict=True)):
            there = {cell[place] for cell in self.counts}
            for level, chance in enumerate(chances.max(axis=0)):
                if level not in there and chance < UNREACHABLE:
                    raise UserError(
                        f"--cells: no scene of {len(chances)} is likely to show {axis.name} {axis.levels[level]}, "
                        "expected settings under which every level can be seen; leave the axis out or widen "
                        "--config (what is rendered is kept)"
                    )


@dataclass
class Rejection(Foreseen):
    """The same pilot and foresight; then scenes as they are drawn, but for those whose likeliest cell has its share of
    the count already. Where too few are left, the rest is of those."""

    def pick(self, chances: Floats, count: int) -> list[int]:
        share = -(-self.count // chances[0].size)
        counts, taken, full = self.counts.copy(), [], []
        for place, each in enumerate(chances):
            likeliest = tuple(int(level) for level in np.unravel_index(each.argmax(), each.shape))
            if counts[likeliest] < share:
                counts[likeliest] += 1
                taken.append(place)
            else:
                full.append(place)
        return [*taken, *full][:count]


def fill(counts: Floats, chances: Floats, count: int) -> list[int]:
    """Which scenes to take, in turn, each the one that is worth most where least is expected to be.

    counts: frames per cell. chances: (scenes, *cells). A cell is worth the less the more frames it and each level that
    it is of have or are expected to have.
    """
    expected = counts.astype(np.float64)
    left = np.ones(len(chances), np.bool_)
    taken = []
    axes = range(expected.ndim)
    for _ in range(min(count, len(chances))):
        worth = 1 / (1 + expected) ** EMPTY
        for axis in axes:
            others = tuple(each for each in axes if each != axis)
            level = expected.sum(axis=others, keepdims=True) + 1
            worth = worth * (level.mean() / level) ** LEVEL
        value = np.where(left, chances.reshape(len(chances), -1) @ worth.ravel(), -np.inf)
        place = int(value.argmax())
        left[place] = False
        expected += chances[place]
        taken.append(place)
    return taken


@dataclass
class Queue(Uniform):
    """Jain et al.: frames at random start queues, a queue a cell; the first of the emptiest cell's queue has three
    children; one that shows its parent's cell is kept, and queued if it lies farther from the start than its parent."""

    queues: dict[Cell, deque[tuple[Scene, Scene, float]]] = field(default_factory=dict)
    counts: Counter[Cell] = field(default_factory=Counter)
    waiting: deque[tuple[Scene, float, Cell] | None] = field(default_factory=deque)
    shown: int = 0
    made: int = 0

    def choose(self, count: int) -> list[Scene]:
        pilot = min(self.count, max(LEAST_PILOT, round(PILOT * self.count)))
        scenes: list[Scene] = []
        while len(scenes) < count:
            cell = self._emptiest()
            if self.shown + len(scenes) < pilot or cell is None:
                scenes.append(self.next_scene())
                self.waiting.append(None)
                continue
            parent, start, distance = self.queues[cell].popleft()
            for _ in range(min(CHILDREN, count - len(scenes))):
                rng = stream(Part.MUTATION, self.seed, self.made)
                scenes.append(mutated(parent, self.config, rng, self.photos))
                self.waiting.append((start, distance, cell))
                self.made += 1
        return scenes

    def keeps(self, scene: Scene, values: tuple[float, ...] | None, cell: Cell | None) -> bool:
        self.shown += 1
        origin = self.waiting.popleft()
        if cell is None or (origin is not None and origin[2] != cell):
            return False
        self.counts[cell] += 1
        start, farther = (
            (scene, True) if origin is None else (origin[0], _distance(scene, origin[0]) > origin[1])
        )
        if farther:
            self.queues.setdefault(cell, deque()).append((scene, start, _distance(scene, start)))
        return True

    def _emptiest(self) -> Cell | None:
        able = [cell for cell, queue in self.queues.items() if queue]
        return min(able, key=lambda cell: (self.counts[cell], cell)) if able else None


def _distance(one: Scene, other: Scene) -> float:
    """In features of a scene, each on its own scale: of latent vectors there are none."""
    a, b = features(one), features(other)
    return float(np.linalg.norm((a - b) / (np.abs(a) + np.abs(b) + 1)))


WAYS: dict[str, type[Uniform]] = {
    "balance": Foreseen,
    "uniform": Uniform,
    "rejection": Rejection,
    "queue": Queue,
}


def least_of_most(levels: Sequence[int]) -> float:
    """The emptiest level's frames as a share of the fullest one's."""
    return min(levels) / max(levels) if levels and max(levels) else 0.0
