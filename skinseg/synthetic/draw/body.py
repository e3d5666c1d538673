"""Random adult bodies: build, posture, gestures of the hands, gaze and expression. NumPy only: drawing is fast."""

import numpy as np

from skinseg.synthetic.body.expressions import EXPRESSIONS, ONE_SIDED
from skinseg.synthetic.body.hands import GESTURES, left_hand
from skinseg.synthetic.body.joints import FOREARM, MIRROR, Joints, as_vector, mirrored
from skinseg.synthetic.body.limbs import ELBOW, STRAIGHT_ELBOW
from skinseg.synthetic.body.posture import POSTURES, Posture
from skinseg.synthetic.config import GeneratorConfig
from skinseg.synthetic.geometry.arrays import Array
from skinseg.synthetic.geometry.rotation import rotation_matrix, rotation_vector
from skinseg.synthetic.scene import YOUNGEST_ADULT, Body

# How many times as often postures are drawn that show the tracked part best.
_FAVOUR = 8.0


# Standard deviation of joint noise in radians about each axis.
_NOISY_BONES = {f"spine0{i}": 0.04 for i in range(1, 6)} | {
    f"{bone}.{side}": deviation
    for bone, deviation in (
        ("clavicle", 0.04), ("upperarm01", 0.13), ("wrist", 0.15), ("upperleg01", 0.07), ("foot", 0.05),
    )
    for side in "LR"
}  # fmt: skip


# Side -> direction of its x axis, and factors that mirror a left rotation to it.
_SIDES = {"L": (1.0, np.ones(3)), "R": (-1.0, MIRROR)}


def draw_joints(
    rng: np.random.Generator, family: str, p_gesture: float = 0.0, opening: float = 0.0
) -> Joints:
    """The posture `family`, mirrored half of the time, with Gaussian joint noise clipped at two deviations.

    p_gesture: share of free hands that make one of `GESTURES`. opening: radians that hanging arms keep away
    from a broad body. Elbows and knees move about their hinges only and never bend backwards. Raises KeyError
    on an unknown family.
    """
    posture = POSTURES[family]
    joints = {name: np.array(rotation) for name, rotation in posture.joints.items()}
    touching = {side: posture.touching and not posture.hangs(side) for side in _SIDES}
    arm_scale = {side: 0.25 if touching[side] else 1.0 for side in _SIDES}
    trunk_scale = 0.4 if posture.hands_on_legs else 1.0

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
        flexion = float(joints.get(f"lowerarm01.{side}", np.zeros(3)) @ (mirror * ELBOW))
        bend = max(0.15 * arm_scale[side] * float(noise()), STRAIGHT_ELBOW + 0.05 - flexion)
        turn(f"lowerarm01.{side}", mirror * ELBOW * bend)
        turn(f"lowerarm02.{side}", mirror * FOREARM * 0.25 * arm_scale[side] * noise())
        turn(f"lowerleg01.{side}", np.array([0.08 * abs(noise()), 0.0, 0.0]))
        hand = _draw_hand(rng, posture, side, p_gesture)
        joints |= {name: np.array(rotation) for name, rotation in hand.items()}
    if posture.turned is not None:
        # Of a hand held up, either the palm or the back is shown, seldom the edge.
        low, high = posture.turned
        turned = rng.choice((low, high)) if rng.random() < 0.7 else rng.uniform(low, high)
        half = rotation_matrix(0.5 * turned * FOREARM)
        joints["lowerarm02.L"] = joints["lowerarm02.L"] + 0.5 * turned * FOREARM
        joints["wrist.L"] = rotation_vector(half @ rotation_matrix(joints["wrist.L"]))
    result = {name: as_vector(rotation) for name, rotation in joints.items()}
    result |= _draw_head(rng, result)
    return mirrored(result) if rng.random() < 0.5 else result


def _draw_hand(rng: np.random.Generator, posture: Posture, side: str, p_gesture: float) -> Joints:
    names = list(GESTURES)
    kept = posture.left_gesture if side == "L" else ""
    free = not posture.busy_hands and not kept
    made = rng.random() < p_gesture
    name = names[int(rng.integers(len(names)))]
    if not free or not made:
        name = kept or "relaxed"
    loose = 0.06 if name == "relaxed" else 0.03
    bends = np.clip(rng.normal(size=(4, 1)), -2, 2) * loose + rng.uniform(-0.15, 0.25) * (name == "relaxed")
    hand = left_hand(GESTURES[name], np.repeat(bends, 3, axis=1))
    return hand if side == "L" else mirrored(hand)


def _draw_head(rng: np.random.Generator, joints: Joints) -> Joints:
    """A turn of the head shared by neck and head, and eyes that look ahead or back at the camera."""
    frontal = rng.random() < 0.4
    spread = np.array([0.05, 0.04, 0.06]) if frontal else np.array([0.14, 0.10, 0.35])
    turn = spread * np.clip(rng.normal(size=3), -2.2, 2.2)
    result = {}
    for bone, share in (("neck01", 0.2), ("neck02", 0.2), ("neck03", 0.2), ("head", 0.4)):
        result[bone] = as_vector(np.array(joints.get(bone, (0.0, 0.0, 0.0))) + share * turn)
    back = -0.6 * turn[2] if rng.random() < 0.5 else 0.0
    yaw = float(np.clip(back + 0.15 * rng.normal(), -0.45, 0.45))
    pitch = float(np.clip(0.07 * rng.normal(), -0.2, 0.2))
    return result | dict.fromkeys(("eye.L", "eye.R"), (pitch, 0.0, yaw))


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
    names = sorted(poses)
    shares = np.array([poses[name] * (_FAVOUR if track in POSTURES[name].shows else 1.0) for name in names])
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


def _draw_expression(rng: np.random.Generator) -> dict[str, float]:
    """Facial action to weight: one expression of some strength, a little stronger on one side."""
    names = list(EXPRESSIONS)
    shares = np.array([EXPRESSIONS[name].weight for name in names])
    drawn = EXPRESSIONS[names[int(rng.choice(len(names), p=shares / shares.sum()))]]
    strength = 1.0 if drawn.full else float(rng.uniform(0.3, 1.0))
    tilt = float(np.clip(0.08 * rng.normal(), -0.16, 0.16))
    expression: dict[str, float] = {}
    for action, weight in drawn.actions.items():
        amount = strength * weight * (1.0 if drawn.full else float(rng.uniform(0.8, 1.0)))
        if action in ONE_SIDED:
            expression[action] = amount
        else:
            uneven = 0.0 if action.startswith("eye") else tilt
            expression[f"{action}Left"] = min(amount * (1 + uneven), 1.0)
            expression[f"{action}Right"] = min(amount * (1 - uneven), 1.0)
    return expression
