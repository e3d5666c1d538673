"""Textures of walls, floors and ceilings as tiles that repeat without a seam.

They imitate what makes photographs what they are (Ruderman 1997, Lee, Mumford, Huang 2001): things of all
sizes that hide one another, each with a shade and a texture of its own, in uneven light.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.scene import Surface
from skinseg.synthetic.streams import Part, stream
from skinseg.tones.ita import LUMINANCE, linear_to_srgb

SIZE = 512  # pixels of a tile's side, a power of two

Field = npt.NDArray[np.float32]  # (512, 512), or (512, 512, 3) linear RGB
Ints = npt.NDArray[np.int64]
Random = np.random.Generator
Box = tuple[int, int, int, int]  # top, left, height, width, pixels

_LAST = SIZE - 1  # `& _LAST` wraps a coordinate round the tile
_BITS = SIZE.bit_length() - 1
_ROWS, _COLUMNS = np.indices((SIZE, SIZE), sparse=True)
# sRGB by linear value: a table is ten times as fast as the formula.
_SRGB = (linear_to_srgb(np.linspace(0, 1, 2**14)) * 255 + 0.5).astype(np.uint8)


def texture(surface: Surface) -> npt.NDArray[np.uint8]:
    """The surface's tile, uint8 (512, 512, 3), sRGB, top row first; a function of the record alone.

    Raises ValueError for a texture that does not exist.
    """
    if surface.texture not in TEXTURES:
        raise ValueError(f"texture {surface.texture!r}: expected one of {', '.join(TEXTURES)}")
    rng = stream(Part.TEXTURE, surface.seed)
    palette = np.asarray(surface.colors, dtype=np.float32).reshape(-1, 3)
    linear = np.maximum(TEXTURES[surface.texture](palette, rng), 0)
    if surface.contrast != 1:
        luminance = np.maximum(linear @ LUMINANCE, 1e-3)
        middle = np.exp(np.log(luminance).mean())
        linear = linear * ((luminance / middle) ** np.float32(surface.contrast - 1))[..., None]
    return _SRGB.take((np.clip(linear, 0, 1) * (len(_SRGB) - 1) + 0.5).astype(np.uint16))


# -------------------------------------------------------------------------------------- paint and material


def _plain(palette: Field, rng: Random) -> Field:
    """Paint: no painted wall is one colour, but has stains, grain, and light that falls off."""
    stains = 0.03 * _fractal(rng, 1.2) + 0.012 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    return np.asarray(palette[0] * (1 + stains + 0.12 * _slow_wave(rng))[..., None], np.float32)


def _noise(palette: Field, rng: Random) -> Field:
    """Plaster, concrete or rusted metal in the first colours of the palette."""
    colors = palette[: int(rng.integers(1, 4))]
    rough = _ramp(colors, _unit(_fractal(rng, rng.uniform(0.9, 1.6))))
    return rough * _uneven(rng, 0.25)[..., None]


def _wood(palette: Field, rng: Random) -> Field:
    """Boards laid in rows, or one sheet of veneer."""
    veneer = rng.random() < 0.3
    boards = 1 if veneer else int(rng.choice((4, 6, 8, 12, 16)))
    width = SIZE / boards
    board = (_COLUMNS / width).astype(np.int64)
    ends = rng.integers(SIZE, size=boards)
    lengths = rng.integers(1, 4, size=boards)
    below = (_ROWS + ends[board]) % SIZE * lengths[board] / SIZE
    piece = board * 4 + below.astype(np.int64)
    count = boards * 4
    grain = _shifted(_fractal(rng, 1.1, stretch=14), piece, count, rng, keep=veneer)
    bow = _shifted(_fractal(rng, 1.8, stretch=3), piece, count, rng, keep=veneer)
    # Veneer has no edge to hide where the tile starts again.
    across = np.sin(2 * np.pi * _COLUMNS / SIZE) if veneer else _COLUMNS / width - board
    rings = np.sin((6 + 3 * bow) * np.pi * across + 5 * bow).astype(np.float32)
    tone = np.exp(rng.normal(0, 0.05 if veneer else 0.22, count)).astype(np.float32)[piece]
    light = tone * (1 + 0.16 * grain + 0.16 * rings * np.abs(bow))
    if not veneer:
        gap = np.abs(_COLUMNS / width - board - 0.5) > 0.5 - 0.8 / width
        light = np.where(gap | (below % 1 < 0.006), 0.35, light)
    hue = palette[0] / max(float(palette[0].max()), 1e-3)
    base = np.maximum(palette[0], 0.06 * hue)
    light = light.T if rng.random() < 0.3 else light  # lying boards
    return np.asarray(base * (np.maximum(light, 0.1) * _uneven(rng, 0.12))[..., None], np.float32)


def _sand(palette: Field, rng: Random) -> Field:
    """Ripples or trampled ground, grains, and a few pebbles."""
    own = _typical(palette)
    relief = _fractal(rng, rng.uniform(1.7, 2.1), stretch=rng.choice((0.3, 1.0)))
    grains = 0.05 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    light = 1 + 0.22 * _relief_light(relief, rng) + grains
    sand = _ramp(np.stack([own * 0.7, own * 1.1]), _unit(_fractal(rng, 1.5))) * light[..., None]
    pebbles = _heap(
        rng, [_outline("ellipse", s, s * 0.7, rng.uniform(0, 3)) for s in (2, 3, 5)], (120, 60, 20)
    )
    stones = _tones(rng, palette, pebbles.count, 0.3)[pebbles.owner] * (1.1 - 0.5 * pebbles.down)[..., None]
    return np.where((pebbles.owner > 0)[..., None], stones, sand) * _uneven(rng, 0.2)[..., None]


def _stone(palette: Field, rng: Random) -> Field:
    """Slabs, cobbles, rough rock or marble."""
    kind = rng.choice(("slabs", "cobbles", "rock", "marble"))
    if kind == "marble":
        veins = np.exp(-((_fractal(rng, 1.5) / rng.uniform(0.05, 0.15)) ** 2))
        clouds = _unit(_fractal(rng, 1.6))
        ground = _ramp(np.stack([palette[0] * 0.75, palette[0]]), clouds)
        return np.asarray(ground + 0.7 * veins[..., None] * (palette[1 % len(palette)] - ground), np.float32)
    if kind == "rock":
        ridges = np.abs(_fractal(rng, 1.5))
        cracks = np.minimum(0.3 + 2 * ridges, 1) * (1 + 0.25 * _relief_light(_fractal(rng, 1.6), rng))
        stone = _ramp(_kindred(rng, palette, 3, 0.35), _unit(_fractal(rng, 1.5)))
        return np.asarray(stone * (cracks * _uneven(rng, 0.3))[..., None], np.float32)
    grids = ((8, 4), (4, 4), (8, 8)) if kind == "slabs" else ((16, 8), (16, 16), (32, 16))
    rows, columns = grids[rng.integers(3)]
    stones = _voronoi(rng, rows, columns, rng.uniform(0.3, 0.9))
    joint = np.clip(stones.border / (0.05 if kind == "slabs" else 0.22), 0, 1)
    tones = _kindred(rng, palette, rows * columns, 0.2)[stones.owner]
    detail = _shifted(_fractal(rng, 1.1), stones.owner, rows * columns, rng)
    dome = np.sqrt(joint) if kind == "cobbles" else np.where(joint < 1, 0.3, 1)
    return tones * ((0.12 + 0.88 * dome) * (1 + 0.14 * detail) * _uneven(rng, 0.2))[..., None]


def _brick(palette: Field, rng: Random) -> Field:
    """Bricks in courses, or tiles in a grid."""
    tiles = rng.random() < 0.35
    courses = int(rng.choice((4, 8, 16) if tiles else (8, 16, 32)))
    across = courses if tiles else courses // 2
    height, width = SIZE / courses, SIZE / across
    course = (_ROWS / height).astype(np.int64)
    along = (_COLUMNS / width + (0.0 if tiles else 0.5) * (course % 2)) % across
    owner = course * across + along.astype(np.int64)
    y, x = (_ROWS / height) % 1 * height, along % 1 * width  # pixels from the brick's corner
    joint = max(1.0, height * (rng.uniform(0.01, 0.04) if tiles else rng.uniform(0.05, 0.12)))
    tones = _kindred(rng, palette, courses * across, 0.05 if tiles else 0.2)[owner]
    if tiles and rng.random() < 0.4:
        checks = (course + along.astype(np.int64)) % 2 == 0
        tones = np.where(checks[..., None], tones, palette[1 % len(palette)])
    rough = _shifted(_fractal(rng, 1.0), owner, courses * across, rng)
    # Light from above: the upper edge shines, and the joint below it lies in shade.
    edge = 1 + 0.3 * (y < joint + 1.5) - 0.3 * (y > height - 1.5)
    wall = tones * (edge * (1 + (0.03 if tiles else 0.17) * rough))[..., None]
    mortar = (0.5 * palette[-1] + rng.uniform(0.05, 0.4)) * (0.75 + 0.12 * rough)[..., None]
    shown = np.where(((y < joint) | (x < joint))[..., None], mortar, wall)
    return np.asarray(shown * _uneven(rng, 0.15)[..., None], np.float32)


def _stripes(palette: Field, rng: Random) -> Field:
    """Wallpaper or cloth: stripes of unequal width, a plaid, or an ornament."""
    kind = rng.choice(("stripes", "plaid", "ornament"), p=(0.45, 0.2, 0.35))
    colors = palette[: int(rng.integers(2, 5))]
    repeats = int(rng.choice((2, 4, 8, 16)))
    if kind == "ornament":
        shown = _ornament(colors, rng, SIZE // repeats)
    else:
        edges = np.sort(rng.integers(0, SIZE // repeats, size=int(rng.integers(2, 7))))
        bands = np.searchsorted(edges, np.arange(SIZE) % (SIZE // repeats))
        lines = colors[rng.integers(len(colors), size=len(edges) + 1)][bands]
        shown = np.broadcast_to(lines, (SIZE, SIZE, 3))
        if kind == "plaid":
            shown = 0.5 * (lines[:, None] + lines)
    light = 1 + 0.02 * rng.standard_normal((SIZE, SIZE), dtype=np.float32) + 0.1 * _slow_wave(rng)
    return shown * (light * _uneven(rng, 0.12))[..., None]


def _fabric(palette: Field, rng: Random) -> Field:
    """A weave, a knit, a rug, or a curtain in folds."""
    kind = rng.choice(("weave", "knit", "rug", "curtain"), p=(0.2, 0.15, 0.25, 0.4))
    if kind == "curtain":
        return _curtain(palette, rng)
    if kind == "rug":
        pile = 1 + 0.1 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
        return (
            _ornament(palette[:5], rng, SIZE // int(rng.choice((1, 2, 4))))
            * (pile * _uneven(rng, 0.25))[..., None]
        )
    pitch = int(rng.choice((4, 8, 16)))
    if kind == "knit":
        pitch = max(pitch, 8)
        x, y = _COLUMNS / pitch % 1, _ROWS / pitch
        stitch = (y + 0.9 * np.abs(x - 0.5)) % 1
        light = 0.45 + 0.55 * np.sin(np.pi * stitch) * np.sqrt(np.sin(np.pi * ((2 * x) % 1)))
        shown = np.broadcast_to(palette[0], (SIZE, SIZE, 3))
    else:
        across, down = _COLUMNS // pitch, _ROWS // pitch
        twill = rng.random() < 0.5
        over = ((across + down) % 4 < 2) if twill else ((across + down) % 2 == 0)
        # Yarn is uneven: each thread has a shade of its own.
        warp, weft = np.exp(rng.normal(0, 0.12, (2, SIZE // pitch))).astype(np.float32)
        profile = np.where(over, np.sin(np.pi * (_COLUMNS / pitch % 1)), np.sin(np.pi * (_ROWS / pitch % 1)))
        light = (0.5 + 0.5 * profile) * np.where(over, warp[across], weft[down])
        shown = np.where(over[..., None], palette[0], palette[int(rng.integers(2)) % len(palette)])
    return shown * (light * (1 + 0.06 * _fractal(rng, 0.7)) * _uneven(rng, 0.2)).astype(np.float32)[..., None]


def _curtain(palette: Field, rng: Random) -> Field:
    """Cloth in upright folds: plain, striped or printed, and it follows the folds."""
    folds = int(rng.integers(5, 16))
    bend = _fractal(rng, 2.0, stretch=5)
    phase = 2 * np.pi * (folds * _COLUMNS / SIZE + 0.55 * bend)
    height = np.sin(phase) + 0.35 * np.sin(2 * phase + 3 * bend)
    light = np.clip(0.62 + 0.33 * height + 0.2 * np.cos(phase), 0.06, None)
    shift = (12 * np.cos(phase)).astype(np.int64)
    cloth = np.broadcast_to(palette[0], (SIZE, SIZE, 3))
    if rng.random() < 0.5:
        print_ = _ornament(palette[:3], rng, SIZE // int(rng.choice((4, 8))))
        cloth = print_[_ROWS, (_COLUMNS + shift) & _LAST]
    weave = 1 + 0.04 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    return cloth * (light * weave * _uneven(rng, 0.2)).astype(np.float32)[..., None]


# --------------------------------------------------------------------------------------------------- nature


def _foliage(palette: Field, rng: Random) -> Field:
    """Leaves before one another on bushes or in crowns of trees, with gaps of shade or of sky."""
    own = _typical(palette)
    length = float(np.exp(rng.uniform(np.log(4), np.log(24))))
    slender = rng.uniform(0.25, 0.6)
    outlines = []
    for angle in rng.uniform(0, 2 * np.pi, 14):
        size = length * np.exp(rng.normal(0, 0.4))
        outlines.append(_outline("leaf", size, max(size * slender, 1.0), angle))
    counts = [int(2.2 * SIZE**2 / 14 / len(outline.rows)) + 1 for outline in outlines]
    heap = _heap(rng, outlines, counts, rounds=2)
    # Most leaves are of one plant.
    tones = 0.55 * own + 0.45 * _tones(rng, palette, heap.count, 0.2, mixed=True)
    # Each half of a leaf leans to the light its own way.
    leaves = tones[heap.owner] * (1 + 0.14 * np.sign(heap.across) + 0.12 * heap.along)[..., None]
    bushes = _heap(
        rng, [_outline("ellipse", s, s * 0.8, 0) for s in (120, 80, 50, 30)], (5, 12, 25, 50), rounds=3
    )
    crowns = np.exp(rng.normal(0, 0.45, bushes.count)).astype(np.float32)[bushes.owner] - 0.6 * bushes.down
    crowns = np.clip(crowns, 0.12, 2.5) * _occlusion(bushes.depth, 14, 2.0, rng)
    leaves = leaves * (crowns * _occlusion(heap.depth, int(length / 2) + 2, 1.6, rng))[..., None]
    sky = rng.random() < 0.4
    masses = _fractal(rng, 1.5)
    depth = _unit(masses.T)
    if sky:
        behind = _ramp(
            np.array(((0.45, 0.65, 1.0), (0.9, 0.95, 1.0)), np.float32) * rng.uniform(0.4, 1.0), depth
        )
    else:
        behind = _ramp(own * np.array(((0.04,), (0.6,)), np.float32), depth)
    # Gaps follow masses of leaves and have the outlines of leaves.
    gap = masses[(_ROWS + (length * heap.along).astype(np.int64)) & _LAST, _COLUMNS]
    shown = (heap.owner == 0) | (gap > rng.uniform(0.5, 2.5))
    return np.where(shown[..., None], behind, leaves) * _uneven(rng, 0.4)[..., None]


def _grass(palette: Field, rng: Random) -> Field:
    """Blades of grass, in patches of other shades, and bare earth between."""
    own = _typical(palette)
    length = rng.uniform(9, 26)
    outlines = [
        _outline(
            "blade", length * rng.uniform(0.6, 1.4), rng.uniform(1.0, 2.6), np.pi / 2 + rng.normal(0, 0.5)
        )
        for _ in range(16)
    ]
    heap = _heap(rng, outlines, [int(1.6 * SIZE**2 / 16 / len(o.rows)) for o in outlines], rounds=3)
    tones = _tones(rng, palette, heap.count, 0.14, mixed=True)
    tones[0] = own * 0.3
    patches = np.exp(0.3 * _fractal(rng, 1.6)) * (0.9 - 0.2 * heap.along)
    light = patches * _occlusion(heap.depth, 4, 0.8, rng) * _uneven(rng, 0.3)
    blades = np.float32(0.6) * own + 0.4 * tones[heap.owner]  # most are of one kind
    return np.asarray(blades * light[..., None], np.float32)


def _sky(palette: Field, rng: Random) -> Field:
    """Paler towards the middle row, with clouds lit from above."""
    own = _typical(palette)
    low = 0.5 - 0.5 * np.cos(2 * np.pi * _ROWS / SIZE).astype(np.float32)
    blue = own + (0.5 * low)[..., None] * (np.float32(0.85) - own)
    billows = _fractal(rng, 1.8, stretch=0.6)
    cover = np.clip((billows - rng.uniform(-1.2, 1.5)) / rng.uniform(0.5, 2.0), 0, 1)[..., None]
    lit = billows - np.roll(_blurred(billows, 6), 14, axis=0)
    light = np.clip(0.72 + 0.3 * lit, 0.35, 1)[..., None]
    return np.asarray(blue + cover * (light * np.array((0.96, 0.97, 1.0), np.float32) - blue), np.float32)


# --------------------------------------------------------------------------------------------------- things


def _clutter(palette: Field, rng: Random) -> Field:
    return _furnished(palette, rng) if rng.random() < 0.5 else _heaped(palette, rng)


def _heaped(palette: Field, rng: Random) -> Field:
    """Things of all sizes before one another (the dead leaves model), with shades, prints and shadows."""
    outlines, counts = [], []
    for size in (170, 130, 100, 66, 44, 29, 19, 13, 8, 5):
        for kind in rng.choice(("box", "box", "ellipse", "leaf"), size=3):
            upright = rng.random() < 0.7
            turn = rng.normal(0, 0.05) + np.pi / 2 * rng.integers(2) if upright else rng.uniform(0, np.pi)
            outlines.append(_outline(kind, size, max(size * rng.uniform(0.2, 1), 1.5), turn))
            # Were each size to cover as much as the others, nothing large would stay whole.
            counts.append(int(0.2 * (size / 170) ** 0.5 * SIZE**2 / len(outlines[-1].rows)) + 1)
    heap = _heap(rng, outlines, counts, rounds=3)
    tones = _tones(rng, palette, heap.count, 0.5)[heap.owner]
    other = _tones(rng, palette, heap.count, 0.5)[heap.owner]
    printed = rng.random(heap.count) < 0.25
    pitch = np.where(printed, rng.integers(1, 6, heap.count), 0)[heap.owner]
    bands = np.sin(2 * np.pi * pitch * heap.across + pitch) > 0.3
    slope, round_, rough = rng.normal(0, (0.3, 0.3, 0.12), (heap.count, 3)).T.astype(np.float32)[
        :, heap.owner
    ]
    shade = 1 + slope * heap.down + round_ * (1 - 2 * heap.across**2)
    shade += rough * _shifted(_fractal(rng, 0.9), heap.owner, heap.count, rng)
    light = np.maximum(shade, 0.1) * _occlusion(heap.depth, 5, 3.0, rng) * _uneven(rng, 0.35)
    return np.asarray(np.where(bands[..., None], other, tones) * light[..., None], np.float32)


def _furnished(palette: Field, rng: Random) -> Field:
    """A wall of a room with what hangs on it and stands before it: pictures, windows, cupboards, lamps, boxes."""
    canvas = palette[0] * (1 + 0.025 * _fractal(rng, 1.1))[..., None]
    detail = _fractal(rng, 1.5)
    if rng.random() < 0.5:  # panels, or paint of another colour, up to some height
        dado = int(rng.integers(100, 250))
        _paint(canvas, SIZE - dado, 0, dado, SIZE, palette[1 % len(palette)])
        _paint(canvas, SIZE - dado, 0, 5, SIZE, 1.3, multiply=True)
        _paint(canvas, SIZE - dado + 5, 0, 3, SIZE, 0.5, multiply=True)
    kinds = rng.choice(
        ("picture", "window", "cupboard", "thing"), size=rng.integers(7, 22), p=(0.3, 0.12, 0.23, 0.35)
    )
    for kind in kinds:
        height, width = np.exp(rng.uniform(np.log(24), np.log(230), 2)).astype(int)
        top, left = rng.integers(0, SIZE, 2)
        if kind in ("cupboard", "thing"):  # these stand on one of two levels
            top = int(rng.choice((SIZE, 300))) - height
        for grown in (9, 6, 3):  # a soft shadow below and to the right
            _paint(canvas, top + grown, left + grown, height, width, 0.8, multiply=True)
        _FURNITURE[kind](canvas, (top, left, height, width), _tones(rng, palette, 4, 0.4), detail, rng)
    return np.asarray(canvas * _uneven(rng, 0.45)[..., None], np.float32)


def _picture(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """A print in a frame, with or without a mat."""
    _paint(canvas, *box, colors[0])
    _paint(canvas, *box[:2], 1, box[3], 1.4, multiply=True)
    inner = _inside(box, max(2, min(box[2:]) // 20))
    _paint(canvas, *inner, 0.7)
    print_ = _inside(inner, int(min(box[2:]) * rng.choice((0, 0.06, 0.12))))
    row, column = rng.integers(SIZE // 2, size=2)
    shown = detail[row : row + print_[2], column : column + print_[3]]
    _paint(canvas, *print_, _ramp(colors[1:], _unit(1.5 * shown[: print_[2], : print_[3]])))


def _pane(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """A window to the bright outside, with bars."""
    top, left, height, width = box
    _paint(canvas, *box, colors[0])
    bar = max(2, min(height, width) // 25)
    inner = _inside(box, 2 * bar)
    glow = np.linspace(1.3, 0.4, inner[2], dtype=np.float32)[:, None] * (
        1 + 0.3 * detail[: inner[2], : inner[3]]
    )
    _paint(canvas, *inner, (glow * rng.uniform(0.3, 1.0))[..., None] * (0.4 + 0.5 * colors[3]))
    for column in range(1, int(rng.integers(1, 4))):
        _paint(canvas, top, left + column * width // 3, height, bar, colors[0])
    _paint(canvas, top + int(height * rng.uniform(0.3, 0.6)), left, bar, width, colors[0])


def _cupboard(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """Doors or drawers with handles."""
    top, left, height, width = box
    _paint(canvas, *box, colors[0])
    rows, columns = rng.integers(1, 4, 2)
    for row in range(rows):
        for column in range(columns):
            door = (
                top + row * height // rows,
                left + column * width // columns,
                height // rows,
                width // columns,
            )
            _paint(canvas, *_inside(door, 1), 0.5, multiply=True)
            _paint(canvas, *_inside(door, 2), colors[0] * np.exp(rng.normal(0, 0.06)))
            _paint(canvas, door[0] + door[2] // 2, door[1] + door[3] - 8, 8, 3, colors[1])
    _paint(canvas, *box, 1 + 0.1 * detail[:height, :width, None], multiply=True)


def _thing(canvas: Field, box: Box, colors: Field, detail: Field, rng: Random) -> None:
    """Something round or flat, in bands: a vase, a lamp, a cushion, a box."""
    top, left, height, width = box
    across = np.linspace(-1, 1, width, dtype=np.float32)[:, None]
    shade = 1.1 - rng.uniform(0.1, 0.8) * across**2 + rng.uniform(-0.2, 0.2) * across
    _paint(canvas, *box, colors[1] * shade)
    for band in range(int(rng.integers(0, 4))):
        _paint(
            canvas, top + (band + 1) * height // 5, left, height // 9 + 1, width, colors[2 + band % 2] * shade
        )
    _paint(canvas, *box, 1 + 0.12 * detail[:height, :width, None], multiply=True)


_FURNITURE = {"picture": _picture, "window": _pane, "cupboard": _cupboard, "thing": _thing}


def _inside(box: Box, edge: int) -> Box:
    """The box without an edge of so many pixels."""
    return box[0] + edge, box[1] + edge, max(box[2] - 2 * edge, 0), max(box[3] - 2 * edge, 0)


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
                _put(canvas, bottom - board - height, left, height, width, _tones(rng, palette, 3, 0.45), rng)
            left += width if chance > 0.12 else int(width * rng.uniform(1, 3))
        canvas[bottom - board : bottom] = wood * np.linspace(1.2, 0.7, board, dtype=np.float32)[:, None, None]
    for upright in rng.integers(SIZE, size=int(rng.integers(0, 4))):
        _paint(canvas, 0, int(upright), SIZE, board, wood * np.float32(0.9))
        _paint(canvas, 0, int(upright) + board, SIZE, 3, 0.4, multiply=True)
    for below in range(4):  # the shelf's shadow
        canvas[(edges[1:] + below) & _LAST] *= 0.4 + 0.15 * below
    return canvas * (1 + 0.07 * _fractal(rng, 0.9))[..., None] * _uneven(rng, 0.35)[..., None]


def _put(canvas: Field, top: int, left: int, height: int, width: int, colors: Field, rng: Random) -> None:
    """A book's back, a box or a jar: rounded or flat, with a label or lines of print."""
    across = np.linspace(-1, 1, width, dtype=np.float32)[:, None]
    shade = 1.05 - rng.uniform(0.0, 0.75) * across**2 + 0.15 * across
    _paint(canvas, top, left, height, width, colors[0] * shade)
    if rng.random() < 0.6:
        part = int(height * rng.uniform(0.08, 0.4)) + 1
        _paint(canvas, top + int(rng.uniform(0.05, 0.5) * height), left, part, width, colors[1] * shade)
    if width >= 7:
        for line in range(int(rng.integers(0, 5))):
            start = top + int(height * (0.15 + 0.15 * line))
            _paint(canvas, start, left + 2, max(1, height // 25), width - 4, colors[2])
    _paint(canvas, top, left, height, 1, 0.4, multiply=True)


def _city(palette: Field, rng: Random) -> Field:
    """House fronts side by side, with windows in storeys: dark, lit, curtained, or mirrors of the sky."""
    canvas = np.empty((SIZE, SIZE, 3), np.float32)
    houses = int(rng.integers(1, 5))
    edges = np.linspace(0, SIZE, houses + 1).astype(int)
    grain = 1 + 0.07 * _fractal(rng, 0.9) + 0.07 * _fractal(rng, 1.3, stretch=5)
    for left, right in pairwise(edges):
        wall, frame, trim, _ = _tones(rng, palette, 4, 0.3)
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
                _paint(canvas, ceiling, left, max(2, int(storey / 16)), right - left, trim)
                _paint(canvas, ceiling + int(storey / 16), left, 3, right - left, 0.55, multiply=True)
            for number in range(columns):
                x = left + int((number + 0.5) * column) - width // 2
                _window(canvas, y, x, height, width, frame, cross, rng)
            if balcony:
                rail = y + height * 2 // 3
                _paint(canvas, rail, left + 2, height // 2, right - left - 4, 0.7, multiply=True)
                for bar in range(left + 4, right - 4, 6):
                    _paint(canvas, rail, bar, height // 2, 2, trim * 0.6)
        canvas[:, left : left + 3] *= 0.5
    canvas = np.roll(canvas, int(rng.integers(SIZE)), axis=1)  # no tile begins with a house
    return np.asarray(canvas * (grain * _uneven(rng, 0.3))[..., None], np.float32)


def _window(
    canvas: Field, top: int, left: int, height: int, width: int, frame: Field, cross: bool, rng: Random
) -> None:
    edge = max(1, width // 12)
    _paint(canvas, top, left, height, width, frame)
    kind = rng.random()
    low, high = (0.02, 0.1) if kind < 0.6 else (0.5, 0.15) if kind < 0.85 else (0.7, 0.6)
    tint = np.array((0.9, 1.0, 1.15) if kind < 0.85 else (1.2, 0.95, 0.6), np.float32)
    glass = np.linspace(high, low, max(height - 2 * edge, 1), dtype=np.float32)[:, None, None] * tint
    _paint(
        canvas,
        top + edge,
        left + edge,
        height - 2 * edge,
        width - 2 * edge,
        glass * np.exp(rng.normal(0, 0.3)),
    )
    _paint(canvas, top + edge, left + edge, max(1, height // 12), width - 2 * edge, 0.4, multiply=True)
    if kind > 0.4 and rng.random() < 0.5:  # a curtain or a blind
        part = int((height - 2 * edge) * rng.uniform(0.2, 0.9))
        _paint(canvas, top + edge, left + edge, part, width - 2 * edge, np.float32(0.45) * tint)
    if cross:
        _paint(canvas, top, left + width // 2, height, edge, frame)
        _paint(canvas, top + height // 3, left, edge, width, frame)
    _paint(canvas, top + height, left - 1, edge + 1, width + 2, frame * 1.2)
    _paint(canvas, top + height + edge + 1, left, 2, width, 0.5, multiply=True)


def _bokeh(palette: Field, rng: Random) -> Field:
    """Another texture far out of focus, with lights as discs."""
    behind = TEXTURES[str(rng.choice(("clutter", "foliage", "city", "shelf")))](palette, rng)
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
    return _enlarged(blurred, step)


TEXTURES: dict[str, Callable[[Field, Random], Field]] = {
    "plain": _plain,
    "noise": _noise,
    "wood": _wood,
    "sand": _sand,
    "stone": _stone,
    "brick": _brick,
    "stripes": _stripes,
    "fabric": _fabric,
    "foliage": _foliage,
    "grass": _grass,
    "sky": _sky,
    "clutter": _clutter,
    "shelf": _shelf,
    "city": _city,
    "bokeh": _bokeh,
}


# ---------------------------------------------------------------------------------------- noise and colours


def _fractal(rng: Random, exponent: float, stretch: float = 1) -> Field:
    """Noise of amplitude 1/f^exponent (photographs: about 1.4), mean 0, deviation 1, periodic.

    stretch: how much taller than wide its features are.
    """
    down = np.fft.fftfreq(SIZE)[:, None] * stretch
    squared = down**2 + np.fft.rfftfreq(SIZE) ** 2
    squared[0, 0] = np.inf
    real, imaginary = rng.standard_normal((2, *squared.shape))
    field = np.fft.irfft2((real + 1j * imaginary) * squared ** (-exponent / 2), s=(SIZE, SIZE))
    return np.asarray((field / field.std()).astype(np.float32), np.float32)


def _slow_wave(rng: Random) -> Field:
    """One wave over the tile in each direction, in [-1, 1]: light that falls off."""
    y, x = rng.uniform(0, 2 * np.pi, 2)
    share = rng.random()
    down, across = np.cos(2 * np.pi * _ROWS / SIZE + y), np.cos(2 * np.pi * _COLUMNS / SIZE + x)
    return np.asarray((share * down + (1 - share) * across).astype(np.float32), np.float32)


def _uneven(rng: Random, amount: float) -> Field:
    """Light and shade over the whole tile, a factor about 1 with a deviation of `amount` in the logarithm."""
    eighth = SIZE // 8
    down, across = np.fft.fftfreq(eighth)[:, None], np.fft.rfftfreq(eighth)
    squared = down**2 + across**2
    squared[0, 0] = np.inf
    real, imaginary = rng.standard_normal((2, *squared.shape))
    field = np.fft.irfft2((real + 1j * imaginary) / squared**1.25, s=(eighth, eighth))
    return _enlarged(np.exp(amount * field / field.std()).astype(np.float32), 8)


def _enlarged(field: Field, step: int) -> Field:
    """`step` times as large each way, linear between the middles of the pixels, round the edge."""
    for axis in (0, 1):
        count = field.shape[axis]
        place = (np.arange(count * step) + 0.5) / step - 0.5
        before = np.floor(place).astype(np.int64)
        share = (
            (place - before).astype(np.float32).reshape([-1 if d == axis else 1 for d in range(field.ndim)])
        )
        low, high = field.take(before % count, axis), field.take((before + 1) % count, axis)
        field = low + share * (high - low)
    return field


def _blurred(field: Field, radius: int) -> Field:
    """Mean over (2·radius + 1)² pixels, round the tile's edge."""
    for axis in (0, 1):
        padding = [(0, 0)] * field.ndim
        padding[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(field, padding, mode="wrap"), axis=axis, dtype=np.float32)
        width = 2 * radius + 1
        upper, lower = (sums[width:], sums[:-width]) if axis == 0 else (sums[:, width:], sums[:, :-width])
        field = (upper - lower) / np.float32(width)
    return field


def _relief_light(height: Field, rng: Random) -> Field:
    """How much a surface of these heights leans to the light, mean 0, deviation 1."""
    lean = height - np.roll(height, (1, int(rng.integers(-1, 2))), axis=(0, 1))
    return np.asarray(lean / lean.std(), np.float32)


def _unit(field: Field) -> Field:
    """Squeeze mean 0, deviation 1 into [0, 1]."""
    return np.asarray(np.clip(0.5 + 0.25 * field, 0, 1), np.float32)


def _ramp(palette: Field, position: Field) -> Field:
    """Colours along the palette, linearly between its entries, for positions in [0, 1]."""
    steps = np.linspace(0, 1, 256)
    if len(palette) == 1:
        table = np.outer(0.6 + 0.8 * steps, palette[0])
    else:
        stops = np.linspace(0, 1, len(palette))
        table = np.stack([np.interp(steps, stops, palette[:, channel]) for channel in range(3)], axis=-1)
    return table.astype(np.float32)[(position * 255 + 0.5).astype(np.uint8)]


def _tones(rng: Random, palette: Field, count: int, spread: float, mixed: bool = False) -> Field:
    """Colours of many things, (count, 3): the palette's, or between two of them, each lighter or darker.

    spread: deviation of the logarithm of the lightness.
    """
    colors = palette[rng.integers(len(palette), size=count)]
    if mixed:
        colors = colors + rng.random((count, 1)) * (palette[rng.integers(len(palette), size=count)] - colors)
    return (colors * np.exp(rng.normal(0, spread, (count, 1)))).astype(np.float32)


def _typical(palette: Field) -> Field:
    """The palette's colour nearest to its median: nature's own where a palette has a few others."""
    distance = np.abs(palette - np.median(palette, axis=0)).sum(axis=1)
    return np.asarray(palette[int(distance.argmin())], np.float32)


def _kindred(rng: Random, palette: Field, count: int, spread: float) -> Field:
    """Colours of many stones or bricks of one kind, (count, 3): the palette's first, more or less like its second."""
    share = rng.uniform(0, 0.6) * rng.random((count, 1)) ** 2
    colors = palette[0] + share * (palette[1 % len(palette)] - palette[0])
    return np.asarray((colors * np.exp(rng.normal(0, spread, (count, 1)))).astype(np.float32), np.float32)


def _shifted(field: Field, owner: Ints, count: int, rng: Random, keep: bool = False) -> Field:
    """The field as cut from another place for each owner: what is inside breaks off at its edge."""
    if keep:
        return field
    down, across = rng.integers(SIZE, size=(2, count))
    place = (((_ROWS + down[owner]) & _LAST) << _BITS) | ((_COLUMNS + across[owner]) & _LAST)
    return np.asarray(field.ravel()[place], np.float32)


def _ornament(colors: Field, rng: Random, size: int) -> Field:
    """A pattern of `size` pixels (a divisor of the tile), mirrored both ways, in flat colours."""
    half = size // 2
    levels = _fractal(rng, rng.uniform(1.8, 2.6))[:: SIZE // size, :: SIZE // size][:half, :half]
    quarter = np.digitize(levels, np.quantile(levels, np.linspace(0, 1, 2 * len(colors) + 1)[1:-1])) % len(
        colors
    )
    motif = np.block([[quarter, quarter[:, ::-1]], [quarter[::-1], quarter[::-1, ::-1]]])
    return np.asarray(colors[np.tile(motif, (SIZE // size, SIZE // size))], np.float32)


# ------------------------------------------------------------------------------------------------- shapes


def _paint(
    canvas: Field, top: int, left: int, height: int, width: int, paint: Field | float, multiply: bool = False
) -> None:
    """Paint a box in place, round the tile's edge; paint broadcasts to (height, width, 3)."""
    if height <= 0 or width <= 0:
        return
    top, left = top & _LAST, left & _LAST
    place: tuple[slice | Ints, slice | Ints] = slice(top, top + height), slice(left, left + width)
    if top + height > SIZE or left + width > SIZE:
        place = (np.arange(top, top + height) & _LAST)[:, None], np.arange(left, left + width) & _LAST
    canvas[place] = canvas[place] * paint if multiply else paint


@dataclass(frozen=True)
class _Outline:
    """The pixels of a shape: rows and columns off its middle, int (P,), and where in it each lies, [-1, 1]:
    along and across its own axes, and down the picture."""

    rows: Ints
    columns: Ints
    along: Field
    across: Field
    down: Field


def _outline(kind: str, length: float, width: float, angle: float) -> _Outline:
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
    return _Outline(rows, columns, *(part.astype(np.float32) for part in parts))


@dataclass(frozen=True)
class _Heap:
    """What shows of many shapes that hide one another, (512, 512) each.

    owner: number of the shape on top, 0 for none, later ones lie higher; count: shapes and the ground;
    along, across, down: place in the shape, as in `_Outline`, 0 on the ground.
    """

    owner: Ints
    along: Field
    across: Field
    down: Field
    count: int

    @property
    def depth(self) -> Field:
        """Height above the ground in [0, 1]."""
        return self.owner.astype(np.float32) / np.float32(self.count)


def _heap(rng: Random, outlines: Sequence[_Outline], counts: Sequence[int], rounds: int = 1) -> _Heap:
    """Throw `counts` of each outline, all in `rounds` rounds, one outline at a time in random order."""
    starts = np.cumsum([1, *(len(outline.rows) for outline in outlines)])
    owner = np.zeros(SIZE * SIZE, dtype=np.int32)
    texel = np.zeros(SIZE * SIZE, dtype=np.int32)
    count = 1
    for number in np.concatenate([rng.permutation(len(outlines)) for _ in range(rounds)]):
        outline, thrown = outlines[number], -(-counts[number] // rounds)
        rows, columns = rng.integers(SIZE, size=(2, thrown, 1))
        # Of a pixel written more than once the last write counts.
        place = ((rows + outline.rows) & _LAST) << _BITS | ((columns + outline.columns) & _LAST)
        owner[place] = np.arange(count, count + thrown, dtype=np.int32)[:, None]
        texel[place] = np.arange(starts[number], starts[number + 1], dtype=np.int32)
        count += thrown
    tables = (
        np.concatenate([np.zeros(1, np.float32), *(getattr(outline, name) for outline in outlines)])
        for name in ("along", "across", "down")
    )
    shape = (SIZE, SIZE)
    along, across, down = (table[texel].reshape(shape) for table in tables)
    return _Heap(owner.reshape(shape).astype(np.int64), along, across, down, count)


def _occlusion(depth: Field, radius: int, strength: float, rng: Random) -> Field:
    """Shade of what lies deeper than its neighbourhood, a factor in (0, 1]; deepest to one side of it."""
    around = np.roll(
        _blurred(depth, radius), (radius // 2, int(rng.integers(-radius, radius + 1)) // 2), (0, 1)
    )
    return np.asarray(np.exp(-strength * np.maximum(around - depth, 0)), np.float32)


@dataclass(frozen=True)
class _Cells:
    """Cells about scattered points, (512, 512) each: the nearest point's number, and how far the border to the
    next cell is, 0 on it, in cell sizes."""

    owner: Ints
    border: Field


def _voronoi(rng: Random, rows: int, columns: int, jitter: float) -> _Cells:
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
    return _Cells(owner.reshape(shape), (np.sqrt(second) - np.sqrt(nearest)).reshape(shape))
