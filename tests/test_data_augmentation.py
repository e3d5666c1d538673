"""Augmentation: a function of its generator, and honest about pixels it made up."""

from typing import Any, cast

import numpy as np
import pytest

from skinseg.data.augmentation import STRENGTHS, training_transform
from skinseg.data.patches import TrainingPatches
from skinseg.data.streams import Role
from skinseg.datasets.sample import IGNORE
from skinseg.errors import UserError
from tests.fakes import fake


def inputs(height: int = 60, width: int = 100) -> tuple[np.ndarray, list[np.ndarray]]:
    picture = fake(2, height, width)
    skin = picture.skin.astype(np.uint8)
    return picture.image, [skin, np.full_like(skin, IGNORE)]


@pytest.mark.parametrize("strength", STRENGTHS)
def test_same_generator_same_patch(strength: str) -> None:
    transform, other = training_transform(48, strength), training_transform(48, strength)
    patches = []
    for seed in range(12):
        first = transform(*inputs(), np.random.default_rng(seed))
        transform(*inputs(), np.random.default_rng(99))  # what came between must not matter
        for again in (
            transform(*inputs(), np.random.default_rng(seed)),
            other(*inputs(), np.random.default_rng(seed)),
        ):
            for a, b in zip(first, again, strict=True):
                np.testing.assert_array_equal(a, b)
        patches.append(first[0].tobytes())
    assert len(set(patches)) == 12


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("shape", [(60, 100), (20, 30), (300, 40)])
def test_shapes_and_values(strength: str, shape: tuple[int, int]) -> None:
    transform = training_transform(48, strength)
    for seed in range(20):
        image, skin, person = transform(*inputs(*shape), np.random.default_rng(seed))
        assert image.shape == (48, 48, 3)
        assert image.dtype == np.uint8
        assert skin.shape == person.shape == (48, 48)
        assert set(np.unique(skin)) <= {0, 1, IGNORE}
        assert (person == IGNORE).all()


def test_mask_stays_on_the_skin_and_outside_is_ignored() -> None:
    """Red inside, blue outside: after any geometry, labelled pixels must still have their colour."""
    skin = fake(0, 80, 120).skin.astype(np.uint8)
    image = np.where(skin[:, :, None] == 1, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    transform = training_transform(64, "geometry")
    outside = 0
    for seed in range(40):
        patch, mask = transform(image, [skin], np.random.default_rng(seed))
        red = patch[:, :, 0] > patch[:, :, 2]
        labelled = mask != IGNORE
        outside += np.count_nonzero(~labelled)
        assert (red == (mask == 1))[labelled].mean() > 0.93
    assert outside > 0


@pytest.mark.parametrize("scale", [0.005, 0.02, 0.05])
def test_shot_noise_by_table_has_the_law_of_albumentations(scale: float) -> None:
    """Mean of every value of a pixel, over 6,000 draws: within 4 standard errors; spread, but of dark values, where it
    is the rare photon's, within 6 %."""
    from skinseg.data import augmentation

    values = np.arange(256, dtype=np.uint8)[:, None, None]
    image = np.broadcast_to(values, (256, 2000, 3)).copy()
    ours, usual = augmentation.QuickShotNoise(p=1), augmentation.A.ShotNoise(p=1)
    ours.set_random_seed(2)
    ours, usual = (
        kind.apply(image, scale=scale, random_seed=1).reshape(256, -1).astype(float) for kind in (ours, usual)
    )
    spread = usual.std(1)
    assert spread.max() > 10
    assert (abs(ours.mean(1) - usual.mean(1)) < 4 * spread * (2 / 6000) ** 0.5 + 0.1).all()
    assert (abs(ours.std(1) - spread) < 0.06 * spread + 0.1)[40:].all()


def test_steps_fire_independently() -> None:
    """With one copied random state per step, a step's coin would decide all the others'."""
    transform = training_transform(48)
    image = np.full((48, 48, 3), 120, np.uint8)
    image[:, :24] = (200, 150, 60)
    mask = np.zeros((48, 48), np.uint8)
    mask[:, :24] = 1
    flipped_and_grey = set()
    for seed in range(300):
        patch, skin, _ = transform(image, [mask, mask], np.random.default_rng(seed))
        flipped = bool((skin[:, -6:] == 1).mean() > (skin[:, :6] == 1).mean())
        grey = bool(np.ptp(patch.astype(int), axis=2).max() <= 40)
        flipped_and_grey.add((flipped, grey))
    assert {flipped for flipped, _ in flipped_and_grey} == {True, False}
    assert len(flipped_and_grey) == 4


def test_steps_are_chosen_by_their_shares() -> None:
    """Of 20,000 draws, within 4 standard errors."""
    from skinseg.data import augmentation

    generator, count = np.random.default_rng(5), 20_000
    one_of = augmentation._OneOf(0.6, (1, "a"), (1, "b"), (0.5, "c"))
    drawn = [one_of.drawn(generator) for _ in range(count)]
    for step, share in (("a", 0.24), ("b", 0.24), ("c", 0.12), (None, 0.4)):
        assert abs(drawn.count(step) / count - share) < 4 * (share * (1 - share) / count) ** 0.5


def test_unknown_strength() -> None:
    with pytest.raises(UserError, match="'weak' does not exist; choose one of strong, geometry, hsv, paper"):
        training_transform(48, "weak")


def test_tiles_of_a_mosaic_keep_their_masks_on_the_skin() -> None:
    """Red skin on blue: in every tile, of odd sides and shrunk first, labelled pixels have their colour."""

    class Coloured:
        def image(self, index: int) -> np.ndarray:
            return np.where(self.mask(index, "skin")[:, :, None] == 1, (255, 0, 0), (0, 0, 255)).astype(
                np.uint8
            )

        def mask(self, index: int, head: str) -> np.ndarray:
            return fake(index, 81 + index, 120 - index).skin.astype(np.uint8)

    transforms = [training_transform(size, "geometry") for size in (96, 48)]
    patches = TrainingPatches(cast(Any, Coloured()), range(4), *transforms, 1.0, 0, Role.TRAINED_ON, ["skin"])
    seen = set()
    for cycle in range(10):
        patch = patches[cycle, cycle % 4]
        image, skin = patch["image"].numpy(), patch["skin"].numpy()
        assert image.shape == (3, 96, 96)
        assert skin.shape == (96, 96)
        red = image[0] > image[2]
        for rows in (slice(48), slice(48, None)):
            for columns in (slice(48), slice(48, None)):
                labelled = skin[rows, columns] != IGNORE
                right = (red == (skin == 1))[rows, columns]
                assert right[labelled].mean() > 0.9
                seen.add(right.tobytes())
    assert len(seen) > 30
