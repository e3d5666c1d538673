"""Sand, grass and leaves.

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
    many_tones,
    ramp,
    relief_light,
    squeezed,
    typical_color,
    uneven,
)
from skinseg.synthetic.room.textures.shapes import heap_of, occlusion, outline_of
from skinseg.synthetic.room.textures.texture import Texture
from skinseg.synthetic.streams import Random


def _sand(palette: Field, rng: Random) -> Field:
    """Ripples or trampled ground, grains, and a few pebbles."""
    own = typical_color(palette)
    relief = fractal(rng, rng.uniform(1.7, 2.1), stretch=rng.choice((0.3, 1.0)))
    grains = 0.05 * rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    light = 1 + 0.22 * relief_light(relief, rng) + grains
    sand = ramp(np.stack([own * 0.7, own * 1.1]), squeezed(fractal(rng, 1.5))) * light[..., None]
    pebbles = heap_of(
        rng, [outline_of("ellipse", s, s * 0.7, rng.uniform(0, 3)) for s in (2, 3, 5)], (120, 60, 20)
    )
    stones = (
        many_tones(rng, palette, pebbles.count, 0.3)[pebbles.owner] * (1.1 - 0.5 * pebbles.down)[..., None]
    )
    return np.where((pebbles.owner > 0)[..., None], stones, sand) * uneven(rng, 0.2)[..., None]


def foliage(palette: Field, rng: Random) -> Field:
    """Leaves before one another on bushes or in crowns of trees, with gaps of shade or of sky."""
    own = typical_color(palette)
    length = float(np.exp(rng.uniform(np.log(4), np.log(24))))
    slender = rng.uniform(0.25, 0.6)
    outlines = []
    for angle in rng.uniform(0, 2 * np.pi, 14):
        size = length * np.exp(rng.normal(0, 0.4))
        outlines.append(outline_of("leaf", size, max(size * slender, 1.0), angle))
    counts = [int(2.2 * SIZE**2 / 14 / len(outline.rows)) + 1 for outline in outlines]
    heap = heap_of(rng, outlines, counts, rounds=2)
    # Most leaves are of one plant.
    tones = 0.55 * own + 0.45 * many_tones(rng, palette, heap.count, 0.2, mixed=True)
    # Each half of a leaf leans to the light its own way.
    leaves = tones[heap.owner] * (1 + 0.14 * np.sign(heap.across) + 0.12 * heap.along)[..., None]
    bushes = heap_of(
        rng, [outline_of("ellipse", s, s * 0.8, 0) for s in (120, 80, 50, 30)], (5, 12, 25, 50), rounds=3
    )
    crowns = np.exp(rng.normal(0, 0.45, bushes.count)).astype(np.float32)[bushes.owner] - 0.6 * bushes.down
    crowns = np.clip(crowns, 0.12, 2.5) * occlusion(bushes.depth, 14, 2.0, rng)
    leaves = leaves * (crowns * occlusion(heap.depth, int(length / 2) + 2, 1.6, rng))[..., None]
    sky = rng.random() < 0.4
    masses = fractal(rng, 1.5)
    depth = squeezed(masses.T)
    if sky:
        behind = ramp(
            np.array(((0.45, 0.65, 1.0), (0.9, 0.95, 1.0)), np.float32) * rng.uniform(0.4, 1.0), depth
        )
    else:
        behind = ramp(own * np.array(((0.04,), (0.6,)), np.float32), depth)
    # Gaps follow masses of leaves and have the outlines of leaves.
    gap = masses[(ROWS + (length * heap.along).astype(np.int64)) & LAST, COLUMNS]
    shown = (heap.owner == 0) | (gap > rng.uniform(0.5, 2.5))
    return np.where(shown[..., None], behind, leaves) * uneven(rng, 0.4)[..., None]


def _grass(palette: Field, rng: Random) -> Field:
    """Blades of grass, in patches of other shades, and bare earth between."""
    own = typical_color(palette)
    length = rng.uniform(9, 26)
    outlines = [
        outline_of(
            "blade", length * rng.uniform(0.6, 1.4), rng.uniform(1.0, 2.6), np.pi / 2 + rng.normal(0, 0.5)
        )
        for _ in range(16)
    ]
    heap = heap_of(rng, outlines, [int(1.6 * SIZE**2 / 16 / len(o.rows)) for o in outlines], rounds=3)
    tones = many_tones(rng, palette, heap.count, 0.14, mixed=True)
    tones[0] = own * 0.3
    patches = np.exp(0.3 * fractal(rng, 1.6)) * (0.9 - 0.2 * heap.along)
    light = patches * occlusion(heap.depth, 4, 0.8, rng) * uneven(rng, 0.3)
    blades = np.float32(0.6) * own + 0.4 * tones[heap.owner]  # most are of one kind
    return np.asarray(blades * light[..., None], np.float32)


NATURE = {
    "sand": Texture(_sand, palette=((0.07, 0.14), (0.1, 0.45), (0.4, 0.9)), floors_outdoors=0.2),
    "foliage": Texture(
        foliage,
        scale=(0.15, 0.5),
        palette=((0.16, 0.4), (0.25, 0.85), (0.08, 0.6)),
        walls_indoors=0.04,
        walls_outdoors=0.45,
    ),
    "grass": Texture(_grass, palette=((0.16, 0.36), (0.3, 0.8), (0.15, 0.6)), floors_outdoors=0.45),
}
