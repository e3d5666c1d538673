"""Development: metering and balance on known light, and each of the camera's effects by itself."""

import dataclasses
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.rendering.develop import MIDDLE_GREY, develop, metered_gain, white_balance
from skinseg.synthetic.room.light import kelvin_to_rgb
from skinseg.synthetic.scene import Camera
from skinseg.tones.ita import linear_to_srgb, srgb_to_linear

SIDE = 128
PLAIN = Camera(
    theta=4.7, radius=2.0, rise=0.0, focal_length=50.0, track="face", shift=(0.0, 0.0), roll=0.0,
    exposure=0.0, white_balance=(0.0, 0.0), contrast=1.0, saturation=1.0, vignette=0.0, blur=0.0,
    motion=(0.0, 0.0), noise=0.0, jpeg=0, seed=5,
)  # fmt: skip
ALBEDO = (0.2, 0.2, 0.2)


def scene(*, albedos=(ALBEDO,), **camera):
    """What `develop` reads of a Scene."""
    people = tuple(SimpleNamespace(skin=SimpleNamespace(albedo=albedo)) for albedo in albedos)
    return SimpleNamespace(people=people, camera=dataclasses.replace(PLAIN, **camera))


def light(seed=0):
    """Radiance about middle grey once developed, with edges, in any colours."""
    rng = np.random.default_rng(seed)
    blocks = cv2.resize(rng.uniform(0.01, 0.5, (8, 8, 3)), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    return blocks.astype(np.float32)


SKIN = np.zeros((SIDE, SIDE), np.uint8)
SKIN[30:90, 40:100] = PartClass.SKIN


def grey(value=MIDDLE_GREY):
    """Radiance that develops to `value`, all of it skin of albedo 0.2, and its labels."""
    level = value / (1.1 / (1 / 0.2))  # gain is 1.1 · albedo / luminance
    labels = np.full((SIDE, SIDE), PartClass.SKIN, np.uint8)
    labels[:, SIDE // 2 :] = PartClass.BACKGROUND
    radiance = np.ones((SIDE, SIDE, 3))
    radiance[:, SIDE // 2 :] *= level
    return radiance.astype(np.float32), labels


def test_effects_of_no_amount_are_the_plain_development():
    radiance = light()
    pixels, gain = develop(radiance, SKIN, scene())
    balanced = radiance / white_balance(radiance, SKIN, scene())
    linear = np.clip(balanced * gain, 0, None)
    bent = np.where(linear > 0.8, 0.8 + 0.2 * (1 - np.exp(-(linear - 0.8) / 0.2)), linear)
    expected = (linear_to_srgb(bent) * 255 + 0.5).astype(np.uint8)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (SIDE, SIDE, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


def test_equal_arguments_give_equal_pixels_and_change_nothing():
    radiance, labels = light(), SKIN.copy()
    shaken = scene(noise=0.05, blur=4.0, motion=(9.0, 3.0), jpeg=60, vignette=0.3)
    first, gain = develop(radiance, labels, shaken)
    again, same = develop(radiance, labels, shaken)
    np.testing.assert_array_equal(first, again)
    assert gain == same
    np.testing.assert_array_equal(radiance, light())
    np.testing.assert_array_equal(labels, SKIN)
    assert (first != develop(radiance, labels, scene(noise=0.05, seed=6))[0]).any()


# ------------------------------------------------------------------------------------ metering and balance


def test_the_meter_reads_the_light_and_not_the_skin():
    dark, pale = (0.03, 0.03, 0.03), (0.5, 0.5, 0.5)
    for albedo in (dark, pale):
        radiance = np.full((SIDE, SIDE, 3), 0.7 * albedo[0], np.float32)
        assert metered_gain(radiance, SKIN, scene(albedos=(albedo,))) == pytest.approx(1.1 / 0.7, rel=1e-3)


def test_the_meter_takes_people_alike():
    radiance = np.full((SIDE, SIDE, 3), 0.2, np.float32)
    two = metered_gain(radiance, SKIN, scene(albedos=((0.1, 0.1, 0.1), (0.3, 0.3, 0.3))))
    assert two == pytest.approx(metered_gain(radiance, SKIN, scene()), rel=1e-5)


def test_exposure_is_in_stops():
    radiance = light()
    assert metered_gain(radiance, SKIN, scene(exposure=1.5)) == pytest.approx(
        2**1.5 * metered_gain(radiance, SKIN, scene())
    )


@pytest.mark.parametrize("radiance", [np.zeros((SIDE, SIDE, 3), np.float32), light()])
@pytest.mark.parametrize("labels", [np.zeros((SIDE, SIDE), np.uint8), SKIN])
def test_darkness_and_frames_without_skin_develop(radiance, labels):
    pixels, gain = develop(radiance, labels, scene(noise=0.02, jpeg=80))
    assert np.isfinite(gain)
    assert gain > 0
    assert pixels.shape == radiance.shape


@pytest.mark.parametrize("temperature", [2000.0, 2700.0, 6500.0, 12000.0])
def test_most_of_the_light_s_tint_is_taken_out(temperature):
    color = np.array(kelvin_to_rgb(temperature))
    kept = color / white_balance(np.full((SIDE, SIDE, 3), 0.2 * color), SKIN, scene())
    before, after = np.log(color[0] / color[2]), np.log(kept[0] / kept[2])
    assert after == pytest.approx(0.25 * before, abs=1e-4)


def test_the_balance_reads_the_light_on_skin_and_neither_the_skin_nor_the_walls():
    albedo, lit = np.array((0.4, 0.2, 0.1)), np.array((1.0, 0.8, 0.6))
    radiance = np.tile(albedo * lit, (SIDE, SIDE, 1))
    radiance[SKIN == 0] = (5.0, 0.1, 0.1)
    grey = np.full((SIDE, SIDE, 3), 0.2 * lit)
    np.testing.assert_allclose(
        white_balance(radiance, SKIN, scene(albedos=(tuple(albedo),))), white_balance(grey, SKIN, scene())
    )


def test_a_frame_without_skin_is_balanced_on_all_of_it():
    radiance = light()
    mean = radiance.mean(axis=(0, 1))
    balance = white_balance(radiance, np.zeros_like(SKIN), scene(albedos=((0.5, 0.1, 0.1),)))
    np.testing.assert_allclose(balance, (mean / np.dot(mean, (0.2126, 0.7152, 0.0722))) ** 0.75, rtol=1e-4)


def test_no_light_needs_no_balance():
    np.testing.assert_array_equal(white_balance(np.zeros((SIDE, SIDE, 3)), SKIN, scene()), np.ones(3))


def test_black_bodies_are_warm_or_cold_at_luminance_1():
    for temperature in (2000, 3000, 5000, 6500, 10000):
        assert np.dot(kelvin_to_rgb(temperature), (0.2126, 0.7152, 0.0722)) == pytest.approx(1, abs=0.01)
    assert kelvin_to_rgb(6500) == pytest.approx((1, 1, 1), abs=0.06)
    assert kelvin_to_rgb(1000) == kelvin_to_rgb(1667)


# ------------------------------------------------------------------------------------------------- effects


def test_an_error_of_the_balance_is_in_stops():
    radiance, labels = grey()
    off = develop(radiance, labels, scene(white_balance=(0.5, -0.5)))[0][64, 100] / 255
    np.testing.assert_allclose(srgb_to_linear(off) / MIDDLE_GREY, (2**0.5, 1, 2**-0.5), rtol=0.02)


def test_contrast_turns_about_middle_grey():
    radiance, labels = grey()
    flat, hard = (develop(radiance, labels, scene(contrast=c))[0][64, 100, 1] for c in (0.7, 1.4))
    assert int(flat) == pytest.approx(int(hard), abs=1)
    for value in (0.05, 0.5):
        radiance, labels = grey(value)
        found = srgb_to_linear(develop(radiance, labels, scene(contrast=1.4))[0][64, 100, 1] / 255)
        assert found == pytest.approx(0.18 * (value / 0.18) ** 1.4, rel=0.06)


def test_saturation_0_is_grey_and_more_is_more():
    radiance = light() * 0.3  # below the shoulder
    spreads = []
    for saturation in (0.0, 0.5, 1.0, 1.4):
        pixels = develop(radiance, SKIN, scene(saturation=saturation, exposure=-2.0))[0]
        spreads.append(float(np.ptp(pixels.astype(int), axis=2).mean()))
    assert spreads[0] <= 0.1
    assert spreads == sorted(spreads)


def test_a_vignette_takes_its_share_from_the_corners():
    radiance, labels = np.ones((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), np.uint8)
    plain, dark = (srgb_to_linear(develop(radiance, labels, scene(vignette=v))[0] / 255) for v in (0.0, 0.4))
    ratio = (dark / plain)[..., 1]
    assert ratio[SIDE // 2, SIDE // 2] == pytest.approx(1, abs=0.02)
    assert ratio[0, 0] == pytest.approx(0.6, abs=0.03)
    assert ratio[0, 0] == pytest.approx(ratio[-1, -1], abs=0.01)


def test_blur_spreads_by_its_deviation_in_linear_light():
    radiance, labels = np.full((SIDE, SIDE, 3), 1e-6, np.float32), SKIN
    radiance[64, 64] = 50
    # The meter sees a dark frame with one bright point: its percentile is that of the dark.
    linear = srgb_to_linear(develop(radiance * 1e-3, labels, scene(blur=30.0, exposure=-8.0))[0] / 255)[
        ..., 1
    ]
    share = linear - np.median(linear)
    column = np.arange(SIDE) - 64
    profile = share.sum(axis=0)
    assert np.sqrt((profile * column**2).sum() / profile.sum()) == pytest.approx(0.03 * SIDE, rel=0.15)


def test_shake_smears_along_its_direction_alone():
    rng = np.random.default_rng(0)
    radiance = np.repeat(rng.uniform(0.05, 0.3, (SIDE, SIDE, 1)), 3, axis=2).astype(np.float32)
    plain, shaken = (develop(radiance, SKIN, scene(motion=m))[0].astype(float) for m in ((0, 0), (60.0, 0.0)))
    along, across = (
        np.abs(np.diff(shaken, axis=a)).mean() / np.abs(np.diff(plain, axis=a)).mean() for a in (1, 0)
    )
    assert along < 0.4 * across
    assert shaken.mean() == pytest.approx(plain.mean(), rel=0.03)


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_noise_has_its_deviation_at_middle_grey(noise):
    radiance, labels = grey()
    noisy = [develop(radiance, labels, scene(noise=noise, seed=seed))[0] for seed in range(8)]
    patches = [picture[:, SIDE // 2 :] / 255 for picture in noisy]
    plain = develop(radiance, labels, scene())[0][:, SIDE // 2 :] / 255
    for patch in patches:
        np.testing.assert_allclose(patch.std(axis=(0, 1)), noise, rtol=0.08)
    # Of one grain the mean is off by a tenth of the noise itself: it is smooth over pixels.
    assert np.mean(patches) == pytest.approx(plain.mean(), abs=0.1 * noise)


def test_noise_grows_with_the_signal_and_is_smooth_over_pixels():
    deviations = []
    for value in (0.02, 0.1, 0.5):
        radiance, labels = grey(value)
        patch = srgb_to_linear(develop(radiance, labels, scene(noise=0.04))[0][:, SIDE // 2 :] / 255)
        deviations.append(patch.std() / np.sqrt(value))
        centred = patch - patch.mean(axis=(0, 1))
        assert (centred[:, 1:] * centred[:, :-1]).mean() / centred.var() > 0.1
    assert max(deviations) < 1.35 * min(deviations)  # shot noise: the variance goes with the light


def test_a_jpeg_costs_more_the_lower_its_quality():
    plain = develop(light(), SKIN, scene(noise=0.03))[0].astype(int)
    losses = [
        np.abs(develop(light(), SKIN, scene(noise=0.03, jpeg=q))[0] - plain).mean() for q in (95, 60, 20)
    ]
    assert 0 < losses[0] < losses[1] < losses[2] < 30
