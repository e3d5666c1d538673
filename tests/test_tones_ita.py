"""ITA, Fitzpatrick groups, and skin colours drawn from them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinseg.tones.ita import (
    ITA_RANGES,
    draw_skin_color,
    estimate_tone,
    fitzpatrick_of,
    ita_of,
    lab_to_linear,
    linear_to_lab,
    srgb_to_linear,
)

# CIELAB of sRGB's corners under D65, as published in colour-science tables (to two digits).
PUBLISHED_LAB = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (119, 119, 119): (50.03, 0.0, 0.0),
}


@pytest.mark.parametrize(("srgb", "lab"), PUBLISHED_LAB.items())
def test_lab_agrees_with_published_values(srgb, lab):
    computed = linear_to_lab(srgb_to_linear(np.array(srgb) / 255))
    np.testing.assert_allclose(computed, lab, atol=0.02)


@pytest.mark.parametrize(("srgb", "linear"), [(0.0, 0.0), (0.04, 0.04 / 12.92), (0.5, 0.21404), (1.0, 1.0)])
def test_srgb_is_decoded_by_the_standard_curve(srgb, linear):
    assert float(srgb_to_linear(srgb)) == pytest.approx(linear, abs=1e-5)


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_lab_round_trips(rgb):
    np.testing.assert_allclose(lab_to_linear(linear_to_lab(rgb)), rgb, atol=1e-6)


@pytest.mark.parametrize(
    ("lab", "ita"),
    [
        ((50, 10, 15), 0.0),
        ((65, 10, 15), 45.0),
        ((40, 10, 10), -45.0),
        ((70, 8, 20 / math.sqrt(3)), 60.0),
    ],
)
def test_ita_is_the_angle_about_l_50(lab, ita):
    assert float(ita_of(lab)) == pytest.approx(ita)


@pytest.mark.parametrize(
    ("ita", "group"),
    [
        (89, 1),
        (56, 1),
        (54, 2),
        (42, 2),
        (40, 3),
        (29, 3),
        (27, 4),
        (11, 4),
        (9, 5),
        (-29, 5),
        (-31, 6),
        (-89, 6),
    ],
)
def test_groups_change_at_the_published_angles(ita, group):
    assert fitzpatrick_of(ita) == group


def test_ranges_are_adjacent():
    bounds = [ITA_RANGES[group] for group in range(6, 0, -1)]
    assert bounds[0][0] == -60
    assert bounds[-1][1] == 75
    assert all(darker[1] == lighter[0] for darker, lighter in itertools.pairwise(bounds))


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_drawn_color_has_the_ita_and_group_asked_for(group, seed):
    ita, color = draw_skin_color(np.random.default_rng(seed), group)
    assert fitzpatrick_of(ita) == group
    assert float(ita_of(linear_to_lab(color))) == pytest.approx(ita, abs=1e-6)
    assert all(0 < channel < 1 for channel in color)
    assert color[0] > color[1] > color[2], "skin is redder than green and greener than blue"


@pytest.mark.parametrize("group", range(1, 7))
def test_a_picture_of_one_tone_is_estimated_as_its_group(group):
    low, high = ITA_RANGES[group]
    middle = (low + high) / 2
    lab = (50 + 15 * math.tan(math.radians(middle)), 10, 15)
    image = np.broadcast_to(to_bytes(lab_to_linear(lab)), (20, 20, 3)).copy()
    ita, estimated = estimate_tone(image, np.ones((20, 20), np.uint8))
    assert ita == pytest.approx(middle, abs=2.0)  # 8-bit rounding
    assert estimated == group


def test_background_and_ignored_pixels_do_not_count():
    image = np.full((20, 20, 3), (200, 150, 120), np.uint8)
    skin = np.ones((20, 20), np.uint8)
    expected = estimate_tone(image, skin)
    image[:8], skin[:8] = (0, 0, 255), 0
    image[8:16], skin[8:16] = (0, 255, 0), 255
    assert estimate_tone(image, skin) == expected


@pytest.mark.parametrize("shade", [0, 20, 45])
@pytest.mark.parametrize("shine", [0, 9])
def test_shadows_and_highlights_do_not_count(shade, shine):
    # A face lit from one side: nearly half of it in shadow, where skin is darker and redder.
    lit, shadow, highlight = (65, 10, 15), (35, 14, 16), (95, 1, 3)
    lab = [shadow] * shade + [lit] * (100 - shade - shine) + [highlight] * shine
    image = to_bytes(lab_to_linear(lab)).reshape(10, 10, 3)
    ita, group = estimate_tone(image, np.ones((10, 10), np.uint8))
    assert ita == pytest.approx(45, abs=1.5)
    assert group == 2


def test_of_a_large_photograph_a_sample_is_enough():
    rng = np.random.default_rng(0)
    small = to_bytes(lab_to_linear(rng.normal((65, 10, 15), (6, 1, 2), (100, 150, 3))))
    ita, group = estimate_tone(small, np.ones((100, 150), np.uint8))
    large = small.repeat(6, axis=0).repeat(6, axis=1)
    again, same = estimate_tone(large, np.ones(large.shape[:2], np.uint8))
    assert again == pytest.approx(ita, abs=1)
    assert group == same


@pytest.mark.parametrize(("count", "estimated"), [(0, False), (49, False), (50, True)])
def test_too_little_skin_gives_no_estimate(count, estimated):
    skin = np.full(100, 255, np.uint8)
    skin[:count] = 1
    image = np.full((10, 10, 3), (200, 150, 120), np.uint8)
    assert (estimate_tone(image, skin.reshape(10, 10)) is not None) == estimated


def to_bytes(linear):
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)
