"""Textures: every one tiles, follows its record and has something of a photograph's statistics."""

import numpy as np
import pytest

from skinseg.synthetic.room.textures.noise import SIZE
from skinseg.synthetic.room.textures.tile import TEXTURES, texture_tile
from skinseg.synthetic.scene import Surface

COLORS = (
    (0.5, 0.35, 0.2), (0.1, 0.3, 0.5), (0.7, 0.7, 0.65), (0.05, 0.04, 0.04), (0.3, 0.05, 0.05), (0.2, 0.4, 0.1),
)  # fmt: skip
# These show whole scenes, the others a material.
SCENIC = ("clutter", "shelf", "city", "foliage")


def surface(kind, seed=3, colors=COLORS):
    return Surface(texture=kind, colors=colors, scale=0.5, seed=seed, roughness=0.8)


@pytest.mark.parametrize("kind", TEXTURES)
def test_a_tile_is_rgb_and_a_function_of_its_record(kind):
    tile = texture_tile(surface(kind))
    assert tile.shape == (SIZE, SIZE, 3)
    assert tile.dtype == np.uint8
    np.testing.assert_array_equal(tile, texture_tile(surface(kind)))
    assert (tile != texture_tile(surface(kind, seed=4))).any()


@pytest.mark.parametrize("kind", TEXTURES)
def test_a_tile_repeats_without_a_seam(kind):
    """The step over an edge is no larger than the larger steps within: not of one tile, where something may end at
    the edge by chance, but on average."""
    steps = []
    for seed in range(3):
        tile = texture_tile(surface(kind, seed)).astype(float)
        steps += [np.abs(tile - np.roll(tile, 1, axis=a)).mean(axis=(1 - a, 2)) for a in (0, 1)]
    assert np.mean([each[0] for each in steps]) <= np.mean([each[1:].max() for each in steps]) * 1.2 + 1


@pytest.mark.parametrize("kind", TEXTURES)
def test_one_colour_is_a_palette(kind):
    for seed in range(4):
        assert texture_tile(surface(kind, seed, COLORS[:1])).std() > 0.5


@pytest.mark.parametrize("kind", ["plain", "wood", "brick", "fabric", "sand", "grass"])
def test_a_material_has_the_colour_it_is_given(kind):
    reds = [
        texture_tile(surface(kind, seed, ((0.6, 0.05, 0.05),) * 3)).mean(axis=(0, 1)) for seed in range(3)
    ]
    assert all(red > 1.2 * green for red, green, _ in reds)


@pytest.mark.parametrize("kind", SCENIC)
def test_scenes_have_edges_as_photographs_have(kind):
    """Few large steps among many small ones: a kurtosis far above a Gaussian's 3, and power that falls."""
    for seed in range(2):
        grey = texture_tile(surface(kind, seed)).mean(axis=2)
        steps = np.diff(grey, axis=1)
        assert ((steps - steps.mean()) ** 4).mean() / steps.var() ** 2 > 4
        power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
        frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
        low, high = (power[(frequency > f) & (frequency < 2 * f)].mean() for f in (0.02, 0.16))
        assert low > 10 * high


def test_tiles_are_not_all_alike():
    means = [texture_tile(surface("clutter", seed)).std() for seed in range(4)]
    assert len({round(mean, 3) for mean in means}) == 4


def test_an_unknown_texture_is_named():
    with pytest.raises(ValueError, match="'lava'"):
        texture_tile(surface("lava"))
