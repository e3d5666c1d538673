"""Streams of training: no two parts or places draw the same, and nothing else in these rooms makes a generator."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skinseg
from skinseg.data.patches import StreamSampler, TrainingPatches
from skinseg.data.streams import Part, Role, generator

NUMBERS = st.integers(0, 2**32 - 1)
SHUFFLES = st.tuples(st.just(Part.SHUFFLE), st.sampled_from(Role), NUMBERS)
AUGMENTS = st.tuples(st.just(Part.AUGMENT), st.sampled_from(Role), NUMBERS, NUMBERS)
STEPS = st.tuples(st.just(Part.STEP), NUMBERS)
STREAMS = st.tuples(NUMBERS, st.one_of(SHUFFLES, AUGMENTS, STEPS))


def first(seed: int, part: Part, *place: int) -> bytes:
    return generator(seed, part, *place).bytes(16)


def places() -> Iterator[tuple[Part, tuple[int, ...]]]:
    small = range(8)
    for role in Role:
        yield from ((Part.SHUFFLE, (role, cycle)) for cycle in small)
        yield from ((Part.AUGMENT, (role, *each)) for each in itertools.product(small, small))
    yield from ((Part.STEP, (step,)) for step in range(64))


def test_no_two_streams_begin_alike() -> None:
    every = [first(seed, part, *place) for seed in range(8) for part, place in places()]
    assert len(every) == 8 * (2 * 8 + 2 * 64 + 64)
    assert len(set(every)) == len(every)


@given(STREAMS, STREAMS)
def test_streams_are_equal_where_all_their_numbers_are(one: Any, other: Any) -> None:
    assert (first(one[0], *one[1]) == first(other[0], *other[1])) == (one == other)
    assert first(one[0], *one[1]) == first(one[0], *one[1])


@pytest.mark.parametrize(
    ("part", "place", "said"),
    [
        (Part.SHUFFLE, (Role.PARTNER,), "expected role, cycle"),
        (Part.SHUFFLE, (Role.PARTNER, 1, 0), "expected role, cycle"),
        (Part.STEP, (2**32,), "4294967296, expected 0 to"),
        (Part.STEP, (-1,), "-1, expected 0 to"),
    ],
)
def test_a_place_of_another_form_is_refused(part: Part, place: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        generator(0, part, *place)


class Blank:
    """A cache of one image."""

    def image(self, position: int) -> np.ndarray:
        return np.zeros((4, 4, 3), np.uint8)

    def mask(self, position: int, head: str) -> None:
        return None


def test_the_order_of_a_cycle_says_nothing_of_its_augmentations(monkeypatch: pytest.MonkeyPatch) -> None:
    """What each of them draws, as training draws it; the first index had the order's stream once."""
    drawn: list[bytes] = []
    usual = np.random.default_rng

    def watched(sequence: np.random.SeedSequence) -> np.random.Generator:
        drawn.append(usual(sequence).bytes(16))
        return usual(sequence)

    def still(image: Any, masks: Any, generator: Any) -> Any:
        return [image, *masks]

    monkeypatch.setattr(np.random, "default_rng", watched)
    for role in Role:
        patches = TrainingPatches(cast(Any, Blank()), range(3), still, still, 0, 5, role)
        for epoch in range(3):
            for index in StreamSampler(3, 3, 5, role, lambda epoch=epoch: epoch):  # type: ignore[misc]
                patches[index]
    assert len(drawn) == 2 * 3 * (1 + 3)
    assert len(set(drawn)) == len(drawn)


def test_data_and_training_make_generators_in_one_place() -> None:
    package = Path(skinseg.__file__).parent
    files = [*package.joinpath("data").rglob("*.py"), *package.joinpath("training").rglob("*.py")]
    made = {
        path.relative_to(package).as_posix()
        for path in files
        if re.search(r"SeedSequence\(|default_rng\(|RandomState\(|torch\.Generator\(", path.read_text())
    }
    assert made == {"data/streams.py"}
