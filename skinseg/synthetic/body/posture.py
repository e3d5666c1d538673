"""Postures: directions of upper arms, forearms and palms, thighs and shins, turned once into joint rotations.

Directions are the left side's; +X is the person's left, -Y in front, Z up.
"""

from dataclasses import dataclass

from skinseg.synthetic.body.joints import Joints, mirrored
from skinseg.synthetic.body.limbs import bent_trunk, both, both_legs, left_arm, left_leg


@dataclass(frozen=True)
class Posture:
    """What is known of one posture.

    joints: rotation of each bone that it moves. weight: how often it is drawn unless the configuration says otherwise.
    narrow: takes no more room than shoulders do, so that neighbours can stand in it. folded: bends the hips so much
    that briefs would vanish in them. seated: on something. touching: its arms touch the body and are moved less, or
    hands would sink into it, but for one that hangs. hands_on_legs: they lie there, and back and legs are moved less,
    too. busy_hands: they lie on something, so that a gesture would go through it. left_gesture: what the left hand
    always makes. turned: radians that the forearm of the left hand, which it holds up, turns from showing
    the palm, one way or other. shows: tracked parts that it shows best.
    """

    joints: Joints
    weight: float = 1.0
    narrow: bool = False
    folded: bool = False
    seated: bool = False
    touching: bool = False
    hands_on_legs: bool = False
    busy_hands: bool = False
    left_gesture: str = ""
    turned: tuple[float, float] | None = None
    shows: tuple[str, ...] = ()

    def hangs(self, side: str) -> bool:
        """Whether the arm on that side ("L" or "R") hangs down, clear of what the other one touches."""
        bone = f"upperarm01.{side}"
        return self.joints[bone] == _ARMS_DOWN[bone]


_DOWN = left_arm((0.22, 0.05, -1.0), (0.12, -0.25, -1.0))
_DOWN_RIGHT = mirrored(_DOWN)
_HIP = left_arm((0.85, 0.35, -0.75), (-0.42, -0.62, -0.58))
_LAP = left_arm((0.40, -0.12, -0.90), (-0.36, -0.86, -0.13), (0.0, 0.0, -1.0))
_STANDING = both_legs((0.0, 0.0), (0.0, 0.0))
_FRONT = (0.0, -1.0, 0.0)
_ARMS_DOWN = both(_DOWN)


POSTURES: dict[str, Posture] = {
    "a_pose": Posture({}, 0.5),
    "arms_down": Posture(_STANDING | both(_DOWN), 3, narrow=True, shows=("face", "abdomen")),
    "arms_aside": Posture(
        _STANDING | both(left_arm((0.75, 0.15, -0.65), (0.70, -0.25, -0.70))), 0.7, shows=("abdomen",)
    ),
    "arms_behind": Posture(
        _STANDING
        | left_arm((0.20, 0.55, -0.80), (-0.70, 0.16, -0.68), (0, 1, 0))
        | mirrored(left_arm((0.20, 0.50, -0.82), (-0.72, 0.00, -0.68), (0, 1, 0))),
        0.7,
        narrow=True,
        touching=True,
        busy_hands=True,
        shows=("abdomen",),
    ),
    "hands_on_hips": Posture(_STANDING | both(_HIP), 1, touching=True, busy_hands=True, shows=("abdomen",)),
    "arms_folded": Posture(
        _STANDING
        | left_arm((0.20, -0.32, -0.93), (-0.90, -0.42, 0.20))
        | mirrored(left_arm((0.22, -0.22, -0.95), (-0.88, -0.48, -0.12))),
        1,
        narrow=True,
        touching=True,
        busy_hands=True,
        shows=("face",),
    ),
    "hands_clasped": Posture(
        _STANDING
        | left_arm((0.28, -0.32, -0.90), (-0.72, -0.64, -0.40), (0, 1, -0.3))
        | mirrored(left_arm((0.29, -0.18, -0.94), (-0.73, -0.50, -0.50), (0, 1, -0.3))),
        1,
        narrow=True,
        touching=True,
        busy_hands=True,
    ),
    "waving": Posture(
        _STANDING
        | left_arm((0.80, -0.25, -0.10), (0.25, -0.25, 0.95), _FRONT, gesture="open_palm")
        | _DOWN_RIGHT,
        1,
        turned=(-0.4, 0.4),
        shows=("hand", "arm"),
    ),
    "hand_near_face": Posture(
        _STANDING | left_arm((0.35, -0.80, -0.48), (-0.38, 0.10, 0.90), (-0.9, 0.4, 0)) | _DOWN_RIGHT,
        1,
        narrow=True,
        touching=True,
        shows=("hand", "arm", "face"),
    ),
    "hand_on_chin": Posture(
        _STANDING
        | left_arm((0.10, -0.75, -0.66), (-0.35, -0.02, 0.93), (-0.3, 0.9, 0))
        | mirrored(left_arm((0.25, -0.30, -0.90), (-0.85, -0.45, -0.10))),
        1,
        narrow=True,
        touching=True,
        busy_hands=True,
        shows=("face",),
    ),
    "hand_in_hair": Posture(
        _STANDING | left_arm((0.66, -0.41, 0.62), (-0.74, 0.52, 0.36), (-0.7, 0, -0.7)) | _DOWN_RIGHT,
        0.5,
        touching=True,
        busy_hands=True,
        shows=("face",),
    ),
    "hands_behind_head": Posture(
        _STANDING
        | left_arm((0.68, 0.22, 0.70), (-0.96, 0.28, -0.08), (0, -1, 0))
        | mirrored(left_arm((0.68, 0.20, 0.70), (-0.95, 0.18, -0.28), (0, -1, 0))),
        0.5,
        touching=True,
        busy_hands=True,
        shows=("abdomen",),
    ),
    "arms_up": Posture(
        _STANDING | both(left_arm((0.55, -0.10, 0.85), (0.15, -0.20, 0.95))), 0.7, shows=("abdomen",)
    ),
    "arm_round": Posture(
        _STANDING
        | left_arm((0.90, 0.35, -0.10), (0.95, -0.10, -0.05), (0, -0.7, -0.7), bend=0.3)
        | _DOWN_RIGHT,
        0.7,
        narrow=True,
    ),
    "hand_forward": Posture(
        _STANDING | left_arm((0.35, -0.45, -0.82), (-0.25, -0.55, 0.75), _FRONT) | _DOWN_RIGHT,
        0.7,
        turned=(-2.5, 0.0),
        shows=("hand", "arm"),
    ),
    "forearm_up": Posture(
        _STANDING | left_arm((0.45, -0.15, -0.88), (0.25, -0.20, 0.95), _FRONT) | _DOWN_RIGHT,
        0.5,
        turned=(-0.4, 0.6),
        shows=("hand", "arm"),
    ),
    "walking": Posture(
        left_arm((0.20, 0.40, -0.90), (0.12, -0.10, -1.0))
        | mirrored(left_arm((0.20, -0.40, -0.90), (0.05, -0.75, -0.65)))
        | both_legs((0.40, 0.10), (-0.30, 0.35)),
        1,
        narrow=True,
    ),
    "reaching": Posture(
        _STANDING
        | left_arm((0.30, -0.85, -0.30), (0.10, -1.0, 0.10), gesture="flat")
        | mirrored(left_arm((0.30, -0.80, -0.40), (0.10, -1.0, 0.15), gesture="flat")),
        0.7,
        shows=("hand", "arm"),
    ),
    "pointing": Posture(
        _STANDING
        | left_arm((0.55, -0.75, -0.15), (0.45, -0.85, 0.10), (0, 0, -1), gesture="index")
        | _DOWN_RIGHT,
        0.7,
        left_gesture="index",
        shows=("hand", "arm"),
    ),
    "leaning": Posture(
        _STANDING
        | left_arm((0.87, 0.34, -0.70), (-0.40, -0.65, -0.59))
        | mirrored(left_arm((0.25, -0.25, -0.95), (0.10, -0.50, -0.85)))
        | {"spine05": (0.25, 0.15, 0.0), "spine03": (0.20, 0.10, 0.0), "neck01": (-0.20, -0.10, 0.0)},
        0.7,
        touching=True,
        busy_hands=True,
    ),
    "sitting": Posture(
        both(_LAP) | both_legs((1.47, 1.5), (1.47, 1.5)),
        1,
        narrow=True,
        folded=True,
        touching=True,
        hands_on_legs=True,
        seated=True,
        shows=("face",),
    ),
    "cross_legged_sitting": Posture(
        bent_trunk(0.25, 0.15)
        | both(left_arm((0.40, -0.35, -0.85), (0.10, -0.90, -0.27), (0, 0, -1)))
        | both(left_leg((0.75, -0.65, -0.02), (-0.88, 0.30, -0.05), foot=(0.0, 0.9, -0.6))),
        0.4,
        folded=True,
        touching=True,
        hands_on_legs=True,
    ),
    "kneeling": Posture(
        both(left_arm((0.30, -0.20, -0.92), (0.0, -0.80, -0.55), (-0.3, 0.3, -1)))
        | both(left_leg((0.15, -0.45, -0.88), (0.05, 1.0, 0.08), foot=(2.5, 0.0, 0.0))),
        0.3,
        folded=True,
        touching=True,
        hands_on_legs=True,
    ),
    "crouching": Posture(
        bent_trunk(0.5, 0.3)
        | both(left_arm((0.12, -0.85, -0.50), (-0.30, -0.75, -0.50), (0, 0, -1)))
        | both(left_leg((0.40, -0.88, 0.05), (0.05, 0.62, -0.78), foot=(0.55, 0.0, 0.2), toes=0.5)),
        0.3,
        folded=True,
    ),
}
