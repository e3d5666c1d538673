"""Textures of walls, floors and ceilings as tiles that repeat without a seam.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own environment.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.scene import Surface
from skinseg.tones.ita import linear_to_srgb

SIZE = 512  # pixels of a tile's side

Field = npt.NDArray[np.float64]


def texture(surface: Surface) -> npt.NDArray[np.uint8]:
    """The surface's tile, uint8 (512, 512, 3), sRGB; a function of the record alone.

    Raises ValueError for a texture that does not exist.
    """
    if surface.texture not in TEXTURES:
        raise ValueError(f"texture {surface.texture!r}: expected one of {', '.join(TEXTURES)}")
    rng = np.random.default_rng(surface.seed)
    palette = np.asarray(surface.colors, dtype=np.float64).reshape(-1, 3)
    linear = np.clip(TEXTURES[surface.texture](palette, rng), 0, 1)
    return (linear_to_srgb(linear) * 255 + 0.5).astype(np.uint8)


def _plain(palette: Field, rng: np.random.Generator) -> Field:
    # No painted wall is one colour: a breath of grain.
    return np.asarray(palette[0] * (1 + 0.04 * _fractal(rng, 1.0))[..., None])


def _noise(palette: Field, rng: np.random.Generator) -> Field:
    return _ramp(palette, _unit(_fractal(rng, rng.uniform(0.8, 1.6))))


def _wood(palette: Field, rng: np.random.Generator) -> Field:
    _, columns = _coordinates()
    planks = int(rng.integers(3, 8))
    plank = np.floor(columns * planks).astype(int) % planks
    shift = rng.uniform(0, 1, planks)[plank]
    grain = _fractal(rng, 1.2, stretch=8)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (planks * 4 * columns + shift) + 3 * grain)
    seam = np.abs((columns * planks) % 1 - 0.5) > 0.48
    shade = (0.8 + 0.4 * rng.uniform(0, 1, planks)[plank]) * np.where(seam, 0.45, 1)
    return np.asarray(_ramp(palette, 0.5 * rings + 0.5 * _unit(grain)) * shade[..., None])


def _brick(palette: Field, rng: np.random.Generator) -> Field:
    rows, columns = _coordinates()
    courses, bricks = 12, 5
    course = np.floor(rows * courses).astype(int) % courses
    along = (columns * bricks + 0.5 * (course % 2)) % bricks
    brick = np.floor(along).astype(int)
    tone = rng.uniform(0.75, 1.2, (courses, bricks))[course, brick]
    mortar = ((rows * courses) % 1 < 0.1) | (along % 1 < 0.05)
    colors = _ramp(palette[:2], _unit(_fractal(rng, 1.2))) * tone[..., None]
    return np.asarray(np.where(mortar[..., None], palette[-1], colors))


def _stripes(palette: Field, rng: np.random.Generator) -> Field:
    _, columns = _coordinates()
    count = int(rng.integers(4, 16))
    index = np.floor(columns * count * len(palette)).astype(int) % len(palette)
    return np.asarray(palette[index] * (1 + 0.05 * _fractal(rng, 1.0))[..., None])


def _fabric(palette: Field, rng: np.random.Generator) -> Field:
    rows, columns = _coordinates()
    threads = int(rng.integers(30, 90))
    weave = np.sin(2 * np.pi * threads * rows) * np.sin(2 * np.pi * threads * columns)
    return _ramp(palette, _unit(0.6 * weave + _fractal(rng, 1.3)))


def _clutter(palette: Field, rng: np.random.Generator) -> Field:
    """Overlapping boxes and ellipses of all sizes: occlusion edges, as photographs of rooms are full of."""
    canvas = _ramp(palette, _unit(_fractal(rng, 1.6)))
    rows, columns = _coordinates()
    for _ in range(int(rng.integers(15, 60))):
        # Sizes fall off as a power law, as those of things in natural images do.
        size = 0.04 * rng.uniform(0.02, 1) ** -0.5 * rng.uniform(0.4, 1.6, 2)
        dy = np.abs((rows - rng.uniform() + 0.5) % 1 - 0.5) / size[0]
        dx = np.abs((columns - rng.uniform() + 0.5) % 1 - 0.5) / size[1]
        inside = (dx * dx + dy * dy < 1) if rng.uniform() < 0.4 else (np.maximum(dx, dy) < 1)
        color = palette[rng.integers(len(palette))] * rng.uniform(0.5, 1.4)
        shading = 1 + rng.uniform(-0.4, 0.4) * dy[inside] + rng.uniform(-0.3, 0.3) * dx[inside]
        canvas[inside] = color * shading[:, None]
    return canvas * (1 + 0.08 * _fractal(rng, 0.8))[..., None]


TEXTURES: dict[str, Callable[[Field, np.random.Generator], Field]] = {
    "plain": _plain,
    "noise": _noise,
    "wood": _wood,
    "brick": _brick,
    "stripes": _stripes,
    "fabric": _fabric,
    "clutter": _clutter,
}


def _coordinates() -> tuple[Field, Field]:
    """Row and column of each pixel in [0, 1)."""
    axis = np.arange(SIZE) / SIZE
    return np.broadcast_to(axis[:, None], (SIZE, SIZE)), np.broadcast_to(axis, (SIZE, SIZE))


def _fractal(rng: np.random.Generator, exponent: float, stretch: float = 1) -> Field:
    """Noise of amplitude 1/f^exponent (natural images: about 1; Field 1987), mean 0, deviation 1, periodic.

    stretch: how much longer than wide its features are along the rows' axis.
    """
    white = np.fft.rfft2(rng.standard_normal((SIZE, SIZE)))
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None] * stretch, np.fft.rfftfreq(SIZE)[None, :])
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(white / frequency**exponent, s=(SIZE, SIZE))
    return np.asarray(field / field.std())


def _unit(field: Field) -> Field:
    """Squeeze mean 0, deviation 1 into [0, 1]."""
    return np.clip(0.5 + 0.25 * field, 0, 1)


def _ramp(palette: Field, position: Field) -> Field:
    """Colours along the palette, linearly between its entries, for positions in [0, 1]."""
    if len(palette) == 1:
        return np.asarray(np.repeat((0.6 + 0.8 * position)[..., None], 3, axis=2) * palette[0])
    stops = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(position, stops, palette[:, c]) for c in range(3)], axis=-1)
