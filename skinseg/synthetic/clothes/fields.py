"""Places on the reference body and the fields of which a garment's edges are made.

A field is negative where cloth is and zero at an edge (metres, about a distance). The same field cuts the cloth and
says which body faces it covers, so that the two agree on every body and in every pose.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from skinseg.synthetic.body.reference import reference_body
from skinseg.synthetic.clothes.shell import reference_shell
from skinseg.synthetic.geometry.arrays import Floats, Numbers
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Part, stream

# Heights on the reference body, metres.
CROTCH, WAIST, NAVEL, ANKLE, COLLAR, NECK = 0.063, 0.19, 0.27, -0.72, 0.66, 0.752
HEAD_BONES = ("head", "jaw", "special", "oris", "tongue", "levator", "eye", "orbi", "temp", "oculi", "risor")
TUCKED = 0.006  # metres that cloth stands off under a waistband and at a collar


@dataclass(frozen=True)
class Places:
    """Where fields are read: points float32 (N, 3) on the reference body, and their shares of some bones."""

    points: Floats
    arm: Floats
    hand: Floats
    head: Floats
    sleeve: Floats  # metres from the shoulder towards the wrist
    reach: float  # metres from shoulder to wrist


@cache
def body_places() -> Places:
    reference = reference_body()
    return _places(
        reference.rest,
        reference.bone_share("upperarm", "lowerarm", "wrist", "finger", "metacarpal"),
        reference.bone_share("wrist", "finger", "metacarpal"),
        reference.bone_share("neck02", "neck03", *HEAD_BONES),
    )


@cache
def shell_places() -> Places:
    shell, body = reference_shell(), body_places()
    shares = np.stack([body.arm, body.hand, body.head], axis=1)[shell.coarse]
    arm, hand, head = np.asarray(shell.matrix @ shares, np.float32).T
    return _places(shell.rest, arm, hand, head)


def _places(points: Floats, arm: Floats, hand: Floats, head: Floats) -> Places:
    shoulder, elbow, wrist = (
        reference_body().bones[f"{name}.L"] for name in ("upperarm01", "lowerarm01", "wrist")
    )
    mirrored = points.copy()
    mirrored[:, 0] = np.abs(mirrored[:, 0])
    upper, lower = elbow - shoulder, wrist - elbow
    upper_length, lower_length = np.linalg.norm(upper), np.linalg.norm(lower)
    upper, lower = upper / upper_length, lower / lower_length
    bisector = (upper + lower) / np.linalg.norm(upper + lower)
    past_elbow = np.clip((mirrored - elbow) @ bisector / 0.08 + 0.5, 0, 1)
    along = (1 - past_elbow) * ((mirrored - shoulder) @ upper) + past_elbow * (
        upper_length + (mirrored - elbow) @ lower
    )
    return Places(points, arm, hand, head, along, float(upper_length + lower_length))


def leg_end(leg: float) -> float:
    """Height at which trouser legs end: 0 = crotch, 1 = ankle."""
    return CROTCH - 0.05 + leg * (ANKLE - CROTCH + 0.05)


def leg_holes(at: Places) -> Floats:
    x, _, z = at.points.T
    return np.asarray(CROTCH - 0.045 + 0.55 * np.clip(np.abs(x) - 0.05, 0, None) - z)


def straps_end(at: Places) -> Floats:
    """Positive beyond the armhole of a tank top."""
    x, _, z = at.points.T
    return np.asarray(np.abs(x) - (0.108 + 0.9 * np.clip(0.66 - z, 0, None)))


def arm_end(at: Places, sleeve: float) -> Floats:
    """Positive beyond the sleeve's end: distance along the arm from shoulder (0) to wrist (1)."""
    end = sleeve * (at.reach - 0.01)
    # Shallow about the armpit, where skinning weights change within centimetres; deep in the torso.
    torso = 0.04 * (at.arm - 0.5) - 3 * np.clip(0.1 - at.arm, 0, None)
    return np.asarray(np.minimum(at.sleeve - end, torso), np.float32)


def neckline(style: str, depth: float, at: Places) -> Floats:
    """Positive inside the opening for the neck; depth 0-1."""
    x, y, z = at.points.T
    if style == "high":
        return np.asarray(z - 0.785 - 0.06 * np.clip(y + 0.03, 0, None))
    if style == "strapless":
        return np.asarray(z - 0.618)
    if style in ("v", "collar"):
        depth, deep = 0.0, depth
    elif style == "straps":
        depth = max(depth, 0.4)
    center = np.array([0.0, -0.02 - 0.07 * depth, NECK + 0.005 - 0.03 * depth], np.float32)
    away = at.points - center
    if style == "boat":
        away = away * np.array([0.62, 1.0, 1.0], np.float32)
    collar = 0.085 + 0.035 * depth - np.linalg.norm(away, axis=1)
    above = np.maximum(z - (NECK - 0.01 - 0.02 * depth), 0.2 * (at.head - 0.5))
    if style == "v":
        bottom = NECK - 0.09 - 0.13 * deep
        wedge = 0.55 * (z - bottom) - np.abs(x)
        above = np.maximum(above, np.minimum(0.9 * wedge, -0.03 - y))
    return np.asarray(0.008 * np.logaddexp(collar / 0.008, above / 0.008))  # a maximum, its corner rounded


def front_gap(garment: Garment, z: Numbers) -> Floats:
    """Half the width of a jacket's opening at each height, metres: closed ones open above the breast only."""
    lapel = 0.32 * np.clip(z - (0.52 - 0.12 * drawn(garment, 4)), 0, None)
    if drawn(garment, 5) < 0.35:
        return np.asarray(np.minimum(lapel, 0.07) - 0.004)
    width = 0.03 + 0.05 * drawn(garment, 6)
    return np.asarray(np.minimum(width + 0.06 * (0.6 - z), 0.12))


def drawn(garment: Garment, number: int) -> float:
    """The garment's own random number `number`, in [0, 1)."""
    return float(random_of(garment, number).random())


def random_of(garment: Garment, number: int) -> np.random.Generator:
    return stream(Part.GARMENT, garment.seed, number=number)
