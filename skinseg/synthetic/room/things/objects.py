"""Everyday objects: what stands about in a room or lies in a hand. Sizes are of the largest side, metres."""

from functools import partial

import numpy as np

from skinseg.synthetic.geometry.solids import Solid, ball, box, joined, lathe, sheet, tinted, tube
from skinseg.synthetic.room.things.parts import DARK, LIGHT, block, raised
from skinseg.synthetic.room.things.thing import Held, ThingKind, carried, hung, laid, rested


def _carton(size: float, rng: np.random.Generator) -> Solid:
    sides = size * np.array([1.0, rng.uniform(0.4, 1.0), rng.uniform(0.3, 1.0)])
    sides = rng.permutation(sides)
    return raised(box((sides[0], sides[1], sides[2]), 0.01 * size), sides[2] / 2)


def _ball(size: float, rng: np.random.Generator) -> Solid:
    return raised(ball(size / 2, sides=28), size / 2)


def _can(size: float, rng: np.random.Generator) -> Solid:
    """A tin, a candle or a drum: a cylinder with rounded edges."""
    radius, edge = size * rng.uniform(0.2, 0.45), 0.02 * size
    return lathe(
        ((0.0, 0.0), (radius - edge, 0.0), (radius, edge), (radius, size - edge), (radius - edge, size)),
        ((radius - edge, size), (radius - 2 * edge, size - edge), (0.0, size - edge)),
        sides=32,
    )


def _cup(size: float, rng: np.random.Generator) -> Solid:
    """A mug, a tumbler or a paper cup."""
    low, high = sorted(size * rng.uniform(0.3, 0.46, 2))
    wall = 0.003
    body = lathe(
        ((0.0, 0.0), (low - 0.003, 0.0), (low, 0.003), (high, size - 0.001)),
        ((high, size - 0.001), (high - wall / 2, size), (high - wall, size - 0.001), (low - wall, 0.006)),
        ((low - wall, 0.006), (0.0, 0.006)),
        sides=32,
    )
    if rng.random() < 0.5:
        return body
    angle = np.linspace(-1.45, 1.45, 11)
    middle = (low + high) / 2
    path = np.stack(
        [np.zeros(11), middle - 0.004 + 0.3 * size * np.cos(angle), size * (0.5 + 0.29 * np.sin(angle))],
        axis=1,
    )
    return joined(body, tube(path, 0.05 * size, sides=8))


def _bottle(size: float, rng: np.random.Generator) -> Solid:
    radius, neck = size * rng.uniform(0.12, 0.19), size * rng.uniform(0.045, 0.06)
    shoulder, throat = size * rng.uniform(0.5, 0.68), size * rng.uniform(0.74, 0.85)
    bend = np.linspace(0, 1, 7)
    curve = neck + (radius - neck) * 0.5 * (1 + np.cos(np.pi * bend))
    profile = [(0.0, 0.0), (radius * 0.93, 0.0), (radius, 0.02 * size)]
    profile += [
        (float(r), float(z)) for r, z in zip(curve, shoulder + bend * (throat - shoulder), strict=True)
    ]
    top = size * 0.93
    lid = lathe(((neck * 1.15, top), (neck * 1.15, size)), ((neck * 1.15, size), (0.0, size)), sides=20)
    glass = lathe([*profile, (neck, top)], ((neck, top), (neck * 1.15, top)), sides=28)
    label = lathe(((radius + 0.0006, 0.2 * size), (radius + 0.0006, 0.42 * size)), sides=28)
    second = rng.uniform(0.3, 1.8, 3)
    return joined(glass, tinted(lid, second), tinted(label, LIGHT * rng.uniform(0.6, 1.4, 3)))


def vase(size: float, rng: np.random.Generator, sides: int = 32) -> Solid:
    height = np.linspace(0, 1, 16)
    wave = 0.22 + 0.1 * np.sin(2 * np.pi * (height * rng.uniform(0.5, 1.1) + rng.random()))
    wave = size * np.clip(wave * rng.uniform(0.7, 1.3), 0.05, 0.45)
    outside = [(0.0, 0.0), *((float(r), float(z)) for r, z in zip(wave, height * size, strict=True))]
    inside = [(float(r) - 0.005, float(z)) for r, z in zip(wave[:6:-1], (height * size)[:6:-1], strict=True)]
    return lathe(outside, inside, sides=sides)


def _phone(size: float, rng: np.random.Generator) -> Solid:
    width, thick = 0.48 * size, 0.0085
    # The screen looks along -y, away from the palm.
    screen = block(
        (-0.46 * width, 0.46 * width), (-thick / 2 - 0.0003, 0), (0.02 * size, 0.98 * size), 0.0002
    )
    lens = block((0.2 * width, 0.42 * width), (0, thick / 2 + 0.0012), (0.8 * size, 0.95 * size), 0.001)
    body = raised(box((width, thick, size), 0.002), size / 2)
    return joined(body, tinted(screen, DARK), tinted(lens, DARK))


def _book(size: float, rng: np.random.Generator) -> Solid:
    width, thick = rng.uniform(0.62, 0.8) * size, rng.uniform(0.008, 0.04)
    cover, half = 0.0025, thick / 2
    x, z = width / 2, (0.0, size)
    pages = block((-x + cover, x - 0.004), (-half + cover, half - cover), (0.004, size - 0.004), 0.0005)
    return joined(
        tinted(pages, LIGHT),
        block((-x, x), (-half, -half + cover), z, 0.0008),
        block((-x, x), (half - cover, half), z, 0.0008),
        block((-x, -x + cover), (-half, half), z, 0.0008),
    )


def _plate(size: float, rng: np.random.Generator) -> Solid:
    r, rise = size / 2, size * rng.uniform(0.06, 0.2)
    return lathe(
        ((0.0, 0.0), (0.55 * r, 0.0), (0.62 * r, 0.006), (0.98 * r, rise), (r, rise + 0.002)),
        ((r, rise + 0.002), (0.98 * r, rise + 0.003), (0.62 * r, 0.009), (0.55 * r, 0.005), (0.0, 0.005)),
        sides=36,
    )


def _bag(size: float, rng: np.random.Generator) -> Solid:
    """A shopping bag or handbag: it bellies a little, with two handles."""
    high, width = 0.62 * size, size * rng.uniform(0.5, 0.75)
    depth = width * rng.uniform(0.25, 0.5)
    angle = np.arange(32) * 2 * np.pi / 32
    square = 2 / rng.uniform(3.0, 6.0)
    outline = np.stack(
        [np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** square * width / 2,
         np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** square * depth / 2],
        axis=1,
    )  # fmt: skip
    rows = []
    heights = np.r_[0.0, 0.0, 0.03, np.linspace(0.15, 0.95, 6), 1.0, 0.97, 0.9]
    scale = np.r_[0.01, 0.92, 1.0, 1.04, 1.05, 1.03, 1.0, 0.97, 0.95, 0.94, 0.92, 0.9]
    pinch = np.r_[0.01, 0.92, 1.0, 1.08, 1.05, 0.95, 0.8, 0.65, 0.55, 0.5, 0.45, 0.4]
    for z, s, p in zip(heights, scale, pinch, strict=True):
        rows.append(np.c_[outline * [s, p], np.full(32, z * high)])
    sack = sheet(np.stack(rows), wrap_columns=True)
    arc = np.linspace(0, np.pi, 13)
    handles = []
    for side in (-1, 1):
        # Both meet at the top, where a hand takes them.
        y = side * depth * 0.24 * (1 - np.sin(arc))
        path = np.stack(
            [0.22 * width * np.cos(arc), y, 0.93 * high + (size - 0.93 * high) * np.sin(arc)], axis=1
        )
        handles.append(tube(path, 0.006, sides=6))
    return joined(sack, *(tinted(handle, rng.uniform(0.4, 1.2, 3)) for handle in handles))


def _stick(size: float, rng: np.random.Generator) -> Solid:
    """A rod, a wand or the handle of a tool, with a knob or without."""
    radius = rng.uniform(0.006, 0.014)
    rod = lathe(
        ((0.0, 0.0), (radius, 0.0)), ((radius, 0.0), (0.9 * radius, size)), ((0.9 * radius, size), (0, size))
    )
    if rng.random() < 0.4:
        knob = raised(ball(min(2.2 * radius, 0.4 * size), sides=16), size - min(2.2 * radius, 0.4 * size))
        return joined(rod, tinted(knob, rng.uniform(0.2, 1.5, 3)))
    return rod


OBJECTS = {
    "box": ThingKind(_carton, stands=(0.2, 0.8)),
    "ball": ThingKind(_ball, stands=(0.15, 0.4), held=Held((0.06, 0.12), 0.45, rested)),
    "can": ThingKind(_can, held=Held((0.08, 0.14), 0.75)),
    "cup": ThingKind(_cup, held=Held((0.08, 0.12), 0.75)),
    "bottle": ThingKind(_bottle, held=Held((0.18, 0.3), 0.8, height=0.35)),
    "vase": ThingKind(vase, stands=(0.2, 0.5)),
    "phone": ThingKind(_phone, held=Held((0.13, 0.17), 0.35, partial(laid, lean=0.5))),
    "book": ThingKind(_book, held=Held((0.18, 0.3), 0.25, laid)),
    "plate": ThingKind(_plate, held=Held((0.15, 0.28), 0.0, carried)),
    "bag": ThingKind(_bag, stands=(0.25, 0.5), held=Held((0.25, 0.45), 1.25, hung)),
    "stick": ThingKind(_stick, held=Held((0.15, 0.6), 1.2, height=0.2)),
}
