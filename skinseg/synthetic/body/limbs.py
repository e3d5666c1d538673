"""Arms and legs from directions: swing and twist at shoulder and hip, a pure hinge at elbow and knee."""

import numpy as np

from skinseg.synthetic.body.hands import GESTURES, left_hand
from skinseg.synthetic.body.joints import (
    ACROSS,
    FOREARM,
    PALM,
    SHIN,
    THIGH,
    UPPER_ARM,
    Joints,
    as_vector,
    mirrored,
    turn_about,
    unit_vector,
)
from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.rotation import rotation_matrix, rotation_vector
from skinseg.synthetic.scene import Vector


def _limb(upper: Array, lower: Array, rest: tuple[Array, Array], hinge: Array) -> tuple[Array, float, float]:
    """How a two-bone limb reaches given directions: swing (3,), twist about the upper bone, and flexion.

    rest: the directions of both bones at rest; hinge: unit axis of the middle joint, about which flexion
    counts from rest.
    """
    axis = np.cross(rest[0], upper)
    turn = np.arccos(np.clip(rest[0] @ upper, -1, 1))
    swing = unit_vector(axis) * turn if np.linalg.norm(axis) > 1e-6 else axis
    # In the rest pose's axes: which way the lower bone must leave the upper one once the swing is undone.
    bent = np.cross(rest[0], rotation_matrix(-swing) @ lower)
    twist = turn_about(hinge, bent, rest[0]) if np.linalg.norm(bent) > 1e-3 else 0.0
    flexion = np.arccos(np.clip(upper @ lower, -1, 1)) - turn_about(rest[0], rest[1], hinge)
    return swing, twist, float(flexion)


ELBOW = unit_vector(np.cross(UPPER_ARM, FOREARM))
KNEE = unit_vector(np.cross(THIGH, SHIN))
STRAIGHT_ELBOW = -turn_about(UPPER_ARM, FOREARM, ELBOW)
_MOST_PRONATION = 1.5  # radians either way, with the little that the shoulder adds


def left_arm(
    upper: Vector,
    fore: Vector,
    palm: Vector | None = None,
    *,
    bend: float = 0.0,
    gesture: str = "relaxed",
) -> Joints:
    """Joints that point the left upper arm and forearm along the given directions.

    palm: where the palm shall face as far as the forearm can turn it; None leaves the forearm as it is at
    rest. bend: radians of bending the wrist towards the palm.
    """
    wanted = unit_vector(np.array(upper))
    # An arm that rises takes the collar bone along, else the shoulder's skin collapses.
    lift = 0.35 * max(0.0, np.arcsin(wanted[2]) - np.arcsin(UPPER_ARM[2]))
    collar = np.array([0.0, -lift, 0.0])
    back = rotation_matrix(-collar)
    swing, twist, flexion = _limb(
        back @ wanted, back @ unit_vector(np.array(fore)), (UPPER_ARM, FOREARM), ELBOW
    )
    joints = {
        "clavicle.L": collar,
        "upperarm01.L": swing,
        "upperarm02.L": twist * UPPER_ARM,
        "lowerarm01.L": flexion * ELBOW,
    }
    pronation = 0.0
    if palm is not None:
        turned = np.eye(3)
        for rotation in joints.values():
            turned = turned @ rotation_matrix(rotation)
        pronation = turn_about(PALM, turned.T @ np.array(palm), FOREARM / np.linalg.norm(FOREARM))
    pronation = float(np.clip(pronation, -_MOST_PRONATION, _MOST_PRONATION))
    # Half at the middle of the forearm and half at the wrist, else the skin looks wrung.
    joints["lowerarm02.L"] = 0.5 * pronation * FOREARM
    turn = rotation_matrix(0.5 * pronation * FOREARM) @ rotation_matrix(bend * ACROSS)
    joints["wrist.L"] = rotation_vector(turn)
    return {name: as_vector(rotation) for name, rotation in joints.items()} | left_hand(GESTURES[gesture])


def left_leg(thigh: Vector, shin: Vector, *, foot: Vector = (0.0, 0.0, 0.0), toes: float = 0.0) -> Joints:
    """Joints that point the left thigh and shin along the given directions.

    foot: rotation vector of the foot in the world, zero stands flat and looks ahead; toes: radians that they
    bend upwards.
    """
    upper, lower = unit_vector(np.array(thigh)), unit_vector(np.array(shin))
    swing, twist, flexion = _limb(upper, lower, (THIGH, SHIN), KNEE)
    turned = rotation_matrix(swing) @ rotation_matrix(twist * THIGH) @ rotation_matrix(flexion * KNEE)
    joints = {
        "upperleg01.L": swing,
        "upperleg02.L": twist * THIGH,
        "lowerleg01.L": flexion * KNEE,
        "foot.L": rotation_vector(turned.T @ rotation_matrix(np.array(foot))),
    }
    for toe in range(1, 6) if toes else ():
        joints[f"toe{toe}-1.L"] = np.array([-toes, 0.0, 0.0])
    return {name: as_vector(rotation) for name, rotation in joints.items()}


def both_legs(left: tuple[float, float], right: tuple[float, float]) -> Joints:
    """(hip flexion, knee flexion) in radians for each leg; feet stay level, legs closer than in the A-pose."""
    joints = {}
    for side, inwards, (hip, knee) in (("L", 0.09, left), ("R", -0.09, right)):
        joints[f"upperleg01.{side}"] = (-hip, inwards, 0.0)
        joints[f"lowerleg01.{side}"] = (knee, 0.0, 0.0)
        joints[f"foot.{side}"] = (hip - knee, -inwards, 0.0)
    return joints


def both(left: Joints) -> Joints:
    """A left limb's joints for both sides."""
    return left | mirrored(left)


def bent_trunk(forwards: float, neck: float = 0.0) -> Joints:
    """A trunk bent by radians in all, shared among the spine's bones, and the neck's bending against it."""
    spine: Joints = {f"spine0{i}": (forwards / 4, 0.0, 0.0) for i in (5, 4, 3, 2)}
    return spine | {"neck01": (-neck / 2, 0.0, 0.0), "head": (-neck / 2, 0.0, 0.0)}
