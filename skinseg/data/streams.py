"""Every random stream of training by its name: the one place where data and training derive generators.

Splits and subsets draw nothing: they rank names by a hash (`skinseg.data.splits`), a rule that committed lists and
result rows hold to.
"""

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

_WORD = 1 << 32  # NumPy cuts larger numbers into several, and (2**32,) would be (0, 1)


class Part(IntEnum):
    """What is drawn. A number decides what runs draw, so it stays with its name; a new part takes a new one."""

    SHUFFLE = 0
    AUGMENT = 1
    STEP = 2
    TONE_ORDER = 3
    TONE_AUGMENT = 4
    TONE_WEIGHTS = 5
    RETONE = 6


class Role(IntEnum):
    """Whose patches are drawn: the set's that is trained on, or its partner's, which an adaptation method shows
    beside it."""

    TRAINED_ON = 0
    PARTNER = 1


_PLACE: Mapping[Part, tuple[str, ...]] = {
    Part.SHUFFLE: ("role", "cycle"),
    Part.AUGMENT: ("role", "cycle", "index"),
    Part.STEP: ("step",),
    Part.TONE_ORDER: ("epoch",),
    Part.TONE_AUGMENT: ("epoch", "index"),
    Part.TONE_WEIGHTS: (),
    Part.RETONE: ("group",),
}


def generator(seed: int, part: Part, *place: int) -> np.random.Generator:
    """The generator of a part at a place, of a run's seed; no two share a stream.

    place: SHUFFLE role, cycle: the order of a set's patches in a cycle. AUGMENT role, cycle, index: a patch's
    augmentation and mosaic. STEP step: what torch draws in a step of the optimiser. TONE_ORDER epoch, TONE_AUGMENT
    epoch, index, and TONE_WEIGHTS: of a recogniser of tones. RETONE group: the tones that photographs are given.

    NumPy pads entropy with zeros, so lists of numbers that differ in length can be one stream; a spawn key is not
    padded. Raises ValueError for a place of another part's form, and for a number outside 0 to 2^32 - 1.
    """
    if len(place) != len(_PLACE[part]):
        raise ValueError(f"{part.name} at {place}: expected {', '.join(_PLACE[part])}")
    for number in (seed, *place):
        if not 0 <= number < _WORD:
            raise ValueError(f"{part.name} of seed {seed} at {place}: {number}, expected 0 to 2^32 - 1")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(part, *place)))
