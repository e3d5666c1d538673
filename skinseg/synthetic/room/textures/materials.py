"""Paint and materials: plaster, wood, stone, bricks, stripes and cloth.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

import numpy as np

from skinseg.synthetic.room.textures.noise import (
    COLUMNS,
    LAST,
    ROWS,
    SIZE,
    Field,
    fractal,
    kindred,
    ornament,
    ramp,
    relief_light,
    shifted,
    slow_wave,
    squeezed,
    uneven,
)
from skinseg.synthetic.room.textures.shapes import voronoi
from skinseg.synthetic.room.textures.texture import Texture
from skinseg.synthetic.streams import Random


def _plain(palette: Field, rng: Random) -> Field:
    """Paint: no painted wall is one colour, but has stains, grain, and light that falls off."""
    stains = 0.03 * fractal(rng, 1.2) + 0.012 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    return np.asarray(palette[0] * (1 + stains + 0.12 * slow_wave(rng))[..., None], np.float32)


def _noise(palette: Field, rng: Random) -> Field:
    """Plaster, concrete or rusted metal in the first colours of the palette."""
    colors = palette[: int(rng.integers(1, 4))]
    rough = ramp(colors, squeezed(fractal(rng, rng.uniform(0.9, 1.6))))
    return rough * uneven(rng, 0.25)[..., None]


def _wood(palette: Field, rng: Random) -> Field:
    """Boards laid in rows, or one sheet of veneer."""
    veneer = rng.random() < 0.3
    boards = 1 if veneer else int(rng.choice((4, 6, 8, 12, 16)))
    width = SIZE / boards
    board = (COLUMNS / width).astype(np.int64)
    ends = rng.integers(SIZE, size=boards)
    lengths = rng.integers(1, 4, size=boards)
    below = (ROWS + ends[board]) % SIZE * lengths[board] / SIZE
    piece = board * 4 + below.astype(np.int64)
    count = boards * 4
    grain = shifted(fractal(rng, 1.1, stretch=14), piece, count, rng, keep=veneer)
    bow = shifted(fractal(rng, 1.8, stretch=3), piece, count, rng, keep=veneer)
    # Veneer has no edge to hide where the tile starts again.
    across = np.sin(2 * np.pi * COLUMNS / SIZE) if veneer else COLUMNS / width - board
    rings = np.sin((6 + 3 * bow) * np.pi * across + 5 * bow).astype(np.float32)
    tone = np.exp(rng.normal(0, 0.05 if veneer else 0.22, count)).astype(np.float32)[piece]
    light = tone * (1 + 0.16 * grain + 0.16 * rings * np.abs(bow))
    if not veneer:
        gap = np.abs(COLUMNS / width - board - 0.5) > 0.5 - 0.8 / width
        light = np.where(gap | (below % 1 < 0.006), 0.35, light)
    hue = palette[0] / max(float(palette[0].max()), 1e-3)
    base = np.maximum(palette[0], 0.06 * hue)
    light = light.T if rng.random() < 0.3 else light  # lying boards
    return np.asarray(base * (np.maximum(light, 0.1) * uneven(rng, 0.12))[..., None], np.float32)


def _stone(palette: Field, rng: Random) -> Field:
    """Slabs, cobbles, rough rock or marble."""
    kind = rng.choice(("slabs", "cobbles", "rock", "marble"))
    if kind == "marble":
        veins = np.exp(-((fractal(rng, 1.5) / rng.uniform(0.05, 0.15)) ** 2))
        clouds = squeezed(fractal(rng, 1.6))
        ground = ramp(np.stack([palette[0] * 0.75, palette[0]]), clouds)
        return np.asarray(ground + 0.7 * veins[..., None] * (palette[1 % len(palette)] - ground), np.float32)
    if kind == "rock":
        ridges = np.abs(fractal(rng, 1.5))
        cracks = np.minimum(0.3 + 2 * ridges, 1) * (1 + 0.25 * relief_light(fractal(rng, 1.6), rng))
        stone = ramp(kindred(rng, palette, 3, 0.35), squeezed(fractal(rng, 1.5)))
        return np.asarray(stone * (cracks * uneven(rng, 0.3))[..., None], np.float32)
    grids = ((8, 4), (4, 4), (8, 8)) if kind == "slabs" else ((16, 8), (16, 16), (32, 16))
    rows, columns = grids[rng.integers(3)]
    stones = voronoi(rng, rows, columns, rng.uniform(0.3, 0.9))
    joint = np.clip(stones.border / (0.05 if kind == "slabs" else 0.22), 0, 1)
    tones = kindred(rng, palette, rows * columns, 0.2)[stones.owner]
    detail = shifted(fractal(rng, 1.1), stones.owner, rows * columns, rng)
    dome = np.sqrt(joint) if kind == "cobbles" else np.where(joint < 1, 0.3, 1)
    return tones * ((0.12 + 0.88 * dome) * (1 + 0.14 * detail) * uneven(rng, 0.2))[..., None]


def _brick(palette: Field, rng: Random) -> Field:
    """Bricks in courses, or tiles in a grid."""
    tiles = rng.random() < 0.35
    courses = int(rng.choice((4, 8, 16) if tiles else (8, 16, 32)))
    across = courses if tiles else courses // 2
    height, width = SIZE / courses, SIZE / across
    course = (ROWS / height).astype(np.int64)
    along = (COLUMNS / width + (0.0 if tiles else 0.5) * (course % 2)) % across
    owner = course * across + along.astype(np.int64)
    y, x = (ROWS / height) % 1 * height, along % 1 * width  # pixels from the brick's corner
    joint = max(1.0, height * (rng.uniform(0.01, 0.04) if tiles else rng.uniform(0.05, 0.12)))
    tones = kindred(rng, palette, courses * across, 0.05 if tiles else 0.2)[owner]
    if tiles and rng.random() < 0.4:
        checks = (course + along.astype(np.int64)) % 2 == 0
        tones = np.where(checks[..., None], tones, palette[1 % len(palette)])
    rough = shifted(fractal(rng, 1.0), owner, courses * across, rng)
    # Light from above: the upper edge shines, and the joint below it lies in shade.
    edge = 1 + 0.3 * (y < joint + 1.5) - 0.3 * (y > height - 1.5)
    wall = tones * (edge * (1 + (0.03 if tiles else 0.17) * rough))[..., None]
    mortar = (0.5 * palette[-1] + rng.uniform(0.05, 0.4)) * (0.75 + 0.12 * rough)[..., None]
    shown = np.where(((y < joint) | (x < joint))[..., None], mortar, wall)
    return np.asarray(shown * uneven(rng, 0.15)[..., None], np.float32)


def _stripes(palette: Field, rng: Random) -> Field:
    """Wallpaper or cloth: stripes of unequal width, a plaid, or an ornament."""
    kind = rng.choice(("stripes", "plaid", "ornament"), p=(0.45, 0.2, 0.35))
    colors = palette[: int(rng.integers(2, 5))]
    repeats = int(rng.choice((2, 4, 8, 16)))
    if kind == "ornament":
        shown = ornament(colors, rng, SIZE // repeats)
    else:
        edges = np.sort(rng.integers(0, SIZE // repeats, size=int(rng.integers(2, 7))))
        bands = np.searchsorted(edges, np.arange(SIZE) % (SIZE // repeats))
        lines = colors[rng.integers(len(colors), size=len(edges) + 1)][bands]
        shown = np.broadcast_to(lines, (SIZE, SIZE, 3))
        if kind == "plaid":
            shown = 0.5 * (lines[:, None] + lines)
    light = 1 + 0.02 * rng.standard_normal((SIZE, SIZE), dtype=np.float32) + 0.1 * slow_wave(rng)
    return shown * (light * uneven(rng, 0.12))[..., None]


def _fabric(palette: Field, rng: Random) -> Field:
    """A weave, a knit, a rug, or a curtain in folds."""
    kind = rng.choice(("weave", "knit", "rug", "curtain"), p=(0.2, 0.15, 0.25, 0.4))
    if kind == "curtain":
        return _curtain(palette, rng)
    if kind == "rug":
        pile = 1 + 0.1 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
        return (
            ornament(palette[:5], rng, SIZE // int(rng.choice((1, 2, 4))))
            * (pile * uneven(rng, 0.25))[..., None]
        )
    pitch = int(rng.choice((4, 8, 16)))
    if kind == "knit":
        pitch = max(pitch, 8)
        x, y = COLUMNS / pitch % 1, ROWS / pitch
        stitch = (y + 0.9 * np.abs(x - 0.5)) % 1
        light = 0.45 + 0.55 * np.sin(np.pi * stitch) * np.sqrt(np.sin(np.pi * ((2 * x) % 1)))
        shown = np.broadcast_to(palette[0], (SIZE, SIZE, 3))
    else:
        across, down = COLUMNS // pitch, ROWS // pitch
        twill = rng.random() < 0.5
        over = ((across + down) % 4 < 2) if twill else ((across + down) % 2 == 0)
        # Yarn is uneven: each thread has a shade of its own.
        warp, weft = np.exp(rng.normal(0, 0.12, (2, SIZE // pitch))).astype(np.float32)
        profile = np.where(over, np.sin(np.pi * (COLUMNS / pitch % 1)), np.sin(np.pi * (ROWS / pitch % 1)))
        light = (0.5 + 0.5 * profile) * np.where(over, warp[across], weft[down])
        shown = np.where(over[..., None], palette[0], palette[int(rng.integers(2)) % len(palette)])
    return shown * (light * (1 + 0.06 * fractal(rng, 0.7)) * uneven(rng, 0.2)).astype(np.float32)[..., None]


def _curtain(palette: Field, rng: Random) -> Field:
    """Cloth in upright folds: plain, striped or printed, and it follows the folds."""
    folds = int(rng.integers(5, 16))
    bend = fractal(rng, 2.0, stretch=5)
    phase = 2 * np.pi * (folds * COLUMNS / SIZE + 0.55 * bend)
    height = np.sin(phase) + 0.35 * np.sin(2 * phase + 3 * bend)
    light = np.clip(0.62 + 0.33 * height + 0.2 * np.cos(phase), 0.06, None)
    shift = (12 * np.cos(phase)).astype(np.int64)
    cloth = np.broadcast_to(palette[0], (SIZE, SIZE, 3))
    if rng.random() < 0.5:
        print_ = ornament(palette[:3], rng, SIZE // int(rng.choice((4, 8))))
        cloth = print_[ROWS, (COLUMNS + shift) & LAST]
    weave = 1 + 0.04 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    return cloth * (light * weave * uneven(rng, 0.2)).astype(np.float32)[..., None]


MATERIALS = {
    "plain": Texture(_plain, ceilings=0.8, things=0.4),
    "noise": Texture(_noise, walls_indoors=0.06, floors_indoors=0.1, ceilings=0.1, things=0.1),
    "wood": Texture(
        _wood,
        palette=((0.04, 0.11), (0.2, 0.75), (0.15, 0.8)),
        walls_indoors=0.1,
        floors_indoors=0.4,
        ceilings=0.1,
        things=0.3,
    ),
    "stone": Texture(
        _stone, walls_indoors=0.05, walls_outdoors=0.08, floors_indoors=0.15, floors_outdoors=0.25
    ),
    "brick": Texture(
        _brick, walls_indoors=0.08, walls_outdoors=0.07, floors_indoors=0.1, floors_outdoors=0.1
    ),
    "stripes": Texture(_stripes, walls_indoors=0.07, things=0.1),
    "fabric": Texture(_fabric, walls_indoors=0.12, floors_indoors=0.25, things=0.1),
}
