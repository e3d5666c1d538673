"""Every random stream of probing, balancing and auditing by its name; none is one of the generator's.

Keys are of five numbers, where the generator's are of four, and NumPy does not pad spawn keys.
"""

import enum

import numpy as np


class Part(enum.IntEnum):
    """What is drawn. A number decides what comes out, so it stays with its name; a new part takes a new one."""

    RECOLOUR = 0
    LIGHT = 1
    CLOTHING = 2
    BACKGROUND = 3
    WORN = 4
    PARENTS = 10
    MUTATION = 11
    NOISE = 12
    CHOICE = 13
    BOOTSTRAP = 20
    SAMPLE = 21
    HALVES = 22
    SETTINGS = 30


def stream(part: Part, seed: int, index: int = 0, attempt: int = 0, number: int = 0) -> np.random.Generator:
    """The generator of a part at a place: equal arguments give equal streams, any others unrelated ones.

    seed: at least 0; index, attempt, number: 0 to 2^32 - 1. Raises ValueError outside these.
    """
    if seed < 0 or not all(0 <= each < 2**32 for each in (index, attempt, number)):
        raise ValueError(f"{part.name} of seed {seed} at {index}, {attempt}, {number}: out of range")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(part, index, attempt, number, 0)))
