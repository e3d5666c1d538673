"""Eyes and hair."""

from typing import Any

import numpy as np

from skinseg.synthetic.blender.shader import Shader, triple
from skinseg.synthetic.scene import Color, Person
from skinseg.synthetic.streams import Part, stream

# Where the body model's UV has the eyes' discs: u of their mirror line, u of a disc's middle from it, its v;
# and how far from its middle a point lies in the UV per sine of its angle from the gaze.
EYE_DISCS, EYE_DISC_SCALE = (0.786705, 0.020755, 0.95055), 0.00324


def eye_look(name: str, person: Person) -> Any:
    """Sclera, iris and pupil by the distance in the UV from the middle of each eye's disc.

    The iris has streaks and a dark rim, the white of the eye reddens towards its corners.
    """
    shader = Shader(name)
    axes = shader.node("SeparateXYZ", {"Vector": shader.uv()}).outputs
    (middle, half, height), scale = EYE_DISCS, EYE_DISC_SCALE
    # The two discs mirror each other.
    side = shader.math("ABSOLUTE", shader.math("SUBTRACT", axes["X"], middle))
    u = shader.math("MULTIPLY", shader.math("SUBTRACT", side, half), 1 / scale)
    v = shader.math("MULTIPLY", shader.math("SUBTRACT", axes["Y"], height), 1 / scale)
    spot = shader.node("CombineXYZ", {"X": u, "Y": v}).outputs["Vector"]
    distance = shader.vector("LENGTH", spot)
    streaks = shader.noise(shader.vector("NORMALIZE", spot), 5.0, detail=1.0).outputs[0]
    iris = np.array(person.iris)
    color = shader.mix(streaks, triple(0.4 * iris), triple(1.6 * iris))
    rim = shader.ramp(distance, 0.28, 0.37)
    color = shader.mix(rim, color, (0.3, 0.3, 0.3), "MULTIPLY")
    white = shader.mix(shader.ramp(distance, 0.4, 0.95), (0.7, 0.66, 0.61), (0.58, 0.42, 0.37))
    color = shader.mix(shader.ramp(distance, 0.35, 0.385), color, white)
    color = shader.mix(shader.ramp(distance, 0.16, 0.135), color, (0.004, 0.004, 0.004))
    return shader.finished(shader.principled(color, 0.06).outputs["BSDF"])


def hair_look(name: str, color: Color, seed: int) -> Any:
    """Strands and locks that differ in brightness, darker at the root, with a highlight across them."""
    shader = Shader(name)
    info = shader.node("HairInfo").outputs
    place = shader.vector("ADD", shader.world(), triple(stream(Part.HAIR_LOOK, seed).uniform(-50, 50, 3)))
    locks = shader.noise(place, 90.0, detail=1.0).outputs[0]
    own = np.array(color)
    shade = shader.math("MULTIPLY_ADD", info["Random"], 0.7, shader.math("MULTIPLY_ADD", locks, 1.2, 0.1))
    shade = shader.math("MULTIPLY", shade, shader.math("MULTIPLY_ADD", info["Intercept"], 0.35, 0.75))
    tone = shader.mix(shade, (0.0, 0.0, 0.0), color)
    diffuse = shader.principled(tone, 0.5)
    shader.feed(diffuse.inputs["Specular IOR Level"], 0.25)
    gloss = shader.node(
        "BsdfHair",
        {"Color": triple(0.08 + 0.7 * own), "RoughnessU": 0.25, "RoughnessV": 0.6},
        component="Reflection",
    )
    mixed = shader.node("MixShader", {0: 0.12, 1: diffuse.outputs["BSDF"], 2: gloss.outputs["BSDF"]})
    return shader.finished(mixed.outputs["Shader"], bounced=color)
