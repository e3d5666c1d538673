"""What is about the people where it is a photograph all round: the world's light, and the ground below it."""

from functools import cache
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from skinseg.synthetic.blender.shader import Shader
from skinseg.synthetic.room.panoramas import PANORAMAS
from skinseg.synthetic.scene import Panorama
from skinseg.tones.ita import LUMINANCE

# Luminance that a photographed ground reflects on average of the light on it.
GROUND = 0.25
# Near the people the ground is a surface on which shadows fall; from here to there, metres, it becomes the photograph
# itself, so that no edge shows at the horizon.
NEAR, FAR = 4.0, 10.0
MAP = 512  # pixels across of the table by which light is sampled; the file has 1,024
SKY = 12.0  # radiance above it is cut: three samples of a bare sun are noise


def set_panorama(stage: Any, panorama: Panorama) -> None:
    """The scene's world shows the panorama, and lights by it."""
    world = stage.world
    world.use_nodes = True
    tree = world.node_tree
    place = tree.nodes.new("ShaderNodeVectorRotate")
    place.rotation_type = "Z_AXIS"
    place.inputs["Angle"].default_value = panorama.turn
    tree.links.new(tree.nodes.new("ShaderNodeTexCoord").outputs["Generated"], place.inputs["Vector"])
    seen = tree.nodes.new("ShaderNodeTexEnvironment")
    seen.image = _image(panorama)
    tree.links.new(place.outputs["Vector"], seen.inputs["Vector"])
    cut = tree.nodes.new("ShaderNodeVectorMath")
    cut.operation = "MINIMUM"
    cut.inputs[1].default_value = (SKY, SKY, SKY)
    tree.links.new(seen.outputs["Color"], cut.inputs[0])
    light = tree.nodes["Background"]
    tree.links.new(cut.outputs["Vector"], light.inputs["Color"])
    light.inputs["Strength"].default_value = panorama.strength
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = MAP


def ground_look(panorama: Panorama, roughness: float) -> Any:
    """The material of a ground at z = 0 that shows what the panorama has below its horizon."""
    shader = Shader("ground")
    along = shader.vector("SUBTRACT", shader.world(), (0.0, 0.0, panorama.eye))
    turned = shader.node(
        "VectorRotate", {"Vector": along, "Angle": panorama.turn}, rotation_type="Z_AXIS"
    ).outputs["Vector"]
    seen = shader.node("TexEnvironment", {"Vector": turned})
    seen.image = _image(panorama)
    color = shader.vector("SCALE", seen.outputs["Color"])
    color.node.inputs["Scale"].default_value = GROUND / _ground_level(PANORAMAS[panorama.kind].file)
    color = shader.vector("MINIMUM", color, (0.8, 0.8, 0.8))
    surface = shader.principled(color, roughness).outputs["BSDF"]
    photograph = shader.node(
        "Emission", {"Color": seen.outputs["Color"], "Strength": panorama.strength}
    ).outputs["Emission"]
    distance = shader.vector("LENGTH", shader.world())
    mixed = shader.node("MixShader", {0: shader.ramp(distance, NEAR, FAR), 1: surface, 2: photograph})
    return shader.finished(mixed.outputs["Shader"], bounced=(GROUND, GROUND, GROUND))


def _image(panorama: Panorama) -> Any:
    return bpy.data.images.load(str(_path(PANORAMAS[panorama.kind].file)), check_existing=True)


def _path(file: str) -> Path:
    """Raises FileNotFoundError where this Blender has no such file."""
    folder = bpy.utils.system_resource("DATAFILES", path="studiolights/world")
    path = Path(folder) / file
    if not path.is_file():
        raise FileNotFoundError(f"{path}: this Blender brings no such panorama; set p_panorama to 0")
    return path


@cache
def _ground_level(file: str) -> float:
    """Mean luminance of what lies more than 20 degrees below the horizon."""
    image = bpy.data.images.load(str(_path(file)), check_existing=True)
    width, height = image.size
    pixels = np.empty(width * height * 4, dtype=np.float32)
    image.pixels.foreach_get(pixels)
    below = pixels.reshape(height, width, 4)[: int(height * 70 / 180), :, :3]  # the lowest row comes first
    return max(float((below @ LUMINANCE).mean()), 1e-3)
