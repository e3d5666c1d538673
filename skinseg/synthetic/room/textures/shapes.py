"""Shapes on a tile, round its edge: boxes, heaps of outlines, cells.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.room.textures.noise import BITS, LAST, SIZE, Field, Indices, box_blurred
from skinseg.synthetic.streams import Random

Box = tuple[int, int, int, int]  # top, left, height, width, pixels


def paint_box(
    canvas: Field, top: int, left: int, height: int, width: int, paint: Field | float, multiply: bool = False
) -> None:
    """Paint a box in place, round the tile's edge; paint broadcasts to (height, width, 3)."""
    if height <= 0 or width <= 0:
        return
    top, left = top & LAST, left & LAST
    place: tuple[slice | Indices, slice | Indices] = slice(top, top + height), slice(left, left + width)
    if top + height > SIZE or left + width > SIZE:
        place = (np.arange(top, top + height) & LAST)[:, None], np.arange(left, left + width) & LAST
    canvas[place] = canvas[place] * paint if multiply else paint


@dataclass(frozen=True)
class Outline:
    """The pixels of a shape: rows and columns off its middle, int (P,), and where in it each lies, [-1, 1]:
    along and across its own axes, and down the picture."""

    rows: Indices
    columns: Indices
    along: Field
    across: Field
    down: Field


def outline_of(kind: str, length: float, width: float, angle: float) -> Outline:
    """A box, ellipse, leaf or blade; half its length and width in pixels, angle in radians."""
    reach = int(np.ceil(np.hypot(length, width)))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    along = (x * np.cos(angle) + y * np.sin(angle)) / length
    across = (y * np.cos(angle) - x * np.sin(angle)) / width
    if kind == "box":
        inside = (np.abs(along) <= 1) & (np.abs(across) <= 1)
    elif kind == "ellipse":
        inside = along**2 + across**2 <= 1
    elif kind == "leaf":
        inside = np.abs(across) <= (1 - along**2) * (1 - 0.35 * along)
    else:  # a blade of grass bends and ends in a tip
        bend = across - 0.15 * length / width * along**2
        inside = (np.abs(along) <= 1) & (np.abs(bend) <= 0.6 - 0.5 * along)
    inside[reach, reach] = True  # however thin, it is there
    rows, columns = (part - reach for part in np.nonzero(inside))
    parts = along[inside], across[inside], rows / reach
    return Outline(rows, columns, *(part.astype(np.float32) for part in parts))


@dataclass(frozen=True)
class Heap:
    """What shows of many shapes that hide one another, (512, 512) each.

    owner: number of the shape on top, 0 for none, later ones lie higher; count: shapes and the ground;
    along, across, down: place in the shape, as in `Outline`, 0 on the ground.
    """

    owner: Indices
    along: Field
    across: Field
    down: Field
    count: int

    @property
    def depth(self) -> Field:
        """Height above the ground in [0, 1]."""
        return self.owner.astype(np.float32) / np.float32(self.count)


def heap_of(rng: Random, outlines: Sequence[Outline], counts: Sequence[int], rounds: int = 1) -> Heap:
    """Throw `counts` of each outline, all in `rounds` rounds, one outline at a time in random order."""
    starts = np.cumsum([1, *(len(outline.rows) for outline in outlines)])
    owner = np.zeros(SIZE * SIZE, dtype=np.int32)
    texel = np.zeros(SIZE * SIZE, dtype=np.int32)
    count = 1
    for number in np.concatenate([rng.permutation(len(outlines)) for _ in range(rounds)]):
        outline, thrown = outlines[number], -(-counts[number] // rounds)
        rows, columns = rng.integers(SIZE, size=(2, thrown, 1))
        # Of a pixel written more than once the last write counts.
        place = ((rows + outline.rows) & LAST) << BITS | ((columns + outline.columns) & LAST)
        owner[place] = np.arange(count, count + thrown, dtype=np.int32)[:, None]
        texel[place] = np.arange(starts[number], starts[number + 1], dtype=np.int32)
        count += thrown
    tables = (
        np.concatenate([np.zeros(1, np.float32), *(getattr(outline, name) for outline in outlines)])
        for name in ("along", "across", "down")
    )
    shape = (SIZE, SIZE)
    along, across, down = (table[texel].reshape(shape) for table in tables)
    return Heap(owner.reshape(shape).astype(np.int64), along, across, down, count)


def occlusion(depth: Field, radius: int, strength: float, rng: Random) -> Field:
    """Shade of what lies deeper than its neighbourhood, a factor in (0, 1]; deepest to one side of it."""
    around = np.roll(
        box_blurred(depth, radius), (radius // 2, int(rng.integers(-radius, radius + 1)) // 2), (0, 1)
    )
    return np.asarray(np.exp(-strength * np.maximum(around - depth, 0)), np.float32)


@dataclass(frozen=True)
class Cells:
    """Cells about scattered points, (512, 512) each: the nearest point's number, and how far the border to the
    next cell is, 0 on it, in cell sizes."""

    owner: Indices
    border: Field


def voronoi(rng: Random, rows: int, columns: int, jitter: float) -> Cells:
    """Cells of rows × columns points (divisors of 512), off a grid by up to `jitter` of half its spacing."""
    tall, wide = SIZE // rows, SIZE // columns
    offsets = 0.5 + 0.5 * jitter * rng.uniform(-1, 1, (2, rows, columns)).astype(np.float32)
    numbers = np.arange(rows * columns).reshape(rows, columns)
    y = ((np.arange(tall, dtype=np.float32) + 0.5) / tall)[None, :, None, None]
    x = ((np.arange(wide, dtype=np.float32) + 0.5) / wide)[None, None, None, :]
    nearest = np.full((rows, tall, columns, wide), np.inf, dtype=np.float32)
    second = nearest.copy()
    owner = np.zeros(nearest.shape, dtype=np.int64)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            of_cell = np.roll(offsets, (-down, -across), axis=(1, 2))[:, :, None, :, None]
            number = np.roll(numbers, (-down, -across), axis=(0, 1))[:, None, :, None]
            distance = (y - down - of_cell[0]) ** 2 + (x - across - of_cell[1]) ** 2
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            owner = np.where(closer, number, owner)
            nearest = np.minimum(nearest, distance)
    shape = (SIZE, SIZE)
    return Cells(owner.reshape(shape), (np.sqrt(second) - np.sqrt(nearest)).reshape(shape))


def inside_of(box: Box, edge: int) -> Box:
    """The box without an edge of so many pixels."""
    return box[0] + edge, box[1] + edge, max(box[2] - 2 * edge, 0), max(box[3] - 2 * edge, 0)
