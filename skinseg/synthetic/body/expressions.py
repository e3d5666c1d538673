"""Expressions of the face."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Expression:
    """weight: how often it is seen. actions: facial actions with their weight when it is strongest; a name that is not
    in `ONE_SIDED` means both sides. full: it is seen at its strongest alone."""

    weight: float
    actions: dict[str, float]
    full: bool = False


EXPRESSIONS: dict[str, Expression] = {
    "smile": Expression(3.0, {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.3}),
    "smile_with_teeth": Expression(
        3.0,
        {
            "mouthSmile": 0.95,
            "mouthUpperUp": 0.55,
            "mouthLowerDown": 0.25,
            "jawOpen": 0.12,
            "cheekSquint": 0.6,
            "eyeSquint": 0.4,
        },
    ),
    "laugh": Expression(
        1.0,
        {
            "mouthSmile": 0.9,
            "jawOpen": 0.5,
            "mouthUpperUp": 0.5,
            "mouthLowerDown": 0.3,
            "cheekSquint": 0.8,
            "eyeSquint": 0.7,
            "eyeBlink": 0.25,
        },
    ),
    "surprise": Expression(0.6, {"jawOpen": 0.45, "browInnerUp": 0.9, "browOuterUp": 0.8, "eyeWide": 0.7}),
    "frown": Expression(0.6, {"mouthFrown": 0.7, "browDown": 0.8, "eyeSquint": 0.3, "mouthPress": 0.4}),
    "pout": Expression(0.4, {"mouthPucker": 0.8, "mouthFunnel": 0.2}),
    "talk": Expression(1.2, {"jawOpen": 0.3, "mouthFunnel": 0.35, "mouthLowerDown": 0.2}),
    "closed_eyes": Expression(0.5, {"eyeBlink": 1.0}, full=True),
    "half_closed_eyes": Expression(0.5, {"eyeBlink": 0.5}),
    "brows_up": Expression(0.6, {"browInnerUp": 0.7, "browOuterUp": 0.5}),
}


ONE_SIDED = ("jawOpen", "browInnerUp", "mouthPucker", "mouthFunnel")
