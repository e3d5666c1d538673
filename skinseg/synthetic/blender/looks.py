"""Materials: what skin, cloth, hair, eyes, walls and things look like to Cycles.

A material is a function of a record of the scene; details lie where the record's `seed` puts them. The
patterns of cloth and the lines of a face are small images that NumPy draws, everything else is noise over
metres of the posed world, which has no seams.
"""

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from skinseg.synthetic.blender.cloth import cloth_look
from skinseg.synthetic.blender.eyes_and_hair import eye_look, hair_look
from skinseg.synthetic.blender.shader import WHITE, Shader
from skinseg.synthetic.blender.skin import skin_look
from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.room.textures.tile import texture_tile
from skinseg.synthetic.scene import Accessory, Color, Scene, Surface

Pictures = dict[str, npt.NDArray[np.uint8]]


def class_look(value: int) -> Any:
    """The material of a class in the label pass: emission of its number, whatever the light."""
    name = f"class {PartClass(value).name}"
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    shader = Shader(name)
    emission = shader.node("Emission", {"Color": WHITE, "Strength": float(value)})
    return shader.finished(emission.outputs["Emission"])


def look_of(material: str, scene: Scene, *, tinted: bool, in_uv: bool, photos: Pictures) -> Any:
    """The material of a mesh or of strands, by the name that `geometry/mesh.py` documents; one per name and frame.

    tinted: the mesh has the vertex colour "tint". in_uv: it has texture coordinates. photos: as in `Figure`.
    Raises ValueError for a name without a look.
    """
    found = bpy.data.materials.get(material)
    if found is not None:
        return found
    kind, *numbers = material.split(":")
    if kind == "thing":
        return surface_look(scene.things[int(numbers[0])].surface, photos, name=material, tinted=tinted)
    person = scene.people[int(numbers[0])]
    if kind == "skin":
        return skin_look(material, person.skin, tinted)
    if kind == "eyes":
        return eye_look(material, person)
    if kind == "teeth":
        return plain_look(material, (0.72, 0.66, 0.54), 0.2)
    if kind == "tongue":
        return plain_look(material, (0.4, 0.13, 0.12), 0.35)
    if kind == "hair":
        return hair_look(material, person.hair.color, person.hair.seed)
    if kind in ("cloth", "knit"):
        return cloth_look(material, person.garments[int(numbers[1])], in_uv, kind == "knit")
    if kind == "accessory":
        return accessory_look(material, person.accessories[int(numbers[1])], tinted)
    if kind == "glass":
        return glass_look(material)
    raise ValueError(f"mesh material {material!r} has no look")


def surface_look(surface: Surface, photos: Pictures, *, name: str = "surface", tinted: bool = False) -> Any:
    """The surface's texture or photograph, repeated `surface.scale` times a metre of the UV.

    photos: uint8 (H, W, 3) sRGB by name. tinted: the vertex colour "tint" multiplies it.
    Raises KeyError for a photograph that is not there.
    """
    photo = surface.texture == "photo"
    pixels = photos[surface.photo] if photo else texture_tile(surface)
    height, width = pixels.shape[:2]
    shader = Shader(name)
    scale = (surface.scale, surface.scale * width / height, 1.0)
    place = shader.vector("MULTIPLY", shader.uv(), scale)
    # Tiles repeat without a seam; a photograph has one unless every other copy is mirrored.
    extension = "MIRROR" if photo else "REPEAT"
    color = shader.image(pixels[::-1] / np.float32(255), place, extension, encoded=True)
    if tinted:
        color = shader.mix(1.0, color, shader.tint(), "MULTIPLY")
    return shader.finished(shader.principled(color, surface.roughness).outputs["BSDF"])


def accessory_look(name: str, accessory: Accessory, tinted: bool) -> Any:
    shader = Shader(name)
    color: Any = accessory.color
    if tinted:
        color = shader.mix(1.0, color, shader.tint(), "MULTIPLY")
    bsdf = shader.principled(color, accessory.roughness)
    shader.feed(bsdf.inputs["Metallic"], accessory.metallic)
    return shader.finished(bsdf.outputs["BSDF"])


def glass_look(name: str) -> Any:
    """Thin clear glass: it reflects more towards its edges, and bends nothing."""
    shader = Shader(name)
    clear = shader.node("BsdfTransparent", {"Color": (0.97, 0.98, 0.98)})
    shiny = shader.node("BsdfGlossy", {"Color": WHITE, "Roughness": 0.02})
    facing = shader.node("Fresnel", {"IOR": 1.5})
    mixed = shader.node(
        "MixShader", {0: facing.outputs[0], 1: clear.outputs["BSDF"], 2: shiny.outputs["BSDF"]}
    )
    return shader.finished(mixed.outputs["Shader"])


def plain_look(name: str, color: Color, roughness: float) -> Any:
    shader = Shader(name)
    return shader.finished(shader.principled(color, roughness).outputs["BSDF"])
