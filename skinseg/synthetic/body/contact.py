"""Where things touch a body: the palm of a hand, and the seat."""

from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.body.anatomy import PosedBody
from skinseg.synthetic.body.reference import BODY_VERTICES, reference_body
from skinseg.synthetic.geometry.arrays import Floats

Hand = tuple[Floats, Floats]


def hand_frame(body: PosedBody, side: str) -> Hand:
    """Middle of the palm's skin, float32 (3,), and axes, float32 (3, 3), of the "left" or "right" hand.

    Rows of the axes: along the fingers, across towards the thumb, out of the palm; left-handed on the right.
    Raises ValueError on another side.
    """
    if side not in ("left", "right"):
        raise ValueError(f"unknown hand {side!r}: expected left or right")
    letter = side[0].upper()
    bones = body.posed_bones
    wrist, *knuckles = (
        bones[f"{name}.{letter}"].astype(np.float64)
        for name in ("wrist", *(f"finger{i}-1" for i in (2, 3, 4, 5)))
    )
    middle = np.mean(knuckles, axis=0)
    along = (middle - wrist) / np.linalg.norm(middle - wrist)
    across = knuckles[0] - knuckles[3]
    across -= (across @ along) * along
    across /= np.linalg.norm(across)
    out = np.cross(along, across) * (1 if side == "left" else -1)
    axes = np.stack([along, across, out])
    centre = wrist + 0.68 * (middle - wrist)
    share = (
        reference_body().bone_share(
            f"metacarpal1.{letter}",
            f"metacarpal2.{letter}",
            f"metacarpal3.{letter}",
            f"metacarpal4.{letter}",
            f"wrist.{letter}",
        )[:BODY_VERTICES]
        > 0.5
    )
    skin = (body.posed[:BODY_VERTICES][share] - centre) @ axes.T
    near = skin[(np.hypot(skin[:, 0], skin[:, 1]) < 0.02)]
    height = float(near[:, 2].max()) if len(near) else 0.012
    return (centre + height * out).astype(np.float32), axes.astype(np.float32)


SEAT_DEPTH = 0.4  # metres from the back within which a sitter's legs rest


@dataclass(frozen=True)
class Sitter:
    """Who sits on a thing: height of the lowest skin above it and where the back ends along +Y, metres, before
    they were turned by `facing` (radians) and moved to `place`."""

    height: float
    back: float
    place: tuple[float, float]
    facing: float


def sitter(body: PosedBody, place: tuple[float, float], facing: float) -> Sitter:
    """One who sits with feet at z = 0, facing -Y."""
    legs = reference_body().bone_share("upperleg", "pelvis", "root")[:BODY_VERTICES] > 0.5
    skin = body.posed[:BODY_VERTICES][legs].astype(np.float64)
    back = float(skin[:, 1].max())
    return Sitter(float(skin[skin[:, 1] > back - SEAT_DEPTH, 2].min()), back, place, facing)
