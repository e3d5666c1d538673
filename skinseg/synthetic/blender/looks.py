"""Materials: what skin, cloth, hair, eyes, walls and things look like to Cycles (bpy)."""

from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

from skinseg.synthetic.labels import PartClass
from skinseg.synthetic.scene import Accessory, Color, Garment, Person, Scene, Skin, Surface
from skinseg.synthetic.surroundings.textures import texture

Photos = dict[str, npt.NDArray[np.uint8]]

# Where the body model's UV has the eyes' discs: u of their mirror line, u of a disc's middle from it, its v;
# and how far from its middle a point lies in the UV per sine of its angle from the gaze.
EYE_DISCS, EYE_DISC_SCALE = (0.786705, 0.020755, 0.95055), 0.00324


def class_look(value: int) -> Any:
    """Emission of a class's number."""
    name = f"class {PartClass(value).name}"
    found = bpy.data.materials.get(name)
    if found is not None:
        return found
    material, nodes, links = _material(name)
    emission = nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    emission.inputs["Strength"].default_value = float(value)
    links.new(emission.outputs["Emission"], nodes["Output"].inputs["Surface"])
    return material


def look_of(material: str, scene: Scene, *, tinted: bool, in_uv: bool, photos: Photos) -> Any:
    """The material of a mesh or of strands, by the name that `mesh.py` documents.

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
        return _skin_look(material, person.skin, tinted)
    if kind == "eyes":
        return _eye_look(material, person)
    if kind == "teeth":
        return _plain_look(material, (0.75, 0.7, 0.58), 0.25)
    if kind == "tongue":
        return _plain_look(material, (0.4, 0.13, 0.12), 0.4)
    if kind == "hair":
        return _hair_look(material, person.hair.color)
    if kind == "cloth":
        return _cloth_look(material, person.garments[int(numbers[1])], in_uv)
    if kind == "accessory":
        return _accessory_look(material, person.accessories[int(numbers[1])], tinted)
    if kind == "glass":
        return _glass_look(material)
    raise ValueError(f"mesh material {material!r} has no look")


def surface_look(surface: Surface, photos: Photos, name: str = "surface", tinted: bool = False) -> Any:
    """The surface's texture or photograph, repeated `surface.scale` times a metre of the UV."""
    pixels = photos[surface.photo] if surface.texture == "photo" else texture(surface)
    height, width = pixels.shape[:2]
    image = bpy.data.images.new("texture", width, height)
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = pixels[::-1] / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, surface.roughness)
    mapping = nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = (surface.scale, surface.scale * width / height, 1.0)
    node = nodes.new("ShaderNodeTexImage")
    node.image = image
    # Tiles repeat without a seam; a photograph has one unless every other copy is mirrored.
    node.extension = "MIRROR" if surface.texture == "photo" else "REPEAT"
    links.new(nodes.new("ShaderNodeTexCoord").outputs["UV"], mapping.inputs["Vector"])
    links.new(mapping.outputs["Vector"], node.inputs["Vector"])
    color = node.outputs["Color"]
    if tinted:
        color = _mixed(nodes, links, 1.0, color, _tint(nodes), "MULTIPLY")
    links.new(color, bsdf.inputs["Base Color"])
    return material


def _skin_look(name: str, skin: Skin, tinted: bool) -> Any:
    """Albedo with blotches, grain and marks, vertex tints, and light that travels below the surface.

    Every layer multiplies about 1, so that the mean stays the albedo that was asked for.
    """
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, skin.roughness * (1 - 0.3 * skin.sheen))
    bsdf.inputs["Subsurface Weight"].default_value = skin.subsurface
    bsdf.inputs["Subsurface Radius"].default_value = (1.0, 0.35, 0.2)
    bsdf.inputs["Subsurface Scale"].default_value = 0.006
    bsdf.inputs["Specular IOR Level"].default_value = 0.4 + 0.2 * skin.sheen
    place = _skin_place(nodes, links, skin.seed)
    blotches = _noise_value(nodes, links, scale=9.0, detail=3.0, place=place)
    grain = _noise_value(nodes, links, scale=220.0, detail=1.0, place=place)
    low, high = 1 - skin.mottling, 1 + skin.mottling
    warm = 0.06 + 0.2 * skin.redness
    pale = _mixed(nodes, links, blotches, _gray(low), (high, high * (1 - warm), high * (1 - warm)), "MIX")
    fine = _mixed(nodes, links, grain, _gray(1 - skin.mottling / 2), _gray(1 + skin.mottling / 2), "MIX")
    color = _mixed(nodes, links, 1.0, pale, fine, "MULTIPLY")
    if skin.freckles > 0:
        # More of them where the coarse noise is high: they come in fields.
        amount = _spots(nodes, links, place, per_metre=330.0, radius=0.28, share=0.75 * skin.freckles)
        amount = _math(nodes, links, "MULTIPLY", amount, _math(nodes, links, "MULTIPLY", blotches, 0.8))
        color = _mixed(nodes, links, amount, color, (0.62, 0.44, 0.34), "MULTIPLY")
    if skin.moles > 0:
        # About 1.8 m² of skin with a cell of 1/16 m: 450 cells, of which as many have one as there are moles.
        amount = _spots(nodes, links, place, per_metre=16.0, radius=0.03, share=min(skin.moles / 450, 1.0))
        color = _mixed(nodes, links, amount, color, (0.22, 0.14, 0.12), "MULTIPLY")
    if skin.blemishes > 0:
        amount = _spots(nodes, links, place, per_metre=60.0, radius=0.2, share=0.3 * skin.blemishes)
        amount = _math(nodes, links, "MULTIPLY", amount, 0.7)
        color = _mixed(nodes, links, amount, color, (1.1, 0.62, 0.58), "MULTIPLY")
    color = _mixed(nodes, links, 1.0, color, skin.albedo, "MULTIPLY")
    if tinted:
        color = _mixed(nodes, links, 1.0, color, _tint(nodes), "MULTIPLY")
    links.new(color, bsdf.inputs["Base Color"])
    creases = _noise_value(nodes, links, scale=60.0, detail=4.0, place=place)
    depth = _math(nodes, links, "MULTIPLY", creases, 1.5 * skin.wrinkles)
    height = _math(nodes, links, "ADD", grain, depth)
    _bump(nodes, links, bsdf, height, strength=0.12 + 0.1 * skin.wrinkles, distance=0.0015)
    return material


def _skin_place(nodes: Any, links: Any, seed: int) -> Any:
    """Coordinates in metres of the posed world, moved so that each seed has other marks."""
    offset = np.random.default_rng(seed).uniform(-100, 100, 3)
    moved = nodes.new("ShaderNodeVectorMath")
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Object"], moved.inputs[0])
    moved.inputs[1].default_value = tuple(float(value) for value in offset)
    return moved.outputs["Vector"]


def _spots(nodes: Any, links: Any, place: Any, per_metre: float, radius: float, share: float) -> Any:
    """1 inside round spots and 0 outside: at most one in each cell of a grid, in `share` of the cells.

    radius: of the largest, in cells.
    """
    cells = nodes.new("ShaderNodeTexVoronoi")
    cells.inputs["Scale"].default_value = per_metre
    links.new(place, cells.inputs["Vector"])
    chance = nodes.new("ShaderNodeSeparateColor")
    links.new(cells.outputs["Color"], chance.inputs["Color"])
    chosen = _math(nodes, links, "LESS_THAN", chance.outputs[0], float(share))
    size = _math(nodes, links, "MULTIPLY", chance.outputs[1], float(radius))
    edge = nodes.new("ShaderNodeMapRange")
    edge.interpolation_type = "SMOOTHSTEP"
    links.new(cells.outputs["Distance"], edge.inputs["Value"])
    links.new(size, edge.inputs["From Max"])
    edge.inputs["From Min"].default_value = 0.0
    edge.inputs["To Min"].default_value, edge.inputs["To Max"].default_value = 1.0, 0.0
    return _math(nodes, links, "MULTIPLY", chosen, edge.outputs["Result"])


def _eye_look(name: str, person: Person) -> Any:
    """Sclera, iris and pupil by the distance in the UV from the middle of each eye's disc."""
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, 0.08)
    axes = nodes.new("ShaderNodeSeparateXYZ")
    links.new(nodes.new("ShaderNodeTexCoord").outputs["UV"], axes.inputs["Vector"])
    (middle, half, height), scale = EYE_DISCS, EYE_DISC_SCALE
    # The two discs mirror each other.
    side = _math(nodes, links, "ABSOLUTE", _math(nodes, links, "SUBTRACT", axes.outputs["X"], middle), 0.0)
    u = _math(nodes, links, "SUBTRACT", side, half)
    v = _math(nodes, links, "SUBTRACT", axes.outputs["Y"], height)
    squares = [_math(nodes, links, "MULTIPLY", part, part) for part in (u, v)]
    distance = _math(nodes, links, "SQRT", _math(nodes, links, "ADD", *squares), 0.0)
    in_iris = _math(nodes, links, "LESS_THAN", distance, 0.36 * scale)
    in_pupil = _math(nodes, links, "LESS_THAN", distance, 0.14 * scale)
    color = _mixed(nodes, links, in_iris, (0.7, 0.66, 0.62), person.iris, "MIX")
    links.new(_mixed(nodes, links, in_pupil, color, _gray(0.005), "MIX"), bsdf.inputs["Base Color"])
    return material


def _cloth_look(name: str, garment: Garment, in_uv: bool) -> Any:
    """Colour and pattern; coordinates are metres, from the UV where the mesh has one."""
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, garment.roughness)
    bsdf.inputs["Sheen Weight"].default_value = 0.15
    bsdf.inputs["Specular IOR Level"].default_value = 0.2 + 0.4 * max(0.0, 0.7 - garment.roughness)
    place = nodes.new("ShaderNodeTexCoord").outputs["UV" if in_uv else "Object"]
    amount = _pattern(nodes, links, garment, place, in_uv)
    color = _mixed(nodes, links, amount, garment.color, garment.pattern_color, "MIX")
    wear = _noise_value(nodes, links, scale=14.0, detail=4.0)
    shade = _mixed(nodes, links, wear, _gray(0.85), _gray(1.1), "MIX")
    links.new(_mixed(nodes, links, 1.0, color, shade, "MULTIPLY"), bsdf.inputs["Base Color"])
    _bump(nodes, links, bsdf, wear, strength=0.3, distance=0.01)
    return material


def _pattern(nodes: Any, links: Any, garment: Garment, place: Any, in_uv: bool) -> Any:
    """Where the second colour is, 0-1: a number or a socket."""
    scale = garment.pattern_scale
    if garment.pattern == "noise":
        return _noise_value(nodes, links, scale=scale, detail=2.0, contrast=4.0, place=place)
    if garment.pattern in ("stripes", "checks"):
        axes = nodes.new("ShaderNodeSeparateXYZ")
        links.new(place, axes.inputs["Vector"])
        along = _square_wave(nodes, links, axes.outputs["Y" if in_uv else "Z"], scale)
        if garment.pattern == "stripes":
            return along
        across = _square_wave(nodes, links, axes.outputs["X"], scale)
        return _math(nodes, links, "MULTIPLY", _math(nodes, links, "ADD", along, across), 0.5)
    if garment.pattern == "flowers":
        return _spots(nodes, links, place, per_metre=scale, radius=0.75, share=0.8)
    if garment.pattern == "print":
        # Large shapes with hard edges, wherever they fall.
        shapes = _noise_value(nodes, links, scale=scale / 6, detail=0.5, contrast=2.0, place=place)
        return _math(nodes, links, "GREATER_THAN", shapes, 0.62)
    return 0.0


def _hair_look(name: str, color: Color) -> Any:
    """Strands that differ in brightness, darker at the root."""
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, 0.42)
    info = nodes.new("ShaderNodeHairInfo")
    strand = _mixed(nodes, links, info.outputs["Random"], _gray(0.75), _gray(1.25), "MIX")
    root = _mixed(nodes, links, info.outputs["Intercept"], _gray(0.8), _gray(1.15), "MIX")
    shade = _mixed(nodes, links, 1.0, strand, root, "MULTIPLY")
    links.new(_mixed(nodes, links, 1.0, shade, color, "MULTIPLY"), bsdf.inputs["Base Color"])
    return material


def _accessory_look(name: str, accessory: Accessory, tinted: bool) -> Any:
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, accessory.roughness)
    bsdf.inputs["Metallic"].default_value = accessory.metallic
    color: Any = accessory.color
    if tinted:
        color = _mixed(nodes, links, 1.0, color, _tint(nodes), "MULTIPLY")
        links.new(color, bsdf.inputs["Base Color"])
    else:
        bsdf.inputs["Base Color"].default_value = (*color, 1.0)
    return material


def _glass_look(name: str) -> Any:
    """Thin clear glass: it reflects a little and bends nothing."""
    material, nodes, links = _material(name)
    clear, shiny = nodes.new("ShaderNodeBsdfTransparent"), nodes.new("ShaderNodeBsdfGlossy")
    shiny.inputs["Roughness"].default_value = 0.02
    mix = nodes.new("ShaderNodeMixShader")
    mix.inputs["Fac"].default_value = 0.06
    links.new(clear.outputs["BSDF"], mix.inputs[1])
    links.new(shiny.outputs["BSDF"], mix.inputs[2])
    links.new(mix.outputs["Shader"], nodes["Output"].inputs["Surface"])
    return material


def _plain_look(name: str, color: Color, roughness: float) -> Any:
    material, nodes, links = _material(name)
    bsdf = _principled(nodes, links, roughness)
    bsdf.inputs["Base Color"].default_value = (*color, 1.0)
    return material


# -------------------------------------------------------------------------------------------------- nodes


def _material(name: str) -> tuple[Any, Any, Any]:
    """A material with only an output node, named "Output"."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    nodes.new("ShaderNodeOutputMaterial").name = "Output"
    return material, nodes, links


def _principled(nodes: Any, links: Any, roughness: float) -> Any:
    bsdf = nodes.new("ShaderNodeBsdfPrincipled")
    bsdf.inputs["Roughness"].default_value = roughness
    links.new(bsdf.outputs["BSDF"], nodes["Output"].inputs["Surface"])
    return bsdf


def _tint(nodes: Any) -> Any:
    node = nodes.new("ShaderNodeAttribute")
    node.attribute_name = "tint"
    return node.outputs["Color"]


def _gray(value: float) -> Color:
    return (value, value, value)


def _mixed(nodes: Any, links: Any, factor: Any, a: Any, b: Any, blend: str) -> Any:
    """A colour mix; factor and colours are plain values or sockets. Nothing is clamped to 1."""
    node = nodes.new("ShaderNodeMix")
    node.data_type, node.blend_type = "RGBA", blend
    node.clamp_result = False
    # Sockets of every data type share their names: 0 is the factor, 6 and 7 the colours, 2 the result.
    for socket, value in ((node.inputs[0], factor), (node.inputs[6], a), (node.inputs[7], b)):
        if isinstance(value, float):
            socket.default_value = value
        elif isinstance(value, tuple):
            socket.default_value = (*value, 1.0)
        else:
            links.new(value, socket)
    return node.outputs[2]


def _math(nodes: Any, links: Any, operation: str, a: Any, b: Any) -> Any:
    node = nodes.new("ShaderNodeMath")
    node.operation = operation
    for socket, value in ((node.inputs[0], a), (node.inputs[1], b)):
        if isinstance(value, float):
            socket.default_value = value
        else:
            links.new(value, socket)
    return node.outputs["Value"]


def _square_wave(nodes: Any, links: Any, coordinate: Any, repeats: float) -> Any:
    """0 and 1 in turns, `repeats` times a metre."""
    scaled = _math(nodes, links, "MULTIPLY", coordinate, float(repeats))
    return _math(nodes, links, "GREATER_THAN", _math(nodes, links, "FRACT", scaled, 0.0), 0.5)


def _noise_value(
    nodes: Any, links: Any, scale: float, detail: float, contrast: float = 1.8, place: Any = None
) -> Any:
    """Noise over metres of the posed world, or of `place`, spread about 0.5 and clamped to [0, 1]."""
    node = nodes.new("ShaderNodeTexNoise")
    node.inputs["Scale"].default_value = scale
    node.inputs["Detail"].default_value = detail
    if place is None:
        place = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    links.new(place, node.inputs["Vector"])
    spread = nodes.new("ShaderNodeMapRange")
    spread.inputs["From Min"].default_value = 0.5 - 0.5 / contrast
    spread.inputs["From Max"].default_value = 0.5 + 0.5 / contrast
    links.new(node.outputs[0], spread.inputs["Value"])
    return spread.outputs["Result"]


def _bump(nodes: Any, links: Any, bsdf: Any, height: Any, strength: float, distance: float) -> None:
    node = nodes.new("ShaderNodeBump")
    node.inputs["Strength"].default_value = strength
    node.inputs["Distance"].default_value = distance
    links.new(height, node.inputs["Height"])
    links.new(node.outputs["Normal"], bsdf.inputs["Normal"])
