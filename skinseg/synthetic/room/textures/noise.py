"""Noise, light and colours over a tile that repeats without a seam.

Free of everything but the standard library, NumPy and `tones.ita`: the render worker imports it in its own
environment.
"""

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.streams import Random

SIZE = 512  # pixels of a tile's side, a power of two
Field = npt.NDArray[np.float32]  # (512, 512), or (512, 512, 3) linear RGB
Indices = npt.NDArray[np.int64]
LAST = SIZE - 1  # `& LAST` wraps a coordinate round the tile
BITS = SIZE.bit_length() - 1
ROWS, COLUMNS = np.indices((SIZE, SIZE), sparse=True)


def fractal(rng: Random, exponent: float, stretch: float = 1) -> Field:
    """Noise of amplitude 1/f^exponent (photographs: about 1.4), mean 0, deviation 1, periodic.

    stretch: how much taller than wide its features are.
    """
    down = np.fft.fftfreq(SIZE)[:, None] * stretch
    squared = down**2 + np.fft.rfftfreq(SIZE) ** 2
    squared[0, 0] = np.inf
    real, imaginary = rng.standard_normal((2, *squared.shape))
    field = np.fft.irfft2((real + 1j * imaginary) * squared ** (-exponent / 2), s=(SIZE, SIZE))
    return np.asarray((field / field.std()).astype(np.float32), np.float32)


def slow_wave(rng: Random) -> Field:
    """One wave over the tile in each direction, in [-1, 1]: light that falls off."""
    y, x = rng.uniform(0, 2 * np.pi, 2)
    share = rng.random()
    down, across = np.cos(2 * np.pi * ROWS / SIZE + y), np.cos(2 * np.pi * COLUMNS / SIZE + x)
    return np.asarray((share * down + (1 - share) * across).astype(np.float32), np.float32)


def uneven(rng: Random, amount: float) -> Field:
    """Light and shade over the whole tile, a factor about 1 with a deviation of `amount` in the logarithm."""
    eighth = SIZE // 8
    down, across = np.fft.fftfreq(eighth)[:, None], np.fft.rfftfreq(eighth)
    squared = down**2 + across**2
    squared[0, 0] = np.inf
    real, imaginary = rng.standard_normal((2, *squared.shape))
    field = np.fft.irfft2((real + 1j * imaginary) / squared**1.25, s=(eighth, eighth))
    return enlarged(np.exp(amount * field / field.std()).astype(np.float32), 8)


def enlarged(field: Field, step: int) -> Field:
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


def box_blurred(field: Field, radius: int) -> Field:
    """Mean over (2·radius + 1)² pixels, round the tile's edge."""
    for axis in (0, 1):
        padding = [(0, 0)] * field.ndim
        padding[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(field, padding, mode="wrap"), axis=axis, dtype=np.float32)
        width = 2 * radius + 1
        upper, lower = (sums[width:], sums[:-width]) if axis == 0 else (sums[:, width:], sums[:, :-width])
        field = (upper - lower) / np.float32(width)
    return field


def relief_light(height: Field, rng: Random) -> Field:
    """How much a surface of these heights leans to the light, mean 0, deviation 1."""
    lean = height - np.roll(height, (1, int(rng.integers(-1, 2))), axis=(0, 1))
    return np.asarray(lean / lean.std(), np.float32)


def squeezed(field: Field) -> Field:
    """Squeeze mean 0, deviation 1 into [0, 1]."""
    return np.asarray(np.clip(0.5 + 0.25 * field, 0, 1), np.float32)


def ramp(palette: Field, position: Field) -> Field:
    """Colours along the palette, linearly between its entries, for positions in [0, 1]."""
    steps = np.linspace(0, 1, 256)
    if len(palette) == 1:
        table = np.outer(0.6 + 0.8 * steps, palette[0])
    else:
        stops = np.linspace(0, 1, len(palette))
        table = np.stack([np.interp(steps, stops, palette[:, channel]) for channel in range(3)], axis=-1)
    return table.astype(np.float32)[(position * 255 + 0.5).astype(np.uint8)]


def many_tones(rng: Random, palette: Field, count: int, spread: float, mixed: bool = False) -> Field:
    """Colours of many things, (count, 3): the palette's, or between two of them, each lighter or darker.

    spread: deviation of the logarithm of the lightness.
    """
    colors = palette[rng.integers(len(palette), size=count)]
    if mixed:
        colors = colors + rng.random((count, 1)) * (palette[rng.integers(len(palette), size=count)] - colors)
    return (colors * np.exp(rng.normal(0, spread, (count, 1)))).astype(np.float32)


def typical_color(palette: Field) -> Field:
    """The palette's colour nearest to its median: nature's own where a palette has a few others."""
    distance = np.abs(palette - np.median(palette, axis=0)).sum(axis=1)
    return np.asarray(palette[int(distance.argmin())], np.float32)


def kindred(rng: Random, palette: Field, count: int, spread: float) -> Field:
    """Colours of many stones or bricks of one kind, (count, 3): the palette's first, more or less like its second."""
    share = rng.uniform(0, 0.6) * rng.random((count, 1)) ** 2
    colors = palette[0] + share * (palette[1 % len(palette)] - palette[0])
    return np.asarray((colors * np.exp(rng.normal(0, spread, (count, 1)))).astype(np.float32), np.float32)


def shifted(field: Field, owner: Indices, count: int, rng: Random, keep: bool = False) -> Field:
    """The field as cut from another place for each owner: what is inside breaks off at its edge."""
    if keep:
        return field
    down, across = rng.integers(SIZE, size=(2, count))
    place = (((ROWS + down[owner]) & LAST) << BITS) | ((COLUMNS + across[owner]) & LAST)
    return np.asarray(field.ravel()[place], np.float32)


def ornament(colors: Field, rng: Random, size: int) -> Field:
    """A pattern of `size` pixels (a divisor of the tile), mirrored both ways, in flat colours."""
    half = size // 2
    levels = fractal(rng, rng.uniform(1.8, 2.6))[:: SIZE // size, :: SIZE // size][:half, :half]
    quarter = np.digitize(levels, np.quantile(levels, np.linspace(0, 1, 2 * len(colors) + 1)[1:-1])) % len(
        colors
    )
    motif = np.block([[quarter, quarter[:, ::-1]], [quarter[::-1], quarter[::-1, ::-1]]])
    return np.asarray(colors[np.tile(motif, (SIZE // size, SIZE // size))], np.float32)
