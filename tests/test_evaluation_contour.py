"""The boundary F-score's counts: against a loop, against scipy, and against MONAI's surface Dice."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from skinseg.evaluation.contour import TOLERANCE, contour, contour_counts

SHAPES = ((30, 41), (60, 80))


def blob(seed: int, shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(rng.random(shape), 3) > 0.5


def case(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A prediction that strays from its mask by a pixel here and there, bool and uint8."""
    mask = blob(seed, shape)
    predicted = np.roll(mask, (seed % 3, -(seed % 2)), (0, 1)) ^ (
        blob(seed + 1, shape) & blob(seed + 2, shape)
    )
    return predicted, mask.astype(np.uint8)


CASES = [case(10 * seed, shape) for seed in range(5) for shape in SHAPES]
CASES += [
    (predicted, mask)
    for shape in SHAPES
    for predicted in (np.zeros(shape, bool), np.ones(shape, bool), blob(3, shape))
    for mask in (np.zeros(shape, np.uint8), np.ones(shape, np.uint8), blob(4, shape).astype(np.uint8))
]


@pytest.mark.parametrize(("predicted", "mask"), CASES)
def test_against_a_loop(predicted: np.ndarray, mask: np.ndarray) -> None:
    def outline(there: np.ndarray) -> list[tuple[int, int]]:
        height, width = there.shape
        pixels = []
        for y, x in zip(*np.nonzero(there), strict=True):
            around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
            if any(0 <= v < height and 0 <= u < width and not there[v, u] for v, u in around):
                pixels.append((y, x))
        return pixels

    def near(pixels: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
        if not others:
            return 0
        targets = np.array(others)
        radius = TOLERANCE * np.hypot(*mask.shape)
        return sum(bool((((targets - p) ** 2).sum(axis=1) <= radius**2).any()) for p in pixels)

    true, claimed = outline(mask == 1), outline(predicted)
    counts = contour_counts(predicted, mask)
    assert (counts.contour_true, counts.contour_predicted) == (len(true), len(claimed))
    assert counts.contour_found == near(true, claimed)
    assert counts.contour_right == near(claimed, true)


@pytest.mark.parametrize("seed", range(4))
def test_against_monai_surface_dice(seed: int) -> None:
    # Here, as it takes seconds and every worker of pytest imports this file.
    from monai.metrics import compute_surface_dice

    # MONAI calls the picture's frame a contour; a rim of background takes it away from both.
    predicted, mask = (np.pad(value, 20) for value in case(10 * seed, (200, 260)))
    counts = contour_counts(predicted, mask)

    def one_hot(there: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([there == 0, there == 1])[None].astype(np.float32))

    radius = float(TOLERANCE * np.hypot(*mask.shape))
    theirs = compute_surface_dice(
        one_hot(predicted), one_hot(mask), class_thresholds=[radius], distance_metric="euclidean"
    )
    near, every = (
        counts.contour_found + counts.contour_right,
        counts.contour_true + counts.contour_predicted,
    )
    assert 0.3 < near / every < 1
    assert near / every == pytest.approx(float(theirs), abs=1e-6)


def test_frame_is_no_contour_and_a_pixel_is_one() -> None:
    assert not contour(np.ones((5, 7), bool)).any()
    assert not contour(np.zeros((5, 7), bool)).any()
    dot = np.zeros((5, 7), bool)
    dot[2, 3] = True
    assert (contour(dot) == dot).all()


def test_ignored_pixels_are_background_on_both_sides() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[50:150, 50:150] = 255
    mask[55:145, 55:145] = 1
    predicted = np.zeros((200, 200), bool)
    predicted[52:148, 52:148] = True
    counts = contour_counts(predicted, mask)
    assert (
        counts.contour_true
        == counts.contour_found
        == counts.contour_predicted
        == counts.contour_right
        == 4 * 89
    )
