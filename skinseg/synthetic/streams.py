"""Every random stream of the generator by its name, and the ways to draw from one: nothing else makes a generator.

A stream is told from others by `spawn_key`, never by the length of the entropy: NumPy pads entropy with zeros, so
that [seed, index] and [seed, index, 0] are one stream.

Free of everything but NumPy: the render worker imports it in its own environment.
"""

import enum

import numpy as np

Random = np.random.Generator
Span = tuple[float, float]  # from and to, as `uniform` takes them


class Part(enum.IntEnum):
    """What is drawn from one stream. A number stands for its part in every set ever rendered: never give it away."""

    # of a scene
    ROOM = 0
    TRACK = 1
    CAMERA = 2
    LENS = 3
    LIGHTS = 4
    THINGS = 5
    COMPANY = 6
    SEATS = 7
    HELD = 8
    # of a person in it
    BODY = 20
    TONE = 21
    SKIN = 22
    HAIR = 23
    IRIS = 24
    CLOTHES = 25
    WORN = 26
    # of one thing, whose own seed stands in the scene: the details that geometry and materials give it
    SCALP = 40
    STRANDS = 41
    HAIRLINE = 42
    BROWS = 43
    LASHES = 44
    BEARD = 45
    HAIR_LOOK = 46
    SKIN_LOOK = 47
    FACE_LINES = 48
    GARMENT = 49
    FOLDS = 50
    CLOTH_LOOK = 51
    PATTERN = 52
    ACCESSORY = 53
    GLASSES = 54
    THING = 55
    TEXTURE = 56
    GRAIN = 57


def stream(part: Part, seed: int, index: int = 0, attempt: int = 0, number: int = 0) -> Random:
    """The generator of a part: equal arguments give equal streams, any others give unrelated ones.

    seed: of the set, or a thing's own, at least 0 and below 2^128. index, attempt: the frame's and its re-draw's.
    number: which of several, such as the person's; each at least 0 and below 2^32. Raises ValueError outside these.
    """
    # The bounds keep keys of one length: NumPy cuts larger numbers into several words of 32 bits.
    if not 0 <= seed < 2**128 or not all(0 <= each < 2**32 for each in (index, attempt, number)):
        raise ValueError(
            f"seed {seed}, index {index}, attempt {attempt} or number {number} out of range: "
            "expected 0 <= seed < 2^128 and the others from 0 to 2^32 - 1"
        )
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(part, index, attempt, number)))


def uniform(rng: Random, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def small(rng: Random, largest: float) -> float:
    """From 0 to the largest, small values more often: X² of it."""
    return largest * float(rng.random()) ** 2


def normal(rng: Random, deviation: float, *, limit: float) -> float:
    return float(np.clip(rng.normal(0.0, deviation), -limit, limit))


def new_seed(rng: Random) -> int:
    return int(rng.integers(2**31))


def pick(rng: Random, weights: dict[str, float]) -> str:
    """A name with the probability of its weight; the order of the mapping does not matter."""
    names = sorted(weights)
    shares = np.array([weights[name] for name in names], dtype=np.float64)
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]
