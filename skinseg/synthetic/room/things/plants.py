"""Plants in pots, and flowers."""

from dataclasses import replace

import numpy as np

from skinseg.synthetic.geometry.solids import Solid, ball, joined, lathe, moved, sheet, tinted, tube, turned
from skinseg.synthetic.room.things.parts import raised
from skinseg.synthetic.room.things.thing import Held, ThingKind


def _leaf(length: float, width: float, droop: float) -> Solid:
    """A blade along x from the origin that bends down and folds along its middle."""
    share, side = np.linspace(0, 1, 7)[:, None], np.linspace(-1, 1, 5)[None, :]
    half = width / 2 * np.sin(np.pi * np.clip(share * 0.93 + 0.06, 0, 1)) ** 0.8
    y = half * side
    x = length * np.broadcast_to(share, y.shape) * (1 - 0.15 * droop)
    z = length * (0.25 * share - droop * share**2) + 0.35 * np.abs(y)
    return sheet(np.stack([x, y, z], axis=2))


def _plant(size: float, rng: np.random.Generator) -> Solid:
    """Leaves on stems in a pot."""
    pot_high = size * rng.uniform(0.18, 0.3)
    pot_radius = pot_high * rng.uniform(0.4, 0.6)
    pot = lathe(
        ((0.0, 0.0), (0.75 * pot_radius, 0.0), (pot_radius, pot_high), (0.9 * pot_radius, pot_high)),
        ((0.9 * pot_radius, pot_high), (0.88 * pot_radius, 0.9 * pot_high), (0.0, 0.9 * pot_high)),
    )
    green = np.array([0.35, 0.9, 0.25]) * rng.uniform(0.6, 1.4)
    crown, parts = size - pot_high, [pot]
    count = int(rng.integers(14, 30))
    long, wide = crown * rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.6)
    for index in range(count):
        turn = 2.4 * index + rng.uniform(-0.3, 0.3)
        high = crown * (0.1 + 0.75 * index / count) - 0.2 * long
        leaf = _leaf(long * rng.uniform(0.7, 1.1), long * wide, rng.uniform(0.1, 0.9))
        leaf = moved(leaf, np.zeros(3), turned(-rng.uniform(0.1, 1.1), axis=1))
        stem_lean = 0.15 * crown * rng.normal(size=2) * index / count
        place = np.array([*stem_lean, pot_high + max(high, 0.0)])
        leaf = moved(leaf, place, turned(turn))
        stem = np.stack([[0, 0, 0.9 * pot_high], 0.5 * place + [0, 0, 0.45 * pot_high], place])
        stem = stem + np.array([[0.0, 0, 0], [0, 0, 0], [0.0, 0, 0.002]])
        parts += [
            tinted(leaf, green * rng.uniform(0.7, 1.3)),
            tinted(tube(stem, 0.004, sides=5), 0.8 * green),
        ]
    plant = joined(*parts)
    top = plant.vertices[:, 2].max()
    return replace(plant, vertices=plant.vertices * [1, 1, size / top])


def _flower(size: float, rng: np.random.Generator) -> Solid:
    """A few stems with blossoms."""
    green, color = np.array([0.3, 0.8, 0.2]), rng.uniform(0.3, 1.8, 3)
    parts = []
    for _ in range(int(rng.integers(1, 6))):
        lean = 0.12 * size * rng.normal(size=2)
        top = np.array([*lean, size * rng.uniform(0.8, 0.95)])
        path = np.stack([np.array([0, 0, 0.0]), top * [0.2, 0.2, 0.5], top])
        parts.append(tinted(tube(path, 0.0025, sides=5), green))
        count, radius = int(rng.integers(5, 14)), size * rng.uniform(0.08, 0.14)
        for index in range(count):
            petal = _leaf(radius, radius * rng.uniform(0.4, 0.7), 0.3)
            petal = moved(petal, np.zeros(3), turned(-0.5, axis=1))
            parts.append(tinted(moved(petal, top, turned(2 * np.pi * index / count)), color))
        heart = ball(0.22 * radius, sides=10)
        parts.append(tinted(raised(moved(heart, top), 0.004), (1.5, 1.2, 0.2)))
        leaf = moved(_leaf(0.3 * size, 0.09 * size, 0.4), top * 0.5, turned(rng.uniform(0, 6)))
        parts.append(tinted(leaf, green))
    return joined(*parts)


PLANTS = {
    "flower": ThingKind(_flower, held=Held((0.25, 0.5), 1.25, height=0.25)),
    "plant": ThingKind(_plant, stands=(0.4, 1.6)),
}
