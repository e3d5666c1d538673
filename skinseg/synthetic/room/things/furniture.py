"""Furniture, and what one sits on."""

import itertools
from dataclasses import replace

import numpy as np

from skinseg.synthetic.geometry.solids import Solid, box, joined, lathe, moved, prism, tinted
from skinseg.synthetic.room.things.objects import vase
from skinseg.synthetic.room.things.parts import block, four_legs, raised
from skinseg.synthetic.room.things.thing import ThingKind


def _chair(size: float, rng: np.random.Generator) -> Solid:
    """size is the height of its back, which is at +y: one who sits on it looks along -y."""
    seat, half = 0.48 * size, 0.235 * size
    thick = 0.03 + 0.04 * (rng.random() < 0.3)
    parts = [block((-half, half), (-half, half), (seat - thick, seat), 0.012)]
    parts += four_legs(0.85 * half, 0.85 * half, seat - thick, 0.018, rng.uniform(0.0, 0.2))
    lean = rng.uniform(0.03, 0.12)
    back = []
    if rng.random() < 0.5:
        back.append(block((-half, half), (-0.012, 0.012), (seat + 0.1 * size, size), 0.008))
    else:
        for x in np.linspace(-0.8, 0.8, int(rng.integers(3, 7))) * half:
            back.append(block((x - 0.012, x + 0.012), (-0.008, 0.008), (seat, size - 0.03), 0.003))
        back.append(block((-half, half), (-0.012, 0.012), (size - 0.07, size), 0.006))
    back += [
        block((s - 0.016, s + 0.016), (-0.014, 0.014), (seat - 0.03, size), 0.005)
        for s in (-0.93 * half, 0.93 * half)
    ]
    rest = joined(*back)
    behind = 0.9 * half + lean * (rest.vertices[:, 2] - seat)
    parts.append(replace(rest, vertices=rest.vertices + np.stack([0 * behind, behind, 0 * behind], axis=1)))
    return joined(*parts)


def _stool(size: float, rng: np.random.Generator) -> Solid:
    """size is its height: a round or square seat on legs, or a block."""
    half, thick = rng.uniform(0.17, 0.22), rng.uniform(0.025, 0.06)
    kind = rng.choice(("round", "square", "block"))
    if kind == "block":
        return block((-half, half), (-half, half), (0.0, size), rng.uniform(0.005, 0.04))
    angle = np.arange(32) * 2 * np.pi / 32
    if kind == "round":
        seat = prism(half * np.stack([np.cos(angle), np.sin(angle)], axis=1), size - thick, size, 0.01)
    else:
        seat = block((-half, half), (-half, half), (size - thick, size), 0.01)
    return joined(seat, *four_legs(0.62 * half, 0.62 * half, size - thick, 0.016, rng.uniform(0.1, 0.4)))


def _table(size: float, rng: np.random.Generator) -> Solid:
    """size is the longer side of the top; as high as tables are, low ones lower."""
    deep = size * rng.uniform(0.45, 0.9)
    high = rng.uniform(0.70, 0.78) if size > 0.65 else 0.62 * size
    thick = rng.uniform(0.018, 0.045)
    if rng.random() < 0.3:
        angle = np.arange(40) * 2 * np.pi / 40
        top = prism(
            np.stack([size / 2 * np.cos(angle), deep / 2 * np.sin(angle)], axis=1), high - thick, high, 0.004
        )
    else:
        top = block((-size / 2, size / 2), (-deep / 2, deep / 2), (high - thick, high), 0.005)
    if rng.random() < 0.3:
        foot = lathe(
            ((0.0, 0.0), (0.25 * deep, 0.0), (0.25 * deep, 0.015), (0.03, 0.04), (0.03, high - thick))
        )
        return joined(top, foot)
    apron = block(
        (-0.4 * size, 0.4 * size), (-0.38 * deep, 0.38 * deep), (high - thick - 0.07, high - thick), 0.003
    )
    return joined(
        top, apron, *four_legs(0.4 * size, 0.38 * deep, high - thick, rng.uniform(0.018, 0.035), 0.02)
    )


def _sofa(size: float, rng: np.random.Generator) -> Solid:
    """size is its width; the back is at +y."""
    high, deep = min(0.85, 0.45 * size), min(0.95, 0.5 * size)
    seat, arm, back = 0.5 * high, 0.14 * deep + 0.03, 0.25 * deep
    x, y = size / 2, deep / 2
    parts = [
        block((-x, x), (y - back, y), (0.06, high), 0.06),
        block((-x, -x + arm), (-y, y), (0.06, 0.72 * high), 0.045),
        block((x - arm, x), (-y, y), (0.06, 0.72 * high), 0.045),
        block((-x + arm, x - arm), (-y + 0.02, y - back), (0.06, seat - 0.12 * high), 0.02),
    ]
    count = 2 if size > 1.2 else 1
    edges = np.linspace(-x + arm, x - arm, count + 1)
    for low, up in itertools.pairwise(edges):
        parts.append(block((low, up), (-y, y - back), (seat - 0.13 * high, seat), 0.035))
    return joined(*parts, *four_legs(0.9 * x, 0.8 * y, 0.07, 0.02, 0.0))


def _shelf(size: float, rng: np.random.Generator) -> Solid:
    """An open case with books, boxes and bowls; size is its height."""
    wide, deep, thick = size * rng.uniform(0.4, 0.8), rng.uniform(0.22, 0.35), 0.02
    x, y = wide / 2, deep / 2
    levels = np.linspace(0.04, size - thick, int(rng.integers(3, 6)))
    parts = [block((s, s + thick), (-y, y), (0, size), 0.002) for s in (-x, x - thick)]
    parts += [block((-x + thick, x - thick), (-y, y), (z, z + thick), 0.002) for z in levels]
    parts.append(block((-x, x), (y - 0.006, y), (0, size), 0.001))
    for low, high in itertools.pairwise(levels):
        room, place = high - low - thick, -x + thick + 0.01
        while place < x - 0.08:
            color = rng.uniform(0.1, 1.6, 3)
            if rng.random() < 0.12:
                place += rng.uniform(0.03, 0.12)
            elif rng.random() < 0.12:
                radius = min(0.06, (x - place) / 2, 0.4 * room)
                pot = moved(
                    vase(min(0.75 * room, 3 * radius), rng), np.array([place + radius, 0, low + thick])
                )
                parts.append(tinted(pot, color))
                place += 2.2 * radius
            else:
                width = rng.uniform(0.012, 0.05)
                tall, far = room * rng.uniform(0.55, 0.92), deep * rng.uniform(0.55, 0.8)
                book = block(
                    (place, place + width),
                    (y - 0.01 - far, y - 0.01),
                    (low + thick, low + thick + tall),
                    0.002,
                )
                parts.append(tinted(book, color))
                place += width + 0.001
    return joined(*parts)


def _lamp(size: float, rng: np.random.Generator) -> Solid:
    """A standing lamp with a shade of cloth, open at both ends."""
    foot, shade = 0.09 * size + 0.02, size * rng.uniform(0.17, 0.28)
    low, high = shade * rng.uniform(0.6, 0.85), shade * rng.uniform(0.3, 0.6)
    pole = lathe(
        ((0.0, 0.0), (foot, 0.0)),
        ((foot, 0.0), (foot, 0.015), (0.014, 0.03), (0.011, 0.06), (0.011, size - 0.3 * shade)),
    )
    cloth = lathe(
        ((low, size - shade), (high, size)),
        ((high, size), (high - 0.003, size), (low - 0.003, size - shade)),
        sides=36,
    )
    return joined(tinted(pole, rng.uniform(0.1, 1.0) * np.ones(3)), cloth)


def _board(size: float, rng: np.random.Generator) -> Solid:
    """A plain panel that stands upright: a door, a canvas, a plank."""
    wide, high = rng.permutation([size, size * rng.uniform(0.25, 0.9)])
    return raised(box((float(wide), rng.uniform(0.015, 0.05), float(high)), 0.004), float(high) / 2)


FURNITURE = {
    "chair": ThingKind(_chair, stands=(0.8, 1.1), seat=0.48),
    "stool": ThingKind(_stool, seat=1.0),
    "table": ThingKind(_table, stands=(0.7, 1.5)),
    "sofa": ThingKind(_sofa, stands=(1.2, 2.2)),
    "shelf": ThingKind(_shelf, stands=(0.8, 1.9)),
    "lamp": ThingKind(_lamp, stands=(1.2, 1.7)),
    "board": ThingKind(_board, stands=(0.5, 1.5)),
}
