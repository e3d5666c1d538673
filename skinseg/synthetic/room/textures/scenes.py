"""Whole scenes: clutter, furnished rooms, shelves, house fronts, and what is out of focus.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

from itertools import pairwise

import numpy as np

from skinseg.synthetic.room.textures.nature import foliage
from skinseg.synthetic.room.textures.noise import (
    LAST,
    SIZE,
    Field,
    enlarged,
    fractal,
    many_tones,
    ramp,
    shifted,
    squeezed,
    uneven,
)
from skinseg.synthetic.room.textures.shapes import Box, heap_of, inside_of, occlusion, outline_of, paint_box
from skinseg.synthetic.room.textures.texture import Texture
from skinseg.synthetic.streams import Random


def _clutter(palette: Field, rng: Random) -> Field:
    return _furnished(palette, rng) if rng.random() < 0.5 else _heaped(palette, rng)


def _heaped(palette: Field, rng: Random) -> Field:
    """Things of all sizes before one another (the dead leaves model), with shades, prints and shadows."""
    outlines, counts = [], []
    for size in (170, 130, 100, 66, 44, 29, 19, 13, 8, 5):
        for kind in rng.choice(("box", "box", "ellipse", "leaf"), size=3):
            upright = rng.random() < 0.7
            turn = rng.normal(0, 0.05) + np.pi / 2 * rng.integers(2) if upright else rng.uniform(0, np.pi)
            outlines.append(outline_of(kind, size, max(size * rng.uniform(0.2, 1), 1.5), turn))
            # Were each size to cover as much as the others, nothing large would stay whole.
            counts.append(int(0.2 * (size / 170) ** 0.5 * SIZE**2 / len(outlines[-1].rows)) + 1)
    heap = heap_of(rng, outlines, counts, rounds=3)
    tones = many_tones(rng, palette, heap.count, 0.5)[heap.owner]
    other = many_tones(rng, palette, heap.count, 0.5)[heap.owner]
    printed = rng.random(heap.count) < 0.25
    pitch = np.where(printed, rng.integers(1, 6, heap.count), 0)[heap.owner]
    bands = np.sin(2 * np.pi * pitch * heap.across + pitch) > 0.3
    slope, round_, rough = rng.normal(0, (0.3, 0.3, 0.12), (heap.count, 3)).T.astype(np.float32)[
        :, heap.owner
    ]
    shade = 1 + slope * heap.down + round_ * (1 - 2 * heap.across**2)
    shade += rough * shifted(fractal(rng, 0.9), heap.owner, heap.count, rng)
    light = np.maximum(shade, 0.1) * occlusion(heap.depth, 5, 3.0, rng) * uneven(rng, 0.35)
    return np.asarray(np.where(bands[..., None], other, tones) * light[..., None], np.float32)


def _furnished(palette: Field, rng: Random) -> Field:
    """A wall of a room with what hangs on it and stands before it: pictures, windows, cupboards, lamps, boxes."""
    canvas = palette[0] * (1 + 0.025 * fractal(rng, 1.1))[..., None]
    detail = fractal(rng, 1.5)
    if rng.random() < 0.5:  # panels, or paint of another colour, up to some height
        dado = int(rng.integers(100, 250))
        paint_box(canvas, SIZE - dado, 0, dado, SIZE, palette[1 % len(palette)])
        paint_box(canvas, SIZE - dado, 0, 5, SIZE, 1.3, multiply=True)
        paint_box(canvas, SIZE - dado + 5, 0, 3, SIZE, 0.5, multiply=True)
    kinds = rng.choice(
        ("picture", "window", "cupboard", "thing"), size=rng.integers(7, 22), p=(0.3, 0.12, 0.23, 0.35)
    )
    for kind in kinds:
        height, width = np.exp(rng.uniform(np.log(24), np.log(230), 2)).astype(int)
        top, left = rng.integers(0, SIZE, 2)
        if kind in ("cupboard", "thing"):  # these stand on one of two levels
            top = int(rng.choice((SIZE, 300))) - height
        for grown in (9, 6, 3):  # a soft shadow below and to the right
            paint_box(canvas, top + grown, left + grown, height, width, 0.8, multiply=True)
        _FURNITURE[kind](canvas, (top, left, height, width), many_tones(rng, palette, 4, 0.4), detail, rng)
    return np.asarray(canvas * uneven(rng, 0.45)[..., None], np.float32)


def _picture(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """A print in a frame, with or without a mat."""
    paint_box(canvas, *box, colors[0])
    paint_box(canvas, *box[:2], 1, box[3], 1.4, multiply=True)
    inner = inside_of(box, max(2, min(box[2:]) // 20))
    paint_box(canvas, *inner, 0.7)
    print_ = inside_of(inner, int(min(box[2:]) * rng.choice((0, 0.06, 0.12))))
    row, column = rng.integers(SIZE // 2, size=2)
    shown = detail[row : row + print_[2], column : column + print_[3]]
    paint_box(canvas, *print_, ramp(colors[1:], squeezed(1.5 * shown[: print_[2], : print_[3]])))


def _pane(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """A window to the bright outside, with bars."""
    top, left, height, width = box
    paint_box(canvas, *box, colors[0])
    bar = max(2, min(height, width) // 25)
    inner = inside_of(box, 2 * bar)
    glow = np.linspace(1.3, 0.4, inner[2], dtype=np.float32)[:, None] * (
        1 + 0.3 * detail[: inner[2], : inner[3]]
    )
    paint_box(canvas, *inner, (glow * rng.uniform(0.3, 1.0))[..., None] * (0.4 + 0.5 * colors[3]))
    for column in range(1, int(rng.integers(1, 4))):
        paint_box(canvas, top, left + column * width // 3, height, bar, colors[0])
    paint_box(canvas, top + int(height * rng.uniform(0.3, 0.6)), left, bar, width, colors[0])


def _cupboard(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """Doors or drawers with handles."""
    top, left, height, width = box
    paint_box(canvas, *box, colors[0])
    rows, columns = rng.integers(1, 4, 2)
    for row in range(rows):
        for column in range(columns):
            door = (
                top + row * height // rows,
                left + column * width // columns,
                height // rows,
                width // columns,
            )
            paint_box(canvas, *inside_of(door, 1), 0.5, multiply=True)
            paint_box(canvas, *inside_of(door, 2), colors[0] * np.exp(rng.normal(0, 0.06)))
            paint_box(canvas, door[0] + door[2] // 2, door[1] + door[3] - 8, 8, 3, colors[1])
    paint_box(canvas, *box, 1 + 0.1 * detail[:height, :width, None], multiply=True)


def _thing(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """Something round or flat, in bands: a vase, a lamp, a cushion, a box."""
    top, left, height, width = box
    across = np.linspace(-1, 1, width, dtype=np.float32)[:, None]
    shade = 1.1 - rng.uniform(0.1, 0.8) * across**2 + rng.uniform(-0.2, 0.2) * across
    paint_box(canvas, *box, colors[1] * shade)
    for band in range(int(rng.integers(0, 4))):
        paint_box(
            canvas, top + (band + 1) * height // 5, left, height // 9 + 1, width, colors[2 + band % 2] * shade
        )
    paint_box(canvas, *box, 1 + 0.12 * detail[:height, :width, None], multiply=True)


_FURNITURE = {"picture": _picture, "window": _pane, "cupboard": _cupboard, "thing": _thing}


def _shelf(palette: Field, rng: Random) -> Field:
    """Shelves with books, boxes and jars, side by side, some lying, some leaning on nothing."""
    shelves = int(rng.integers(3, 8))
    canvas = np.empty((SIZE, SIZE, 3), np.float32)
    board = max(3, SIZE // shelves // 14)
    wood = palette[0]
    edges = np.linspace(0, SIZE, shelves + 1).astype(int)
    for top, bottom in pairwise(edges):
        room = bottom - top - board
        # The back lies in the shade of the shelf above.
        canvas[top:bottom] = wood * np.linspace(0.08, 0.4, bottom - top, dtype=np.float32)[:, None, None]
        left, mean_height = int(rng.integers(SIZE)), rng.uniform(0.55, 0.9)
        end = left + SIZE - 4
        typical = rng.uniform(0.07, 0.3) * room
        while left < end:
            width = int(np.clip(typical * np.exp(rng.normal(0, 0.5)), 3, min(room, end - left + 3)))
            height = int(np.clip(room * mean_height * np.exp(rng.normal(0, 0.12)), 4, room - 3))
            chance = rng.random()
            if chance > 0.06:
                _put(
                    canvas,
                    bottom - board - height,
                    left,
                    height,
                    width,
                    many_tones(rng, palette, 3, 0.45),
                    rng,
                )
            left += width if chance > 0.12 else int(width * rng.uniform(1, 3))
        canvas[bottom - board : bottom] = wood * np.linspace(1.2, 0.7, board, dtype=np.float32)[:, None, None]
    for upright in rng.integers(SIZE, size=int(rng.integers(0, 4))):
        paint_box(canvas, 0, int(upright), SIZE, board, wood * np.float32(0.9))
        paint_box(canvas, 0, int(upright) + board, SIZE, 3, 0.4, multiply=True)
    for below in range(4):  # the shelf's shadow
        canvas[(edges[1:] + below) & LAST] *= 0.4 + 0.15 * below
    return canvas * (1 + 0.07 * fractal(rng, 0.9))[..., None] * uneven(rng, 0.35)[..., None]


def _put(canvas: Field, top: int, left: int, height: int, width: int, colors: Field, rng: Random) -> None:
    """A book's back, a box or a jar: rounded or flat, with a label or lines of print."""
    across = np.linspace(-1, 1, width, dtype=np.float32)[:, None]
    shade = 1.05 - rng.uniform(0.0, 0.75) * across**2 + 0.15 * across
    paint_box(canvas, top, left, height, width, colors[0] * shade)
    if rng.random() < 0.6:
        part = int(height * rng.uniform(0.08, 0.4)) + 1
        paint_box(canvas, top + int(rng.uniform(0.05, 0.5) * height), left, part, width, colors[1] * shade)
    if width >= 7:
        for line in range(int(rng.integers(0, 5))):
            start = top + int(height * (0.15 + 0.15 * line))
            paint_box(canvas, start, left + 2, max(1, height // 25), width - 4, colors[2])
    paint_box(canvas, top, left, height, 1, 0.4, multiply=True)


def _city(palette: Field, rng: Random) -> Field:
    """House fronts side by side, with windows in storeys: dark, lit, curtained, or mirrors of the sky."""
    canvas = np.empty((SIZE, SIZE, 3), np.float32)
    houses = int(rng.integers(1, 5))
    edges = np.linspace(0, SIZE, houses + 1).astype(int)
    grain = 1 + 0.07 * fractal(rng, 0.9) + 0.07 * fractal(rng, 1.3, stretch=5)
    for left, right in pairwise(edges):
        wall, frame, trim, _ = many_tones(rng, palette, 4, 0.3)
        canvas[:, left:right] = wall
        storeys = int(rng.choice((2, 3, 4, 5, 8)))
        columns = max(1, round((right - left) / SIZE * rng.uniform(0.6, 1.6) * storeys))
        storey, column = SIZE / storeys, (right - left) / columns
        height, width = int(storey * rng.uniform(0.4, 0.8)), int(column * rng.uniform(0.35, 0.8))
        ledge, cross, balcony = rng.random(3) < (0.5, 0.6, 0.3)
        start = int(rng.integers(SIZE))
        for row in range(storeys):
            ceiling = start + int(row * storey)
            y = ceiling + int(storey - height) // 2
            if ledge:
                paint_box(canvas, ceiling, left, max(2, int(storey / 16)), right - left, trim)
                paint_box(canvas, ceiling + int(storey / 16), left, 3, right - left, 0.55, multiply=True)
            for number in range(columns):
                x = left + int((number + 0.5) * column) - width // 2
                _window(canvas, y, x, height, width, frame, cross, rng)
            if balcony:
                rail = y + height * 2 // 3
                paint_box(canvas, rail, left + 2, height // 2, right - left - 4, 0.7, multiply=True)
                for bar in range(left + 4, right - 4, 6):
                    paint_box(canvas, rail, bar, height // 2, 2, trim * 0.6)
        canvas[:, left : left + 3] *= 0.5
    canvas = np.roll(canvas, int(rng.integers(SIZE)), axis=1)  # no tile begins with a house
    return np.asarray(canvas * (grain * uneven(rng, 0.3))[..., None], np.float32)


def _window(
    canvas: Field, top: int, left: int, height: int, width: int, frame: Field, cross: bool, rng: Random
) -> None:
    edge = max(1, width // 12)
    paint_box(canvas, top, left, height, width, frame)
    kind = rng.random()
    low, high = (0.02, 0.1) if kind < 0.6 else (0.5, 0.15) if kind < 0.85 else (0.7, 0.6)
    tint = np.array((0.9, 1.0, 1.15) if kind < 0.85 else (1.2, 0.95, 0.6), np.float32)
    glass = np.linspace(high, low, max(height - 2 * edge, 1), dtype=np.float32)[:, None, None] * tint
    paint_box(
        canvas,
        top + edge,
        left + edge,
        height - 2 * edge,
        width - 2 * edge,
        glass * np.exp(rng.normal(0, 0.3)),
    )
    paint_box(canvas, top + edge, left + edge, max(1, height // 12), width - 2 * edge, 0.4, multiply=True)
    if kind > 0.4 and rng.random() < 0.5:  # a curtain or a blind
        part = int((height - 2 * edge) * rng.uniform(0.2, 0.9))
        paint_box(canvas, top + edge, left + edge, part, width - 2 * edge, np.float32(0.45) * tint)
    if cross:
        paint_box(canvas, top, left + width // 2, height, edge, frame)
        paint_box(canvas, top + height // 3, left, edge, width, frame)
    paint_box(canvas, top + height, left - 1, edge + 1, width + 2, frame * 1.2)
    paint_box(canvas, top + height + edge + 1, left, 2, width, 0.5, multiply=True)


_BLURRED = (_clutter, foliage, _city, _shelf)


def _bokeh(palette: Field, rng: Random) -> Field:
    """Another texture far out of focus, with lights as discs."""
    behind = _BLURRED[int(rng.choice(len(_BLURRED)))](palette, rng)
    step = 4
    small = behind.reshape(SIZE // step, step, SIZE // step, step, 3).mean(axis=(1, 3))
    side = len(small)
    if rng.random() < 0.5:
        count = int(rng.integers(4, 25))
        rows, columns = rng.integers(side, size=(2, count))
        small[rows, columns] += np.exp(rng.normal(3, 0.8, (count, 1))) * (
            0.3 + palette[rng.integers(len(palette), size=count)]
        )
    radius = np.exp(rng.uniform(np.log(0.8), np.log(5)))
    rows, columns = np.indices((side, side))
    distance = np.hypot((rows + side // 2) % side - side // 2, (columns + side // 2) % side - side // 2)
    disc = np.fft.rfft2(np.clip(radius + 0.5 - distance, 0, 1))
    spectrum = np.fft.rfft2(small, axes=(0, 1)) * (disc / disc[0, 0].real)[..., None]
    blurred = np.fft.irfft2(spectrum, s=(side, side), axes=(0, 1)).astype(np.float32)
    return enlarged(blurred, step)


SCENES = {
    "clutter": Texture(_clutter, scale=(0.2, 0.5), walls_indoors=0.24, walls_outdoors=0.1),
    "shelf": Texture(_shelf, scale=(0.35, 0.7), walls_indoors=0.1),
    "city": Texture(_city, scale=(0.1, 0.3), walls_outdoors=0.2),
    "bokeh": Texture(_bokeh, scale=(0.2, 0.5), walls_indoors=0.14, walls_outdoors=0.1),
}
