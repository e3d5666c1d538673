"""Tiles, blending and batches, with stand-ins whose right answer is known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skinseg.errors import UserError
from skinseg.models import prediction
from skinseg.models.prediction import ImagePredictor, windows
from skinseg.models.views import AveragedViews, Views, parse_views


class Stand(ImagePredictor):
    """Says of each pixel how bright it is, or the same everywhere; notes how many images each pass had."""

    def __init__(self, size=64, constant=None):
        super().__init__(size, 32)
        self.constant = constant
        self.passes = []

    def run(self, batch):
        assert batch.dtype == np.uint8
        assert batch.shape[2] % 32 == 0
        assert batch.shape[3] % 32 == 0
        self.passes.append(batch.shape)
        value = batch.mean(axis=1, dtype=np.float32) / 255
        return {"skin": value if self.constant is None else np.full_like(value, self.constant)}


def noise(height, width):
    return np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(length=st.integers(1, 3000), size=st.integers(8, 512))
def test_windows_cover_a_side_and_their_weights_sum_to_one(length, size):
    total = np.zeros(length)
    found = windows(length, size)
    for window in found:
        assert window.place.stop - window.place.start == len(window.weight) == min(size, length)
        assert (window.weight > 0).all()
        total[window.place] += window.weight
    np.testing.assert_allclose(total, 1, atol=1e-5)
    for first, second in itertools.pairwise(found):
        assert first.place.stop - second.place.start >= size // 4 - 1


@pytest.mark.parametrize("shape", [(200, 333), (65, 64), (1, 500), (300, 40)])
def test_no_seam_shows_where_the_network_has_none(shape):
    image = noise(*shape)
    np.testing.assert_allclose(
        Stand(constant=0.3).predict(image, math.inf).probabilities["skin"], 0.3, atol=1e-6
    )
    found = Stand().predict(image, math.inf).probabilities["skin"]
    np.testing.assert_allclose(found, image.mean(axis=2) / 255, atol=1e-5)


def test_blending_is_smooth_where_windows_disagree():
    class Turn(Stand):
        def run(self, batch):
            value = super().run(batch)["skin"]
            return {"skin": np.broadcast_to(np.arange(len(value)) % 2, value.T.shape).T.astype(np.float32)}

    found = Turn().predict(noise(64, 400), math.inf).probabilities["skin"]
    assert found.min() < 0.01
    assert found.max() > 0.99
    assert np.abs(np.diff(found, axis=1)).max() < 0.15, (
        "a seam: one window's answer ends where the next begins"
    )


@pytest.mark.parametrize(("shape", "tiles"), [((64, 40), math.inf), ((9, 5), math.inf), ((300, 200), 1)])
def test_an_image_of_one_window_is_seen_whole(shape, tiles):
    image = noise(*shape)
    whole, tiled = Stand().predict(image), Stand().predict(image, tiles)
    np.testing.assert_array_equal(whole.probabilities["skin"], tiled.probabilities["skin"])


def test_the_factor_says_how_large_the_image_is_seen():
    for tiles, expected in ((2, 3), (math.inf, 8 * 4), (1000, 8 * 4)):
        stand = Stand()
        assert stand.predict(noise(200, 400), tiles).probabilities["skin"].shape == (200, 400)
        assert sum(shape[0] for shape in stand.passes) == expected


def test_images_whose_inputs_are_alike_go_through_in_one_pass_and_keep_their_order():
    images = [noise(30, 80), noise(80, 30), noise(60, 160), noise(30, 80)]
    stand = Stand()
    together = stand.predict_batch(images)
    assert sorted(shape[0] for shape in stand.passes) == [1, 3]
    for image, found in zip(images, together, strict=True):
        expected = Stand().predict(image).probabilities["skin"]
        np.testing.assert_array_equal(found.probabilities["skin"], expected)


def test_batches_shrink_with_memory(monkeypatch):
    stand = Stand(size=256)
    monkeypatch.setattr(prediction, "_free_bytes", lambda: 64e9)
    assert stand.images_at_once((256, 256)) > stand.images_at_once((6000, 8000)) >= 1
    monkeypatch.setattr(prediction, "_free_bytes", lambda: 1e6)
    assert stand.images_at_once((256, 256)) == 1


def test_tiles_hold_the_maps_and_one_pass_of_windows(monkeypatch):
    monkeypatch.setattr(prediction, "LARGEST_BATCH", 4)
    stand = Stand()
    stand.predict(noise(1000, 1500), math.inf)
    assert max(shape[0] for shape in stand.passes) <= 4
    assert len(stand.passes) > 100


def test_views_are_seen_at_their_sizes_and_averaged():
    class Left(Stand):
        """Says how far left a pixel lies, and how large the image was seen."""

        def run(self, batch):
            super().run(batch)
            columns = np.linspace(1, 0, batch.shape[3], dtype=np.float32)
            whole = np.broadcast_to(columns, (len(batch), *batch.shape[2:]))
            return {"skin": whole, "person": np.full_like(whole, batch.shape[3] / 1000)}

    image = noise(64, 64)
    stand = Left()
    found = AveragedViews(stand, Views((64, 96), mirrored=True)).predict(image).probabilities
    assert [shape[-1] for shape in stand.passes] == [64, 96, 64, 96]
    np.testing.assert_allclose(found["skin"], 0.5, atol=1e-6)
    np.testing.assert_allclose(found["person"], 0.08, atol=1e-6)
    assert stand.size == 64, "the predictor given is left as it is"


def test_one_view_of_the_models_own_size_changes_nothing():
    images = [noise(50, 80), noise(64, 64), noise(10, 300)]
    plain, seen = Stand().predict_batch(images), AveragedViews(Stand(), Views()).predict_batch(images)
    for a, b in zip(plain, seen, strict=True):
        np.testing.assert_array_equal(a.probabilities["skin"], b.probabilities["skin"])


def test_views_as_written():
    assert parse_views("240, 320,mirror") == Views((240, 320), True)
    assert parse_views("mirror") == Views((), True)


@pytest.mark.parametrize("text", ["", "240,,320", "1", "99999", "-240", "240,240", "flip", "2e2", "٣٢٠"])
def test_other_views_are_refused_by_what_was_written(text):
    with pytest.raises(UserError, match="expected long sides in pixels"):
        parse_views(text)


def test_views_exclude_tiles():
    with pytest.raises(ValueError, match="exclude each other"):
        AveragedViews(Stand(), Views((64,))).predict(noise(64, 64), 2)
