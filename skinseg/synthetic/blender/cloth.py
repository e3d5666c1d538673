"""Cloth: colour, pattern, weave and creases."""

import dataclasses
from typing import Any

import numpy as np

from skinseg.synthetic.blender.shader import Shader
from skinseg.synthetic.clothes.patterns import PATTERNS, placed_pattern
from skinseg.synthetic.scene import Garment
from skinseg.synthetic.streams import Part, stream


@dataclasses.dataclass(frozen=True)
class _Fabric:
    """threads: repeats of the weave per metre across and along; relief: its height in metres; grain: how much
    threads differ in brightness; sheen: of fibres that stand up; gloss: of smooth threads."""

    threads: tuple[float, float]
    relief: float
    grain: float
    sheen: float
    gloss: float


_KNIT = _Fabric((140.0, 90.0), 0.0016, 0.25, 0.3, 0.1)


_FABRICS = (
    _Fabric((500.0, 500.0), 0.0003, 0.12, 0.1, 0.25),  # cotton
    _Fabric((900.0, 160.0), 0.0005, 0.55, 0.1, 0.15),  # denim: long threads of two colours
    _Fabric((260.0, 260.0), 0.0006, 0.3, 0.2, 0.15),  # linen
    _Fabric((600.0, 600.0), 0.0001, 0.05, 0.0, 0.4),  # satin and sports wear
)


def cloth_look(name: str, garment: Garment, in_uv: bool, knitted: bool) -> Any:
    """Colour, pattern, weave and creases; coordinates are metres, from the UV where the mesh has one."""
    shader = Shader(name)
    rng = stream(Part.CLOTH_LOOK, garment.seed)
    fabric = _KNIT if knitted else _FABRICS[int(rng.choice(4, p=(0.45, 0.25, 0.2, 0.1)))]
    place = (
        shader.uv()
        if in_uv
        else shader.node("Mapping", {0: shader.world(), 2: (np.pi / 2, 0.0, 0.0)}).outputs[0]
    )
    color: Any = garment.color
    pattern = placed_pattern(garment)
    if pattern is not None:
        tile, corner, extent = pattern
        window = shader.vector("SUBTRACT", place, (*corner, 0.0))
        window = shader.vector("MULTIPLY", window, (1 / extent, 1 / extent, 1.0))
        extension = "CLIP" if PATTERNS[garment.pattern].once else "REPEAT"
        color = shader.mix(shader.image(tile, window, extension), garment.color, garment.pattern_color)
    threads = shader.noise(shader.vector("MULTIPLY", place, (*fabric.threads, 1.0)), 1.0).outputs[0]
    wear = shader.noise(shader.world(), 16.0, detail=2.0).outputs[0]
    dark, light = 1 - fabric.grain, 1 + fabric.grain
    color = shader.mix(1.0, color, shader.mix(threads, (dark,) * 3, (light,) * 3), "MULTIPLY")
    color = shader.mix(1.0, color, shader.mix(wear, (0.85,) * 3, (1.13,) * 3), "MULTIPLY")
    bsdf = shader.principled(color, garment.roughness)
    shader.feed(bsdf.inputs["Specular IOR Level"], fabric.gloss)
    shader.feed(bsdf.inputs["Sheen Weight"], fabric.sheen)
    height = shader.math("MULTIPLY", wear, 0.005)
    shader.bump(bsdf, shader.math("MULTIPLY_ADD", threads, fabric.relief, height))
    return shader.finished(bsdf.outputs["BSDF"], bounced=garment.color)
