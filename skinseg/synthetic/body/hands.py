"""Gestures of the hands, written as the anatomical flexion of each finger joint, and grips."""

from dataclasses import dataclass

import numpy as np

from skinseg.synthetic.body.joints import HAND, PALM, Joints, as_vector, mirrored, turn_about, unit_vector
from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.rotation import rotation_matrix, rotation_vector
from skinseg.synthetic.scene import Vector

# The three bones of each left finger at rest, index to little finger, in the axes of `HAND`.
PHALANGES = np.array(
    [
        [[0.95, 0.26, -0.14], [0.88, 0.46, -0.09], [0.82, 0.57, -0.05]],
        [[0.94, 0.31, 0.13], [0.91, 0.42, 0.07], [0.84, 0.54, 0.05]],
        [[0.91, 0.28, 0.30], [0.89, 0.41, 0.22], [0.80, 0.57, 0.18]],
        [[0.84, 0.36, 0.40], [0.80, 0.51, 0.33], [0.72, 0.63, 0.28]],
    ]
)


_THUMB_HINGE = np.array([0.58, -0.82, 0.01])  # axis that bends the left thumb, in the axes of `HAND`


@dataclass(frozen=True)
class Gesture:
    """What the fingers do, in degrees of anatomical flexion; all 0 is a flat hand with the fingers closed.

    fingers: index to little finger, each as (knuckle, middle joint, last joint).
    spread: the same fingers' turn within the palm's plane, positive towards the thumb.
    thumb: rotation vector of the thumb's base from rest, about the fingers' direction, out of the palm, and
        across the palm towards the little finger.
    thumb_flexion: of the thumb's two outer joints, from rest.
    """

    fingers: tuple[Vector, Vector, Vector, Vector]
    spread: tuple[float, float, float, float] = (4.0, 0.0, -4.0, -8.0)
    thumb: Vector = (0.0, 0.0, 0.0)
    thumb_flexion: tuple[float, float] = (0.0, 0.0)


_STRAIGHT = (2.0, 3.0, 2.0)
_FIST = (80.0, 105.0, 65.0)
CLOSED = (2.0, 0.0, -2.0, -4.0)
_WIDE = (16.0, 2.0, -12.0, -26.0)


GESTURES: dict[str, Gesture] = {
    "relaxed": Gesture(((15, 22, 12), (20, 26, 14), (24, 30, 16), (28, 32, 18)), thumb=(15, 0, 0)),
    "flat": Gesture((_STRAIGHT,) * 4, CLOSED, (5, -10, 0)),
    "open_palm": Gesture((_STRAIGHT,) * 4, _WIDE, (0, 0, 0), (-10, -10)),
    "fist": Gesture((_FIST,) * 4, CLOSED, (42, 5, -9), (28, 5)),
    "index": Gesture((_STRAIGHT, _FIST, _FIST, _FIST), CLOSED, (42, 10, -5), (31, 13)),
    "v_sign": Gesture((_STRAIGHT, _STRAIGHT, _FIST, _FIST), (14, -8, -2, -4), (45, -7, -5), (36, -5)),
    "three": Gesture((_STRAIGHT, _STRAIGHT, _STRAIGHT, _FIST), (12, 0, -10, -4), (40, -15, 0), (45, 5)),
    "four": Gesture((_STRAIGHT,) * 4, (10, 1, -8, -18), (45, -12, -15), (48, 0)),
    "thumb_up": Gesture((_FIST,) * 4, CLOSED, (-10, 25, 0), (-10, -12)),
    "l_shape": Gesture((_STRAIGHT, _FIST, _FIST, _FIST), CLOSED, (-5, 15, 0), (-10, -10)),
    "ok_ring": Gesture(
        ((52, 50, 28), (25, 20, 10), (15, 15, 10), (8, 10, 8)), (8, 2, -10, -22), (20, 10, 0), (16, 18)
    ),
    "horns": Gesture((_STRAIGHT, _FIST, _FIST, _STRAIGHT), (6, 0, -2, -14), (27, 12, -1), (45, 11)),
    "pinch": Gesture(((62, 46, 18), (60, 60, 30), (65, 70, 35), (70, 70, 40)), CLOSED, (24, 6, 0), (14, 14)),
}


def _finger_rest() -> tuple[Array, Array, Array]:
    """Of the four fingers at rest: spread (4,), flexion (4, 3), both radians, and the hinge (4, 3) of each."""
    forward, palm, across = np.eye(3)
    spread = np.array([turn_about(forward, bones[0], palm) for bones in PHALANGES])
    hinges = np.array([unit_vector(across - (across @ bones[0]) * bones[0]) for bones in PHALANGES])
    flexion = np.empty((4, 3))
    for finger, (bones, hinge) in enumerate(zip(PHALANGES, hinges, strict=True)):
        flexion[finger, 0] = np.arcsin(bones[0] @ palm)
        flexion[finger, 1] = turn_about(bones[0], bones[1], hinge)
        flexion[finger, 2] = turn_about(bones[1], bones[2], hinge)
    return spread, flexion, hinges


_REST_SPREAD, _REST_FLEXION, _HINGES = _finger_rest()


def left_hand(gesture: Gesture, flexion_noise: Array | None = None) -> Joints:
    """Finger joints of the left hand. flexion_noise: radians (4, 3) added to the fingers' flexion."""
    bends = np.radians(gesture.fingers) - _REST_FLEXION
    if flexion_noise is not None:
        bends += flexion_noise
    joints = {}
    for finger in range(4):
        hinge, palm = _HINGES[finger] @ HAND, PALM
        spread = np.radians(gesture.spread[finger]) - _REST_SPREAD[finger]
        first = rotation_matrix(bends[finger, 0] * hinge) @ rotation_matrix(spread * palm)
        joints[f"finger{finger + 2}-1.L"] = as_vector(rotation_vector(first))
        for joint in (1, 2):
            joints[f"finger{finger + 2}-{joint + 1}.L"] = as_vector(bends[finger, joint] * hinge)
    joints["finger1-1.L"] = as_vector(np.radians(gesture.thumb) @ HAND)
    for joint, flexion in zip((2, 3), gesture.thumb_flexion, strict=True):
        joints[f"finger1-{joint}.L"] = as_vector(np.radians(flexion) * _THUMB_HINGE @ HAND)
    return joints


def grip(side: str, curl: float) -> Joints:
    """Finger joints of the "left" or "right" hand closed round a thing: each is bent by `curl` radians."""
    bend = float(np.degrees(curl)) + 8.0  # beyond a flat hand; fingers at rest are bent by about as much
    hand = left_hand(Gesture(((bend, bend, bend),) * 4, CLOSED, (20, 0, 15), (15, 20)))
    return hand if side == "left" else mirrored(hand)
